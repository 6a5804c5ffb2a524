"""systemd, the kubelet's files, static pods and components: what breaks, breaks for the true reason."""

import pytest
import yaml

from sim.api import objects
from sim.api.client import Key
from sim.lab.faults import FaultError
from tests.host.cluster import Cluster


@pytest.fixture
def cluster():
    return Cluster("node01")


def edit(host, path, change):
    view = host.files.view()
    view.write(path, change(view.read(path).decode()).encode())


@pytest.mark.parametrize(("path", "change", "said"), [
    ("/var/lib/kubelet/config.yaml", None, "failed to load kubelet config file, path: /var/lib/kubelet/config.yaml"),
    ("/var/lib/kubelet/config.yaml", lambda t: t.replace("/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/WRONG-CA-FILE.crt"),
     "unable to load client CA file /etc/kubernetes/pki/WRONG-CA-FILE.crt: open /etc/kubernetes/pki/WRONG-CA-FILE.crt: no such "
     "file or directory"),
    ("/etc/kubernetes/kubelet.conf", None, "unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf"),
    ("/etc/default/kubelet", lambda t: 'KUBELET_EXTRA_ARGS=--no-such-flag\n', "unknown flag: --no-such-flag"),
    ("/etc/default/kubelet", lambda t: 'KUBELET_EXTRA_ARGS=--network-plugin=cni\n', "unknown flag: --network-plugin"),
])
def test_a_kubelet_with_a_wrong_file_crash_loops(cluster, path, change, said):
    host = cluster.host("node01")
    if change is None:
        host.files.view().remove(path)
    else:
        edit(host, path, change)
    unit = host.unit("kubelet")
    unit.stop()
    unit.start()
    cluster.run(1)
    assert (unit.active, unit.sub, unit.exit_code) == ("activating", "auto-restart", 1)
    assert any(said in line for line in cluster.journal("node01", "kubelet"))
    cluster.run(60)
    assert unit.restarts >= 5 and cluster.ready("node01") == "Unknown"


def test_a_kubelet_that_asks_the_wrong_port_says_so_and_heals(cluster):
    host, unit = cluster.host("node01"), cluster.host("node01").unit("kubelet")
    edit(host, "/etc/kubernetes/kubelet.conf", lambda t: t.replace("6443", "6553"))
    unit.stop(), unit.start()
    cluster.run(70)
    assert unit.active == "active" and cluster.ready("node01") == "Unknown"
    assert any('6553: connect: connection refused' in line for line in cluster.journal("node01", "kubelet"))
    edit(host, "/etc/kubernetes/kubelet.conf", lambda t: t.replace("6553", "6443"))
    unit.stop(), unit.start()
    cluster.run(10)
    assert cluster.ready("node01") == "True"


def test_a_changed_unit_file_counts_after_daemon_reload(cluster):
    host, unit = cluster.host("node01"), cluster.host("node01").unit("kubelet")
    drop_in = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf"
    edit(host, drop_in, lambda t: t.replace("/var/lib/kubelet/config.yaml", "/etc/kubelet.yaml"))
    assert unit.changed_on_disk
    unit.stop(), unit.start()
    assert unit.active == "active"
    host.systemd.reload()
    unit.stop(), unit.start()
    assert unit.sub == "auto-restart"


def test_a_stopped_runtime_makes_the_node_not_ready(cluster):
    host = cluster.host("node01")
    host.unit("containerd").stop()
    cluster.run(40)
    node = cluster.store.get(Key("nodes", "", "node01"))
    assert "container runtime is down" in objects.condition(node, "Ready")["message"]
    assert all(c.running for s in host.runtime.sandboxes.values() for c in s.all()), "containers are their shims'"
    host.unit("containerd").start()
    cluster.run(5)
    assert cluster.ready("node01") == "True"


def test_without_a_network_plugin_the_node_is_not_ready(cluster):
    view = cluster.host("node01").files.view()
    view.rename("/etc/cni/net.d/10-flannel.conflist", "/root/10-flannel.conflist")
    cluster.run(5)
    assert "cni plugin not initialized" in objects.condition(cluster.store.get(Key("nodes", "", "node01")), "Ready")["message"]
    view.rename("/root/10-flannel.conflist", "/etc/cni/net.d/10-flannel.conflist")
    cluster.run(5)
    assert cluster.ready("node01") == "True"


MANIFESTS = "/etc/kubernetes/manifests"


