"""Writes of real clients, as they stand in a recording."""

from __future__ import annotations

import json
from typing import Any

from sim.api.client import Key, Request, User

SHOWN = 120
"""The shape of a request that a learner recognises, in characters."""


def write(request: Request, cluster: str) -> str:
    """Write a request as one line."""
    return json.dumps({
        "cluster": cluster, "verb": request.verb, "key": request.key, "subresource": request.subresource,
        "body": request.body, "query": dict(request.query), "user": request.user, "agent": request.agent}, sort_keys=True)


def read(data: str) -> tuple[Request, str]:
    """Read a recorded request and the cluster that it was for."""
    found: dict[str, Any] = json.loads(data)
    name, groups = found["user"]
    request = Request(found["verb"], Key(*found["key"]), found["subresource"], found["body"], found["query"],
                      User(name, tuple(groups)), found["agent"])
    return request, found["cluster"]


def shown(request: Request) -> str:
    """Write a request as a cause: `kubectl: patch nodes/node01`."""
    key = request.key
    part = f"/{request.subresource}" if request.subresource else ""
    space = f" -n {key.namespace}" if key.namespace else ""
    return f"{request.agent}: {request.verb} {key.resource}{f'/{key.name}' if key.name else ''}{part}{space}"[:SHOWN]
