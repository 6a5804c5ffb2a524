"""What flows between the stages of a line: bytes in simulated time, and the call of one command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.api.errors import NOT_SIMULATED_EXIT
from sim.engine import Engine, Event, Steps

if TYPE_CHECKING:
    from sim.shell.walker import Shell

Command = Callable[["Call"], int | Steps[int]]
COMMANDS: dict[str, Command] = {}
"""Our own programs by name: an ordinary function that gives a status, or a generator where time must pass."""


class Exit(Exception):
    """`exit`, `return`, `break`, `continue`: (what, number)."""

    def status(self, default: int) -> int:
        return int(self.args[1]) & 255 if self.args[1].isdigit() else 2 if self.args[1] else default


class BrokenPipe(Exception):
    """The reader is gone: the command ends with 141."""


class Pipe:
    """Bytes from one stage to the next; `read()` is an engine event whose value is a chunk, None at the end."""

    def __init__(self, engine: Engine, data: bytes = b"", closed: bool = False) -> None:
        self.engine, self.data, self.closed = engine, data, closed
        self.broken = False
        self.reader: Event | None = None

    def write(self, data: bytes) -> None:
        if self.broken:
            raise BrokenPipe
        self.data += data
        self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self.reader and not self.reader.triggered and (self.data or self.closed):
            self.reader.succeed()

    def read(self, upto: bytes = b"") -> Steps[bytes | None]:
        while not self.closed and (upto not in self.data if upto else not self.data):
            self.reader = self.engine.event()
            yield self.reader
        end = self.data.find(upto) + 1 if upto and upto in self.data else len(self.data)
        chunk, self.data = self.data[:end], self.data[end:]
        return chunk or None

    def rest(self) -> Steps[bytes]:
        out = b""
        while chunk := (yield from self.read()):
            out += chunk
        return out


@dataclass(frozen=True)
class Streams:
    stdin: Pipe | None
    stdout: Callable[[bytes], None]
    stderr: Callable[[bytes], None]


@dataclass
class Call:
    """One running command of ours: what a command function is given."""

    shell: Shell
    name: str
    argv: list[str]
    env: dict[str, str]
    streams: Streams

    def __post_init__(self) -> None:
        self.login = self.shell.login
        self.engine, self.files, self.host = self.login.engine, self.login.view, self.login.host

    def refuse(self, what: str) -> int:
        """Say that something is not modelled; it is also put on record, so that a pipe cannot hide it."""
        self.login.terminal.refusals.append(what)
        self.write(f"not simulated: {what}\n", "stderr")
        return NOT_SIMULATED_EXIT

    def path(self, word: str) -> str:
        """Make a path absolute."""
        return self.shell.path(word)

    def write(self, text: str | bytes, stream: str = "stdout") -> None:
        (self.streams.stderr if stream == "stderr" else self.streams.stdout)(
            text.encode() if isinstance(text, str) else text)

    def native(self) -> int:
        """Leave it to bashkit's command of this name."""
        return self.shell.native(shlex.join([self.name, *self.argv]), self.streams)

    def run(self, argv: Iterable[str]) -> Steps[int]:
        """Run another command in this shell (xargs, sudo, timeout, watch)."""
        return (yield from self.shell.source(shlex.join(argv), self.streams))


