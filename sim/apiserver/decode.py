"""Decoding: does a body have the shape of its kind? What comes from a learner's file may be anything.

Models: sigs.k8s.io/json (type errors, strict decoding), apimachinery's Quantity, Time and IntOrString. What was read
is canonical: quantities in their shortest form, unknown fields and nulls gone. Left out: duplicate fields (a body
arrives here parsed), omission of empty strings.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any

from sim.api import objects, quantity, schema, times
from sim.api.client import Key, Object, Request
from sim.api.errors import FieldError, StatusError, bad_request, invalid
from sim.api.schema import Struct, Type
from sim.apiserver.kinds.row import Resource

BITS = {"int32": 31, "int64": 63}
KEEPS_NULL = frozenset({"lastProbeTime", "lastTransitionTime", "eventTime", "firstTimestamp", "lastTimestamp"})
"""Times that the wire form writes as null when they are not set."""


class Unreadable(Exception):
    """The body cannot be read as its kind; the text is the decoder's."""


class Reading:
    """One body being read: where the reader is, and which fields it did not know."""

    __slots__ = ("_owners", "_path", "minor", "unknown")

    def __init__(self, minor: int) -> None:
        self.minor = minor
        self.unknown: list[tuple[str | int, ...]] = []
        self._path: list[str | int] = []
        self._owners: list[str] = []

    def struct(self, kind: Type, value: Any, old: Any = None) -> Any:
        """Read a struct; parts that are those of `old` have been read before."""
        if not isinstance(value, dict):
            raise self._mismatch(value, kind.go)
        found: Struct = schema.struct(kind.name)
        before = old if isinstance(old, dict) else {}
        out = value
        self._owners.append(kind.name.rpartition(".")[2])
        for name, inner in value.items():
            if name in before and before[name] is inner:
                continue
            field = found.fields.get(name)
            if field is None or not field.since <= self.minor <= field.until:
                self.unknown.append((*self._path, str(name)))
                out = _without(out, value, name)
                continue
            if inner is None:
                if name not in KEEPS_NULL:
                    out = _without(out, value, name)
                continue
            if field.type.name == "string" and field.type.form == "scalar" and isinstance(inner, str):
                continue
            self._path.append(name)
            new = self.value(field.type, inner, before.get(name))
            self._path.pop()
            if new is not inner:
                out = dict(value) if out is value else out
                out[name] = new
        self._owners.pop()
        return out

    def value(self, kind: Type, value: Any, old: Any = None) -> Any:
        """Read a value of any type. Raises Unreadable."""
        if kind.form == "struct":
            return self.struct(kind, value, old)
        if kind.form == "scalar":
            return self._scalar(kind, value)
        if kind.form == "list":
            return self._list(kind, value, old)
        return self._map(kind, value, old)

    def _list(self, kind: Type, value: Any, old: Any) -> Any:
        if not isinstance(value, list):
            raise self._mismatch(value, kind.go)
        before = old if isinstance(old, list) and len(old) == len(value) else [None] * len(value)
        out = value
        for number, item in enumerate(value):
            if item is before[number] and item is not None:
                continue
            self._path.append(number)
            new = item if item is None else self.value(kind.inner, item, before[number])
            self._path.pop()
            if new is not item:
                out = list(value) if out is value else out
                out[number] = new
        return out

    def _map(self, kind: Type, value: Any, old: Any) -> Any:
        if not isinstance(value, dict):
            raise self._mismatch(value, kind.go)
        out = value
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            if not isinstance(name, str):
                raise self._mismatch(name, "string")
            new = "" if item is None and kind.inner.name == "string" else item
            if item is not None and before.get(name) is not item:
                new = self.value(kind.inner, item)
            if new is not item:
                out = dict(value) if out is value else out
                out[name] = new
        return out

    def _scalar(self, kind: Type, value: Any) -> Any:
        name = kind.name
        if name == "string":
            if isinstance(value, str):
                return value
        elif name in BITS:
            return self._integer(value, name)
        elif name == "bool":
            if isinstance(value, bool):
                return value
        elif name == "any":
            return value
        elif name == "Quantity":
            return _quantity(value)
        elif name == "IntOrString":
            if isinstance(value, str):
                return value
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
                raise Unreadable(f"json: cannot unmarshal {_word(value)} into Go value of type int32")
            return value
        elif name in ("Time", "MicroTime"):
            return _time(value)
        elif name == "bytes":
            return self._bytes(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise self._mismatch(value, kind.go)

    def _integer(self, value: Any, name: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._mismatch(value, name)
        limit = 2 ** BITS[name]
        if not -limit <= value < limit:
            raise self._mismatch(value, name)
        return value

    def _bytes(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._mismatch(value, "[]uint8")
        clean = value.replace("\n", "").replace("\r", "")
        try:
            base64.b64decode(clean, validate=True)
        except (binascii.Error, ValueError):
            bad = re.search(r"[^A-Za-z0-9+/]", clean.rstrip("="))
            at = bad.start() if bad else len(clean.rstrip("=")) // 4 * 4
            raise Unreadable(f"illegal base64 data at input byte {at}") from None
        return clean

    def _mismatch(self, value: Any, wanted: str) -> Unreadable:
        word = _word(value)
        if word == "number" and wanted in BITS:
            word = f"number {_number(value)}"
        where = ".".join(part for part in self._path if isinstance(part, str))
        into = f"Go struct field {self._owners[-1]}.{where}" if where and self._owners else "Go value"
        return Unreadable(f"json: cannot unmarshal {word} into {into} of type {wanted}")

    def unknown_fields(self) -> list[str]:
        """Write the unknown fields as strict decoding does: `unknown field "spec.containers[0].imagee"`."""
        return [f'unknown field "{_dotted(path)}"' for path in sorted(self.unknown, key=_order)]


def _without(out: Any, value: Any, name: str) -> Any:
    out = dict(value) if out is value else out
    del out[name]
    return out


def _order(path: tuple[str | int, ...]) -> list[tuple[bool, int, str]]:
    return [(isinstance(p, str), p if isinstance(p, int) else 0, p if isinstance(p, str) else "") for p in path]


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _quantity(value: Any) -> str:
    text = _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    try:
        return quantity.canonical(text if isinstance(text, str) else "?")
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _time(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable(f"json: cannot unmarshal {_word(value)} into Go value of type string")
    try:
        times.parse(value)
    except ValueError:
        layout = "2006-01-02T15:04:05Z07:00"
        raise Unreadable(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"') from None
    return value


def _number(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _word(value: Any) -> str:
    """Name a JSON value as Go's decoder does."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case None:
            return "null"
    return "object"


def read(kind: str, version: str, typed: Type | None, body: Any, *, minor: int, old: Object | None = None) -> (
    tuple[Object, list[str]]
):
    """Read a created or replaced object; give it in canonical form and the fields that nobody knows.

    Raises StatusError 400 in the decoder's words.
    """
    reading = Reading(minor)
    try:
        if typed is None:
            if not isinstance(body, dict):
                raise reading._mismatch(body, "map[string]interface {}")
            meta = reading.value(META, body.get("metadata") or {}, (old or {}).get("metadata"))
            return {**body, "metadata": meta}, reading.unknown_fields()
        return reading.struct(typed, body, old), reading.unknown_fields()
    except Unreadable as error:
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {error}') from None


META = Type("struct", "meta/v1.ObjectMeta")
SCALE = Type("struct", "autoscaling/v1.Scale")
RENAMED = {"horizontalpodautoscalers": "autoscaling/v2"}
"""Kinds that are stored in another version than v1; older servers' versions are read by the same fields."""


def type_of(row: Resource, subresource: str = "") -> Type | None:
    """Give the schema type of what a resource, or its scale, sends and takes."""
    if subresource == "scale":
        return SCALE
    newest = RENAMED.get(row.resource, f"{row.group}/v1" if row.group else "v1")
    return schema.of_kind(newest if row.older else row.api_version, row.kind)


def body(row: Resource, request: Request, minor: int, old: Object | None = None) -> tuple[Object, tuple[str, ...]]:
    """Decode a request's body; what nobody knows is an error, a warning or nothing, as fieldValidation says.

    A body that is canonical by its maker's word is taken as it is; tests do not take his word (`body_read`).
    """
    if 0 < request.canonical <= minor:
        return request.body, ()
    return body_read(row, request, minor, old)


def body_read(row: Resource, request: Request, minor: int, old: Object | None = None) -> (
    tuple[Object, tuple[str, ...]]
):
    """Decode a request's body, whoever made it."""
    scale, sent = request.subresource == "scale", request.body
    kind, version = ("Scale", "v1") if scale else (row.kind, row.version)
    typed = type_of(row, request.subresource)
    if not scale and isinstance(sent, dict):
        typed = _sent_as(row, sent) or typed
    obj, unknown = read(kind, version, typed, sent if sent is not None else "", minor=minor, old=old)
    return obj, strict(row, request, unknown)


def like(request: Request, get: Callable[[Key], Object | None]) -> Object | None:
    """Give what a controller's pod was copied from: parts that are the template's own have been read before."""
    sent = request.body
    if request.key.resource != "pods" or not isinstance(sent, dict) or not isinstance(sent.get("metadata"), dict):
        return None
    owners = sent["metadata"].get("ownerReferences")
    owner = owners[0] if isinstance(owners, list) and owners and isinstance(owners[0], dict) else {}
    found = get(Key(f"{str(owner.get('kind')).lower()}s", request.key.namespace, str(owner.get("name"))))
    template = objects.dig(found, "spec.template.spec") if found is not None else None
    return {"spec": template} if template else None


def _sent_as(row: Resource, sent: Object) -> Type | None:
    """Give the type of another served version of the kind (autoscaling/v1). Raises StatusError 400 for other kinds."""
    version, kind = str(sent.get("apiVersion") or row.api_version), str(sent.get("kind") or row.kind)
    if kind == row.kind and version.rpartition("/")[0] == row.group:
        return schema.of_kind(version, kind)
    if kind == row.kind:
        raise bad_request(f"the API version in the data ({version}) does not match the expected API version "
                          f"({row.api_version})")
    raise bad_request(f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {row.kind}: '
                      f'no kind "{kind}" is registered for version "{row.api_version}"')


def strict(row: Resource, request: Request, unknown: list[str]) -> tuple[str, ...]:
    """Give the warnings for unknown fields. Raises StatusError 400 where the request wants none."""
    how = request.query.get("fieldValidation") or "Warn"
    if unknown and how == "Strict":
        raise bad_request(f'{row.kind} in version "{row.version}" cannot be handled as a {row.kind}: '
                          f"strict decoding error: {', '.join(unknown)}")
    return tuple(unknown) if how == "Warn" else ()


def read_patched(typed: Type | None, new: Any, old: Object, *, minor: int, patch: Any, strategic: bool) -> (
    tuple[Object, list[str]]
):
    """Read what a patch made. Raises StatusError 422 as the patch handler does."""
    reading = Reading(minor)
    try:
        if not isinstance(new, dict):
            raise reading._mismatch(new, typed.go if typed else "map[string]interface {}")
        if typed is None:
            reading.value(META, new.get("metadata") or {})
            return new, reading.unknown_fields()
        return reading.struct(typed, new, old), reading.unknown_fields()
    except Unreadable as error:
        if strategic:
            shown, text = go_value(patch), _converter_words(str(error))
        else:
            shown, text = json.dumps(new, separators=(",", ":"), sort_keys=True), str(error)
        quoted = json.dumps(shown, ensure_ascii=False)
        raise invalid("", "", "", [FieldError("patch", f"Invalid value: {quoted}: {text}")]) from None


def _converter_words(text: str) -> str:
    """Say a type error as apimachinery's unstructured converter does, which strategic merge patches go through."""
    match = re.fullmatch(r"json: cannot unmarshal (\w+)(?: \S+)? into Go .*of type (\S.*)", text)
    if match is None:
        return text
    word, wanted = match[1], match[2]
    kind = {"number": "int64", "object": "map[string]interface {}", "array": "[]interface {}"}.get(word, word)
    if wanted.startswith("map["):
        return f"cannot restore map from {kind.partition('[')[0]}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind.partition('[')[0]}"
    if "." in wanted:
        return f"cannot restore struct from: {kind.partition('[')[0]}"
    if word == "number" and wanted == "string":
        return "cannot convert int64 to string"
    return f"unrecognized type: {wanted}"


def go_value(value: Any) -> str:
    """Write a JSON value as Go's %+v does: `map[spec:map[replicas:abc]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_value(value[name])}' for name in sorted(value, key=str))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_value(item) for item in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def mismatch(value: Any, wanted: str) -> str:
    """Say that a whole body has the wrong type."""
    return f"json: cannot unmarshal {_word(value)} into Go value of type {wanted}"


def unreadable_patch(body: Any) -> StatusError:
    """400 for a patch that is no JSON object."""
    return bad_request(f"json: cannot unmarshal {_word(body)} into Go value of type map[string]interface {{}}")
