"""Line history: `!!`, `!$`, `!*`, `!n`, `!-n`, `!text`, `!?text?`, `^old^new`. Models: readline's history.c, as far as labs type it."""

from __future__ import annotations

import re

from sim.shell.syntax.lexer import Lexer, Problem

LINES_MAX = 1000
EVENT = re.compile(r"!(?:(!)|(-?\d+)|\?([^?\n]+)\??|([^\s=(!:$*^\"'|&;<>]+))?(?::?([$*^])|:(\d+))?")


class NoEvent(Exception):
    """No such line; the message is what was typed."""


def expanded(line: str, lines: list[str]) -> str:
    """Put old lines in the place of `!` events. Raises NoEvent."""
    if line.startswith("^") and (found := re.match(r"\^([^^]+)\^([^^]*)\^?", line)):
        if not lines or found[1] not in lines[-1]:
            raise NoEvent(f":s{line}")
        return lines[-1].replace(found[1], found[2], 1)
    if "!" not in line:
        return line
    out, at, quoted = "", 0, False
    while at < len(line):
        letter = line[at]
        if letter == "\\":
            out, at = out + line[at:at + 2], at + 2
            continue
        if letter == "'" and not quoted:
            end = line.find("'", at + 1)
            end = len(line) if end < 0 else end + 1
            out, at = out + line[at:end], end
            continue
        quoted ^= letter == '"'
        found = EVENT.match(line, at) if letter == "!" else None
        if found and len(found[0]) > 1 and not line.startswith(("!=", "!("), at) and not line[:at].endswith(("${", "$", "[")):
            out, at = out + _event(found, lines), found.end()
        else:
            out, at = out + letter, at + 1
    return out


def _event(found: re.Match[str], lines: list[str]) -> str:
    number, inside, start = found[2], found[3], found[4]
    chosen: str | None
    if number:
        at = int(number) - 1 if not number.startswith("-") else len(lines) + int(number)
        chosen = lines[at] if 0 <= at < len(lines) else None
    elif inside:
        chosen = next((line for line in reversed(lines) if inside in line), None)
    elif start:
        chosen = next((line for line in reversed(lines) if line.startswith(start)), None)
    else:
        chosen = lines[-1] if lines else None
    if chosen is None:
        raise NoEvent(found[0])
    if not found[5] and not found[6]:
        return chosen
    words = _words(chosen)
    if found[5] == "$":
        return words[-1]
    if found[5] == "*":
        return " ".join(words[1:])
    place = 1 if found[5] == "^" else int(found[6])
    if place >= len(words):
        raise NoEvent(found[0])
    return words[place]


def _words(line: str) -> list[str]:
    lexer, words = Lexer(line), []
    try:
        while True:
            lexer.skip()
            word = lexer.word()
            if word is not None:
                words.append(word.text)
            elif lexer.at >= len(line):
                return words or [""]
            else:
                words.append(lexer.operator() or line[lexer.at])
                lexer.at += len(words[-1])
    except (Problem, NotImplementedError):
        return line.split() or [""]


def remember(lines: list[str], line: str) -> None:
    """Keep a line, as HISTCONTROL=ignoreboth does."""
    if line.strip() and not line.startswith(" ") and lines[-1:] != [line]:
        lines.append(line)
        del lines[:-LINES_MAX]
