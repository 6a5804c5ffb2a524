"""Who set which field, and server-side apply.

A set of fields is kept in its wire form, FieldsV1: `{"f:spec": {"f:replicas": {}}}`; `{}` is a member, a node with
children is one only if it holds ".". Writers that do not say who they are (`fieldManager`) are tracked only on
objects that have managers already: pods made by controllers carry none.
Models: structured-merge-diff, apimachinery/pkg/util/managedfields. Left out: conversion between versions, migration of
client-side apply.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import objects
from sim.api.client import Object, Request
from sim.api.errors import StatusError
from sim.api.schema import Field, Type, struct
from sim.apiserver.kinds.row import Resource

Fields = dict[str, Any]
APPLY, UPDATE = "Apply", "Update"
UNTRACKED = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp",
             "deletionGracePeriodSeconds", "resourceVersion", "selfLink", "managedFields")
ALWAYS_THERE = frozenset({"metadata", "spec", "status", "strategy", "updateStrategy", "template", "jobTemplate"})
"""Structs that even an empty object of Go has: nobody sets them as such."""
KEY_DEFAULTS = {"protocol": "TCP"}
COMPONENTS = {"kubelet": "kubelet", "kube-scheduler": "kube-scheduler", "kube-apiserver": "kube-apiserver"}
SELF = "."


# ---- sets of fields -----------------------------------------------------------------------------------------------
def union(one: Fields, other: Fields) -> Fields:
    """Give the members of either."""
    if not one or not other:
        rest = one or other
        return rest if (one == other or SELF in rest) else {SELF: {}, **rest}
    out = dict(one)
    for name, inner in other.items():
        out[name] = union(out[name], inner) if name in out else inner
    return out


def minus(one: Fields, other: Fields) -> Fields | None:
    """Give the members of one that are not in the other; None when none are left."""
    if not one:
        return None if not other or SELF in other else one
    if not other:
        rest = {name: inner for name, inner in one.items() if name != SELF}
        return rest or None
    out = {}
    for name, inner in one.items():
        if name not in other:
            out[name] = inner
        elif name != SELF:
            left = minus(inner, other[name])
            if left is not None:
                out[name] = left
    return out or None


def common(one: Fields, other: Fields) -> Fields | None:
    """Give the members of both; None when there are none."""
    if not one or not other:
        both = (not one or SELF in one) and (not other or SELF in other)
        return {} if both else None
    out: Fields = {}
    for name, inner in one.items():
        if name == SELF:
            if SELF in other:
                out[SELF] = {}
        elif name in other:
            found = common(inner, other[name])
            if found is not None:
                out[name] = found
    return out or None


def paths(fields: Fields, before: str = "") -> list[str]:
    """Write the members as conflicts list them: `.spec.containers[name="c"].image`."""
    if not fields:
        return [before]
    found = []
    for name, inner in sorted(fields.items()):
        if name == SELF:
            found.append(before)
        else:
            found += paths(inner, before + _shown(name))
    return found


def _shown(name: str) -> str:
    kind, _, text = name.partition(":")
    if kind == "k":
        parts = json.loads(text)
        return "[" + ",".join(f'{key}={json.dumps(parts[key])}' for key in sorted(parts)) + "]"
    return f"[={text}]" if kind == "v" else f".{text}"


def _mark(item: Any, field: Field) -> str:
    parts = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in field.keys}
    parts = {key: value for key, value in parts.items() if value is not None}
    return "k:" + json.dumps(parts, separators=(",", ":"), sort_keys=True)


def _children(kind: Type | None, field: Field | None, value: Any) -> dict[str, tuple[Type | None, Field | None, Any]] | None:
    """Give the parts of a value that are owned one by one; None where it is owned whole."""
    if field is not None and field.atomic:
        return None
    if isinstance(value, dict):
        if kind is not None and kind.form == "struct":
            if struct(kind.name).atomic:
                return None
            return {f"f:{name}": (_type(kind, name), kind.fields.get(name), inner) for name, inner in value.items()}
        if kind is None or kind.form == "map":
            element = kind.element if kind is not None else None
            return {f"f:{name}": (element, None, inner) for name, inner in value.items()}
        return None
    if isinstance(value, list) and field is not None and kind is not None and kind.form == "list":
        if field.keys and all(isinstance(item, dict) for item in value):
            return {_mark(item, field): (kind.inner, None, item) for item in value}
        if field.is_set:
            return {"v:" + json.dumps(item): (kind.inner, None, item) for item in value}
    return None


def _type(kind: Type, name: str) -> Type | None:
    found = kind.fields.get(name)
    return found.type if found is not None else None


def applied(value: Any, kind: Type | None, field: Field | None = None) -> Fields:
    """Give the fields that an applied configuration sets."""
    parts = _children(kind, field, value)
    if not parts:
        return {}
    out: Fields = {}
    for name, (inner, inner_field, item) in parts.items():
        found = applied(item, inner, inner_field)
        out[name] = {SELF: {}, **found} if name.startswith("k:") else found
    return out


def _whole(value: Any, kind: Type | None, field: Field | None) -> Fields:
    parts = _children(kind, field, value)
    if not parts:
        return {}
    return {SELF: {}, **{name: _whole(item, inner, of) for name, (inner, of, item) in parts.items()}}


def compare(old: Any, new: Any, kind: Type | None, field: Field | None = None) -> tuple[Fields | None, Fields | None]:
    """Give the fields that a write changed or added, and those that it removed; None for none."""
    if old is new or old == new:
        return None, None
    before, after = _children(kind, field, old), _children(kind, field, new)
    if before is None or after is None:
        return {}, None
    changed: Fields = {}
    removed: Fields = {}
    for name, (inner, of, item) in after.items():
        if name in before:
            more, less = compare(before[name][2], item, inner, of)
        elif name[2:] in ALWAYS_THERE and isinstance(item, dict):
            more, less = compare({}, item, inner, of)
        elif name == "f:containers" and isinstance(item, list):
            more, less = compare([], item, inner, of)
        else:
            more, less = _whole(item, inner, of), None
        if more is not None:
            changed[name] = more
        if less is not None:
            removed[name] = less
    for name, (inner, of, item) in before.items():
        if name not in after:
            removed[name] = _whole(item, inner, of)
    return changed or None, removed or None


# ---- merging ------------------------------------------------------------------------------------------------------
def merge(live: Any, config: Any, kind: Type | None, field: Field | None = None) -> Any:
    """Lay an applied configuration over the live object."""
    if _children(kind, field, config) is None or type(live) is not type(config):
        return config
    if isinstance(config, dict):
        out = dict(live)
        for name, value in config.items():
            inner = _type(kind, name) if kind is not None and kind.form == "struct" else (
                kind.element if kind is not None else None)
            of = kind.fields.get(name) if kind is not None and kind.form == "struct" else None
            out[name] = merge(live.get(name), value, inner, of) if name in live else value
        return out
    assert field is not None and kind is not None
    if field.is_set:
        return [*live, *(item for item in config if item not in live)]
    items = {_mark(item, field): item for item in live}
    for item in config:
        mark = _mark(item, field)
        items[mark] = merge(items[mark], item, kind.inner) if mark in items else item
    return list(items.values())


def without(value: Any, fields: Fields, kind: Type | None, field: Field | None = None) -> Any:
    """Take fields out of an object: what their last owner no longer applies."""
    parts = _children(kind, field, value)
    if parts is None:
        return value
    gone, kept = set(), {}
    for name, (inner, of, item) in parts.items():
        if name in fields:
            if not fields[name] or SELF in fields[name]:
                gone.add(name)
            else:
                kept[name] = without(item, fields[name], inner, of)
    if isinstance(value, dict):
        return {name: kept.get(f"f:{name}", item) for name, item in value.items() if f"f:{name}" not in gone}
    assert field is not None
    marks = [_mark(item, field) if field.keys else "v:" + json.dumps(item) for item in value]
    return [kept.get(mark, item) for mark, item in zip(marks, value, strict=True) if mark not in gone]


# ---- managers -----------------------------------------------------------------------------------------------------
def _tracked(obj: Object, row: Resource, subresource: str) -> Object:
    """Give the part of an object that this endpoint may set."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in UNTRACKED}
    drop = {"apiVersion", "kind", "metadata"} | ({"status"} if "status" in row.subresources and subresource != "status" else (
        {"spec"} if subresource == "status" else set()))
    return {"metadata": metadata, **{name: value for name, value in obj.items() if name not in drop}}


