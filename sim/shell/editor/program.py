"""vi, vim, view, nano: the programs. They open a file of the host, give keys to the pure core, and write when it asks.

Keys take effect the moment they are pressed; simulated time passes in between. Where standard input is no terminal, its
bytes are the keys, as the real programs have it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace

from sim.engine import Steps, microseconds
from sim.host.files import FILE, NOT_FOUND, FileError
from sim.shell.editor import ex, nano, text, vi
from sim.shell.editor.nano import Nano
from sim.shell.editor.text import Place, Text
from sim.shell.editor.vi import Ask, Vi
from sim.shell.editor.view import Picture, Window, nano_picture, vi_picture
from sim.shell.pipes import COMMANDS, Call

START_SECONDS = 0.05
FILE_BYTES_MAX = 4 * 1024 * 1024
YAML = (".yaml", ".yml")


class Session:
    """An editor on a terminal; a `FullScreen`. state: the core's; status: the exit status once it has ended, else None."""

    def __init__(self, call: Call, state: Vi | Nano) -> None:
        self.call, self.state = call, state
        self.causes = call.engine.causes
        self.status: int | None = None
        self.done = call.engine.event()
        self.window = Window()

    # ---- the terminal's side ----------------------------------------------------------------------------------
    def press(self, sent: str) -> None:
        """Take keys; those behind the one that ended the editor are the next program's."""
        keys = text.keys_of(sent)
        with self.call.engine.because(self.causes):
            for at, key in enumerate(keys):
                if self.status is not None:
                    self.call.login.terminal.keys("".join(each for each in keys[at:] if len(each) == 1))
                    return
                self.state = vi.press(self.state, key) if isinstance(self.state, Vi) else nano.press(self.state, key)
                for ask in self.state.asks:
                    if not self.did(ask):
                        break

    def picture(self, columns: int, rows: int) -> Picture:
        """Show the editor."""
        if isinstance(self.state, Vi):
            return vi_picture(self.state, self.window, columns, rows)
        return nano_picture(self.state, self.window, columns, rows)

    def everything(self) -> list[str]:
        """Give the lines of the text."""
        return list(self.state.text.lines)

    # ---- what the core asks for -------------------------------------------------------------------------------
    def did(self, ask: Ask) -> bool:
        """Do what the core asks for; False where it could not be done."""
        if ask.kind == "quit":
            self.end(0)
            return True
        try:
            return {"write": self.write, "read": self.read, "reload": self.reload}[ask.kind](ask)
        except FileError as error:
            self.say_failed(ask, error)
            return False

    def end(self, status: int) -> None:
        """End the editor; the terminal is bash's again at once."""
        self.status = status
        self.call.login.terminal.screen = None
        if not self.done.triggered:
            self.done.succeed()

    def tell(self, message: str, **changes: object) -> None:
        """Say something in the last line."""
        self.state = replace(self.state, message=message, **changes)  # type: ignore[arg-type]

    def write(self, ask: Ask) -> bool:
        """Write lines to a file."""
        call, state = self.call, self.state
        name = ask.path or state.name
        path = call.path(name)
        new = not call.files.exists(path)
        if isinstance(state, Vi) and not ask.force:
            if "readonly" in state.options and name == state.name:
                self.tell("E45: 'readonly' option is set (add ! to override)")
                return False
            if not new and name != state.name:
                self.tell("E13: File exists (add ! to override)")
                return False
        data = b"" if ask.lines == ("",) else text.written(ask.lines)
        call.files.write(path, data)
        count = 0 if not data else len(ask.lines)
        whole = ask.lines == state.text.lines
        known = {"saved": ask.lines, "name": state.name or name} if whole and name in (state.name or name, name) else {}
        if isinstance(state, Vi):
            mark = f"{'[New] ' if new else ''}{count}L, {len(data)}B written"
            self.tell(f'"{name}" {mark}', **(known if name == (state.name or name) else {}))
        else:
            self.tell(f"[ Wrote {count} line{'s' if count != 1 else ''} ]", **{**known, "name": name})
        return True

    def read(self, ask: Ask) -> bool:
        """Put a file in below the cursor's line (vi) or at the cursor (nano)."""
        data = self.call.files.read(self.call.path(ask.path))
        lines = text.read(data)
        if isinstance(self.state, Vi):
            self.state = self.state.with_text(self.state.text.put_lines(self.state.text.at.row + 1, "\n".join(lines)))
            self.tell(f'"{ask.path}" {len(lines)}L, {len(data)}B')
        else:
            self.state = self.state.with_text(self.state.text.insert(data.decode(errors="surrogateescape")))
            self.tell(f"[ Read {len(lines)} line{'s' if len(lines) != 1 else ''} ]")
        return True

    def reload(self, ask: Ask) -> bool:
        """Take the file as it is on the disk again."""
        data = self.call.files.read(self.call.path(self.state.name))
        lines = text.read(data)
        self.state = replace(self.state.with_text(Text(lines)), saved=lines)
        self.tell(f'"{self.state.name}" {len(lines)}L, {len(data)}B')
        return True

    def say_failed(self, ask: Ask, error: FileError) -> None:
        """Say why a file could not be read or written, in the editor's own words."""
        name = ask.path or self.state.name
        if isinstance(self.state, Nano):
            what = "writing" if ask.kind == "write" else "reading"
            self.tell(f"[ Error {what} {name}: {error} ]", leaving=False)
        elif ask.kind == "write":
            self.tell(f'"{name}" E212: Can\'t open file for writing')
        else:
            self.tell(f"E484: Can't open file {name}")


