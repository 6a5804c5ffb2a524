"""The screen of a program that has the whole terminal (an editor): its picture, and every key goes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Key, Paste, Resize
from textual.screen import Screen
from textual.widgets import Static

if TYPE_CHECKING:
    from sim.shell.editor.view import Picture
    from tui.app import KubedrillApp

CODES = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F", "pageup": "\x1b[5~",
         "pagedown": "\x1b[6~", "delete": "\x1b[3~", "insert": "\x1b[2~", "enter": "\r", "escape": "\x1b", "tab": "\t", "backspace": "\x7f",
         "ctrl+h": "\x7f", "ctrl+j": "\n", "ctrl+m": "\r", "ctrl+underscore": "\x1f", "ctrl+backslash": "\x1c"}
"""What a terminal sends for Textual's names of keys."""


def sent(event: Key) -> str:
    """Give what a terminal sends for a key, "" for one that has no code here."""
    if event.key in CODES:
        return CODES[event.key]
    if event.is_printable and event.character:
        return event.character
    if event.key.startswith("ctrl+") and len(event.key) == 6 and event.key[-1].isalpha():
        return chr(ord(event.key[-1].upper()) - 64)
    return "\x1b" + event.key[-1] if event.key.startswith("alt+") and len(event.key) == 5 else ""


def drawn(picture: Picture) -> Text:
    """Draw a picture, its cursor reversed."""
    text = Text("\n".join(picture.rows), no_wrap=True, end="")
    row, column = picture.cursor
    start = sum(len(each) + 1 for each in picture.rows[:row])
    line = picture.rows[row] if row < len(picture.rows) else ""
    if column < len(line):
        text.stylize("reverse", start + column, start + column + 1)
        return text
    rows = [*picture.rows[:row], line.ljust(column + 1), *picture.rows[row + 1:]]
    text = Text("\n".join(rows), no_wrap=True, end="")
    text.stylize("reverse", start + column, start + column + 1)
    return text


class EditorScreen(Screen[None]):
    """Shows the foreground program of the app's terminal until it is no longer full-screen."""

    DEFAULT_CSS = "EditorScreen Static { width: 1fr; height: 1fr; }"
    AUTO_FOCUS = None

    def __init__(self, app: KubedrillApp) -> None:
        super().__init__()
        self.kubedrill = app

    def compose(self) -> ComposeResult:
        """Lay the screen out: one picture."""
        yield Static(id="picture")

    def on_mount(self) -> None:
        """Show the picture once there is a size."""
        self.set_interval(0.2, self.show)
        self.show()

    def on_resize(self, event: Resize) -> None:
        """Show it at the new size."""
        self.show()

    def show(self) -> None:
        """Paint the picture; go away when the program has ended, or was undone."""
        program = self.kubedrill.lab.screen(self.kubedrill.terminal)
        if program is None:
            if self.is_current:
                self.dismiss()
            return
        self.query_one("#picture", Static).update(drawn(program.picture(max(self.size.width, 2), max(self.size.height, 6))))

    def on_key(self, event: Key) -> None:
        """Give a key to the program."""
        code = sent(event)
        if code:
            event.stop()
            event.prevent_default()
            self.kubedrill.to_editor(code)
            self.show()

    def on_paste(self, event: Paste) -> None:
        """Give pasted text to the program, as if typed."""
        event.stop()
        self.kubedrill.to_editor(event.text)
        self.show()
