"""A package: one version of one name, with what it puts on a host."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.host.packages.debian import Dependency, dependencies

if TYPE_CHECKING:
    from sim.host.machine import Host

Reaction = Callable[["Host"], None]


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file of a package. text: its content; "" is a program that knows the package's version.

    conffile: the administrator's from the first day on, and asked about when both sides changed it.
    """

    path: str
    text: str = ""
    conffile: bool = False

    def content(self, version: str) -> bytes:
        """Give its bytes. version: the upstream version of the package."""
        if self.text:
            return self.text.encode()
        return f"#!simulated {posixpath.basename(self.path)} v{version}\n".encode()

    @property
    def mode(self) -> int:
        """Give its mode."""
        return 0o644 if self.text else 0o755


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all versions of a package have in common.

    summary, description: the two parts of `Description:`. maintainer scripts act through `configured` (after an
    installation or upgrade), `upgrading` and `removing` (before).
    """

    name: str
    section: str = "misc"
    priority: str = "optional"
    maintainer: str = ""
    homepage: str = ""
    summary: str = ""
    description: str = ""
    documents: tuple[str, ...] = ("copyright", "changelog.Debian.gz")
    configured: Reaction | None = None
    removing: Reaction | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """A version of a package as a repository offers it.

    upstream: the version that its programs know. size_bytes: of the archive; installed_kib: on the disk.
    """

    recipe: Recipe
    version: str
    upstream: str
    depends: str = ""
    size_bytes: int = 0
    installed_kib: int = 0
    files: tuple[PackageFile, ...] = field(default=(), repr=False)
    provides: tuple[str, ...] = ()
    conflicts: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.recipe.name

    @property
    def needs(self) -> tuple[Dependency, ...]:
        """Give its dependencies."""
        return dependencies(self.depends)

    @property
    def archive(self) -> str:
        """Give the name of its file in apt's cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_amd64.deb"

    @property
    def conffiles(self) -> tuple[PackageFile, ...]:
        """Give its configuration files."""
        return tuple(each for each in self.files if each.conffile)

    def paths(self) -> list[str]:
        """Name all that is in it, folders too, as `dpkg -L` does. Documents are listed, not written."""
        found: dict[str, None] = {"/.": None}
        documents = [f"/usr/share/doc/{self.name}/{name}" for name in self.recipe.documents]
        for path in [*(each.path for each in self.files), *documents]:
            parts = path.split("/")
            for at in range(2, len(parts) + 1):
                found["/".join(parts[:at])] = None
        return list(found)

    def sha256(self) -> str:
        """Give the digest of its archive."""
        return hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()


def digest(data: bytes) -> str:
    """Give a configuration file's digest, as dpkg keeps it."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
