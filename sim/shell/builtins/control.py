"""Builtins that leave a command, or run a text or another command: exit, return, break, eval, source, exec, command."""

from __future__ import annotations

import shlex

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.pipes import BUILTINS, Call, Leave
from sim.shell.walker import commands

DEPTH_MAX = 16
TOO_DEEP = "fork: retry: Resource temporarily unavailable"


def leave(call: Call) -> int:
    """Leave the shell (`exit`, `logout`) or a function or sourced file (`return`). Raises Leave."""
    status = call.shell.status
    if call.name == "logout" and not call.shell.interactive:
        return call.shell.complain("logout: not login shell: use `exit'", call.streams)
    if call.name == "return" and not call.shell.frames and not call.shell.sourcing:
        said = "return: can only `return' from a function or sourced script"
        return call.shell.complain(said, call.streams, 2 if not call.shell.interactive else 1)
    if call.argv:
        word = call.argv[0]
        if not word.lstrip("-").isdigit():
            call.shell.complain(f"{call.name}: {word}: numeric argument required", call.streams)
            status = 2
        elif len(call.argv) > 1:
            return call.shell.complain(f"{call.name}: too many arguments", call.streams)
        else:
            status = int(word) & 255
    raise Leave("return" if call.name == "return" else "exit", status)


def loop(call: Call) -> int:
    """Leave loops (`break`), or begin their next round (`continue`). Raises Leave."""
    word = call.argv[0] if call.argv else "1"
    if not call.shell.loops:
        said = f"{call.name}: only meaningful in a `for', `while', or `until' loop"
        call.shell.complain(said, call.streams)
        return 0
    if not word.isdigit() or not int(word):
        said = "loop count out of range" if word.lstrip("-").isdigit() else "numeric argument required"
        call.shell.complain(f"{call.name}: {word}: {said}", call.streams)
        raise Leave("break", call.shell.loops)
    raise Leave(call.name, int(word))


def evaluate(call: Call) -> Steps[int]:
    """Join the words and run them as a line."""
    shell = call.shell
    if shell.depth >= DEPTH_MAX:
        return shell.complain(TOO_DEEP, call.streams, 254)
    shell.depth += 1
    words = call.argv[1:] if call.argv[:1] == ["--"] else call.argv
    line = shell.line
    try:
        return (yield from shell.source(" ".join(words), call.streams)) if words else 0
    finally:
        shell.depth -= 1
        shell.line = line


def source(call: Call) -> Steps[int]:
    """Run a file's lines in this very shell; arguments become $1, $2 …"""
    shell = call.shell
    if not call.argv:
        shell.complain(f"{call.name}: filename argument required", call.streams)
        call.write(f"{call.name}: usage: {call.name} filename [arguments]\n", "stderr")
        return 2
    name, *arguments = call.argv
    place = name if "/" in name else commands.find(shell, name) or name
    try:
        text = call.files.read(call.path(place)).decode(errors="replace")
    except FileError as error:
        said = f"{name}: {error}" if str(error) != "Is a directory" else f"{call.name}: {name}: is a directory"
        return shell.complain(said, call.streams)
    if shell.depth >= DEPTH_MAX:
        return shell.complain(TOO_DEEP, call.streams, 254)
    saved = shell.positional
    if arguments:
        shell.arguments(arguments)
    outer = shell.name, shell.interactive, shell.line, shell.is_text
    shell.depth += 1
    shell.sourcing += 1
    shell.name, shell.interactive, shell.is_text = name, False, False
    try:
        return (yield from shell.source(text, call.streams))
    except Leave as leaving:
        if leaving.kind != "return":
            raise
        return leaving.number
    finally:
        shell.depth -= 1
        shell.sourcing -= 1
        shell.name, shell.interactive, shell.line, shell.is_text = outer
        if arguments:
            shell.arguments(saved)


def execute(call: Call) -> Steps[int]:
    """Run a program in the shell's place: the shell ends with it. Raises Leave."""
    if not call.argv:
        return 0
    if call.argv[0].startswith("-"):
        return call.refuse(f"exec {call.argv[0]}")
    if commands.find(call.shell, call.argv[0]) is None and "/" not in call.argv[0]:
        call.shell.complain(f"exec: {call.argv[0]}: not found", call.streams)
        if call.shell.interactive:
            return 127
        raise Leave("exit", 127)
    status = yield from call.run(call.argv)
    raise Leave("exit", status)


def plainly(call: Call) -> Steps[int]:
    """Run a command past functions (`command`) or past functions and programs (`builtin`)."""
    words = list(call.argv)
    if call.name == "command" and words and words[0] in ("-v", "-V"):
        from sim.shell.builtins.state import describe

        return describe(call, words[1:], short=words[0] == "-v")
    while words and words[0] in ("-p", "--"):
        words.pop(0)
    if not words:
        return 0
    shell = call.shell
    if words[0] in BUILTINS:
        result = BUILTINS[words[0]](Call(shell, words[0], words[1:], call.env, call.streams))
        return result if isinstance(result, int) else (yield from result)
    if words[0] in commands.NATIVE_BUILTINS:
        return shell.native(shlex.join(words), call.streams)
    if call.name == "builtin":
        return shell.complain(f"builtin: {words[0]}: not a shell builtin", call.streams)
    return (yield from call.run(words))


BUILTINS.update({
    "exit": leave, "logout": leave, "return": leave, "break": loop, "continue": loop, "eval": evaluate, "source": source,
    ".": source, "exec": execute, "command": plainly, "builtin": plainly})
