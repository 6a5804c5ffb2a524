"""The command line of kubeadm: a tree of commands with flags, by version; help, and what a wrong word brings.

Models: cobra and pflag as kubeadm sets them up (cmd/kubeadm/app/cmd/cmd.go, util/error.go). Left out: completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.api.times import parse_duration
from sim.engine import Steps
from sim.kubeadm.frame.session import ERROR_SINCE, KubeadmError, Session

START_SECONDS = (0.03, 0.08, 0.3)
"""Latency table: kubeadm version."""
TRACE = "To see the stack trace of this error execute with --v=5 or higher"
Minor = tuple[int, int]
FIRST, LAST = (1, 0), (9, 0)


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag. default also tells its kind: False or True, a text, a list; hint: the word in the help behind it.

    modelled False: given with another value than its default it is refused.
    """

    name: str
    default: Any
    usage: str
    short: str = ""
    hint: str = ""
    modelled: bool = True
    since: Minor = FIRST
    until: Minor = LAST


Values = Mapping[str, Any]
Run = Callable[[Session, Values, list[str]], Steps[None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command. path: its words after kubeadm; run None: a group, which only shows its help.

    most: how many arguments it takes.
    """

    path: str
    short: str
    run: Run | None = None
    flags: tuple[Flag, ...] = ()
    arguments: str = ""
    long: str = ""
    most: int = 0
    since: Minor = FIRST
    until: Minor = LAST
    aliases: tuple[str, ...] = field(default=())


NOT_BUILT = (*(f"init phase {name}" for name in ("preflight", "bootstrap-token", "kubelet-finalize",
             "wait-control-plane", "show-join-command", "addon coredns", "addon kube-proxy", "upload-config kubeadm", "upload-config kubelet")),
             "join phase", "reset phase", "certs generate-csr", "alpha kubeconfig", "alpha kubelet", "alpha selfhosting", "completion", "kubeconfig", "config migrate",
             "config validate", "config view", "config upload")
"""Commands of kubeadm that are not modelled: they refuse."""
GLOBAL = (
    Flag("rootfs", "", "[EXPERIMENTAL] The path to the 'real' host root filesystem. This will cause kubeadm to chroot into the "
         "provided path.", hint="string", modelled=False),
    Flag("v", "0", "number for the log level verbosity", "v", "Level"),
)
HELP = Flag("help", False, "help for {name}", "h")


@cache
def commands(minor: Minor) -> dict[str, Command]:
    """Give the commands of a version, by path."""
    from sim.kubeadm import images, version
    from sim.kubeadm.certs import commands as certs
    from sim.kubeadm.nodes import defaults, init, join, reset, tokens
    from sim.kubeadm.upgrade import commands as upgrade

    found = (Command("", "kubeadm: easily bootstrap a secure Kubernetes cluster", long=BANNER), *images.COMMANDS,
             *upgrade.COMMANDS, *upgrade.OLD, *version.COMMANDS, *certs.COMMANDS,
             *tokens.COMMANDS, *defaults.COMMANDS, *init.COMMANDS, *join.COMMANDS, *reset.COMMANDS)
    return {each.path: each for each in found if each.since <= minor < each.until}


def main(session: Session, argv: list[str]) -> Steps[int]:
    """Run kubeadm; gives its exit status. Raises NotSimulated."""
    yield from session.takes(*START_SECONDS)
    try:
        return (yield from _main(session, argv))
    except KubeadmError as error:
        if str(error):
            session.err(f"{_prefixed(session, str(error))}\n{TRACE}")
        return error.status
    except (StatusError, TransportError) as error:
        session.err(f"{_prefixed(session, error.message)}\n{TRACE}")
        return 1


def _prefixed(session: Session, text: str) -> str:
    return f"error: {text}" if session.minor >= ERROR_SINCE else text


def _main(session: Session, argv: list[str]) -> Steps[int]:
    known = commands(session.minor)
    typed = " ".join(word for word in argv if not word.startswith("-"))
    missing = next((path for path in NOT_BUILT if path not in known and f"{typed} ".startswith(f"{path} ")), "")
    if missing:
        raise NotSimulated(f"kubeadm {missing}")
    command, rest = find(known, argv)
    flags = (*(flag for flag in command.flags if flag.since <= session.minor < flag.until), *GLOBAL, HELP)
    values, given, words = parse(rest, flags)
    values = {**{flag.name: flag.default for flag in command.flags}, **values}
    if values["help"]:
        session.write(help_text(known, command, session.minor), "stdout")
        return 0
    if command.run is None:
        if words:
            kind = f'unknown command "{words[0]}" for "kubeadm"' if not command.path else None
            raise KubeadmError(kind or f'invalid subcommand "{" ".join(words)}"\nSee \'kubeadm {command.path} -h\' for help and examples')
        session.write(help_text(known, command, session.minor), "stdout")
        return 1 if command.path else 0
    if len(words) > command.most:
        if command.most:
            raise KubeadmError(f"accepts at most {command.most} arg(s), received {len(words)}")
        raise KubeadmError(f'unknown command "{words[0]}" for "kubeadm {command.path}"')
    for flag in flags:
        if flag.name in given and not flag.modelled and values[flag.name] != flag.default:
            raise NotSimulated(f"kubeadm {command.path} --{flag.name}")
    yield from command.run(session, values, words)
    return 0


def find(known: Mapping[str, Command], argv: list[str]) -> tuple[Command, list[str]]:
    """Give the command that the words name, and the words that are left."""
    path, rest, words = "", list(argv), list(argv)
    while words:
        word = words[0]
        if word.startswith("-"):
            break
        longer = f"{path} {word}".strip()
        if longer not in known:
            break
        path = longer
        words.pop(0)
        rest = list(words)
    return known[path], rest


def parse(words: Iterable[str], flags: Iterable[Flag]) -> tuple[dict[str, Any], set[str], list[str]]:
    """Read flags as pflag does: (values, names given, arguments). Raises KubeadmError."""
    by_name = {flag.name: flag for flag in flags}
    by_short = {flag.short: flag for flag in by_name.values() if flag.short}
    values = {flag.name: flag.default for flag in by_name.values()}
    given: dict[str, None] = {}
    arguments, left = [], list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            arguments += left
            break
        if word.startswith("--"):
            name, equal, text = word[2:].partition("=")
            flag = by_name.get(name)
            if flag is None:
                raise KubeadmError(f"unknown flag: --{name}")
            if not equal and not isinstance(flag.default, bool):
                if not left:
                    raise KubeadmError(f"flag needs an argument: --{name}")
                text = left.pop(0)
            _set(values, given, flag, text if equal or not isinstance(flag.default, bool) else "true", f"--{name}")
        elif word.startswith("-") and len(word) > 1:
            _short(word, left, by_short, values, given)
        else:
            arguments.append(word)
    return values, set(given), arguments


def _short(
    word: str, left: list[str], by_short: Mapping[str, Flag], values: dict[str, Any], given: dict[str, None]
) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise KubeadmError(f"unknown shorthand flag: {letter!r} in {word}")
        shown = f"-{letter}, --{flag.name}"
        if isinstance(flag.default, bool) and not rest.startswith("="):
            _set(values, given, flag, "true", shown)
            continue
        text, rest = rest.removeprefix("="), ""
        if not text:
            if not left:
                raise KubeadmError(f"flag needs an argument: {letter!r} in {word}")
            text = left.pop(0)
        _set(values, given, flag, text, shown)


TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def _set(values: dict[str, Any], given: dict[str, None], flag: Flag, text: str, shown: str) -> None:
    first = flag.name not in given
    given[flag.name] = None
    if isinstance(flag.default, bool):
        if text not in (*TRUE, *FALSE):
            raise KubeadmError(f'invalid argument "{text}" for "{shown}" flag: strconv.ParseBool: parsing "{text}": invalid syntax')
        values[flag.name] = text in TRUE
    elif isinstance(flag.default, tuple):
        values[flag.name] = (*(() if first else values[flag.name]), *(part for part in text.split(",") if part))
    elif flag.hint == "duration":
        try:
            parse_duration(text)
        except ValueError:
            raise KubeadmError(f'invalid argument "{text}" for "{shown}" flag: time: invalid duration "{text}"') from None
        values[flag.name] = text
    else:
        values[flag.name] = text


# ---- help ---------------------------------------------------------------------------------------------------------
def help_text(known: Mapping[str, Command], command: Command, minor: Minor) -> str:
    """Write a command's help as cobra does."""
    name = f"kubeadm {command.path}".strip()
    below = [each for path, each in known.items() if path and path.rpartition(" ")[0] == command.path]
    if not command.path:
        below = [each for path, each in known.items() if path and " " not in path]
    own = [flag for flag in command.flags if flag.since <= minor < flag.until]
    own.append(Flag("help", False, f"help for {name.rpartition(' ')[2]}", "h"))
    text = (command.long or command.short).rstrip("\n") + "\n\nUsage:\n"
    if command.run is not None:
        text += f"  {name}{' ' + command.arguments if command.arguments else ''}{'' if command.arguments or not own[:-1] else ' [flags]'}\n"
    if below:
        text += f"  {name} [command]\n" if command.path or command.run is None else ""
        width = max(11, *(len(each.path.rpartition(" ")[2]) for each in below))
        text += "\nAvailable Commands:\n" + "".join(
            f"  {each.path.rpartition(' ')[2]:{width}} {each.short}\n"
            for each in sorted(below, key=lambda each: each.path))
    text += "\nFlags:\n" + _usages(own if command.path else [*own, *GLOBAL])
    if command.path:
        text += "\nGlobal Flags:\n" + _usages(list(GLOBAL[:1]))
    if below:
        text += f'\nUse "{name} [command] --help" for more information about a command.\n'
    return text


def _usages(flags: list[Flag]) -> str:
    lines = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        hint = flag.hint or ("strings" if isinstance(flag.default, tuple) else "" if isinstance(flag.default, bool) else "string")
        head = f"  {'-' + flag.short + ', ' if flag.short else '    '}--{flag.name}{' ' + hint if hint else ''}"
        tail = ""
        if flag.default not in (False, "", (), "0"):
            shown = f'"{flag.default}"' if hint == "string" else str(flag.default).lower()
            tail = f" (default {shown})"
        lines.append((head, flag.usage + tail))
    width = max(len(head) for head, _ in lines) + 3
    return "".join(f"{head:{width}}{usage}\n" for head, usage in lines)


BANNER = """

    ┌──────────────────────────────────────────────────────────┐
    │ KUBEADM                                                  │
    │ Easily bootstrap a secure Kubernetes cluster             │
    │                                                          │
    │ Please give us feedback at:                              │
    │ https://github.com/kubernetes/kubeadm/issues             │
    └──────────────────────────────────────────────────────────┘

Example usage:

    Create a two-machine cluster with one control-plane node
    (which controls the cluster), and one worker node
    (where your workloads, like Pods and Deployments run).

    ┌──────────────────────────────────────────────────────────┐
    │ On the first machine:                                    │
    ├──────────────────────────────────────────────────────────┤
    │ control-plane# kubeadm init                              │
    └──────────────────────────────────────────────────────────┘

    ┌──────────────────────────────────────────────────────────┐
    │ On the second machine:                                   │
    ├──────────────────────────────────────────────────────────┤
    │ worker# kubeadm join <arguments-returned-from-init>      │
    └──────────────────────────────────────────────────────────┘

    You can then repeat the second step on as many other machines as you like.
"""
