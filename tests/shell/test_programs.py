"""Which programs hosts have: what is not modelled refuses and is on record, what a host lacks is not found."""

import pytest

from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load


@pytest.fixture(scope="module")
def lab():
    return Lab(load(find("os-upgrades")))


@pytest.mark.parametrize(("line", "refused"), [
    ("sudo kubeadm init phase preflight", "kubeadm init phase preflight"),
    ("ssh node01 kubeadm certs generate-csr", "kubeadm certs generate-csr"),
    ("perl -v", "perl"), ("iptables -L", "iptables"), ("openssl s_client -connect localhost:6443", "openssl s_client"), ("ctr images ls", "ctr images"),
])
def test_what_a_host_has_refuses(lab, line, refused):
    before = len(lab.refusals)
    result = lab.run(line)
    assert (result.status, result.stderr) == (120, f"not simulated: {refused}\n")
    assert lab.refusals[before:] == [refused]


@pytest.mark.parametrize("line", ["helm list", "calicoctl get nodes", "docker ps", "ssh node01 etcdctl version"])
def test_what_a_host_lacks_is_not_found(lab, line):
    before = len(lab.refusals)
    result = lab.run(line)
    assert result.status == 127
    assert result.stderr.endswith(": command not found\n")
    assert len(lab.refusals) == before


def test_a_removed_program_is_gone():
    lab = Lab(load(find("os-upgrades")))
    lab.run("rm /usr/bin/kubeadm")
    assert lab.run("kubeadm version").status == 127


def test_an_address_that_nobody_has_times_out_once_for_all_files(lab):
    began_us = lab.now_us
    result = lab.run("scp /etc/hosts /etc/hostname /etc/passwd zeal@64.227.162.102:/tmp")
    assert (result.status, result.stderr) == (
        1, "ssh: connect to host 64.227.162.102 port 22: Connection timed out\nlost connection\n")
    assert 120 < (lab.now_us - began_us) / 1e6 < 140


def test_fetching_from_an_address_that_nobody_has_leaves_it_to_ssh(lab):
    result = lab.run("scp -o ConnectTimeout=5 zeal@64.227.162.102:/tmp/x .")
    assert (result.status, result.stderr) == (1, "ssh: connect to host 64.227.162.102 port 22: Connection timed out\n")


def test_ls_uses_the_width_of_the_front_ends_screen(lab):
    assert lab.run("ls /etc/kubernetes/pki").stdout.count("\n") > 5
    lab.columns = 200
    try:
        assert lab.run("ls /etc/kubernetes/pki").stdout.count("\n") <= 2
        assert lab.run("ls /etc/kubernetes/pki | cat").stdout.count("\n") > 5
    finally:
        lab.columns = None


@pytest.mark.parametrize(("line", "out"), [
    ("lsb_release -cs", "jammy\n"), ("lsb_release -ds", '"Ubuntu 22.04.5 LTS"\n'), ("lsb_release -r", "Release:\t22.04\n"),
    ("cat /var/lib/kubelet/config.yaml | yq .staticPodPath", "/etc/kubernetes/manifests\n")])
def test_what_a_lab_asks_of_a_host(lab, line, out):
    assert lab.run(line).stdout == out


def test_the_faults_are_told_with_their_meaning(lab):
    told = lab.lab_line(":fault")
    assert "power-off" in told
    assert "the machine loses its power at once" in told
    assert "corrupt-file" in told


def test_addresses_in_brief():
    from tests.shell.desk import Desk

    desk = Desk()
    assert desk.type("ip -br addr show dev lo") == ("lo               UNKNOWN        127.0.0.1/8 \n", 0)
    assert desk.type("ip -br a | tail -1")[0] == "enp1s0           UP             172.30.1.2/24 \n"
