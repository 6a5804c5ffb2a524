"""vi: a state, and what each key makes of it. Pure: files are asked for (`asks`), never touched.

Models: vim's normal, insert, visual and command-line modes, as far as labs type them; what is known of it and left out
says so in the message line (marks, macros, block mode).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim.shell.editor import motions
from sim.shell.editor.motions import MOTIONS, Move
from sim.shell.editor.text import EMPTY, START, Place, Text, indent_of

UNDO_MAX = 1000
COUNT_MAX = 1000
"""How often a count repeats what changes the text."""
ESCAPES = ("\x1b", "\x03", "\x1b[")
AS_MOTION = {"up": "k", "down": "j", "left": "h", "right": "l", "home": "0", "end": "$", "\n": "+", "\x7f": "h", " ": "l",
             "delete": "x", "pageup": "\x02", "pagedown": "\x06", "insert": "i"}
PAGES = {"\x06": 20, "\x02": -20, "\x04": 10, "\x15": -10, "\x05": 1, "\x19": -1}
"""Keys that scroll, and by how many lines on a screen of 24."""
_REGISTER, _COUNT = r'(?:"(?P<register>[a-zA-Z0-9"+*_]))?', r"(?P<count>[1-9]\d*)?"
_MOTION = r"(?:g[geE_]|[hjklwWbBeE0^$G{}%nN+_|-]|[fFtT].|[;,])"
_OBJECT = r"[ia][wW\"'`(){}\[\]bB]"
_OPERATOR = r"(?:[dcy<>]|g[~uU])"
COMMAND = re.compile(
    rf"{_REGISTER}{_COUNT}(?:(?P<operator>{_OPERATOR})(?P<more>[1-9]\d*)?(?:(?P<object>{_OBJECT})|(?P<motion>{_MOTION})|(?P<same>[dcy<>~uU]))"
    rf"|(?P<go>{_MOTION})|(?P<simple>r.|z[tzb.\n-]|Z[ZQ]|g[Jiv&]|[^\d\"dcy<>gfFtTzZrm'`@q]))", re.DOTALL)
BEGUN = re.compile(rf"(?:\"?|{_REGISTER}{_COUNT}(?:{_OPERATOR}(?:[1-9]\d*)?(?:[ia]|[fFtTg])?|[gfFtTzZr])?)", re.DOTALL)


class Register(NamedTuple):
    """What was cut or yanked last."""

    text: str = ""
    lines: bool = False


class Ask(NamedTuple):
    """Something that only a program can do: `write`, `read` or `reload` a path ("" is the file being edited), or `quit`.

    lines: what to write. force: `!` was typed.
    """

    kind: str
    path: str = ""
    force: bool = False
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vi:
    """All that vi knows. saved: the lines as they are in the file; mode: normal, insert, replace, visual, lines, line.

    pending: keys of an unfinished command, or the command line with its mark. last: the keys of the last change, for `.`.
    typing: the keys of this insertion, which comes `again` times, each on a line of its own where `o` opened one.
    """

    text: Text = EMPTY
    name: str = ""
    saved: tuple[str, ...] = ("",)
    mode: str = "normal"
    pending: str = ""
    message: str = ""
    registers: tuple[tuple[str, Register], ...] = ()
    undone: tuple[Text, ...] = ()
    older: tuple[Text, ...] = ()
    last: tuple[str, ...] = ()
    typing: tuple[str, ...] = ()
    again: int = 1
    search: str = ""
    backwards: bool = False
    found: str = ""
    anchor: Place = START
    column: int = 0
    options: frozenset[str] = frozenset()
    shift: int = 8
    asks: tuple[Ask, ...] = ()
    opened: bool = False
    repeating: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the file on the disk is another."""
        return self.text.lines != self.saved

    def register(self, name: str = "") -> Register:
        """Give what a register holds."""
        return dict(self.registers).get(name.lower() or '"', Register())

    def kept(self, piece: str, *, lines: bool, name: str = "") -> Vi:
        """Put something into a register, and into the nameless one."""
        known = dict(self.registers)
        for each in (name.lower(), '"'):
            if each and name != "_":
                known[each] = Register(piece, lines)
        return replace(self, registers=tuple(known.items()))

    def with_text(self, text: Text) -> Vi:
        """Change the text; the one before can be had back by `u`."""
        if text.lines == self.text.lines:
            return replace(self, text=text)
        return replace(self, text=text, older=(*self.older[-UNDO_MAX:], self.text), undone=())

    def told(self, message: str) -> Vi:
        """Say something in the last line."""
        return replace(self, message=message)

    def asking(self, *asks: Ask) -> Vi:
        """Ask for something to be done."""
        return replace(self, asks=(*self.asks, *asks))