def manager_of(request: Request) -> str:
    """Name who writes: fieldManager, or the program of the user agent."""
    named = request.query.get("fieldManager")
    if named:
        return named
    agent = request.agent.partition("/")[0]
    return COMPONENTS.get(agent, "kube-controller-manager" if agent.endswith("-controller") else agent)


def _entry(row: Resource, manager: str, operation: str, subresource: str, fields: Fields, now: str) -> Object:
    entry = {"apiVersion": row.api_version, "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager,
             "operation": operation, "time": now}
    return {**entry, "subresource": subresource} if subresource else entry


def _is(entry: Object, manager: str, operation: str, subresource: str) -> bool:
    return (entry.get("manager") == manager and entry.get("operation") == operation
            and entry.get("subresource", "") == subresource)


def _sorted(entries: list[Object]) -> list[Object]:
    return sorted(entries, key=lambda e: (e["operation"], e.get("time", ""), e["manager"], e.get("subresource", "")))


def _with(obj: Object, entries: list[Object]) -> Object:
    if not entries:
        return objects.drop(obj, "metadata.managedFields")
    return {**obj, "metadata": {**obj["metadata"], "managedFields": _sorted(entries)}}


def kept(new: Object, was: Object) -> Object:
    """Give an object the managers that it had: clients do not write them. `was` is the old metadata."""
    return _with(new, was.get("managedFields") or [])


