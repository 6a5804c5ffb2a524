"""systemctl against real systemds 249, 252 and 255: each line of the recorded blocks, its streams and its status."""

import pytest

from sim.engine import Engine
from sim.host.network import Network
from sim.lab.install import files
from sim.lab.install.spec import ClusterSpec
from tests.conformance.hosts import DATA, RELEASES, compared

ETCD = """[Unit]
Description=etcd
Documentation=https://github.com/etcd-io/etcd

[Service]
Type=simple
ExecStart=/usr/bin/etcd --name controlplane --data-dir=/var/lib/etcd --listen-client-urls https://127.0.0.1:2379
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def recorded_host(release="jammy"):
    """Make the host that was recorded: a kubelet's legacy packages, and a unit of etcd; the programs do nothing."""
    network = Network(Engine(seed=1, epoch_s=1_689_000_000))  # 2023: a day of the legacy packages
    host = network.add("controlplane", "192.168.56.11", users=("student", "ubuntu"), system=release)
    files.base(host, "1.27.0")
    files.node(host, "1.27.0", ClusterSpec("kubernetes", ()), "https://192.168.56.11:6443")
    view = host.files.view()
    view.write("/etc/systemd/system/etcd.service", ETCD.encode())
    view.symlink("/etc/systemd/system/etcd.service", "/etc/systemd/system/multi-user.target.wants/etcd.service")
    files.executable(host, "/usr/bin/etcd", "3.5.9")
    host.boot()
    return network.hosts


WIDTH = "the column's width comes from all units; the recorded host had more"
DIFFERENT = {
    "systemctl cat kubelet": "the recorder's drop-in lacks the comments of the package's",
    "systemctl list-unit-files | grep -E 'kubelet|containerd|etcd'": WIDTH,
    "systemctl list-units --type=service | grep -E 'kubelet|containerd|etcd'": WIDTH,
    "systemctl list-dependencies kubelet | head -4": "not simulated: targets",
    **dict.fromkeys(("sudo -n systemctl restart kubelet", "sudo systemctl restart kubelet"),
                    "in a lab every user may use sudo without a password; the recorded student may not"),
    "systemctl status kubelet kublet | tail -1": "the programs of this host write no journal",
}
"""Lines that differ, each with the reason; at a terminal also colours and the pager."""


LEAST = {"query": 28, "typos": 29, "nonroot": 10}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("block", LEAST)
def test_as_a_real_systemd(block, release):
    text = (DATA / f"systemd-{release}.txt").read_text()
    done = list(compared(text, release, lambda each: each.name == block, recorded_host(release)))
    wrong = [(step.line, step, got) for _, step, got, same in done
             if not same and not step.tty and step.line not in DIFFERENT]
    assert not wrong
    assert sum(same for *_, same in done) >= LEAST[block]
