"""Columns as Go's text/tabwriter lays them out with kubeadm's settings (minwidth 10, tabwidth 4, padding 3, blanks)."""

from __future__ import annotations

from collections.abc import Sequence

LEAST, PADDING = 10, 3


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out; the last cell of each is not filled up. A column's width is that of its run of neighbouring rows."""
    widths = [max(LEAST, max(len(row[at]) for row in rows if len(row) > at + 1) + PADDING)
              for at in range(max(map(len, rows)) - 1)]
    return "".join("".join(f"{cell:{widths[at]}}" for at, cell in enumerate(row[:-1])) + row[-1] + "\n" for row in rows)
