"""vi's colon commands. Models: vim's ex commands that labs use; others are refused in vim's own words (E492) or as not simulated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from sim.shell.editor.operate import operate, shifted
from sim.shell.editor.text import Place
from sim.shell.editor.vi import Ask, Vi, join

ADDRESS = r"(?:\d+|[.$]|'[<>]|/(?:\\.|[^/\\])*/|\?(?:\\.|[^?\\])*\?)?(?:[-+]\d*)*"
LINE = re.compile(rf"[\s:]*(?P<range>%|{ADDRESS}(?:\s*[,;]\s*{ADDRESS})?)\s*(?P<name>[a-zA-Z]+|[!<>=&@#]+)?(?P<bang>!)?(?P<rest>.*)", re.DOTALL)
NO_WRITE = "E37: No write since last change (add ! to override)"
OPTIONS = {"ai": "autoindent", "et": "expandtab", "ic": "ignorecase", "nu": "number", "is": "incsearch", "hls": "hlsearch", "list": "list",
           "paste": "paste", "wrap": "wrap", "ruler": "ruler", "sm": "showmatch", "si": "smartindent", "rnu": "relativenumber", "ro": "readonly",
           "cul": "cursorline", "cuc": "cursorcolumn", "mouse": "mouse", "bg": "background", "ft": "filetype", "syn": "syntax", "ff": "fileformat",
           "enc": "encoding", "cp": "compatible", "scs": "smartcase", "magic": "magic", "spell": "spell", "swf": "swapfile", "bk": "backup"}
NUMBERS = {"ts": "tabstop", "sw": "shiftwidth", "sts": "softtabstop", "tw": "textwidth", "so": "scrolloff", "hi": "history"}
NAMES = (*OPTIONS.values(), *NUMBERS.values())


class Line(NamedTuple):
    """A colon command taken apart. first, last: rows, from 0; given: whether a range was typed."""

    first: int
    last: int
    given: bool
    bang: bool
    rest: str


def pattern(typed: str, *, ignore_case: bool = False) -> re.Pattern[str] | None:
    """Turn vim's pattern (magic, or `\\v`) into Python's; None for one that cannot be read."""
    flags = re.IGNORECASE if ignore_case or "\\c" in typed else 0
    typed = typed.replace("\\c", "").replace("\\C", "")
    very = typed.startswith("\\v")
    out, at = "", 2 if very else 0
    while at < len(typed):
        letter, following = typed[at], typed[at + 1:at + 2]
        if letter == "\\" and following:
            out += _escaped(following, very=very)
            at += 2
        elif letter == "[" and "]" in typed[at + 2:]:
            end = typed.index("]", at + 2)
            out += typed[at:end + 1].replace("[[", r"[\[")
            at = end + 1
        elif very:
            out += {"<": r"\b", ">": r"\b", "=": "?"}.get(letter, letter)
            at += 1
        else:
            out += letter if letter in ".^$*" and not (letter == "*" and not out) else re.escape(letter)
            at += 1
    try:
        return re.compile(out, flags)
    except re.error:
        return None


def _escaped(letter: str, *, very: bool) -> str:
    known = {"<": r"\b", ">": r"\b", "n": r"\n", "t": r"\t", "/": "/", "a": "[A-Za-z]", "h": "[A-Za-z_]", "l": "[a-z]", "u": "[A-Z]",
             "x": "[0-9A-Fa-f]", **{each: f"\\{each}" for each in "dwsDWS"}}
    if letter in known:
        return known[letter]
    if not very and letter in "()|+{}?=":
        return "?" if letter == "=" else letter
    return re.escape(letter)


def run(vi: Vi, typed: str) -> Vi:
    """Run what was typed after the colon."""
    if not typed.strip(" :"):
        return vi
    found = LINE.match(typed)
    assert found is not None
    rows = _rows(vi, found["range"])
    if isinstance(rows, str):
        return vi.told(rows)
    name, rest = found["name"] or "", found["rest"]
    if name.startswith("s") and name not in ("set", "se", "sort", "sor", "syntax", "syn", "sy", "sil", "silent", "setlocal", "split", "source"):
        rest, name = name[1:] + ("!" if found["bang"] else "") + rest, "s"  # `s/a/b/`, and `sxaxbx`
    elif name[:1] in ("g", "v") and name not in ("version", "ver", "vs", "vsplit", "visual", "view", "global", "vglobal", "vim", "vimgrep"):
        rest, name = name[1:] + rest, name[0]
    line = Line(*rows, bool(found["range"]), bool(found["bang"]), rest)
    if name and line.last > vi.text.last_row:
        return vi.told("E16: Invalid range")
    if not name:
        row = min(line.last, vi.text.last_row)
        return replace(vi, text=vi.text.to(row, len(vi.text.lines[row]) - len(vi.text.lines[row].lstrip())))
    rule = next((do for names, do in COMMANDS if name in names), None)
    if rule is not None:
        return rule(vi, line)
    if name.startswith("!") or name in LEFT_OUT:
        return vi.told(f"not simulated: vi's :{name}")
    return vi.told(f"E492: Not an editor command: {typed.strip()}")


# ---- ranges --------------------------------------------------------------------------------------------------------
def _rows(vi: Vi, text: str) -> tuple[int, int] | str:
    if text == "%":
        return 0, vi.text.last_row
    parts = re.split(r"\s*[,;]\s*", text) if "/" not in text and "?" not in text else [
        each for each in re.findall(rf"(?:{ADDRESS})(?=[,;]|\Z)", text) if each]
    rows = []
    for part in parts[:2] or [""]:
        row = _row(vi, part)
        if isinstance(row, str):
            return row
        if row > vi.text.last_row and len(parts) > 1:
            return "E16: Invalid range"
        rows.append(max(row, 0))
    first, last = rows[0], rows[-1]
    return (last, first) if first > last else (first, last)


def _row(vi: Vi, part: str) -> int | str:
    found = re.fullmatch(r"(\d+|[.$]|'[<>]|/.*/|\?.*\?)?((?:[-+]\d*)*)", part.strip())
    if found is None:
        return "E14: Invalid address"
    base = found[1] or "."
    if base.isdigit():
        row = int(base) - 1
    elif base[0] in "/?":
        rule = pattern(base[1:-1])
        order = [*range(vi.text.at.row + 1, len(vi.text.lines)), *range(vi.text.at.row + 1)]
        hit = next((at for at in (order if base[0] == "/" else reversed(order)) if rule is not None and rule.search(vi.text.lines[at])), None)
        if hit is None:
            return f"E486: Pattern not found: {base[1:-1]}"
        row = hit
    else:
        row = {".": vi.text.at.row, "$": vi.text.last_row}.get(base, vi.anchor.row if base == "'<" else vi.text.at.row)
    return row + sum(int(each + "1" if each in "+-" else each) for each in re.findall(r"[-+]\d*", found[2]))


# ---- files and the end ---------------------------------------------------------------------------------------------
def _whole(vi: Vi, line: Line) -> tuple[str, ...]:
    return vi.text.lines[line.first:line.last + 1] if line.given else vi.text.lines


def _write(vi: Vi, line: Line) -> Vi:
    name = line.rest.strip()
    if name.startswith("!"):
        return vi.told("not simulated: vi's :w !")
    return vi.asking(Ask("write", name, line.bang, _whole(vi, line))) if name or vi.name else vi.told("E32: No file name")


def _write_and_quit(vi: Vi, line: Line) -> Vi:
    vi = _write(vi, line)
    return vi.asking(Ask("quit")) if vi.asks else vi


def _exit(vi: Vi, line: Line) -> Vi:
    return _write_and_quit(vi, line) if vi.changed or line.rest.strip() else vi.asking(Ask("quit"))


def _quit(vi: Vi, line: Line) -> Vi:
    return vi.told(NO_WRITE) if vi.changed and not line.bang else vi.asking(Ask("quit", force=line.bang))


def _edit(vi: Vi, line: Line) -> Vi:
    if line.rest.strip() and line.rest.strip() != vi.name:
        return vi.told("not simulated: vi's second file")
    return vi.told(NO_WRITE) if vi.changed and not line.bang else vi.asking(Ask("reload"))


def _read(vi: Vi, line: Line) -> Vi:
    name = line.rest.strip()
    if name.startswith("!"):
        return vi.told("not simulated: vi's :r !")
    return replace(vi, text=vi.text.to(line.last, 0)).asking(Ask("read", name)) if name else vi.told("E32: No file name")


# ---- changes -------------------------------------------------------------------------------------------------------
def _cut(pieces: str) -> tuple[str, list[str]] | None:
    """Cut `/a/b/flags` at its mark, where no backslash stands before it."""
    mark = pieces[:1]
    if not mark or mark.isalnum() or mark in " \"|\\":
        return None
    parts = re.split(rf"(?<!\\)(?:\\\\)*{re.escape(mark)}", pieces[1:], maxsplit=2)
    return mark, [part.replace("\\" + mark, mark) if mark != "/" else part for part in parts]


def _substitute(vi: Vi, line: Line) -> Vi:
    cut = _cut(line.rest.strip() or "//")
    if cut is None:
        return vi.told("E486: Pattern not found")
    _, parts = cut
    old, new, flags = (*parts, "", "")[:3]
    old = old or vi.search
    if "c" in flags:
        return vi.told("not simulated: vi's :s with confirmation (flag c)")
    rule = pattern(old, ignore_case="i" in flags or "ignorecase" in vi.options)
    if rule is None or not old:
        return vi.told(f"E486: Pattern not found: {old}")
    text, hits, rows, last = vi.text, 0, 0, line.first
    out: list[str] = []
    for row in range(line.first, line.last + 1):
        done, count = rule.subn(lambda found: filled(new, found), text.lines[row], count=0 if "g" in flags else 1)
        hits, rows = hits + count, rows + bool(count)
        out += done.split("\n")
        last = line.first + len(out) - 1 if count else last
    vi = replace(vi, search=old, backwards=False)
    if not hits:
        return vi if "e" in flags else vi.told(f"E486: Pattern not found: {old}")
    if "n" in flags:
        return vi.told(f"{hits} match{'es' if hits > 1 else ''} on {rows} line{'s' if rows > 1 else ''}")
    changed = replace(text, lines=(*text.lines[:line.first], *out, *text.lines[line.last + 1:])).to(last, 0)
    vi = vi.with_text(changed)
    return vi.told(f"{hits} substitutions on {rows} line{'s' if rows > 1 else ''}") if hits > 2 else vi


def filled(new: str, found: re.Match[str]) -> str:
    """Write a replacement: `&` and `\\1` are what was found, `\\r` is a new line."""
    out, at = "", 0
    while at < len(new):
        letter, following = new[at], new[at + 1:at + 2]
        if letter == "\\" and following:
            out += ((found[int(following)] or "") if int(following) <= (found.re.groups or 0) else "") if following.isdigit() else {"r": "\n", "t": "\t", "n": "\0"}.get(following, following)
            at += 2
        else:
            out += found[0] if letter == "&" else letter
            at += 1
    return out


def _delete(vi: Vi, line: Line) -> Vi:
    return operate(vi, "d", Place(line.first, 0), Place(line.last, 0), lines=True)


def _yank(vi: Vi, line: Line) -> Vi:
    at = vi.text.at
    vi = operate(vi, "y", Place(line.first, 0), Place(line.last, 0), lines=True)
    return replace(vi, text=vi.text.to(*at))


def _global(vi: Vi, line: Line, *, matching: bool = True) -> Vi:
    cut = _cut(line.rest.strip())
    if cut is None:
        return vi.told("E148: Regular expression missing from global")
    _, parts = cut
    sought, command = parts[0], "/".join(parts[1:]).strip()
    rule = pattern(sought, ignore_case="ignorecase" in vi.options)
    first, last = (line.first, line.last) if line.given else (0, vi.text.last_row)
    rows = [row for row in range(first, last + 1) if rule is not None and bool(rule.search(vi.text.lines[row])) == matching]
    if not rows:
        return vi.told(f"E486: Pattern not found: {sought}")
    before, older = vi.text, vi.older
    moved = 0
    for row in rows:
        count = len(vi.text.lines)
        vi = run(replace(vi, text=vi.text.to(row + moved, 0)), command)
        moved += len(vi.text.lines) - count
    gone = len(before.lines) - len(vi.text.lines)
    vi = replace(vi, older=(*older, before)) if vi.text.lines != before.lines else vi
    return vi.told(f"{gone} fewer lines") if gone > 2 else vi


def _moved(vi: Vi, line: Line, *, copying: bool = False) -> Vi:
    target = line.rest.strip()
    to = -1 if target == "0" else _row(vi, target) if target else "E14: Invalid address"
    if isinstance(to, str):
        return vi.told(to)
    piece = vi.text.lines[line.first:line.last + 1]
    if copying:
        return vi.with_text(vi.text.put_lines(to + 1, "\n".join(piece)).to(to + len(piece), 0))
    if line.first <= to <= line.last:
        return vi.told("E134: Cannot move a range of lines into itself") if to != line.last else vi
    rest, _ = vi.text.cut_lines(line.first, line.last)
    to = to - len(piece) if to > line.last else to
    return vi.with_text(rest.put_lines(to + 1, "\n".join(piece)).to(to + len(piece), 0))


def _sorted(vi: Vi, line: Line) -> Vi:
    first, last = (line.first, line.last) if line.given else (0, vi.text.last_row)
    rows = sorted(vi.text.lines[first:last + 1], reverse=line.bang)
    if "u" in line.rest:
        rows = list(dict.fromkeys(rows))
    return vi.with_text(replace(vi.text, lines=(*vi.text.lines[:first], *rows, *vi.text.lines[last + 1:])).to(first, 0))


def _retabbed(vi: Vi, line: Line) -> Vi:
    return vi.with_text(replace(vi.text, lines=tuple(each.expandtabs(8) for each in vi.text.lines)).to(*vi.text.at))


def _normal(vi: Vi, line: Line) -> Vi:
    from sim.shell.editor.vi import press

    for row in range(line.first, line.last + 1):
        vi = replace(vi, text=vi.text.to(row, 0) if line.given else vi.text)
        for key in line.rest.lstrip(" "):
            vi = press(vi, key)
        vi = press(vi, "\x1b") if vi.mode != "normal" or vi.pending else vi
    return vi


# ---- settings ------------------------------------------------------------------------------------------------------
def _set(vi: Vi, line: Line) -> Vi:
    for word in line.rest.split():
        name, given, value = re.match(r"([a-z]*)([?!&]|[-+^]?[=:]|)(.*)", word).groups()  # type: ignore[union-attr]
        off = name.startswith("no") and name not in NAMES
        name = name[2:] if off else name
        name = OPTIONS.get(name) or NUMBERS.get(name) or name
        if name not in NAMES:
            return vi.told(f"E518: Unknown option: {word}")
        if given == "?":
            return vi.told(f"  {name}={vi.shift}" if name == "shiftwidth" else f"{'  ' if name in vi.options else 'no'}{name}")
        if name in NUMBERS.values():
            if not value.isdigit():
                return vi.told(f"E521: Number required after =: {word}")
            vi = replace(vi, shift=int(value) or 8) if name in ("shiftwidth", "tabstop", "softtabstop") else vi
        else:
            vi = replace(vi, options=vi.options - {name} if off or (given == "!" and name in vi.options) else vi.options | {name})
    return vi


COMMANDS: tuple[tuple[tuple[str, ...], Callable[[Vi, Line], Vi]], ...] = (
    (("w", "wr", "wri", "write"), _write), (("wq", "wqa", "wqall"), _write_and_quit), (("x", "xit", "exi", "exit", "xa", "xall"), _exit),
    (("q", "qu", "quit", "qa", "qall", "quita", "quitall", "clo", "close"), _quit), (("e", "ed", "edi", "edit"), _edit), (("r", "re", "read"), _read),
    (("s",), _substitute), (("d", "de", "del", "delete"), _delete), (("y", "ya", "yank"), _yank),
    (("g", "global"), _global), (("v", "vglobal"), lambda vi, line: _global(vi, line, matching=False)),
    (("m", "move"), _moved), (("t", "co", "copy"), lambda vi, line: _moved(vi, line, copying=True)),
    (("j", "join"), lambda vi, line: vi.with_text(join(vi.text, line.first, max(line.last - line.first + 1, 2)))),
    ((">", ">>"), lambda vi, line: shifted(vi, line.first, line.last, ">")), (("<", "<<"), lambda vi, line: shifted(vi, line.first, line.last, "<")),
    (("sor", "sort"), _sorted), (("ret", "retab"), _retabbed), (("norm", "normal"), _normal), (("se", "set", "setlocal"), _set),
    (("pu", "put"), lambda vi, line: vi.with_text(vi.text.put_lines(line.last + 1, vi.register().text))),
    (("noh", "nohlsearch", "sy", "syn", "syntax", "colorscheme", "colo", "filetype", "filet", "redraw"), lambda vi, line: vi),
    (("u", "undo"), lambda vi, line: _pressed(vi, "u")), (("red", "redo"), lambda vi, line: _pressed(vi, "\x12")),
    (("=",), lambda vi, line: vi.told(str(line.last + 1 if line.given else len(vi.text.lines)))),
    (("f", "file"), lambda vi, line: _pressed(vi, "\x07")),
)
LEFT_OUT = ("sp", "split", "vs", "vsplit", "new", "vnew", "tabnew", "tabe", "n", "next", "N", "prev", "bn", "bp", "ls", "buffers", "b", "h", "help",
            "sh", "shell", "so", "source", "map", "imap", "nmap", "vmap", "let", "ab", "marks", "reg", "registers", "di", "term", "terminal", "mks",
            "ver", "version", "vimgrep", "vim", "make", "cd", "pwd", "history", "his", "sil", "silent", "Ex", "Explore", "only", "on", "wn", "only")


def _pressed(vi: Vi, key: str) -> Vi:
    from sim.shell.editor.vi import press

    return press(vi, key)
