"""What init and join look at before they do anything.

Models: cmd/kubeadm/app/preflight/checks.go (RunInitNodeChecks, RunJoinNodeChecks), as far as hosts here can fail them.
Left out: proxies, swap, kernel modules, versions of programs, external etcd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.engine import Steps
from sim.host.machine import Host
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import FOLDER
from sim.kubeadm.upgrade.checks import Check, root, run_checks

PROGRAM_PORTS = {"kube-scheduler": 10259, "kube-controller-manager": 10257, "etcd": 2380}
CPUS, MEGABYTES = 2, 1700
PLANE_FILES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
PLANE_PORTS = (6443, 10259, 10257)


def ports(host: Host) -> set[int]:
    """Give the ports that are open on a host."""
    found = {port for name, port in host.network.listeners if name == host.name}
    running = {each.argv[0].rpartition("/")[2] for box in host.runtime.sandboxes.values() for each in box.all()
               if each.running and each.argv}
    return found | {port for program, port in PROGRAM_PORTS.items() if program in running}


def _port(number: int) -> Check:
    return f"Port-{number}", _plain(lambda session: f"Port {number} is in use" if number in ports(session.host) else "")


def _free(path: str) -> Check:
    name = "FileAvailable-" + path.replace("/", "-")
    return name, _plain(lambda session: f"{path} already exists" if session.files.exists(path) else "")


def _empty(path: str) -> Check:
    def look(session: Session) -> str:
        return f"{path} is not empty" if session.files.is_dir(path) and session.files.list(path) else ""

    return "DirAvailable-" + path.replace("/", "-"), _plain(look)


def _plain(look: Callable[[Session], str]) -> Callable[[Session, Configuration], Steps[str]]:
    def check(session: Session, _: Configuration) -> Steps[str]:
        yield from session.pause(0.0)
        return look(session)

    return check


def _cpus(session: Session) -> str:
    count = session.host.cpu
    return f"the number of available CPUs {count} is less than the required {CPUS}" if count < CPUS else ""


def _memory(session: Session) -> str:
    had = session.host.memory_bytes >> 20
    return f"the system RAM ({had} MB) is less than the minimum {MEGABYTES} MB" if had < MEGABYTES else ""


def _runtime(session: Session) -> str:
    if session.host.runtime.up:
        return ""
    return ('could not connect to the container runtime: failed to create new CRI runtime service: validate service connection: '
            'validate CRI v1 runtime API for endpoint "unix:///var/run/containerd/containerd.sock": rpc error: code = Unavailable '
            'desc = connection error: desc = "transport: Error while dialing: dial unix /var/run/containerd/containerd.sock: '
            'connect: no such file or directory"')


def _program(name: str) -> Check:
    def look(session: Session) -> str:
        there = any(session.files.exists(f"{folder}/{name}") for folder in ("/usr/bin", "/usr/local/bin", "/usr/sbin"))
        return "" if there else f"{name} not found in system path"

    return f"FileExisting-{name}", _plain(look)


def _forwarding(session: Session) -> str:
    path = "/proc/sys/net/ipv4/ip_forward"
    if session.files.exists(path) and session.files.read(path).strip() != b"1":
        return f"{path} contents are not set to 1"
    return ""


COMMON: tuple[Check, ...] = (
    ("IsPrivilegedUser", root), ("CRI", _plain(_runtime)),
    ("FileContent--proc-sys-net-ipv4-ip_forward", _plain(_forwarding)))
KUBELET_PORT = 10250


def init_checks(session: Session) -> list[Check]:
    """Give what init checks, in upstream's order."""
    return [("NumCPU", _plain(_cpus)), ("Mem", _plain(_memory)), *map(_port, PLANE_PORTS),
            *(_free(f"{FOLDER}/{name}.yaml") for name in PLANE_FILES), *COMMON, *map(_program, ("conntrack", "crictl")),
            _port(KUBELET_PORT), _port(2379), _port(2380), _empty("/var/lib/etcd")]


def join_checks(session: Session, *, plane: bool) -> list[Check]:
    """Give what join checks, in upstream's order."""
    return [_empty(FOLDER), _free("/etc/kubernetes/kubelet.conf"), _free("/etc/kubernetes/bootstrap-kubelet.conf"), *COMMON,
            *map(_program, ("conntrack", "crictl")), _port(KUBELET_PORT),
            *([] if plane else [_free("/etc/kubernetes/pki/ca.crt")])]


def check(session: Session, checks: Sequence[Check], ignore: Sequence[str]) -> Steps[None]:
    """Run checks. Raises KubeadmError."""
    session.out("[preflight] Running pre-flight checks")
    try:
        yield from run_checks(session, Configuration(session.version), checks, ignore)
    except KubeadmError as error:
        raise error.wrap("error execution phase preflight") from None


__all__ = ["check", "init_checks", "join_checks", "ports"]
