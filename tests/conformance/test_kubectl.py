"""The kubectl tour must not get worse: so many commands of each folder are equal to the real client's (see kubectl.py).

Raise the floors when they have risen: `python -m tests.conformance.kubectl --client 1.36`.
"""

from collections import Counter

import pytest

from tests.conformance import kubectl

FLOORS = {
    ("1.36", "kubectl-get-tables"): 155,
    ("1.36", "kubectl-describe"): 0,
    ("1.36", "kubectl-errors"): 118,
    ("1.36", "kubectl-cluster"): 12,
    ("1.36", "kubectl-create-run-apply"): 50,
}


@pytest.mark.parametrize(("client", "folder"), FLOORS, ids="/".join)
def test_the_tour(client, folder):
    counts = Counter(found for _, _, found, _ in kubectl.replay(kubectl.HERE / "golden", folder, client))
    assert counts["equal"] >= FLOORS[client, folder], counts
    assert not counts["crashed"], counts
