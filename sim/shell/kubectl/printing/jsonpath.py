"""kubectl's JSONPath dialect: filling templates, finding values.

Models: client-go/util/jsonpath/jsonpath.go, cli-runtime/pkg/printers/jsonpath.go, kubectl/pkg/cmd/get/customcolumn.go
(RelaxedJSONPathExpression). Maps are walked in order of their keys, where Go's order is random.
"""

from __future__ import annotations

import re
from typing import Any

from sim.shell.kubectl.printing import goformat
from sim.shell.kubectl.printing.jsonpath_parser import JsonPathError, Node, parse
from sim.shell.kubectl.printing.yaml import to_json

__all__ = ["JsonPathError", "find", "parse", "relaxed", "results", "show", "template"]
_RELAXED = re.compile(r"^\{\.?([^{}]+)\}$|^\.?([^{}]+)$")


def relaxed(path: str) -> str:
    """Put a path into braces and give it its dot, where they are missing. Raises JsonPathError."""
    if not path:
        return path
    found = _RELAXED.match(path)
    if not found:
        raise JsonPathError("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or "
                            "'{.name1.name2}'")
    return "{." + (found[1] or found[2]) + "}"


def template(text: str, data: Any, *, missing: bool = True, as_json: bool = False) -> str:
    """Fill a template. missing: a field that is not there is nothing, not an error. Raises JsonPathError."""
    out = ""
    for values in results(text, data, missing=missing):
        if as_json:
            out += to_json(values, indent=4) + "\n"
        else:
            out += " ".join(show(value) for value in values)
    return out


def find(path: str, data: Any, *, missing: bool = True) -> list[Any]:
    """Give the values at a path, with or without braces and dot. Raises JsonPathError."""
    return [value for values in results(relaxed(path), data, missing=missing) for value in values]


def results(text: str, data: Any, *, missing: bool = True) -> list[list[Any]]:
    """Give the values of every part of a template."""
    return _Walk(missing=missing).run(parse(text).nodes, data)


def show(value: Any) -> str:
    """Write a value as kubectl does: texts bare, maps and lists as JSON."""
    if isinstance(value, (dict, list)):
        return to_json(value)
    return "null" if value is None else goformat.text(value)


class _Walk:
    """One filling of a template, with the state of its ranges."""

    def __init__(self, *, missing: bool) -> None:
        self.missing = missing
        self.begin = self.inside = self.ending = 0
        self.last_end: Node | None = None

    def run(self, nodes: list[Node], data: Any) -> list[list[Any]]:
        """Models: JSONPath.FindResults."""
        found: list[list[Any]] = []
        at = 0
        while at < len(nodes):
            node = nodes[at]
            values = self.walk([data], node)
            if self.ending > 0 and self.ending <= self.inside:
                self.ending -= 1
                self.last_end = node
                break
            if self.begin > 0:
                self.begin -= 1
                self.inside += 1
                for value in values:
                    found += self.run(nodes[at + 1:], value)
                if not values:
                    self.run(nodes[at + 1:], None)
                self.inside -= 1
                at = next((k for k in range(at + 1, len(nodes)) if nodes[k] is self.last_end), at)
                at += 1
                continue
            found.append(values)
            at += 1
        return found

    def walk(self, values: list[Any], node: Node) -> list[Any]:
        if node.kind == "list":
            for inner in node.nodes:
                values = self.walk(values, inner)
            return values
        if node.kind == "text":
            return [node.value]
        if node.kind in ("int", "float", "bool"):
            return [node.value for _ in values]
        if node.kind == "union":
            return [value for inner in node.nodes for value in self.walk(values, inner)]
        found: list[Any] = getattr(self, node.kind)(values, node)
        return found

    def identifier(self, values: list[Any], node: Node) -> list[Any]:
        if node.value == "range":
            self.begin += 1
            return values
        if node.value == "end":
            if not self.inside:
                raise JsonPathError("not in range, nothing to end")
            self.ending += 1
            return []
        raise JsonPathError(f"unrecognized identifier {node.value}", values)

    def field(self, values: list[Any], node: Node) -> list[Any]:
        found = [value[node.value] for value in values if isinstance(value, dict) and node.value in value]
        if not found and not self.missing:
            raise JsonPathError(f"{node.value} is not found")
        return found

    def array(self, values: list[Any], node: Node) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise JsonPathError(f"{goformat.type_name(value)} is not array or slice", values)
            part = _slice(value, node.value)
            if part is None:
                return found
            found += part
        return found

    def filter(self, values: list[Any], node: Node) -> list[Any]:
        found = []
        for value in values:
            if not isinstance(value, list):
                raise JsonPathError(f"{goformat.text(value)} is not array or slice and cannot be filtered")
            found += [item for item in value if self.keep(item, node)]
        return found

    def keep(self, item: Any, node: Node) -> bool:
        left_node, right_node = node.nodes
        if node.value == "exists":
            try:
                return bool(self.walk([item], left_node))
            except JsonPathError as error:
                return bool(error.values)
        lefts = self.walk([item], left_node)
        if not lefts:
            return False
        rights = self.walk([item], right_node)
        if len(lefts) > 1 or len(rights) > 1:
            raise JsonPathError("can only compare one element at a time")
        if not rights:
            return False
        return _compare(node.value, lefts[0], rights[0])

    def wildcard(self, values: list[Any], node: Node) -> list[Any]:
        return [inner for value in values for inner in _children(value)]

    def recursive(self, values: list[Any], node: Node) -> list[Any]:
        found = []
        for value in values:
            inner = _children(value)
            if inner:
                found += [value, *self.recursive(inner, node)]
        return found


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    if isinstance(value, str):
        return list(value.encode())
    return list(value) if isinstance(value, list) else []


def _slice(value: list[Any], bounds: tuple[tuple[bool, int, bool], ...]) -> list[Any] | None:
    """Cut a list; None for nothing asked. Raises JsonPathError."""
    (first_known, first, _), (last_known, last, derived), (step_known, step, _) = bounds
    length = len(value)
    first = first if first_known else 0
    first = first + length if first < 0 else first
    last = last if last_known else length
    last = last + length if last < 0 or (last == 0 and derived) else last
    if first == last:
        return None
    if not 0 <= first < length:
        raise JsonPathError(f"array index out of bounds: index {first}, length {length}")
    if not 0 <= last <= length:
        raise JsonPathError(f"array index out of bounds: index {last - 1}, length {length}")
    if first > last:
        raise JsonPathError(f"starting index {first} is greater than ending index {last}")
    if step_known and step <= 0:
        raise JsonPathError("step must be > 0")
    return value[first:last:step if step_known else 1]


def _basic(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    kinds = ((int, "int"), (float, "float"), (str, "string"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "")


def _compare(operator: str, left: Any, right: Any) -> bool:
    """Models: client-go/third_party/forked/golang/template/funcs.go."""
    one, other = _basic(left), _basic(right)
    if operator not in ("==", "!=", "<", ">", "<=", ">="):
        raise JsonPathError(f"unrecognized filter operator {operator}")
    if not one or not other:
        raise JsonPathError("invalid type for comparison")
    if one != other and not {one, other} <= {"int", "float"}:
        raise JsonPathError("incompatible types for comparison")
    equal = left == right
    if operator in ("==", "!="):
        return equal if operator == "==" else not equal
    if one == "bool":
        raise JsonPathError("invalid type for comparison")
    less = bool(left < right)
    return {"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less}[operator]
