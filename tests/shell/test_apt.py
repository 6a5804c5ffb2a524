"""apt and dpkg on hosts of a lab: what Ctrl-C, power, a second apt, a mirror and an answer do."""

import pytest

from sim.lab import faults
from sim.shell.login import Terminal
from tests.shell.desk import Desk


@pytest.fixture
def desk():
    return Desk()


def test_a_kubelet_is_what_it_was_until_it_is_restarted(desk):
    _, status = desk.type("apt-get install -y --allow-change-held-packages kubelet=1.26.0-00")
    assert status == 0 and desk.host.version_of("/usr/bin/kubelet") == "1.26.0"
    assert desk.type("kubelet --version")[0] == "Kubernetes v1.26.0\n"


def test_a_removed_program_is_not_found(desk):
    text, status = desk.type("apt-mark unhold kubeadm && apt-get remove -y kubeadm && kubeadm version")
    assert status == 127 and text.endswith("kubeadm: command not found\n")


def test_power_lost_while_dpkg_runs_must_be_repaired(desk):
    desk.begin("apt-get install -y --allow-change-held-packages kubeadm=1.26.0-00 kubectl=1.26.0-00")
    while desk.host.packages.version("kubeadm") != "1.26.0-00" and desk.host.packages.version("kubectl") != "1.26.0-00":
        desk.wait(0.2)
    faults.inject(desk.network, "power-off", "controlplane")
    desk.wait(5)
    faults.inject(desk.network, "power-on", "controlplane")
    desk.wait(60)
    desk.terminal = Terminal(desk.network.hosts, "controlplane", "root")
    text, status = desk.type("apt-get install -y jq")
    assert status == 100 and "you must manually run 'dpkg --configure -a' to correct the problem. \n" in text
    text, status = desk.type("dpkg --configure -a && dpkg --audit")
    assert status == 0 and "Setting up kube" in text
    assert desk.type("apt-get install -y tree")[1] == 0


def test_two_at_once(desk):
    second = Terminal(desk.network.hosts, "controlplane", "root")
    desk.begin("apt-get install -y --allow-change-held-packages kubelet=1.26.0-00", second)
    desk.wait(2)
    text, status = desk.type("apt-get install -y nfs-common")
    assert status == 100 and "Could not get lock /var/lib/dpkg/lock-frontend. It is held by process" in text
    assert "(apt-get)" in text and text.rstrip().endswith("is another process using it?")
    assert desk.type("apt install -y nfs-common")[1] == 0


def test_ctrl_c_while_fetching_changes_nothing(desk):
    desk.begin("apt-get install -y --allow-change-held-packages kubelet=1.26.0-00")
    desk.wait(1.5)
    desk.terminal.login.job.interrupt()
    desk.wait(1)
    assert desk.host.packages.version("kubelet") == "1.25.0-00" and desk.host.packages.lock_holder is None
    assert desk.type("apt-get install -y nfs-common")[1] == 0


def test_a_mirror_that_is_down(desk):
    faults.inject(desk.network, "mirror-down", "apt.kubernetes.io")
    text, status = desk.type("apt-get update")
    assert status == 0 and text.count("Ign:5 https://apt.kubernetes.io kubernetes-xenial InRelease") == 3
    assert "W: Some index files failed to download. They have been ignored, or old ones used instead.\n" in text
    faults.inject(desk.network, "mirror-down", "apt.kubernetes.io", end=True)
    assert "Hit:5" in desk.type("apt-get update")[0]


def test_the_legacy_repository_is_gone():
    desk = Desk("1.25.0", "2023-02-01")
    desk.wait(500 * 86400)
    text, status = desk.type("apt-get update")
    assert status == 100 and "  404  Not Found [IP: 142.250.74.46 443]\n" in text
    assert "E: The repository 'https://apt.kubernetes.io kubernetes-xenial Release' no longer has a Release file.\n" in text


def test_an_answer_from_standard_input(desk):
    text, status = desk.type("yes | apt-get install kubelet=1.26.0-00")
    assert status == 0 and "Do you want to continue? [Y/n] Get:1" in text
    text, status = desk.type("echo n | apt-get remove kubectl kubeadm kubelet")
    assert status == 1 and text.endswith("[Y/n] Abort.\n")


def test_a_minor_is_chosen_by_editing_the_list():
    desk = Desk("1.33.1", "2025-10-01")
    desk.type("sed -i s/v1.33/v1.34/ /etc/apt/sources.list.d/kubernetes.list")
    assert desk.type("apt-cache madison kubeadm")[0] == ""
    desk.type("apt-get update && apt-mark unhold kubeadm")
    text, status = desk.type("apt-get install -y kubeadm='1.34.1-*' && kubeadm version -o short")
    assert status == 0 and text.endswith("v1.34.1\n")


def test_archives_are_files(desk):
    desk.type("apt-get download kubeadm=1.26.0-00")
    text, status = desk.type("dpkg -i kubeadm_1.26.0-00_amd64.deb")
    assert status == 0 and "Unpacking kubeadm (1.26.0-00) over (1.25.0-00) ...\nSetting up kubeadm (1.26.0-00) ...\n" in text
    text, status = desk.type("apt-get install -y --allow-downgrades ./kubeadm_1.26.0-00_amd64.deb nosuch.deb")
    assert status == 100 and "E: Unsupported file nosuch.deb given on commandline" in text


def test_what_is_not_modelled_says_so(desk):
    assert desk.type("apt-get source kubeadm") == ("not simulated: apt-get source\n", 120)
    assert desk.type("apt-get install -y -t sid kubeadm")[1] == 120
