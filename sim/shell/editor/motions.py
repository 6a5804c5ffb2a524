"""Where vi's motions lead: from a text, a motion and a count to a place. Models: vim's motion.txt, as far as labs type it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sim.shell.editor.text import Place, Text, indent_of

BRACKETS = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: mark for mark, close in BRACKETS.items()}


class Move(NamedTuple):
    """Where a motion leads. kind: what an operator takes: `exclusive` of the end, `inclusive`, or whole `lines`."""

    to: Place
    kind: str = "exclusive"


def _class(letter: str, big: bool) -> int:
    if letter in " \t\n":
        return 0
    return 1 if big or letter.isalnum() or letter == "_" else 2


def _step(text: Text, at: Place, by: int) -> Place | None:
    """Go one character on or back; an empty line counts as one. None at the text's end."""
    row, column = at.row, at.column + by
    if by > 0 and column >= max(len(text.lines[row]), 1):
        row, column = row + 1, 0
    elif column < 0:
        row -= 1
        column = max(len(text.lines[row]) - 1, 0) if row >= 0 else 0
    return Place(row, column) if 0 <= row <= text.last_row else None


def _kind(text: Text, at: Place, big: bool) -> int:
    line = text.lines[at.row]
    return _class(line[at.column], big) if at.column < len(line) else 0


def _end_of_text(text: Text) -> Place:
    return Place(text.last_row, len(text.lines[-1]))


def word_on(text: Text, at: Place, big: bool) -> Place:
    """Give the begin of the next word (w, W)."""
    kind, here = _kind(text, at, big), at
    while True:
        after = _step(text, here, 1)
        if after is None:
            return _end_of_text(text)
        if after.row != here.row:
            kind = 0
        here = after
        now = _kind(text, here, big)
        if (now and now != kind) or not text.lines[here.row]:
            return here
        kind = now


def word_back(text: Text, at: Place, big: bool) -> Place:
    """Give the begin of this word, or of the one before (b, B)."""
    here = _step(text, at, -1)
    while here is not None and not _kind(text, here, big) and text.lines[here.row]:
        here = _step(text, here, -1)
    if here is None:
        return Place(0, 0)
    kind = _kind(text, here, big)
    while here.column and _kind(text, Place(here.row, here.column - 1), big) == kind:
        here = Place(here.row, here.column - 1)
    return here


def word_end(text: Text, at: Place, big: bool) -> Place:
    """Give the last character of this word, or of the next (e, E)."""
    here = _step(text, at, 1)
    while here is not None and not _kind(text, here, big):
        here = _step(text, here, 1)
    if here is None:
        return Place(text.last_row, max(len(text.lines[-1]) - 1, 0))
    kind = _kind(text, here, big)
    while here.column + 1 < len(text.lines[here.row]) and _kind(text, Place(here.row, here.column + 1), big) == kind:
        here = Place(here.row, here.column + 1)
    return here


def _repeated(step: Callable[[Text, Place, bool], Place], kind: str, big: bool) -> Callable[[Text, int], Move]:
    def go(text: Text, count: int) -> Move:
        at = text.at
        for _ in range(count or 1):
            at = step(text, at, big)
        return Move(at, kind)

    return go


def _rows(text: Text, row: int) -> Move | None:
    return Move(Place(row, text.at.column), "lines") if 0 <= row <= text.last_row else None


def _line(text: Text, row: int) -> Move:
    row = min(max(row, 0), text.last_row)
    return Move(Place(row, indent_of(text.lines[row])), "lines")


def _paragraph(text: Text, count: int, by: int) -> Move:
    row = text.at.row
    for _ in range(count or 1):
        while 0 <= row + by <= text.last_row and not text.lines[row]:
            row += by
        while 0 <= row + by <= text.last_row and text.lines[row]:
            row += by
    return Move(Place(row, 0) if not text.lines[row] or by < 0 else Place(row, len(text.lines[row])))


def _bracket(text: Text, count: int) -> Move | None:
    """Go to the bracket that belongs to the one here, or to the next one of the line (%)."""
    found = re.search(r"[()\[\]{}]", text.line[text.at.column:])
    if not found:
        return None
    mark, at = found[0], Place(text.at.row, text.at.column + found.start())
    by, other = (1, BRACKETS[mark]) if mark in BRACKETS else (-1, CLOSING[mark])
    depth, here = 0, at
    while True:
        line = text.lines[here.row]
        letter = line[here.column] if here.column < len(line) else ""
        depth += (letter == mark) - (letter == other)
        if not depth:
            return Move(here, "inclusive")
        after = _step(text, here, by)
        if after is None:
            return None
        here = after


