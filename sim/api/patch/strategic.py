"""Strategic merge patches, and the three-way patch that `kubectl apply` makes.

How lists merge stands in `sim.api.schema`. Without a schema (custom resources) lists are replaced whole.
Models: apimachinery/pkg/util/strategicpatch. Left out: preconditions, merging through json.RawMessage.
"""

from __future__ import annotations

from typing import Any

from sim.api import schema
from sim.api.errors import bad_request
from sim.api.schema import Field, Type

Items = list[Any]
ORDER, DELETE, RETAIN, DIRECTIVE = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys", "$patch"


def type_of(obj: Any) -> Type | None:
    """Give the schema type of an object by its apiVersion and kind; None where there is none."""
    if not isinstance(obj, dict):
        return None
    return schema.of_kind(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))


def strategic_merge(target: Any, patch: Any, kind: Type | None = None) -> Any:
    """Apply a strategic merge patch; neither argument is changed. Raises StatusError 400 for bad directives.

    kind: the type of the object; by default what its apiVersion and kind say.
    """
    return _merge(target, patch, kind or type_of(target))


def _field(kind: Type | None, name: str) -> Field | None:
    return kind.fields.get(name) if kind is not None and kind.form == "struct" else None


def _inner(kind: Type | None, name: str) -> Type | None:
    if kind is None:
        return None
    if kind.form == "map":
        return kind.element
    field = _field(kind, name)
    return field.type if field else None


def _merge(target: Any, patch: Any, kind: Type | None) -> Any:
    if not isinstance(patch, dict):
        return patch
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unknown patch value: {directive}")
    out = dict(target) if isinstance(target, dict) else {}
    if RETAIN in patch:
        out = _retained(out, patch)
    orders = {}
    for name, value in patch.items():
        if name in (DIRECTIVE, RETAIN):
            continue
        if name.startswith(ORDER):
            orders[name.removeprefix(ORDER)] = value
        elif name.startswith(DELETE):
            real = name.removeprefix(DELETE)
            out[real] = [item for item in out.get(real) or [] if item not in (value or [])]
        elif value is None:
            out.pop(name, None)
        elif isinstance(value, dict) and value.get(DIRECTIVE) == "delete":
            out.pop(name, None)
        elif isinstance(value, dict) and (name not in out or isinstance(out[name], dict)):
            out[name] = _merge(out.get(name), value, _inner(kind, name))
        elif isinstance(value, list) and isinstance(out.get(name), list | None):
            order = patch.get(ORDER + name)
            out[name] = _merge_list(out.get(name) or [], value, _field(kind, name), order)
        else:
            out[name] = value
    for name, order in orders.items():
        if name in out and name not in patch and isinstance(order, list):
            out[name] = _ordered(out[name], order, out[name], _field(kind, name))
    return out


