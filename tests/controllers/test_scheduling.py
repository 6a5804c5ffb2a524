"""The scheduler over a real API server: volumes, zones, images, and which node gets the odd pod."""

import re
from pathlib import Path

import pytest

from sim.api import objects
from sim.api.client import Client, Key
from sim.controllers.scheduler.plugins import volumes
from sim.controllers.scheduler.plugins.images import LEAST_BYTES, MIB, Images
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.scheduler import Scheduler
from tests.controllers.test_cluster import World

TABLE = Path(__file__).parents[1] / "conformance" / "golden" / "spread-table" / "result.txt"


def klass(world, name="fast", mode="WaitForFirstConsumer", provisioner="csi.example.com", **more):
    world.kubelet.create("storageclasses", {"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode,
                                            **more})


def volume(world, name, *, node=None, labels=None, kind="fast", storage="1Gi"):
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]}}} if node else {}
    world.kubelet.create("persistentvolumes", {"metadata": {"name": name, "labels": labels or {}}, "spec": {
        "capacity": {"storage": storage}, "accessModes": ["ReadWriteOnce"], "storageClassName": kind,
        "hostPath": {"path": f"/mnt/{name}"}, **affinity}})


def claim(world, name="data", kind="fast", modes=("ReadWriteOnce",), volume_name=""):
    world.kubelet.create("persistentvolumeclaims", {"metadata": {"name": name, "namespace": "default"}, "spec": {
        "accessModes": list(modes), "storageClassName": kind, "resources": {"requests": {"storage": "1Gi"}},
        **({"volumeName": volume_name} if volume_name else {})}})


def pod(world, name="db", claims=("data",), **spec):
    world.kubelet.create("pods", {"metadata": {"name": name, "namespace": "default"}, "spec": {
        "containers": [{"name": "c", "image": "nginx"}], "volumes": [
            {"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims], **spec}})


def place(world, name="db"):
    return objects.dig(world.store.get(Key("pods", "default", name)), "spec.nodeName", "")


def refusals(world, name="db"):
    return [e["message"] for e in world.store.list("events") if e["reason"] == "FailedScheduling"
            and e["involvedObject"]["name"] == name]


def test_a_claim_that_waits_is_provisioned_where_its_pod_goes_and_the_pod_waits_for_it():
    world = World(nodes=2)
    klass(world, provisioner="rancher.io/local-path")
    claim(world)
    world.run(2)
    assert world.store.get(Key("persistentvolumeclaims", "default", "data"))["status"]["phase"] == "Pending"
    pod(world, nodeSelector={"kubernetes.io/hostname": "node02"})
    world.run(0.4)
    assert place(world) == ""
    found = world.store.get(Key("persistentvolumeclaims", "default", "data"))
    assert found["metadata"]["annotations"][volumes.SELECTED] == "node02"
    world.run(10)
    assert place(world) == "node02"
    made = world.store.get(Key("persistentvolumes", "", world.store.get(found and Key(
        "persistentvolumeclaims", "default", "data"))["spec"]["volumeName"]))
    assert made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == ["node02"]
    assert made["spec"]["hostPath"]["path"].startswith("/opt/local-path-provisioner/pvc-")


def test_a_local_volume_takes_the_pod_to_its_node_and_keeps_it_there():
    world = World(nodes=3)
    klass(world, provisioner="kubernetes.io/no-provisioner")
    volume(world, "local-1", node="node03")
    claim(world)
    pod(world)
    world.run(5)
    assert place(world) == "node03"
    assert world.store.get(Key("persistentvolumeclaims", "default", "data"))["spec"]["volumeName"] == "local-1"
    world.kubelet.patch(Key("nodes", "", "node03"), {"spec": {"unschedulable": True}})
    world.kubelet.delete(Key("pods", "default", "db"), grace_seconds=0)
    world.run(1)
    pod(world, "db-2")
    world.run(2)
    assert refusals(world, "db-2") == [
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."]
    assert ("node01", "refused by VolumeBinding: node(s) didn't match PersistentVolume's node affinity") in (
        world.scheduler.why(world.store.get(Key("pods", "default", "db-2"))))


def test_without_a_volume_to_bind_no_node_will_do_until_one_comes():
    world = World(nodes=2)
    klass(world, provisioner="kubernetes.io/no-provisioner")
    claim(world)
    pod(world)
    world.run(2)
    assert "2 node(s) didn't find available persistent volumes to bind" in refusals(world)[0]
    volume(world, "late", node="node01")
    world.run(20)
    assert place(world) == "node01"


def test_a_volumes_zone_labels_choose_the_node():
    world = World(nodes=2)
    for number, zone in ((1, "a"), (2, "b")):
        world.kubelet.patch(Key("nodes", "", f"node0{number}"), {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}})
    klass(world, mode="Immediate", provisioner="kubernetes.io/no-provisioner")
    volume(world, "disk", labels={"topology.kubernetes.io/zone": "b"})
    claim(world)
    world.run(3)
    pod(world)
    pod(world, "other", nodeSelector={"kubernetes.io/hostname": "node01"})
    world.run(2)
    assert place(world) == "node02"
    assert "1 node(s) had no available volume zone" in refusals(world, "other")[0]


def test_a_node_takes_no_more_volumes_than_its_driver_says():
    world = World(nodes=1)
    klass(world, mode="Immediate")
    world.kubelet.create("csinodes", {"metadata": {"name": "node01"}, "spec": {"drivers": [
        {"name": "csi.example.com", "nodeID": "node01", "allocatable": {"count": 2}}]}})
    for number in range(3):
        claim(world, f"data-{number}")
    world.run(10)
    for number in range(3):
        pod(world, f"db-{number}", (f"data-{number}",))
        world.run(2)
    assert [place(world, f"db-{number}") for number in range(3)] == ["node01", "node01", ""]
    assert "1 node(s) exceed max volume count" in refusals(world, "db-2")[0]
    world.kubelet.delete(Key("pods", "default", "db-0"), grace_seconds=0)
    world.run(15)
    assert place(world, "db-2") == "node01"


def test_a_claim_for_one_pod_alone_keeps_the_second_away():
    world = World(nodes=1)
    klass(world, mode="Immediate")
    claim(world, modes=("ReadWriteOncePod",))
    world.run(6)
    pod(world)
    world.run(2)
    pod(world, "second")
    world.run(2)
    assert place(world) == "node01" and place(world, "second") == ""
    assert volumes.ALONE in refusals(world, "second")[0]


TAIL = " preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(("version", "text"), [
    ((1, 20), "1 Insufficient cpu, 1 node(s) had taint {a: b}, that the pod didn't tolerate, 1 node(s) were unschedulable."),
    ((1, 26), "1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}, 1 node(s) were unschedulable." + TAIL),
    ((1, 33), "1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}, 1 node(s) were unschedulable." + TAIL),
    ((1, 36), "1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. "
              "no new claims to deallocate," + TAIL)])
def test_why_a_pod_fits_nowhere_is_said_as_each_version_says_it(version, text):
    world = World(nodes=3)
    world.scheduler.stop()
    world.scheduler = Scheduler(world.engine, Client(world.server, world.server.reader, agent="kube-scheduler"), version=version)
    world.scheduler.start()
    world.kubelet.patch(Key("nodes", "", "node01"), {"spec": {"unschedulable": True}})
    world.kubelet.patch(Key("nodes", "", "node02"), {"spec": {"taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]}})
    world.kubelet.create("pods", {"metadata": {"name": "filler", "namespace": "default"}, "spec": {
        "nodeName": "node03", "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1500m"}}}]}})
    world.run(1)
    world.kubelet.create("pods", {"metadata": {"name": "db", "namespace": "default"}, "spec": {
        "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1"}}}]}})
    world.run(1)
    assert refusals(world)[0] == f"0/3 nodes are available: {text}"
    assert world.scheduler.why(world.store.get(Key("pods", "default", "db")))[0] == (
        "node01", "refused by NodeUnschedulable: node(s) were unschedulable")


