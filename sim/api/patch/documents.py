"""JSON patches (RFC 6902) and merge patches (RFC 7386)."""

from __future__ import annotations

from typing import Any

from sim.api.errors import StatusError, bad_request


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


def _missing(path: list[str]) -> StatusError:
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
