"""The metrics API, which is not the API server's own: an APIService hands it to metrics-server, a pod of the cluster.

It is served once the APIService is there; it answers while a pod stands ready behind its Service. What that pod says
is asked of the kubelets when somebody reads it, as of its last round (every 15 s).

Models: kube-aggregator (available_controller.go), metrics-server (pkg/scraper, pkg/storage, pkg/api). Left out: other
aggregated APIs, metrics-server's own reachability through the pod network.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sim.api import errors, objects, selectors, times
from sim.api.client import Key, Object, Request, Response
from sim.api.errors import StatusError, TransportError
from sim.apiserver.kinds.columns import NAME
from sim.apiserver.kinds.row import Cell, Resource
from sim.apiserver.subresources.log import KUBELET_PORT, node_address
from sim.apiserver.tables import METRICS
from sim.engine import SECOND_US
from sim.program import ContainerUse, NodeUse

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

GROUP, SERVICE_NAME = METRICS, f"v1beta1.{METRICS}"
ROUND_US = 15 * SECOND_US
"""metrics-server --metric-resolution=15s."""
WINDOW = "15s"
READ = ("get", "list")


def _usage(name: str) -> Cell:
    return lambda obj, _: objects.dig(obj, f"usage.{name}", "")


ROWS = (
    Resource("nodes.metrics.k8s.io", "NodeMetrics", GROUP, "v1beta1", namespaced=False, verbs=READ, name="nodes",
             columns=(NAME, ("Cpu", 0, _usage("cpu")), ("Memory", 0, _usage("memory")), ("Window", 0, lambda o, _: o["window"]))),
    Resource("pods.metrics.k8s.io", "PodMetrics", GROUP, "v1beta1", verbs=READ, name="pods", columns=(
        NAME, ("Cpu", 0, lambda o, _: _total(o, "cpu")), ("Memory", 0, lambda o, _: _total(o, "memory")),
        ("Window", 0, lambda o, _: o["window"]))),
)


def _total(obj: Object, name: str) -> str:
    amounts = [int(each["usage"][name].rstrip("nKi")) for each in obj["containers"]]
    return f"{sum(amounts)}{'n' if name == 'cpu' else 'Ki'}"


def rows(server: ApiServer) -> tuple[Resource, ...]:
    """Give the rows of the metrics API, where its APIService is there."""
    return ROWS if server.store.get(Key("apiservices", "", SERVICE_NAME)) is not None else ()


def row(server: ApiServer, resource: str) -> Resource | None:
    """Give the row of an aggregated resource that is served."""
    return next((each for each in rows(server) if each.resource == resource), None) if GROUP in resource else None


def services(server: ApiServer) -> list[Object]:
    """List the APIServices: a local one for each group and version, and those that hand theirs on."""
    since = (server.store.get(Key("namespaces", "", "default")) or {"metadata": {}})["metadata"].get("creationTimestamp")
    local = {f"{each.version}.{each.group}": each for each in server.rows() if each.group != GROUP}
    found: list[Object] = [{"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": {
        "group": each.group, "version": each.version, "groupPriorityMinimum": 17_800, "versionPriority": 15},
        "metadata": {"name": name, "creationTimestamp": since, "resourceVersion": "1", "uid": _uid(name), "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}}}
        for name, each in local.items()]
    found += server.store.list("apiservices")
    return [{**each, "status": {"conditions": [condition(server, each)]}}
            for each in sorted(found, key=lambda each: str(each["metadata"]["name"]))]


def _uid(name: str) -> str:
    """Give the id of an APIService that the server makes for itself: the same in every cluster here."""
    digits = hashlib.sha256(name.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


# ---- who answers --------------------------------------------------------------------------------------------------
def condition(server: ApiServer, service: Object) -> Object:
    """Tell whether an APIService is available, as its condition says."""
    found = objects.dig(service, "spec.service")
    if not found:
        return {"type": "Available", "status": "True", "reason": "Local", "message": "Local APIServices are always available",
                "lastTransitionTime": service["metadata"].get("creationTimestamp")}
    where = f"{found.get('name')} in \"{found.get('namespace')}\""
    if server.store.get(Key("services", found["namespace"], found["name"])) is None:
        return {"type": "Available", "status": "False", "reason": "ServiceNotFound",
                "message": f"service/{where} is not present"}
    if _backend(server, found) is None:
        return {"type": "Available", "status": "False", "reason": "MissingEndpoints",
                "message": f"endpoints for service/{where} have no addresses with port name \"https\""}
    return {"type": "Available", "status": "True", "reason": "Passed", "message": "all checks passed"}


def _backend(server: ApiServer, found: Object) -> Object | None:
    """Give a ready pod behind a Service."""
    service = server.store.get(Key("services", found["namespace"], found["name"]))
    chosen = objects.dig(service, "spec.selector", {}) if service is not None else {}
    if not chosen:
        return None
    selector = selectors.from_map(chosen)
    return next((pod for pod in server.store.list("pods", found["namespace"]) if selector.matches(objects.labels(pod))
                 and objects.pod_ready(pod) and not objects.deleting(pod)), None)


def answer(server: ApiServer, row: Resource, request: Request) -> Response:
    """Answer a read of metrics. Raises StatusError 503 where nobody is there to measure, 404."""
    service = server.store.get(Key("apiservices", "", SERVICE_NAME)) or {}
    pod = _backend(server, objects.dig(service, "spec.service", {}) or {"namespace": "", "name": ""})
    if pod is None:
        raise StatusError(503, "ServiceUnavailable", "the server is currently unable to handle the request "
                          f"(get {row.plural}.{GROUP})")
    items = _nodes(server, pod) if row.kind == "NodeMetrics" else _pods(server, pod)
    if request.verb == "get":
        space = f"{request.key.namespace}/" if row.namespaced else ""
        found = next((each for each in items if objects.key(row.resource, each) == request.key), None)
        if found is None:
            raise StatusError(404, "NotFound", f'{row.kind.lower()}.{GROUP} "{space}{request.key.name}" not found')
        return Response(200, found)
    wanted = selectors.parse(request.query.get("labelSelector") or "")
    items = [each for each in items if wanted.matches(objects.labels(each)) and request.key.namespace in (
        "", objects.namespace(each))]
    return Response(200, {"kind": f"{row.kind}List", "apiVersion": row.api_version, "metadata": {}, "items": items})


# ---- what it says -------------------------------------------------------------------------------------------------
def _round_us(server: ApiServer, pod: Object) -> int:
    """Give the moment of the last round, in microseconds since 1970; rounds begin when the pod does."""
    since = objects.dig(pod, "status.containerStatuses", [])
    began = next((objects.dig(each, "state.running.startedAt") for each in since), None) or pod["metadata"]["creationTimestamp"]
    began_us = times.parse(began)
    return began_us + (server.engine.unix_us - began_us) // ROUND_US * ROUND_US


def _ask(server: ApiServer, node: str) -> NodeUse | None:
    if server.dial is None:
        raise errors.NotSimulated("metrics of a cluster without hosts")
    try:
        service: Any = server.dial(node_address(server, node), KUBELET_PORT)
    except TransportError:
        return None
    found: NodeUse = service.usage()
    return found


def _metrics(row: Resource, of: Object, at_us: int, **more: Any) -> Object:
    metadata = {name: of["metadata"][name] for name in ("name", "namespace", "labels") if name in of["metadata"]}
    return {"kind": row.kind, "apiVersion": row.api_version, "metadata": {**metadata, "creationTimestamp": times.stamp(at_us)},
            "timestamp": times.stamp(at_us), "window": WINDOW, **more}


def _amounts(cpu_milli: int, memory_bytes: int) -> Object:
    return {"cpu": f"{cpu_milli * 1_000_000}n", "memory": f"{memory_bytes >> 10}Ki"}


def _nodes(server: ApiServer, pod: Object) -> list[Object]:
    at_us = _round_us(server, pod)
    found = []
    for node in server.store.list("nodes"):
        use = _ask(server, objects.name(node))
        if use is not None and at_us - times.parse(pod["metadata"]["creationTimestamp"]) >= ROUND_US:
            found.append(_metrics(ROWS[0], node, at_us, usage=_amounts(use.cpu_milli, use.memory_bytes)))
    return found


def _pods(server: ApiServer, pod: Object) -> list[Object]:
    at_us = _round_us(server, pod)
    seen: dict[tuple[str, str], list[ContainerUse]] = {}
    for node in server.store.list("nodes"):
        for each in (use.containers if (use := _ask(server, objects.name(node))) else ()):
            if each.started_us + ROUND_US <= at_us:  # two rounds make a rate
                seen.setdefault((each.namespace, each.pod), []).append(each)
    found = []
    for (namespace, name), uses in sorted(seen.items()):
        obj = server.store.get(Key("pods", namespace, name))
        if obj is not None and not objects.pod_finished(obj):
            found.append(_metrics(ROWS[1], obj, at_us, containers=[
                {"name": each.container, "usage": _amounts(each.cpu_milli, each.memory_bytes)} for each in uses]))
    return found