def edit(call: Call, session: Session) -> Steps[int]:
    """Let a session run to its end on the terminal; gives its status."""
    terminal = call.login.terminal
    yield call.engine.sleep(microseconds(START_SECONDS))
    if call.streams.stdin is not None or call.streams.keyboard is None:
        return (yield from _without_terminal(call, session))
    keyboard = call.streams.keyboard
    early = bytes(keyboard.data).decode(errors="replace") + terminal.unfinished()
    keyboard.data.clear()
    terminal.screen = session
    try:
        session.press(early)
        if session.status is None:
            yield session.done
    finally:
        if terminal.screen is session:
            terminal.screen = None
    return session.status or 0


def _without_terminal(call: Call, session: Session) -> Steps[int]:
    if isinstance(session.state, Nano):
        call.write("Standard input is not a terminal\n", "stderr")
        return 1
    call.write("Vim: Warning: Input is not from a terminal\n", "stderr")
    source = call.streams.stdin
    keys = (yield from source.rest()).decode(errors="replace") if source is not None else ""
    for key in text.keys_of(keys):
        session.press(key)
        if session.status is not None:
            return session.status
    call.write("Vim: Error reading input, exiting...\nVim: Finished.\n", "stderr")
    return 1


# ---- starting ------------------------------------------------------------------------------------------------------
def _opened(call: Call, name: str) -> tuple[tuple[str, ...], str, bool]:
    """Read the file to edit: its lines, what is said of it, and whether it may be written. Raises FileError, ValueError."""
    try:
        node = call.files.find(call.path(name))
    except FileError as error:
        if error.kind != NOT_FOUND:
            raise
        return ("",), "new", True
    if node.kind != FILE:
        raise ValueError("it is no file")
    data = call.files.read(call.path(name))
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"it has more than {FILE_BYTES_MAX // 1024 // 1024} MiB")
    return text.read(data), f"{len(text.read(data)) if data else 0}L, {len(data)}B", call.files.may(node, 2)


