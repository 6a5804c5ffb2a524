"""How etcd's tools print: tables, sizes, Go's JSON and its "fields".

Models: tablewriter, go-humanize, etcdctl/ctlv3/command/printer*.go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sim.api import times

UNITS = ("B", "kB", "MB", "GB", "TB")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = True) -> str:
    """Write a table as tablewriter does, with right alignment: headers centred."""
    widths = [max([len(head[at]), *(len(row[at]) for row in rows)]) for at in range(len(head))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"

    def centred(text: str, width: int) -> str:
        left = (width - len(text)) // 2
        return " " * left + text + " " * (width - len(text) - left)

    lines = [rule, "|" + "|".join(f" {centred(text, width)} " for text, width in zip(head, widths, strict=True)) + "|\n", rule]
    for row in rows:
        cells = [text.rjust(width) if right else text.ljust(width) for text, width in zip(row, widths, strict=True)]
        lines.append("|" + "|".join(f" {cell} " for cell in cells) + "|\n")
    return "".join([*lines, rule]) if rows else "".join([*lines, rule][:3])


def size(count: int) -> str:
    """Write bytes as go-humanize does: `20 kB`, `7.0 MB`."""
    if count < 10:
        return f"{count} B"
    value, unit = float(count), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    rounded = int(value * 10 + 0.5) / 10
    return f"{rounded:.1f} {UNITS[unit]}" if rounded < 10 and unit else f"{rounded:.0f} {UNITS[unit]}"


def dump(value: Any) -> str:
    """Write JSON as Go's encoder does, without its escapes of HTML."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def quoted(text: str) -> str:
    """Write a text as Go's %q does."""
    return json.dumps(text, ensure_ascii=False)


def duration(us: int) -> str:
    """Write microseconds as Go's time.Duration does."""
    if us < 1000:
        return f"{us}µs"
    if us < 1_000_000:
        return f"{us / 1000:.6f}".rstrip("0").rstrip(".") + "ms"
    return f"{us / 1_000_000:.9f}".rstrip("0").rstrip(".") + "s"


def zap_json(unix_us: int, level: str, caller: str, message: str, more: dict[str, Any], logger: str = "") -> str:
    """Write a line of etcdctl's log."""
    row: dict[str, Any] = {"level": level, "ts": times.stamp_micro(unix_us)}
    if logger:
        row["logger"] = logger
    return json.dumps({**row, "caller": caller, "msg": message, **more}, separators=(",", ":"), ensure_ascii=False) + "\n"
