"""Small functions on Kubernetes objects in wire form. Nothing here changes what it is given."""

from collections.abc import Iterable, Iterator
from typing import Any

from sim.api.client import Key, Object


def dig(obj: Any, path: str, default: Any = None) -> Any:
    """Read `spec.template.metadata` and the like; default where a part is missing or null."""
    for part in path.split("."):
        if not isinstance(obj, dict):
            return default
        obj = obj.get(part)
    return default if obj is None else obj


def put(obj: Object, path: str, value: Any) -> Object:
    """Give a copy of the object with the value at the path; only the dicts along the path are copied."""
    first, _, rest = path.partition(".")
    copy = dict(obj)
    copy[first] = put(copy.get(first) or {}, rest, value) if rest else value
    return copy


def drop(obj: Object, path: str) -> Object:
    """Give a copy of the object without the path (the object itself where it has none)."""
    first, _, rest = path.partition(".")
    if first not in obj:
        return obj
    copy = dict(obj)
    if not rest:
        del copy[first]
    elif isinstance(copy[first], dict):
        copy[first] = drop(copy[first], rest)
    return copy


def name(obj: Object) -> str:
    """Give metadata.name."""
    return str(obj["metadata"].get("name", ""))


def namespace(obj: Object) -> str:
    """Give metadata.namespace, "" for a cluster-scoped object."""
    return str(obj["metadata"].get("namespace") or "")


def uid(obj: Object) -> str:
    """Give metadata.uid."""
    return str(obj["metadata"].get("uid", ""))


def key(resource: str, obj: Object) -> Key:
    """Give the key under which the object is stored."""
    return Key(resource, namespace(obj), name(obj))


def labels(obj: Object) -> dict[str, str]:
    """Give metadata.labels, empty when there are none."""
    return obj["metadata"].get("labels") or {}


def annotations(obj: Object) -> dict[str, str]:
    """Give metadata.annotations, empty when there are none."""
    return obj["metadata"].get("annotations") or {}


def deleting(obj: Object) -> bool:
    """Tell whether the object has a deletionTimestamp."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def owners(obj: Object) -> list[Object]:
    """Give metadata.ownerReferences."""
    return obj["metadata"].get("ownerReferences") or []


def controller_of(obj: Object) -> Object | None:
    """Give the owner reference that says `controller: true`."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            found: Object = owner
            return found
    return None


def controller_uid(obj: Object) -> str:
    """Give the uid of the controlling owner, "" when there is none."""
    owner = controller_of(obj)
    return str(owner["uid"]) if owner else ""


def controller_reference(owner: Object) -> Object:
    """Make the reference by which `owner` controls its dependents."""
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": True, "blockOwnerDeletion": True,
    }


def condition(obj: Object, kind: str) -> Object | None:
    """Give the status condition of that type."""
    status = obj.get("status")
    for each in (status.get("conditions") or ()) if isinstance(status, dict) else ():
        if each.get("type") == kind:
            found: Object = each
            return found
    return None


def condition_status(obj: Object, kind: str) -> str:
    """Give the status of a condition: True, False, Unknown, or "" when it is not there."""
    found = condition(obj, kind)
    return str(found.get("status", "")) if found else ""


def with_condition(conditions: Iterable[Object], new: Object) -> list[Object]:
    """Give the conditions with `new` in place of the one of its type; lastTransitionTime kept if status is equal."""
    out, found = [], False
    for old in conditions:
        if old.get("type") != new["type"]:
            out.append(old)
            continue
        found = True
        same = old.get("status") == new.get("status") and "lastTransitionTime" in old
        out.append({**new, "lastTransitionTime": old["lastTransitionTime"]} if same else new)
    if not found:
        out.append(new)
    return out


def pod_ready(pod: Object) -> bool:
    """Tell whether the pod's Ready condition is True."""
    return condition_status(pod, "Ready") == "True"


def pod_finished(pod: Object) -> bool:
    """Tell whether the pod's phase is Succeeded or Failed."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Go through an object: (path, leaf) in order, `spec.containers[0].image`."""
    if isinstance(value, dict):
        for part, inner in value.items():
            yield from walk(inner, f"{path}.{part}" if path else part)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk(inner, f"{path}[{number}]")
    else:
        yield path, value
