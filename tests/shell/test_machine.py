"""What an administrator asks and sets of a machine: modules, settings, its name, users, signals, ports."""

import pytest

from tests.lab_fixtures import lab as fresh


@pytest.fixture(scope="module")
def base():
    found = fresh("first-steps")
    yield found
    found.close()


@pytest.fixture
def lab(base):
    found = base.fork()
    yield found
    found.close()


@pytest.mark.parametrize(("line", "said", "status"), [
    ("lsmod | grep -c ^br_netfilter", "1\n", 0), ("modprobe ip_vs && lsmod | awk '$1==\"ip_vs\"{print $2}'", "176128\n", 0),
    ("modprobe nope", "modprobe: FATAL: Module nope not found in directory /lib/modules/5.15.0-113-generic\n", 1),
    ("modprobe -r bridge", "modprobe: FATAL: Module bridge is in use.\n", 1), ("modprobe -r br_netfilter; lsmod | grep -c bridge", "0\n", 1),
    ("sysctl -n net.ipv4.ip_forward", "1\n", 0), ("sysctl -w net.ipv4.ip_forward=0 && cat /proc/sys/net/ipv4/ip_forward", "net.ipv4.ip_forward = 0\n0\n", 0),
    ("sysctl net.nope", "sysctl: cannot stat /proc/sys/net/nope: No such file or directory\n", 255),
    ("echo net.ipv4.ip_forward=0 > /etc/sysctl.d/k8s.conf; sysctl --system | tail -3",
     "* Applying /etc/sysctl.d/k8s.conf ...\nnet.ipv4.ip_forward = 0\n* Applying /etc/sysctl.conf ...\n", 0),
    ("hostnamectl set-hostname cp1; cat /etc/hostname; hostname; uname -n", "cp1\ncp1\ncp1\n", 0),
    ("hostnamectl set-hostname -bad", "Could not set static hostname: Invalid static hostname '-bad'\n", 1),
    ("useradd -m ann && id ann && ls -d /home/ann", "uid=1000(ann) gid=1000(ann) groups=1000(ann)\n/home/ann\n", 0),
    ("useradd root", "useradd: user 'root' already exists\n", 9), ("useradd ann; usermod -aG sudo ann; getent group sudo", "sudo:x:27:ann\n", 0),
    ("useradd ann; su - ann -c whoami; userdel ann; id ann", "ann\nid: ‘ann’: no such user\n", 1),
    ("nc -zv node01 22", "Connection to node01 (172.30.2.2) 22 port [tcp/*] succeeded!\n", 0),
    ("nc -zv node01 81", "nc: connect to node01 (172.30.2.2) port 81 (tcp) failed: Connection refused\n", 1),
    ("nslookup nope | tail -2 | head -1", "** server can't find nope: NXDOMAIN\n", 0),
    ("kill 99999", "-bash: kill: (99999) - No such process\n", 1), ("pkill nosuch", "", 1), ("killall nosuch", "nosuch: no process found\n", 1),
    ("dmesg -l err,warn | wc -l", "0\n", 0), ("dmesg -l info | grep -c KVM", "1\n", 0),
    ("ufw status", "Status: inactive\n", 0), ("seq 9 | shuf -n 9 | sort | paste -sd,", "1,2,3,4,5,6,7,8,9\n", 0),
    ("echo a > a; echo b > b; printf 'n\\n' | cp -i a b; cat b", "b\ncp: overwrite 'b'? ", 0), ("echo a > a; echo b > b; echo y | mv -i a b; cat b; ls", "a\nb\nmv: overwrite 'b'? ", 0),
])
def test_a_line(lab, line, said, status):
    result = lab.run(line)
    assert (result.stdout + result.stderr, result.status) == (said, status)


def test_a_killed_program_is_started_again_by_who_runs_it(lab):
    before = lab.run("pgrep kubelet; pgrep kube-scheduler").stdout.split()
    lab.run("pkill -9 kubelet; kill -9 $(pgrep kube-scheduler)")
    lab.wait(30)
    after = lab.run("pgrep kubelet; pgrep kube-scheduler").stdout.split()
    assert len(after) == 2 and not set(before) & set(after)
    assert lab.run("kubectl -n kube-system get pod kube-scheduler-controlplane -o jsonpath='{.status.containerStatuses[0].restartCount}'").stdout == "1"
