"""Flags as pflag reads them: one Flag for each line of a help page, values of Go's types, pflag's complaints.

Models: github.com/spf13/pflag (flag.go, string_slice.go, string_array.go), Go's time.ParseDuration.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sim.api import times
from sim.shell.kubectl.frame.errors import UsageError

TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_UNIT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)([a-zA-Zµ]*)")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|\d+)$")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    kind: bool, str, int, duration (seconds), slice (commas separate), array (a value each time it is given).
    bare: the value that the flag has when it is given without one (pflag's NoOptDefVal); "" means it needs a value.
    deprecated: what is said on stderr when it is used. same_as: the flag that it is an old name of.
    """

    name: str
    kind: str = "str"
    short: str = ""
    default: Any = ""
    bare: str = ""
    deprecated: str = ""
    same_as: str = ""

    @property
    def shown(self) -> str:
        """Name the flag as errors do."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"

    def read(self, text: str) -> Any:
        """Give the value of a text. Raises ValueError with Go's words."""
        return READERS[self.kind](text)


def _bool(text: str) -> bool:
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _int(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    plain = text.lstrip("+-")
    value = int(plain, 8) if re.fullmatch(r"0[0-7]+", plain) else int(plain, 0)
    value = -value if text.startswith("-") else value
    if not -2 ** 63 <= value < 2 ** 63:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def _duration(text: str) -> float:
    try:
        return times.parse_duration(text)
    except ValueError:
        for unit in _UNIT.findall(text) if re.fullmatch(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)[a-zA-Zµ]*)+", text) else []:
            if not unit:
                raise ValueError(f'time: missing unit in duration "{text}"') from None
            if unit not in ("ns", "us", "µs", "ms", "s", "m", "h"):
                raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"') from None
        raise ValueError(f'time: invalid duration "{text}"') from None


def _slice(text: str) -> list[str]:
    return next(csv.reader([text])) if text else []


READERS: dict[str, Callable[[str], Any]] = {
    "bool": _bool, "int": _int, "duration": _duration, "slice": _slice,
    "array": lambda text: [text], "str": str}


class Values(dict[str, Any]):
    """The values of a command's flags. A flag that this client version does not have is None."""

    def __missing__(self, name: str) -> None:
        return None


@dataclass(slots=True)
class Parsed:
    """What a command line says: arguments, values, which flags were given, warnings about deprecated ones.

    dash: how many arguments stood before `--`, None without one.
    """

    values: Values
    args: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    dash: int | None = None


def parse(words: list[str], flags: Iterable[Flag], command: str) -> Parsed:
    """Split words into arguments and flags. command: its path, for the hint. Raises UsageError."""
    table = {flag.name: flag for flag in flags}
    parsed = Parsed(Values({f.name: list(f.default) if isinstance(f.default, list) else f.default for f in table.values()}))
    see = "Run 'kubectl options' without flags." if command == "options" else (
        f"See '{f'kubectl {command}'.strip()} --help' for usage.")
    rest = list(words)
    try:
        _parse(rest, table, parsed)
    except ValueError as error:
        raise UsageError(f"{error}\n{see}") from None
    return parsed


def _parse(rest: list[str], table: dict[str, Flag], parsed: Parsed) -> None:
    shorts = {flag.short: flag for flag in table.values() if flag.short}
    while rest:
        word = rest.pop(0)
        if word == "--":
            parsed.dash = len(parsed.args)
            parsed.args += rest
            break
        if word.startswith("--"):
            _long(word, rest, table, parsed)
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letters = _short(letters, rest, shorts, parsed)
        else:
            parsed.args.append(word)


def _long(word: str, rest: list[str], table: dict[str, Flag], parsed: Parsed) -> None:
    name, equal, value = word[2:].partition("=")
    if not name or name[0] in "-=":
        raise ValueError(f"bad flag syntax: {word}")
    flag = table.get(name.replace("_", "-"))
    if flag is None:
        raise ValueError(f"unknown flag: --{name}")
    if not equal:
        if flag.bare:
            value = flag.bare
        elif rest:
            value = rest.pop(0)
        else:
            raise ValueError(f"flag needs an argument: --{name}")
    _set(parsed, flag, value)


def _short(letters: str, rest: list[str], shorts: dict[str, Flag], parsed: Parsed) -> str:
    """Read the first of combined short flags; give the letters that are left."""
    flag = shorts.get(letters[0])
    if flag is None:
        raise ValueError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
    left = ""
    if len(letters) > 2 and letters[1] == "=":
        value = letters[2:]
    elif flag.bare:
        value, left = flag.bare, letters[1:]
    elif len(letters) > 1:
        value = letters[1:]
    elif rest:
        value = rest.pop(0)
    else:
        raise ValueError(f"flag needs an argument: '{letters[0]}' in -{letters}")
    _set(parsed, flag, value)
    return left


def _set(parsed: Parsed, flag: Flag, text: str) -> None:
    try:
        value = flag.read(text)
    except ValueError as error:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        raise ValueError(f'invalid argument "{quoted}" for "{flag.shown}" flag: {error}') from None
    if flag.kind in ("slice", "array") and flag.name in parsed.given:
        value = [*parsed.values[flag.name], *value]
    for name in (flag.name, flag.same_as) if flag.same_as else (flag.name,):
        parsed.values[name] = value
        parsed.given.add(name)
    if flag.deprecated:
        parsed.warnings.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")