def updated(row: Resource, request: Request, old: Object | None, new: Object, kind: Type | None, now: str) -> Object:
    """Note what an ordinary write set. The object is given back with its managers."""
    entries = list((old or new)["metadata"].get("managedFields") or []) if old is not None else []
    if not entries and not request.query.get("fieldManager"):
        return new
    sub = request.subresource
    before = _tracked(old, row, sub) if old is not None else {"metadata": {}}
    changed, removed = compare(before, _tracked(new, row, sub), kind)
    if changed is None and removed is None:
        return _with(new, entries)
    manager = manager_of(request)
    kept: list[Object] = []
    mine = changed
    for entry in entries:
        left: Fields | None = entry["fieldsV1"]
        own = _is(entry, manager, UPDATE, sub)
        for gone in (removed,) if own else (changed, removed):
            left = minus(left, gone) if left and gone is not None else left
        if own:
            mine = union(left, mine) if left and mine else left or mine
        elif left:
            kept.append(entry if left == entry["fieldsV1"] else {**entry, "fieldsV1": left})
    if mine:
        kept.append(_entry(row, manager, UPDATE, sub, mine, now))
    return _with(new, kept)


def apply(row: Resource, request: Request, old: Object | None, config: Object, kind: Type | None, now: str) -> Object:
    """Make the object that a server-side apply leads to. Raises StatusError 409 with the conflicts."""
    manager = manager_of(request)
    force = str(request.query.get("force", "")).lower() in ("true", "1")
    body = {name: value for name, value in config.items() if name not in ("apiVersion", "kind")}
    body["metadata"] = {name: value for name, value in (config.get("metadata") or {}).items() if name not in UNTRACKED}
    wanted = {name: inner for name, inner in applied(body, kind).items() if inner or name != "f:metadata"}
    live = old if old is not None else {"metadata": {}}
    entries = list(live["metadata"].get("managedFields") or [])
    others = [entry for entry in entries if not _is(entry, manager, APPLY, request.subresource)]
    own = next((entry for entry in entries if _is(entry, manager, APPLY, request.subresource)), None)
    base = {name: value for name, value in live.items() if name not in ("apiVersion", "kind")}
    merged = merge(base, {**body, "metadata": body["metadata"]}, kind)
    if own is not None:
        dropped = minus(own["fieldsV1"], wanted)
        for entry in others:
            dropped = minus(dropped, entry["fieldsV1"]) if dropped else None
        if dropped:
            merged = without(merged, dropped, kind)
    changed, _ = compare(base, merged, kind)
    conflicts = [(entry, found) for entry in others if changed and (found := common(entry["fieldsV1"], changed)) is not None
                 and (found := common(found, wanted)) is not None]
    if conflicts and not force:
        raise _conflict(conflicts)
    for entry, lost in conflicts:
        left = minus(entry["fieldsV1"], lost)
        others = [{**each, "fieldsV1": left} if each is entry else each for each in others
                  if each is not entry or left is not None]
    same = own is not None and own["fieldsV1"] == wanted and merged == base
    mine = own if same and own is not None else _entry(row, manager, APPLY, request.subresource, wanted, now)
    head = {"kind": row.kind, "apiVersion": row.api_version}
    metadata = {**(config.get("metadata") or {}), **live["metadata"], **merged["metadata"]}
    return _with({**head, **merged, "metadata": metadata}, [*others, mine])


