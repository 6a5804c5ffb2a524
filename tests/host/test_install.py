"""A kubeadm cluster comes up by itself, and breaks for the true reason."""

import pytest

from sim.api import objects
from sim.api.client import Key
from sim.engine import SECOND_US, Engine
from sim.host.network import Network
from sim.lab.install import ClusterSpec, NodeSpec, addons, install, server_of

S = SECOND_US


def build(seed=1):
    network = Network(Engine(seed=seed))
    cluster = ClusterSpec(nodes=(NodeSpec("controlplane", role="control-plane", taints=()), NodeSpec("node01")))
    install(network, cluster, "1.33.1", {})
    network.engine.advance(15 * S)
    addons(network, cluster, "1.33.1")
    network.engine.advance(60 * S)
    return network


@pytest.fixture
def network():
    return build()


def pods(network):
    return {objects.name(p).rsplit("-", 1)[0]: objects.dig(p, "status.phase") for p in server_of(network).store.list("pods")}


def ready(network, node):
    return objects.condition_status(server_of(network).store.get(Key("nodes", "", node)), "Ready")


def run(network, seconds):
    network.engine.advance(network.engine.now_us + round(seconds * S))


def test_it_comes_up_and_rests(network):
    assert ready(network, "controlplane") == ready(network, "node01") == "True"
    phases = [objects.dig(p, "status.phase") for p in server_of(network).store.list("pods")]
    assert len(phases) == 4 + 2 + 2 + 2 and set(phases) == {"Running"}
    before = network.engine.events_processed
    run(network, 3600)
    assert network.engine.events_processed - before <= 20


def test_stopping_a_kubelet_makes_its_node_not_ready_and_starting_it_heals(network):
    network.hosts["node01"].unit("kubelet").stop()
    run(network, 60)
    assert ready(network, "node01") == "Unknown"
    network.hosts["node01"].unit("kubelet").start()
    run(network, 10)
    assert ready(network, "node01") == "True"
    assert not objects.dig(server_of(network).store.get(Key("nodes", "", "node01")), "spec.taints", [])


def test_moving_a_manifest_away_stops_the_component(network):
    files = network.hosts["controlplane"].files.view()
    files.rename("/etc/kubernetes/manifests/kube-apiserver.yaml", "/tmp/kube-apiserver.yaml")
    run(network, 5)
    assert server_of(network) is None
    files.rename("/tmp/kube-apiserver.yaml", "/etc/kubernetes/manifests/kube-apiserver.yaml")
    run(network, 60)
    assert server_of(network) is not None and ready(network, "node01") == "True"


def test_two_builds_are_the_same():
    one, other = build(5), build(5)
    assert [(c.at_us, c.key, c.new) for c in server_of(one).store.changes] == [
        (c.at_us, c.key, c.new) for c in server_of(other).store.changes]


def test_restarting_the_control_plane_kubelet_starts_nothing_twice(network):
    unit, server = network.hosts["controlplane"].unit("kubelet"), server_of(network)
    unit.stop()
    run(network, 5)
    unit.start()
    run(network, 30)
    assert server_of(network) is server and len(network.hosts["controlplane"].kubelet.statics.workers) == 4


def test_an_api_server_without_etcd_hangs_and_its_liveness_probe_ends_it(network):
    from sim.api.client import Request
    from sim.api.errors import StatusError

    files = network.hosts["controlplane"].files.view()
    files.rename("/etc/kubernetes/manifests/etcd.yaml", "/tmp/etcd.yaml")
    run(network, 5)
    with pytest.raises(StatusError, match="unable to return a response in the time allotted"):
        server_of(network).handle(Request("list", Key("nodes", "", "")))
    run(network, 30)
    assert server_of(network) is not None and server_of(network).away
    run(network, 90)
    assert server_of(network) is None, "its liveness probe has failed often enough"
    files.rename("/tmp/etcd.yaml", "/etc/kubernetes/manifests/etcd.yaml")
    run(network, 120)
    assert server_of(network) is not None and ready(network, "node01") == "True"


def test_a_deleted_mirror_pod_comes_back(network):
    client = network.hosts["controlplane"].kubelet.client
    key = Key("pods", "kube-system", "kube-scheduler-controlplane")
    old = objects.uid(client.get(key))
    client.delete(key)
    run(network, 5)
    assert objects.uid(client.get(key)) != old
