"""What an editor shows: rows of characters for a screen of a given size, and where its cursor is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sim.shell.editor.nano import Nano
from sim.shell.editor.text import Text
from sim.shell.editor.vi import Vi

TAB = 8
MODES = {"insert": "-- INSERT --", "replace": "-- REPLACE --", "visual": "-- VISUAL --", "lines": "-- VISUAL LINE --"}
HELP = ("^G Help      ^O Write Out ^W Where Is  ^K Cut       ^C Location  M-U Undo",
        "^X Exit      ^R Read File ^_ Go To Line ^U Paste     M-E Redo     M-W Next")


class Picture(NamedTuple):
    """A full screen. rows: what stands in each; cursor: (row, column). line: the text's line that the cursor is on, numbered
    for those who read lines; said: the message, the question or the command line; typing: whether characters are taken as text.
    """

    rows: tuple[str, ...]
    cursor: tuple[int, int]
    line: str
    said: str
    typing: bool


class FullScreen(Protocol):
    """A program that has the whole terminal: each key goes to it at once, and it shows a picture."""

    def press(self, sent: str) -> None:
        """Take keys, as the terminal sends them."""

    def picture(self, columns: int, rows: int) -> Picture:
        """Give what it shows on a screen of a size."""

    def everything(self) -> list[str]:
        """Give the lines of the text, for those who read lines and not a screen."""


class Window:
    """Which part of a text is shown; it moves no more than the cursor asks for."""

    def __init__(self) -> None:
        self.top = 0

    def rows(self, text: Text, columns: int, height: int, *, numbers: bool = False, filler: str = "") -> tuple[list[str], tuple[int, int]]:
        """Give the rows of a text, long lines broken, and the cursor's place among them."""
        width = max(columns - (4 if numbers else 0), 1)
        row = text.at.row
        self.top = min(self.top, row)
        while sum(_height(text.lines[at], width) for at in range(self.top, row + 1)) > height and self.top < row:
            self.top += 1
        rows: list[str] = []
        cursor = (0, 0)
        for number in range(self.top, len(text.lines)):
            line = text.lines[number]
            shown = line.expandtabs(TAB)
            if number == row:
                before = len(line[:text.at.column].expandtabs(TAB))
                cursor = (min(len(rows) + before // width, height - 1), before % width + (4 if numbers else 0))
            for at in range(0, max(len(shown), 1), width):
                lead = (f"{number + 1:3} " if not at else "    ") if numbers else ""
                rows.append(lead + shown[at:at + width])
            if len(rows) >= height:
                break
        return [*rows[:height], *[filler] * (height - len(rows))], cursor


def _height(line: str, width: int) -> int:
    return max(-(-len(line.expandtabs(TAB)) // width), 1)


def vi_picture(vi: Vi, window: Window, columns: int, rows: int) -> Picture:
    """Show vi."""
    shown, cursor = window.rows(vi.text, columns, rows - 1, numbers="number" in vi.options, filler="~")
    said = vi.pending if vi.mode == "line" else MODES.get(vi.mode, vi.message)
    if vi.mode == "line":
        cursor = (rows - 1, min(len(vi.pending), columns - 1))
    row, column = vi.text.at
    ruler = f"{row + 1},{column + 1}" if vi.text.line else f"{row + 1},0-1"
    last = said[:columns] if vi.mode == "line" or len(said) > columns - 18 else f"{said:<{max(columns - 18, 0)}}{ruler:<14}"[:columns]
    return Picture((*shown, last.rstrip()), cursor, f"{row + 1}: {vi.text.line}", said, vi.mode in ("insert", "replace", "line"))


def nano_picture(nano: Nano, window: Window, columns: int, rows: int) -> Picture:
    """Show nano."""
    shown, (row, column) = window.rows(nano.text, columns, max(rows - 4, 1))
    head = f"  GNU nano 6.2{(nano.name or 'New Buffer').center(max(columns - 28, 0))}{' Modified' if nano.changed else ''}"
    said = nano.prompt() if nano.question else nano.message
    below = f" Y Yes{'':10}N No{'':10}^C Cancel" if nano.question == "save" else HELP[0]
    cursor = (rows - 3, min(len(said), columns - 1)) if nano.question else (row + 1, column)
    middle = said[:columns] if nano.question else said.center(columns).rstrip()
    text = (head[:columns], *shown, middle, below[:columns], HELP[1][:columns] if nano.question != "save" else "")
    return Picture(text, cursor, f"{nano.text.at.row + 1}: {nano.text.line}", said, not nano.escape)
