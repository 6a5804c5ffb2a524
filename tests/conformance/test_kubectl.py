"""The kubectl tour must not get worse: so many commands of each folder are equal to the real client's (see kubectl.py).

Raise the floors when they have risen: `python -m tests.conformance.kubectl --client 1.36`.
"""

from collections import Counter

import pytest

from tests.conformance import kubectl

FLOORS = {
    ("1.36", "kubectl-get-tables"): 211,
    ("1.36", "kubectl-describe"): 83,
    ("1.36", "kubectl-errors"): 294,
    ("1.36", "kubectl-cluster"): 132,
    ("1.36", "kubectl-create-run-apply"): 308,
}


@pytest.mark.slow
@pytest.mark.parametrize("client", ["1.33", "1.28"])
def test_the_tour_of_older_clients(client):
    counts = Counter(found for folder in kubectl.FOLDERS
                     for _, _, found, _ in kubectl.replay(kubectl.HERE / "golden", folder, client))
    assert counts["equal"] >= 990 and not counts["crashed"], counts


@pytest.mark.parametrize(("client", "folder"), FLOORS, ids="/".join)
def test_the_tour(client, folder):
    counts = Counter(found for _, _, found, _ in kubectl.replay(kubectl.HERE / "golden", folder, client))
    assert counts["equal"] >= FLOORS[client, folder], counts
    assert not counts["crashed"], counts
