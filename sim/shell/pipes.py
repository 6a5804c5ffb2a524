"""What flows between the stages of a line: bytes in simulated time, and the call of one command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.api.errors import NOT_SIMULATED_EXIT
from sim.engine import Engine, Event, Steps

if TYPE_CHECKING:
    from sim.shell.walker import Shell

Sink = Callable[[bytes], None]
Command = Callable[["Call"], "int | Steps[int]"]
COMMANDS: dict[str, Command] = {}
"""Our own programs by name: an ordinary function that gives a status, or a generator where time must pass."""
BUILTINS: dict[str, Command] = {}
"""The builtins of bash that are ours; no file stands for them."""
PIPE_BYTES_MAX = 16 * 1024 * 1024
PIPE_BYTES_FULL = 64 * 1024


class Leave(Exception):
    """Control leaves a command: kind is `exit`, `return`, `break`, `continue` or `abort` (the rest of the line).

    number: the status, or the number of loops.
    """

    def __init__(self, kind: str, number: int = 0) -> None:
        super().__init__(kind, number)
        self.kind = kind
        self.number = number


class BrokenPipe(Exception):
    """The reader is gone: the command ends with 141."""


class TooMuch(BrokenPipe):
    """More goes through a pipe than is kept here."""


class Pipe:
    """Bytes from one stage to the next; reading waits, in simulated time, until there are some.

    terminal: the keyboard of a terminal; it shows what is typed, and its end is Ctrl-D.
    """

    def __init__(self, engine: Engine, data: bytes = b"", closed: bool = False, *, terminal: bool = False) -> None:
        self.engine = engine
        self.data = bytearray(data)
        self.closed = closed
        self.broken = False
        self.terminal = terminal
        self.readers: list[Event] = []
        self.writers: list[Event] = []

    def write(self, data: bytes) -> None:
        """Add bytes. Raises BrokenPipe when nobody will read them."""
        if self.broken:
            raise BrokenPipe
        if len(self.data) + len(data) > PIPE_BYTES_MAX:
            raise TooMuch
        self.data += data
        self._wake()

    def close(self) -> None:
        """Say that nothing more will come."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self.data or self.closed:
            readers, self.readers = self.readers, []
            for reader in readers:
                if not reader.triggered:
                    reader.succeed()

    def leave(self) -> None:
        """Say that nobody will read any more."""
        self.broken = True
        self._taken()

    def _taken(self) -> None:
        if self.broken or len(self.data) < PIPE_BYTES_FULL:
            writers, self.writers = self.writers, []
            for writer in writers:
                writer.succeed()

    def room(self) -> Steps[None]:
        """Wait until somebody has read enough for more to be written."""
        while not self.broken and len(self.data) >= PIPE_BYTES_FULL:
            event = self.engine.event()
            self.writers.append(event)
            yield event

    def read(self, upto: bytes = b"", *, limit: int = 0) -> Steps[bytes | None]:
        """Give what is there, or all up to and with `upto`, at most `limit` bytes; None at the end."""
        while not self.closed and not (
            len(self.data) >= limit > 0 or (upto in self.data if upto else self.data and not limit)
        ):
            event = self.engine.event()
            self.readers.append(event)
            yield event
        end = self.data.find(upto) + len(upto) if upto and upto in self.data else len(self.data)
        end = min(end, limit) if limit else end
        chunk = bytes(self.data[:end])
        del self.data[:end]
        self._taken()
        if self.terminal and not self.data and chunk == b"":
            self.closed = False  # Ctrl-D ends one read; the keyboard is still there
        return chunk or None

    def lines(self) -> Steps[bytes | None]:
        """Give all whole lines that are there, at least one; the last may lack its newline. None at the end."""
        first = yield from self.read(b"\n")
        end = self.data.rfind(b"\n") + 1
        if first is None or not end:
            return first
        more = bytes(self.data[:end])
        del self.data[:end]
        self._taken()
        return first + more

    def rest(self) -> Steps[bytes]:
        """Give all up to the end. Raises TooMuch."""
        out = bytearray()
        while chunk := (yield from self.read()):
            out += chunk
            if len(out) > PIPE_BYTES_MAX:
                raise TooMuch
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Streams:
    """The open files of a running command.

    stdin: None where nothing was redirected; `keyboard` is then what a program reads that wants input, if anybody
    types. others: descriptors from 3 on; one dictionary for a line, so that `exec 3>file` lasts.
    """

    stdin: Pipe | None
    stdout: Sink
    stderr: Sink
    keyboard: Pipe | None = None
    others: dict[int, Pipe | Sink] = field(default_factory=dict)


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
        """Write on standard output or standard error."""
        sink = self.streams.stderr if stream == "stderr" else self.streams.stdout
        sink(text.encode(errors="surrogateescape") if isinstance(text, str) else text)

    def fail(self, text: str, status: int = 1) -> int:
        """Say `name: text` on standard error; gives the status."""
        self.write(f"{self.name}: {text}\n", "stderr")
        return status

    def room(self) -> Steps[None]:
        """Wait until what was written has been read, as far as a pipe does not hold it: for output without end."""
        pipe = getattr(self.streams.stdout, "__self__", None)
        if isinstance(pipe, Pipe):
            yield from pipe.room()

    def input(self) -> Steps[bytes]:
        """Read standard input to its end; from a terminal, until Ctrl-D."""
        source = self.streams.stdin or self.streams.keyboard
        return (yield from source.rest()) if source is not None else b""

    def native(self) -> Steps[int]:
        """Leave it to bashkit's command of this name."""
        return self.shell.filtered(self.name, shlex.join([self.name, *self.argv]), self.argv, self.streams)

    def run(self, argv: Iterable[str]) -> Steps[int]:
        """Run another command in this shell (xargs, sudo, timeout, watch)."""
        return (yield from self.shell.invoke(list(argv), self.env, self.streams))
