"""The files of a host: programs, units, configurations, manifests, kubeconfigs, certificates.

Models: what kubeadm, the packages and the documents' "hard way" leave on disk. An executable is a line that names its
version; a certificate is a record in PEM's clothes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sim.components import API_PORT
from sim.host.network import Host
from sim.kubeadm.certs import make
from sim.kubeadm.certs.table import AUTHORITIES, KUBECONFIGS, PKI
from sim.kubeadm.phases import kubelet
from sim.kubeadm.phases.config import PARTS, Configuration
from sim.lab.install import packages
from sim.lab.install.spec import ClusterSpec
from sim.pki import PrivateKey, SigningRequest, issue, pem
from sim.versions import catalogue

KUBELET_PKI = "/var/lib/kubelet/pki"
PLAIN_UNITS = {
    "cron": ("Regular background program processing daemon", "/usr/sbin/cron -f -P", "man:cron(8)"),
    "ssh": ("OpenBSD Secure Shell server", "/usr/sbin/sshd -D", "man:sshd(8) man:sshd_config(5)"),
    "rsyslog": ("System Logging Service", "/usr/sbin/rsyslogd -n -iNONE", "man:rsyslogd(8) man:rsyslog.conf(5)"),
    "systemd-resolved": ("Network Name Resolution", "/usr/lib/systemd/systemd-resolved", "man:systemd-resolved.service(8)"),
    "systemd-timesyncd": ("Network Time Synchronization", "/usr/lib/systemd/systemd-timesyncd",
                          "man:systemd-timesyncd.service(8)"),
}


def executable(host: Host, path: str, version: str) -> None:
    """Put a program on a host."""
    root = host.files.view()
    name = path.rpartition("/")[2]
    root.write(path, f"#!simulated {name} v{version}\n".encode())
    root.chmod(path, 0o755)


def base(host: Host, version: str, *, kubectl: bool = True) -> None:
    """Write what every host has: plain services, apt's sources, and kubectl."""
    root = host.files.view()
    for name, (description, command, manual) in PLAIN_UNITS.items():
        text = (f"[Unit]\nDescription={description}\nDocumentation={manual}\n\n[Service]\nExecStart={command}\n"
                "Restart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n")
        unit(host, name, text, vendor=True, enable=True)
        root.write(command.partition(" ")[0], b"#!simulated daemon v1\n")
        root.chmod(command.partition(" ")[0], 0o755)
    unit(host, "dbus", STATIC_UNIT, vendor=True, enable=False)
    packages.sources(host, version)
    if kubectl:
        packages.kubernetes(host, version, ("kubectl",))


STATIC_UNIT = """[Unit]
Description=D-Bus System Message Bus
Documentation=man:dbus-daemon(1)

[Service]
ExecStart=@/usr/bin/dbus-daemon @dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only
"""


def unit(host: Host, name: str, text: str, *, vendor: bool, enable: bool) -> None:
    """Put a unit file on a host. vendor: as a package does, not as an administrator; enable: it starts at boot."""
    root = host.files.view()
    folder = "/usr/lib/systemd/system" if vendor else "/etc/systemd/system"
    root.write(f"{folder}/{name}.service", text.encode())
    if enable:
        wants = "/etc/systemd/system/multi-user.target.wants"
        root.make_dir(wants, parents=True)
        shown = host.systemd.vendor_folder if vendor else folder
        root.symlink(f"{shown}/{name}.service", f"{wants}/{name}.service")


def node(host: Host, version: str, cluster: ClusterSpec, server: str, plane: Host | None = None) -> None:
    """Write what a node has: containerd, the kubelet, their units and configurations. plane: whose authority signs for it; None for a
    host that has one of its own.
    """
    root = host.files.view()
    packages.node(host, version, kubeadm=cluster.installer == "kubeadm")
    host.systemd.enable("containerd.service")
    host.systemd.enable("kubelet.service")
    root.write(kubelet.CONFIG_FILE, kubelet.config_file())
    root.write(kubelet.FLAGS_FILE, kubelet.flags_file(configuration(cluster, version)))
    if not root.exists("/etc/default/kubelet"):
        root.write("/etc/default/kubelet", b"KUBELET_EXTRA_ARGS=\n")
    root.write("/etc/crictl.yaml", b"runtime-endpoint: unix:///run/containerd/containerd.sock\n")
    root.make_dir("/etc/containerd", parents=True)
    root.write("/etc/containerd/config.toml", b"version = 2\n")
    root.make_dir(PKI, parents=True)
    if plane is None:
        plane = host
        make.make_authority(host, AUTHORITIES[0])
    if host is not plane:
        root.write(f"{PKI}/ca.crt", plane.files.view().read(f"{PKI}/ca.crt"))
    mine = kubelet_certificates(host, plane)
    root.write("/etc/kubernetes/kubelet.conf", make.kubeconfig(
        cluster.name, server, "default-auth", {"client-certificate": mine, "client-key": mine}, root.read(f"{PKI}/ca.crt")))
    root.chmod("/etc/kubernetes/kubelet.conf", 0o600)


