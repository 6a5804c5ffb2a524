"""Compares values as goals write it: `{gte: 2}`, `{in: […]}`; quantities and versions compare as such."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sim.api import quantity

VERSION = re.compile(r"v?\d+\.\d+\.\d+")
TEXT_MAX = 100_000


def number_of(value: Any) -> Any:
    """Give what a value is worth in a comparison of sizes: an amount, a version, None for neither."""
    if value is None:
        return quantity.parse("0")  # Kubernetes leaves out a field that is zero
    if isinstance(value, bool):
        return None
    text = str(value)
    if VERSION.fullmatch(text):
        return tuple(int(part) for part in text.removeprefix("v").split("."))
    try:
        return quantity.parse(text)
    except (ValueError, OverflowError):
        return None


def equal(value: Any, want: Any) -> bool:
    """Tell whether two values are equal; a missing one equals null, false, 0 and an empty text."""
    if value is None:
        return want in (None, False, 0, "")
    if isinstance(value, bool) or isinstance(want, bool):
        return value is want or str(value).lower() == str(want).lower()
    if value == want or str(value) == str(want):
        return True
    return VERSION.fullmatch(str(want)) is None and number_of(value) is not None and number_of(value) == number_of(want)


def _sized(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, limit: Any) -> bool:
        left, right = number_of(value), number_of(limit)
        return left is not None and right is not None and isinstance(left, tuple) == isinstance(right, tuple) and test(left, right)

    return compare


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)[:TEXT_MAX]


VALUE_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": equal, "ne": lambda value, limit: not equal(value, limit),
    "gt": _sized(lambda a, b: a > b), "gte": _sized(lambda a, b: a >= b),
    "lt": _sized(lambda a, b: a < b), "lte": _sized(lambda a, b: a <= b),
    "in": lambda value, limit: any(equal(value, each) for each in limit),
    "contains": lambda value, limit: any(equal(each, limit) for each in value) if isinstance(value, list) else (
        str(limit) in value if isinstance(value, dict) else str(limit) in _text(value)),
    "matches": lambda value, limit: re.search(str(limit), _text(value)) is not None,
}
"""Comparisons of one value with what is wanted."""

OPERATORS = (*VALUE_TESTS, "exists", "count", "all", "any")


def meets(value: Any, want: Any) -> bool:
    """Tell whether one value is as wanted: a scalar, or every comparison of a mapping."""
    if not isinstance(want, dict):
        return equal(value, want)
    return all(VALUE_TESTS[word](value, limit) for word, limit in want.items() if word in VALUE_TESTS)


def for_all(want: Any) -> bool:
    """Tell whether every result must be as wanted, not just any."""
    return isinstance(want, dict) and (bool(want.get("all")) or want.get("any") is False)


def results_meet(results: list[Any], want: Any) -> bool:
    """Tell whether the results of a path in one object are as wanted: any of them, or `all: true`.

    No result counts as one missing value.
    """
    if isinstance(want, dict):
        if "exists" in want and bool(results) != bool(want["exists"]):
            return False
        if "count" in want:
            limit = want["count"]
            if not meets(len(results), limit):
                return False
        if not any(word in VALUE_TESTS for word in want):
            return True
    tests = [meets(value, want) for value in results or [None]]
    return all(tests) if for_all(want) else any(tests)
