"""What an address of the outside world gives on a day.

Models: dl.k8s.io (release/…/bin, stable labels, sha256), GitHub's release archives of etcd, cri-tools, the CNI plugins and
runc, Release.key of pkgs.k8s.io, Google's and Docker's keys. A program is a line that names its version; its digest is
that line's.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Callable
from typing import NamedTuple

from sim.host.packages import keys, repositories
from sim.host.packages.repositories import FORBIDDEN, REFUSED, UNRESOLVED, Mirrors, Repository
from sim.versions import catalogue
from sim.versions.catalogue import VersionError

UNKNOWN = "unknown"
"""The address is of a server that is not modelled."""
RESERVED = re.compile(r"(^|\.)(example\.(com|net|org)|example|invalid|test|localhost|local|internal)$")
BINARIES = ("kubeadm", "kubectl", "kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy",
            "kubectl-convert", "apiextensions-apiserver", "kube-aggregator", "kube-log-runner", "mounter")


class Page(NamedTuple):
    """An answer. location: where a redirect leads; size_bytes: what the real thing weighs, 0 where the body is it."""

    status: int
    body: bytes = b""
    location: str = ""
    kind: str = "application/octet-stream"
    size_bytes: int = 0

    @property
    def length(self) -> int:
        """Give how many bytes go over the wire."""
        return self.size_bytes or len(self.body)


MEGABYTES = {"kubeadm": 58, "kubectl": 56, "kubelet": 73, "kube-apiserver": 90, "kube-controller-manager": 83, "kube-scheduler": 61,
             "kube-proxy": 60, "etcd": 22, "crictl": 18, "plugins": 48, "runc": 11, "containerd": 46}


def program(name: str, version: str) -> bytes:
    """Give a program's file: a line that names its version."""
    return f"#!simulated {name} v{version}\n".encode()


def get(mirrors: Mirrors, url: str, day: datetime.date) -> Page | str:
    """Fetch an address on a day; gives an answer, or why there is none (refused, unresolved, unknown)."""
    match = re.fullmatch(r"(https?)://([^/:?#]+)(?::\d+)?(/[^#?]*)?(?:[?#].*)?", url)
    if match is None:
        return UNKNOWN
    host, path = match[2].lower(), match[3] or "/"
    if host in mirrors.down:
        return REFUSED
    for names, answer in SERVERS:
        if host in names:
            return answer(mirrors, host, path, day)
    return UNRESOLVED if RESERVED.search(host) or "." not in host else UNKNOWN


# ---- keys ----------------------------------------------------------------------------------------------------------
def _community(mirrors: Mirrors, host: str, path: str, day: datetime.date) -> Page | str:
    match = re.fullmatch(r"(?:/repositories/isv:/kubernetes:)?(/core:/stable:/v[\d.]+/deb)/(.*)", path)
    if match is None:
        return Page(403)
    found = mirrors.find(f"https://pkgs.k8s.io{match[1]}", "/", day)
    if not isinstance(found, Repository):
        return Page(403) if found == FORBIDDEN else found
    if host == "pkgs.k8s.io":
        return Page(302, b"", f"{found.served_from}/{match[2]}", "text/html")
    if match[2] == "Release.key":
        return Page(200, found.key.armoured().encode(), kind="application/pgp-keys")
    return Page(403)


def _google(mirrors: Mirrors, host: str, path: str, day: datetime.date) -> Page | str:
    if path == "/apt/doc/apt-key.gpg":
        return Page(200, keys.GOOGLE.armoured().encode(), kind="application/pgp-keys")
    return Page(404, b"404. That's an error.\n", kind="text/html")


def _docker(mirrors: Mirrors, host: str, path: str, day: datetime.date) -> Page | str:
    if path in ("/linux/ubuntu/gpg", "/linux/debian/gpg"):
        return Page(200, keys.DOCKER.armoured().encode(), kind="binary/octet-stream")
    return Page(404)


# ---- programs ------------------------------------------------------------------------------------------------------
def _released(version: str, day: datetime.date) -> bool:
    try:
        return catalogue.release_date(version) <= day
    except VersionError:
        return False


def stable(line: str, day: datetime.date) -> str:
    """Give the newest stable version on a day: of a minor, or of all (""); "" when there is none."""
    names = [line] if line else list(catalogue.minors())
    for name in reversed(names):
        minor = catalogue.minors().get(name)
        if minor is not None and minor.released <= day:
            return f"v{minor.latest(day)}"
    return ""


