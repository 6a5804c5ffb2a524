"""What is installed on a host: dpkg's database, and the acts that change it.

Models: dpkg's status file and its states. An act is one step (unpack, configure, remove, purge), so that power can go
between any two of them; apt and dpkg call them one by one. Left out: triggers, alternatives, diversions.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.host.files import FileError
from sim.host.packages.package import Package, PackageFile, digest

if TYPE_CHECKING:
    from sim.host.machine import Host

INSTALLED, UNPACKED, HALF_CONFIGURED, HALF_INSTALLED, CONFIG_FILES = (
    "installed", "unpacked", "half-configured", "half-installed", "config-files")
LETTERS = {INSTALLED: "i", UNPACKED: "U", HALF_CONFIGURED: "F", HALF_INSTALLED: "H", CONFIG_FILES: "c"}
NEW, OLD = ".dpkg-new", ".dpkg-dist"


@dataclass(slots=True)
class Entry:
    """A package that the database knows.

    wanted: install, hold, deinstall or purge. auto: only because another needed it. digests: of the configuration
    files as the package shipped them. configured: the version that was configured last.
    """

    package: Package
    state: str = INSTALLED
    wanted: str = "install"
    auto: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    configured: str = ""

    @property
    def version(self) -> str:
        """The version whose files are there."""
        return self.package.version

    @property
    def held(self) -> bool:
        """Tell whether apt and dpkg must leave it alone."""
        return self.wanted == "hold"

    @property
    def here(self) -> bool:
        """Tell whether its files are there (not only its configuration)."""
        return self.state != CONFIG_FILES


class Database:
    """The packages of one host.

    base: packages that the distribution's image brought; shared by all hosts of it, and copied into `own` when changed.
    held_unknown: names that are on hold without being installed.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.own: dict[str, Entry | None] = {}
        self.base: dict[str, Package] = {}
        self.unknown: dict[str, str] = {}
        self.interrupted = False
        self.lock_holder: tuple[int, str] | None = None

    # ---- reading ----------------------------------------------------------------------------------------------
    def entry(self, name: str) -> Entry | None:
        """Give what the database says of a name, None when it knows nothing."""
        if name in self.own:
            return self.own[name]
        package = self.base.get(name)
        return Entry(package) if package is not None else None

    def get(self, name: str) -> Entry | None:
        """Give a package that is there; None when it is not, or only its configuration is left."""
        found = self.entry(name)
        return found if found is not None and found.here else None

    def entries(self) -> Iterator[Entry]:
        """Give all packages, by name."""
        for name in sorted({**self.base, **self.own}):
            found = self.entry(name)
            if found is not None:
                yield found

    def held(self) -> list[str]:
        """Name the packages on hold, by the alphabet."""
        names = [name for name, entry in self.own.items() if entry is not None and entry.held]
        return sorted([*names, *self.unknown])

    def unfinished(self) -> list[Entry]:
        """Give the packages that are neither installed nor gone."""
        return [entry for entry in self.own.values() if entry is not None and entry.state in (UNPACKED, HALF_CONFIGURED, HALF_INSTALLED)]

    def version(self, name: str) -> str:
        """Give the installed version, "" when it is not there."""
        found = self.get(name)
        return found.version if found is not None else ""

    def owners(self, path: str) -> list[str]:
        """Name the packages that have a path."""
        return [entry.package.name for entry in self.entries() if path in entry.package.paths()]

    def _mine(self, name: str) -> Entry:
        found = self.entry(name)
        assert found is not None
        self.own[name] = found
        return found

    # ---- marks ------------------------------------------------------------------------------------------------
    def hold(self, name: str, *, on: bool = True) -> None:
        """Put a package on hold or take it off; one that is not installed may be held too."""
        if self.entry(name) is None:
            if on:
                self.unknown[name] = "hold"
            else:
                self.unknown.pop(name, None)
            return
        self._mine(name).wanted = "hold" if on else "install"

    def mark(self, name: str, *, auto: bool) -> None:
        """Say whether a package is there only because another needed it."""
        self._mine(name).auto = auto

    # ---- acts -------------------------------------------------------------------------------------------------
    def unpack(self, package: Package, *, auto: bool = False) -> None:
        """Put a package's files on the host, over those of an older version. Raises FileError (the disk is full)."""
        before = self.entry(package.name)
        keep = {} if before is None else dict(before.digests)
        gone = [] if before is None or not before.here else [
            each for each in before.package.files if not each.conffile and each.path not in {new.path for new in package.files}]
        for each in package.files:
            if each.conffile:
                self._write(each.path + NEW, each, package)
        for each in package.files:
            if not each.conffile:
                self._write(each.path, each, package)
        for each in gone:
            self._unlink(each.path)
        self.unknown.pop(package.name, None)
        wanted = before.wanted if before is not None and before.wanted == "hold" else "install"
        self.own[package.name] = Entry(package, UNPACKED, wanted, before.auto if before is not None and before.here else auto, keep,
                                       before.configured if before is not None else "")

    def questions(self, name: str) -> list[PackageFile]:
        """Give the configuration files of which both sides have another text than before: somebody must choose."""
        entry = self.entry(name)
        assert entry is not None
        view, found = self.host.files.view(), []
        for each in entry.package.conffiles:
            new, old = digest(each.content(entry.package.upstream)), entry.digests.get(each.path)
            if old is None or new == old or not view.exists(each.path):
                continue
            if digest(view.read(each.path)) not in (old, new):
                found.append(each)
        return found

    def configure(self, name: str, keep: frozenset[str] = frozenset()) -> list[str]:
        """Finish an unpacked package; gives the configuration files that it replaced.

        keep: those that stay as the administrator has them; the package's lies beside them as .dpkg-dist.
        """
        entry = self._mine(name)
        view, replaced = self.host.files.view(), []
        for each in entry.package.conffiles:
            new = each.content(entry.package.upstream)
            old = entry.digests.get(each.path)
            now = digest(view.read(each.path)) if view.exists(each.path) else None
            self._unlink(each.path + NEW)
            if each.path in keep:
                self.host.files.install(each.path + OLD, new, mode=each.mode)
            elif now is None and old is not None:
                pass  # the administrator removed it
            elif now is None or (now == old and digest(new) != old) or (now != digest(new) and digest(new) != old):
                if now is not None:
                    replaced.append(each.path)
                self.host.files.install(each.path, new, mode=each.mode)
            entry.digests[each.path] = digest(new)
        entry.state, entry.configured = INSTALLED, entry.version
        if entry.package.recipe.configured is not None:
            entry.package.recipe.configured(self.host)
        return replaced

    def remove(self, name: str) -> None:
        """Take a package's files away; its configuration stays."""
        entry = self._mine(name)
        if entry.package.recipe.removing is not None:
            entry.package.recipe.removing(self.host)
        for each in entry.package.files:
            if not each.conffile:
                self._unlink(each.path)
        if entry.package.conffiles:
            entry.state, entry.wanted = CONFIG_FILES, "deinstall"
        else:
            self.own[name] = None

    def purge(self, name: str) -> None:
        """Take what a removed package left, too."""
        entry = self.entry(name)
        if entry is None:
            return
        for each in entry.package.conffiles:
            for path in (each.path, each.path + OLD):
                self._unlink(path)
        self.own[name] = None

    def install(self, package: Package, *, auto: bool = False) -> None:
        """Unpack and configure at once, as an installer of hosts does before anybody looks; no maintainer script runs."""
        for each in package.files:
            self._write(each.path, each, package)
        digests = {each.path: digest(each.content(package.upstream)) for each in package.conffiles}
        self.own[package.name] = Entry(package, INSTALLED, "install", auto, digests, package.version)

    def _write(self, path: str, each: PackageFile, package: Package) -> None:
        self.host.files.install(path, each.content(package.upstream), mode=each.mode)

    def _unlink(self, path: str) -> None:
        view = self.host.files.view()
        try:
            view.remove(path)
        except FileError:
            return
        folder = posixpath.dirname(path)
        if folder.endswith(".service.d") and not view.list(folder):
            view.remove(folder)
