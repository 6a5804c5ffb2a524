"""What a pod costs, counted in operations and not in seconds: the same among many as among few, and nothing when idle.

The fast cases run on every push; those marked slow belong to the nightly set.
"""

import cProfile
import gc
import pstats
import sys

import pytest

from sim.bench.clusters import bring_up, fill, make_lab
from sim.etcd.store import Store

EVENTS_A_POD, COMMITS_A_POD = 6.5, 9.5
"""Simulation events: create, schedule, kubelet, sandbox, pull, start. Commits: create, bind, two statuses, five Events."""
CALLS_A_POD = 3_500
"""Python functions called, C ones included; what a profile of one pod's life counts."""
GROWTH = 1.15
BYTES_A_POD = 24_000
IDLE_EVENTS_MOST = 100
DAYS, FLAT = 30, 1.1


class Costs:
    """Counts what bringing up pods takes: simulation events, commits, and how many functions are called."""

    def __init__(self, lab, monkeypatch):
        self.lab, self.commits, self.calls = lab, 0, 0
        commit = Store.commit

        def counted(store, *given, **named):
            self.commits += 1
            return commit(store, *given, **named)

        monkeypatch.setattr(Store, "commit", counted)

    def of(self, pods):
        before, profiler = self.lab.engine.events_processed, cProfile.Profile()
        profiler.enable()
        bring_up(self.lab, pods)
        profiler.disable()
        return {"events": (self.lab.engine.events_processed - before) / pods, "commits": self.commits / pods,
                "calls": pstats.Stats(profiler).total_calls / pods}


@pytest.mark.parametrize(("few", "many"), [((150, 5), (400, 15)), pytest.param((1500, 50), (15_000, 500), marks=pytest.mark.slow)])
def test_a_pod_costs_the_same_among_many(few, many, monkeypatch):
    monkeypatch.undo()  # what other tests prove at each request is not a pod's cost
    found = []
    for pods, nodes in (few, many):
        lab = make_lab(nodes)
        lab.run("kubectl get pods")  # imports
        with monkeypatch.context() as patch:
            found.append(Costs(lab, patch).of(pods))
    small, large = found
    assert large["events"] <= EVENTS_A_POD and large["commits"] <= COMMITS_A_POD, found
    assert large["calls"] <= min(GROWTH * small["calls"], CALLS_A_POD), found


def sizes(roots):
    """Give the bytes of everything that hangs on the roots, each object once."""
    seen, total, todo = {}, 0, list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or callable(one) and not hasattr(one, "__self__"):
            continue
        seen[id(one)] = one
        total += sys.getsizeof(one)
        todo += gc.get_referents(one)
    return total


@pytest.mark.parametrize("pods", [400, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_pod_takes_few_bytes(pods, monkeypatch):
    monkeypatch.undo()  # the mutation detector keeps every object
    lab = make_lab(10, pods=500)
    bring_up(lab, 20)
    lab.wait(60)
    before = sizes([lab])
    lab.run(f"kubectl scale deployment web --replicas={pods + 20}")
    lab.wait(60 + pods // 15)
    assert lab.store().list("deployments", "default")[0]["status"]["readyReplicas"] == pods + 20
    assert (sizes([lab]) - before) / pods <= BYTES_A_POD


@pytest.mark.slow
def test_memory_stays_flat_over_thirty_days_of_churn(monkeypatch):
    """A pod dies every hour and another comes: after a month there is no more than after two days."""
    monkeypatch.undo()
    monkeypatch.setattr("sim.recorder.REMEMBERED", 64)  # what recorders remember is bounded: let it be full at once
    lab = make_lab(5)
    bring_up(lab, 50)

    def churn(hours):
        for _ in range(hours):
            pod = lab.store().list("pods", "default")[0]["metadata"]["name"]
            lab.run(f"kubectl delete pod {pod} --wait=false")
            lab.wait(3600)
        for typed in (lab.recording.inputs, lab.recording.path, lab.world.typed):
            typed.clear()  # what was typed is kept for undo, and grows as it must

    churn(48)
    before = sizes([lab])
    churn((DAYS - 2) * 24)
    assert sizes([lab]) <= FLAT * before


@pytest.mark.parametrize("nodes", [100, pytest.param(1000, marks=pytest.mark.slow), pytest.param(5000, marks=pytest.mark.slow)])
def test_an_idle_hour_is_nearly_free(nodes):
    lab = make_lab(nodes)
    fill(lab, nodes * 3)
    lab.wait(2 * 3600)
    before = lab.engine.events_processed
    lab.wait(3600)
    assert lab.engine.events_processed - before <= IDLE_EVENTS_MOST
    daemons = lab.store().list("daemonsets")
    assert daemons and all(each["status"]["numberReady"] == nodes + 1 for each in daemons), "more than one burst of pods"
