"""The history as JSON lines (`--events`): changes, inputs and what is still to come. Stable within a major version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def lines(lab: Lab) -> Iterator[str]:
    """Give a line a change, then a line an input, then a line a timer."""
    store = lab.store()
    for change in store.changes if store else []:
        yield json.dumps({
            "at_us": change.at_us, "revision": change.revision, "type": change.type, "key": list(change.key),
            "causes": [[c.kind, c.at_us, c.text] for c in change.causes], "because": change.because, "by": change.by,
        }, sort_keys=True)
    for each in lab.inputs:
        yield json.dumps({"at_us": each.at_us, "type": "INPUT", "key": [each.kind, each.terminal, each.data], "by": "learner"},
                         sort_keys=True)
    for timer in lab.engine.timers():
        yield json.dumps({"at_us": timer.at_us, "type": "TIMER", "key": [timer.label], "by": "engine"}, sort_keys=True)