def press(vi: Vi, key: str) -> Vi:
    """Press a key: a character, or a name of `text.KEYS`."""
    vi = replace(vi, asks=())
    if vi.mode == "line":
        return _line_key(vi, key)
    if vi.mode in ("insert", "replace"):
        return _insert_key(vi, key)
    return _command_key(vi, key)


# ---- the command line ----------------------------------------------------------------------------------------------
def _line_key(vi: Vi, key: str) -> Vi:
    from sim.shell.editor import ex
    from sim.shell.editor.search import again

    if key == "\n":
        mark, typed = vi.pending[0], vi.pending[1:]
        vi = replace(vi, mode="normal", pending="")
        if mark == ":":
            return ex.run(vi, typed)
        return again(replace(vi, search=typed or vi.search, backwards=mark == "?"), 1)
    if key in ESCAPES or (key == "\x7f" and len(vi.pending) == 1):
        return replace(vi, mode="normal", pending="")
    if key in ("\x7f", "\x15", "\x17"):
        cut = {"\x7f": len(vi.pending) - 1, "\x15": 1, "\x17": max(vi.pending.rstrip().rfind(" ") + 1, 1)}[key]
        return replace(vi, pending=vi.pending[:cut])
    return replace(vi, pending=vi.pending + key) if len(key) == 1 and key.isprintable() else vi


# ---- inserting -----------------------------------------------------------------------------------------------------
def _insert_key(vi: Vi, key: str) -> Vi:
    text = vi.text
    if key in ESCAPES:
        return _inserted(vi)
    vi = replace(vi, typing=(*vi.typing, key), message="")
    if key in ("up", "down", "left", "right", "home", "end", "pageup", "pagedown"):
        return replace(vi, text=_arrow(text, key))
    if key == "delete":
        after = text.at.column < len(text.line)
        end = Place(text.at.row, text.at.column + 1) if after else Place(min(text.at.row + 1, text.last_row), 0)
        return replace(vi, text=text.cut(text.at, end)[0]) if after or text.at.row < text.last_row else vi
    if key in ("\x7f", "\x17", "\x15"):
        return replace(vi, text=_rubbed_out(text, key))
    if key == "\n":
        lead = text.line[:indent_of(text.line)] if "autoindent" in vi.options else ""
        return replace(vi, text=text.insert("\n" + lead))
    if key == "\t" and "expandtab" in vi.options:
        return replace(vi, text=text.insert(" " * (vi.shift - text.at.column % vi.shift)))
    if key == "\x16" or (len(key) == 1 and not key.isprintable() and key != "\t") or len(key) > 1:
        return vi
    if vi.mode == "replace" and text.at.column < len(text.line):
        text = text.cut(text.at, Place(text.at.row, text.at.column + 1))[0]
    return replace(vi, text=text.insert(key))


def _arrow(text: Text, key: str) -> Text:
    row, column = text.at
    to = {"up": (row - 1, column), "down": (row + 1, column), "left": (row, column - 1), "right": (row, column + 1), "home": (row, 0),
          "end": (row, len(text.line)), "pageup": (row - 20, column), "pagedown": (row + 20, column)}[key]
    return text.to(*to)


