"""Builds the tree of a text. Models: bash's grammar (parse.y), its messages and its way to read line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from sim.shell.syntax.lexer import NESTING_MAX, REDIRECT, Problem, shifted
from sim.shell.syntax.reader import Reader
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
    Program,
    Redirect,
    Select,
    Sequence,
    Simple,
    Subshell,
    SyntaxProblem,
    Test,
    While,
    Word,
)

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(\[[^\]]*\])?\+?=")
DECLARES = frozenset(("declare", "typeset", "export", "readonly", "local"))
CLOSERS = frozenset(("then", "else", "elif", "fi", "do", "done", "esac", "}"))
NAME = re.compile(r"[A-Za-z_]\w*\Z")
FUNCTION_NAME = re.compile(r"[^\s$'\"`\\<>&|;()=]+\Z")
BLANK = re.compile(r"[ \t]*")


def parse(text: str, aliases: Mapping[str, str] | None = None) -> Program:
    """Parse a text. aliases: what to put in the place of the first words of commands.

    Never raises: what cannot be read is in `problem`, with the units before it.
    """
    return _parse(text, tuple(aliases.items()) if aliases else ())


@lru_cache(maxsize=512)
def _parse(text: str, aliases: tuple[tuple[str, str], ...]) -> Program:
    return Parser(text, dict(aliases)).program()


class Parser(Reader):
    """A recursive descent; every method starts and ends at a token's beginning."""

    def __init__(self, text: str, aliases: dict[str, str], line: int = 1) -> None:
        super().__init__(text, aliases, line)
        self.commands: dict[str, Callable[[int], Node]] = {
            "if": self._if, "while": self._while, "until": self._while, "for": self._for, "select": self._for,
            "case": self._case, "{": self._group, "[[": self._test, "function": self._function_word}

    # ---- texts ------------------------------------------------------------------------------------------------
    def program(self) -> Program:
        """Parse everything."""
        units: list[Sequence] = []
        problem = None
        try:
            while True:
                self._blank_lines()
                if self.at >= len(self.text):
                    break
                unit = self._list(newlines=False)
                if self.operator() not in ("\n", "") or not unit.items:
                    raise self.unexpected(self._token(), self.at)
                self._newline()
                units.append(unit)
        except Problem as error:
            problem = error.said
        except RecursionError:
            problem = SyntaxProblem("expression nested too deeply", self.line())
        return Program(tuple(units), problem, tuple(self.warnings))

    def nested(self, at: int) -> Program:
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise Problem(SyntaxProblem("commands nested too deeply", self.line(at)))
        holes = self.holes
        try:
            body = self._list(newlines=True)
        except Problem as error:
            if error.said.open and error.said.message.endswith("end of file"):
                raise self.unmatched(")", at) from None
            raise
        finally:
            self.depth -= 1
            self.holes = holes
        if self.operator() != ")":
            raise self.unmatched(")", at) if self.at >= len(self.text) else self.unexpected(self._token(), self.at)
        self.at += 1
        return Program((body,) if body.items else ())

    def parse_text(self, text: str, line: int) -> Program:
        if self.depth > NESTING_MAX:
            raise Problem(SyntaxProblem("commands nested too deeply", line))
        inner = Parser(text, self.aliases, line)
        inner.depth = self.depth + 1
        return inner.program()

    # ---- lists and pipelines ----------------------------------------------------------------------------------
    def _list(self, *, newlines: bool) -> Sequence:
        """Read commands up to a closing word, bracket, `;;` or, without `newlines`, a newline."""
        begin, items, background = self.at, [], []
        while True:
            self._blank_lines() if newlines else self.skip()
            if self.at >= len(self.text) or self.operator() in (")", ";;", ";&", ";;&", "\n") or (
                    self._peek() in CLOSERS):
                break
            items.append(self._and_or())
            self.skip()
            operator = self.operator()
            background.append(operator == "&")
            if operator in (";", "&"):
                self.at += 1
            elif not (operator == "\n" and newlines):
                break
        line = items[0].line if items else self.line(begin)
        return Sequence(line=line, text=self.text[begin:self.at].strip(), items=tuple(items), background=tuple(background))

    def _body_of(self, *closers: str) -> Sequence:
        """Read the commands of a compound command; there must be one."""
        body = self._list(newlines=True)
        if self.at >= len(self.text) and (not body.items or self._peek() not in closers):
            raise self.ended()
        if not body.items or (closers and self._peek() not in closers):
            raise self.unexpected(self._token(), self.at)
        return body

    def _and_or(self) -> Node:
        begin = self.at
        first, rest = self._pipeline(), []
        while True:
            self.skip()
            operator = self.operator()
            if operator not in ("&&", "||"):
                break
            self.at += 2
            self._blank_lines()
            if self.at >= len(self.text):
                raise self.ended()
            rest.append((operator, self._pipeline()))
        if not rest:
            return first
        return AndOr(line=first.line, text=self.text[begin:self.at].rstrip(), first=first, rest=tuple(rest))

    def _pipeline(self) -> Node:
        begin, negated, timed = self.at, False, ""
        while (word := self._peek()) in ("!", "time"):
            self.at += len(word)
            if word == "!":
                negated = not negated
            else:
                timed = "time"
                if self._peek() == "-p":
                    self.at += 2
                    timed = "time -p"
        self.skip()
        if (negated or timed) and (self.at >= len(self.text) or self.operator() in ("\n", ";", "&")):
            stages: list[Node] = []
        else:
            stages = [self._command()]
        both = []
        while stages:
            self.skip()
            operator = self.operator()
            if operator not in ("|", "|&"):
                break
            self.at += len(operator)
            both.append(operator == "|&")
            self._blank_lines()
            if self.at >= len(self.text):
                raise self.ended()
            stages.append(self._command())
        if len(stages) == 1 and not negated and not timed:
            return stages[0]
        return Pipeline(line=self.line(begin), text=self.text[begin:self.at].strip(), stages=tuple(stages),
                        both=tuple(both), negated=negated, timed=timed)

    # ---- commands ---------------------------------------------------------------------------------------------
    def _command(self) -> Node:
        self.skip()
        begin = self.at
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise Problem(SyntaxProblem("commands nested too deeply", self.line()))
        try:
            word = self._peek()
            if word in self.commands:
                node = self.commands[word](begin)
            elif word in CLOSERS:
                raise self.unexpected(word, begin)
            elif self.text.startswith("((", begin) and (found := self._counted(begin)):
                node = found
            elif self.operator() == "(":
                self.at += 1
                body = self._list(newlines=True)
                self._close(body)
                node = Subshell(line=self.line(begin), body=body)
            else:
                return self._simple(begin)
            return self._redirected(node, begin)
        finally:
            self.depth -= 1

    def _close(self, body: Sequence) -> None:
        if self.at >= len(self.text):
            raise self.ended()
        if self.operator() != ")" or not body.items:
            raise self.unexpected(self._token(), self.at)
        self.at += 1

    def _redirected(self, node: Node, begin: int) -> Node:
        redirects: list[Redirect] = []
        while True:
            self.skip()
            found = REDIRECT.match(self.text, self.at)
            if not found:
                break
            redirects.append(self._redirect(found))
        end = self.at
        values = {name: getattr(node, name) for name in node.__dataclass_fields__}
        return type(node)(**{**values, "text": self.text[begin:end].rstrip(), "redirects": tuple(redirects)})

    def _simple(self, begin: int) -> Node:
        assignments: list[Word] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self.skip()
            while self.expanded and self.expanded[-1][0] <= self.at:
                self.expanded.pop()
            if found := REDIRECT.match(self.text, self.at):
                redirects.append(self._redirect(found))
                continue
            if self.operator():
                break
            if (not words or self.alias_follows) and self._alias():
                if not words and self._peek() in self.commands:
                    return self._command()
                continue
            self.alias_follows = False
            at = self.at
            assigning = not words or (words[0].text in DECLARES)
            word = self.word(array=assigning)
            if word is None:
                break
            if not words and ASSIGNMENT.match(word.text):
                assignments.append(word)
                continue
            words.append(word)
            if len(words) == 1 and not assignments and self._is_definition():
                return self._definition(word.text, begin, at)
        if not (words or assignments or redirects):
            if self.at >= len(self.text):
                raise self.ended()
            raise self.unexpected(self._token(), self.at)
        return Simple(line=self.line(begin), text=self.text[begin:self.at].rstrip(), assignments=tuple(assignments),
                      words=tuple(words), redirects=tuple(redirects))

    # ---- functions --------------------------------------------------------------------------------------------
    def _is_definition(self) -> bool:
        at = BLANK.match(self.text, self.at)
        return bool(at and re.compile(r"\([ \t]*\)").match(self.text, at.end()))

    def _definition(self, name: str, begin: int, at: int) -> Node:
        if not FUNCTION_NAME.match(name):
            raise self.unexpected("(", self.at)
        found = re.compile(r"[ \t]*\([ \t]*\)").match(self.text, self.at)
        assert found
        self.at = found.end()
        return self._function_body(name, begin)

    def _function_word(self, begin: int) -> Node:
        self.at += len("function")
        self.skip()
        name = self.word()
        if name is None:
            raise self.unexpected(self._token(), self.at)
        if found := re.compile(r"[ \t]*\([ \t]*\)").match(self.text, self.at):
            self.at = found.end()
        return self._function_body(name.text, begin)

    def _function_body(self, name: str, begin: int) -> Node:
        self._blank_lines()
        if self.at >= len(self.text):
            raise self.ended()
        body = self._command()
        if isinstance(body, Simple):
            raise self.unexpected(self._token(), self.at)
        return Function(line=self.line(begin), text=self.text[begin:self.at].rstrip(), name=name, body=body)

    # ---- compound commands ------------------------------------------------------------------------------------
    def _group(self, begin: int) -> Node:
        self.at += 1
        body = self._body_of("}")
        self._expect("}")
        return Group(line=self.line(begin), body=body)

    def _if(self, begin: int) -> Node:
        self._expect("if")
        arms, otherwise = [], None
        while True:
            condition = self._body_of("then")
            self._expect("then")
            arms.append((condition, self._body_of("elif", "else", "fi")))
            word = self._peek()
            self.at += len(word)
            if word == "else":
                otherwise = self._body_of("fi")
                self._expect("fi")
            if word != "elif":
                return If(line=self.line(begin), arms=tuple(arms), otherwise=otherwise)

    def _while(self, begin: int) -> Node:
        word = self._peek()
        self.at += len(word)
        condition = self._body_of("do")
        return While(line=self.line(begin), condition=condition, body=self._do(), until=word == "until")

    def _do(self) -> Sequence:
        self._expect("do")
        body = self._body_of("done")
        self._expect("done")
        return body

    def _for(self, begin: int) -> Node:
        kind = self._peek()
        self.at += len(kind)
        self.skip()
        if kind == "for" and self.text.startswith("((", self.at):
            return self._counting(begin)
        at, name = self.at, self.word()
        if name is None:
            raise self.unexpected(self._token(), at) if self.at < len(self.text) else self.ended()
        self._blank_lines()
        words: tuple[Word, ...] | None = None
        if self._peek() == "in":
            self.at += 2
            found = []
            while True:
                self.skip()
                if self.operator() or (word := self.word()) is None:
                    break
                found.append(word)
            words = tuple(found)
            if self.operator() not in (";", "\n"):
                raise self.ended() if self.at >= len(self.text) else self.unexpected(self._token(), self.at)
        if self.operator() == ";":
            self.at += 1
        self._blank_lines()
        body = self._group(self.at).body if self._peek() == "{" else self._do()  # type: ignore[attr-defined]
        if kind == "select":
            return Select(line=self.line(begin), name=name.text)
        return For(line=self.line(begin), name=name.text, words=words, body=body)

    def _counting(self, begin: int) -> Node:
        self.at += 2
        parts = []
        for mark in (";", ";", ")"):
            at, self.holes = self.at, []
            self._arithmetic_until(mark, begin)
            parts.append(Word(self.text[at:self.at - 1], shifted(self.holes, -at)))
        if not self.text.startswith(")", self.at):
            raise self.unexpected(")", self.at)
        self.at += 1
        self.skip()
        if self.operator() == ";":
            self.at += 1
        self._blank_lines()
        body = self._group(self.at).body if self._peek() == "{" else self._do()  # type: ignore[attr-defined]
        return CountingFor(line=self.line(begin), start=parts[0], condition=parts[1], step=parts[2], body=body)

    def _arithmetic_until(self, mark: str, begin: int) -> None:
        depth = 0
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == mark and depth == 0:
                self.at += 1
                return
            if letter == "$":
                self._dollar(quoted=False)
                continue
            depth += (letter == "(") - (letter == ")")
            self.at += 1
        raise self.ended()

    def _counted(self, begin: int) -> Node | None:
        """Read `(( … ))`; None where it is a subshell within a subshell."""
        self.holes = []
        kept, self.text = self.text, self.text[:begin] + "$" + self.text[begin:]
        self.at = begin
        try:
            found = self._arithmetic()
        finally:
            self.text = kept
        if not found:
            self.at = begin
            return None
        self.at -= 1
        holes = shifted(self.holes, -begin - 1)
        return Arithmetic(line=self.line(begin), words=Word(self.text[begin:self.at], holes))

    def _case(self, begin: int) -> Node:
        self.at += len("case")
        self.skip()
        word = self.word()
        if word is None:
            raise self.ended() if self.at >= len(self.text) else self.unexpected(self._token(), self.at)
        self._blank_lines()
        self._expect("in")
        arms: list[Arm] = []
        while True:
            self._blank_lines()
            if self._peek() == "esac":
                self.at += 4
                return Case(line=self.line(begin), word=word, arms=tuple(arms))
            if self.at >= len(self.text):
                raise self.ended()
            arms.append(self._arm())

    def _arm(self) -> Arm:
        if self.operator() == "(":
            self.at += 1
            self.skip()
        at = self.at
        self.holes = []
        while True:
            self.skip()
            if self.operator() == "|":
                self.at += 1
                continue
            if self.operator() == ")":
                break
            kept = self.holes
            word = self.word()
            if word is None:
                raise self.ended() if self.at >= len(self.text) else self.unexpected(self._token(), self.at)
            begin = self.at - len(word.text)
            self.holes = [*kept, *shifted(word.holes, begin)]
        holes = shifted(self.holes, -at)
        patterns = Word(self.text[at:self.at].rstrip(), holes)
        self.at += 1
        body = self._list(newlines=True)
        operator = self.operator()
        if operator in (";;", ";&", ";;&"):
            self.at += len(operator)
        elif self._peek() != "esac":
            raise self.ended() if self.at >= len(self.text) else self.unexpected(self._token(), self.at)
        return Arm(patterns, body, operator)

    def _test(self, begin: int) -> Node:
        self.at += 2
        self.holes = []
        depth = 0
        while self.at < len(self.text):
            if self.text.startswith("]]", self.at) and self.text[self.at - 1] in " \t\n":
                self.at += 2
                holes = shifted(self.holes, -begin)
                return Test(line=self.line(begin), words=Word(self.text[begin:self.at], holes))
            letter = self.text[self.at]
            if letter in " \t\n<>&|;()#!":
                depth += (letter == "(") - (letter == ")")
                self.at += 1
            elif not self._piece():
                self.at += 1
        raise self.ended()

