"""Quantities: `100m`, `4Gi`, `1e3`. Exact, never floating point.

Models: apimachinery/pkg/api/resource/quantity.go (parsing and canonical form; precision below nano is left out).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
BAD_SHAPE = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Fraction:
    """Read a quantity in its base unit (cores, bytes, pieces). Raises ValueError with the API's words."""
    match = _SHAPE.fullmatch(str(text))
    if match is None:
        raise ValueError(BAD_SHAPE)
    number, suffix = Fraction(match[1]), match[2] or ""
    if suffix in _BINARY:
        return Fraction(number * 1024 ** _BINARY[suffix])
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        power = Fraction(10) ** int(suffix[1:])
        return Fraction(number * power)
    return Fraction(number * Fraction(10) ** _DECIMAL[suffix])


def milli(text: str) -> int:
    """Read a quantity in thousandths, rounded up."""
    return -((-parse(text) * 1000) // 1)


def value(text: str) -> int:
    """Read a quantity as a whole number of base units, rounded up."""
    return -((-parse(text)) // 1)


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """Write a quantity as the API server stores it: `0.1` is `100m`, `1000m` is `1`, `1024Mi` is `1Gi`."""
    match = _SHAPE.fullmatch(str(text))
    if match is None:
        raise ValueError(BAD_SHAPE)
    amount, suffix = parse(text), match[2] or ""
    if amount == 0:
        return "0"
    if suffix in _BINARY and amount.denominator == 1 and abs(amount) >= 1024:
        number, power = int(amount), 0
        while number % 1024 == 0 and number and power < 6:
            number, power = number // 1024, power + 1
        return f"{number}{['', *_BINARY][power]}"
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return _exponent(amount)
    for unit in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        scaled = amount / Fraction(10) ** _DECIMAL[unit]
        if scaled.denominator == 1:
            return f"{int(scaled)}{unit}"
    return f"{-((-amount * 10**9) // 1)}n"


def _exponent(amount: Fraction) -> str:
    for power in (18, 15, 12, 9, 6, 3):
        scaled = amount / Fraction(10) ** power
        if scaled.denominator == 1:
            return f"{int(scaled)}e{power}"
    return str(int(amount)) if amount.denominator == 1 else f"{int(amount * 1000)}e-3"
