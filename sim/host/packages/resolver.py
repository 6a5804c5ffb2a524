"""Which packages change when some are asked for: apt's plan, or why there is none.

Models: the outcome of apt-pkg/depcache.cc and algorithms.cc for what labs do: dependencies are pulled in at their
candidate, held packages stay, a removed package takes its dependants along unless they are held. Left out: scores,
alternatives but the first that works, Recommends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sim.host.packages.cache import Cache
from sim.host.packages.debian import Dependency, Relation, compare
from sim.host.packages.package import Package

HELD_BROKEN = "Unable to correct problems, you have held broken packages."
BREAKS = "Error, pkgProblemResolver::Resolve generated breaks, this may be caused by held packages."


@dataclass
class Plan:
    """What is to change. install: name -> version that will be there; named: what was asked for by name.

    removed: in apt's order; purge: their configuration too; kept: upgrades that do not happen; unmet: package ->
    lines of what it lacks; problem: what apt says of them.
    """

    install: dict[str, Package] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)
    named: dict[str, None] = field(default_factory=dict)
    purge: bool = False
    kept: list[str] = field(default_factory=list)
    unmet: dict[str, list[str]] = field(default_factory=dict)
    problem: str = ""
    reinstall: dict[str, None] = field(default_factory=dict)


class Resolver:
    """Works a plan out against what a host has and can get."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.database = cache.database
        self.plan = Plan()
        self.before = self.broken()

    # ---- what will be there -----------------------------------------------------------------------------------
    def after(self, name: str) -> Package | None:
        """Give the version of a package that will be there, None when it will not."""
        if name in self.plan.install:
            return self.plan.install[name]
        if name in self.plan.removed:
            return None
        entry = self.database.get(name)
        return entry.package if entry is not None else None

    def _met(self, dependency: Dependency) -> bool:
        return any((there := self.after(each.name)) is not None and each.met_by(there.version) for each in dependency) or (
            all(each.name in GIVEN for each in dependency))

    def _dependants(self) -> Iterable[Package]:
        for entry in self.database.entries():
            there = self.after(entry.package.name) if entry.here else None
            if there is not None:
                yield there
        for name, package in self.plan.install.items():
            if self.database.get(name) is None:
                yield package

    # ---- what may be asked ------------------------------------------------------------------------------------
    def install(self, wanted: dict[str, Package]) -> Plan:
        """Have these versions, and what they need."""
        self.plan.install.update(wanted)
        self.plan.named.update(dict.fromkeys(wanted))
        self._pull(list(wanted.values()))
        self._judge()
        return self.plan

    def _pull(self, queue: list[Package]) -> None:
        while queue:
            package = queue.pop(0)
            for dependency in package.needs:
                if self._met(dependency):
                    continue
                for each in dependency:
                    found = self._obtainable(each)
                    if found is not None:
                        self.plan.install[found.name] = found
                        queue.append(found)
                        break

    def _obtainable(self, relation: Relation) -> Package | None:
        """Give the candidate of a dependency, if it does and nobody holds the package or asked for another version."""
        entry = self.database.get(relation.name)
        if (entry is not None and entry.held) or relation.name in self.plan.named or relation.name in self.plan.removed:
            return None
        found = self.cache.candidate(relation.name)
        return found if found is not None and relation.met_by(found.version) else None

    def _judge(self) -> None:
        """Find what would be broken: upgrade it where that helps, else remove it, unless it is held or asked for."""
        broken = True
        while broken:
            broken = False
            for package in list(self._dependants()):
                missing = [each for each in package.needs if not self._met(each)]
                if not missing or package.name in self.plan.unmet or (package.name in self.before and package.name not in self.plan.install):
                    continue
                newest = self.cache.candidate(package.name)
                entry = self.database.get(package.name)
                free = entry is not None and not entry.held and package.name not in self.plan.install
                broken = True
                if free and newest is not None and newest.version != package.version and all(map(self._met, newest.needs)):
                    self.plan.install[package.name] = newest
                elif free and package.name not in self.plan.named:
                    self.plan.removed[package.name] = None
                else:
                    self.plan.unmet[package.name] = [f"Depends: {self._say(each)}" for each in missing]
                    self.plan.problem = HELD_BROKEN if self.plan.problem == HELD_BROKEN or package.name in self.plan.install else BREAKS
        self._forgive()

    def _forgive(self) -> None:
        """Where there is no plan, nothing is upgraded or removed for it."""
        if self.plan.unmet:
            self.plan.removed = {name: None for name in self.plan.removed if name in self.plan.named}

    def broken(self) -> dict[str, list[str]]:
        """Give what is installed and lacks something now."""
        found = {}
        for package in self._dependants():
            missing = [each for each in package.needs if not self._met(each)]
            if missing:
                found[package.name] = [f"Depends: {self._say(each, now=True)}" for each in missing]
        return found

    def mend(self) -> Plan:
        """Install what is lacking; what cannot be mended goes."""
        self._pull(list(self._dependants()))
        self.before = {}
        self._judge()
        return self.plan

    def _say(self, dependency: Dependency, *, now: bool = False) -> str:
        said = []
        for each in dependency:
            there = self.after(each.name)
            rows = self.cache.versions(each.name)
            entry = self.database.get(each.name)
            held = entry is not None and entry.held
            if there is not None:
                fits = any(each.met_by(row.package.version) for row in rows)
                if fits and not held and each.name not in self.plan.named and not now:
                    there = rows[0].package
                why = f"but {there.version} is {'' if now else 'to be '}installed"
            elif not rows:
                why = "but it is not installable"
            else:
                why = "but it is not installed" if now else "but it is not going to be installed"
            said.append(f"{each} {why}")
        return " or ".join(said)

    def remove(self, names: Iterable[str], *, purge: bool = False) -> Plan:
        """Have these gone, and what needs them."""
        self.plan.purge = purge
        for name in names:
            self.plan.removed[name] = None
            self.plan.named[name] = None
        changed = True
        while changed:
            changed = False
            for package in list(self._dependants()):
                missing = [each for each in package.needs if not self._met(each)]
                if not missing or package.name in self.plan.unmet or package.name in self.before:
                    continue
                entry = self.database.get(package.name)
                if entry is not None and entry.held and package.name not in self.plan.named:
                    self.plan.unmet[package.name] = [f"Depends: {self._say(each)}" for each in missing]
                    self.plan.problem = BREAKS
                    continue
                self.plan.removed[package.name] = None
                changed = True
        return self.plan

    def upgrade(self, *, new: bool, named: dict[str, Package] | None = None) -> Plan:
        """Have the newest of everything. new: packages that are not there may come too."""
        if named:
            self.install(named)
        for entry, newest in list(self.cache.upgradable()):
            name = entry.package.name
            if name in self.plan.install:
                continue
            if entry.held or compare(newest.version, entry.version) < 0:
                self.plan.kept.append(name)
                continue
            before = dict(self.plan.install)
            self.plan.install[name] = newest
            self._pull([newest])
            grown = [each for each in self.plan.install if each not in before and self.database.get(each) is None]
            broken = any(not self._met(each) for package in self.plan.install.values() for each in package.needs)
            if broken or (grown and not new):
                self.plan.install = before
                self.plan.kept.append(name)
        return self.plan

    def unneeded(self) -> list[str]:
        """Name the packages that came only for others and are needed no more."""
        needed, queue = set(), [each for each in self._dependants() if not self._automatic(each.name)]
        while queue:
            package = queue.pop()
            if package.name in needed:
                continue
            needed.add(package.name)
            for dependency in package.needs:
                for each in dependency:
                    there = self.after(each.name)
                    if there is not None and there.name not in needed:
                        queue.append(there)
        return sorted(each.name for each in self._dependants() if each.name not in needed)

    def _automatic(self, name: str) -> bool:
        entry = self.database.get(name)
        if entry is None:
            return name not in self.plan.named
        return entry.auto and name not in self.plan.named


GIVEN = frozenset(("iptables", "mount", "util-linux", "iproute2"))
"""Packages that every host has, also one that has no table of its own."""


def in_order(packages: dict[str, Package]) -> list[Package]:
    """Put packages in the order in which apt fetches, unpacks and configures them: by name, what is needed first."""
    found: dict[str, Package] = {}

    def visit(package: Package) -> None:
        if package.name in found or package.name in busy:
            return
        busy.add(package.name)
        for dependency in package.needs:
            for each in dependency:
                if each.name in packages:
                    visit(packages[each.name])
        found[package.name] = package

    busy: set[str] = set()
    for name in sorted(packages):
        visit(packages[name])
    return list(found.values())


def in_removal_order(packages: list[Package]) -> list[Package]:
    """Put packages in the order in which they are removed: who needs another goes before it."""
    return list(reversed(in_order({package.name: package for package in packages})))