@pytest.mark.parametrize(("version", "text"), [
    ((1, 20), "node(s) had volume node affinity conflict"), ((1, 33), "node(s) had volume node affinity conflict"),
    ((1, 36), "node(s) didn't match PersistentVolume's node affinity")])
def test_the_text_of_a_volume_elsewhere_depends_on_the_version(version, text):
    assert volumes.conflict_text(version) == text


def test_a_node_that_has_a_large_image_is_better():
    images, big = Images(), "registry.example.com/big:1"
    nodes = [{"metadata": {"name": name}, "status": {"images": [{"names": [big], "sizeBytes": size}] if size else []}}
             for name, size in (("a", 1000 * MIB), ("b", 0), ("c", 0), ("d", LEAST_BYTES))]
    for node in nodes:
        images.note(node["metadata"]["name"], node)
    infos, wanted = [NodeInfo(node) for node in nodes], {"spec": {"containers": [{"image": big}]}}
    # 1000 MiB on 2 of 4 nodes count as 500: (500 - 23) of (1000 - 23).
    assert images.scores(wanted, infos, 4) == [48, 0, 0, 0]
    assert images.scores({"spec": {"containers": [{"image": "big:1"}]}}, infos, 4) is None
    images.note("a", None)
    assert images.scores(wanted, infos[1:], 3) is None


def rows():
    """Read the table: (replicas, pods per node) where four runs of the real scheduler agree, from 0 replicas up."""
    text = TABLE.read_text().partition("# drain")[0]
    plain, with_requests = text.split("# with requests")
    out = {}
    for part, asks in ((plain, False), (with_requests, True)):
        for number, counts in re.findall(r"0->(\d+) run \d: (.*)", part):
            out.setdefault((int(number), asks), set()).add(counts.strip())
    return [(number, asks, dict((name, int(count)) for name, count in re.findall(r"(\w+)=(\d+)", next(iter(found)))))
            for (number, asks), found in out.items() if len(found) == 1]


@pytest.mark.parametrize(("replicas", "asks", "wanted"), rows())
def test_the_odd_pod_goes_to_the_emptiest_node(replicas, asks, wanted):
    """In the recording node02 was the emptiest and node01 the fullest of the equal workers (coredns lay on two of them)."""
    world = World(nodes=3)
    for name, node, cpu in (("dns-1", "node01", "200m"), ("dns-2", "node03", "100m")):
        world.kubelet.create("pods", {"metadata": {"name": name, "namespace": "kube-system"}, "spec": {
            "nodeName": node, "containers": [{"name": "c", "image": "coredns", "resources": {"requests": {
                "cpu": cpu, "memory": "70Mi"}}}]}})
    world.kubelet.create("deployments", {"metadata": {"name": "w", "namespace": "default"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "w"}}, "template": {
            "metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27", "resources": {
                "requests": {"cpu": "100m", "memory": "64Mi"}} if asks else {}}]}}}})
    world.run(8)
    names = [objects.dig(each, "spec.nodeName") for each in world.store.list("pods", "default")]
    assert {name: names.count(name) for name in sorted(set(names))} == wanted
