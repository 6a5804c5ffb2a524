"""What apt knows on a host: the indexes that it has fetched, and the packages in them.

An index on the host is a file in /var/lib/apt/lists that says of which moment it is; what it lists follows from the
repository and that moment. So `rm -rf /var/lib/apt/lists/*`, an edited sources.list and a forgotten `apt-get update`
act for the true reason. Models: apt-pkg/pkgcachegen.cc and policy.cc without pins.
"""

from __future__ import annotations

import datetime
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.host.files import FileError
from sim.host.packages import sources
from sim.host.packages.database import Entry
from sim.host.packages.debian import order
from sim.host.packages.package import Package
from sim.host.packages.repositories import Repository
from sim.host.packages.sources import Source

if TYPE_CHECKING:
    from sim.host.machine import Host

LISTS, ARCHIVES = "/var/lib/apt/lists", "/var/cache/apt/archives"
INSTALLED_PRIORITY, PRIORITY = 100, 500


@dataclass(frozen=True, slots=True)
class Index:
    """An index on a host: what a repository listed on a day."""

    source: Source
    repository: Repository
    day: datetime.date

    def packages(self) -> tuple[Package, ...]:
        """Give what it lists."""
        if not self.repository.flat and not set(self.source.components) & set(self.repository.sections):
            return ()
        return self.repository.offers(self.day)


@dataclass(slots=True)
class Available:
    """A version that can be had, and from where; installed: it is on the host."""

    package: Package
    indexes: list[Index]
    installed: bool = False


def bucket(name: str) -> int:
    """Give where a name stands in apt's hash table (pkgCache::Hash: Bernstein's, of 196,613 places)."""
    found = 5381
    for letter in name.partition(":")[0].lower():
        found = (33 * found + ord(letter)) & 0xFFFFFFFF
    return found % 196_613


def today(host: Host) -> datetime.date:
    """Give the day on a host's clock."""
    return (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=host.engine.unix_us // 1_000_000)).date()


def index_path(source: Source) -> str:
    """Give where a source's InRelease lies."""
    return f"{LISTS}/{source.list_name}InRelease"


def store(host: Host, source: Source, repository: Repository, day: datetime.date | None = None) -> None:
    """Keep an index, as `apt-get update` does. Raises FileError."""
    day = day or today(host)
    text = f"Origin: {repository.release}\nSuite: {repository.release}\nDate: {day.isoformat()}\n"
    host.files.install(index_path(source), text.encode(), mode=0o644)


def stored_day(host: Host, source: Source) -> datetime.date | None:
    """Tell of which day a source's index is; None when there is none."""
    try:
        found = re.search(r"^Date: (\d{4}-\d\d-\d\d)$", host.files.view().read(index_path(source)).decode(errors="replace"), re.MULTILINE)
        return datetime.date.fromisoformat(found[1]) if found else None
    except (FileError, ValueError):
        return None


class Cache:
    """The packages that a host's apt knows now. Raises sources.SourceError when its lists cannot be read."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.database = host.packages
        self.sources = sources.unique(sources.read(host.files.view()))
        self.indexes: list[Index] = []
        for source in self.sources:
            day = stored_day(host, source)
            if day is None:
                continue
            repository = host.network.mirrors.known(source.uri, source.suite, day)
            if repository is not None:
                self.indexes.append(Index(source, repository, day))
        self._mentioned: set[str] | None = None
        self._found: dict[str, list[Available]] = {}
        for index in self.indexes:
            for package in index.packages():
                rows = self._found.setdefault(package.name, [])
                same = next((row for row in rows if row.package.version == package.version), None)
                if same is None:
                    rows.append(Available(package, [index]))
                else:
                    same.indexes.append(index)

    def names(self) -> list[str]:
        """Name all packages, installed ones too."""
        return sorted({*self._found, *(entry.package.name for entry in self.database.entries())})

    def knows(self, name: str) -> bool:
        """Tell whether there is such a package, or another one speaks of it."""
        return bool(self.versions(name))

    def mentioned(self, name: str) -> bool:
        """Tell whether a package that is installed or listed needs one of this name."""
        if self._mentioned is None:
            known = [row.package for rows in self._found.values() for row in rows]
            known += [entry.package for entry in self.database.entries()]
            self._mentioned = {each.name for package in known for dependency in package.needs for each in dependency}
        return name in self._mentioned

    def versions(self, name: str) -> list[Available]:
        """Give all versions of a package, newest first."""
        rows = [Available(row.package, row.indexes) for row in self._found.get(name, ())]
        entry = self.database.get(name)
        if entry is not None:
            same = next((row for row in rows if row.package.version == entry.version), None)
            if same is None:
                rows.append(Available(entry.package, [], installed=True))
            else:
                same.installed = True
        return sorted(rows, key=lambda row: order(row.package.version), reverse=True)

    def candidate(self, name: str) -> Package | None:
        """Give the version that apt would install: the newest, never one older than what is there."""
        rows = self.versions(name)
        return rows[0].package if rows else None

    def of_release(self, name: str, release: str) -> bool:
        """Tell whether a release has a package."""
        return any(index.repository.release == release or index.source.suite == release
                   for row in self.versions(name) for index in row.indexes)

    def find(self, name: str, version: str) -> Available | None:
        """Give a version of a package; `1.29.*` is a pattern that takes the newest match."""
        for row in self.versions(name):
            if row.package.version == version or ("*" in version and fnmatch.fnmatchcase(row.package.version, version)):
                return row
        return None

    def upgradable(self) -> Iterator[tuple[Entry, Package]]:
        """Give what is installed and has a newer version, by name."""
        for entry in self.database.entries():
            if entry.here:
                newest = self.candidate(entry.package.name)
                if newest is not None and newest.version != entry.version:
                    yield entry, newest

    def matching(self, pattern: str) -> list[str]:
        """Name the packages that a shell pattern fits, as apt numbers them: by their first mention, dpkg's list first."""
        mentioned: dict[str, None] = {}
        for entry in self.database.entries():
            mentioned[entry.package.name] = None
            mentioned.update(dict.fromkeys(each.name for dependency in entry.package.needs for each in dependency))
        mentioned.update(dict.fromkeys(self._found))
        return [name for name in mentioned if fnmatch.fnmatchcase(name.partition(":")[0], pattern) and self.knows(name)]

    def hashed(self) -> list[str]:
        """Name all packages in the order of apt's hash table."""
        return sorted(self.names(), key=bucket)


def cached_archive(host: Host, package: Package) -> str:
    """Give where apt keeps a package's archive."""
    return f"{ARCHIVES}/{package.archive}"
