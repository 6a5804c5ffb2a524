"""Reading kubectl's JSONPath templates into nodes; complaints in the words of client-go.

Models: client-go/util/jsonpath/{parser.go,node.go}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_KEY = re.compile(r"^'([^']*)'$")
_SLICE = re.compile(r"^(-?\d*)(:-?\d*)?(:-?\d*)?$")
_FILTER = re.compile(r"^([^!<>=]+)([!<>=]+)(.+?)$", re.DOTALL)
_ENDS = " \t\r\n.,[]$@{}"
END = ""


class JsonPathError(ValueError):
    """A template that cannot be read, or that asks for something that is not there.

    values: what had been found when it went wrong; a filter without an operator looks at them.
    """

    def __init__(self, text: str, values: Sequence[Any] = ()) -> None:
        super().__init__(text)
        self.values = values


@dataclass(slots=True)
class Node:
    """One step of a template.

    kind: list, text, field, array, filter, int, float, bool, wildcard, recursive, union, identifier. value: what the kind
    needs (a text, a number, slice bounds as (known, number, derived), the operator of a filter). nodes: steps inside it.
    """

    kind: str
    value: Any = None
    nodes: list[Node] = field(default_factory=list)


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """Read a template. Raises JsonPathError."""
    return _Parser(text).run()


def _action(text: str) -> Node:
    return _Parser("{" + text + "}").run().nodes[0]


def _alphanumeric(letter: str) -> bool:
    return letter == "_" or letter.isalpha() or letter.isdigit()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.start = text, 0, 0

    def run(self) -> Node:
        root = Node("list")
        while True:
            brace = self.text.find("{", self.at)
            if brace < 0:
                if self.at < len(self.text):
                    root.nodes.append(Node("text", self.text[self.at:]))
                return root
            if brace > self.at:
                root.nodes.append(Node("text", self.text[self.at:brace]))
            self.at = self.start = brace + 1
            inner = Node("list")
            root.nodes.append(inner)
            self.action(inner)

    def next(self) -> str:
        letter = self.text[self.at] if self.at < len(self.text) else END
        self.at += 1
        return letter

    def consume(self) -> str:
        found = self.text[self.start:self.at]
        self.start = self.at
        return found

    def skip(self, text: str) -> None:
        self.at += len(text)
        self.start = self.at

    def action(self, into: Node) -> None:
        """Read what stands between braces. Models: parseInsideAction."""
        while True:
            if self.text.startswith("}", self.at):
                self.skip("}")
                return
            if self.text.startswith("[?(", self.at):
                self.filter(into)
                continue
            if self.text.startswith("..", self.at):
                self.recursive(into)
                continue
            letter = self.next()
            if letter in (END, "\n", "\r"):
                raise JsonPathError("unclosed action")
            if letter in " @$":
                self.consume()
            elif letter == "[":
                self.array(into)
            elif letter in "\"'":
                self.quote(into, letter)
            elif letter == ".":
                self.field(into)
            elif letter in "+-" or letter.isdigit():
                self.at -= 1
                self.number(into)
            elif _alphanumeric(letter):
                self.at -= 1
                self.identifier(into)
            else:
                raise JsonPathError(f"unrecognized character in action: U+{ord(letter):04X} '{letter}'")

    def identifier(self, into: Node) -> None:
        while (letter := self.next()) and letter not in _ENDS:
            pass
        self.at -= 1
        word = self.consume()
        into.nodes.append(Node("bool", word == "true") if word in ("true", "false") else Node("identifier", word))

    def recursive(self, into: Node) -> None:
        if into.nodes and into.nodes[-1].kind == "recursive":
            raise JsonPathError("invalid multiple recursive descent")
        self.skip("..")
        into.nodes.append(Node("recursive"))
        if self.at < len(self.text) and _alphanumeric(self.text[self.at]):
            self.field(into)

    def number(self, into: Node) -> None:
        if self.text[self.at] in "+-":
            self.at += 1
        while (letter := self.next()) and (letter == "." or letter.isdigit()):
            pass
        self.at -= 1
        text = self.consume()
        for kind, read in (("int", int), ("float", float)):
            try:
                into.nodes.append(Node(kind, read(text)))
            except ValueError:
                continue
            return
        raise JsonPathError(f"cannot parse number {text}")

    def array(self, into: Node) -> None:
        while (letter := self.next()) != "]":
            if letter in (END, "\n"):
                raise JsonPathError("unterminated array")
        text = self.consume()[1:-1]
        text = ":" if text == "*" else text
        parts = text.split(",")
        if len(parts) > 1:
            into.nodes.append(Node("union", nodes=[_action(f"[{part.strip(' ')}]") for part in parts]))
            return
        key = _KEY.match(text)
        if key:
            into.nodes += _action(f".{key[1]}").nodes
            return
        found = _SLICE.match(text)
        if not found:
            raise JsonPathError(f"invalid array index {text}")
        into.nodes.append(Node("array", _bounds(list(found.groups()))))

    def filter(self, into: Node) -> None:
        self.skip("[?(")
        begin = end = False
        pair = ""
        while True:
            letter = self.next()
            if letter in (END, "\n"):
                raise JsonPathError("unterminated filter")
            if letter in "\"'":
                if not begin:
                    begin, pair = True, letter
                    continue
                if self.text[self.at - 2] != "\\" and letter == pair:
                    end = True
            elif letter == ")" and begin == end:
                break
        if self.next() != "]":
            raise JsonPathError("unclosed array expect ]")
        text = self.consume()[:-2]
        found = _FILTER.match(text)
        if not found:
            into.nodes.append(Node("filter", "exists", [_action(text), Node("list")]))
        else:
            into.nodes.append(Node("filter", found[2], [_action(found[1]), _action(found[3])]))

    def quote(self, into: Node, end: str) -> None:
        while True:
            letter = self.next()
            if letter in (END, "\n"):
                raise JsonPathError("unterminated quoted string")
            if letter == end and self.text[self.at - 2] != "\\":
                break
        text = self.consume()
        into.nodes.append(Node("text", unquote(text)))

    def field(self, into: Node) -> None:
        self.consume()
        while True:
            letter = self.next()
            if letter == "\\":
                self.at += 1
            elif letter == END or letter in _ENDS:
                self.at -= 1
                break
        text = self.consume()
        into.nodes.append(Node("wildcard") if text == "*" else Node("field", text.replace("\\", "")))


def _bounds(texts: list[str | None]) -> tuple[tuple[bool, int, bool], ...]:
    """Read the three numbers of a slice: (known, number, derived from the first)."""
    found: list[tuple[bool, int, bool]] = []
    for number, text in enumerate(texts):
        if not text:
            found.append((True, found[0][1] + 1, True) if number == 1 else (False, 0, False))
            continue
        digits = text[1:] if number else text
        if number and not digits:
            found.append((False, 0, False))
            continue
        try:
            found.append((True, int(digits), False))
        except ValueError:
            raise JsonPathError(f"array index {digits} is not a number") from None
    return tuple(found)


_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def unquote(text: str) -> str:
    """Read a quoted text with Go's escapes. Raises JsonPathError."""
    quote, body = text[0], text[1:-1]
    bad = JsonPathError(f"unquote string {text} error {'invalid syntax'}")
    out, at = "", 0
    while at < len(body):
        letter = body[at]
        at += 1
        if letter == quote:
            raise bad
        if letter != "\\":
            out += letter
            continue
        kind = body[at:at + 1]
        at += 1
        digits = {"x": 2, "u": 4, "U": 8}.get(kind)
        if digits and re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", body[at:at + digits]):
            out += chr(int(body[at:at + digits], 16))
            at += digits
        elif re.fullmatch(r"[0-7]{3}", body[at - 1:at + 2]):
            out += chr(int(body[at - 1:at + 2], 8))
            at += 2
        elif kind in _ESCAPES and kind != ("'" if quote == '"' else '"'):
            out += _ESCAPES[kind]
        else:
            raise bad
    return out