def to_character(text: Text, how: str, letter: str, count: int) -> Move | None:
    """Go to a character of the line (f, F), or next to it (t, T)."""
    column = text.at.column
    for number in range(count or 1):
        if how in "ft":
            column = text.line.find(letter, column + (2 if how == "t" and not number and text.line[column + 1:column + 2] == letter else 1))
        else:
            column = text.line.rfind(letter, 0, column - (1 if how == "T" and not number and column and text.line[column - 1] == letter else 0))
        if column < 0:
            return None
    column += {"t": -1, "T": 1}.get(how, 0)
    return Move(Place(text.at.row, column), "inclusive" if how in "ft" else "exclusive")


MOTIONS: dict[str, Callable[[Text, int], Move | None]] = {
    "h": lambda text, count: Move(Place(text.at.row, max(text.at.column - (count or 1), 0))) if text.at.column else None,
    "l": lambda text, count: Move(Place(text.at.row, min(text.at.column + (count or 1), len(text.line)))),
    "j": lambda text, count: _rows(text, text.at.row + (count or 1)),
    "k": lambda text, count: _rows(text, text.at.row - (count or 1)),
    "+": lambda text, count: _line(text, text.at.row + (count or 1)),
    "-": lambda text, count: _line(text, text.at.row - (count or 1)),
    "_": lambda text, count: _line(text, text.at.row + (count or 1) - 1),
    "0": lambda text, count: Move(Place(text.at.row, 0)),
    "^": lambda text, count: Move(Place(text.at.row, min(indent_of(text.line), max(len(text.line) - 1, 0)))),
    "$": lambda text, count: Move(
        Place(min(text.at.row + (count or 1) - 1, text.last_row),
              max(len(text.lines[min(text.at.row + (count or 1) - 1, text.last_row)]) - 1, 0)), "inclusive"),
    "|": lambda text, count: Move(Place(text.at.row, min((count or 1) - 1, len(text.line)))),
    "G": lambda text, count: _line(text, count - 1 if count else text.last_row),
    "gg": lambda text, count: _line(text, (count or 1) - 1),
    "w": _repeated(word_on, "exclusive", big=False), "W": _repeated(word_on, "exclusive", big=True),
    "b": _repeated(word_back, "exclusive", big=False), "B": _repeated(word_back, "exclusive", big=True),
    "e": _repeated(word_end, "inclusive", big=False), "E": _repeated(word_end, "inclusive", big=True),
    "{": lambda text, count: _paragraph(text, count, -1), "}": lambda text, count: _paragraph(text, count, 1),
    "%": _bracket,
}


def inside(text: Text, which: str) -> tuple[Place, Place] | None:
    """Give the begin and end (excluded) of a text object: `iw`, `a"`, `i(` and their like."""
    outer, name = which[0] == "a", which[1]
    name = {"b": "(", "B": "{"}.get(name, CLOSING.get(name, name))
    if name in "wW":
        return _word_object(text, outer, big=name == "W")
    if name in "\"'`":
        return _quoted_object(text, name, outer)
    return _bracket_object(text, name, outer) if name in BRACKETS else None


def _word_object(text: Text, outer: bool, big: bool) -> tuple[Place, Place]:
    row, column = text.at
    line = text.line or " "
    kind = _class(line[min(column, len(line) - 1)], big)
    first = last = min(column, len(line) - 1)
    while first and _class(line[first - 1], big) == kind:
        first -= 1
    while last + 1 < len(line) and _class(line[last + 1], big) == kind:
        last += 1
    if outer:
        end = last
        while end + 1 < len(line) and line[end + 1] in " \t":
            end += 1
        if end == last:
            while first and line[first - 1] in " \t":
                first -= 1
        last = end
    return Place(row, first), Place(row, min(last + 1, len(text.line)))


def _quoted_object(text: Text, mark: str, outer: bool) -> tuple[Place, Place] | None:
    places = [at for at, letter in enumerate(text.line) if letter == mark]
    for first, last in zip(places[::2], places[1::2], strict=False):
        if text.at.column <= last:
            return Place(text.at.row, first + (not outer)), Place(text.at.row, last + outer)
    return None


def _bracket_object(text: Text, mark: str, outer: bool) -> tuple[Place, Place] | None:
    depth, here = 0, text.at
    while True:
        line = text.lines[here.row]
        letter = line[here.column] if here.column < len(line) else ""
        depth += letter == BRACKETS[mark] and here != text.at
        if letter == mark:
            if not depth:
                break
            depth -= 1
        before = _step(text, here, -1)
        if before is None:
            return None
        here = before
    found = _bracket(text.to(*here), 1)
    if found is None:
        return None
    end = found.to
    return (here, Place(end.row, end.column + 1)) if outer else (Place(here.row, here.column + 1), end)
