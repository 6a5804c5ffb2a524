"""The packages of a lab's hosts: what the documents' installation leaves in dpkg's database and in apt's lists.

Models: kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm of the host's day: one legacy
repository or one a minor, a keyring, packages on hold.
"""

from __future__ import annotations

from sim.host.network import Host
from sim.host.packages import cache, distribution, keys
from sim.host.packages import kubernetes as offered
from sim.host.packages import sources as listed

KUBERNETES_LIST = "/etc/apt/sources.list.d/kubernetes.list"
KEYRINGS = {offered.LEGACY: "/usr/share/keyrings/kubernetes-archive-keyring.gpg",
            offered.COMMUNITY: "/etc/apt/keyrings/kubernetes-apt-keyring.gpg"}
NEEDED = ("conntrack", "ebtables", "ethtool", "socat")
"""What the older kubelet packages need beside what a fresh host has."""
_UBUNTU = "main restricted universe multiverse"
_DEBIAN = "main contrib non-free non-free-firmware"


def sources(host: Host, version: str) -> None:
    """Write apt's sources and keyrings, and the indexes as of the host's first day."""
    day, files = cache.today(host), host.files
    family = offered.family_of(version, day)
    name = host.os.codename
    if name == "bookworm":
        rows = [("http://deb.debian.org/debian", name, _DEBIAN), ("http://deb.debian.org/debian", f"{name}-updates", _DEBIAN)]
    else:
        rows = [("http://archive.ubuntu.com/ubuntu", f"{name}{pocket}", _UBUNTU) for pocket in ("", "-updates", "-backports")]
        rows.append(("http://security.ubuntu.com/ubuntu", f"{name}-security", _UBUNTU))
    if name == "noble":
        files.install(listed.MAIN, b"# Ubuntu sources have moved to /etc/apt/sources.list.d/ubuntu.sources\n", mode=0o644)
        files.install(f"{listed.FOLDER}/ubuntu.sources", "".join(
            f"Types: deb\nURIs: {uri}/\nSuites: {suites}\nComponents: {_UBUNTU}\n"
            "Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n\n"
            for uri, suites in (("http://archive.ubuntu.com/ubuntu", f"{name} {name}-updates {name}-backports"),
                                ("http://security.ubuntu.com/ubuntu", f"{name}-security"))).rstrip("\n").encode() + b"\n", mode=0o644)
    else:
        files.install(listed.MAIN, "".join(f"deb {' '.join(row)}\n" for row in rows).encode(), mode=0o644)
    if name == "bookworm":
        files.install("/etc/apt/trusted.gpg.d/debian-archive-bookworm-automatic.asc", keys.DEBIAN_12.armoured().encode(), mode=0o644)
    else:
        files.install("/usr/share/keyrings/ubuntu-archive-keyring.gpg", keys.UBUNTU_2018.binary(), mode=0o644)
        files.install("/etc/apt/trusted.gpg.d/ubuntu-keyring-2012-cdimage.gpg", keys.UBUNTU_2012.binary(), mode=0o644)
        files.install("/etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg", keys.UBUNTU_2018.binary(), mode=0o644)
    keyring = KEYRINGS[family]
    if family == offered.LEGACY:
        key, row = keys.GOOGLE, "https://apt.kubernetes.io/ kubernetes-xenial main"
    else:
        minor = ".".join(version.split(".")[:2])
        key, row = keys.COMMUNITY, f"https://pkgs.k8s.io/core:/stable:/v{minor}/deb/ /"
    files.view().make_dir("/etc/apt/keyrings", parents=True)
    files.install(keyring, key.binary(), mode=0o644)
    files.install(KUBERNETES_LIST, f"deb [signed-by={keyring}] {row}\n".encode(), mode=0o644)
    files.view().make_dir(f"{cache.ARCHIVES}/partial", parents=True)
    for source in listed.unique(listed.read(files.view())):
        repository = host.network.mirrors.known(source.uri, source.suite, day)
        if repository is not None:
            cache.store(host, source, repository, day)


def kubernetes(host: Host, version: str, names: tuple[str, ...], *, hold: bool = True) -> None:
    """Install packages of a Kubernetes version and put them on hold."""
    family = offered.family_of(version, cache.today(host))
    for name in names:
        host.packages.install(offered.package(name, offered.debian_version(version, family), family))
        if hold:
            host.packages.hold(name)


def node(host: Host, version: str, *, kubeadm: bool = True) -> None:
    """Install what a node has: the container runtime, the kubelet and what they need; kubeadm where it installs."""
    archive = distribution.archive(host.os.codename)
    for name in ("runc", "containerd", *NEEDED):
        host.packages.install(archive[name], auto=name in ("runc", *NEEDED))
    host.containerd = archive["containerd"].upstream
    for package in offered.companions(version, offered.family_of(version, cache.today(host))):
        host.packages.install(package, auto=True)
    kubernetes(host, version, ("kubelet", *(("kubeadm",) if kubeadm else ())))
    if not kubeadm:  # the unit needs the drop-in that kubeadm's package would bring
        family = offered.family_of(version, cache.today(host))
        host.files.install(offered.DROP_INS[family], offered.DROP_IN.encode(), mode=0o644)
