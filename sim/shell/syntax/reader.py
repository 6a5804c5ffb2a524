"""Reads a text token by token: newlines and the here-documents behind them, aliases, redirections."""

from __future__ import annotations

import re

from sim.shell.syntax.lexer import REDIRECT, Lexer, Problem
from sim.shell.syntax.tree import Here, Redirect, SyntaxProblem, Word

ALIASES_MAX = 50
BARE = re.compile(r"[^\s\\'\"$`<>&|;()#]+")
ENDS_WORD = frozenset(("", " ", "\t", "\n", "\r", "<", ">", "&", "|", ";", "(", ")"))


class Reader(Lexer):
    """A lexer that knows aliases and which here-documents are still to come."""

    def __init__(self, text: str, aliases: dict[str, str], line: int = 1) -> None:
        super().__init__(text, line)
        self.aliases = aliases
        self.expanded: list[tuple[int, str]] = []  # (end in the text, name) of aliases being read
        self.alias_follows = False
        self.aliases_left = ALIASES_MAX
        self.pending: list[tuple[str, bool, Here, int]] = []
        self.warnings: list[tuple[int, str]] = []

    def _newline(self) -> None:
        """Go past one newline and the here-documents that begin after it."""
        if self.at < len(self.text):
            self.at += 1
        elif not self.pending:
            return
        for mark, tabs, here, begin in self.pending:
            lines: list[str] = []
            while True:
                if self.at >= len(self.text):
                    said = f"here-document at line {begin} delimited by end-of-file (wanted `{mark}')"
                    self.warnings.append((max(begin, self.line() - 1), said))
                    break
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at:end]
                self.at = min(end + 1, len(self.text))
                line = line.lstrip("\t") if tabs else line
                if line == mark:
                    break
                lines.append(line + "\n")
            body = "".join(lines)
            here.body = Word(body) if here.literal else self._body(body, begin + 1)
        self.pending.clear()

    def _body(self, text: str, line: int) -> Word:
        inner = type(self)(text, {}, line)
        inner.depth = self.depth + 1
        try:
            return Word(text, inner.body())
        except Problem:
            return Word(text)

    def _blank_lines(self) -> None:
        self.skip()
        while self.at < len(self.text) and self.text[self.at] == "\n":
            self._newline()
            self.skip()

    def _token(self) -> str:
        operator = self.operator()
        if operator:
            return "newline" if operator == "\n" else operator
        if found := REDIRECT.match(self.text, self.at):
            return found[2]
        begin = self.at
        word = self.word()
        self.at = begin
        return word.text if word else "newline"

    def _peek(self) -> str:
        """Give the bare word here, "" where something else stands."""
        self.skip()
        found = BARE.match(self.text, self.at)
        if not found:
            return ""
        after = self.text[found.end():found.end() + 1]
        return found[0] if after in ENDS_WORD else ""

    def _expect(self, word: str) -> None:
        if self._peek() != word:
            if self.at >= len(self.text):
                raise self.ended()
            raise self.unexpected(self._token(), self.at)
        self.at += len(word)

    def _redirect(self, found: re.Match[str]) -> Redirect:
        fd = int(found[1]) if found[1] and found[1].isdigit() else None
        if found[1] and not found[1].isdigit():
            raise Problem(SyntaxProblem(f"not simulated: {found[0]} (a file descriptor in a variable)", self.line()))
        operator = found[2]
        self.at = found.end()
        self.skip()
        if operator in (">&", "<&") and self.text.startswith("-", self.at):
            self.at += 1
            return Redirect(fd, operator, Word("-"))
        target = self.word()
        if target is None:
            raise self.unexpected(self._token() if self.at < len(self.text) else "newline", self.at)
        if operator in ("<<", "<<-"):
            literal = bool(re.search(r"['\"\\]", target.text))
            mark = re.sub(r"['\"\\]", "", target.text)
            here = Here(literal)
            self.pending.append((mark, operator == "<<-", here, self.line()))
            return Redirect(fd, "<<", target, here)
        return Redirect(fd, operator, target)

    def _alias(self) -> bool:
        """Put an alias in the place of the word here."""
        name = self._peek()
        if name not in self.aliases or any(name == used for _, used in self.expanded) or not self.aliases_left:
            return False
        self.aliases_left -= 1
        value = self.aliases[name]
        self.text = self.text[:self.at] + value + self.text[self.at + len(name):]
        self.newlines = [at for at, letter in enumerate(self.text) if letter == "\n"]
        grown = len(value) - len(name)
        self.expanded = [(end + grown, used) for end, used in self.expanded]
        self.expanded.append((self.at + len(value), name))
        self.alias_follows = value.endswith((" ", "\t"))
        return True
