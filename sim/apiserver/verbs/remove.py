"""delete and deletecollection: check what is meant, then take the object's next state.

Models: apiserver/pkg/endpoints/handlers/delete.go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Request, Response
from sim.apiserver import admission
from sim.apiserver.resources import Resource
from sim.apiserver.verbs import deletion, options, selection

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer


def delete(server: ApiServer, row: Resource, request: Request) -> Response:
    """Delete one object."""
    return delete_one(server, row, request, options.deletion(request))


def delete_one(server: ApiServer, row: Resource, request: Request, wanted: options.Deletion) -> Response:
    """Delete one object. Raises StatusError 403, 404, 409."""
    admission.check_deletion(row, request.key.name)
    old = server.existing(row, request.key)
    admission.restrict_node(row, request, request.key.name, old)
    deletion.check(row, old, wanted)
    new = deletion.next_state(row, old, wanted, server.engine.unix_us)
    if wanted.dry_run or new is old:
        return Response(200, new or old)
    change = server.commit(request, request.key, new)
    return Response(200, change.new if change.new is not None else change.old)


def delete_collection(server: ApiServer, row: Resource, request: Request) -> Response:
    """Delete all objects that are chosen."""
    wanted = options.deletion(request)
    found = selection.selected(server.store, row, selection.predicate(row, request))
    for item in found:
        one = replace(request, verb="delete", key=objects.key(row.resource, item), body=None)
        delete_one(server, row, one, wanted)
    return Response(200, {"kind": f"{row.kind}List", "apiVersion": row.api_version,
                          "metadata": {"resourceVersion": str(server.store.revision)}, "items": found})
