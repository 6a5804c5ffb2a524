"""How apt writes numbers and lists of names."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 80


def size(number: float, *, comma: bool = False) -> str:
    """Write a size: `9739 k`, `10.1 M`, `0 `: apt's SizeToStr, without the B."""
    for unit in ("", "k", "M", "G", "T"):
        if number < 100 and unit:
            return f"{number:.1f} {unit}"
        if number < 10000:
            return f"{number:,.0f} {unit}" if comma else f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.0f} P"


def duration(seconds: int) -> str:
    """Write a time: `0s`, `1min 5s`."""
    if seconds >= 3600:
        return f"{seconds // 3600}h {seconds % 3600 // 60}min {seconds % 60}s"
    return f"{seconds // 60}min {seconds % 60}s" if seconds >= 60 else f"{seconds}s"


def listed(names: Iterable[str], width: int = WIDTH) -> str:
    """Lay names out: two spaces in front of each line, broken before the right margin."""
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) + 1 > width - 3:
            lines.append(line)
            line = ""
        line = f"{line} {name}" if line else f"  {name}"
    return "\n".join([*lines, line] if line else lines)
