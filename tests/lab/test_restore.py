"""Going back in time: a restored etcd under a running API server, as kubeadm's manifests are edited for it."""

import pytest

from sim.lab.lab import Lab
from sim.lab.scenario import parse

CERTS = ("--endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt "
         "--key=/etc/kubernetes/pki/etcd/server.key")
SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: back, topic: etcd, title: back}
spec:
  versions: [{kubernetes: "1.34.2"}]
  clusters: [{nodes: [{name: plane, role: control-plane, taints: []}]}]
  tasks: [{name: none, prompt: none, goals: [], solutions: [["true"]]}]
"""


@pytest.fixture(scope="module")
def grown():
    return Lab(parse(SCENARIO, "back.yaml"))


@pytest.fixture
def lab(grown):
    fork = grown.fork()
    yield fork
    fork.close()


def run(lab, line, status=0):
    result = lab.run(line)
    assert result.status == status, (line, result.stdout, result.stderr)
    return result.stdout


def test_a_restore_forgets_what_came_after_the_snapshot(lab):
    run(lab, "kubectl create configmap before")
    run(lab, f"etcdctl {CERTS} snapshot save /opt/before.db")
    run(lab, "kubectl delete configmap before; kubectl create configmap after")
    run(lab, "etcdutl snapshot restore /opt/before.db --data-dir /var/lib/etcd-from-backup")
    assert run(lab, "find /var/lib/etcd-from-backup -type f | sed 's:.*/::' | sort").split() == [
        "0000000000000000-0000000000000000.wal", "0000000000000001-0000000000000001.snap", "db"]
    run(lab, "sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-from-backup#' /etc/kubernetes/manifests/etcd.yaml")
    lab.advance(lab.now_us + 60_000_000)
    assert "configmap/after" in run(lab, "kubectl get configmap -o name"), "lists come from the watch cache"
    assert run(lab, "kubectl get configmap before -o name") == "configmap/before\n", "a single read does not"
    run(lab, "crictl stop $(crictl ps -q --name kube-apiserver)")
    lab.advance(lab.now_us + 120_000_000)
    assert run(lab, "kubectl get configmap -o name").split() == ["configmap/before", "configmap/kube-root-ca.crt"]
    assert "8e9e05c52164694d, started, plane, http://localhost:2380" in run(lab, f"etcdctl {CERTS} member list")


@pytest.mark.slow
def test_a_copied_directory_is_a_data_directory_too(lab):
    run(lab, "kubectl create configmap kept")
    run(lab, "mv /etc/kubernetes/manifests/etcd.yaml /root/; sleep 40")
    run(lab, "cp -r /var/lib/etcd /var/lib/copy && rm -rf /var/lib/etcd/member && mv /var/lib/copy/member /var/lib/etcd/")
    run(lab, "mv /root/etcd.yaml /etc/kubernetes/manifests/; sleep 120")
    assert "configmap/kept" in run(lab, "kubectl get configmap -o name")


@pytest.mark.slow
def test_a_data_dir_that_is_not_mounted_begins_empty(lab):
    run(lab, "kubectl create configmap gone")
    run(lab, "sed -i 's#--data-dir=/var/lib/etcd$#--data-dir=/var/lib/elsewhere#' /etc/kubernetes/manifests/etcd.yaml; sleep 60")
    run(lab, "crictl stop $(crictl ps -q --name kube-apiserver); sleep 120")
    assert "is forbidden" in lab.run("kubectl get configmap").stderr, "the binding of kubeadm's admins is gone with the rest"
    assert "gone" not in run(lab, "kubectl --kubeconfig /etc/kubernetes/super-admin.conf get configmap -o name")


def restored(lab):
    """Take a snapshot, make a pod after it, restore, restart the API server: the kubelet is not restarted."""
    run(lab, "kubectl create deployment kept --image=nginx; sleep 20")
    run(lab, f"etcdctl {CERTS} snapshot save /opt/before.db")
    run(lab, "kubectl run phantom --image=nginx; sleep 20")
    run(lab, f"for i in $(seq 300); do etcdctl {CERTS} put filler $i; done")  # the cluster's life goes on
    run(lab, "etcdutl snapshot restore /opt/before.db --data-dir /var/lib/etcd-from-backup")
    run(lab, "sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-from-backup#' /etc/kubernetes/manifests/etcd.yaml; sleep 60")
    run(lab, "crictl stop $(crictl ps -q --name kube-apiserver); sleep 90")


@pytest.mark.slow
def test_a_kubelet_acts_on_what_it_had_seen_until_it_is_restarted(lab):
    restored(lab)
    assert "phantom" not in run(lab, "kubectl get pods -o name")
    assert "phantom" in run(lab, "crictl ps"), "a container that no API server knows of"
    run(lab, "kubectl run late --image=nginx; sleep 20")
    assert run(lab, "kubectl get pod late -o jsonpath='{.status.phase}'") == "Pending", "its revision is one of the past"
    run(lab, "systemctl restart kubelet; sleep 60")
    assert "phantom" not in run(lab, "crictl ps")
    assert run(lab, "kubectl get pod late -o jsonpath='{.spec.nodeName}'") == "", "the scheduler lives in the past as well"
    run(lab, "crictl stop $(crictl ps -q --name kube-scheduler); sleep 60")
    assert run(lab, "kubectl get pod late -o jsonpath='{.status.phase}'") == "Running"


@pytest.mark.slow
def test_a_bumped_and_compacted_revision_has_everybody_list_anew(lab):
    run(lab, "kubectl create configmap before")
    run(lab, f"etcdctl {CERTS} snapshot save /opt/before.db")
    run(lab, "kubectl delete configmap before; kubectl create configmap after; kubectl run phantom --image=nginx; sleep 20")
    run(lab, "etcdutl snapshot restore /opt/before.db --data-dir /var/lib/new --bump-revision 1000000000 --mark-compacted")
    run(lab, "sed -i 's#path: /var/lib/etcd$#path: /var/lib/new#' /etc/kubernetes/manifests/etcd.yaml; sleep 90")
    assert run(lab, "kubectl get configmap -o name").split() == ["configmap/before", "configmap/kube-root-ca.crt"]
    assert "phantom" not in run(lab, "crictl ps")
