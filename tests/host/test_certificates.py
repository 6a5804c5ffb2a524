"""Certificates act: what is expired, wrong, missing or swapped stops what needs it, in upstream's words."""

import pytest

from sim.kubeadm.certs import make
from sim.kubeadm.certs.table import CERTIFICATES
from sim.lab.faults import FaultError
from tests.host.cluster import Cluster

PKI = "/etc/kubernetes/pki"


def latest(cluster, name, host="controlplane"):
    found = [box.latest(name) for box in cluster.host(host).runtime.sandboxes.values()]
    return max((each for each in found if each is not None), key=lambda each: each.created_us)


def said(cluster, name, host="controlplane"):
    boxes = cluster.host(host).runtime.sandboxes.values()
    return "\n".join(line.text for box in boxes for each in box.containers.get(name, []) for line in each.lines)


def restart(cluster, name):
    latest(cluster, name).kill(137, "Error")
    cluster.run(30)


@pytest.fixture
def cluster():
    return Cluster("node01")


def test_a_kubelet_whose_certificate_ends_is_no_longer_heard(cluster):
    cluster.fault("expire", "node01/kubelet")
    cluster.run(60)
    assert cluster.ready("node01") == "Unknown" and cluster.ready("controlplane") == "True"
    assert 'Failed to ensure lease exists, will retry" err="Unauthorized"' in cluster.journal("node01", "kubelet")[-1]
    assert "Unable to authenticate the request" in said(cluster, "kube-apiserver")
    cluster.fault("kill", "node01/kubelet")
    cluster.run(30)
    assert any("unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file" in line
               for line in cluster.journal("node01", "kubelet"))


def test_the_servers_certificate_matters_to_those_who_come_new(cluster):
    cluster.fault("expire", "controlplane/apiserver")
    cluster.run(60)
    assert cluster.ready("node01") == "True", "its connection stands"
    restart(cluster, "kube-apiserver")
    cluster.run(60)
    assert "x509: certificate has expired or is not yet valid" in "\n".join(cluster.journal("node01", "kubelet"))
    make.make_leaf(cluster.host("controlplane"), CERTIFICATES[0], (1, 33))
    restart(cluster, "kube-apiserver")
    cluster.run(60)
    assert cluster.ready("node01") == "True"


def test_a_controller_manager_that_is_not_known_ends_and_starts_again_in_vain(cluster):
    cluster.fault("expire", "controlplane/controller-manager.conf")
    cluster.run(120)
    assert latest(cluster, "kube-controller-manager").exit_code == 1
    assert 'unable to load configmap based request-header-client-ca-file: Unauthorized"' in said(cluster, "kube-controller-manager")


def test_an_api_server_does_not_reach_an_etcd_that_refuses_it(cluster):
    cluster.fault("expire", "controlplane/apiserver-etcd-client")
    cluster.run(30)
    assert latest(cluster, "kube-apiserver").running, "its connection stands"
    restart(cluster, "kube-apiserver")
    assert "remote error: tls: expired certificate" in said(cluster, "kube-apiserver")
    assert '"rejected connection"' in said(cluster, "etcd")
    assert 'err="context deadline exceeded"' in said(cluster, "kube-apiserver")


@pytest.mark.parametrize(("path", "source", "name", "words"), [
    ("apiserver.key", "ca.key", "kube-apiserver", "tls: private key does not match public key"),
    ("etcd/server.key", "etcd/peer.key", "etcd", "tls: private key does not match public key"),
    ("apiserver.crt", "ca.key", "kube-apiserver", "tls: failed to find certificate PEM data in certificate input, but did find a private key"),
    ("ca.crt", "sa.pub", "kube-apiserver", "unable to load client CA provider")])
def test_a_swapped_file_ends_its_program(cluster, path, source, name, words):
    view = cluster.host("controlplane").files.view()
    view.write(f"{PKI}/{path}", view.read(f"{PKI}/{source}"))
    restart(cluster, name)
    assert words in said(cluster, name) and latest(cluster, name).exit_code


def test_a_year_passes_in_few_events(cluster):
    before = cluster.engine.events_processed
    cluster.run(366 * 24 * 3600)
    assert cluster.engine.events_processed - before < 200_000
    assert cluster.ready("node01") in ("True", "Unknown")


def test_a_fault_at_no_certificate_says_so(cluster):
    with pytest.raises(FaultError, match="no certificate nosuch; there are all, apiserver"):
        cluster.fault("expire", "controlplane/nosuch")
    with pytest.raises(FaultError, match="no certificate there"):
        cluster.fault("expire", "node01/apiserver")
