"""Versions, releases and their images.

Models: apimachinery/pkg/util/version (order of versions) and `kubeadm config images list` of each patch.
Left out: build metadata in versions is read and dropped.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from sim.api.errors import KubedrillError

_FORM = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_RELEASED = (1,)


class VersionError(KubedrillError):
    """A text that is no version, or a version that the catalogue does not know."""


class Version(NamedTuple):
    """A version, ordered as semantic versions are. pre: a sort key, `(1,)` for a release."""

    major: int
    minor: int
    patch: int = 0
    pre: tuple[Any, ...] = _RELEASED

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `1.33`, `1.33.1`, `v1.34.0-alpha.2`. VersionError when it is none."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise VersionError(f"not a version: {text} (write 1.33.1)")
        major, minor, patch, pre = found.groups()
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")) if pre else ()
        return cls(int(major), int(minor), int(patch or 0), (0, *parts) if pre else _RELEASED)

    @property
    def line(self) -> str:
        """The minor as text: `1.33`."""
        return f"{self.major}.{self.minor}"

    @property
    def released(self) -> bool:
        """False for alpha, beta and rc."""
        return self.pre == _RELEASED

    def __str__(self) -> str:
        tail = ".".join(str(n) if not kind else text for kind, n, text in self.pre[1:])
        return f"{self.line}.{self.patch}" + (f"-{tail}" if tail else "")


class Images(NamedTuple):
    """What kubeadm of a patch runs beside its own images. verified: False where the nearest known patch was taken."""

    etcd: str
    coredns: str
    pause: str
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Minor:
    """One minor: the tag dates of its patches (index is the patch number), its end of life, where its parts come from."""

    name: str
    patches: tuple[datetime.date, ...]
    end_of_life: datetime.date
    registry: str
    coredns_path: str
    images: tuple[tuple[Any, ...], ...]
    images_unknown_from: int | None
    packages: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]

    @property
    def released(self) -> datetime.date:
        """The day of patch 0."""
        return self.patches[0]

    def latest(self, date: datetime.date | None = None) -> Version:
        """The newest patch on a day (None: of all that are known). VersionError before patch 0."""
        known = [n for n, day in enumerate(self.patches) if date is None or day <= date]
        if not known:
            raise VersionError(f"Kubernetes {self.name} was not released on {date}; its first day is {self.released}")
        major, minor = self.name.split(".")
        return Version(int(major), int(minor), known[-1])

    def supported(self, date: datetime.date) -> bool:
        """Does upstream mend it on that day?"""
        return self.released <= date <= self.end_of_life


@cache
def _data() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("releases.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def minors() -> dict[str, Minor]:
    """Give all known minors, oldest first."""
    return {name: Minor(
        name=name, patches=tuple(datetime.date.fromisoformat(day) for day in row["patches"]),
        end_of_life=datetime.date.fromisoformat(row["end_of_life"]), registry=row["registry"],
        coredns_path=row["coredns_path"], images=tuple(tuple(i) for i in row["images"]),
        images_unknown_from=row.get("images_unknown_from"),
        packages=tuple(tuple(p) for p in row["packages"]), notes=tuple(row.get("notes", ())),
    ) for name, row in _data()["minors"].items()}


def minor_of(version: str | Version) -> Minor:
    """Give the minor of a version. VersionError names the range that is known."""
    parsed = Version.parse(version) if isinstance(version, str) else version
    found = minors().get(parsed.line)
    if found is None:
        first, *_, last = minors()
        raise VersionError(f"Kubernetes {parsed} is not in the version catalogue ({first} to {last})")
    return found


def release_date(version: str | Version) -> datetime.date:
    """Give the day a patch version was tagged. VersionError when no such patch is known."""
    parsed = Version.parse(version) if isinstance(version, str) else version
    row = minor_of(parsed)
    if not parsed.released or parsed.patch >= len(row.patches):
        raise VersionError(f"Kubernetes {parsed} is not in the version catalogue; {row.name} ends at {row.latest()}")
    return row.patches[parsed.patch]


def images(version: str | Version) -> Images:
    """Give the image tags of etcd, coredns and pause that kubeadm of this version uses."""
    parsed = Version.parse(version) if isinstance(version, str) else version
    row = minor_of(parsed)
    _, etcd, coredns, pause = [i for i in row.images if i[0] <= parsed.patch][-1]
    known = row.images_unknown_from is None or parsed.patch < row.images_unknown_from
    return Images(etcd, coredns or "", pause, verified=known)


def registry(version: str | Version) -> str:
    """Give the default image repository: k8s.gcr.io, from the patches of December 2022 on registry.k8s.io."""
    parsed = Version.parse(version) if isinstance(version, str) else version
    moved = {(1, 22): 17, (1, 23): 15, (1, 24): 9}.get(parsed[:2])
    return "registry.k8s.io" if moved is not None and parsed.patch >= moved else minor_of(parsed).registry


def supported(date: datetime.date) -> list[Minor]:
    """Give the minors that upstream mends on a day, newest first."""
    return [row for row in reversed(minors().values()) if row.supported(date)]


@cache
def etcd_releases() -> dict[str, datetime.date]:
    """Give the day of each etcd release."""
    return {f"{minor}.{patch}": datetime.date.fromisoformat(day)
            for minor, patches in _data()["etcd"].items() for patch, day in patches.items()}
