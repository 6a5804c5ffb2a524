"""kubeadm certs: the tables, what renewing changes, and what it cannot."""

import pytest

from sim.kubeadm.certs.commands import residual
from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load

DAY = 86400


@pytest.fixture
def lab():
    return Lab(load(find("os-upgrades")))


def said(lab, line):
    result = lab.run(line)
    return result.stdout + result.stderr


@pytest.mark.parametrize(("seconds", "text"), [
    (-5, "<invalid>"), (-1, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (364 * DAY + 86399, "364d"), (365 * DAY, "1y"),
    (3650 * DAY - 1, "9y")])
def test_what_is_left(seconds, text):
    assert residual(seconds) == text


def test_the_table_names_every_certificate_and_authority(lab):
    text = said(lab, "kubeadm certs check-expiration")
    rows = [line.split()[0] for line in text.splitlines() if " UTC " in line]
    assert rows == ["admin.conf", "apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "controller-manager.conf",
                    "etcd-healthcheck-client", "etcd-peer", "etcd-server", "front-proxy-client", "scheduler.conf",
                    "super-admin.conf", "ca", "etcd-ca", "front-proxy-ca"]
    assert "364d            etcd-ca                 no" in text and "9y              no" in text


def test_a_lost_file_is_missing_and_a_lost_key_makes_the_authority_external(lab):
    lab.run("rm /etc/kubernetes/pki/front-proxy-client.crt /etc/kubernetes/pki/etcd/ca.key")
    text = said(lab, "kubeadm certs check-expiration")
    assert "!MISSING! front-proxy-client" in text
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("etcd-peer")] == ["yes"]
    assert "Detected external etcd/ca, certificate for serving etcd can't be renewed" in said(lab, "kubeadm certs renew etcd-server")
    assert "MISSING! certificate for the front proxy client" in said(lab, "kubeadm certs renew front-proxy-client")


def test_renewing_gives_a_year_and_keeps_the_names(lab):
    line = "openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -serial -ext subjectAltName"
    before = said(lab, line).splitlines()
    lab.wait(40 * DAY)
    assert said(lab, "kubeadm certs check-expiration | grep '^apiserver ' | awk '{print $7}'") == "324d\n"
    assert said(lab, "kubeadm certs renew apiserver").endswith("certificate for serving the Kubernetes API renewed\n")
    after = said(lab, line).splitlines()
    assert after[1:] == before[1:] and after[0] != before[0]
    assert said(lab, "kubeadm certs check-expiration | grep '^apiserver ' | awk '{print $7}'") == "364d\n"
    assert lab.run("kubectl get nodes").status == 0


def test_after_all_is_renewed_the_old_kubeconfig_is_still_known_until_it_ends(lab):
    lab.run("kubeadm certs renew all")
    assert lab.run("kubectl get nodes").status == 0
    lab.fault("expire", "controlplane:/root/.kube/config")
    assert said(lab, "kubectl get nodes") == "error: You must be logged in to the server (Unauthorized)\n"
    lab.run("cp /etc/kubernetes/admin.conf ~/.kube/config")
    assert lab.run("kubectl get nodes").status == 0
