"""What a container's command line does over time, found out without running it: its output, its files, its end.

A script becomes a timeline at once, so that logs and the answers of probes are derived when somebody looks, and only
its end is a simulation event. Understands what labs write: echo, printf, sleep, exit, true, false, touch, rm, cat,
date, `while true`, `for … in`, `trap`, `;`, `&&`, `||`. Any other program is taken to succeed at once inside a script,
and to run for ever where it stands last.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sim.api.times import parse_duration
from sim.engine import SECOND_US, microseconds

SHELLS = ("sh", "bash", "ash", "dash")
DEAF = ("sleep", "tail", "cat", "yes", "watch", "top")
INTERPRETERS = ("perl", "python", "python3", "node", "ruby", "php")
INTERPRETED_US = 4 * SECOND_US
"""A one-line program of an interpreter computes for a while and ends; what it prints is not modelled."""
STEPS_MOST = 2000
FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a script does. kind: `log`, `make` or `remove` (a file); at_us counts from its start."""

    at_us: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """A timeline. end: (microseconds, exit status), None when it never ends by itself.

    loop: (first deed of the loop, its start, its period in microseconds) of an endless loop, else None.
    handles_term: whether SIGTERM ends it at once; a shell or `sleep` as PID 1 without a handler is not reached by it.
        None: a program of its own, which ends as its image does.
    """

    deeds: tuple[Deed, ...] = ()
    end: tuple[int, int] | None = None
    loop: tuple[int, int, int] | None = None
    handles_term: bool | None = None

    def until(self, upto_us: int, since_us: int = -1) -> Iterator[Deed]:
        """Give the deeds after `since_us` up to a moment, oldest first."""
        first = self.loop[0] if self.loop else len(self.deeds)
        for deed in self.deeds[:first]:
            if since_us < deed.at_us <= upto_us:
                yield deed
        if self.loop is None:
            return
        _, start_us, period_us = self.loop
        round_ = max(0, (since_us - start_us) // period_us)
        while start_us + round_ * period_us <= upto_us:
            for deed in self.deeds[first:]:
                at_us = deed.at_us + round_ * period_us
                if since_us < at_us <= upto_us:
                    yield Deed(at_us, deed.kind, deed.text)
            round_ += 1

    def has_file(self, path: str, at_us: int) -> bool | None:
        """Tell whether the script has made a file by then; None when it never touches it."""
        found: bool | None = None
        for deed in self.deeds:
            if deed.kind != "log" and deed.text == path and deed.at_us <= at_us:
                found = deed.kind == "make"
        if found is None and any(deed.kind == "make" and deed.text == path for deed in self.deeds):
            return False
        return found

    def next_file_change(self, path: str, after_us: int) -> int | None:
        """Give when the script next makes or removes a file."""
        return next((d.at_us for d in self.deeds if d.kind != "log" and d.text == path and d.at_us > after_us), None)


class _Walk:
    """Walks a script's text and notes what happens when."""

    def __init__(self) -> None:
        self.at_us = 0
        self.deeds: list[Deed] = []
        self.loop: tuple[int, int, int] | None = None
        self.ended: int | None = None
        self.forever = False
        self.term = False
        self.steps = 0

    @property
    def over(self) -> bool:
        return self.ended is not None or self.forever or self.steps > STEPS_MOST

    def note(self, kind: str, text: str) -> None:
        self.deeds.append(Deed(self.at_us, kind, text))

    def body(self, text: str, variables: dict[str, str], *, last: bool) -> int:
        """Run a list of commands; gives the status of the last one."""
        status, pieces = 0, _split(text)
        for number, (joint, piece) in enumerate(pieces):
            if self.over:
                break
            if (joint == "&&" and status) or (joint == "||" and not status):
                continue
            status = self.command(piece.strip(), variables, last=last and number == len(pieces) - 1)
        return status

    def command(self, text: str, variables: dict[str, str], *, last: bool) -> int:
        self.steps += 1
        if loop := re.match(r"(while|until)\b(.*?)[;\n]\s*do\b(.*)\bdone\s*$", text, re.DOTALL):
            return self.repeat(loop[1], loop[2].strip(), loop[3], variables)
        if loop := re.match(r"for\s+(\w+)\s+in\s+(.*?)[;\n]\s*do\b(.*)\bdone\s*$", text, re.DOTALL):
            for value in _values(loop[2], variables):
                if self.over:
                    break
                self.body(loop[3], {**variables, loop[1]: value}, last=False)
            return 0
        if choice := re.match(r"if\b(.*?)[;\n]\s*then\b(.*?)(?:\belse\b(.*))?\bfi\s*$", text, re.DOTALL):
            chosen = choice[2] if self.body(choice[1], variables, last=False) == 0 else choice[3] or ""
            return self.body(chosen, variables, last=last)
        return self.simple(text, variables, last=last)

    def repeat(self, word: str, test: str, inside: str, variables: dict[str, str]) -> int:
        known = self.simple(test, variables, last=False) == 0
        if known != (word == "while"):
            return 0
        first, start_us = len(self.deeds), self.at_us
        self.body(inside, variables, last=False)
        if self.over:
            return 0
        self.loop = (first, start_us, max(SECOND_US // 10, self.at_us - start_us))
        self.forever = True
        return 0

    def simple(self, text: str, variables: dict[str, str], *, last: bool) -> int:
        for name, value in variables.items():
            text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
        text, target = _redirected(text)
        try:
            words = shlex.split(text, comments=True)
        except ValueError:
            words = text.split()
        while words and re.match(r"\w+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        while words and words[0] in ("exec", "time", "nohup", "command"):
            words.pop(0)
        if not words:
            if target:
                self.note("make", target)
            return 0
        program, arguments = words[0].rpartition("/")[2], words[1:]
        if target and target.startswith("/dev/"):
            target = ""
        return self.known(program, arguments, target, last=last)

    def known(self, program: str, words: list[str], target: str, *, last: bool) -> int:
        if program in ("echo", "printf", "date"):
            said = " ".join(word for word in words if word not in ("-e", "-n", "-ne"))
            said = "$(date)" if program == "date" and not words else said
            if target:
                self.note("make", target)
            else:
                for line in said.replace("\\n", "\n").rstrip("\n").split("\n"):
                    self.note("log", line)
            return 0
        if program == "sleep":
            seconds = _sleep_seconds(words)
            if seconds is None:
                self.forever = True
            else:
                self.at_us += microseconds(seconds)
            return 0
        if program == "exit":
            self.ended = int(words[0]) & 255 if words and words[0].isdigit() else 0
            return self.ended
        if program in ("touch", "rm"):
            for word in words:
                if not word.startswith("-"):
                    self.note("make" if program == "touch" else "remove", word)
            return 0
        if program == "trap":
            self.term = any(word in ("TERM", "SIGTERM", "15", "EXIT") for word in words[1:])
            return 0
        if program == "tail" and "-f" in words and last:
            self.forever = True
            return 0
        if program in INTERPRETERS and any(word.startswith("-") and word[-1:] in "ec" for word in words):
            self.at_us += INTERPRETED_US
            return 0
        if program in SHELLS and len(words) > 1 and words[0] == "-c":
            return self.body(words[1], {}, last=last)
        if program in ("true", ":", "cat", "ls", "mkdir", "chmod", "cp", "mv", "wait", "set", "cd", "export", "env", "["):
            return 0
        if program == "false":
            return 1
        if last:
            self.forever = True
        return 0


def _split(text: str) -> list[tuple[str, str]]:
    """Split at `;`, `&&`, `||`, `&` and line ends, but not inside quotes, loops and conditions."""
    pieces: list[tuple[str, str]] = []
    joint, piece, quote, depth, at = "", "", "", 0, 0
    while at < len(text):
        char = text[at]
        if quote:
            piece += char
            quote = "" if char == quote else quote
            at += 1
            continue
        if char in "'\"":
            quote = char
        word = re.match(r"(while|until|for|if|case)\b|(done|fi|esac)\b", text[at:]) if not piece[-1:].isalnum() else None
        if word:
            depth += 1 if word[1] else -1
            piece, at = piece + word[0], at + len(word[0])
            continue
        found = re.match(r"&&|\|\||;|\n|&(?![>\d])", text[at:]) if depth == 0 and not piece.endswith(">") else None
        if found:
            if piece.strip():
                pieces.append((joint, piece))
                joint = ""
            joint = found[0] if found[0] in ("&&", "||") else ""
            piece, at = "", at + len(found[0])
            continue
        piece += char
        at += 1
    if piece.strip():
        pieces.append((joint, piece))
    return pieces


def _redirected(text: str) -> tuple[str, str]:
    match = re.search(r"(?<![0-9&])1?>>?\s*([^\s&>|]+)", text)
    target = match[1] if match else ""
    return re.sub(r"\d?>>?\s*(&\d|[^\s&>|]+)", "", text), target


def _values(text: str, variables: dict[str, str]) -> list[str]:
    if match := re.match(r"\s*(?:\$\(|`)seq\s+(\d+)(?:\s+(\d+))?\s*(?:\)|`)", text):
        first, last = (int(match[1]), int(match[2])) if match[2] else (1, int(match[1]))
        return [str(number) for number in range(first, min(last, first + STEPS_MOST) + 1)]
    if match := re.match(r"\s*\{(\d+)\.\.(\d+)\}", text):
        return [str(number) for number in range(int(match[1]), min(int(match[2]), int(match[1]) + STEPS_MOST) + 1)]
    return text.split()


def _sleep_seconds(words: list[str]) -> float | None:
    """Give how long `sleep` sleeps; None is for ever."""
    total = 0.0
    for word in words:
        if word.startswith("inf"):
            return None
        try:
            total += float(word) if word.replace(".", "", 1).isdigit() else parse_duration(word)
        except ValueError:
            return 0.0
    return total


@lru_cache(maxsize=2048)
def compile_script(argv: tuple[str, ...]) -> Script:
    """Make the timeline of a container's command line."""
    walk = _Walk()
    program = argv[0].rpartition("/")[2]
    if program in SHELLS and "-c" in argv[:-1]:
        status = walk.body(argv[argv.index("-c") + 1], {}, last=True)
    elif program in SHELLS:
        status = 0  # a shell without a terminal ends at once
    else:
        status = walk.known(program, list(argv[1:]), "", last=True)
    term = walk.term if program in SHELLS else False if program in DEAF else None
    if walk.forever or walk.steps > STEPS_MOST:
        return Script(tuple(walk.deeds), None, walk.loop, term)
    return Script(tuple(walk.deeds), (walk.at_us, status if walk.ended is None else walk.ended), None, term)


@lru_cache(maxsize=2048)
def test_of(argv: tuple[str, ...]) -> tuple[str, str]:
    """Tell what an exec probe asks: ("file", PATH), ("status", "0" or "1")."""
    words: Sequence[str] = argv
    if words and words[0].rpartition("/")[2] in SHELLS and "-c" in words[:-1]:
        try:
            words = shlex.split(words[words.index("-c") + 1])
        except ValueError:
            words = []
    if not words:
        return "status", "0"
    program = words[0].rpartition("/")[2]
    if program in ("cat", "ls", "test", "[", "stat"):
        paths = [word for word in words[1:] if word.startswith("/")]
        if paths:
            return "file", paths[0]
    if program == "exit":
        return "status", words[1] if len(words) > 1 else "0"
    return "status", "1" if program == "false" else "0"


__all__ = ["FOREVER", "Deed", "Script", "compile_script", "test_of"]