def _rubbed_out(text: Text, key: str) -> Text:
    row, column = text.at
    if not column:
        return text.cut(Place(row - 1, len(text.lines[row - 1])), text.at)[0] if row else text
    start = column - 1
    if key == "\x15":
        start = 0
    elif key == "\x17":
        start = motions.word_back(text, text.at, big=False).column if text.line[:column].strip() else 0
    return text.cut(Place(row, start), text.at)[0]


def _inserted(vi: Vi) -> Vi:
    """Leave insert mode: what was typed comes as often as the count said, and is one change."""
    typed, count = vi.typing, vi.again
    for _ in range(count - 1):
        for key in ("end", "\n", *typed) if vi.opened else typed:
            vi = _insert_key(vi, key)
    text = vi.text.to(vi.text.at.row, vi.text.at.column - 1)
    older = vi.older[:-1] if vi.older and vi.older[-1].lines == text.lines else vi.older
    last = vi.last if vi.repeating else (*vi.last, *typed, "\x1b")
    return replace(vi, text=text, mode="normal", older=older, typing=(), again=1, last=last, column=text.at.column)


def begin_insert(vi: Vi, text: Text, *, count: int = 1, mode: str = "insert", opened: bool = False) -> Vi:
    """Begin to insert; what is typed until Escape is undone together with what led here."""
    older = (*vi.older[-UNDO_MAX:], vi.text)
    return replace(vi, text=text, mode=mode, older=older, undone=(), typing=(), again=min(count, COUNT_MAX), opened=opened, message="")


# ---- commands ------------------------------------------------------------------------------------------------------
def _command_key(vi: Vi, key: str) -> Vi:
    if key in ESCAPES:
        said = "Type  :qa  and press <Enter> to exit Vim" if key == "\x03" and not vi.pending and vi.mode == "normal" else ""
        return replace(vi, pending="", mode="normal", message=said, text=vi.text.onto_character())
    wants_letter = vi.pending.endswith(("r", "f", "F", "t", "T")) and len(key) == 1
    pending = vi.pending + (key if wants_letter else AS_MOTION.get(key, key))
    if vi.mode in ("visual", "lines"):
        from sim.shell.editor.visual import selected

        return selected(vi, pending)
    found = COMMAND.fullmatch(pending)
    if found is None:
        if BEGUN.fullmatch(pending):
            return replace(vi, pending=pending)
        left_out = pending[-1:] in "mq@'`" and pending[-1:]
        return replace(vi, pending="", message=f"not simulated: vi's {pending[-1]}" if left_out else "")
    before = vi
    vi = replace(vi, pending="", message="")
    if found["operator"]:
        vi = _operated(vi, found)
    elif found["go"]:
        vi = _gone(vi, found)
    else:
        vi = SIMPLE.get(found["simple"][0] if found["simple"][0] in "rz" else found["simple"], _nothing)(vi, found)
    if vi.mode == "normal":
        vi = replace(vi, text=vi.text.onto_character())
    return _noted(before, vi, found, pending)


def _noted(before: Vi, vi: Vi, found: re.Match[str], pending: str) -> Vi:
    """Remember a change for `.`, and the column for j and k."""
    if not vi.repeating and (found["simple"] or "") not in (".", "u", "\x12") and (
            vi.mode in ("insert", "replace") or (vi.text.lines != before.text.lines and vi.mode != "line")):
        vi = replace(vi, last=tuple(pending))
    if (found["go"] or "") not in ("j", "k"):
        vi = replace(vi, column=10**6 if found["go"] == "$" else vi.text.at.column)
    return vi


def _nothing(vi: Vi, found: re.Match[str]) -> Vi:
    return vi


def count_of(found: re.Match[str]) -> int:
    """Give the count of a command: both numbers multiplied, 0 for none."""
    one, other = (int(found[name] or 0) for name in ("count", "more"))
    return min((one or 1) * (other or 1) if one or other else 0, COUNT_MAX if found["go"] is None else 10**9)


