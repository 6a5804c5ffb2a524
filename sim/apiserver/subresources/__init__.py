"""Subresources that are more than a part of an object: scale, binding, eviction, log, token, heartbeat; component statuses.

It imports `sim.api`, the kinds and `sim.program`'s Protocols. Left out: exec, attach, portforward, proxy.
Models: autoscaling/v1 Scale, pkg/registry/core/componentstatus.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.api import errors, objects, selectors, times
from sim.api.client import Key, Object, Request, Response
from sim.api.errors import FieldError
from sim.apiserver.kinds.row import Resource
from sim.apiserver.subresources import log, pods, tokens
from sim.engine import SECOND_US

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

COMPONENTS = (("controller-manager", "kube-controller-manager", 10257), ("scheduler", "kube-scheduler", 10259))


def get(server: ApiServer, row: Resource, request: Request) -> Response:
    """Read a subresource that is no part of the object."""
    if request.subresource == "log":
        return log.read(server, row, request)
    raise errors.NotSimulated(f"{row.resource}/{request.subresource}")


def create(server: ApiServer, row: Resource, request: Request) -> Response:
    """Post to a subresource."""
    if request.subresource == "eviction":
        return pods.evict(server, row, request)
    if request.subresource == "binding":
        return pods.bind(server, row, request)
    if request.subresource == "token":
        return tokens.create(server, request)
    raise errors.NotSimulated(f"{row.resource}/{request.subresource}")


# ---- scale --------------------------------------------------------------------------------------------------------
def scale_of(obj: Object) -> Object:
    """Make the Scale of an object."""
    wanted = objects.dig(obj, "spec.selector")
    text = ""
    if wanted:
        plain = wanted if "matchLabels" not in wanted and "matchExpressions" not in wanted else None
        text = ",".join(f"{k}={v}" for k, v in sorted(plain.items())) if plain else selectors.text_of(wanted)
    metadata = {name: obj["metadata"][name] for name in (
        "name", "namespace", "uid", "resourceVersion", "creationTimestamp") if name in obj["metadata"]}
    status: Object = {"replicas": objects.dig(obj, "status.replicas", 0)}
    if text:
        status["selector"] = text
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
            "spec": {"replicas": objects.dig(obj, "spec.replicas", 0)}, "status": status}


def answer(request: Request, changed: Response, warnings: tuple[str, ...]) -> Response:
    """Answer a write with what was written to: the object, or its Scale."""
    body = scale_of(changed.body) if request.subresource == "scale" else changed.body
    return replace(changed, body=body, warnings=warnings)


def check_scale(request: Request, old: Object, new: Object) -> None:
    """Refuse a negative scale. Raises StatusError 422."""
    replicas = objects.dig(new, "spec.replicas", 0)
    if replicas < 0:
        fault = FieldError("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
        raise errors.invalid("Scale", "autoscaling", request.key.name, [fault])


# ---- heartbeats ---------------------------------------------------------------------------------------------------
def heartbeat(server: ApiServer, request: Request) -> Response:
    """Take a promise of heartbeats, or take it back (docs/decisions/0002)."""
    key, body = request.key, request.body if isinstance(request.body, dict) else {}
    if body.get("beating"):
        server.heartbeats.begin(key, round(body.get("period_s", 10) * SECOND_US))
        server.promised[key] = None
        return Response(200, {})
    server.promised.pop(key, None)
    renewed_us = server.heartbeats.end(key)
    lease = server.store.get(key)
    if renewed_us is not None and lease is not None:
        text = times.stamp_micro(server.heartbeats.unix_us(renewed_us))
        server.commit(request, key, objects.put(lease, "spec.renewTime", text))
    return Response(200, {})


# ---- component statuses -------------------------------------------------------------------------------------------
def components(server: ApiServer) -> list[Object]:
    """List the component statuses: who holds its leader lease is healthy, and so is the store that answers."""
    found = [_component(name, server.heartbeats.promises.get(Key("leases", "kube-system", lease)) is not None, port)
             for name, lease, port in COMPONENTS]
    healthy = {"type": "Healthy", "status": "True", "message": "ok"}
    return [*found, {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": "etcd-0"},
                     "conditions": [healthy]}]


def _component(name: str, alive: bool, port: int) -> Object:
    condition: Object = {"type": "Healthy", "status": "True", "message": "ok"}
    if not alive:
        where = f"127.0.0.1:{port}"
        condition = {"type": "Healthy", "status": "False",
                     "message": f'Get "https://{where}/healthz": dial tcp {where}: connect: connection refused'}
    return {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": name}, "conditions": [condition]}