@pytest.mark.parametrize(("component", "old", "new", "said"), [
    ("kube-scheduler", "--leader-elect=true", "--no-such=1", "unknown flag: --no-such"),
    ("kube-scheduler", "scheduler.conf\n    - --leader", "nothere.conf\n    - --leader", "no such file or directory"),
    ("kube-controller-manager", "root-ca-file=/etc/kubernetes/pki/ca.crt", "root-ca-file=/etc/kubernetes/pki/xx.crt",
     "open /etc/kubernetes/pki/xx.crt: no such file or directory"),
])
def test_a_component_with_a_wrong_flag_crash_loops(cluster, component, old, new, said):
    host = cluster.host("controlplane")
    edit(host, f"{MANIFESTS}/{component}.yaml", lambda t: t.replace(old, new))
    assert new in host.files.view().read(f"{MANIFESTS}/{component}.yaml").decode()
    cluster.run(90)
    pod = cluster.pod(f"{component}-controlplane", "kube-system")
    status = pod["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff" and status["restartCount"] >= 2
    container = next(s.latest(component) for s in host.runtime.sandboxes.values() if s.latest(component))
    assert any(said in line.text for line in container.log())


def test_a_wrong_mount_hides_the_files_from_the_component(cluster):
    host = cluster.host("controlplane")
    edit(host, f"{MANIFESTS}/kube-controller-manager.yaml", lambda t: t.replace(
        "path: /etc/kubernetes/pki\n", "path: /etc/kubernetes/WRONG-PKI\n"))
    cluster.run(60)
    pod = cluster.pod("kube-controller-manager-controlplane", "kube-system")
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_a_static_pod_on_a_worker_comes_and_goes_with_its_file(cluster):
    view = cluster.host("node01").files.view()
    view.write(f"{MANIFESTS}/web.yaml", yaml.safe_dump({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]}}).encode())
    cluster.run(25)
    mirror = cluster.pod("web-node01")
    assert objects.pod_ready(mirror) and "kubernetes.io/config.mirror" in objects.annotations(mirror)
    cluster.client.delete(Key("pods", "default", "web-node01"))
    cluster.run(5)
    assert objects.uid(cluster.pod("web-node01")) != objects.uid(mirror)
    assert cluster.pod("web-node01")["status"]["containerStatuses"] == mirror["status"]["containerStatuses"]
    view.remove(f"{MANIFESTS}/web.yaml")
    cluster.run(5)
    assert cluster.pod("web-node01") is None
    view.write(f"{MANIFESTS}/bad.yaml", b"kind: Pod\n  x: [")
    cluster.run(5)
    assert any("couldn't parse as pod" in line for line in cluster.journal("node01", "kubelet"))


def test_killed_components_come_back_and_the_lease_runs_out_first(cluster):
    cluster.fault("kill", "kube-scheduler")
    cluster.make("x", node=None)
    cluster.run(12)
    assert not objects.dig(cluster.pod("x"), "spec.nodeName")
    cluster.run(12)
    assert objects.dig(cluster.pod("x"), "spec.nodeName")
    status = cluster.pod("kube-scheduler-controlplane", "kube-system")["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1 and status["lastState"]["terminated"]["exitCode"] == 137


def test_the_hard_way_restarts_by_its_own_policy():
    cluster = Cluster("node01", installer="systemd")
    unit = cluster.host("controlplane").unit("kube-controller-manager")
    cluster.fault("kill", "kube-controller-manager")
    assert (unit.active, unit.sub, unit.signal) == ("activating", "auto-restart", 9)
    cluster.run(8)
    assert unit.active == "active" and unit.restarts == 1
    cluster.fault("stop", "kube-controller-manager")
    cluster.run(20)
    assert unit.active == "inactive"
    cluster.fault("start", "kube-controller-manager")
    cluster.run(2)
    assert unit.active == "active"


def test_the_start_limit_leaves_a_unit_failed():
    cluster = Cluster("node01", installer="systemd")
    host = cluster.host("controlplane")
    edit(host, "/etc/systemd/system/etcd.service", lambda t: t.replace("--data-dir", "--dta-dir").replace(
        "RestartSec=5", "RestartSec=100ms"))
    host.systemd.reload()
    unit = host.unit("etcd")
    unit.stop(), cluster.run(1), unit.start()
    cluster.run(5)
    assert unit.active == "failed"
    assert "etcd.service: Start request repeated too quickly." in cluster.journal("controlplane", "etcd")
    assert any("flag provided but not defined: -dta-dir" in line for line in cluster.journal("controlplane", "etcd"))


def test_three_control_planes_stand_behind_one_address():
    cluster = Cluster("node01", planes=3, endpoint="172.30.1.100")
    names = [f"controlplane0{n}" for n in (1, 2, 3)]
    assert cluster.store.count("nodes") == 4 and all(cluster.ready(name) == "True" for name in [*names, "node01"])
    holders = [objects.dig(lease, "spec.holderIdentity") for lease in cluster.store.list("leases", "kube-system")
               if lease["metadata"]["name"] in ("kube-scheduler", "kube-controller-manager")]
    assert len(holders) == 2 and all(holder for holder in holders)
    before = cluster.engine.events_processed
    cluster.run(1800)
    assert cluster.engine.events_processed - before < 40, "those who do not lead wait without asking"
    cluster.fault("power-off", "controlplane01")
    cluster.run(400)
    assert cluster.ready("controlplane01") == "Unknown" and cluster.ready("node01") == "True"
    cluster.make("x", node=None, containers=[{"name": "c", "image": "nginx"}])
    cluster.run(30)
    assert objects.pod_ready(cluster.pod("x"))
    cluster.fault("power-off", "controlplane02")
    cluster.run(10)
    assert cluster.network.listeners["controlplane03", 6443].away, "two of three are down: no quorum"
    cluster.fault("power-on", "controlplane01")
    cluster.fault("power-on", "controlplane02")
    cluster.run(300)
    assert all(cluster.ready(name) == "True" for name in [*names, "node01"])


@pytest.mark.parametrize(("name", "target", "said"), [
    ("power-off", "nothere", "no host nothere"), ("kill", "nothere", "no unit or container nothere"),
    ("explode", "node01", "no fault explode"), ("partition", "node01", "needs two hosts"),
    ("corrupt-file", "node01:/nothere", "No such file"), ("power-off", "", "needs a target")])
def test_a_wrong_fault_is_one_line(cluster, name, target, said):
    with pytest.raises(FaultError, match=said) as error:
        cluster.fault(name, target)
    assert "\n" not in str(error.value)
