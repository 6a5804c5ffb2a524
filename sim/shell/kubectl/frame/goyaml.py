"""YAML and JSON as Go's libraries read them: YAML 1.1 words, their line numbers, their complaints.

Models: sigs.k8s.io/yaml (over go.yaml.in/yaml/v2), apimachinery/pkg/util/yaml/decoder.go. Left out: anchors across
documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEPARATOR = re.compile(rb"^---.*(?:\n|\Z)", re.MULTILINE)


class GoYamlError(ValueError):
    """What a Go program would say of the text."""


class _Loader(_BASE):  # type: ignore[misc]
    """A loader with Go's implicit types: `y` is true, `2025-01-01` and `12:30` are texts, `1e3` is a number."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)", "yYnNtTfFoO"),
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|(?:0|[1-9][0-9_]*))", "-+0123456789"),
    ("float", r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
     "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _bool(loader: Any, node: Any) -> bool:
    return loader.construct_scalar(node).lower() in ("y", "yes", "true", "on")


def _int(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    for prefix, base in (("0b", 2), ("0x", 16), ("0o", 8)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits, 8 if len(digits) > 1 and digits.startswith("0") else 10)


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    loader.flatten_mapping(node)
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(loader.construct_object(key_node, deep=True))
        if key in out:
            raise GoYamlError(f'yaml: unmarshal errors:\n  line {key_node.start_mark.line + 1}: key "{key}" already set in map')
        out[key] = loader.construct_object(value_node, deep=True)
    return out


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_Loader.add_constructor("tag:yaml.org,2002:bool", _bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(text: str) -> Any:
    """Read one YAML document. Raises GoYamlError (`yaml: line 4: did not find expected key`)."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader)
    except yaml.MarkedYAMLError as error:
        raise GoYamlError(f"yaml: {_line(error)}{error.problem or 'unknown problem parsing YAML content'}") from None
    except yaml.reader.ReaderError:
        raise GoYamlError("yaml: control characters are not allowed") from None
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, GoYamlError) else GoYamlError(f"yaml: {error}") from None


def _line(error: yaml.MarkedYAMLError) -> str:
    """Count lines as go-yaml does: from the context where it is not at the start, scanner errors one further."""
    for mark in (error.context_mark, error.problem_mark):
        if mark is not None and mark.line:
            return f"line {mark.line + isinstance(error, yaml.scanner.ScannerError)}: "
    return ""


def documents(data: bytes) -> Iterator[Any]:
    """Read the documents of a file one after another; empty ones are left out. Raises GoYamlError."""
    if data.lstrip()[:1] == b"{":
        yield from _json(data)
        return
    for chunk in _SEPARATOR.split(data):
        if not chunk.strip():
            continue
        try:
            text = chunk.decode()
        except UnicodeDecodeError:
            raise GoYamlError("error converting YAML to JSON: yaml: invalid leading UTF-8 octet") from None
        try:
            found = load(text)
        except GoYamlError as error:
            raise GoYamlError(f"error converting YAML to JSON: {error}") from None
        if found is not None:
            yield found


def _json(data: bytes) -> Iterator[Any]:
    text, at = data.decode(errors="replace"), 0
    decoder = json.JSONDecoder()
    while text[at:].strip():
        start = at + len(text[at:]) - len(text[at:].lstrip())
        if text.startswith("---", start):
            at = start + 3
            continue
        try:
            found, at = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise GoYamlError(_go_json_error(text, error)) from None
        yield found


def _go_json_error(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()):
        return "unexpected EOF"
    where = {"Expecting ',' delimiter": "after object key:value pair", "Expecting value": "looking for beginning of value",
             "Expecting ':' delimiter": "after object key", "Illegal trailing comma before end of object":
             "looking for beginning of object key string"}.get(error.msg, "looking for beginning of object key string")
    return f"json: offset {error.pos + 1}: invalid character {_quoted(text[error.pos])} {where}"


def _quoted(letter: str) -> str:
    return {"'": r"'\''", '"': "'\"'"}.get(letter, f"'{letter}'")
