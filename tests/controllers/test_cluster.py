"""Controllers and scheduler together over a real API server; kubelets are two lines."""

import pytest

from sim.api import objects, times
from sim.api.client import Client, Key
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.controllers.manager import controllers
from sim.controllers.scheduler.scheduler import Scheduler
from sim.engine import SECOND_US, Engine
from sim.etcd.store import Store

S = SECOND_US


class World:
    def __init__(self, nodes=2, seed=1):
        self.engine = Engine(seed=seed)
        self.store = Store(self.engine, INDEXES, detect_mutation=True)
        self.server = ApiServer(self.engine, self.store, version="1.36.2")
        self.kubelet = Client(self.server, self.server.reader, agent="kubelet")
        for name in ("default", "kube-system", "kube-node-lease"):
            self.kubelet.create("namespaces", {"metadata": {"name": name}})
        self.silent = set()
        self.kubelet.watch("pods", self.seen)
        for number in range(1, nodes + 1):
            self.node(f"node{number:02}")
        client = Client(self.server, self.server.reader, agent="kcm")
        self.loops = controllers(self.engine, client, version=(1, 36), flags={})
        self.scheduler = Scheduler(self.engine, Client(self.server, self.server.reader, agent="kube-scheduler"),
                                   version=(1, 36))
        for loop in [*self.loops, self.scheduler]:
            loop.start()

    def node(self, name):
        conditions = [{"type": t, "status": s, "reason": "r", "lastHeartbeatTime": times.stamp(self.engine.unix_us),
                       "lastTransitionTime": times.stamp(self.engine.unix_us)}
                      for t, s in (("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"),
                                   ("Ready", "True"))]
        self.kubelet.create("nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}, "status": {
            "conditions": conditions, "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}})
        self.kubelet.create("leases", {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {}})
        self.beat(name, True)

    def beat(self, name, beating):
        (self.silent.discard if beating else self.silent.add)(name)
        self.kubelet.update(Key("leases", "kube-node-lease", name), {"beating": beating, "period_s": 10},
                            subresource="heartbeat")

    def seen(self, change):
        pod = change.new
        if pod is None or not objects.dig(pod, "spec.nodeName"):
            return
        if objects.deleting(pod) and not (change.old and objects.deleting(change.old)):
            self.engine.after(1 * S, self.gone, change.key)
        elif objects.dig(pod, "status.phase") == "Pending" and not objects.deleting(pod):
            self.engine.after(1 * S, self.up, change.key)

    def up(self, key):
        pod = self.store.get(key)
        if pod is None or objects.deleting(pod) or objects.dig(pod, "status.phase") != "Pending":
            return
        now = times.stamp(self.engine.unix_us)
        self.kubelet.update(key, {**pod, "status": {**pod["status"], "phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": now}]}}, subresource="status")

    def gone(self, key):
        pod = self.store.get(key)
        if pod is not None and objects.dig(pod, "spec.nodeName") not in self.silent:
            self.kubelet.delete(key, grace_seconds=0)

    def deploy(self, name="web", replicas=3):
        self.kubelet.create("deployments", {"metadata": {"name": name, "namespace": "default"}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}})

    def run(self, seconds):
        self.engine.advance(self.engine.now_us + round(seconds * S))

    def pods(self):
        return self.store.list("pods", "default")

    def spread(self):
        counts = {}
        for pod in self.pods():
            node = objects.dig(pod, "spec.nodeName", "")
            counts[node] = counts.get(node, 0) + 1
        return sorted(counts.values(), reverse=True)


@pytest.fixture
def world():
    world = World()
    yield world
    world.store.verify_unchanged()


def test_a_deployment_comes_up_and_then_nothing_happens(world):
    world.deploy()
    world.run(5)
    deployment = world.store.get(Key("deployments", "default", "web"))
    assert deployment["status"]["readyReplicas"] == 3
    assert objects.condition_status(deployment, "Available") == "True"
    before = world.engine.events_processed
    world.run(3600)
    assert world.engine.events_processed - before <= 2


@pytest.mark.parametrize("replicas", range(1, 13))
def test_replicas_spread_within_one_over_equal_nodes(replicas):
    world = World(nodes=3)
    world.deploy(replicas=replicas)
    world.run(10)
    counts = world.spread() + [0] * (3 - len(world.spread()))
    assert sum(counts) == replicas and counts[0] - counts[-1] <= 1


