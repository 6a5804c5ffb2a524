"""kubectl's JSONPath dialect: text around braces, range/end, filters, slices, recursive descent.

Models: client-go/util/jsonpath. Left out: Go-syntax dumps after an error.
"""

from __future__ import annotations

import json
import re
from typing import Any

_FILTER = re.compile(r"\?\((?P<left>.+?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<right>.+?))?\)$")


class JsonPathError(ValueError):
    """A template that cannot be read, or an index out of range."""


def template(text: str, data: Any) -> str:
    """Fill a template."""
    out, _ = _fill(_split(text), 0, data, data)
    return out


def _split(text: str) -> list[tuple[str, str]]:
    parts, at = [], 0
    while at < len(text):
        brace = text.find("{", at)
        if brace < 0:
            parts.append(("text", text[at:]))
            break
        if brace > at:
            parts.append(("text", text[at:brace]))
        end, quote = brace + 1, ""
        while end < len(text) and (quote or text[end] != "}"):
            if text[end] in "'\"" and text[end - 1] != "\\":
                quote = "" if quote == text[end] else quote or text[end]
            end += 1
        if end >= len(text):
            raise JsonPathError("unclosed action")
        parts.append(("action", text[brace + 1:end].strip()))
        at = end + 1
    return parts


def _fill(parts: list[tuple[str, str]], at: int, root: Any, current: Any) -> tuple[str, int]:
    out = ""
    while at < len(parts):
        kind, body = parts[at]
        at += 1
        if kind == "text":
            out += body
        elif body == "end":
            return out, at
        elif body.startswith("range"):
            items = find(body[5:].strip(), root, current)
            if len(items) == 1 and isinstance(items[0], list):
                items = items[0]
            end = at
            for item in items:
                piece, end = _fill(parts, at, root, item)
                out += piece
            if not items:
                _, end = _fill(parts, at, {}, {})
            at = end
        elif body[:1] in "'\"" and body[:1]:
            out += body[1:-1].encode().decode("unicode_escape")
        else:
            out += " ".join(show(value) for value in find(body, root, current))
    return out, at


def show(value: Any) -> str:
    """Write a value as kubectl does: texts bare, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def steps_of(path: str) -> list[str]:
    """Split a path into its steps: names, `[…]`, `..`, `*`."""
    found, at = [], 0
    while at < len(path):
        if path.startswith("..", at):
            found.append("..")
            at += 2
        elif path[at] == ".":
            at += 1
        elif path[at] == "[":
            depth, end = 0, at
            while end < len(path):
                depth += {"[": 1, "]": -1}.get(path[end], 0)
                if depth == 0:
                    break
                end += 1
            if depth:
                raise JsonPathError("unterminated array")
            found.append(path[at:end + 1])
            at = end + 1
        else:
            match = re.compile(r"(?:\\.|[^.\[\]])+").match(path, at)
            if match is None:
                raise JsonPathError(f"unrecognized character in action: U+{ord(path[at]):04X} '{path[at]}'")
            found.append(re.sub(r"\\(.)", r"\1", match[0]))
            at = match.end()
    return found


def find(path: str, root: Any, current: Any = None) -> list[Any]:
    """Give the values at a path."""
    if path.startswith("$"):
        current, path = root, path[1:]
    elif path.startswith("@"):
        path = path[1:]
    values = [current if current is not None else root]
    deep = False
    for step in steps_of(path):
        if step == "..":
            deep = True
            continue
        if deep:
            values = [inner for value in values for inner in _descend(value)]
        values = [found for value in values for found in _step(step, value, root, quiet=deep)]
        deep = False
    return values


def _descend(value: Any) -> list[Any]:
    out = [value]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        out += _descend(inner)
    return out


def _step(step: str, value: Any, root: Any, *, quiet: bool) -> list[Any]:
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if not step.startswith("["):
        return [value[step]] if isinstance(value, dict) and step in value else []
    inner = step[1:-1].strip()
    if inner == "*":
        return list(value) if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    if inner.startswith("?"):
        return [item for item in value if _keep(inner, item, root)] if isinstance(value, list) else []
    if inner[:1] == "'":
        names = [part.strip()[1:-1] for part in inner.split(",")]
        return [value[name] for name in names if isinstance(value, dict) and name in value]
    if not isinstance(value, list):
        return []
    if ":" in inner:
        bounds = [int(part) if part else None for part in inner.split(":")]
        if bounds[1] is not None and bounds[1] > len(value) and not quiet:
            raise JsonPathError(f"array index out of bounds: index {bounds[1] - 1}, length {len(value)}")
        return list(value[slice(*bounds)])
    found = []
    for part in inner.split(","):
        if not re.fullmatch(r"\s*-?\d+\s*", part):
            raise JsonPathError(f"invalid array index {part.strip()}")
        number = int(part)
        if not -len(value) <= number < len(value):
            if quiet:
                continue
            raise JsonPathError(f"array index out of bounds: index {number}, length {len(value)}")
        found.append(value[number])
    return found


def _keep(text: str, item: Any, root: Any) -> bool:
    match = _FILTER.match(text)
    if match is None:
        raise JsonPathError(f"invalid filter {text}")
    left = find(match["left"], root, item)
    if match["op"] is None:
        return bool(left)
    right = match["right"]
    wanted: Any = right[1:-1] if right[:1] in "'\"" else (find(right, root, item) or [None])[0] if right[:1] in "@$" else (
        {"true": True, "false": False}.get(right, _number(right)))
    for value in left:
        if match["op"] == "==" and value == wanted:
            return True
        if match["op"] == "!=" and value != wanted:
            return True
        if match["op"] not in ("==", "!=") and isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
            return {"<": value < wanted, ">": value > wanted, "<=": value <= wanted, ">=": value >= wanted}[match["op"]]
    return False


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text