def kubelet_certificates(host: Host, plane: Host) -> str:
    """Write a kubelet's client certificate (signed by the plane's authority) and its own for serving; gives the former's path."""
    root = host.files.view()
    root.make_dir(KUBELET_PKI, parents=True)
    made, key = make.client(plane, f"system:node:{host.name}", ("system:nodes",))
    stamp = datetime.fromtimestamp(make.now_s(host), UTC).strftime("%Y-%m-%d-%H-%M-%S")
    dated, current = f"{KUBELET_PKI}/kubelet-client-{stamp}.pem", f"{KUBELET_PKI}/kubelet-client-current.pem"
    root.write(dated, pem(made) + pem(key, kind="EC PRIVATE KEY"))
    root.chmod(dated, 0o600)
    root.symlink(dated, current)
    served = make.new_key(host)
    name = f"{host.name}-ca@{make.now_s(host)}"
    make.write(host, f"{KUBELET_PKI}/kubelet.crt", issue(
        SigningRequest(name, served, dns=(host.name,)), None, now_s=make.now_s(host), usages=("server",)))
    make.write(host, f"{KUBELET_PKI}/kubelet.key", PrivateKey(served), mode=0o600)
    return current


def minor(version: str) -> tuple[int, int]:
    """Give major and minor version."""
    first, second = version.split(".")[:2]
    return int(first), int(second)




def etcd_tools(host: Host, version: str) -> None:
    """Put etcd's clients on a control-plane host, of the version of its etcd, as labs have them."""
    for name in ("etcdctl", "etcdutl"):
        executable(host, f"/usr/bin/{name}", catalogue.images(version).etcd.partition("-")[0])


def admin_kubeconfigs(host: Host, version: str, cluster: ClusterSpec, server: str) -> None:
    """Write the kubeconfigs of a control-plane host."""
    root, number = host.files.view(), minor(version)
    own = f"https://{host.address}:{API_PORT}"
    for leaf in KUBECONFIGS:
        if number >= leaf.since and (cluster.installer == "kubeadm" or leaf.name != "super-admin.conf"):
            admin = leaf.subject.startswith("kubernetes-")
            # "The hard way" binds no group: its administrator is one of system:masters.
            group = number if cluster.installer == "kubeadm" else (1, 0)
            make.make_kubeconfig(host, leaf, group, cluster.name, server if admin else own)
    root.make_dir("/root/.kube", parents=True)
    root.write("/root/.kube/config", root.read("/etc/kubernetes/admin.conf"))
    root.chmod("/root/.kube/config", 0o600)


def configuration(cluster: ClusterSpec, version: str) -> Configuration:
    """Give what kubeadm was told: the scenario's cluster; flags by a program's name or kubeadm's (`controllerManager`)."""
    extra = {name: {**cluster.extra_args.get(part, {}), **cluster.extra_args.get(name, {})}
             for part, name in {**PARTS, "etcd": "etcd"}.items()}
    return Configuration(
        version, cluster.name, f"{cluster.endpoint}:{API_PORT}" if cluster.endpoint else "",
        extra_args={name: flags for name, flags in extra.items() if flags})


def units(
    host: Host, cluster: ClusterSpec, lines: Mapping[str, tuple[str, list[str]]], later: tuple[str, ...]
) -> None:
    """Run the control plane "the hard way": a systemd unit each, nothing of it in the API. later: not enabled yet."""
    for name, (image, words) in lines.items():
        tag = image.rpartition(":")[2].removeprefix("v").partition("-")[0]
        executable(host, f"/usr/local/bin/{name}", tag)
        options = " \\\n  ".join(words)
        policy = "" if host.catalogue.stand_in else "Restart=on-failure\nRestartSec=5\n"
        text = (f"[Unit]\nDescription={TITLES[name][0]}\nDocumentation={TITLES[name][1]}\n\n[Service]\n"
                f"ExecStart=/usr/local/bin/{options}\n{policy}\n[Install]\nWantedBy=multi-user.target\n")
        unit(host, name, text, vendor=False, enable=name not in later)


TITLES = {
    "etcd": ("etcd", "https://github.com/etcd-io/etcd"),
    "kube-apiserver": ("Kubernetes API Server", "https://github.com/kubernetes/kubernetes"),
    "kube-controller-manager": ("Kubernetes Controller Manager", "https://github.com/kubernetes/kubernetes"),
    "kube-scheduler": ("Kubernetes Scheduler", "https://github.com/kubernetes/kubernetes"),
}
