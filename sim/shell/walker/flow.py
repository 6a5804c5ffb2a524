"""Commands made of commands: lists, pipelines, conditions, loops, functions, subshells.

Models: bash's execute_cmd.c. Refused: `select`, `coproc`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sim.engine import SECOND_US, Process, Steps
from sim.shell.pipes import PIPE_BYTES_MAX, BrokenPipe, Leave, Pipe, Streams, TooMuch
from sim.shell.syntax.tree import (
    AndOr,
    Arithmetic,
    Arm,
    Case,
    CountingFor,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Select,
    Sequence,
    Simple,
    Subshell,
    Test,
    While,
    Word,
)
from sim.shell.walker import commands, redirects, words

if TYPE_CHECKING:
    from sim.shell.walker.shell import Shell

Handler = Callable[["Shell", Any, Streams], Steps[int]]
ROUNDS_FREE = 20_000
ROUND_SECONDS = 1
ROUNDS_MAX = 1_000_000
BREATH = 200
DEPTH_MAX = 60
STATEFUL = frozenset((
    "cd", "pushd", "popd", "read", "mapfile", "readarray", "export", "declare", "typeset", "readonly", "local", "set",
    "unset", "shift", "getopts", "let", "alias", "unalias", "shopt", "trap", "umask", "exec", "exit", "return", "break",
    "continue", "source", ".", "eval", "printf", "hash", "enable", "complete", "ulimit", "wait", "fg"))
"""Builtins that change the shell they run in (or may): in a pipeline or substitution they need one of their own."""
ASSIGNS = re.compile(r":?=|\+\+|--|[-+*/%&|^]=")
LITERAL = re.compile(r"[\w./:@%+,\[-]+\Z")


def run(shell: Shell, node: Node, streams: Streams) -> Steps[int]:
    """Run any command with its redirections; gives its status."""
    if isinstance(node, Simple):
        return (yield from commands.simple(shell, node, streams))
    shell.line = node.line
    if not node.redirects:
        return (yield from HANDLERS[type(node)](shell, node, streams))
    opened = yield from redirects.opened(shell, node.redirects, streams)
    if opened is None:
        return 1
    return (yield from HANDLERS[type(node)](shell, node, opened))


def sequence(shell: Shell, node: Sequence, streams: Streams) -> Steps[int]:
    """Run commands one after another; those that end in `&` become jobs."""
    for item, background in zip(node.items, node.background, strict=True):
        if shell.options.get("noexec") and not shell.interactive:
            return 0
        if background:
            shell.last_pid = shell.login.background(shell, item, streams)
            shell.status = 0
        else:
            shell.status = yield from run(shell, item, streams)
            if _may_end(item):
                yield from shell.errors(streams)
    return shell.status


def _may_end(node: Node) -> bool:
    """Tell whether a failure of this command itself counts for `set -e`: compound ones have seen to their parts."""
    if isinstance(node, Pipeline):
        return not node.negated
    return isinstance(node, (Simple, Subshell, Test, Arithmetic))


def condition(shell: Shell, steps: Steps[int]) -> Steps[int]:
    """Run something whose failure is only an answer."""
    shell.lenient += 1
    try:
        return (yield from steps)
    finally:
        shell.lenient -= 1


def and_or(shell: Shell, node: AndOr, streams: Streams) -> Steps[int]:
    """Run `a && b || c`."""
    current, rest = node.first, list(node.rest)
    while True:
        if not rest:
            shell.status = yield from run(shell, current, streams)
            if _may_end(current):
                yield from shell.errors(streams)
            return shell.status
        shell.status = yield from condition(shell, run(shell, current, streams))
        while rest:
            operator, current = rest.pop(0)
            if (shell.status == 0) == (operator == "&&"):
                break
        else:
            return shell.status


def pipeline(shell: Shell, node: Pipeline, streams: Streams) -> Steps[int]:
    """Run stages side by side, each a process, joined by pipes."""
    began_us = shell.login.engine.now_us
    if len(node.stages) < 2:
        steps = run(shell, node.stages[0], streams) if node.stages else _nothing()
        status = yield from (condition(shell, steps) if node.negated else steps)
        statuses = [status]
    else:
        statuses = yield from _stages(shell, node, streams)
        failed = [each for each in statuses if each]
        status = failed[-1] if failed and shell.option("pipefail") else statuses[-1]
    if node.timed:
        _tell_time(shell, node.timed, (shell.login.engine.now_us - began_us) / SECOND_US, streams)
    shell.pipe_statuses = statuses
    return int(status == 0) if node.negated else status


def _nothing() -> Steps[int]:
    return 0
    yield


def _stages(shell: Shell, node: Pipeline, streams: Streams) -> Steps[list[int]]:
    streams = redirects.resolved(streams)
    processes: list[Process] = []
    stdin = streams.stdin
    for at, stage in enumerate(node.stages):
        pipe = Pipe(shell.login.engine) if at < len(node.stages) - 1 else None
        sink = pipe.write if pipe else streams.stdout
        own = replace(streams, stdin=stdin, stdout=sink,
                      stderr=sink if at < len(node.both) and node.both[at] else streams.stderr)
        inner = shell.copy() if changes_state(stage, shell.functions) else shell
        processes.append(shell.login.spawn(_stage(inner, stage, own, pipe, outer=shell), shell.job))
        stdin = pipe
    statuses = []
    last_word = shell.last_word
    for process in processes:
        statuses.append((yield process))
    shell.last_word = last_word
    return statuses


def _stage(shell: Shell, node: Node, streams: Streams, out: Pipe | None, *, outer: Shell) -> Steps[int]:
    try:
        if shell is outer:
            return (yield from run(shell, node, streams))
        yield from to_the_end(shell, node, streams)
    except TooMuch:
        return shell.refuse(f"more than {PIPE_BYTES_MAX // 1024 // 1024} MiB through a pipe", streams)
    except BrokenPipe:
        return 141
    except Leave as leaving:
        shell.status = leaving.number if leaving.kind in ("exit", "abort", "return") else 0
        if shell is outer:
            return shell.status
    finally:
        if out:
            out.close()
        if streams.stdin and streams.stdin is not streams.keyboard:
            streams.stdin.leave()
        if shell is not outer:
            shell.release()
    return shell.status


def to_the_end(shell: Shell, node: Node, streams: Streams) -> Steps[None]:
    """Run all that a subshell does, its EXIT trap too."""
    try:
        shell.status = yield from run(shell, node, streams)
        if _may_end(node):
            yield from shell.errors(streams)
    except Leave as leaving:
        shell.status = leaving.number if leaving.kind in ("exit", "abort", "return") else 0
    yield from shell.leave(streams)


def _tell_time(shell: Shell, how: str, seconds: float, streams: Streams) -> None:
    """Write what `time` writes. Processor time is not modelled: user and sys are zero."""
    if how == "time -p":
        text = f"real {seconds:.2f}\nuser 0.00\nsys 0.00\n"
    elif (shape := shell.value("TIMEFORMAT")):
        text = re.sub(r"%(\d?)l?([RUS])", lambda found: f"{seconds if found[2] == 'R' else 0:.{found[1] or 3}f}", shape) + "\n"
    else:
        rows = (("real", seconds), ("user", 0.0), ("sys", 0.0))
        text = "\n" + "".join(f"{name}\t{int(s // 60)}m{s % 60:.3f}s\n" for name, s in rows)
    streams.stderr(text.encode())


# ---- conditions ----------------------------------------------------------------------------------------------------
def if_(shell: Shell, node: If, streams: Streams) -> Steps[int]:
    """Run the first arm whose condition holds."""
    for test, body in node.arms:
        if (yield from condition(shell, sequence(shell, test, streams))) == 0:
            return (yield from sequence(shell, body, streams))
    if node.otherwise is None:
        shell.status = 0
        return 0
    return (yield from sequence(shell, node.otherwise, streams))


def case(shell: Shell, node: Case, streams: Streams) -> Steps[int]:
    """Run the arm whose pattern the word matches; bashkit does the matching."""
    at, falls = 0, False
    word, set_up = yield from words.filled(shell, (node.word,), streams)
    while at < len(node.arms):
        if not falls:
            found = yield from _matching(shell, word, set_up, node.arms[at:], streams)
            if found is None:
                break
            at += found
        arm = node.arms[at]
        status = yield from sequence(shell, arm.body, streams)
        if arm.end not in (";&", ";;&"):
            return status
        falls = arm.end == ";&"
        at += 1
    if at >= len(node.arms) and node.arms and falls:
        return shell.status
    return 0


def _matching(shell: Shell, word: str, set_up: str, arms: tuple[Arm, ...], streams: Streams) -> Steps[int | None]:
    texts = [set_up]
    for number, arm in enumerate(arms):
        pattern, more = yield from words.filled(shell, (arm.patterns,), streams, start=100 + number)
        texts[0] += more
        texts.append(f"{pattern}) __see {number};;")
    set_up, *patterns = texts
    picked = shell.see(f"{set_up}case {word} in {' '.join(patterns)} *) __see;; esac", streams)[0]
    return int(picked[0]) if picked else None


def test(shell: Shell, node: Test, streams: Streams) -> Steps[int]:
    """Run `[[ … ]]`."""
    text, set_up = yield from words.filled(shell, (node.words,), streams)
    if shell.option("xtrace"):
        words.trace(shell, text, streams)
    return shell.native(set_up + text, streams)


def arithmetic(shell: Shell, node: Arithmetic, streams: Streams) -> Steps[int]:
    """Run `(( … ))`."""
    text, set_up = yield from words.filled(shell, (node.words,), streams)
    if shell.option("xtrace"):
        words.trace(shell, text, streams)
    return shell.native(set_up + text, streams)


# ---- loops ---------------------------------------------------------------------------------------------------------
def _loop(shell: Shell, body: Sequence, streams: Streams, rounds: Iterator[Steps[bool]]) -> Steps[int]:
    """Run a body as long as `rounds` gives steps that end in True."""
    status, spins, last_us = 0, 0, shell.login.engine.now_us
    shell.loops += 1
    try:
        for number, before in enumerate(rounds):
            try:
                if not (yield from before):
                    break
                status = yield from sequence(shell, body, streams)
            except Leave as leaving:
                if leaving.kind not in ("break", "continue"):
                    raise
                status = 0
                if leaving.number > 1 and shell.loops > 1:
                    raise Leave(leaving.kind, leaving.number - 1) from None
                if leaving.kind == "break":
                    break
            if shell.login.engine.now_us != last_us:
                spins, last_us = 0, shell.login.engine.now_us
            spins += 1
            if spins >= ROUNDS_FREE:
                # A loop that waits for nothing would hold the clock for ever: it spins on in whole seconds.
                yield shell.login.engine.sleep(ROUND_SECONDS * SECOND_US)
                last_us = shell.login.engine.now_us
            elif spins % BREATH == 0:
                yield shell.login.engine.sleep(0)
            if number >= ROUNDS_MAX:
                return shell.complain(f"loop ended after {ROUNDS_MAX} rounds (a limit of the simulation)", streams)
    finally:
        shell.loops -= 1
    return status


def while_(shell: Shell, node: While, streams: Streams) -> Steps[int]:
    """Run `while` and `until`."""

    def holds() -> Steps[bool]:
        status = yield from condition(shell, sequence(shell, node.condition, streams))
        return (status == 0) != node.until

    return (yield from _loop(shell, node.body, streams, _again(holds)))


def _again(steps: Callable[[], Steps[bool]]) -> Iterator[Steps[bool]]:
    while True:
        yield steps()


def for_(shell: Shell, node: For, streams: Streams) -> Steps[int]:
    """Run `for name in words`."""
    if not re.fullmatch(r"[A-Za-z_]\w*", node.name):
        return shell.complain(f"`{node.name}': not a valid identifier", streams)
    if node.words is None:
        values = shell.positional
    else:
        text, set_up = yield from words.filled(shell, node.words, streams)
        values = shell.see(f"{set_up}__see {text}", streams)[0]

    def takes(value: str) -> Steps[bool]:
        if shell.option("xtrace"):
            words.trace(shell, f"for {node.name} in {' '.join(w.text for w in node.words or ())}", streams)
        shell.native(f"{node.name}={shlex.quote(value)}", streams)
        return True
        yield

    return (yield from _loop(shell, node.body, streams, (takes(value) for value in values)))


def counting_for(shell: Shell, node: CountingFor, streams: Streams) -> Steps[int]:
    """Run `for (( ; ; ))`."""

    def number(word: Word) -> Steps[int]:
        text, set_up = yield from words.filled(shell, (word,), streams)
        return shell.native(f"{set_up}(( {text} ))", streams) if text.strip() else 0

    def holds(first: list[bool]) -> Steps[bool]:
        if not first:
            yield from number(node.step)
        first.clear()
        return (yield from number(node.condition)) == 0

    yield from number(node.start)
    first = [True]
    return (yield from _loop(shell, node.body, streams, _again(lambda: holds(first))))


def select(shell: Shell, node: Select, streams: Streams) -> Steps[int]:
    """Refuse a menu."""
    return shell.refuse("bash select", streams)
    yield


# ---- groups, functions, subshells ----------------------------------------------------------------------------------
def group(shell: Shell, node: Group, streams: Streams) -> Steps[int]:
    """Run `{ …; }`."""
    return (yield from sequence(shell, node.body, streams))


def subshell(shell: Shell, node: Subshell, streams: Streams) -> Steps[int]:
    """Run `( … )` in a copy of the shell."""
    inner = shell.copy()
    try:
        yield from to_the_end(inner, node.body, replace(streams, others=dict(streams.others)))
    finally:
        inner.release()
    return inner.status


def define(shell: Shell, node: Function, streams: Streams) -> Steps[int]:
    """Define a function; bashkit is told too, for `type` and `declare -f`."""
    shell.functions[node.name] = node
    shell.native(node.text, streams)
    return 0
    yield


def call(shell: Shell, node: Function, argv: list[str], streams: Streams) -> Steps[int]:
    """Run a function with arguments."""
    from sim.shell.walker.shell import Frame

    if len(shell.frames) >= DEPTH_MAX:
        return shell.complain(f"{node.name}: maximum function nesting level exceeded ({DEPTH_MAX})", streams)
    saved, loops = shell.positional, shell.loops
    shell.frames.append(Frame(node.name))
    shell.arguments(argv)
    shell.loops = 0
    try:
        status = yield from run(shell, node.body, streams)
    except Leave as leaving:
        if leaving.kind != "return":
            raise
        status = leaving.number
    finally:
        shell.loops = loops
        frame = shell.frames.pop()
        shell.arguments(saved)
        if frame.restore:
            shell.bash.execute_sync("\n".join(reversed(frame.restore)))
    if (text := shell.traps.get("RETURN")) is not None:
        yield from shell.source(text, streams)
    return status


def changes_state(node: Node, functions: Mapping[str, Function]) -> bool:
    """Tell whether a command might change the shell it runs in: variables, folder, options, its very life."""
    if isinstance(node, Simple):
        if not node.words or any(redirect.fd and redirect.fd > 2 for redirect in node.redirects):
            return True
        name = node.words[0].text
        if not LITERAL.match(name) or name in STATEFUL or name in functions:
            return True
        return any("$" in word.text and ASSIGNS.search(word.text) for word in (*node.assignments, *node.words))
    if isinstance(node, AndOr):
        return changes_state(node.first, functions) or any(changes_state(each, functions) for _, each in node.rest)
    if isinstance(node, Sequence):
        return any(node.background) or any(changes_state(each, functions) for each in node.items)
    return not isinstance(node, (Pipeline, Subshell))


HANDLERS: dict[type[Node], Handler] = cast("dict[type[Node], Handler]", {
    AndOr: and_or, Pipeline: pipeline, If: if_, Case: case, Test: test, Arithmetic: arithmetic, While: while_, For: for_,
    CountingFor: counting_for, Select: select, Group: group, Subshell: subshell, Function: define, Sequence: sequence})
