"""Replays what a real control plane did and compares texts, statuses, times and order, with each client recorded."""

import pytest

from tests.conformance.conftest import _divergences
from tests.conformance.replay import Replay

MASKED_SHARE_MAX = 0.35


def test_golden(golden_run):
    folder, transcript = golden_run
    known = (_divergences().get("golden") or {}).get(folder.name) or {}
    outcome = Replay(folder, transcript).play()
    assert outcome.masked <= MASKED_SHARE_MAX * max(1, outcome.cells), f"{outcome.masked} of {outcome.cells} cells masked"
    left = [text for text in outcome.differences if not any(part in text for part in known)]
    assert not left, f"{len(left)} differences:\n" + "\n".join(left)
    unused = [part for part in known if not any(part in text for text in outcome.differences)]
    assert not unused, f"no longer diverges, take out: {unused}"
