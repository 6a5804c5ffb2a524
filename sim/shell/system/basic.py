"""kubectl's door, and the programs that are known but not modelled: they refuse, they do not pretend."""

from __future__ import annotations

from sim.engine import Steps
from sim.shell.pipes import COMMANDS, Call

REFUSED = (
    "uuidgen", "shuf", "who", "w", "last", "apt", "apt-get", "apt-mark", "apt-cache", "dpkg", "kubeadm", "etcdctl", "etcdutl",
    "docker", "vi", "vim", "nano", "man", "top", "htop", "curl", "wget", "tmux", "lsmod", "modprobe", "helm", "git", "python",
    "python3", "openssl", "gpg", "timedatectl", "mount", "umount")


def refuse(call: Call) -> int:
    """Say that a program is not modelled."""
    return call.refuse(f"{call.name}")


def kubectl(call: Call) -> Steps[int]:
    """Run kubectl, loaded when it is first typed."""
    from sim.shell.kubectl.frame.main import kubectl as run

    return (yield from run(call))


COMMANDS.update({"kubectl": kubectl, **{name: refuse for name in REFUSED if name not in COMMANDS}})
