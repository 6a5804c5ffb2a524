"""Strategies: a scenario file's YAML tree, damaged in the ways an author damages one, and in ways nobody would think of."""

from __future__ import annotations

from copy import copy
from typing import Any

import yaml
from hypothesis import strategies as st

ODD_SCALARS = (
    "", "~", "null", "yes", "0x1F", "0o17", "1_000", "1e400", "-.inf", ".nan", "-1", "999999999999999999999999", "12:30:45",
    "2025-02-30", "2025-06-10T12:00:00Z", "!!binary aGk=", "!!python/name:os.system", "!thing x", "<<", "=", "${", "${app", "${nope}",
    "[?(", "a: b", "\x00", "\ud800", "\U0001f600", "a" * 5000, "../../etc/passwd", "*", "&a", "%", "@", "`", "1.33.1", "1.99.0",
    "5m", "-5m", "1e9h", "(", "[", "(a+)+$", "node99", "controlplane", "{}", "{")
"""Texts; those that YAML reads as something else are written bare as well as in quotes."""
WRONG = st.one_of(
    st.sampled_from(ODD_SCALARS), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=4), st.dates(),
    st.lists(st.sampled_from(ODD_SCALARS), max_size=3),
    st.dictionaries(st.sampled_from(ODD_SCALARS) | st.integers() | st.none() | st.booleans(), st.integers(), max_size=3))
DEPTHS = (1, 30, 200, 3000)
HOWS = ("drop", "replace", "bare", "wrap", "deepen", "double", "rename", "key", "tag", "alias", "swap", "repeat")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def nodes_of(node: yaml.Node) -> list[yaml.Node]:
    """Give a node and all that is in it."""
    return [node, *(found for child in _children(node) for found in nodes_of(child))]


def _scalar(text: str, style: str | None = None) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


def _put(node: yaml.Node, other: yaml.Node) -> None:
    """Become another node, in place."""
    node.__class__, node.__dict__ = other.__class__, dict(other.__dict__)


def _tree(text: str) -> yaml.Node:
    found: yaml.Node = yaml.compose(text) or _scalar("")
    return found


def _node(value: Any) -> yaml.Node:
    try:
        return _tree(yaml.safe_dump(value))
    except yaml.YAMLError:
        return _scalar("odd")


def _damage(draw: st.DrawFn, root: yaml.Node) -> None:  # noqa: PLR0912 (a table of closures reads worse)
    how, nodes = draw(st.sampled_from(HOWS)), nodes_of(root)
    node = nodes[draw(st.integers(0, len(nodes) - 1))]
    mapping = node if isinstance(node, yaml.MappingNode) and node.value else None
    at = draw(st.integers(0, len(node.value) - 1)) if isinstance(node, yaml.CollectionNode) and node.value else 0
    if how == "drop" and isinstance(node, yaml.CollectionNode) and node.value:
        del node.value[at]
    elif how == "double" and isinstance(node, yaml.CollectionNode) and node.value:
        node.value.insert(at, node.value[at])
    elif how == "rename" and mapping is not None:
        mapping.value[at] = (_scalar(draw(st.sampled_from(("namee", "Name", "", "spec", "why", "line", "object")))), mapping.value[at][1])
    elif how == "key" and mapping is not None:
        mapping.value[at] = (_node(draw(WRONG)), mapping.value[at][1])
    elif how == "wrap":
        _put(node, yaml.SequenceNode("tag:yaml.org,2002:seq", [copy(node)], flow_style=True))
    elif how == "deepen":
        text = "[" * (depth := draw(st.sampled_from(DEPTHS[:3]))) + "]" * depth
        _put(node, _tree(text))
    elif how == "tag":
        node.tag = draw(st.sampled_from(("!thing", "tag:yaml.org,2002:int", "tag:yaml.org,2002:set", "tag:yaml.org,2002:timestamp",
                                         "tag:yaml.org,2002:python/object:os.system", "tag:yaml.org,2002:omap")))
    elif how == "alias" or how == "swap":
        other = nodes[draw(st.integers(0, len(nodes) - 1))]
        if not any(each is node for each in nodes_of(other)) and not any(each is other for each in nodes_of(node)):
            _put(node, other)
    elif how == "repeat" and isinstance(node, yaml.ScalarNode):
        node.value = str(node.value) * draw(st.sampled_from((0, 2, 300)))
    elif how == "bare":
        _put(node, _scalar(draw(st.sampled_from(ODD_SCALARS))))
    elif how == "replace":
        _put(node, _node(draw(WRONG)))


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Damage a scenario's text: one to four places of its tree, and sometimes the text that is written of it.

    text: YAML that reads well.
    """
    root = _tree(text)
    for _ in range(draw(st.integers(1, 4))):
        _damage(draw, root)
    try:
        out = str(yaml.serialize(root, allow_unicode=True, width=10_000))
    except (yaml.YAMLError, UnicodeError, TypeError, RecursionError, AttributeError):
        out = text
    if draw(st.integers(0, 3)) == 0 or out == text:
        at = draw(st.integers(0, len(out)))
        gone = draw(st.integers(0, 40))
        put = draw(st.sampled_from((*ODD_SCALARS, "\t", "\n", "'", '"', ": ", "- ", "#", "---\n", "...\n", *("[" * n for n in DEPTHS),
                                    *("{a: " * n for n in DEPTHS), "\n" + "- " * 2000, "*x", "&x ", "<<: *x\n")))
        out = out[:at] + put + out[at + gone:]
    return out