def moved(vi: Vi, motion: str, count: int) -> tuple[Vi, Move | None]:
    """Give where a motion leads; searching for a character is remembered for `;` and `,`."""
    from sim.shell.editor.search import find

    text = vi.text
    if motion in ("n", "N"):
        place = find(vi, text, count or 1, against=motion == "N")
        return vi, Move(place) if place is not None else None
    if motion in (";", ",") and vi.found:
        how = vi.found[0] if motion == ";" else vi.found[0].swapcase()
        return vi, motions.to_character(text, how, vi.found[1], count)
    if motion[0] in "fFtT":
        return replace(vi, found=motion), motions.to_character(text, motion[0], motion[1], count)
    if motion == "g_":
        return vi, Move(Place(text.at.row, max(len(text.line.rstrip()) - 1, 0)), "inclusive")
    rule = MOTIONS.get(motion)
    return vi, rule(text, count) if rule is not None else None


def _gone(vi: Vi, found: re.Match[str]) -> Vi:
    from sim.shell.editor.search import again

    motion = found["go"]
    if motion in ("n", "N"):
        return again(vi, count_of(found) or 1, against=motion == "N")
    vi, move = moved(vi, motion, count_of(found))
    if move is None:
        return vi
    column = vi.column if motion in ("j", "k") else move.to.column
    text = vi.text.to(move.to.row, column)
    return replace(vi, text=text)


def _operated(vi: Vi, found: re.Match[str]) -> Vi:
    from sim.shell.editor.operate import operate

    operator, count, at = found["operator"], count_of(found), vi.text.at
    if found["same"]:
        if found["same"] != operator[-1]:
            return vi
        last = at.row + (count or 1) - 1
        if last > vi.text.last_row and count:
            last = vi.text.last_row
        return operate(vi, operator, Place(at.row, 0), Place(last, 0), lines=True, register=found["register"] or "")
    if found["object"]:
        span = motions.inside(vi.text, found["object"])
        return operate(vi, operator, *span, lines=False, register=found["register"] or "") if span is not None else vi
    motion = found["motion"]
    if operator == "c" and motion in ("w", "W") and vi.text.line[at.column:at.column + 1].strip():
        last = _last_of_word(vi.text, big=motion == "W")  # changing a word leaves the blanks behind it
        motion, count = {"w": "e", "W": "E"}[motion], (count or 1) - (at.column == last)
        if not count:
            return operate(vi, operator, at, Place(at.row, at.column + 1), lines=False, register=found["register"] or "")
    vi, move = moved(vi, motion, count)
    if move is None:
        return vi
    start, end, lines = min(at, move.to), max(at, move.to), move.kind == "lines"
    if move.kind == "inclusive":
        end = Place(end.row, end.column + 1)
    elif move.kind == "exclusive" and end.row > start.row and end.column <= (indent_of(vi.text.lines[end.row]) if motion in ("w", "W") else 0):
        end = Place(end.row - 1, len(vi.text.lines[end.row - 1]))  # the newline before the end stays
        lines = motion not in ("w", "W") and start.column <= indent_of(vi.text.lines[start.row])
    return operate(vi, operator, start, max(start, end), lines=lines, register=found["register"] or "")


def _last_of_word(text: Text, big: bool) -> int:
    found = motions.inside(text, "iW" if big else "iw")
    return found[1].column - 1 if found is not None else text.at.column


# ---- the simple ones -----------------------------------------------------------------------------------------------
def _insert(where: Callable[[Text], Text]) -> Callable[[Vi, re.Match[str]], Vi]:
    return lambda vi, found: begin_insert(vi, where(vi.text), count=count_of(found) or 1)


def _open(below: bool) -> Callable[[Vi, re.Match[str]], Vi]:
    def run(vi: Vi, found: re.Match[str]) -> Vi:
        row = vi.text.at.row + below
        lead = vi.text.line[:indent_of(vi.text.line)] if "autoindent" in vi.options else ""
        text = vi.text.put_lines(row, lead)
        return begin_insert(vi, text.to(row, len(lead)), count=count_of(found) or 1, opened=True)

    return run