def vim(call: Call) -> Steps[int]:
    """Edit a file with vi (+N, +/PATTERN, +CMD, -c CMD, -R, -n, -u FILE)."""
    names, commands, options = [], [], set()
    words = list(call.argv)
    while words:
        word = words.pop(0)
        if word in ("-c", "--cmd", "-u", "-i", "-U", "-T") and words:
            value = words.pop(0)
            commands += [value] if word == "-c" else []
        elif word.startswith("+"):
            commands.append(word[1:] or "$")
        elif word == "-R" or (word.startswith("-") and set(word[1:]) <= set("RnNCbve") and word != "-e"):
            options |= {"readonly"} if "R" in word else set()
        elif word == "--":
            names += words
            words = []
        elif word.startswith("-"):
            return call.refuse(f"{call.name} {word}")
        else:
            names.append(word)
    if call.name == "view":
        options.add("readonly")
    if len(names) > 1:
        return call.refuse(f"{call.name} with several files")
    return (yield from _vi(call, names[0] if names else "", commands, options))


def _vi(call: Call, name: str, commands: list[str], options: set[str]) -> Steps[int]:
    lines: tuple[str, ...] = ("",)
    said = ""
    if name:
        try:
            lines, said, writable = _opened(call, name)
        except FileError as error:
            said, writable = f'"{name}" [{str(error).title()}]', True
        except ValueError as error:
            return call.refuse(f"{call.name} {name}: {error}")
        else:
            said = f'"{name}" [New]' if said == "new" else f'"{name}" {"" if writable else "[readonly] "}{said}'
        options |= set() if writable else {"readonly"}
    yaml = posixpath.splitext(name)[1] in YAML
    options |= {"expandtab"} if yaml else set()
    state = Vi(Text(lines), name=name, saved=lines, message=said, options=frozenset(options), shift=2 if yaml else 8)
    session = Session(call, state)
    for command in commands:
        session.press("".join(f":{command}\n" if not command.startswith("/") else f"{command}\n"))
        if session.status is not None:
            return session.status
    return (yield from edit(call, session))


def nano_command(call: Call) -> Steps[int]:
    """Edit a file with nano (+LINE,COLUMN; options that only change how it looks)."""
    name, place, readonly = "", "", False
    words = list(call.argv)
    while words:
        word = words.pop(0)
        if word in ("-T", "-r", "--tabsize", "-Y", "-s", "-f") and words:
            words.pop(0)
        elif word in ("-v", "--view"):
            readonly = True
        elif word == "--version":
            call.write(" GNU nano, version 6.2\n")
            return 0
        elif word.startswith("-") and len(word) > 1:
            if not re.fullmatch(r"-[ABEHILNPSUWacdeijklmnpqtuwxyz0/]+|--[a-z]+", word):
                call.write(f"nano: invalid option -- '{word[1:2]}'\nType 'nano -h' for a list of available options.\n", "stderr")
                return 1
        elif word.startswith("+") and not place:
            place = word[1:]
        elif name:
            return call.refuse("nano with several files")
        else:
            name = word
    if readonly:
        return call.refuse("nano --view")
    lines: tuple[str, ...] = ("",)
    said = ""
    if name:
        try:
            lines, said, writable = _opened(call, name)
        except FileError as error:
            said, writable = f"[ Error reading {name}: {error} ]", True
        except ValueError:
            said, writable, name = f'[ "{name}" is a directory ]', True, ""
        else:
            count = len(lines) if lines != ("",) else 0
            said = "[ New File ]" if said == "new" else f"[ Read {count} line{'s' if count != 1 else ''}{'' if writable else ' (Warning: No write permission)'} ]"
    row, _, column = place.partition(",")
    at = Place(int(row) - 1 if row.isdigit() else 0, int(column) - 1 if column.isdigit() else 0)
    state = Nano(Text(lines).to(*at), name=name, saved=lines, message=said)
    return (yield from edit(call, Session(call, state)))


ALIASES: dict[str, Callable[[Call], Steps[int]]] = {"vi": vim, "vim": vim, "view": vim, "nano": nano_command}
COMMANDS.update(ALIASES)
assert ex.COMMANDS
