"""`get --raw PATH`: what the server answers, as it stands.

Models: kubectl/pkg/rawhttp. Fields come in the order of Go's types where that is known (kind, apiVersion, metadata, …).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from sim.api.client import Key
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation

ORDER = {name: at for at, name in enumerate((
    "kind", "apiVersion", "metadata", "name", "generateName", "namespace", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences",
    "finalizers", "managedFields", "items", "spec", "data", "status"))}

METRICS = "metrics.k8s.io"

def get(inv: Invocation) -> Steps[int]:
    """Run `kubectl get --raw PATH`."""
    path: str = inv.flags["raw"]
    if inv.args or inv.flags["filename"] or inv.flags["selector"] or inv.flags["output"] and "output" in inv.given:
        raise inv.usage("arguments may not be passed when --raw is specified" if inv.args else
                        "--raw and --filename are mutually exclusive" if inv.flags["filename"] else
                        "--raw and --output are mutually exclusive")
    if not path.startswith("/"):
        raise UsageError(f'--raw must be a valid URL path: parse "{path}": invalid URI for request')
    bare, _, query = path.partition("?")
    parts = [part for part in bare.split("/") if part]
    if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
        body = yield from inv.send("get", Key("", "", path))
    else:
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        body = yield from _resource(inv, rest, dict(parse_qsl(query)), METRICS if parts[1] == METRICS else "")
    inv.call.write(body if isinstance(body, str) else json.dumps(_in_order(body), separators=(",", ":"),
                                                                ensure_ascii=False) + "\n")
    return 0


def _resource(inv: Invocation, rest: list[str], query: dict[str, str], group: str) -> Steps[Any]:
    """Ask for objects. group: of resources that are named as the core group's are, and kept by their full names."""
    space = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        space, rest = rest[1], rest[2:]
    name, subresource = (rest[1] if len(rest) > 1 else ""), "/".join(rest[2:])
    return (yield from inv.send("get" if name else "list", Key(f"{rest[0]}.{group}" if group else rest[0], space, name), subresource=subresource, query=query))


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value, key=lambda key: (ORDER.get(key, len(ORDER)), key))}
    return [_in_order(each) for each in value] if isinstance(value, list) else value