def _dl(mirrors: Mirrors, host: str, path: str, day: datetime.date) -> Page | str:
    path = re.sub(r"^/kubernetes-release", "", path)
    if host == "dl.k8s.io":
        return Page(302, b"", f"https://cdn.dl.k8s.io{path}", "text/html")
    if label := re.fullmatch(r"/release/(?:stable|latest)(?:-(\d+\.\d+|1))?\.txt", path):
        version = stable("" if label[1] in (None, "1") else label[1], day)
        return Page(200, version.encode(), kind="text/plain") if version else _absent()
    match = re.fullmatch(r"/(?:release/)?v(\d+\.\d+\.\d+)/bin/linux/amd64/([a-z-]+)(\.sha256|\.sha512|\.sha1|\.md5)?", path)
    if match is None or match[2] not in BINARIES or not _released(match[1], day):
        return _absent()
    body = program(match[2], match[1])
    if match[3]:
        return Page(200, hashlib.new(match[3][1:], body, usedforsecurity=False).hexdigest().encode(), kind="text/plain")
    return Page(200, body, size_bytes=MEGABYTES.get(match[2], 40) * 1_000_000 + 65_536)


def _absent() -> Page:
    return Page(404, b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist."
                     b"</Message></Error>", kind="application/xml")


def _archive(folder: str, names: tuple[str, ...], version: str) -> bytes:
    """Make a tar.gz of programs, the same bytes on every day."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            body = program(name, version)
            entry = tarfile.TarInfo(f"{folder}{name}")
            entry.size, entry.mode = len(body), 0o755
            archive.addfile(entry, io.BytesIO(body))
    return gzip.compress(packed.getvalue(), mtime=0)


CNI = ("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback", "macvlan", "portmap",
       "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf")
ARCHIVES: tuple[tuple[str, Callable[[str], bytes]], ...] = (
    (r"/etcd-io/etcd/releases/download/v(?P<v>[\d.]+)/etcd-v(?P=v)-linux-amd64\.tar\.gz",
     lambda v: _archive(f"etcd-v{v}-linux-amd64/", ("etcd", "etcdctl", *(("etcdutl",) if v >= "3.5" else ())), v)),
    (r"/kubernetes-sigs/cri-tools/releases/download/v(?P<v>[\d.]+)/crictl-v(?P=v)-linux-amd64\.tar\.gz",
     lambda v: _archive("", ("crictl",), v)),
    (r"/containernetworking/plugins/releases/download/v(?P<v>[\d.]+)/cni-plugins-linux-amd64-v(?P=v)\.tgz",
     lambda v: _archive("./", CNI, v)),
    (r"/opencontainers/runc/releases/download/v(?P<v>[\d.]+)/runc\.amd64", lambda v: program("runc", v)),
    (r"/containerd/containerd/releases/download/v(?P<v>[\d.]+)/containerd-(?P=v)-linux-amd64\.tar\.gz",
     lambda v: _archive("bin/", ("containerd", "containerd-shim-runc-v2", "ctr"), v)))


def _github(mirrors: Mirrors, host: str, path: str, day: datetime.date) -> Page | str:
    path = re.sub(r"^/coreos/etcd/", "/etcd-io/etcd/", path)
    if host == "storage.googleapis.com":
        if path.startswith("/kubernetes-release/"):
            return _dl(mirrors, "cdn.dl.k8s.io", path, day)
        path = re.sub(r"^/etcd/(v[\d.]+)/", r"/etcd-io/etcd/releases/download/\1/", path)
    for pattern, body in ARCHIVES:
        match = re.fullmatch(pattern, path)
        if match is None:
            continue
        if "etcd-io" in path and not ((released := catalogue.etcd_releases().get(match["v"])) is not None and released <= day):
            return Page(404, b"Not Found")
        if host == "github.com":
            return Page(302, b"", f"https://release-assets.githubusercontent.com{path}", "text/html")
        return Page(200, body(match["v"]), size_bytes=next(MEGABYTES[name] for name in MEGABYTES if name in path) * 1_000_000)
    if re.match(r"/(etcd-io/etcd|kubernetes-sigs/cri-tools|containernetworking/plugins|opencontainers/runc)/releases/download/", path):
        return Page(404, b"Not Found")
    return UNKNOWN


Server = Callable[[Mirrors, str, str, datetime.date], "Page | str"]
SERVERS: tuple[tuple[tuple[str, ...], Server], ...] = (
    (("pkgs.k8s.io", "prod-cdn.packages.k8s.io"), _community), (("packages.cloud.google.com", "apt.kubernetes.io"), _google),
    (("download.docker.com",), _docker), (("dl.k8s.io", "cdn.dl.k8s.io"), _dl),
    (("github.com", "release-assets.githubusercontent.com", "storage.googleapis.com"), _github))


def address(mirrors: Mirrors, host: str) -> str:
    """Give the IP address of a server outside."""
    return repositories.ADDRESSES.get(host) or mirrors.address(host)
