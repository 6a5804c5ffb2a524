"""Columns as Go's text/tabwriter lays them out.

Models: cli-runtime/pkg/printers/tabwriter.go (minimum width 6, padding 3, widths remembered while watching), Go's
text/tabwriter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MINIMUM, PADDING = 6, 3


class Columns:
    """A writer that remembers widths: rows that come later in a watch are at least as wide as those before.

    minimum: the least width of a column, padding included. padding: blanks between columns.
    """

    def __init__(self, minimum: int = MINIMUM, padding: int = PADDING) -> None:
        self.minimum = minimum
        self.padding = padding
        self.widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Lay rows of equal length out; the last column is not padded."""
        if not rows:
            return []
        for at in range(len(rows[0]) - 1):
            width = max(self.minimum, *(length(row[at]) + self.padding for row in rows))
            if at < len(self.widths):
                self.widths[at] = max(width, self.widths[at])
            else:
                self.widths.append(width)
        return ["".join(cell + " " * (self.widths[at] - length(cell)) if at < len(row) - 1 else cell
                        for at, cell in enumerate(row)) for row in rows]


def length(text: str) -> int:
    """Count characters as tabwriter does: combining ones too."""
    return len(unicodedata.normalize("NFC", text)) if not text.isascii() else len(text)


def layout(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay the rows of a table out."""
    return Columns().lines(rows)
