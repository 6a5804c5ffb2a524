"""Patches: JSON patch, merge patch, strategic merge patch, and the three-way patch of `kubectl apply`.

Models: RFC 6902, RFC 7386, apimachinery/pkg/util/strategicpatch. Left out: `$retainKeys`, `$setElementOrder`
(order of a merged list is: present elements first, new ones after).
"""

from __future__ import annotations

from typing import Any

from sim.api.errors import bad_request

MERGE_KEYS: dict[str, str] = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name",
    "env": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name",
    "hostAliases": "ip", "ownerReferences": "uid", "conditions": "type", "addresses": "type",
    "topologySpreadConstraints": "topologyKey", "podIPs": "ip", "secrets": "name",
}
"""Lists that merge by a key. `ports` depends on where it stands; `taints` and `tolerations` are atomic."""
PRIMITIVE_LISTS = frozenset({"finalizers", "podCIDRs"})


def merge_key(path: tuple[str, ...], name: str) -> str | None:
    """Give the merge key of a list, None where it is replaced whole."""
    if name == "ports":
        return "containerPort" if "containers" in path or "initContainers" in path else "port"
    return MERGE_KEYS.get(name)


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply an RFC 7386 merge patch; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge_patch(out.get(name), value)
    return out


def json_patch(target: Any, operations: Any) -> Any:
    """Apply an RFC 6902 patch; the target is not changed. Raises StatusError 400 or 422 as the server does."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request("json: cannot unmarshal array into Go value of type jsonpatch.Operation")
        name = operation.get("op")
        if not isinstance(operation.get("path"), str) or (
            name in ("move", "copy") and not isinstance(operation.get("from"), str)
        ) or (name == "remove" and not operation["path"]):
            raise _missing([])
        if name in ("add", "replace"):
            target = _set(target, _pointer(operation["path"]), operation.get("value"), insert=name == "add")
        elif name == "remove":
            target = _remove(target, _pointer(operation["path"]))
        elif name == "test":
            if _get(target, _pointer(operation["path"])) != operation.get("value"):
                raise bad_request(f"testing value {operation['path']} failed")
        elif name in ("move", "copy"):
            value = _get(target, _pointer(operation["from"]))
            if name == "move":
                target = _remove(target, _pointer(operation["from"]))
            target = _set(target, _pointer(operation["path"]), value, insert=True)
        else:
            raise bad_request(f"Unexpected kind: {name}")
    return target


def _pointer(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _missing(path: list[str]) -> Exception:
    from sim.api.errors import StatusError

    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request")


def _get(target: Any, path: list[str]) -> Any:
    for part in path:
        try:
            target = target[int(part)] if isinstance(target, list) else target[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _missing(path) from None
    return target


def _set(target: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(target, list):
        out = list(target)
        try:
            at = len(out) if first == "-" else int(first)
            if rest:
                out[at] = _set(out[at], rest, value, insert=insert)
            elif insert:
                out.insert(at, value)
            else:
                out[at] = value
        except (IndexError, ValueError):
            raise _missing(path) from None
        return out
    if not isinstance(target, dict) or ((rest or not insert) and first not in target):
        raise _missing(path)
    return {**target, first: _set(target[first], rest, value, insert=insert) if rest else value}


def _remove(target: Any, path: list[str]) -> Any:
    first, rest = path[0], path[1:]
    try:
        if isinstance(target, list):
            out = list(target)
            if rest:
                out[int(first)] = _remove(out[int(first)], rest)
            else:
                del out[int(first)]
            return out
        copy = dict(target)
        if rest:
            copy[first] = _remove(copy[first], rest)
        else:
            del copy[first]
    except (KeyError, IndexError, ValueError, TypeError):
        raise _missing(path) from None
    return copy


def strategic_merge(target: Any, patch: Any, path: tuple[str, ...] = ()) -> Any:
    """Apply a strategic merge patch; neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if name in ("$patch", "$retainKeys") or name.startswith("$setElementOrder/"):
            continue
        if name.startswith("$deleteFromPrimitiveList/"):
            real = name.partition("/")[2]
            out[real] = [item for item in out.get(real) or [] if item not in value]
            continue
        if value is None:
            out.pop(name, None)
        elif isinstance(value, dict):
            if value.get("$patch") == "delete":
                out.pop(name, None)
            else:
                out[name] = strategic_merge(out.get(name), value, (*path, name))
        elif isinstance(value, list):
            out[name] = _merge_list(out.get(name) or [], value, name, path)
        else:
            out[name] = value
    return out


def _merge_list(present: list[Any], patch: list[Any], name: str, path: tuple[str, ...]) -> list[Any]:
    if name in PRIMITIVE_LISTS:
        return [*present, *(item for item in patch if item not in present)]
    key = merge_key(path, name)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    if key is None or not all(isinstance(item, dict) for item in patch):
        return patch
    out = list(present)
    for item in patch:
        places = [at for at, old in enumerate(out) if old.get(key) == item.get(key)]
        if item.get("$patch") == "delete":
            out = [old for old in out if old.get(key) != item.get(key)]
        elif places:
            out[places[0]] = strategic_merge(out[places[0]], item, (*path, name))
        else:
            out.append(strategic_merge({}, item, (*path, name)))
    return out


def three_way(original: Any, modified: Any, current: Any, path: tuple[str, ...] = ()) -> Any:
    """Make the strategic patch of `kubectl apply`: additions and changes from modified, deletions against original.

    original is the last applied configuration, modified the new file, current the live object.
    """
    patch: dict[str, Any] = {}
    for name, value in modified.items():
        live = current.get(name) if isinstance(current, dict) else None
        was = original.get(name) if isinstance(original, dict) else None
        if isinstance(value, dict) and isinstance(live, dict):
            inner = three_way(was if isinstance(was, dict) else {}, value, live, (*path, name))
            if inner:
                patch[name] = inner
        elif isinstance(value, list) and isinstance(live, list):
            inner_list = _three_way_list(was if isinstance(was, list) else [], value, live, name, path)
            if inner_list is not None:
                patch[name] = inner_list
        elif value != live and not (value is None and live is None):
            patch[name] = value
    for name in original if isinstance(original, dict) else ():
        if name not in modified and isinstance(current, dict) and name in current:
            patch[name] = None
    return patch


def _three_way_list(
    was: list[Any], new: list[Any], live: list[Any], name: str, path: tuple[str, ...]
) -> list[Any] | None:
    key = merge_key(path, name)
    if key is None or not all(isinstance(item, dict) for item in [*was, *new, *live]):
        return None if new == live else new
    patch = []
    for item in new:
        there = next((old for old in live if old.get(key) == item.get(key)), None)
        if there is None:
            patch.append(item)
            continue
        before: dict[str, Any] = next((old for old in was if old.get(key) == item.get(key)), {})
        inner = three_way(before, item, there, (*path, name))
        if inner:
            patch.append({key: item.get(key), **inner})
    for item in was:
        gone = all(other.get(key) != item.get(key) for other in new)
        if gone and any(other.get(key) == item.get(key) for other in live):
            patch.append({"$patch": "delete", key: item.get(key)})
    return patch or None