def _as_operator(keys: str) -> Callable[[Vi, re.Match[str]], Vi]:
    """Give a command that is short for an operator and a motion (`x` is `dl`)."""

    def run(vi: Vi, found: re.Match[str]) -> Vi:
        prefix = (f'"{found["register"]}' if found["register"] else "") + (found["count"] or "")
        if keys in ("dl", "cl") and not vi.text.line:
            return begin_insert(vi, vi.text) if keys == "cl" else vi
        whole = COMMAND.fullmatch(prefix + keys)
        return _operated(vi, whole) if whole is not None else vi

    return run


def _put(after: bool) -> Callable[[Vi, re.Match[str]], Vi]:
    def run(vi: Vi, found: re.Match[str]) -> Vi:
        kept, text, count = vi.register(found["register"] or ""), vi.text, count_of(found) or 1
        if not kept.text and not kept.lines:
            return vi
        if kept.lines:
            new = text.put_lines(text.at.row + after, "\n".join([kept.text] * count))
            more = len(new.lines) - len(text.lines)
            vi = vi.with_text(new.to(new.at.row, indent_of(new.line)))
            return vi.told(f"{more} more lines") if more > 2 else vi
        new = text.to(text.at.row, text.at.column + (after and bool(text.line))).insert(kept.text * count)
        return vi.with_text(new.to(new.at.row, new.at.column - 1))

    return run


def _undo(vi: Vi, found: re.Match[str]) -> Vi:
    for _ in range(count_of(found) or 1):
        if not vi.older:
            return vi.told("Already at oldest change")
        text = vi.older[-1]
        vi = replace(vi, text=_where_differs(vi.text, text), older=vi.older[:-1], undone=(*vi.undone, vi.text)).told(_difference(vi.text, text))
    return vi


def _redo(vi: Vi, found: re.Match[str]) -> Vi:
    for _ in range(count_of(found) or 1):
        if not vi.undone:
            return vi.told("Already at newest change")
        text = vi.undone[-1]
        vi = replace(vi, text=_where_differs(vi.text, text), undone=vi.undone[:-1], older=(*vi.older, vi.text)).told(_difference(vi.text, text))
    return vi


def _where_differs(old: Text, new: Text) -> Text:
    """Give a text with the cursor on the first line that is another."""
    pairs = enumerate(zip(old.lines, new.lines, strict=False))
    row = next((at for at, (one, other) in pairs if one != other), min(len(old.lines), len(new.lines)) - 1)
    if len(old.lines) == len(new.lines):
        return new if new.at.row == row else new.to(row, 0)
    return new.to(row, indent_of(new.lines[min(row, new.last_row)]))


def _difference(old: Text, new: Text) -> str:
    more = len(new.lines) - len(old.lines)
    if not more:
        return "1 change"
    kind = "more" if more > 0 else "fewer"
    return f"{abs(more)} {kind} lines" if abs(more) > 1 else "1 more line" if more > 0 else "1 line less"


def _replaced(vi: Vi, found: re.Match[str]) -> Vi:
    row, column = vi.text.at
    count, letter = count_of(found) or 1, found["simple"][1]
    if column + count > len(vi.text.line):
        return vi
    text = vi.text.cut(vi.text.at, Place(row, column + count))[0].insert(letter * count if letter != "\n" else "\n")
    return vi.with_text(text if letter == "\n" else text.to(row, column + count - 1))


def _case(vi: Vi, found: re.Match[str]) -> Vi:
    row, column = vi.text.at
    end = min(column + (count_of(found) or 1), len(vi.text.line))
    line = vi.text.line
    return vi.with_text(vi.text.with_line(row, line[:column] + line[column:end].swapcase() + line[end:]).to(row, end))


