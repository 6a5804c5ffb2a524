"""Every invariant is broken on purpose once: the judge says so, and says nothing of a good history."""

import pytest

from sim.api.client import Key
from sim.apiserver.resources import INDEXES
from sim.engine import SECOND_US, Engine
from sim.etcd.store import Store
from sim.invariants import HISTORY, SETTLED, Judge
from tests.lab_fixtures import lab

POD = Key("pods", "default", "web-1")
NODE = Key("nodes", "", "node01")
BUDGET = Key("poddisruptionbudgets", "default", "web")
LEASE = Key("leases", "kube-system", "kube-scheduler")


@pytest.fixture
def store():
    return Store(Engine(), INDEXES)


def pod(name="web-1", *, ready=True, node="", phase="Running", cpu="100m", **metadata):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"app": "web"},
                                        **metadata},
            "spec": {"nodeName": node, "containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}}


def evicted(obj):
    conditions = [*obj["status"]["conditions"], {
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2025-06-10T00:00:00Z"},
            "status": {**obj["status"], "conditions": conditions}}


def broken(store):
    return {violation.invariant for violation in Judge(store).look()}


def identity_stays(store):
    store.commit(POD, pod())
    store.commit(POD, pod(uid="another"))


def deletion_is_final(store):
    store.commit(POD, pod(deletionTimestamp="2025-06-10T00:00:00Z"))
    store.commit(POD, pod())


def bound_once(store):
    store.commit(POD, pod(node="node01"))
    store.commit(POD, pod(node="node02"))


def finished_stays(store):
    store.commit(POD, pod(phase="Failed"))
    store.commit(POD, pod(phase="Running"))


def budgets_kept(store):
    store.commit(BUDGET, {"kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
                          "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": {"desiredHealthy": 1}})
    store.commit(POD, pod())
    store.commit(POD, evicted(pod()))


def capacity_kept(store):
    store.commit(NODE, {"kind": "Node", "metadata": {"name": "node01"}, "status": {"allocatable": {"cpu": "1", "pods": "9"}}})
    store.commit(POD, pod(cpu="2"))
    store.commit(POD, pod(cpu="2", node="node01"))


def one_leader(store):
    def lease(holder, renewed, acquired):
        return {"kind": "Lease", "metadata": {"name": LEASE.name, "namespace": LEASE.namespace, "uid": "lease"}, "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15,
            "renewTime": f"2025-06-10T00:00:{renewed}.000000Z", "acquireTime": f"2025-06-10T00:00:{acquired}.000000Z"}}

    store.commit(LEASE, lease("a", "20", "01"))
    store.commit(LEASE, lease("b", "30", "30"))


def zone_of_nodes(store, *, down, total=5):
    for number in range(total):
        store.commit(Key("nodes", "", f"node{number}"), node(f"node{number}", ready=number >= down))


def node(name, *, ready=True, gone=False):
    taints = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}] if gone else []
    return {"kind": "Node", "metadata": {"name": name, "uid": f"uid-{name}"}, "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}]}}


def give_up(store, *numbers, seconds):
    for number in numbers:
        store.engine.advance(store.engine.now_us + round(seconds * SECOND_US))
        store.commit(Key("nodes", "", f"node{number}"), node(f"node{number}", ready=False, gone=True))


def zones_emptied_slowly(store):
    zone_of_nodes(store, down=2)
    give_up(store, 0, 1, seconds=9)


@pytest.mark.parametrize(("down", "text"), [
    (5, "node0 was given up while every zone is down"), (3, "node0 was given up while most of the only zone, a small zone, is down")])
def test_nodes_that_nobody_may_give_up(store, down, text):
    zone_of_nodes(store, down=down)
    give_up(store, 0, seconds=30)
    assert [violation.text for violation in Judge(store).look()] == [text]


def test_nodes_that_are_given_up_one_by_one(store):
    zone_of_nodes(store, down=2)
    give_up(store, 0, 1, seconds=10)
    assert broken(store) == set()


def test_a_whole_zone_is_given_up_at_the_pace_of_its_rate():
    """zone-outage: the power goes in one zone; its nodes are given up ten seconds apart."""
    found = lab("zone-outage")
    down = [obj["metadata"]["name"] for obj in found.store().list("nodes")
            if obj["metadata"]["labels"].get("topology.kubernetes.io/zone") == "b"]
    for name in down:
        found.lab_line(f":fault power-off {name}")
    found.wait(180)
    assert Judge(found.store()).look() == []
    tainted = [obj for obj in found.store().list("nodes") if any(
        t["effect"] == "NoExecute" for t in obj["spec"].get("taints", []))]
    assert len(down) > 1 and len(tainted) >= len(down)


RESTLESS = {
    "rollouts end": ("statefulsets", {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1}}),
    "jobs go on": ("jobs", {"spec": {"parallelism": 1}}),
    "schedules are kept": ("cronjobs", {"spec": {"schedule": "* * * * *"}}),
    "nodes are ready": ("nodes", {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}),
    "claims and volumes agree": ("persistentvolumeclaims", {"spec": {"volumeName": "web-1"}, "status": {"phase": "Bound"}}),
    "quotas count": ("resourcequotas", {"status": {"used": {"pods": "2"}}}),
}
"""Property of rest -> a resource and what of it breaks the property."""


