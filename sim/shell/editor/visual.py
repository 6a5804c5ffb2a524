"""vi's visual modes: a selection by characters (v) or lines (V), and what is done to it."""

from __future__ import annotations

import re
from dataclasses import replace

from sim.shell.editor import motions
from sim.shell.editor.operate import operate, shifted
from sim.shell.editor.text import Place, Text
from sim.shell.editor.vi import _MOTION, _OBJECT, PAGES, Vi, join, moved

SELECTING = re.compile(rf"(?:\"(?P<register>[a-z\"+*]))?(?P<count>[1-9]\d*)?(?:(?P<object>{_OBJECT})|(?P<motion>{_MOTION})|(?P<do>r.|g[JuU~]|[^ia\"gfFtTr\d]))",
                       re.DOTALL)
BEGUN = re.compile(r"\"?|(?:\"[a-z\"+*])?(?:[1-9]\d*)?[iagfFtTr]?")
OPERATORS = {"d": "d", "x": "d", "c": "c", "s": "c", "y": "y", ">": ">", "<": "<", "~": "g~", "u": "gu", "U": "gU", "gu": "gu", "gU": "gU",
             "g~": "g~"}
LINEWISE = {"D": "d", "X": "d", "C": "c", "S": "c", "R": "c", "Y": "y"}


def selected(vi: Vi, pending: str) -> Vi:
    """Take the keys of a command while something is selected."""
    found = SELECTING.fullmatch(pending)
    if found is None:
        return replace(vi, pending=pending if BEGUN.fullmatch(pending) else "")
    vi = replace(vi, pending="", message="")
    count = int(found["count"] or 0)
    if found["object"]:
        span = motions.inside(vi.text, found["object"])
        return vi if span is None else replace(vi, anchor=span[0], text=vi.text.to(span[1].row, span[1].column - 1))
    if found["motion"]:
        vi, move = moved(vi, found["motion"], count)
        return vi if move is None else replace(vi, text=vi.text.to(move.to.row, vi.text.at.column if found["motion"] in "jk" else move.to.column))
    return _done(vi, found["do"], count, found["register"] or "")


def _done(vi: Vi, key: str, count: int, register: str) -> Vi:
    if key in ("v", "V"):
        wanted = {"v": "visual", "V": "lines"}[key]
        return replace(vi, mode="normal" if vi.mode == wanted else wanted)
    if key in ("o", "O"):
        return replace(vi, anchor=vi.text.at, text=vi.text.to(*vi.anchor))
    if key in PAGES:
        return replace(vi, text=vi.text.to(vi.text.at.row + PAGES[key], vi.text.at.column))
    if key == ":":
        first, last = sorted((vi.anchor.row, vi.text.at.row))
        return replace(vi, mode="line", pending=f":{first + 1},{last + 1}")
    start, end = min(vi.anchor, vi.text.at), max(vi.anchor, vi.text.at)
    lines = vi.mode == "lines" or key in LINEWISE
    vi = replace(vi, mode="normal")
    if key in ("J", "gJ"):
        return vi.with_text(join(vi.text, start.row, end.row - start.row + 1, plainly=key == "gJ"))
    if key[0] == "r":
        return _filled(vi, start, end, key[1], lines=lines)
    if key in ("p", "P"):
        kept = vi.register(register)
        vi = operate(vi, "d", start, end if lines else _behind(vi.text, end), lines=lines)
        text = vi.text.put_lines(vi.text.at.row, kept.text) if kept.lines else vi.text.insert(kept.text)
        return replace(vi, text=text.onto_character())
    operator = LINEWISE.get(key) or OPERATORS.get(key)
    if operator is None:
        return vi
    if operator in "<>":
        return shifted(vi, start.row, end.row, operator, count or 1)
    vi = operate(vi, operator, start, end if lines else _behind(vi.text, end), lines=lines, register=register)
    return vi if vi.mode == "insert" else replace(vi, text=vi.text.onto_character())


def _behind(text: Text, end: Place) -> Place:
    """Give the place behind a selected character; behind a line's end that is the next line."""
    if end.column >= len(text.lines[end.row]) and end.row < text.last_row:
        return Place(end.row + 1, 0)
    return Place(end.row, min(end.column + 1, len(text.lines[end.row])))


def _filled(vi: Vi, start: Place, end: Place, letter: str, *, lines: bool) -> Vi:
    if lines:
        start, end = Place(start.row, 0), Place(end.row, max(len(vi.text.lines[end.row]) - 1, 0))
    rest, piece = vi.text.cut(start, _behind(vi.text, end))
    return vi.with_text(rest.insert(re.sub(r"[^\n]", lambda _: letter, piece)).to(*start))
