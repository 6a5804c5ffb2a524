"""Simple commands: assignments, then a function, a builtin or a program found in $PATH.

Models: bash's execute_simple_command, command search and the kernel's reading of `#!`.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sim.engine import Steps, microseconds
from sim.host.files import DIRECTORY, FileError
from sim.shell import programs
from sim.shell.pipes import BUILTINS, COMMANDS, Call, Streams
from sim.shell.syntax.tree import Simple
from sim.shell.walker import filters, flow, redirects, words

if TYPE_CHECKING:
    from sim.shell.walker.shell import Shell

After = list[Callable[[], Steps[None]]]
PROGRAM_SECONDS = 0.001
SCRIPT_DEPTH_MAX = 16
NATIVE_BUILTINS = frozenset((
    ":", "[", "compgen", "complete", "compopt", "dirs", "echo", "export", "false", "getopts", "let", "popd", "printf",
    "pushd", "pwd", "readonly", "shopt", "test", "true", "ulimit"))
"""Builtins that are bashkit's. They take no simulated time."""
HAS_VERBS = frozenset((
    "apt", "apt-cache", "apt-get", "apt-mark", "ctr", "git", "kubeadm", "snap", "ufw"))
"""Programs that are not modelled, but of which a refusal tells the verb."""
REFUSED_BUILTINS = frozenset(("bind", "coproc", "enable", "help", "suspend", "caller"))
INTERPRETER = re.compile(rb"#![ \t]*(\S+)[ \t]*([^\n]*)")
READS_ENVIRONMENT = frozenset(("awk", "gawk", "mawk", "jq", "envsubst", "sort", "ls"))


def simple(shell: Shell, node: Simple, streams: Streams) -> Steps[int]:
    """Run a simple command; gives its status."""
    shell.line = node.line
    if len(node.words) == 1 and node.words[0].text == "exec" and node.redirects:
        return 0 if (yield from redirects.opened_for_good(shell, node.redirects, streams)) else 1
    streams = redirects.resolved(streams)
    after: After = []
    try:
        return (yield from _simple(shell, node, streams, after))
    finally:
        while after:
            yield from after.pop()()


def _simple(shell: Shell, node: Simple, streams: Streams, after: After) -> Steps[int]:
    prefix, set_up = yield from words.filled(shell, node.assignments, streams, after=after)
    if not node.words:
        return (yield from _assign(shell, node, prefix, set_up, streams))
    text, more = yield from words.filled(shell, node.words, streams, start=50, after=after)
    inner, name = streams, node.words[0].text
    if node.redirects:
        opened = yield from redirects.opened(shell, node.redirects, streams, after=after)
        if opened is None:
            return 1
        inner = opened
    try:
        if name in NATIVE_BUILTINS and name not in shell.functions and not shell.option("xtrace"):
            return _builtin(shell, name, f"{set_up}{more}{prefix} {text}", inner)
        before = f"{set_up}{more}{prefix}"
        return (yield from _named(shell, node, before, text, inner))
    except FileError as error:
        shell.complain(f"{name}: write error: {error}", inner if inner.stderr is not inner.stdout else streams)
        return 1


def _assign(shell: Shell, node: Simple, prefix: str, set_up: str, streams: Streams) -> Steps[int]:
    """Set variables, or only open files; the status is that of the last substitution."""
    ran = any(hole.kind == "run" for word in node.assignments for hole in word.holes)
    if node.redirects:
        opened = yield from redirects.opened(shell, node.redirects, streams)
        if opened is None:
            return 1
    if not prefix:
        return 0
    if shell.option("xtrace"):
        for word in node.assignments:
            words.trace(shell, word.text, streams)
    status = shell.native(f"{set_up}{prefix}", streams, builtin="=")
    return status or (shell.status if ran else 0)


def _builtin(shell: Shell, name: str, text: str, streams: Streams) -> int:
    shell.last_word = name
    return shell.native(text, streams, raw=name == "printf" and "\\" in text, builtin=name)


def _named(shell: Shell, node: Simple, before: str, text: str, streams: Streams) -> Steps[int]:
    """Expand the words and run what the first of them names."""
    declares = node.words[0].text in ("local", "declare", "typeset")
    argv, env = ([], {}) if declares else shell.see(f"{before} __see {text}", streams)
    if not argv and not declares:
        return shell.status if any(hole.kind == "run" for word in node.words for hole in word.holes) else 0
    name = node.words[0].text if declares else argv[0]
    if shell.option("xtrace"):
        words.trace(shell, " ".join([*(word.text for word in node.assignments), *map(words.quoted, argv)]) or text, streams)
    if argv:
        shell.last_word = argv[-1]
    if name in shell.functions:
        return (yield from _function(shell, node, before, name, argv, streams))
    if declares:
        return _declare(shell, node, before, text, streams)
    if name in NATIVE_BUILTINS:
        return _builtin(shell, name, f"{before} {shlex.join(argv)}", streams)
    if name in REFUSED_BUILTINS:
        return shell.refuse(f"bash {name}", streams)
    if name in BUILTINS:
        result = BUILTINS[name](Call(shell, name, argv[1:], env, streams))
        return result if isinstance(result, int) else (yield from result)
    return (yield from program(shell, argv, env, streams))


