"""Reads the options of a GNU tool, with getopt's complaints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.shell.pipes import Call

HINT = "Try '{name} --help' for more information.\n"


@dataclass
class Given:
    """What was typed: options by letter (or long name), the last value of each, and the operands."""

    flags: dict[str, str] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)
    letters: str = ""

    def __contains__(self, letter: object) -> bool:
        return letter in self.flags

    def get(self, letter: str, default: str = "") -> str:
        """Give an option's value."""
        return self.flags.get(letter, default)


class BadUsage(Exception):
    """The words are wrong; what to say, and the status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def read(call: Call, short: str, long: Mapping[str, str] | None = None, *, status: int = 1, mixed: bool = True) -> Given:
    """Read options: `short` as getopt writes it (`rt:`), `long` by name to letter (a value where the letter has one).

    mixed: options may stand behind operands. Raises BadUsage.
    """
    given, words, names = Given(), list(call.argv), long or {}
    takes = {letter for at, letter in enumerate(short) if short[at + 1:at + 2] == ":"}
    hint = HINT.format(name=call.name)
    while words:
        word = words.pop(0)
        if word == "--":
            given.operands += words
            break
        if word.startswith("--"):
            name, mark, value = word[2:].partition("=")
            matching = [each for each in names if each == name] or [each for each in names if each.startswith(name)]
            if len(set(matching)) != 1:
                raise BadUsage(f"{call.name}: unrecognized option '{word}'\n{hint}", status)
            letter = names[matching[0]]
            if letter in takes and not mark and not words:
                raise BadUsage(f"{call.name}: option '--{matching[0]}' requires an argument\n{hint}", status)
            _set(given, letter, value if mark else words.pop(0) if letter in takes else "")
        elif word.startswith("-") and len(word) > 1:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter not in short or letter == ":":
                    raise BadUsage(f"{call.name}: invalid option -- '{letter}'\n{hint}", status)
                if letter in takes:
                    if not rest and not words:
                        raise BadUsage(f"{call.name}: option requires an argument -- '{letter}'\n{hint}", status)
                    _set(given, letter, rest or words.pop(0))
                    break
                _set(given, letter, "")
        else:
            given.operands.append(word)
            if not mixed:
                given.operands += words
                break
    return given


def _set(given: Given, letter: str, value: str) -> None:
    given.flags.pop(letter, None)
    given.flags[letter] = value
    given.letters += letter


def complain(call: Call, error: BadUsage) -> int:
    """Write what was wrong with the words; gives the status."""
    call.write(str(error), "stderr")
    return error.status


def missing(call: Call, what: str, *, status: int = 1) -> BadUsage:
    """Make the complaint about words that are missing."""
    return BadUsage(f"{call.name}: {what}\n{HINT.format(name=call.name)}", status)
