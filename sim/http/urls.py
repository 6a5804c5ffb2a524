"""Which request a method and a path mean.

Models: apiserver/pkg/endpoints/request/requestinfo.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

NAMED_VERBS = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
COLLECTION_VERBS = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
NAMESPACE_PARTS = frozenset({"status", "finalize"})
"""What follows a namespace's name and is a part of the namespace itself."""


class Target(NamedTuple):
    """A resource as a URL names it. resource is the plural; subresource may hold slashes."""

    group: str
    version: str
    namespace: str
    resource: str
    name: str
    subresource: str


def target(path: str) -> Target | None:
    """Read the path of a resource; None for all others (discovery, health, OpenAPI)."""
    parts = [unquote(part) for part in path.split("/")[1:]]
    if parts and not parts[-1]:
        parts.pop()
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    space = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in NAMESPACE_PARTS:
        space, rest = rest[1], rest[2:]
    return Target(group, version, space, rest[0], rest[1] if len(rest) > 1 else "", "/".join(rest[2:]))


def verb(method: str, where: Target, query: Mapping[str, str]) -> str | None:
    """Give the verb of a method; None where there is none (405)."""
    found = (NAMED_VERBS if where.name else COLLECTION_VERBS).get(method)
    if found in ("get", "list") and query.get("watch", "").lower() in ("true", "1", "t"):
        return "watch"
    return found
