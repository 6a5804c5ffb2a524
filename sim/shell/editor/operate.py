"""vi's operators: delete, change, yank, indent, the case of letters; on a piece of the text or on whole lines."""

from __future__ import annotations

from sim.shell.editor.text import Place, Text, indent_of
from sim.shell.editor.vi import Vi, begin_insert

REPORT_FROM_LINES = 3
"""Fewer lines than this go without a message (vim's 'report' is 2)."""
CASES = {"g~": str.swapcase, "gu": str.lower, "gU": str.upper}


def operate(vi: Vi, operator: str, start: Place, end: Place, *, lines: bool, register: str = "") -> Vi:
    """Apply an operator from one place to another, the end excluded; `lines`: to the whole lines of both."""
    if operator in CASES:
        return _cased(vi, operator, start, end, lines=lines)
    if operator in "<>":
        return shifted(vi, start.row, end.row if lines or end.column or end.row == start.row else end.row - 1, operator)
    if lines:
        return _on_lines(vi, operator, min(start.row, end.row), max(start.row, end.row), register)
    rest, piece = vi.text.cut(start, end)
    vi = vi.kept(piece, lines=False, name=register)
    if operator == "y":
        return vi.with_text(vi.text.to(*start))
    if operator == "c":
        return begin_insert(vi, rest)
    return vi.with_text(rest)


def _on_lines(vi: Vi, operator: str, first: int, last: int, register: str) -> Vi:
    rest, piece = vi.text.cut_lines(first, last)
    vi, count = vi.kept(piece, lines=True, name=register), last - first + 1
    if operator == "y":
        vi = vi.with_text(vi.text.to(first, vi.text.at.column))
        return vi.told(f"{count} lines yanked") if count >= REPORT_FROM_LINES else vi
    if operator == "c":
        lead = vi.text.lines[first][:indent_of(vi.text.lines[first])] if "autoindent" in vi.options else ""
        return begin_insert(vi, Text((*vi.text.lines[:first], lead, *vi.text.lines[last + 1:]), Place(first, len(lead))))
    gone = count == len(vi.text.lines)
    rest = rest.to(min(first, rest.last_row), 0)
    vi = vi.with_text(rest.to(rest.at.row, indent_of(rest.line)))
    if gone:
        return vi.told("--No lines in buffer--")
    return vi.told(f"{count} fewer lines") if count >= REPORT_FROM_LINES else vi


def shifted(vi: Vi, first: int, last: int, way: str, times: int = 1) -> Vi:
    """Indent lines (>) or take indentation away (<) by the shift width."""
    first, last = min(first, last), max(first, last)
    text, by = vi.text, vi.shift * times * (1 if way == ">" else -1)
    for row in range(first, last + 1):
        line = text.lines[row]
        width = len(line[:indent_of(line)].expandtabs(8))
        if line.strip():
            text = text.with_line(row, _blanks(vi, max(width + by, 0)) + line.lstrip())
    count = last - first + 1
    vi = vi.with_text(text.to(first, indent_of(text.lines[first])))
    return vi.told(f"{count} lines {way}ed {times} time{'s' if times > 1 else ''}") if count >= REPORT_FROM_LINES else vi


def _blanks(vi: Vi, width: int) -> str:
    return " " * width if "expandtab" in vi.options else "\t" * (width // 8) + " " * (width % 8)


def _cased(vi: Vi, operator: str, start: Place, end: Place, *, lines: bool) -> Vi:
    if lines:
        start, end = Place(min(start.row, end.row), 0), Place(max(start.row, end.row), len(vi.text.lines[max(start.row, end.row)]))
    rest, piece = vi.text.cut(start, end)
    return vi.with_text(rest.insert(CASES[operator](piece)).to(*start))
