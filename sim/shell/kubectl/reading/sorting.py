"""The order of --sort-by.

Models: kubectl/pkg/cmd/get/sorter.go, github.com/fvbommel/sortorder (NaturalLess).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any, TypeVar

from sim.api import quantity
from sim.api.client import Object
from sim.shell.kubectl.printing import jsonpath

T = TypeVar("T")


def ordered(pairs: Sequence[tuple[T, Object]], path: str) -> list[tuple[T, Object]]:
    """Sort (anything, object) pairs by a field; objects without it come first. Raises JsonPathError."""
    keyed: list[tuple[list[Any], tuple[T, Object]]] = []
    for pair in pairs:
        found = jsonpath.results(path, pair[1])
        keyed.append((found[0][:1] if found else [], pair))
    if keyed and not any(values for values, _ in keyed):
        raise jsonpath.JsonPathError(f'couldn\'t find any field with path "{path}" in the list of objects')
    order = cmp_to_key(compare)
    return [pair for _, pair in sorted(keyed, key=lambda each: order(each[0]))]


def compare(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Compare two found values; none is less than any."""
    if not one or not other:
        return len(one) - len(other)
    return _compare(one[0], other[0])


def _compare(a: Any, b: Any) -> int:
    if isinstance(a, list) and isinstance(b, list):
        for left, right in zip(a, b, strict=False):
            if result := _compare(left, right):
                return result
        return len(a) - len(b)
    if isinstance(a, str) and isinstance(b, str):
        try:
            left, right = quantity.parse(a), quantity.parse(b)
        except ValueError:
            return natural(a, b)
        return int(left > right) - int(left < right)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return int(a > b) - int(a < b)
    return 0


def natural(one: str, other: str) -> int:
    """Compare texts with the numbers in them taken as numbers."""
    parts = [re.findall(r"\d+|\D", text) for text in (one, other)]
    for a, b in zip(*parts, strict=False):
        if a == b:
            continue
        if a.isdigit() and b.isdigit():
            mine, theirs = (int(a), len(a)), (int(b), len(b))
            return int(mine > theirs) - int(mine < theirs)
        return int(a > b) - int(a < b)
    return len(parts[0]) - len(parts[1])
