"""Cuts a text into words and operators, and finds the holes of each word.

Models: bash's parse.y (read_token, parse_matched_pair). Left out: extended globs of bashkit's own grammar, `coproc`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

from sim.shell.syntax.tree import Hole, Program, SyntaxProblem, Word

OPERATOR = re.compile(r"&>>|&>|&&|&|\|\||\|&|\||;;&|;;|;&|;|\(|\)")
REDIRECT = re.compile(r"(\d+|\{[A-Za-z_]\w*\})?(<<<|<<-|<<|<&|<>|<(?!\()|>>|>\||>&|>(?!\()|&>>|&>)")
PLAIN = re.compile(r"[^\s\\'\"$`<>&|;()#]+")
SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[[^\]\n$`]*\]\+?=")
NAME = re.compile(r"[A-Za-z_]\w*|\d|[?!$#@*_-]")
SPECIAL = frozenset((
    "?", "!", "$", "-", "0", "_", "PPID", "BASHPID", "LINENO", "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "SRANDOM",
    "RANDOM", "PIPESTATUS", "UID", "EUID", "BASH", "FUNCNAME", "BASH_SOURCE", "SHLVL", "BASH_SUBSHELL"))
"""Parameters that are ours: bashkit's would be the real machine's, or are lost from call to call."""
SPECIAL_NUMBER = re.compile(
    r"(?<![\w$])(?:PPID|BASHPID|LINENO|SECONDS|EPOCHSECONDS|SRANDOM|RANDOM|UID|EUID|SHLVL)\b")
ESCAPED = re.compile(r"\\([`\\$])")
NESTING_MAX = 60


class Problem(Exception):
    """A syntax error, with what bash says."""

    def __init__(self, said: SyntaxProblem) -> None:
        super().__init__(said.message)
        self.said = said


class Lexer:
    """A text and a place in it."""

    def __init__(self, text: str, line: int = 1) -> None:
        self.text = text
        self.at = 0
        self.first_line = line
        self.newlines = [at for at, letter in enumerate(text) if letter == "\n"]
        self.depth = 0
        self.holes: list[Hole] = []

    def line(self, at: int | None = None) -> int:
        """Give the line number of a place."""
        return self.first_line + bisect_left(self.newlines, self.at if at is None else at)

    def unexpected(self, token: str, at: int) -> Problem:
        """Make bash's complaint about a token."""
        number = self.line(at)
        shown = self.text.split("\n")[number - self.first_line]
        return Problem(SyntaxProblem(f"syntax error near unexpected token `{token}'", number, shown))

    def ended(self) -> Problem:
        """Make bash's complaint about a text that stops too early."""
        number = self.first_line + len(self.newlines) + (not self.text.endswith("\n"))
        return Problem(SyntaxProblem("syntax error: unexpected end of file", number, open=True))

    def unmatched(self, mark: str, at: int) -> Problem:
        """Make bash's complaint about a quote or bracket that is never closed."""
        number = self.line(len(self.text)) if mark == ")" else self.line(at)
        return Problem(SyntaxProblem(f"unexpected EOF while looking for matching `{mark}'", number, open=True))

    # ---- blanks -----------------------------------------------------------------------------------------------
    def skip(self) -> None:
        """Go past blanks, joined lines and comments."""
        text, at = self.text, self.at
        while at < len(text):
            if text[at] in " \t\r":
                at += 1
            elif text.startswith("\\\n", at):
                at += 2
            elif text[at] == "#" and (at == 0 or text[at - 1] in " \t\n;&|()"):
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            else:
                break
        self.at = at

    def operator(self) -> str:
        """Give the operator here ("" where a word or nothing stands) without going past it."""
        if self.at < len(self.text) and self.text[self.at] == "\n":
            return "\n"
        found = OPERATOR.match(self.text, self.at)
        return found[0] if found and not found[0].startswith("&>") else ""

    # ---- words ------------------------------------------------------------------------------------------------
    def word(self, *, array: bool = False) -> Word | None:
        """Read a word, None where none stands. array: `name=( … )` may follow."""
        start, outer, self.holes = self.at, self.holes, []
        try:
            if array and (found := SUBSCRIPT.match(self.text, self.at)):
                self.at = found.end()
            while self.at < len(self.text):
                found = PLAIN.match(self.text, self.at)
                if found:
                    self.at = found.end()
                    continue
                if array and self.text[self.at] == "(" and self.text[start:self.at].endswith("="):
                    self._array()
                    continue
                if not self._piece():
                    break
            if self.at == start:
                return None
            return Word(self.text[start:self.at], shifted(self.holes, -start))
        finally:
            self.holes = outer

    def _piece(self) -> bool:
        """Go past one quoted or special piece of a word; False where the word ends."""
        text, at = self.text, self.at
        letter = text[at]
        if letter == "\\":
            self.at = min(at + 2, len(text))
        elif letter == "'":
            self._quoted(at, "'")
        elif letter == '"':
            self.at += 1
            self.until('"', quoted=True)
        elif letter == "$":
            self._dollar(quoted=False)
        elif letter == "`":
            self._backquote()
        elif letter in "<>" and text.startswith("(", at + 1):
            self.at += 2
            program = self.nested(at)
            self.holes.append(Hole("from" if letter == "<" else "into", at, self.at, program))
        elif letter == "#" and at > 0 and text[at - 1] not in " \t\n;&|()":
            self.at += 1
        elif letter == "(" and at > 0 and text[at - 1] in "?*+@!" and (at < 2 or text[at - 2] != "$"):
            self._brackets(at)
        else:
            return False
        return True

    def _quoted(self, at: int, mark: str) -> None:
        end = self.text.find(mark, at + 1)
        if end < 0:
            raise self.unmatched(mark, at)
        self.at = end + 1

    def _ansi(self, at: int) -> None:
        self.at = at + 2
        while self.at < len(self.text) and self.text[self.at] != "'":
            self.at += 2 if self.text[self.at] == "\\" else 1
        if self.at >= len(self.text):
            raise self.unmatched("'", at)
        self.at += 1

    def _brackets(self, at: int) -> None:
        """Go past an extended glob."""
        depth = 0
        while self.at < len(self.text):
            letter = self.text[self.at]
            depth += (letter == "(") - (letter == ")")
            self.at += 1
            if depth == 0:
                return
        raise self.unmatched(")", at)

    def _array(self) -> None:
        at = self.at
        self.at += 1
        while True:
            while self.at < len(self.text) and (self.text[self.at] in " \t\n" or self.text[self.at] == "#"):
                if self.text[self.at] == "#":
                    self.skip()
                else:
                    self.at += 1
            if self.at >= len(self.text):
                raise self.unmatched(")", at)
            if self.text[self.at] == ")":
                self.at += 1
                return
            found = PLAIN.match(self.text, self.at)
            if found:
                self.at = found.end()
            elif not self._piece():
                raise self.unexpected(self.text[self.at], self.at)

    def until(self, mark: str, *, quoted: bool) -> None:
        """Go past everything up to a mark, finding holes on the way. Raises Problem."""
        begin, text = self.at - 1, self.text
        while self.at < len(text):
            letter = text[self.at]
            if letter == mark:
                self.at += 1
                return
            if letter == "\\":
                self.at = min(self.at + 2, len(text))
            elif letter == "$":
                self._dollar(quoted=quoted)
            elif letter == "`":
                self._backquote()
            elif letter == '"' and mark != '"':
                self.at += 1
                self.until('"', quoted=True)
            elif letter == "'" and not quoted:
                self._quoted(self.at, "'")
            else:
                self.at += 1
        raise self.unmatched(mark, begin)

    def body(self) -> tuple[Hole, ...]:
        """Find the holes of a here-document's body, which is the whole text."""
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == "\\":
                self.at += 2
            elif letter == "$":
                self._dollar(quoted=True)
            elif letter == "`":
                self._backquote()
            else:
                self.at += 1
        return tuple(self.holes)

    def _dollar(self, *, quoted: bool) -> None:
        text, at = self.text, self.at
        if text.startswith("$((", at) and self._arithmetic():
            return
        if text.startswith("$(", at):
            self.at += 2
            self.holes.append(Hole("run", at, 0, self.nested(at)))
            self.holes[-1] = Hole("run", at, self.at, self.holes[-1].program)
        elif text.startswith("${", at):
            self.at += 2
            prefix = re.compile(r"[#!]?").match(text, self.at)
            begin = prefix.end() if prefix and not text.startswith("}", prefix.end()) else self.at
            name = NAME.match(text, begin)
            if name:
                if name[0] in SPECIAL:
                    self.holes.append(Hole("name", begin, name.end(), value=name[0]))
                self.at = name.end()
            self.until("}", quoted=quoted)
        elif text.startswith("$'", at) and not quoted:
            self._ansi(at)
        elif name := NAME.match(text, at + 1):
            self.at = name.end()
            if name[0] in SPECIAL:
                self.holes.append(Hole("special", at, self.at, value=name[0]))
        else:
            self.at += 1

    def _arithmetic(self) -> bool:
        """Go past `$(( ))`; False where it is a substitution that begins with a subshell."""
        begin, kept, depth = self.at, list(self.holes), 2
        self.at += 3
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == "$":
                self._dollar(quoted=False)
                continue
            if letter == "`":
                self._backquote()
                continue
            if found := SPECIAL_NUMBER.match(self.text, self.at):
                self.holes.append(Hole("special", self.at, found.end(), value=found[0]))
                self.at = found.end()
                continue
            depth += (letter == "(") - (letter == ")")
            self.at += 1
            if depth == 1 and not self.text.startswith(")", self.at):
                break
            if depth == 0:
                return True
        self.at, self.holes = begin, kept
        return False

    def _backquote(self) -> None:
        begin = self.at
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != "`":
            self.at += 2 if self.text[self.at] == "\\" else 1
        if self.at >= len(self.text):
            raise self.unmatched("`", begin)
        inside = ESCAPED.sub(r"\1", self.text[begin + 1:self.at])
        self.at += 1
        self.holes.append(Hole("run", begin, self.at, self.parse_text(inside, self.line(begin))))

    def nested(self, at: int) -> Program:
        """Parse what stands in `$( )` or `<( )`, up to and past the bracket. Raises Problem."""
        raise NotImplementedError

    def parse_text(self, text: str, line: int) -> Program:
        """Parse another text. Raises Problem."""
        raise NotImplementedError


def shifted(holes: Iterable[Hole], by: int) -> tuple[Hole, ...]:
    """Move holes: their places count from the beginning of their word."""
    return tuple(Hole(hole.kind, hole.start + by, hole.end + by, hole.program, hole.value) for hole in holes)
