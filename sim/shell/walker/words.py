"""Fills the holes of words: what runs commands, or would read the real clock, chance or processes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.engine import SECOND_US, Steps
from sim.shell.pipes import Leave, Pipe, Streams
from sim.shell.syntax.tree import Hole, Word

if TYPE_CHECKING:
    from sim.shell.walker.shell import Shell

After = list[Callable[[], Steps[None]]]
PLAIN = re.compile(r"[\w@%+=:,./-]+\Z")


def filled(shell: Shell, given: Sequence[Word], streams: Streams, *, start: int = 0, after: After | None = None) -> Steps[tuple[str, str]]:
    """Give words as text that bashkit may expand, and the lines to run before it (empty or ended by a newline).

    after: gets what is to be done when the command has ended; without it, files of `<( )` stay until the next line.
    """
    if not any(word.holes for word in given):
        return " ".join([word.text for word in given]), ""
    texts, before = [], [""]
    number = start
    for word in given:
        text = word.text
        done: list[tuple[Hole, str]] = []
        for hole in word.holes:
            number += 1
            done.append((hole, (yield from _fill(shell, hole, streams, number, before, after))))
        for hole, new in reversed(done):
            rest = text[hole.end:]
            if new.startswith("${__") and not re.match(r"\w|\[", rest):
                new = new.replace("{", "").replace("-}", "").replace("}", "")
            text = text[:hole.start] + new + rest
        texts.append(text)
    return " ".join(texts), "".join(before)


def _fill(shell: Shell, hole: Hole, streams: Streams, number: int, before: list[str],
          after: After | None) -> Steps[str]:
    if hole.kind == "run":
        assert hole.program is not None
        out = (yield from shell.captured(hole.program, streams)).replace(b"\0", b"")
        text = out.decode(errors="replace").rstrip("\n")
        before.append(f"__s{number}={shlex.quote(text)}\n")
        return f"${{__s{number}}}"
    if hole.kind in ("from", "into"):
        return (yield from _substituted(shell, hole, streams, after))
    value = PARAMETERS[hole.value](shell)
    if hole.kind == "special" and PLAIN.match(value):
        return value
    if hole.value in ("PIPESTATUS", "FUNCNAME"):
        before.append(f"__{hole.value}=({value})\n")
    else:
        before.append(f"__{hole.value}={shlex.quote(value)}\n" if value else "unset __none\n")
    name = f"__{_spelled(hole.value)}" if value else "__none"
    before[-1] = before[-1].replace(f"__{hole.value}=", f"__{_spelled(hole.value)}=", 1)
    return name if hole.kind == "name" else f"${{{name}-}}"


def _spelled(name: str) -> str:
    return name if name.isidentifier() else "p" + str(ord(name))


def _substituted(shell: Shell, hole: Hole, streams: Streams, after: After | None) -> Steps[str]:
    """Run `<( )` now and lend its output as a file; `>( )` gets what was written when the command has ended."""
    from sim.shell.walker import flow

    assert hole.program is not None
    program, files = hole.program, shell.login.host.files.view()
    path = shell.login.lend_descriptor()
    if hole.kind == "from":
        status = shell.status
        out = yield from shell.captured(program, streams)
        shell.status = status
        files.write(path, out)
    else:
        files.write(path, b"")

    def ended() -> Steps[None]:
        data = files.read(path)
        files.remove(path)
        if hole.kind == "from":
            return
        twin = shell.copy()
        inner = Streams(Pipe(shell.login.engine, data, closed=True), streams.stdout, streams.stderr)
        try:
            for unit in program.units:
                yield from flow.sequence(twin, unit, inner)
        except Leave:
            pass  # `exit` in there ends only itself
        finally:
            twin.release()

    if after is not None:
        after.append(ended)
    else:
        shell.login.leftovers.append(path)
    return path


def _array(values: list[int]) -> str:
    return " ".join(map(str, values))


def _options(shell: Shell) -> str:
    from sim.shell.walker.shell import OPTIONS

    letters = "himBH" if shell.interactive else "hB"
    on = "".join(letter for letter, name in OPTIONS.items() if shell.option(name) and letter not in letters)
    text = "".join(sorted(letters + on, key=lambda letter: (letter.isupper(), letter)))
    return text + ("c" if shell.is_text else "s" if shell.interactive else "")


def _name(shell: Shell) -> str:
    return shell.name


def _script(shell: Shell) -> str:
    return "" if shell.interactive or shell.is_text else shell.name


def _random(shell: Shell) -> str:
    return str(shell.login.engine.stream("shell.random").uniform(0, 32767))


PARAMETERS: dict[str, Callable[[Shell], str]] = {
    "?": lambda shell: str(shell.status),
    "!": lambda shell: "" if shell.last_pid is None else str(shell.last_pid),
    "$": lambda shell: str(shell.pid),
    "-": _options,
    "0": _name,
    "_": lambda shell: shell.last_word,
    "PPID": lambda shell: str(shell.parent_pid),
    "BASHPID": lambda shell: str(shell.pid + shell.subshells),
    "LINENO": lambda shell: str(shell.line),
    "SECONDS": lambda shell: str(shell.seconds()),
    "EPOCHSECONDS": lambda shell: str(shell.login.engine.unix_us // SECOND_US),
    "EPOCHREALTIME": lambda shell: f"{shell.login.engine.unix_us // SECOND_US}.{shell.login.engine.unix_us % SECOND_US:06}",
    "SRANDOM": lambda shell: str(shell.login.engine.stream("shell.random").uniform(0, 2**32 - 1)),
    "RANDOM": _random,
    "PIPESTATUS": lambda shell: _array(shell.pipe_statuses),
    "UID": lambda shell: str(shell.login.uid),
    "EUID": lambda shell: str(shell.login.uid),
    "BASH": lambda shell: "/bin/bash",
    "FUNCNAME": lambda shell: " ".join(shlex.quote(frame.name) for frame in reversed(shell.frames)),
    "BASH_SOURCE": _script,
    "SHLVL": lambda shell: str(1 + shell.depth),
    "BASH_SUBSHELL": lambda shell: str(shell.subshells),
}
"""Parameters that are ours, on the simulated clock, chance and processes."""


def trace(shell: Shell, text: str, streams: Streams) -> None:
    """Write a line of `set -x`."""
    streams.stderr(f"{'+' * (1 + shell.subshells)} {text}\n".encode(errors="replace"))


def quoted(word: str) -> str:
    """Quote a word as `set -x` shows it."""
    if word and re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    if re.search(r"[\n\t]", word):
        return "$'" + word.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t") + "'"
    return "'" + word.replace("'", "'\\''") + "'"
