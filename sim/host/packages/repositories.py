"""The repositories of the world: where they are, who signs them, what each offers on a day; and the mirrors of one lab.

Models: apt.kubernetes.io (one repository for all minors, frozen on 2023-09-13, gone since 2024-03-04), pkgs.k8s.io (one
a minor, 403 for a minor that there is not), the archives of Ubuntu and Debian, download.docker.com.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.host.packages import distribution, keys, kubernetes
from sim.host.packages.keys import Key
from sim.host.packages.package import Package
from sim.versions import catalogue

REFUSED, UNRESOLVED, FORBIDDEN, ABSENT = "refused", "unresolved", "forbidden", "absent"
"""Why a repository cannot be had: nobody listens, no such name, HTTP 403, HTTP 404."""
CDN = "https://prod-cdn.packages.k8s.io/repositories/isv:/kubernetes:/core:"
UBUNTU_HOSTS = ("archive.ubuntu.com", "security.ubuntu.com", "us.archive.ubuntu.com", "kr.archive.ubuntu.com", "mirror.kakao.com")
POCKETS = ("", "-updates", "-security", "-backports")
INDEX_BYTES = 330
"""What a stanza of a compressed index takes, about."""

Offer = Callable[[datetime.date], tuple[Package, ...]]


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository. uri, suite: as sources.list names it, without a slash at the end; served_from: where it redirects to.

    suite: "/" is a flat one. release: what `apt list` calls it. release_bytes: of its InRelease.
    """

    uri: str
    suite: str
    key: Key
    offers: Offer
    served_from: str = ""
    release: str = "unknown"
    release_bytes: int = 1192
    stamp: Callable[[datetime.date], str] = lambda day: day.isoformat()
    sections: tuple[str, ...] = ()

    @property
    def flat(self) -> bool:
        """Tell whether it has no suites."""
        return self.suite == "/"


def _resolve_community(uri: str, suite: str, day: datetime.date) -> Repository | str | None:
    match = re.fullmatch(r"https?://pkgs\.k8s\.io/core:/stable:/v(\d+\.\d+)/deb", uri)
    if match is None:
        return FORBIDDEN if re.match(r"https?://pkgs\.k8s\.io(/|$)", uri) else None
    minor = match[1]
    known = catalogue.minors().get(minor)
    if known is None or catalogue.Version.parse(minor)[:2] < kubernetes.COMMUNITY_FIRST or not (
            max(known.released, kubernetes.COMMUNITY_OPENED) <= day):
        return FORBIDDEN
    if suite != "/":
        return FORBIDDEN
    return Repository(uri, suite, keys.COMMUNITY, lambda at: kubernetes.community(minor, at),
                      f"{CDN}/stable:/v{minor}/deb", stamp=lambda at: str(len(kubernetes.community(minor, at))))


def _resolve_legacy(uri: str, suite: str, day: datetime.date) -> Repository | str | None:
    if uri not in ("https://apt.kubernetes.io", "http://apt.kubernetes.io", "https://packages.cloud.google.com/apt",
                   "http://packages.cloud.google.com/apt"):
        return None
    if day >= kubernetes.LEGACY_GONE or not re.fullmatch(r"kubernetes-(xenial|bionic|stretch|jessie|yakkety)", suite):
        return ABSENT
    if suite != "kubernetes-xenial":
        return ABSENT
    return Repository(uri, suite, keys.GOOGLE, kubernetes.legacy, "https://packages.cloud.google.com/apt", suite, 8993,
                      lambda at: str(len(kubernetes.legacy(at))), ("main",))


def _resolve_distribution(uri: str, suite: str, day: datetime.date) -> Repository | str | None:
    host = re.sub(r"^https?://", "", uri).split("/")[0]
    ubuntu = host in UBUNTU_HOSTS
    if not ubuntu and host not in ("deb.debian.org", "security.debian.org", "ftp.debian.org"):
        return None
    codename, _, pocket = suite.partition("-")
    if codename not in distribution.CODENAMES or (codename == "bookworm") == ubuntu:
        return ABSENT

    def offers(at: datetime.date) -> tuple[Package, ...]:
        return () if pocket and pocket != "updates" else tuple(
            each for each in distribution.archive(codename).values()
            if (pocket == "updates") == bool(re.search(r"ubuntu\d+\.\d|deb12u", each.version)))

    key = keys.UBUNTU_2018 if ubuntu else keys.DEBIAN_12
    return Repository(uri, suite, key, offers, uri, suite, 270_000 if not pocket else 128_000, lambda at: "",
                      ("main", "restricted", "universe", "multiverse", "contrib", "non-free", "non-free-firmware"))


def _resolve_docker(uri: str, suite: str, day: datetime.date) -> Repository | str | None:
    if not re.fullmatch(r"https?://download\.docker\.com/linux/(ubuntu|debian)", uri):
        return None
    if suite not in distribution.CODENAMES:
        return ABSENT
    return Repository(uri, suite, keys.DOCKER, lambda at: (), uri, suite, 48_800, lambda at: "", ("stable",))


RESOLVERS = (_resolve_community, _resolve_legacy, _resolve_distribution, _resolve_docker)
ADDRESSES = {"pkgs.k8s.io": "34.107.204.206", "prod-cdn.packages.k8s.io": "3.160.150.59", "apt.kubernetes.io": "142.250.74.46",
             "packages.cloud.google.com": "142.250.74.46", "archive.ubuntu.com": "185.125.190.81",
             "security.ubuntu.com": "185.125.190.83", "deb.debian.org": "146.75.118.132", "download.docker.com": "18.64.122.53"}


def host_of(uri: str) -> str:
    """Give the name of the server in an address."""
    return re.sub(r"^[a-z]+://", "", uri).split("/")[0].partition(":")[0]


@dataclass
class Mirrors:
    """The repositories as one lab reaches them.

    down: servers that nobody reaches now (the fault mirror-down). own: repositories of this lab, by (uri, suite), before
    those of the world; a text is why one cannot be had.
    """

    down: dict[str, None] = field(default_factory=dict)
    own: dict[tuple[str, str], Repository | str] = field(default_factory=dict)

    def find(self, uri: str, suite: str, day: datetime.date) -> Repository | str:
        """Give a repository, or why it cannot be had."""
        plain = uri.rstrip("/")
        if host_of(plain) in self.down:
            return REFUSED
        if (plain, suite) in self.own:
            return self.own[plain, suite]
        for resolver in RESOLVERS:
            found = resolver(plain, suite, day)
            if found is not None:
                return found
        return UNRESOLVED

    def known(self, uri: str, suite: str, day: datetime.date) -> Repository | None:
        """Give a repository as it was on a day, whether or not anybody reaches it now."""
        found = self.own.get((uri, suite)) or next(filter(None, (each(uri, suite, day) for each in RESOLVERS)), None)
        return found if isinstance(found, Repository) else None

    def address(self, name: str) -> str:
        """Give the IP address of a server."""
        return ADDRESSES.get(name, "203.0.113.13")