# ---- reading a configuration ---------------------------------------------------------------------------------------
def _typed_errors(value: Any, kind: Type | None, field: Field | None, path: str) -> list[str]:
    if kind is None or value is None:
        return []
    if kind.form == "scalar":
        wanted = {"int32": "numeric (int or float)", "int64": "numeric (int or float)", "double": "numeric (int or float)",
                  "string": "string", "bool": "boolean"}.get(kind.name)
        fits = {"string": isinstance(value, str), "boolean": isinstance(value, bool)}.get(
            wanted or "", isinstance(value, int | float) and not isinstance(value, bool))
        return [] if wanted is None or fits else [f"{path}: expected {wanted}, got {_go_name(value)}"]
    if kind.form == "list":
        if not isinstance(value, list):
            return [f"{path}: expected list, got {_go_name(value)}"]
        found = []
        for number, item in enumerate(value):
            keyed = field is not None and field.keys and isinstance(item, dict)
            here = path + (_shown(_mark(item, field)) if keyed and field is not None else f"[{number}]")
            found += _typed_errors(item, kind.inner, None, here)
        return found
    if not isinstance(value, dict):
        return [f"{path}: expected map, got {_go_name(value)}"]
    found = []
    for name in sorted(value, key=str):
        if kind.form == "struct" and name not in kind.fields:
            return [*found, f"{path}.{name}: field not declared in schema"]
        of = kind.fields[name] if kind.form == "struct" else None
        found += _typed_errors(value[name], of.type if of is not None else kind.element, of, f"{path}.{name}")
    return found


def _go_name(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "int"
        case float():
            return "float"
        case list():
            return "list"
    return "map"


def check_config(row: Resource, request: Request, config: Object, kind: Type | None) -> None:
    """Refuse a configuration that does not fit the schema. Raises StatusError 500, as the real server does."""
    found = _typed_errors(config, kind, None, "")
    if found:
        place = f"{request.key.namespace}/{request.key.name}; {row.group}/{row.version}, Kind={row.kind}" if row.group else (
            f"{request.key.namespace}/{request.key.name}; /{row.version}, Kind={row.kind}")
        text = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in found)
        raise StatusError(500, "", f"failed to create typed patch object ({place}): {text}")


def _who(entry: Object) -> str:
    text = json.dumps(entry["manager"])
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    return text + (f" using {entry['apiVersion']}" if entry["operation"] == UPDATE else "")


def _conflict(conflicts: list[tuple[Object, Fields]]) -> StatusError:
    """409 as NewApplyConflict: which fields have other managers."""
    found = [(_who(entry), path) for entry, fields in conflicts for path in paths(fields)]
    causes = [{"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path} for who, path in found]
    if len(found) == 1:
        text = f"conflict with {found[0][0]}: {found[0][1]}"
    else:
        lines = []
        for who in sorted({who for who, _ in found}):
            lines += [f"conflicts with {who}:", *(f"- {path}" for other, path in found if other == who)]
        text = "\n".join(lines)
    plural = "conflict" if len(found) == 1 else "conflicts"
    return StatusError(409, "Conflict", f"Apply failed with {len(found)} {plural}: {text}", {"causes": causes})
