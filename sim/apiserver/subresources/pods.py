"""Binding and eviction. Models: pkg/registry/core/pod/storage/{storage,eviction}.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import errors, objects
from sim.api.client import Object, Request, Response
from sim.api.errors import FieldError
from sim.apiserver import decode
from sim.apiserver.kinds.row import Resource
from sim.apiserver.subresources import eviction
from sim.apiserver.verbs import options, remove

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer


def success() -> Object:
    """Make the Status of a deed without an object of its own."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _body(kind: str, request: Request) -> Object:
    body = request.body if request.body is not None else {}
    if not isinstance(body, dict):
        raise errors.bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: '
                                 f"{decode.mismatch(body, f'v1.{kind}')}")
    return body


def bind(server: ApiServer, row: Resource, request: Request) -> Response:
    """Bind a pod to a node. Raises StatusError 409, 422."""
    body = _body("Binding", request)
    pod = server.existing(row, request.key)
    node = objects.dig(body, "target.name", "")
    if not node or not isinstance(node, str):
        raise errors.invalid("Binding", "", request.key.name, [
            FieldError("target.name", "Required value", "FieldValueRequired")])
    name = request.key.name
    if objects.deleting(pod):
        raise errors.conflict("pods/binding", name, "", f"pod {name} is being deleted, cannot be assigned to a host")
    spec, status = pod["spec"], pod.get("status") or {}
    if spec.get("nodeName"):
        raise errors.conflict("pods/binding", name, "", f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise errors.conflict("pods/binding", name, "", f"pod {name} has non-empty .spec.schedulingGates")
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": server.now()}
    conditions = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
    new = {**pod, "spec": {**spec, "nodeName": node}, "status": {**status, "conditions": [*conditions, condition]}}
    if not options.truth(request.query, "dryRun"):
        server.commit(request, request.key, new)
    return Response(201, success())


def evict(server: ApiServer, row: Resource, request: Request) -> Response:
    """Evict a pod, if its budget allows. Raises StatusError 429 and others."""
    body = _body("Eviction", request)
    metadata = body.get("metadata")
    named = metadata.get("name", request.key.name) if isinstance(metadata, dict) else request.key.name
    if named != request.key.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    pod = server.existing(row, request.key)
    wanted = options.deletion(Request("delete", request.key, body=body.get("deleteOptions"), query=request.query))
    ruling = eviction.rule(pod, eviction.budgets_of(pod, server.reader), server.now())
    if wanted.dry_run:
        return Response(201, success())
    if ruling.budget is not None:
        server.commit(request, eviction.key_of(ruling.budget), ruling.budget)
    conditions = objects.with_condition(
        objects.dig(pod, "status.conditions", []),
        {**eviction.DISRUPTION_TARGET, "lastTransitionTime": server.now()})
    server.commit(request, request.key, objects.put(pod, "status.conditions", conditions))
    remove.delete_one(server, row, Request("delete", request.key, agent=request.agent, user=request.user,
                               because=request.because or "evicted through the eviction API"), wanted)
    return Response(201, success())
