"""The keyboard of plain mode: lines with history and completion, and single keys while a program runs.

On a system without termios (or away from a terminal) lines are all there is.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TextIO

try:
    import termios
    import tty
except ImportError:  # no such thing on this system
    termios = None  # type: ignore[assignment]

Complete = Callable[[str], list[str]]


def as_text(line: str) -> str:
    """Replace what Python made of bytes that are no UTF-8 (surrogates)."""
    return line.encode(errors="surrogateescape").decode(errors="replace")


def read_line(prompt: str, lines: TextIO, out: TextIO, complete: Complete | None) -> str | None:
    """Read a line without its newline; None at the end. complete: at a terminal, with history and Tab."""
    if complete is None or lines is not sys.stdin:
        out.write(prompt)
        out.flush()
        raw = lines.readline()
        return as_text(raw.rstrip("\r\n")) if raw else None
    _with_completion(complete)
    try:
        return as_text(input(prompt))
    except EOFError:
        return None


def _with_completion(complete: Complete) -> None:
    try:
        import readline
    except ImportError:
        return
    found: list[str] = []

    def offer(word: str, number: int) -> str | None:
        if number == 0:
            line = readline.get_line_buffer()[: readline.get_endidx()]
            found[:] = complete(line)
        if number >= len(found):
            return None
        return found[number] + (" " if len(found) == 1 and not found[number].endswith("/") else "")

    readline.set_completer_delims(" \t\n|;&<>")
    readline.set_completer(offer)
    readline.parse_and_bind("tab: complete")


class Keyboard:
    """Single keys, unechoed, while a program runs; a context manager that puts the terminal back."""

    def __init__(self) -> None:
        self._old: Any = None

    def __enter__(self) -> Self:
        self._raw()
        return self

    def __exit__(self, *error: object) -> None:
        self._put_back()

    def _raw(self) -> None:
        if termios is not None and sys.stdin.isatty():
            self._old = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)

    def _put_back(self) -> None:
        if self._old is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._old)
            self._old = None

    @contextmanager
    def normal(self) -> Iterator[None]:
        """Give the terminal its lines back for a moment."""
        self._put_back()
        try:
            yield
        finally:
            self._raw()

    def wait(self, seconds: float) -> str:
        """Wait so long for keys; gives what was pressed. Raises KeyboardInterrupt for Ctrl-C."""
        if self._old is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return os.read(sys.stdin.fileno(), 1024).decode(errors="replace") if ready else ""