@pytest.mark.parametrize("name", RESTLESS)
def test_what_is_not_at_rest_is_named(store, name):
    resource, parts = RESTLESS[name]
    store.commit(POD, pod())
    store.commit(Key("persistentvolumes", "", "web-1"), {"metadata": {"name": "web-1"}, "spec": {"claimRef": {"uid": "another"}}})
    place = "" if resource == "nodes" else "default"
    metadata = {"name": "web", "namespace": place, "uid": "w", "creationTimestamp": "2025-01-01T00:00:00Z", **parts.get("metadata", {})}
    store.commit(Key(resource, place, "web"), {**parts, "metadata": metadata})
    assert name in {violation.invariant for violation in Judge(store).settled()}


@pytest.mark.parametrize(("name", "story"), [
    ("identity stays", identity_stays), ("deletion is final", deletion_is_final), ("a pod is bound once", bound_once),
    ("a finished pod stays finished", finished_stays), ("evictions respect budgets", budgets_kept),
    ("the scheduler overcommits no node", capacity_kept), ("one leader", one_leader),
    ("zones are emptied slowly", zones_emptied_slowly)])
def test_a_broken_property_is_named(store, name, story):
    story(store)
    assert broken(store) == {name}


def test_revisions_rise(store):
    change = store.commit(POD, pod())
    store.changes.append(change)
    assert "revisions rise" in broken(store)


def test_every_rule_of_the_table_is_tested():
    tested = {"identity stays", "deletion is final", "a pod is bound once", "a finished pod stays finished", "revisions rise",
              "evictions respect budgets", "the scheduler overcommits no node", "one leader", "zones are emptied slowly"}
    assert set(HISTORY) == tested
    assert set(SETTLED) == {"owners exist", "workloads are whole", "nobody lingers", *RESTLESS}


def test_an_eviction_with_one_to_spare_is_right(store):
    budgets = {"kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
               "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": {"desiredHealthy": 1}}
    store.commit(BUDGET, budgets)
    store.commit(Key("pods", "default", "web-2"), pod("web-2"))
    store.commit(POD, pod())
    store.commit(POD, evicted(pod()))
    assert broken(store) == set()


def test_a_cluster_that_is_not_at_rest(store):
    store.engine.advance(5 * SECOND_US)
    store.commit(POD, pod(deletionTimestamp="x", ownerReferences=[{"uid": "gone", "name": "web"}]))
    store.commit(Key("pods", "default", "web-2"), pod("web-2", ownerReferences=[{"uid": "gone", "name": "web"}]))
    store.commit(Key("deployments", "default", "web"), {"kind": "Deployment", "metadata": {
        "name": "web", "namespace": "default", "uid": "d"}, "spec": {"replicas": 2}, "status": {
            "availableReplicas": 1, "updatedReplicas": 2, "replicas": 2}})
    found = {str(violation) for violation in Judge(store).settled()}
    assert found == {
        "owners exist at 5.000 s: pods default/web-2: its owner web is gone",
        "workloads are whole at 5.000 s: deployments default/web: 1 of 2 are available",
        "nobody lingers at 5.000 s: pods default/web-1 is still being deleted"}


def test_a_whole_lab_breaks_nothing():
    found = lab("os-upgrades")
    found.run("kubectl drain node01 --ignore-daemonsets")
    found.run("kubectl uncordon node01")
    found.wait(60)
    judge = Judge(found.store())
    assert judge.look() == [] and judge.settled() == []
