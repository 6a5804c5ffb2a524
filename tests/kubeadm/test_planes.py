"""Three control planes: one leaves and joins again, and the others take over what it led."""

import pytest

from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load
from tests.host.cluster import Cluster


def said(lab, line):
    result = lab.run(line)
    return result.stdout + result.stderr


@pytest.mark.slow
def test_a_control_plane_leaves_and_joins_again():
    lab = Lab(load(find("upgrade-ha")))
    lab.run("ssh cp3 kubeadm reset -f; kubectl delete node cp3")
    members = ("etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt --cert "
               "/etc/kubernetes/pki/etcd/server.crt --key /etc/kubernetes/pki/etcd/server.key member list | grep -c started")
    assert said(lab, members) == "2\n"
    lab.run("KEY=$(kubeadm init phase upload-certs --upload-certs 2>/dev/null | tail -1)")
    assert "message authentication failed" in said(
        lab, "ssh cp3 \"$(kubeadm token create --print-join-command --certificate-key 00)\"")
    assert "a new control plane instance was created" in said(
        lab, "ssh cp3 \"$(kubeadm token create --print-join-command --certificate-key $KEY)\"")
    lab.wait(30)
    assert said(lab, members) == "3\n"
    assert "cp3 Ready control-plane" in " ".join(said(lab, "kubectl get nodes").split())


@pytest.mark.parametrize("fault", ["power-off", "kill"])
def test_another_takes_over_when_the_leader_goes_with_its_server(fault):
    cluster = Cluster(planes=3, endpoint="172.30.0.100", seed=3)

    def leader():
        lease = cluster.server.store.get(("leases", "kube-system", "kube-controller-manager"))
        return lease["spec"]["holderIdentity"].partition("_")[0]

    first = leader()
    if fault == "power-off":
        cluster.fault("power-off", first)
    else:
        host = cluster.host(first)
        host.unit("kubelet").stop()
        for sandbox in list(host.runtime.sandboxes.values()):
            host.runtime.remove(sandbox)
    cluster.run(60)
    assert leader() != first
