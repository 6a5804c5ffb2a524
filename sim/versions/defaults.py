"""What a component does by default, by version: numbers, names and texts, each with its source.

A value's version is Kubernetes' own, and etcd's for facts whose name starts with `etcd`. Times are in seconds.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from sim.versions.catalogue import Version, VersionError

AnyVersion = str | tuple[int, int] | Version
_FIRST, _LAST = (0, 0, 0), (999, 999, 999)


class Gate(NamedTuple):
    """A feature gate in one version. stage: Alpha, Beta, GA or removed."""

    stage: str
    default: bool
    locked: bool = False


@cache
def _data() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("defaults.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _spans(name: str) -> list[tuple[tuple[int, ...], tuple[int, ...], Any]]:
    """Give (first, last, value): `until 1.31` includes all patches of 1.31."""
    fact = _data()["facts"].get(name)
    if fact is None:
        raise VersionError(f"no such default in the version catalogue: {name}")

    def bound(text: str | None, missing: tuple[int, ...], fill: int) -> tuple[int, ...]:
        parts = tuple(int(p) for p in text.split(".")) if text else missing
        return (*parts, *(fill for _ in range(3 - len(parts))))

    spans = [[bound(v.get("since"), _FIRST, 0), bound(v.get("until"), _LAST, 999), v["value"]] for v in fact["values"]]
    for row, after in zip(spans, spans[1:], strict=False):
        if row[1][:2] == _LAST[:2]:
            row[1] = after[0]
    return [(first, last, value) for first, last, value in reversed(spans)]


def value(name: str, version: AnyVersion) -> Any:
    """Give a default in a version, as the data has it. VersionError for an unknown name or a version before the first."""
    parsed = Version.parse(version) if isinstance(version, str) else Version(*version)
    for first, last, found in _spans(name):
        if first <= parsed[:3] <= last:
            return found
    raise VersionError(f"{name} is not known for version {parsed}")


def number(name: str, version: AnyVersion) -> float:
    """Give a default that is a number (seconds, a rate, a count)."""
    return float(value(name, version))


def text(name: str, version: AnyVersion) -> str:
    """Give a default that is a text."""
    return str(value(name, version))


def names(name: str, version: AnyVersion) -> tuple[str, ...]:
    """Give a default that is a list of names, such as `control-plane-taints`."""
    return tuple(value(name, version))


def source(name: str) -> tuple[str, str]:
    """Give (where a default was read, how sure it is)."""
    fact = _data()["facts"][name]
    return fact["source"], fact["confidence"]


def known() -> dict[str, str]:
    """Give every default's name and what it is about."""
    return {name: fact["topic"] for name, fact in _data()["facts"].items()}


def gate(name: str, version: AnyVersion) -> Gate | None:
    """Give a feature gate in a version; None where it does not exist (yet)."""
    parsed = Version.parse(version) if isinstance(version, str) else Version(*version)
    rows = [row for row in _data()["gates"].get(name, []) if Version.parse(row["since"])[:2] <= parsed[:2]]
    return Gate(rows[-1]["stage"], rows[-1]["default"], rows[-1].get("locked", False)) if rows else None
