"""Reading Go's text templates into nodes.

Models: text/template/parse. Left out, and refused: define, template, block, break, continue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sim.api.errors import NotSimulated
from sim.shell.kubectl.printing.jsonpath_parser import JsonPathError, unquote

_TOKEN = re.compile(
    r"""\s+|(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<char>'(?:\\.|[^'\\])+')|(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))"""
    r"""|(?P<variable>\$\w*)|(?P<field>\.[A-Za-z_]\w*)|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|[=|(),])""")


class TemplateError(ValueError):
    """A template that cannot be read or filled, in Go's words."""


@dataclass(slots=True)
class Block:
    """One node: text, an action, or if/range/with with what is inside and after `else`."""

    kind: str
    text: str = ""
    pipe: Pipe | None = None
    body: list[Block] = field(default_factory=list)
    other: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Pipe:
    """Commands joined by `|`; names of variables that it declares (`:=`) or sets (`=`). place: line and column."""

    commands: list[list[Operand]]
    variables: list[str] = field(default_factory=list)
    assign: bool = False
    source: str = ""
    place: str = "1:0"


@dataclass(slots=True)
class Operand:
    """A value in a command: dot, field, variable, literal, word (a function), pipe in parentheses; then field names.

    place: line and column, of the second field if there are several, as Go's parser has it.
    """

    kind: str
    value: Any = None
    fields: tuple[str, ...] = ()
    place: str = "1:0"


def parse(text: str, name: str = "output") -> list[Block]:
    """Read a template. Raises TemplateError."""
    parser = _Parser(text, name)
    found, end = parser.blocks(())
    if end:
        raise parser.error(f"unexpected {{{{{end}}}}}")
    return found


