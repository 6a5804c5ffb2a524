"""The files of a host: programs, units, configurations, manifests, kubeconfigs, certificates.

Models: what kubeadm, the packages and the documents' "hard way" leave on disk. An executable is a line that names its
version; a certificate is a record in PEM's clothes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from sim.api import documents
from sim.components import API_PORT
from sim.host.network import Host
from sim.kubeadm.phases import kubelet
from sim.kubeadm.phases.config import PARTS, Configuration
from sim.lab.install import packages
from sim.lab.install.spec import ClusterSpec
from sim.versions import catalogue

YEAR_S = 365 * 24 * 3600
PKI = "/etc/kubernetes/pki"
KUBELET_PKI = "/var/lib/kubelet/pki"
MASTERS, SUPER_ADMIN_SINCE = "system:masters", (1, 29)
CERTIFICATES = {
    "ca": ("kubernetes", "kubernetes", 10), "apiserver": ("kube-apiserver", "kubernetes", 1),
    "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", "kubernetes", 1),
    "front-proxy-ca": ("front-proxy-ca", "front-proxy-ca", 10), "front-proxy-client": ("front-proxy-client", "front-proxy-ca", 1),
    "etcd/ca": ("etcd-ca", "etcd-ca", 10), "etcd/server": ("", "etcd-ca", 1), "etcd/peer": ("", "etcd-ca", 1),
    "etcd/healthcheck-client": ("kube-etcd-healthcheck-client", "etcd-ca", 1),
    "apiserver-etcd-client": ("kube-apiserver-etcd-client", "etcd-ca", 1)}
"""Path under pki -> (subject's common name, issuer, years); "" is the host's name."""
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


def node(host: Host, version: str, cluster: ClusterSpec, server: str) -> None:
    """Write what a node has: containerd, the kubelet, their units and configurations."""
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
    root.make_dir(KUBELET_PKI, parents=True)
    for path in (f"{PKI}/ca.crt",):
        root.write(path, certificate(host, "kubernetes", "kubernetes", 10))
    mine = f"{KUBELET_PKI}/kubelet-client-current.pem"
    root.write(mine, certificate(host, f"system:node:{host.name}", "kubernetes", 1, ("system:nodes",)))
    root.chmod(mine, 0o600)
    root.write("/etc/kubernetes/kubelet.conf", kubeconfig(
        cluster.name, server, "default-auth", {"client-certificate": mine, "client-key": mine}))
    root.chmod("/etc/kubernetes/kubelet.conf", 0o600)


def minor(version: str) -> tuple[int, int]:
    """Give major and minor version."""
    first, second = version.split(".")[:2]
    return int(first), int(second)


def certificate(host: Host, name: str, issuer: str, years: int, groups: tuple[str, ...] = ()) -> bytes:
    """Write a certificate as a record: subject, issuer, validity in seconds since 1970; groups: its organizations."""
    now = host.engine.unix_us // 1_000_000
    record = {**({"organizations": groups} if groups else {}), "subject": name, "issuer": issuer, "notBefore": now, "notAfter": now + years * YEAR_S}
    return _pem("CERTIFICATE", json.dumps(record, sort_keys=True).encode())


def _pem(kind: str, data: bytes) -> bytes:
    body = base64.b64encode(data).decode()
    lines = [body[at:at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode()


def pki(host: Host, *, stacked: bool = True) -> None:
    """Write the certificates of a control-plane host. stacked: etcd is on it, too."""
    root = host.files.view()
    root.make_dir(f"{PKI}/etcd", parents=True)
    for path, (name, issuer, years) in CERTIFICATES.items():
        if issuer == "etcd-ca" and not stacked:
            continue
        root.write(f"{PKI}/{path}.crt", certificate(host, name or host.name, issuer, years))
        root.write(f"{PKI}/{path}.key", _pem("RSA PRIVATE KEY", f"{host.name} {path}".encode()))
        root.chmod(f"{PKI}/{path}.key", 0o600)
    root.write(f"{PKI}/sa.key", _pem("RSA PRIVATE KEY", b"service accounts"))
    root.chmod(f"{PKI}/sa.key", 0o600)
    root.write(f"{PKI}/sa.pub", _pem("PUBLIC KEY", b"service accounts"))


def external_pki(host: Host, folder: str, subject: str) -> None:
    """Write the files by which a host speaks to an etcd outside the cluster: its authority, a certificate, its key."""
    root = host.files.view()
    root.make_dir(folder, parents=True)
    root.write(f"{folder}/ca.pem", certificate(host, "etcd-ca", "etcd-ca", 10))
    root.write(f"{folder}/etcd.pem", certificate(host, subject, "etcd-ca", 1))
    root.write(f"{folder}/etcd-key.pem", _pem("RSA PRIVATE KEY", f"{host.name} {subject}".encode()))
    root.chmod(f"{folder}/etcd-key.pem", 0o600)


def kubeconfig(cluster: str, server: str, user: str, credentials: Mapping[str, str] | None = None) -> bytes:
    """Write a kubeconfig. credentials: what its user shows."""
    config = {
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "users": [{"name": user, "user": dict(credentials or {})}],
        "contexts": [{"name": f"{user}@{cluster}", "context": {"cluster": cluster, "user": user}}],
        "current-context": f"{user}@{cluster}"}
    return documents.dump(config).encode()


def etcd_tools(host: Host, version: str) -> None:
    """Put etcd's clients on a control-plane host, of the version of its etcd, as labs have them."""
    for name in ("etcdctl", "etcdutl"):
        executable(host, f"/usr/bin/{name}", catalogue.images(version).etcd.partition("-")[0])


def _shown(host: Host, name: str, groups: tuple[str, ...]) -> dict[str, str]:
    """Give a client certificate and its key as a kubeconfig carries them."""
    pem = {"client-certificate-data": certificate(host, name, "kubernetes", 1, groups),
           "client-key-data": _pem("RSA PRIVATE KEY", f"{host.name} {name}".encode())}
    return {field: base64.b64encode(text).decode() for field, text in pem.items()}


def admin_kubeconfigs(host: Host, version: str, cluster: ClusterSpec, server: str) -> None:
    """Write the administrators' kubeconfigs of a control-plane host."""
    root = host.files.view()
    root.make_dir("/root/.kube", parents=True)
    groups = ("kubeadm:cluster-admins" if minor(version) >= SUPER_ADMIN_SINCE else MASTERS,)
    kubeadm = cluster.installer == "kubeadm"
    data = kubeconfig(cluster.name, server, "kubernetes-admin", _shown(host, "kubernetes-admin", groups) if kubeadm else None)
    if kubeadm and groups != (MASTERS,):
        path = "/etc/kubernetes/super-admin.conf"
        root.write(path, kubeconfig(cluster.name, server, "kubernetes-super-admin",
                                    _shown(host, "kubernetes-super-admin", (MASTERS,))))
        root.chmod(path, 0o600)
    for path in ("/etc/kubernetes/admin.conf", "/root/.kube/config"):
        root.write(path, data)
        root.chmod(path, 0o600)
    own = f"https://{host.address}:{API_PORT}"
    for name, user in (("controller-manager", "system:kube-controller-manager"), ("scheduler", "system:kube-scheduler")):
        root.write(f"/etc/kubernetes/{name}.conf", kubeconfig(cluster.name, own, user))
        root.chmod(f"/etc/kubernetes/{name}.conf", 0o600)


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
