"""Parity: what the simulated kubectl prints is what a real one prints against the same cluster."""

import pytest

from tests.http.parity import both, lines, plain, real_kubectl, version_of
from tests.lab_fixtures import lab

RACES = ("kubectl drain", "kubectl rollout status")
"""Evictions run side by side in the real client, and how many changes it sees of a rollout depends on when it looks: which
lines come is compared, not how often or in which order."""


def comparable(line, text):
    found = plain(text)
    return sorted(set(found.splitlines())) if line.startswith(RACES) else found


def compare(commands):
    kubectl = real_kubectl()
    if kubectl is None or version_of(kubectl) < (1, 30):
        pytest.skip("SKIPPED because there is no real kubectl (1.30 or newer) on this machine")
    found = both(lab("os-upgrades", kubernetes="1.33.1"), commands, kubectl)
    differ = [(line, ours, theirs) for line, ours, theirs in found
              if ours[0] != theirs[0] or comparable(line, ours[1]) != comparable(line, theirs[1])]
    assert not differ, "\n".join(f"$ {line}\n--- ours {ours}\n--- real {theirs}" for line, ours, theirs in differ)


def test_the_lines_about_nodes():
    commands = lines("nodes")
    assert len(commands) > 20
    compare(commands)


@pytest.mark.slow
def test_all_lines():
    commands = lines()
    assert len(commands) >= 150
    compare(commands)
