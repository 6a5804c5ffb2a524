"""Text with tab stops, as describers write it: cells end in a tab, columns reach as far as lines have them.

Models: Go's text/tabwriter (minimum width 0, padding 2, blanks), kubectl/pkg/describe PrefixWriter.
"""

from __future__ import annotations

from sim.shell.kubectl.printing.tables import length

PADDING = 2


class Writer:
    """Collects lines. A level is two blanks of indentation."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str, level: int = 0) -> None:
        """Write text, which may hold tabs and line feeds."""
        self.parts.append("  " * level + text)

    def line(self, *cells: object, level: int = 0) -> None:
        """Write cells with tabs between them, and a line feed."""
        self.write("\t".join(str(cell) for cell in cells) + "\n", level)

    def text(self) -> str:
        """Give everything with its columns laid out."""
        return tabulate("".join(self.parts))


def tabulate(text: str) -> str:
    """Lay tabbed text out."""
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[int] = []
    out: list[str] = []

    def flush(first: int, end: int) -> None:
        for line in lines[first:end]:
            out.append("".join(cell + " " * (widths[at] - length(cell)) if at < len(widths) else cell
                               for at, cell in enumerate(line)))

    def block(first: int, end: int) -> None:
        column, this = len(widths), first
        while this < end:
            if column >= len(lines[this]) - 1:
                this += 1
                continue
            flush(first, this)
            first = this
            width = 0
            while this < end and column < len(lines[this]) - 1:
                width = max(width, length(lines[this][column]) + PADDING)
                this += 1
            widths.append(width)
            block(first, this)
            widths.pop()
            first = this
        flush(first, end)

    block(0, len(lines))
    return "\n".join(out)
