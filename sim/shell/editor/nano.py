"""nano: a state, and what each key makes of it. Pure, as `vi`. Models: nano 6.2 with Ubuntu's settings (no wrapping)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import replace as _replace
from typing import Any

from sim.shell.editor.text import EMPTY, Place, Text, indent_of
from sim.shell.editor.vi import Ask

CTRL = {chr(number): chr(number + 64) for number in range(1, 32)}
PAGE = 18


@dataclass(frozen=True, slots=True)
class Nano:
    """All that nano knows. asking: the question in the last line (`write`, `save`, `search`, `line`, `read`); typed: its answer so far.

    cut: what Ctrl-K took; fresh: whether the next Ctrl-K adds to it. saved: the lines as they are in the file.
    """

    text: Text = EMPTY
    name: str = ""
    saved: tuple[str, ...] = ("",)
    message: str = ""
    question: str = ""
    typed: str = ""
    leaving: bool = False
    cut: str = ""
    cutting: bool = False
    searched: str = ""
    older: tuple[Text, ...] = ()
    undone: tuple[Text, ...] = ()
    escape: bool = False
    indent: bool = False
    asks: tuple[Ask, ...] = ()

    @property
    def changed(self) -> bool:
        """Tell whether the file on the disk is another."""
        return self.text.lines != self.saved

    def but(self, **changes: Any) -> Nano:
        """Give a state that differs in some fields."""
        return _replace(self, **changes)

    def with_text(self, text: Text) -> Nano:
        """Change the text; the one before can be had back by M-U."""
        if text.lines == self.text.lines:
            return self.but(text=text)
        return self.but(text=text, older=(*self.older[-1000:], self.text), undone=())

    def prompt(self) -> str:
        """Write the question and what was typed so far."""
        return {"write": "File Name to Write: ", "search": f"Search{f' [{self.searched}]' if self.searched else ''}: ",
                "save": "Save modified buffer? ", "line": "Enter line number, column number: ", "read": "File to insert [from ./]: "}.get(
            self.question, "") + self.typed


def press(nano: Nano, key: str) -> Nano:
    """Press a key: a character, or a name of `text.KEYS`."""
    nano = nano.but(asks=(), message="")
    if nano.question:
        return _answered(nano, key)
    if key == "\x1b":
        return nano.but(escape=True)
    if nano.escape:
        return _meta(nano.but(escape=False), key)
    control = CTRL.get(key, "") if key not in ("\n", "\t") else ""
    cutting = nano.cutting and control == "K"
    nano = nano.but(cutting=False)
    if control:
        return _control(nano, control, cutting=cutting)
    if key in ("up", "down", "left", "right", "home", "end", "pageup", "pagedown"):
        return nano.but(text=_moved(nano.text, key))
    if key == "delete":
        return nano.with_text(_deleted(nano.text))
    if key == "\x7f":
        return nano.with_text(_rubbed_out(nano.text))
    if key == "\n":
        lead = nano.text.line[:min(indent_of(nano.text.line), nano.text.at.column)] if nano.indent else ""
        return nano.with_text(nano.text.insert("\n" + lead))
    return nano.with_text(nano.text.insert(key)) if len(key) == 1 and (key.isprintable() or key == "\t") else nano


def _moved(text: Text, key: str) -> Text:
    row, column = text.at
    if key == "left" and not column:
        return text.to(row - 1, len(text.lines[row - 1])) if row else text
    if key == "right" and column >= len(text.line):
        return text.to(row + 1, 0) if row < text.last_row else text
    to = {"up": (row - 1, column), "down": (row + 1, column), "left": (row, column - 1), "right": (row, column + 1), "home": (row, 0),
          "end": (row, len(text.line)), "pageup": (row - PAGE, 0), "pagedown": (row + PAGE, 0)}[key]
    return text.to(*to)


def _deleted(text: Text) -> Text:
    row, column = text.at
    end = Place(row, column + 1) if column < len(text.line) else Place(row + 1, 0)
    return text.cut(text.at, end)[0] if end.row <= text.last_row else text


def _rubbed_out(text: Text) -> Text:
    row, column = text.at
    if not column and not row:
        return text
    return text.cut(Place(row, column - 1) if column else Place(row - 1, len(text.lines[row - 1])), text.at)[0]


def _control(nano: Nano, control: str, *, cutting: bool) -> Nano:
    arrows = {"A": "home", "E": "end", "F": "right", "B": "left", "P": "up", "N": "down", "Y": "pageup", "V": "pagedown"}
    if control in arrows:
        return nano.but(text=_moved(nano.text, arrows[control]))
    if control == "D":
        return nano.with_text(_deleted(nano.text))
    if control == "H":
        return nano.with_text(_rubbed_out(nano.text))
    if control == "K":
        last = nano.text.at.row == nano.text.last_row
        piece = nano.text.line + ("" if last else "\n")
        if last and not nano.text.line:
            return nano.but(message="[ Nothing was cut ]")
        text = nano.text.with_line(nano.text.at.row, "").to(nano.text.at.row, 0) if last else nano.text.cut_lines(nano.text.at.row, nano.text.at.row)[0]
        return nano.with_text(text).but(cut=(nano.cut if cutting else "") + piece, cutting=True)
    if control == "U":
        return nano.with_text(nano.text.insert(nano.cut)) if nano.cut else nano
    if control in ("O", "R", "W", "_"):
        question = {"O": "write", "R": "read", "W": "search", "_": "line"}[control]
        return nano.but(question=question, typed=nano.name if control == "O" else "")
    if control == "S":
        return nano.but(asks=(Ask("write", nano.name, lines=nano.text.lines),)) if nano.name else nano.but(question="write", typed="")
    if control == "X":
        return nano.but(question="save", typed="", leaving=True) if nano.changed else nano.but(asks=(Ask("quit"),))
    if control == "C":
        row, column = nano.text.at
        return nano.but(message=f"[ line {row + 1}/{len(nano.text.lines)} ({100 * (row + 1) // len(nano.text.lines)}%), "
                                f"col {column + 1}/{len(nano.text.line) + 1} ]")
    return nano.but(message=f"[ not simulated: nano's ^{control} ]")


def _meta(nano: Nano, key: str) -> Nano:
    letter = key.upper()
    if letter == "U":
        return nano.but(text=nano.older[-1], older=nano.older[:-1], undone=(*nano.undone, nano.text)) if nano.older else nano.but(message="[ Nothing to undo ]")
    if letter == "E":
        return nano.but(text=nano.undone[-1], undone=nano.undone[:-1], older=(*nano.older, nano.text)) if nano.undone else nano.but(message="[ Nothing to redo ]")
    if letter == "W":
        return _found(nano)
    if letter == "6":
        return nano.but(cut=nano.text.line + "\n", text=nano.text.to(nano.text.at.row + 1, 0))
    if letter == "I":
        return nano.but(indent=not nano.indent, message=f"[ Auto indent {'disabled' if nano.indent else 'enabled'} ]")
    if letter in ("/", "\\"):
        return nano.but(text=nano.text.to(nano.text.last_row if letter == "/" else 0, 0))
    return nano.but(message=f"[ not simulated: nano's M-{letter} ]")


# ---- questions -----------------------------------------------------------------------------------------------------
def _answered(nano: Nano, key: str) -> Nano:
    if key in ("\x03", "\x1b") or (nano.question == "save" and key in ("c", "C")):
        return nano.but(question="", typed="", leaving=False, message="[ Cancelled ]")
    if nano.question == "save":
        if key in ("n", "N"):
            return nano.but(question="", asks=(Ask("quit", force=True),))
        return nano.but(question="write", typed=nano.name) if key in ("y", "Y") else nano
    if key == "\x7f":
        return nano.but(typed=nano.typed[:-1])
    if key != "\n":
        return nano.but(typed=nano.typed + key) if len(key) == 1 and key.isprintable() else nano
    question, typed = nano.question, nano.typed
    nano = nano.but(question="", typed="")
    if question == "write":
        if not typed:
            return nano.but(message="[ Cancelled ]", leaving=False)
        after = (Ask("quit"),) if nano.leaving else ()
        return nano.but(asks=(Ask("write", typed, lines=nano.text.lines), *after), leaving=False)
    if question == "read":
        return nano.but(asks=(Ask("read", typed),)) if typed else nano
    if question == "line":
        found = re.fullmatch(r"(-?\d+)?(?:[,. ](\d+))?", typed.strip())
        if found is None or not typed.strip():
            return nano.but(message="[ Invalid line or column number ]")
        row = int(found[1] or nano.text.at.row + 1)
        return nano.but(text=nano.text.to(row - 1 if row > 0 else len(nano.text.lines) + row, int(found[2] or 1) - 1))
    return _found(nano.but(searched=typed or nano.searched))


def _found(nano: Nano) -> Nano:
    """Search on from the cursor, around the text's end; nano does not look at the case of letters."""
    word, at = nano.searched.lower(), nano.text.at
    if not word:
        return nano.but(message="[ No current search pattern ]")
    places = [Place(row, found.start()) for row, line in enumerate(nano.text.lines) for found in re.finditer(re.escape(word), line.lower())]
    if not places:
        return nano.but(message=f'[ "{nano.searched}" not found ]')
    to = next((each for each in places if each > at), None)
    if to is None:
        to = places[0]
        said = "[ This is the only occurrence ]" if to == at else "[ Search Wrapped ]"
        return nano.but(text=nano.text.to(*to), message=said)
    return nano.but(text=nano.text.to(*to))
