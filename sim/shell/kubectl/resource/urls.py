"""The words of Go's HTTP client when no answer came: `Post "https://…": dial tcp …: connect: connection refused`.

Models: net/url.Error, client-go/rest/request.go (URL).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from sim.api.client import Key
from sim.api.errors import TransportError
from sim.shell.kubectl.frame.discovery import path_of
from sim.shell.kubectl.frame.invocation import LOCALHOST, Invocation

PARAMETERS = ("dryRun", "fieldManager", "fieldSelector", "fieldValidation", "force", "labelSelector", "limit", "timeout")


def go_error(
    inv: Invocation, method: str, key: Key, error: TransportError, *, group: str = "", version: str = "v1",
    subresource: str = "", query: Mapping[str, str] | None = None, path: str = "",
) -> str:
    """Say what a wrapped transport error says. method: Get, Post, Patch, Put, Delete."""
    host, port = inv.server_address() or LOCALHOST
    scheme = "http" if inv.effective.server.startswith("http:") or not inv.effective.server else "https"
    sent = {**(query or {}), **({"timeout": limit} if (limit := inv.timeout_text()) else {})}
    shown = {name: sent[name] for name in PARAMETERS if name in sent}
    tail = f"?{urlencode(shown, safe='=' if 'fieldSelector' not in shown else '')}" if shown else ""
    return f'{method} "{scheme}://{host}:{port}{path or path_of(key, group, version, subresource)}{tail}": {error.message}'
