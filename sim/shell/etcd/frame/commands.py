"""The trees of etcd's commands and their flags, by version.

Sources: `-h` of etcdctl 3.4.23 as it runs, upstream's sources of 3.5 and 3.6 (etcdctl/ctlv3, etcdutl).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

from sim.api.times import parse_duration

Minor = tuple[int, int]


class Flag(NamedTuple):
    """A flag. kind: string, bool, int, duration or list; since, until: the minors that know it."""

    name: str
    short: str
    kind: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command. path: its words, "" for the tool itself; flags: its own; runs: whether it does something by itself."""

    path: str
    use: str
    short: str
    long: tuple[str, ...]
    flags: tuple[Flag, ...]
    children: tuple[str, ...]

    @property
    def runs(self) -> bool:
        """Tell whether it does something by itself."""
        return not self.children


class UsageError(Exception):
    """Words that pflag or cobra does not take; the text is theirs."""


Tree = dict[str, Command]
_TREES: dict[tuple[str, Minor], Tree] = {}
_RAW: dict[str, Any] = {}


def _holds(row: dict[str, Any], minor: Minor) -> bool:
    return tuple(row.get("since", (0, 0))) <= minor < tuple(row.get("until", (99, 0)))


def tree(tool: str, minor: Minor) -> Tree:
    """Give the commands of a tool's version by their words."""
    found = _TREES.get((tool, minor))
    if found is not None:
        return found
    if not _RAW:
        _RAW.update(json.loads(resources.files(__package__).joinpath("commands.json").read_text(encoding="utf-8")))
    rows = {path: row for path, row in _RAW[tool].items() if _holds(row, minor)}
    made: Tree = {}
    for path, row in rows.items():
        children = tuple(sorted(each for each in rows if each and each.rpartition(" ")[0] == path and each != path))
        flags = [Flag(*each[:5]) for each in row.get("flags", ()) if len(each) < 6 or tuple(each[5]) <= minor]
        use = row.get("usage35", row["use"]) if minor >= (3, 5) else row["use"]
        made[path] = Command(path, use, row["short"], tuple(row.get("long", ())), tuple(flags), children)
    _TREES[tool, minor] = made
    return made


def known(commands: Tree, path: str) -> dict[str, Flag]:
    """Give the flags that a command knows: its own, and those of the commands above it."""
    found = {flag.name: flag for flag in commands[path].flags}
    above = path
    while above:
        above = above.rpartition(" ")[0]
        found |= {flag.name: flag for flag in commands[above].flags if above == "" or flag.name == "cluster"}
    return {**found, "help": Flag("help", "h", "bool", "false", f"help for {path.rpartition(' ')[2]}")}


def find(commands: Tree, argv: list[str], tool: str) -> tuple[Command, list[str]]:
    """Find the command that words name; gives it and the other words. Raises UsageError."""
    path, rest, others = "", list(argv), []
    root = {flag.name: flag for flag in commands[""].flags}
    shorts = {flag.short: flag for flag in root.values() if flag.short}
    while rest:
        word = rest.pop(0)
        if word == "--":
            others += [word, *rest]
            break
        if word.startswith("-") and len(word) > 1:
            others.append(word)
            flag = (known(commands, path).get(word[2:]) or root.get(word[2:])) if word.startswith("--") else shorts.get(word[1:])
            alone = "=" not in word and (word.startswith("--") or len(word) == 2)
            if alone and (flag is None or flag.kind != "bool") and rest:
                others.append(rest.pop(0))  # cobra takes the next word for the value of a flag that it does not know yet
            continue
        wanted = f"{path} {word}".strip()
        fits = [each for each in commands[path].children if each == wanted] or [
            each for each in commands[path].children if each.startswith(wanted)]
        if len(fits) == 1:
            path = fits[0]
            continue
        if not path:
            raise UsageError(f'unknown command "{word}" for "{tool}"')
        others += [word, *rest]
        break
    return commands[path], others


@dataclass(slots=True)
class Given:
    """What was typed: values by flag, which of them were given, and the other words."""

    values: dict[str, str]
    given: dict[str, None]
    words: list[str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return self.values.get(name) == "true"

    def number(self, name: str) -> int:
        """Give a number."""
        return int(self.values[name] or 0)


def read(commands: Tree, command: Command, words: list[str]) -> Given:
    """Read flags anywhere between the other words, as pflag does. Raises UsageError."""
    flags = known(commands, command.path)
    shorts = {flag.short: flag for flag in flags.values() if flag.short}
    found = Given({flag.name: flag.default for flag in flags.values()}, {}, [])
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found.words += ["--", *rest] if command.path == "watch" else rest
            break
        if not word.startswith("-") or word == "-":
            found.words.append(word)
            continue
        if word.startswith("--"):
            name, equal, value = word[2:].partition("=")
            flag = flags.get(name)
            if flag is None:
                raise UsageError(f"unknown flag: --{name}")
            _take(found, flag, f"--{name}", equal, value, rest)
        else:
            _letters(found, shorts, word[1:], rest)
    return found


def _letters(found: Given, shorts: dict[str, Flag], letters: str, rest: list[str]) -> None:
    at = 0
    while at < len(letters):
        flag = shorts.get(letters[at])
        if flag is None:
            raise UsageError(f"unknown shorthand flag: {letters[at]!r} in -{letters}")
        if flag.kind == "bool":
            _set(found, flag, "true", f"-{flag.short}, --{flag.name}")
            at += 1
            continue
        value = letters[at + 1:].removeprefix("=")
        _take(found, flag, f"-{letters[at]}, --{flag.name}", "=" if value else "", value, rest)
        return


def _take(found: Given, flag: Flag, shown: str, equal: str, value: str, rest: list[str]) -> None:
    if not equal:
        if flag.kind == "bool":
            value = "true"
        elif not rest:
            raise UsageError(f"flag needs an argument: {shown.partition(',')[0]}" if shown.startswith("--") else
                             f"flag needs an argument: {flag.short!r} in -{flag.short}")
        else:
            value = rest.pop(0)
    _set(found, flag, value, shown)


def _set(found: Given, flag: Flag, value: str, shown: str) -> None:
    if flag.kind == "bool":
        truth = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}.get(value.lower())
        if truth is None:
            raise UsageError(f'invalid argument "{value}" for "{shown}" flag: strconv.ParseBool: parsing "{value}": invalid syntax')
        value = str(truth).lower()
    elif flag.kind == "int":
        try:
            value = str(int(value, 0))
        except ValueError:
            raise UsageError(f'invalid argument "{value}" for "{shown}" flag: strconv.ParseInt: parsing "{value}": '
                             "invalid syntax") from None
    elif flag.kind == "duration":
        try:
            parse_duration(value)
        except ValueError:
            raise UsageError(f'invalid argument "{value}" for "{shown}" flag: time: invalid duration "{value}"') from None
    elif flag.kind == "list" and flag.name in found.given:
        value = f"{found.values[flag.name]},{value}"
    found.values[flag.name] = value
    found.given[flag.name] = None
