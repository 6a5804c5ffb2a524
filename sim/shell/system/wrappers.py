"""Programs and builtins that run other commands: bash, source, eval, time, command, nohup, watch.

They must be ours: bashkit would find the marker file of one of our programs and run that, which does nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.shell.pipes import COMMANDS, Call, Exit

if TYPE_CHECKING:
    from sim.shell.walker import Shell

SHELL_DEPTH_MAX = 16
TAKES_VALUE = {"nice": ("-n",), "nohup": (), "command": ()}


def _sourced(call: Call, shell: Shell, text: str, arguments: list[str], *, ends: str) -> Steps[int]:
    """Run a text in a shell with positional arguments; `ends` is what ends only the text: exit or return."""
    saved = shell.words('"$@"')
    if arguments:
        shell.arguments(arguments)
    shell.depth += 1
    try:
        return (yield from shell.source(text, call.streams))
    except Exit as end:
        if end.args[0] != ends:
            raise
        return end.status(shell.status)
    finally:
        shell.depth -= 1
        if arguments:
            shell.arguments(saved)


def bash(call: Call) -> Steps[int]:
    """Run a script, a text (-c) or standard input in a new shell.

    Models: bash's own start-up. Options -c, -e, -u, -x, -l and --login; an interactive second shell is refused.
    """
    words, options = list(call.argv), ""
    text: str | None = None
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option not in ("--login", "--norc", "--noprofile", "--"):
            options += option[1:]
        if option == "--":
            break
    if set(options) - set("ceuxl"):
        return call.refuse(f"{call.name} -{options}")
    name = call.name
    if "c" in options:
        if not words:
            call.write(f"{name}: -c: option requires an argument\n", "stderr")
            return 2
        text, words = words[0], words[2:]
    elif words:
        name, *words = words
        found = _script(call, name)
        if isinstance(found, int):
            return found
        text = found
    elif call.streams.stdin is not None:
        text = (yield from call.streams.stdin.rest()).decode(errors="replace")
    if text is None:
        return call.refuse(f"{name} inside this shell; type the lines here")
    if call.shell.depth >= SHELL_DEPTH_MAX:
        call.write("bash: fork: retry: Resource temporarily unavailable\n", "stderr")
        return 254
    inner = call.shell.child(call.env)
    for letter in "eux":
        if letter in options:
            inner.bash.execute_sync(f"set -{letter}")
    inner.errexit = "e" in options
    # A script runs in its own shell: what it has for standard input is the caller's, or nothing.
    return (yield from _sourced(call, inner, text, words, ends="exit"))


def _script(call: Call, name: str) -> str | int:
    try:
        return call.files.read(call.path(name)).decode(errors="replace")
    except FileError as error:
        call.write(f"{call.name}: {name}: {error}\n", "stderr")
        return 127 if "No such" in str(error) else 126


def source(call: Call) -> Steps[int]:
    """Run a file's lines in this very shell."""
    if not call.argv:
        call.write(f"-bash: {call.name}: filename argument required\n"
                   f"{call.name}: usage: {call.name} filename [arguments]\n", "stderr")
        return 2
    name, *arguments = call.argv
    try:
        text = call.files.read(call.path(name)).decode(errors="replace")
    except FileError as error:
        call.write(f"-bash: {name}: {error}\n", "stderr")
        return 1
    if call.shell.depth >= SHELL_DEPTH_MAX:
        call.write("-bash: fork: retry: Resource temporarily unavailable\n", "stderr")
        return 254
    return (yield from _sourced(call, call.shell, text, arguments, ends="return"))


def evaluate(call: Call) -> Steps[int]:
    """Join the words and run them as a line."""
    if call.shell.depth >= SHELL_DEPTH_MAX:
        call.write("-bash: fork: retry: Resource temporarily unavailable\n", "stderr")
        return 254
    call.shell.depth += 1
    try:
        return (yield from call.shell.source(" ".join(call.argv), call.streams)) if call.argv else 0
    finally:
        call.shell.depth -= 1


def measure(call: Call) -> Steps[int]:
    """Run a command and tell how long it took: the simulated time.

    Models: bash's `time`. Processor time is not modelled, so user and sys are zero.
    """
    began_us = call.engine.now_us
    words = [word for word in call.argv if word != "-p"]
    status = (yield from call.run(words)) if words else 0
    seconds = (call.engine.now_us - began_us) / SECOND_US
    rows = (("real", seconds), ("user", 0.0), ("sys", 0.0))
    call.write("\n" + "".join(f"{name}\t{int(s // 60)}m{s % 60:.3f}s\n" for name, s in rows), "stderr")
    return status


def plainly(call: Call) -> Steps[int]:
    """Run the rest of the words: `command`, `nohup`, `nice`."""
    words = list(call.argv)
    if call.name == "command" and words and words[0] in ("-v", "-V"):
        return call.native()
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in TAKES_VALUE[call.name] and words:
            words.pop(0)
    return (yield from call.run(words)) if words else 0


def watch(call: Call) -> Steps[int]:
    """Run a command again and again until Ctrl-C; each round is printed below the last one, not over it.

    Models: procps watch, options -n and -t.
    """
    words, period_seconds, title = list(call.argv), 2.0, True
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-t", "--no-title"):
            title = False
            continue
        number = option[2:] if option.startswith("-n") else ""
        if option == "-n" and words:
            number = words.pop(0)
        try:
            period_seconds = max(0.1, float(number))
        except ValueError:
            return call.refuse(f"watch {option}")
    if not words:
        call.write("Usage:\n watch [options] command\n", "stderr")
        return 1
    command = " ".join(words)
    while True:
        if title:
            now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us)
            head = f"Every {period_seconds:.1f}s: {command}"
            tail = f"{call.host.name}: {now:%a %b %e %H:%M:%S %Y}"
            call.write(f"{head}{tail:>{max(len(tail) + 1, 80 - len(head))}}\n\n")
        yield from call.shell.child(call.env).source(command, call.streams)
        call.write("\n")
        yield call.engine.sleep(microseconds(period_seconds))


COMMANDS.update({
    "bash": bash, "sh": bash, "source": source, ".": source, "eval": evaluate, "time": measure,
    "command": plainly, "nohup": plainly, "nice": plainly, "watch": watch})
