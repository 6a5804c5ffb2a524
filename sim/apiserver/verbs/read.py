"""get, list and watch: what is stored, as of now, as objects or as a Table.

Models: apiserver/pkg/endpoints/handlers/{get,watch}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.api import errors, objects
from sim.api.client import Object, Request, Response, Watch
from sim.apiserver import aggregation, subresources, tables
from sim.apiserver.resources import Resource
from sim.apiserver.verbs import options, selection
from sim.engine import SECOND_US

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

DEPRECATED = {"componentstatuses": (19, "v1 ComponentStatus is deprecated in v1.19+"),
              "endpoints": (33, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")}
DERIVED: Mapping[str, Callable[[ApiServer], list[Object]]] = {
    "componentstatuses": subresources.components, "apiservices": aggregation.services}
"""Kinds that are made up when somebody reads them."""

CONSISTENT_LISTS = 31
"""The minor since which lists come from the watch cache (ConsistentListFromCache)."""


class ServerWatch:
    """An open watch of this server; it ends with the server."""

    def __init__(self, server: ApiServer, inner: Watch, closed: Callable[[], None] | None) -> None:
        self.server = server
        self.inner = inner
        self.closed = closed
        server.watches[self] = None

    def stop(self) -> None:
        """End the watch at the client's wish."""
        self.inner.stop()
        self.server.watches.pop(self, None)

    def expire(self) -> None:
        """End the watch because its timeoutSeconds ran out."""
        if self in self.server.watches:
            self.stop()
            if self.closed:
                self.closed()


def fresh(server: ApiServer, row: Resource, obj: Object) -> Object:
    """Give an object with the heartbeats that nobody wrote yet."""
    if row.resource == "nodes":
        return server.heartbeats.node_as_of_now(obj)
    if row.resource == "leases":
        return server.heartbeats.lease_as_of_now(objects.key("leases", obj), obj)
    return obj


def warned(server: ApiServer, row: Resource) -> tuple[str, ...]:
    """Give the warnings that reading a kind brings."""
    since, text = DEPRECATED.get(row.resource, (0, ""))
    return (text,) if text and server.minor >= since else ()


def get(server: ApiServer, row: Resource, request: Request) -> Response:
    """Read one object, or a part of it. Raises StatusError 404."""
    if request.subresource not in ("", "status", "scale", "approval"):
        return subresources.get(server, row, request)
    if row.group == aggregation.GROUP:
        return aggregation.answer(server, row, request)
    if row.resource in DERIVED:
        found = next((c for c in DERIVED[row.resource](server) if objects.name(c) == request.key.name), None)
        if found is None:
            raise errors.not_found(row.plural, request.key.name, row.group)
    else:
        found = fresh(server, row, server.existing(row, request.key))
    if request.subresource == "scale":
        row, found = tables.SCALE, subresources.scale_of(found)
    if request.query.get("as") == "Table":
        return Response(200, tables.table(row, [found], server.engine.unix_us, server.minor), warnings=warned(server, row))
    return Response(200, found, warnings=warned(server, row))


def list_(server: ApiServer, row: Resource, request: Request) -> Response:
    """Read all objects that are chosen, a chunk at a time."""
    if row.group == aggregation.GROUP:
        answer = aggregation.answer(server, row, request)
        table = request.query.get("as") == "Table"
        return replace(answer, body=tables.table(row, answer.body["items"], server.engine.unix_us, server.minor)) if (
            table) else answer
    query = request.query
    metadata: Object = {"resourceVersion": str(server.cache.revision)}
    if query.get("index"):
        items = server.cache.by_index(row.resource, query["index"], query["value"])
    elif row.resource in DERIVED:
        items = DERIVED[row.resource](server)
    else:
        # Before 1.31 a list that does not ask for the cache (resourceVersion 0) is read from etcd.
        source = server.cache if server.minor >= CONSISTENT_LISTS or query.get("resourceVersion") == "0" else server.store
        items, metadata = selection.chunk(source, row, request, server.compacted())
    if row.resource in ("nodes", "leases"):
        items = [fresh(server, row, item) for item in items]
    if query.get("as") == "Table":
        body = tables.table(row, items, server.engine.unix_us, server.minor)
        return Response(200, {**body, "metadata": metadata}, warnings=warned(server, row))
    return Response(200, {"kind": f"{row.kind}List", "apiVersion": row.api_version, "metadata": metadata,
                          "items": items}, warnings=warned(server, row))


def watch(server: ApiServer, row: Resource, request: Request) -> Response:
    """Have the client told of each change from now on."""
    query = request.query
    if request.watcher is None:
        raise errors.bad_request("a watch needs somebody to watch")
    timeout = options.number(query, "timeoutSeconds")
    if query.get("index"):
        inner = server.cache.watch(row.resource, request.watcher, index=query["index"], value=query["value"])
    else:
        tell = selection.filtered(selection.predicate(row, request), request.watcher)
        selection.missed(server.cache, row, request, server.compacted(), tell)
        if options.truth(query, "sendInitialEvents"):
            selection.bookmark(server.cache, row, request.watcher)
        inner = server.cache.watch(row.resource, tell)
    watch = ServerWatch(server, inner, request.closed)
    if timeout:
        server.engine.after(timeout * SECOND_US, watch.expire)

    def printed(obj: Object) -> Object:
        return tables.table(row, [obj], server.engine.unix_us, server.minor)

    return Response(200, printed if query.get("as") == "Table" else None, watch=watch)
