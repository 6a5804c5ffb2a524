"""What a cluster says of itself: logs of the control plane, the addresses behind `kubernetes`, the order of Events."""

import pytest

from sim.api import objects
from sim.api.client import Key, Request
from tests.host.cluster import Cluster


def log(cluster, name):
    return cluster.server.handle(Request("get", Key("pods", "kube-system", name), subresource="log")).body


@pytest.mark.parametrize("name", ["kube-scheduler", "kube-controller-manager"])
def test_a_leader_says_that_it_serves_and_leads(name):
    lines = log(Cluster(), f"{name}-controlplane").splitlines()
    words = [line.partition("] ")[2] for line in lines]
    assert any('version="v1.33.1"' in text for text in words)
    port = {"kube-scheduler": 10259, "kube-controller-manager": 10257}[name]
    assert words.index(f"Serving securely on 127.0.0.1:{port}") < words.index(
        f"attempting to acquire leader lease kube-system/{name}...") < words.index(
        f"successfully acquired lease kube-system/{name}")


def test_the_scheduler_complains_while_the_api_is_away():
    cluster = Cluster()
    before = len(log(cluster, "kube-scheduler-controlplane"))
    cluster.fault("kill", "kube-apiserver")
    cluster.run(6)
    sandbox = next(s for s in cluster.network.hosts["controlplane"].runtime.sandboxes.values()
                   if s.name.startswith("kube-scheduler"))
    text = "\n".join(line.text for line in sandbox.latest("kube-scheduler").log())[before:]
    assert "error retrieving resource lock kube-system/kube-scheduler: Get" in text
    assert "connection refused" in text


def test_the_api_server_advertises_itself():
    cluster = Cluster("node01")
    found = cluster.store.get(Key("endpoints", "default", "kubernetes"))
    assert found["subsets"] == [{"addresses": [{"ip": "172.30.1.2"}],
                                 "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}]
    there = cluster.store.get(Key("endpointslices", "default", "kubernetes"))
    assert there["endpoints"] == [{"addresses": ["172.30.1.2"], "conditions": {"ready": True}}]


def test_a_lost_control_plane_is_taken_out_of_the_endpoints():
    cluster = Cluster(planes=3, endpoint="172.30.1.100")

    def behind():
        found = cluster.store.get(Key("endpoints", "default", "kubernetes"))
        return [each["ip"] for each in found["subsets"][0]["addresses"]]

    everyone = behind()
    assert len(everyone) == 3
    cluster.fault("power-off", "controlplane03")
    cluster.run(60)
    assert behind() == everyone[:2]


def test_events_of_one_moment_are_listed_as_they_were_written():
    cluster = Cluster("node01", images={"quick": {"start_seconds": 0}})
    cluster.make("a", containers=[{"name": "c", "image": "quick"}])
    cluster.run(10)
    found = [e for e in cluster.store.list("events", "default") if e["involvedObject"]["name"] == "a"]
    written = sorted(found, key=lambda e: int(e["metadata"]["resourceVersion"]))
    named = sorted(found, key=objects.name)
    assert [e["reason"] for e in named] == [e["reason"] for e in written]
    assert [e["reason"] for e in named][-2:] == ["Created", "Started"]


def test_logs_lie_in_files_as_the_runtime_writes_them():
    cluster = Cluster("node01")
    files = cluster.host("controlplane").files.view()
    folder = next(name for name in files.list("/var/log/pods") if name.startswith("kube-system_kube-apiserver-controlplane_"))
    text = files.read(f"/var/log/pods/{folder}/kube-apiserver/0.log").decode()
    assert "Z stderr F I0615 " in text and text.endswith("\n")
    link = next(name for name in files.list("/var/log/containers") if name.startswith("kube-apiserver-"))
    assert files.read(f"/var/log/containers/{link}").decode() == text


def test_a_malformed_manifest_is_told_in_the_words_of_gos_yaml():
    cluster = Cluster()
    path = "/etc/kubernetes/manifests/kube-scheduler.yaml"
    files = cluster.host("controlplane").files.view()
    good = files.read(path)
    files.write(path, good.replace(b"metadata:", b"metadata: [", 1))
    cluster.run(30)
    assert "couldn't parse as pod(yaml: line 2: did not find expected ',' or ']'), please check config file" in cluster.journal(
        "controlplane", "kubelet")[-1]
    assert cluster.pod("kube-scheduler-controlplane", "kube-system") is None
    files.write(path, good)
    cluster.run(30)
    assert cluster.pod("kube-scheduler-controlplane", "kube-system")["status"]["phase"] == "Running"
