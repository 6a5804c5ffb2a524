"""Values as Go's fmt writes them: %v for columns and templates, %#v for the dumps in error texts.

Models: fmt/print.go, for the types that decoded JSON has.
"""

from __future__ import annotations

from typing import Any

from sim.shell.kubectl.printing.yaml import go_float


def text(value: Any) -> str:
    """Write as %v: `map[a:1 b:[x y]]`, `<nil>`, `true`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(text(each) for each in value) + "]"
    return str(value)


def syntax(value: Any) -> str:
    """Write as %#v: `map[string]interface {}{"a":1, "b":[]interface {}{"x"}}`."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(key)}:{syntax(value[key])}" for key in sorted(value))
        return "map[string]interface {}{" + inner + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(syntax(each) for each in value) + "}"
    return quote(value) if isinstance(value, str) else text(value)


_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def quote(value: str) -> str:
    """Quote as %q."""
    out = []
    for letter in value:
        if letter in _SHORT:
            out.append(_SHORT[letter])
        elif letter.isprintable():
            out.append(letter)
        else:
            number = ord(letter)
            out.append(f"\\x{number:02x}" if number < 0x80 else f"\\u{number:04x}")
    return '"' + "".join(out) + '"'


def type_name(value: Any) -> str:
    """Name the Go type of decoded JSON."""
    names = ((bool, "bool"), (int, "int64"), (float, "float64"), (str, "string"), (dict, "map[string]interface {}"))
    return next((name for kind, name in names if isinstance(value, kind)), "[]interface {}")
