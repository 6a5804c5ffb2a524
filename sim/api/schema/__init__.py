"""The fields of every modelled kind: their types, and how lists of them merge.

Data, not code: `fields.txt` says what decoding, strategic merge, server-side apply and `kubectl explain` need to know,
`docs.txt` what `kubectl explain` prints. Both are written by tools/make_schema.py from Kubernetes' OpenAPI documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

HERE = Path(__file__).parent
NEWEST_MINOR = 99
Fields = dict[str, "Field"]
Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a field.

    form: `scalar`, `list`, `map` or `struct`. name: the scalar's name (`int32`, `Quantity`, `any` …) or the struct's
    (`core/v1.PodSpec`). element: of a list or map.
    """

    form: str
    name: str = ""
    element: Type | None = None

    @property
    def go(self) -> str:
        """Name the type as Go's errors do: `[]v1.Container`, `map[string]string`, `int32`."""
        if self.form == "list":
            return f"[]{self.inner.go}"
        if self.form == "map":
            return f"map[string]{self.inner.go}"
        if self.form == "struct":
            return self.name.rpartition("/")[2]
        return {"Time": "v1.Time", "MicroTime": "v1.MicroTime", "Quantity": "resource.Quantity", "bytes": "[]uint8",
                "IntOrString": "intstr.IntOrString", "double": "float64"}.get(self.name, self.name)

    @property
    def inner(self) -> Type:
        """Give the type of a list's or map's elements."""
        assert self.element is not None
        return self.element

    @property
    def fields(self) -> Fields:
        """Give a struct's fields by name."""
        return struct(self.name).fields


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct.

    merge_key: by which a strategic merge patch pairs list elements. merge: a list of scalars that is merged.
    retain: the patch strategy retainKeys. keys: list map keys of server-side apply. is_set: a list that is a set.
    atomic: a map or struct owned whole. since, until: minor versions of Kubernetes 1 that have the field.
    """

    name: str
    type: Type
    required: bool = False
    merge_key: str = ""
    merge: bool = False
    retain: bool = False
    keys: tuple[str, ...] = ()
    is_set: bool = False
    atomic: bool = False
    since: int = 0
    until: int = NEWEST_MINOR


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: its name (`core/v1.PodSpec`), whether it is owned whole, and its fields in order of name."""

    name: str
    atomic: bool
    fields: Fields


@lru_cache(maxsize=1)
def _sections() -> dict[str, list[str]]:
    sections = {}
    for section in (HERE / "fields.txt").read_text(encoding="utf-8").split("\n\n"):
        lines = section.split("\n")
        sections[lines[0].split(" ", 1)[0]] = lines
    return sections


@lru_cache(maxsize=1)
def _texts() -> dict[str, list[str]]:
    sections = {}
    for section in (HERE / "docs.txt").read_text(encoding="utf-8").split("\n\n"):
        lines = section.split("\n")
        sections[lines[0]] = lines[1:]
    return sections


@cache
def struct(name: str) -> Struct:
    """Give a struct by its name, `core/v1.PodSpec`. Raises KeyError."""
    lines = _sections()[name]
    space = name.rpartition(".")[0]
    fields = [_field(line, space) for line in lines[1:] if line]
    return Struct(name, lines[0].endswith(" atomic"), {field.name: field for field in fields})


def _field(line: str, space: str) -> Field:
    name, kind, *flags = line.split(" ")
    given = dict(flag.partition("=")[::2] for flag in flags)
    return Field(
        name, _type(kind, space), "required" in given, given.get("key", ""), "merge" in given, "retain" in given,
        tuple(given["keys"].split(",")) if "keys" in given else (), "set" in given, "atomic" in given,
        _minor(given.get("since"), 0), _minor(given.get("until"), NEWEST_MINOR))


def _minor(text: str | None, default: int) -> int:
    return int(text.partition(".")[2]) if text else default


@cache
def _type(text: str, space: str) -> Type:
    if text.startswith("[]"):
        return Type("list", element=_type(text[2:], space))
    if text.startswith("map[string]"):
        return Type("map", element=_type(text[len("map[string]"):], space))
    if "/" in text:
        return Type("struct", text)
    return Type("struct", f"{space}.{text}") if f"{space}.{text}" in _sections() else Type("scalar", text)


@lru_cache(maxsize=1024)
def of_kind(api_version: str, kind: str) -> Type | None:
    """Give the type of a kind (`apps/v1`, `Deployment`); None for one that has no schema, as custom ones."""
    group, _, version = api_version.rpartition("/")
    name = f"{group.partition('.')[0] or 'core'}/{version}.{kind}"
    return Type("struct", name) if name in _sections() else None


def docs(name: str) -> tuple[str, Texts]:
    """Give the description of a struct, and those of its fields, as OpenAPI has them. Raises KeyError."""
    head, *rest = _texts()[name]
    fields = {}
    for line in rest:
        field, _, text = line.partition(" ")
        fields[field] = _unescaped(text)
    return _unescaped(head), fields


def _unescaped(text: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in text.split("\\\\"))
