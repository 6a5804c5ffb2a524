"""YAML and JSON exactly as sigs.k8s.io/yaml and Go's encoding/json write them.

Models: go-yaml v2 (encode.go, resolve.go, emitterc.go: keys sorted, lists not indented, lines folded at 80), encoding/json
with HTML escapes.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from functools import cmp_to_key
from typing import Any

from yaml.emitter import Emitter

from sim.api.client import Object

WIDTH = 80
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.+=@-]*(?::[A-Za-z0-9/_.+=@-]+)*")
_WORDS = frozenset((
    "", "~", "null", "Null", "NULL", "<<", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off",
    "Off", "OFF", "true", "True", "TRUE", "false", "False", "FALSE", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf",
    "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"))
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|[-+]?0[xX][0-9a-fA-F]+$|"
                     r"[-+]?0[bB][01]+$|[-+]?0[oO][0-7]+$")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d))|"
                   r"(?: \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?))?$")
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$")
_QUOTED = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e", '"': '"',
           "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P"}
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPED = re.compile("[<>&\u2028\u2029]")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write JSON: keys sorted, `<`, `>` and `&` escaped; without indent as short as can be."""
    text = json.dumps(value, indent=indent, sort_keys=True, ensure_ascii=False,
                      separators=(",", ":") if indent is None else (",", ": "))
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def to_yaml(value: Any) -> str:
    """Write a YAML document."""
    out: list[str] = []
    if isinstance(value, dict) and value:
        _mapping(value, 0, out, "")
    elif isinstance(value, list) and value:
        _sequence(value, 0, out, "")
    else:
        out.append(f"{_inline(value, 0, 0)}\n")
    return "".join(out)


def _mapping(value: Object, indent: int, out: list[str], first: str) -> None:
    """Write a mapping's lines; `first` stands before the first key instead of the indentation."""
    for key in ordered(value):
        inner = value[key]
        lead = first or " " * indent
        first = ""
        name = _inline(str(key), 0, 0)
        if isinstance(inner, dict) and inner:
            out.append(f"{lead}{name}:\n")
            _mapping(inner, indent + 2, out, "")
        elif isinstance(inner, list) and inner:
            out.append(f"{lead}{name}:\n")
            _sequence(inner, indent, out, "")
        else:
            out.append(f"{lead}{name}: {_inline(inner, indent + len(name) + 2, indent + 2)}\n")


def ordered(keys: Iterable[str]) -> list[str]:
    """Sort keys as go-yaml does: numbers inside them by value, other signs before letters."""
    found = list(keys)
    return sorted(found) if all(key.isalpha() for key in found) else sorted(found, key=cmp_to_key(_compare))


def _compare(one: str, other: str) -> int:
    """Models: go-yaml v2 sorter.go."""
    digits = False
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a == b:
            digits = a.isdigit()
            continue
        if a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        if a.isalpha() or b.isalpha():
            return (-1 if a.isalpha() else 1) if digits else (-1 if b.isalpha() else 1)
        first = "1" if "0" in (a, b) and re.search(r"[1-9]\d*$", one[:at]) else ""
        left, right = (first + re.match(r"\d*", text[at:])[0] for text in (one, other))  # type: ignore[index]
        mine = (int(left or 0), len(left), a)
        theirs = (int(right or 0), len(right), b)
        return -1 if mine < theirs else 1
    return len(one) - len(other)


def _sequence(value: list[Any], indent: int, out: list[str], first: str) -> None:
    for inner in value:
        lead = first or " " * indent
        first = ""
        if isinstance(inner, dict) and inner:
            _mapping(inner, indent + 2, out, f"{lead}- ")
        elif isinstance(inner, list) and inner:
            _sequence(inner, indent + 2, out, f"{lead}- ")
        else:
            out.append(f"{lead}- {_inline(inner, indent + 2, indent + 2)}\n")


def _inline(value: Any, column: int, indent: int) -> str:
    """Write a scalar (or something empty) that begins at a column; what is folded continues at `indent`."""
    if isinstance(value, str):
        if column + len(value) <= WIDTH and _PLAIN.fullmatch(value) and value not in _WORDS:
            return value
        return _text(value, column, indent)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    return "{}" if value == {} else "[]" if value == [] else str(value)


def resolves(text: str) -> bool:
    """Tell whether a plain text would be read as something else than a text."""
    plain = text.replace("_", "") if text[:1].isdigit() or text[:1] in "+-" else text
    return text in _WORDS or bool(_NUMBER.match(plain) or _DATE.match(text) or _BASE60.match(text))


def _text(value: str, column: int, indent: int) -> str:
    stream = io.StringIO()
    emitter = Emitter(stream, allow_unicode=True, width=WIDTH)
    emitter.column, emitter.indent = column, indent
    emitter.whitespace, emitter.indention = True, False
    found = emitter.analyze_scalar(value)
    if "\n" in value and found.allow_block:
        emitter.root_context = False
        emitter.write_literal(value)
        return stream.getvalue().removesuffix("\n")
    if "\n" not in value and not resolves(value) and found.allow_block_plain:
        emitter.write_plain(value)
    elif "\n" not in value and not resolves(value) and found.allow_single_quoted:
        emitter.write_single_quoted(value)
    else:
        return _double_quoted(value, column, indent)
    return stream.getvalue()


def _double_quoted(value: str, column: int, indent: int) -> str:
    """Quote with escapes; a line is broken at a blank beyond the width. Models: yaml_emitter_write_double_quoted."""
    out, column, blank = ['"'], column + 1, False
    for at, letter in enumerate(value):
        if letter == " " and not blank and column > WIDTH and 0 < at < len(value) - 1:
            mark = "\\" if value[at + 1] == " " else ""
            out.append("\n" + " " * indent + mark)
            column, blank = indent + len(mark), True
            continue
        blank = letter == " "
        piece = letter
        if letter in _QUOTED:
            piece = f"\\{_QUOTED[letter]}"
        elif letter == "\ufeff" or not (" " <= letter <= "~" or "\xa0" < letter <= "\ufffd" or letter >= "\U00010000"):
            number = ord(letter)
            piece = f"\\x{number:02X}" if number <= 0xFF else f"\\u{number:04X}"
        out.append(piece)
        column += len(piece)
    return "".join(out) + '"'


def go_float(value: float) -> str:
    """Write a number as Go's %v does: `1.5`, `3`, `1e+21`."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-').zfill(2)}" if exponent else mantissa
