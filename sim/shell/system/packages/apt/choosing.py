"""Finds the packages that apt's words name: by name, version, pattern.

Models: apt-private/private-cacheset.cc and private-install.cc.
"""

from __future__ import annotations

import re

from sim.host.packages.cache import Cache
from sim.host.packages.package import Package, Recipe

NOT_AVAILABLE = """Package {name} is not available, but is referred to by another package.
This may mean that the package is missing, has been obsoleted, or
is only available from another source
"""
Chosen = dict[str, Package]


ABSENT = Package(Recipe("absent"), "0", "0")
"""Stands for a package of which there is no version; only its name counts."""


class Unfindable(Exception):
    """Names or versions that apt does not find: the lines for standard output and the errors."""

    def __init__(self, errors: list[str], plain: str = "") -> None:
        super().__init__(errors)
        self.errors = errors
        self.plain = plain


def choose(known: Cache, words: list[str], *, removing: bool = False) -> tuple[Chosen, list[str], list[str]]:
    """Find what is asked for: versions to install, names to remove (`kubeadm-`), and names in their order.

    Raises Unfindable, with all unknown names but only the first unknown version, as apt does.
    """
    chosen: Chosen = {}
    dropped: list[str] = []
    errors: list[str] = []
    for word in words:
        name, equals, version = word.partition("=")
        if not known.knows(name) and name.endswith(("-", "+")) and known.knows(name[:-1]):
            if name.endswith("-"):
                dropped.append(name[:-1])
                continue
            name = name[:-1]
        name, _, release = name.partition("/") if "/" in name and not equals else (name, "", "")
        names = _named(known, name)
        if not names and known.mentioned(name):
            if removing:
                chosen.setdefault(name, ABSENT)
                continue
            raise Unfindable([f"Package '{name}' has no installation candidate"], NOT_AVAILABLE.format(name=name))
        if release and names and not known.of_release(names[0], release):
            raise Unfindable([f"Release '{release}' for '{names[0]}' was not found"], NOT_AVAILABLE.format(name=names[0]))
        if not names:
            errors += _unlocatable(name)
            continue
        for each in names:
            row = known.find(each, version) if equals else None
            if equals and row is None:
                raise Unfindable([f"Version '{version}' for '{each}' was not found"], NOT_AVAILABLE.format(name=each))
            package = row.package if row is not None else known.candidate(each)
            assert package is not None
            if not (removing and not equals):
                chosen[each] = package
            else:
                chosen.setdefault(each, package)
    if errors:
        raise Unfindable(errors)
    return chosen, dropped, list(chosen)


def _named(known: Cache, name: str) -> list[str]:
    plain = name.partition(":")[0] if name.endswith((":amd64", ":any")) else name
    if known.knows(plain) or known.database.entry(plain) is not None:
        return [plain]
    if known.knows(f"{plain}:amd64"):
        return [f"{plain}:amd64"]
    if re.search(r"[*?\[]", name):
        return known.matching(name)
    if re.search(r"[.^$+|()]", name):
        try:
            return [each for each in known.names() if re.search(name, each)]
        except re.error:
            return []
    return []


def _unlocatable(name: str) -> list[str]:
    found = [f"Unable to locate package {name}"]
    if re.search(r"[.*?\[]", name):
        found.append(f"Couldn't find any package by glob '{name}'")
    if re.search(r"[.*+?\[^$|()]", name):
        found.append(f"Couldn't find any package by regex '{name}'")
    return found