def _function(shell: Shell, node: Simple, before: str, name: str, argv: list[str], streams: Streams) -> Steps[int]:
    if not node.assignments:
        return (yield from flow.call(shell, shell.functions[name], argv[1:], streams))
    names = [word.text.partition("=")[0].rstrip("+") for word in node.assignments]
    kept = [shell.bash.execute_sync(f"declare -p {each} 2>/dev/null").stdout or f"unset {each}" for each in names]
    shell.native(before + "".join(f"\nexport {each}" for each in names), streams)
    try:
        return (yield from flow.call(shell, shell.functions[name], argv[1:], streams))
    finally:
        shell.bash.execute_sync("\n".join(kept))


def _declare(shell: Shell, node: Simple, before: str, text: str, streams: Streams) -> int:
    """Run `local` and `declare`, whose arguments are assignments and not plain words."""
    name = node.words[0].text
    if name == "local" and not shell.frames:
        return shell.complain("local: can only be used in a function", streams)
    arguments = [word.text for word in node.words[1:]]
    flags = [each for each in arguments if re.match(r"[-+]\w+\Z", each)]
    if shell.frames and not any(set(flag) & set("gpfF") for flag in flags):
        for argument in arguments:
            found = re.match(r"([A-Za-z_]\w*)(\+?=)?", argument)
            if found:
                kept = shell.bash.execute_sync(f"declare -p {found[1]} 2>/dev/null").stdout
                shell.frames[-1].restore.append(kept or f"unset {found[1]}")
                if not found[2]:
                    shell.bash.execute_sync(f"unset {found[1]}")
    if not flags and not arguments and name != "local":
        return shell.refuse("bash declare without names", streams)
    return shell.native(f"{before}declare {text[len(name):]}", streams)


# ---- programs ------------------------------------------------------------------------------------------------------
def find(shell: Shell, name: str, path: str | None = None) -> str | None:
    """Search $PATH for a program; gives its path."""
    view = shell.login.view
    first = None
    for folder in (shell.value("PATH") if path is None else path).split(":"):
        place = f"{folder or '.'}/{name}"
        try:
            node = view.find(shell.path(place))
        except FileError:
            continue
        if node.kind == DIRECTORY:
            continue
        if view.may(node, 1):
            return place
        first = first or place
    return first


def program(shell: Shell, argv: list[str], env: Mapping[str, str], streams: Streams) -> Steps[int]:
    """Run a program by its words; gives its status, 127 when there is none."""
    name = argv[0]
    view = shell.login.view
    path = name if "/" in name else shell.hashed.get(name) or find(shell, name, env.get("PATH"))
    if not path or (not name):
        return shell.complain(f"{name}: command not found", streams, 127)
    try:
        node = view.find(shell.path(path))
        if node.kind == DIRECTORY:
            return shell.complain(f"{path}: Is a directory", streams, 126)
        if not view.may(node, 1):
            return shell.complain(f"{path}: Permission denied", streams, 126)
    except FileError as error:
        return shell.complain(f"{path}: {error}", streams, 126 if "denied" in str(error) else 127)
    if "/" not in name:
        shell.hashed[name] = path
    known = programs.identify(posixpath.basename(path), node.data)
    if known:
        return (yield from _simulated(shell, known, argv, env, streams))
    return (yield from _script(shell, path, node.data, argv, env, streams))


def _simulated(shell: Shell, known: str, argv: list[str], env: Mapping[str, str], streams: Streams) -> Steps[int]:
    if known in COMMANDS:
        try:
            result = COMMANDS[known](Call(shell, known, argv[1:], dict(env), streams))
            return result if isinstance(result, int) else (yield from result)
        except FileError as error:
            streams.stderr(f"{known}: write error: {error}\n".encode())
            return 1
    if known not in filters.NATIVE:
        verb = next((word for word in argv[1:] if re.fullmatch(r"[a-z][a-z-]+", word)), "") if known in HAS_VERBS else ""
        return shell.refuse(f"{known} {verb}".rstrip(), streams)
    yield shell.login.engine.sleep(microseconds(PROGRAM_SECONDS))
    text = shlex.join([known, *argv[1:]])
    if known in READS_ENVIRONMENT:
        names = [each for each in env if each.isidentifier() and each not in ("PATH", "HOME", "PWD", "SHELL", "USER")]
        text = "".join(f"{each}={shlex.quote(env[each])} " for each in sorted(names)) + text
    return (yield from filters.run(shell, known, text, argv[1:], streams))


def _script(shell: Shell, path: str, data: bytes, argv: list[str], env: Mapping[str, str], streams: Streams) -> Steps[int]:
    """Run a file that is text: by the program its first line names, else by bash."""
    found = INTERPRETER.match(data)
    if found is None:
        if b"\0" in data[:80]:
            return shell.complain(f"{path}: cannot execute binary file: Exec format error", streams, 126)
        return (yield from _simulated(shell, "bash", ["bash", path, *argv[1:]], env, streams))
    interpreter, option = found[1].decode(errors="replace"), found[2].decode(errors="replace").strip()
    view = shell.login.view
    if not view.exists(interpreter):
        return shell.complain(f"{path}: {interpreter}: bad interpreter: No such file or directory", streams, 126)
    if shell.depth > SCRIPT_DEPTH_MAX:
        return shell.complain("fork: retry: Resource temporarily unavailable", streams, 254)
    return (yield from program(shell, [interpreter, *([option] if option else []), path, *argv[1:]], env, streams))