def _retained(out: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    keep = patch[RETAIN]
    if not isinstance(keep, list):
        raise bad_request("invalid JSON document")
    extra = [name for name in patch if not name.startswith("$") and name not in keep]
    if extra:
        raise bad_request(f"The keys in the patch map are not in the retainKeys list: {sorted(extra)}")
    return {name: value for name, value in out.items() if name in keep}


def _merge_list(present: Items, patch: Items, field: Field | None, order: Any) -> Items:
    if field is None or not (field.merge_key or field.merge):
        return [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    if field.merge:
        merged = [*present, *(item for item in patch if item not in present)]
        return _ordered(merged, order if isinstance(order, list) else patch, present, field)
    key = field.merge_key
    if not all(isinstance(item, dict) for item in (*present, *patch)):
        raise bad_request("invalid JSON document")
    if any(item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if DIRECTIVE not in item]
    out = list(present)
    plain = []
    for item in patch:
        if item.get(DIRECTIVE) == "delete":
            out = [old for old in out if old.get(key) != item.get(key)]
            continue
        if key not in item:
            raise bad_request(f"map: {_shown(item)} does not contain declared merge key: {key}")
        plain.append(item)
        at = next((at for at, old in enumerate(out) if old.get(key) == item[key]), None)
        if at is None:
            out.append(_merge({}, item, field.type.inner))
        else:
            out[at] = _merge(out[at], item, field.type.inner)
    return _ordered(out, order if isinstance(order, list) else plain, present, field)


def _shown(item: Any) -> str:
    return "map[" + " ".join(f"{name}:{item[name]}" for name in sorted(item)) + "]"


def _mark(item: Any, field: Field | None) -> Any:
    return item.get(field.merge_key) if field is not None and field.merge_key and isinstance(item, dict) else item


def _ordered(merged: Items, order: Items, present: Items, field: Field | None) -> Items:
    """Put elements that the patch names in its order, and keep the others where they were among them."""
    marks = [_mark(item, field) for item in order]
    was = [_mark(item, field) for item in present]
    named = sorted((item for item in merged if _mark(item, field) in marks), key=lambda i: marks.index(_mark(i, field)))
    others = [item for item in merged if _mark(item, field) not in marks]
    others.sort(key=lambda item: was.index(_mark(item, field)) if _mark(item, field) in was else -1)
    out: Items = []
    while named and others:
        left, right = _mark(others[0], field), _mark(named[0], field)
        first = left in was and right in was and was.index(left) < was.index(right)
        out.append((others if first else named).pop(0))
    return [*out, *named, *others]


# ---- making a patch -----------------------------------------------------------------------------------------------
def three_way(original: Any, modified: Any, current: Any, kind: Type | None = None) -> Any:
    """Make the patch of `kubectl apply`: additions and changes from modified, deletions against original.

    original is the last applied configuration, modified the new file, current the live object.
    kind: the type of the object; by default what modified's apiVersion and kind say.
    """
    return _diff(original, modified, current, kind or type_of(modified))


def _diff(original: Any, modified: Any, current: Any, kind: Type | None) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    was_in = original if isinstance(original, dict) else {}
    live_in = current if isinstance(current, dict) else {}
    for name, value in modified.items():
        live, was = live_in.get(name), was_in.get(name)
        field = _field(kind, name)
        if isinstance(value, dict) and isinstance(live, dict):
            inner = _diff(was, value, live, _inner(kind, name))
            if inner:
                if field is not None and field.retain:
                    inner[RETAIN] = sorted(key for key, part in value.items() if part is not None)
                patch[name] = inner
        elif isinstance(value, list) and isinstance(live, list):
            _diff_list(patch, was if isinstance(was, list) else [], value, live, field, name)
        elif value != live and not (value is None and live is None):
            patch[name] = value
    for name in was_in:
        if name not in modified and name in live_in:
            patch[name] = None
    return patch


def _diff_list(patch: dict[str, Any], was: Items, new: Items, live: Items, field: Field | None, name: str) -> None:
    if field is None or not (field.merge_key or field.merge) or (
        field.merge_key and not all(isinstance(item, dict) and field.merge_key in item for item in (*was, *new, *live))
    ):
        if new != live:
            patch[name] = new
        return
    if field.merge:
        gone = [item for item in was if item not in new and item in live]
        added = [item for item in new if item not in live]
        if gone:
            patch[DELETE + name] = gone
        if added:
            patch[name] = added
        if gone or added:
            patch[ORDER + name] = new
        return
    key = field.merge_key
    changes: Items = []
    for item in new:
        there = next((old for old in live if old[key] == item[key]), None)
        before: Any = next((old for old in was if old[key] == item[key]), {})
        if there is None:
            changes.append(item)
            continue
        inner = _diff(before, item, there, field.type.inner)
        if inner:
            if field.retain:
                inner[RETAIN] = sorted(part for part, content in item.items() if content is not None)
            changes.append({key: item[key], **inner})
    changes += [
        {DIRECTIVE: "delete", key: item[key]} for item in was
        if all(other[key] != item[key] for other in new) and any(other[key] == item[key] for other in live)
    ]
    order = [item[key] for item in new]
    moved = [item[key] for item in live if item[key] in order] != [mark for mark in order if any(
        item[key] == mark for item in live)]
    if changes or moved:
        patch[ORDER + name] = [{key: mark} for mark in order]
        if changes:
            patch[name] = changes