def join(text: Text, row: int, count: int, *, plainly: bool = False) -> Text:
    """Join lines: blanks that a line begins with become one (J), or everything stays (gJ)."""
    for _ in range(max(count - 1, 1)):
        if row + 1 > text.last_row:
            break
        line, after = text.lines[row], text.lines[row + 1]
        gap = "" if plainly or not after.lstrip() or line.endswith((" ", "\t")) or after.lstrip().startswith(")") or not line else " "
        new = line + gap + (after if plainly else after.lstrip())
        text = text.cut_lines(row + 1, row + 1)[0].with_line(row, new).to(row, len(line) if gap or plainly else max(len(line) - 1, 0))
    return text


def _again(vi: Vi, found: re.Match[str]) -> Vi:
    last = vi.last
    if not last:
        return vi
    count = found["count"]
    keys = last
    if count:
        digits = next((at for at, key in enumerate(last) if not key.isdigit() or key == "0"), 0)
        keys = (*count, *last[digits:])
    vi = replace(vi, repeating=True)
    for key in keys:
        vi = press(vi, key)
    return replace(vi, repeating=False, last=last)


def _scrolled(vi: Vi, found: re.Match[str]) -> Vi:
    return replace(vi, text=vi.text.to(vi.text.at.row + PAGES[found["simple"]] * (count_of(found) or 1), vi.text.at.column))


def _ask_line(vi: Vi, found: re.Match[str]) -> Vi:
    lead = found["simple"]
    if lead == ":" and found["count"]:
        lead = f":.,.+{int(found['count']) - 1}" if int(found["count"]) > 1 else ":."
    return replace(vi, mode="line", pending=lead)


def _word_here(vi: Vi, found: re.Match[str]) -> Vi:
    from sim.shell.editor.search import word_here

    return word_here(vi, count_of(found) or 1, backwards=found["simple"] == "#")


def _visual(mode: str) -> Callable[[Vi, re.Match[str]], Vi]:
    return lambda vi, found: replace(vi, mode=mode, anchor=vi.text.at)


def _where(vi: Vi, found: re.Match[str]) -> Vi:
    count, row = len(vi.text.lines), vi.text.at.row + 1
    name, mark = vi.name or "[No Name]", " [Modified]" if vi.changed else ""
    return vi.told(f'"{name}"{mark} {count} line{"s" if count != 1 else ""} --{row * 100 // count}%--')


SIMPLE: dict[str, Callable[[Vi, re.Match[str]], Vi]] = {
    "i": _insert(lambda text: text), "gi": _insert(lambda text: text),
    "a": _insert(lambda text: text.to(text.at.row, text.at.column + 1)),
    "I": _insert(lambda text: text.to(text.at.row, indent_of(text.line))),
    "A": _insert(lambda text: text.to(text.at.row, len(text.line))),
    "R": lambda vi, found: begin_insert(vi, vi.text, mode="replace"),
    "o": _open(below=True), "O": _open(below=False),
    "x": _as_operator("dl"), "X": _as_operator("dh"), "D": _as_operator("d$"), "C": _as_operator("c$"), "s": _as_operator("cl"),
    "S": _as_operator("cc"), "Y": _as_operator("yy"), "p": _put(after=True), "P": _put(after=False),
    "u": _undo, "\x12": _redo, "r": _replaced, "~": _case, ".": _again, "v": _visual("visual"), "V": _visual("lines"),
    "J": lambda vi, found: vi.with_text(join(vi.text, vi.text.at.row, count_of(found))),
    "gJ": lambda vi, found: vi.with_text(join(vi.text, vi.text.at.row, count_of(found), plainly=True)),
    "\x16": lambda vi, found: vi.told("not simulated: vi's block mode"),
    "ZZ": lambda vi, found: vi.asking(*([Ask("write", lines=vi.text.lines)] if vi.changed else []), Ask("quit")),
    "ZQ": lambda vi, found: vi.asking(Ask("quit", force=True)),
    ":": _ask_line, "/": _ask_line, "?": _ask_line, "*": _word_here, "#": _word_here, "\x07": _where,
    "H": lambda vi, found: replace(vi, text=vi.text.to(max(vi.text.at.row - 20, 0), 0)),
    **dict.fromkeys(PAGES, _scrolled),
}
