"""The text being edited and its cursor: values; every change gives a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


class Place(NamedTuple):
    """A place in a text: a line and a character in it, both from 0."""

    row: int
    column: int


START = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Text:
    """Lines (at least one) and the cursor. The cursor may stand behind a line's last character, as when inserting."""

    lines: tuple[str, ...] = ("",)
    at: Place = START

    @property
    def line(self) -> str:
        """Give the cursor's line."""
        return self.lines[self.at.row]

    @property
    def last_row(self) -> int:
        """Give the number of the last line."""
        return len(self.lines) - 1

    def to(self, row: int, column: int) -> Text:
        """Put the cursor somewhere, no further than the text goes."""
        row = min(max(row, 0), self.last_row)
        return replace(self, at=Place(row, min(max(column, 0), len(self.lines[row]))))

    def onto_character(self) -> Text:
        """Put a cursor that stands behind its line onto its last character, as a command mode wants it."""
        return self.to(self.at.row, min(self.at.column, max(len(self.line) - 1, 0)))

    def insert(self, piece: str) -> Text:
        """Insert at the cursor, which then stands behind it."""
        row, column = self.at
        before, after = self.line[:column], self.line[column:]
        first, *more = piece.split("\n")
        new = [before + first, *more]
        end = Place(row + len(more), len(new[-1]))
        new[-1] += after
        return Text((*self.lines[:row], *new, *self.lines[row + 1:]), end)

    def cut(self, start: Place, end: Place) -> tuple[Text, str]:
        """Take out what lies between two places, the end excluded; gives the rest and the piece."""
        start, end = min(start, end), max(start, end)
        if start.row == end.row:
            piece = self.lines[start.row][start.column:end.column]
        else:
            piece = "\n".join((self.lines[start.row][start.column:], *self.lines[start.row + 1:end.row], self.lines[end.row][:end.column]))
        joined = self.lines[start.row][:start.column] + self.lines[end.row][end.column:]
        return Text((*self.lines[:start.row], joined, *self.lines[end.row + 1:]), start), piece

    def cut_lines(self, first: int, last: int) -> tuple[Text, str]:
        """Take out whole lines; gives the rest and the piece. A text without lines is one empty line."""
        left = (*self.lines[:first], *self.lines[last + 1:]) or ("",)
        return Text(left).to(first, 0), "\n".join(self.lines[first:last + 1])

    def put_lines(self, row: int, piece: str) -> Text:
        """Put whole lines in before a line; the cursor goes to the first of them."""
        return Text((*self.lines[:row], *piece.split("\n"), *self.lines[row:])).to(row, 0)

    def with_line(self, row: int, line: str) -> Text:
        """Give a line another content."""
        return replace(self, lines=(*self.lines[:row], line, *self.lines[row + 1:]))


EMPTY = Text()


def indent_of(line: str) -> int:
    """Count the blanks that a line begins with."""
    return len(line) - len(line.lstrip())


def read(data: bytes) -> tuple[str, ...]:
    """Give the lines of a file; its last newline ends the last of them."""
    text = data.decode(errors="surrogateescape")
    return tuple(text.removesuffix("\n").split("\n"))


def written(lines: tuple[str, ...]) -> bytes:
    """Give the file that lines make. No lines but an empty one make an empty file only where nothing was there before."""
    return ("\n".join(lines) + "\n").encode(errors="surrogateescape")


KEYS = {"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left", "\x1b[H": "home", "\x1b[F": "end", "\x1b[1~": "home",
        "\x1b[4~": "end", "\x1b[5~": "pageup", "\x1b[6~": "pagedown", "\x1b[3~": "delete", "\x1b[2~": "insert"}
"""What a terminal sends for the keys that are no characters."""


def keys_of(sent: str) -> list[str]:
    """Split what a terminal sent into keys: a character each, or a name of KEYS; Enter is a newline, backspace DEL."""
    keys, at = [], 0
    while at < len(sent):
        found = next((code for code in KEYS if sent.startswith(code, at)), "")
        if found:
            keys.append(KEYS[found])
            at += len(found)
            continue
        keys.append({"\r": "\n", "\b": "\x7f"}.get(sent[at], sent[at]))
        at += 1
    return keys
