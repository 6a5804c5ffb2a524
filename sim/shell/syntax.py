"""The syntax tree of a line: parsing, and mending where tree-sitter-bash hangs things up the wrong way round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_bash.language()))


def parse(text: str) -> Node:
    """Parse a line."""
    return PARSER.parse(text.encode()).root_node


class Span:
    """A node that tree-sitter-bash should have made: it hangs `a && b 2>&1 | c` up the wrong way round."""

    is_named = True

    def __init__(self, type: str, children: list[Any], source: Any) -> None:
        self.type, self.children, self.source = type, children, source
        self.named_children = [c for c in children if c.is_named]
        self.start_byte, self.end_byte = children[0].start_byte, children[-1].end_byte

    @property
    def text(self) -> bytes:
        return self.source.text[self.start_byte - self.source.start_byte:self.end_byte - self.source.start_byte]


def upright(node: Any) -> Any:
    source = getattr(node, "source", node)
    if node.type == "redirected_statement":
        body, *redirects = [upright(node.children[0]), *node.children[1:]]
        if body.type in ("list", "pipeline") and redirects:
            *left, last = body.children
            return Span(body.type, [*left, Span(node.type, [last, *redirects], source)], source)
    if node.type == "pipeline":
        first, *rest = [upright(node.children[0]), *node.children[1:]]
        if first.type == "list":
            *left, last = first.children
            return Span("list", [*left, upright(Span("pipeline", [last, *rest], source))], source)
        if first.type == "pipeline":
            return Span("pipeline", [*first.children, *rest], source)
        if first.type == "negated_command":
            mark, last = first.children
            return Span("negated_command", [mark, Span("pipeline", [last, *rest], source)], source)
    return node


def walk(node: Node) -> list[Node]:
    out, todo = [], [node]
    while todo:
        n = todo.pop()
        out.append(n)
        todo.extend(reversed(n.children))
    return out


def _replaced(text: str, wanted: Callable[[Node], bytes | None]) -> str:
    raw = text.encode()
    for node in sorted(walk(parse(text)), key=lambda each: -each.start_byte):
        new = wanted(node)
        if new is not None:
            raw = raw[:node.start_byte] + new + raw[node.end_byte:]
    return raw.decode()


def with_aliases(text: str, aliases: Mapping[str, str]) -> str:
    """Put aliases in the place of the names of commands, never inside quotes; an alias is not expanded in itself."""
    left = dict(aliases)
    while used := [n.text.decode() for n in walk(parse(text)) if n.type == "command_name" and n.text.decode() in left]:
        text = _replaced(text, lambda n: left.get(n.text.decode(), "").encode() or None if n.type == "command_name" else None)
        for name in used:
            left.pop(name, None)
    return text


def with_last_job(text: str) -> str:
    """Read `$!` from a variable of ours: jobs are not bashkit's."""
    if "$!" not in text:
        return text
    return _replaced(text, lambda n: b"${__last_job}" if n.type == "simple_expansion" and n.text == b"$!" else None)