class _Parser:
    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.line, self.column = 1, 0
        self.parts = self.split(text)
        self.at = 0
        self.variables: list[str] = ["$"]

    def error(self, text: str) -> TemplateError:
        return TemplateError(f"template: {self.name}:{self.line}: {text}")

    def split(self, text: str) -> list[tuple[str, str, int, int]]:
        """Split into texts and actions; trim where `{{-` and `-}}` say so."""
        parts: list[tuple[str, str, int, int]] = []
        at, trim = 0, False
        while True:
            start = text.find("{{", at)
            plain = text[at:] if start < 0 else text[at:start]
            left = start >= 0 and bool(re.match(r"\{\{-\s", text[start:]))
            plain = plain.lstrip() if trim else plain
            plain = plain.rstrip() if left else plain
            if plain:
                parts.append(("text", plain, 1, 0))
            if start < 0:
                return parts
            self.line = text.count("\n", 0, start) + 1
            begin = start + (3 if left else 2)
            comment = re.match(r"\s*/\*.*?\*/\s*(-)?\}\}", text[begin:], re.DOTALL)
            if comment:
                at, trim = begin + comment.end(), bool(comment[1])
                continue
            end = self.close(text, begin)
            trim = bool(re.search(r"\s-$", text[begin:end]))
            inner = text[begin:end - 1 if trim else end]
            column = begin + len(inner) - len(inner.lstrip()) - (text.rfind("\n", 0, begin) + 1)
            parts.append(("action", inner.strip(), self.line, column))
            at = end + 2

    def close(self, text: str, begin: int) -> int:
        """Find the `}}` of an action, past quoted texts."""
        at = begin
        while at < len(text):
            if text.startswith("}}", at):
                return at
            if text[at] == "}":
                raise self.error("bad character U+007D '}'")
            if text[at] in "\"'`":
                end = re.match(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`', text[at:])
                if not end:
                    raise self.error("unterminated quoted string" if text[at] == '"' else "unterminated raw quoted string"
                                     if text[at] == "`" else "unterminated character constant")
                at += end.end()
            else:
                at += 1
        raise self.error("unclosed action")

    def blocks(self, ends: tuple[str, ...]) -> tuple[list[Block], str]:
        """Read nodes up to `end` or `else`; give them and what ended them."""
        found: list[Block] = []
        while self.at < len(self.parts):
            kind, text, line, column = self.parts[self.at]
            self.at += 1
            if kind == "text":
                found.append(Block("text", text))
                continue
            self.line, self.column = line, column
            word, _, rest = text.partition(" ")
            if word in ("end", "else"):
                return found, text
            if word in ("if", "range", "with"):
                self.column += len(text) - len(rest.strip())
                found.append(self.control(word, rest.strip()))
            elif word in ("define", "template", "block", "break", "continue"):
                raise NotSimulated(f"{{{{{word}}}}} in a template")
            elif not text:
                raise self.error("missing value for command")
            else:
                found.append(Block("action", pipe=self.pipe(text)))
        if ends:
            raise self.error("unexpected EOF")
        return found, ""

    def control(self, word: str, text: str) -> Block:
        if not text:
            raise self.error(f"missing value for {word}")
        known = len(self.variables)
        block = Block(word, pipe=self.pipe(text, ranging=word == "range"))
        block.body, end = self.blocks(("end",))
        if end.startswith("else"):
            rest = end[4:].strip()
            if rest:
                inner, _, tail = rest.partition(" ")
                block.other = [self.control(inner, tail.strip())]
                del self.variables[known:]
                return block
            block.other, end = self.blocks(("end",))
        if end != "end":
            raise self.error(f"unexpected {{{{{end}}}}}")
        del self.variables[known:]
        return block

    # ---- pipelines --------------------------------------------------------------------------------------------
    def pipe(self, text: str, *, ranging: bool = False) -> Pipe:
        tokens = self.tokens(text)
        variables: list[str] = []
        assign = False
        for sign in (":=", "="):
            if ("sign", sign) in tokens:
                cut = tokens.index(("sign", sign))
                if all(kind == "variable" or value == "," for kind, value in tokens[:cut]):
                    variables = [value for kind, value in tokens[:cut] if kind == "variable"]
                    tokens, assign = tokens[cut + 1:], sign == "="
                    break
        places = self.places[len(self.places) - len(tokens):]
        commands = self.commands(tokens, text, places)
        if not assign:
            self.variables += variables
        return Pipe(commands, variables, assign, text, f"{self.line}:{self.column}")

    def tokens(self, text: str) -> list[tuple[str, Any]]:
        """Split an action into (kind, text); where each stands is kept in `places`, in the same order."""
        self.places: list[str] = []
        found: list[tuple[str, Any]] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if not match:
                raise self.error(f"unexpected {_shown(text[at])} in operand" if text[at] in "[]{}%&*#@" else
                                 f"unrecognized character in action: U+{ord(text[at]):04X} '{text[at]}'")
            spaced = at == 0 or text[at - 1] in " \t\n(|,="
            kind = match.lastgroup
            if kind == "field" and not spaced:
                kind = "chain"
            if kind:
                found.append((kind, match[0]))
                self.places.append(f"{self.line}:{self.column + at}")
            at = match.end()
        return found

    def commands(self, tokens: list[tuple[str, Any]], text: str, places: list[str]) -> list[list[Operand]]:
        found: list[list[Operand]] = [[]]
        at = 0
        while at < len(tokens):
            kind, value = tokens[at]
            at += 1
            if (kind, value) == ("sign", "|"):
                if not found[-1]:
                    raise self.error("missing value for command")
                found.append([])
            elif kind == "chain":
                if not found[-1]:
                    raise self.error(f"unexpected {value} in operand")
                last = found[-1][-1]
                last.place = last.place if len(last.fields) > 1 else places[at - 1]
                last.fields = (*last.fields, value[1:])
            elif (kind, value) == ("sign", "("):
                depth, end = 1, at
                while end < len(tokens) and depth:
                    depth += {("sign", "("): 1, ("sign", ")"): -1}.get(tokens[end], 0)
                    end += 1
                if depth:
                    raise self.error("unclosed left paren")
                found[-1].append(Operand("pipe", Pipe(
                    self.commands(tokens[at:end - 1], text, places[at:end - 1]), source=text)))
                at = end
            elif (kind, value) == ("sign", ")"):
                raise self.error("unexpected right paren")
            else:
                found[-1].append(self.operand(kind, value))
                found[-1][-1].place = places[at - 1]
        if not found[-1]:
            raise self.error("missing value for command")
        return found

    def operand(self, kind: str, value: str) -> Operand:
        if kind == "variable":
            if value not in self.variables:
                raise self.error(f'undefined variable "{value}"')
            return Operand("variable", value)
        if kind == "field":
            return Operand("dot", fields=(value[1:],))
        if kind == "dot":
            return Operand("dot")
        if kind in ("string", "char"):
            try:
                text = value[1:-1] if value[0] == "`" else unquote(value)
            except JsonPathError:
                raise self.error("invalid syntax") from None
            return Operand("literal", ord(text) if kind == "char" else text)
        if kind == "number":
            return Operand("literal", float(value) if re.search(r"[.eE]", value) and "x" not in value else int(value, 0))
        if value in ("true", "false", "nil"):
            return Operand("literal", {"true": True, "false": False, "nil": None}[value])
        from sim.shell.kubectl.printing.gotemplate import FUNCTIONS

        if value not in FUNCTIONS:
            raise self.error(f'function "{value}" not defined' if kind == "word" else f"unexpected <{value}> in command")
        return Operand("word", value)


def _shown(letter: str) -> str:
    return f'"{letter}"'