def test_a_silent_node_loses_its_pods_after_grace_and_toleration(world):
    world.deploy()
    world.run(60)
    lost = sum(1 for pod in world.pods() if pod["spec"]["nodeName"] == "node01")
    assert lost
    failed_at = world.engine.now_us
    world.beat("node01", False)
    world.run(39)
    assert objects.condition_status(world.store.get(Key("nodes", "", "node01")), "Ready") == "True"
    world.run(17)
    node = world.store.get(Key("nodes", "", "node01"))
    assert objects.condition_status(node, "Ready") == "Unknown"
    assert {(t["key"], t["effect"]) for t in node["spec"]["taints"]} == {
        ("node.kubernetes.io/unreachable", "NoSchedule"), ("node.kubernetes.io/unreachable", "NoExecute")}
    world.run(270)
    assert not any(objects.deleting(pod) for pod in world.pods())
    world.run(40)
    going = [pod for pod in world.pods() if objects.deleting(pod)]
    assert len(going) == lost and len(world.pods()) == 3 + lost
    first = next(c for c in world.store.changes if c.key.resource == "pods" and c.new and objects.deleting(c.new))
    assert 338 <= (first.at_us - failed_at) / S <= 366
    assert "tolerationSeconds 300" in first.because


def test_a_node_that_returns_in_time_keeps_its_pods(world):
    world.deploy()
    world.run(60)
    world.beat("node01", False)
    world.run(120)
    world.beat("node01", True)
    node = world.store.get(Key("nodes", "", "node01"))
    now = times.stamp(world.engine.unix_us)
    conditions = [{**c, "status": "True" if c["type"] == "Ready" else "False", "lastTransitionTime": now}
                  for c in node["status"]["conditions"]]
    world.kubelet.update(Key("nodes", "", "node01"), objects.put(node, "status.conditions", conditions),
                         subresource="status")
    world.run(6)
    assert not objects.dig(world.store.get(Key("nodes", "", "node01")), "spec.taints", [])
    world.run(600)
    assert not any(objects.deleting(pod) for pod in world.pods())


def test_a_budget_counts_and_an_eviction_spends_it(world):
    world.deploy()
    world.kubelet.create("poddisruptionbudgets", {"metadata": {"name": "b", "namespace": "default"}, "spec": {
        "minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}})
    world.run(5)
    key = Key("poddisruptionbudgets", "default", "b")
    assert world.store.get(key)["status"]["disruptionsAllowed"] == 1
    from sim.api.client import Request
    from sim.api.errors import StatusError

    first, second = (objects.key("pods", pod) for pod in world.pods()[:2])
    world.server.handle(Request("create", first, "eviction", body={}))
    with pytest.raises(StatusError) as caught:
        world.server.handle(Request("create", second, "eviction", body={}))
    assert caught.value.code == 429
    world.run(5)
    assert world.store.get(key)["status"]["disruptionsAllowed"] == 1


def test_a_rolling_update_never_drops_below_its_floor(world):
    world.deploy(replicas=4)
    world.run(5)
    key = Key("deployments", "default", "web")
    world.kubelet.patch(key, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}})
    low = 4
    for _ in range(200):
        world.run(0.1)
        low = min(low, sum(1 for pod in world.pods() if objects.pod_ready(pod) and not objects.deleting(pod)))
    assert low >= 3
    assert {pod["spec"]["containers"][0]["image"] for pod in world.pods()} == {"nginx:2"} and len(world.pods()) == 4


def test_deleting_a_deployment_takes_everything_with_it(world):
    world.deploy()
    world.run(5)
    world.kubelet.delete(Key("deployments", "default", "web"))
    world.run(10)
    assert world.pods() == [] and world.store.list("replicasets") == []


def test_causes_lead_from_an_eviction_back_to_the_silence(world):
    world.deploy()
    world.run(60)
    from sim.engine import Cause

    with world.engine.because((Cause("fault", world.engine.now_us, "node-silent node01"),)):
        world.beat("node01", False)
    world.run(400)
    going = next(c for c in world.store.changes if c.key.resource == "pods" and c.new and objects.deleting(c.new))
    assert any(cause.kind == "fault" for cause in going.causes), going.causes
