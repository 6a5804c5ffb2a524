"""Versions and dependencies as Debian writes them.

Models: dpkg's lib/dpkg/version.c (verrevcmp) and the grammar of Depends in debian-policy, section 7.
"""

from __future__ import annotations

import re
from functools import cache, cmp_to_key
from typing import NamedTuple

_RELATION = re.compile(r"([a-z0-9][a-z0-9.+-]*)(?::any)?\s*(?:\(\s*(<<|<=|=|>=|>>)\s*([^)\s]+)\s*\))?\Z")


class Relation(NamedTuple):
    """One alternative of a dependency. op: "" where any version will do."""

    name: str
    op: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.op} {self.version})" if self.op else self.name

    def met_by(self, version: str) -> bool:
        """Tell whether a version of the package satisfies it."""
        if not self.op:
            return True
        order = compare(version, self.version)
        return {"<<": order < 0, "<=": order <= 0, "=": order == 0, ">=": order >= 0, ">>": order > 0}[self.op]


Dependency = tuple[Relation, ...]
"""Alternatives, the preferred one first."""


def _order(letter: str) -> int:
    if letter == "~":
        return -1
    if letter.isdigit() or not letter:
        return 0
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def _compare_part(one: str, other: str) -> int:
    while one or other:
        head, rest = re.match(r"([^0-9]*)(.*)", one, re.DOTALL).groups()  # type: ignore[union-attr]
        head2, rest2 = re.match(r"([^0-9]*)(.*)", other, re.DOTALL).groups()  # type: ignore[union-attr]
        for at in range(max(len(head), len(head2))):
            difference = _order(head[at:at + 1]) - _order(head2[at:at + 1])
            if difference:
                return difference
        number, one = re.match(r"([0-9]*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
        number2, other = re.match(r"([0-9]*)(.*)", rest2, re.DOTALL).groups()  # type: ignore[union-attr]
        if int(number or 0) != int(number2 or 0):
            return int(number or 0) - int(number2 or 0)
    return 0


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return int(epoch) if epoch.isdigit() else 0, upstream if dash else rest, revision if dash else ""


@cache
def compare(one: str, other: str) -> int:
    """Give a number below, at or above 0 as the first version is older, the same or newer."""
    first, second = _split(one), _split(other)
    return first[0] - second[0] or _compare_part(first[1], second[1]) or _compare_part(first[2], second[2])


order = cmp_to_key(compare)
"""A key for `sorted`: oldest first."""


@cache
def dependencies(text: str) -> tuple[Dependency, ...]:
    """Read `Depends:`, an empty text as none. Raises ValueError for a text that is none."""
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        alternatives = []
        for each in part.split("|"):
            match = _RELATION.match(each.strip())
            if match is None:
                raise ValueError(f"not a dependency: {each.strip()}")
            alternatives.append(Relation(match[1], match[2] or "", match[3] or ""))
        found.append(tuple(alternatives))
    return tuple(found)
