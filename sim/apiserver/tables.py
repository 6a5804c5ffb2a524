"""Server-side Tables and discovery: what `kubectl get` prints is decided here, once.

Models: pkg/printers/internalversion/printers.go. A column is (name, priority, function of object and present time);
priority 1 shows with `-o wide`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Object
from sim.apiserver.resources import ALL_VERBS, ROWS, Resource

Cell = Callable[[Object, int], Any]
Columns = tuple[tuple[str, int, Cell], ...]
SECOND = 1_000_000


def age_of(stamp: str | None, now_us: int) -> str:
    """Write how long ago a stamp is; `<unknown>` without one."""
    return times.age((now_us - times.parse(stamp)) // SECOND) if stamp else "<unknown>"


def _age(obj: Object, now_us: int) -> str:
    return age_of(obj["metadata"].get("creationTimestamp"), now_us)


def _at(path: str, default: Any = "<none>") -> Cell:
    return lambda obj, _: objects.dig(obj, path, default)


def _number(path: str) -> Cell:
    return lambda obj, _: objects.dig(obj, path, 0)


def _name(obj: Object, _: int) -> str:
    return objects.name(obj)


# ---- pods ---------------------------------------------------------------------------------------------------------
def pod_status(pod: Object) -> str:
    """Give the STATUS of a pod as kubectl shows it. Models: printPod."""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase", "Unknown")
    spec_inits = objects.dig(pod, "spec.initContainers", [])
    for number, init in enumerate(status.get("initContainerStatuses") or []):
        state = init.get("state") or {}
        ended = state.get("terminated")
        if ended and ended.get("exitCode") == 0:
            continue
        if ended:
            reason = f"Init:{ended.get('reason') or 'ExitCode:' + str(ended.get('exitCode'))}"
        elif (state.get("waiting") or {}).get("reason") not in (None, "", "PodInitializing"):
            reason = f"Init:{state['waiting']['reason']}"
        else:
            reason = f"Init:{number}/{len(spec_inits)}"
        break
    else:
        reason = _containers_reason(status, reason)
    if objects.deleting(pod):
        return "Unknown" if status.get("reason") == "NodeLost" else (
            reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating")
    return str(reason)


def _containers_reason(status: Object, reason: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or f"ExitCode:{ended.get('exitCode', 0)}"
        elif each.get("ready") and state.get("running"):
            running = True
    if reason == "Completed" and running:
        ready = objects.condition_status({"status": status}, "Ready") == "True"
        return "Running" if ready else "NotReady"
    return reason


def _pod_ready(pod: Object, _: int) -> str:
    statuses = objects.dig(pod, "status.containerStatuses", [])
    ready = sum(1 for each in statuses if each.get("ready") and (each.get("state") or {}).get("running"))
    return f"{ready}/{len(objects.dig(pod, 'spec.containers', []))}"


def _restarts(pod: Object, now_us: int) -> str:
    statuses = objects.dig(pod, "status.containerStatuses", [])
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = [objects.dig(each, "lastState.terminated.finishedAt") for each in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age_of(last, now_us)} ago)" if count and last else str(count)


def _gates(pod: Object, _: int) -> str:
    gates = objects.dig(pod, "spec.readinessGates", [])
    return f"0/{len(gates)}" if gates else "<none>"


# ---- nodes --------------------------------------------------------------------------------------------------------
def node_status(node: Object, _: int = 0) -> str:
    """Give the STATUS of a node. Models: printNode."""
    found = objects.condition(node, "Ready")
    word = "Unknown" if found is None else "Ready" if found["status"] == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if objects.dig(node, "spec.unschedulable") else word


def node_roles(node: Object, _: int = 0) -> str:
    """Give the roles that a node's labels name."""
    prefix = "node-role.kubernetes.io/"
    roles = [label.removeprefix(prefix) for label in objects.labels(node) if label.startswith(prefix)]
    return ",".join(sorted(roles)) or "<none>"


def _node_address(kind: str) -> Cell:
    def cell(node: Object, _: int) -> str:
        found = [a["address"] for a in objects.dig(node, "status.addresses", []) if a["type"] == kind]
        return found[0] if found else "<none>"

    return cell


# ---- workloads ----------------------------------------------------------------------------------------------------
def _ready_of(wanted: str, ready: str = "status.readyReplicas") -> Cell:
    return lambda obj, _: f"{objects.dig(obj, ready, 0)}/{objects.dig(obj, wanted, 0)}"


def _containers(what: str) -> Cell:
    return lambda obj, _: ",".join(str(c.get(what, "")) for c in objects.dig(obj, "spec.template.spec.containers", []))


def _selector(obj: Object, _: int) -> str:
    return selectors.text_of(objects.dig(obj, "spec.selector"))


def _map(path: str) -> Cell:
    def cell(obj: Object, _: int) -> str:
        found = objects.dig(obj, path, {})
        return ",".join(f"{k}={v}" for k, v in sorted(found.items())) or "<none>"

    return cell


def _job_status(obj: Object, _: int) -> str:
    for word in ("Complete", "Failed"):
        if objects.condition_status(obj, word) == "True":
            return word
    return "Suspended" if objects.dig(obj, "spec.suspend") else "Running"


def _job_duration(obj: Object, now_us: int) -> str:
    start, end = objects.dig(obj, "status.startTime"), objects.dig(obj, "status.completionTime")
    if not start:
        return ""
    return times.age(((times.parse(end) if end else now_us) - times.parse(start)) // SECOND)


# ---- services, events, the rest -----------------------------------------------------------------------------------
def _service_ports(obj: Object, _: int) -> str:
    parts = []
    for port in objects.dig(obj, "spec.ports", []):
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or "<none>"


def _external(obj: Object, _: int) -> str:
    kind = objects.dig(obj, "spec.type")
    return "<pending>" if kind == "LoadBalancer" else objects.dig(obj, "spec.externalName", "<none>")


def _last_seen(event: Object, now_us: int) -> str:
    last = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    first = event.get("firstTimestamp") or last
    count = event.get("count", 1) or 1
    if count > 1:
        return f"{age_of(last, now_us)} (x{count} over {age_of(first, now_us)})"
    return age_of(last, now_us)


def _about(event: Object, _: int) -> str:
    found = event.get("involvedObject") or {}
    return f"{found.get('kind', '').lower()}/{found.get('name', '')}"


def _budget(path: str) -> Cell:
    return lambda obj, _: str(objects.dig(obj, path, "N/A"))


def _endpoints(obj: Object, _: int) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or [] for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    ]
    if not found:
        return "<none>"
    return ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "")


def _slice_ports(obj: Object, _: int) -> str:
    return ",".join(str(port.get("port")) for port in obj.get("ports") or []) or "<unset>"


def _slice_addresses(obj: Object, _: int) -> str:
    found = [address for endpoint in obj.get("endpoints") or [] for address in endpoint["addresses"]]
    return ",".join(found[:3]) + (f" + {len(found) - 3} more..." if len(found) > 3 else "") or "<unset>"


def _controller(obj: Object, _: int) -> str:
    """Models: printControllerRevision: `statefulset.apps/db`."""
    owner = objects.controller_of(obj)
    if owner is None:
        return "<none>"
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"


AGE: tuple[str, int, Cell] = ("Age", 0, _age)
NAME: tuple[str, int, Cell] = ("Name", 0, _name)
TEMPLATE: Columns = (("Containers", 1, _containers("name")), ("Images", 1, _containers("image")))
COLUMNS: dict[str, Columns] = {
    "pods": (
        NAME, ("Ready", 0, _pod_ready), ("Status", 0, lambda pod, _: pod_status(pod)), ("Restarts", 0, _restarts), AGE,
        ("IP", 1, _at("status.podIP")), ("Node", 1, _at("spec.nodeName")),
        ("Nominated Node", 1, _at("status.nominatedNodeName")), ("Readiness Gates", 1, _gates)),
    "nodes": (
        NAME, ("Status", 0, node_status), ("Roles", 0, node_roles), AGE,
        ("Version", 0, _at("status.nodeInfo.kubeletVersion", "")), ("Internal-IP", 1, _node_address("InternalIP")),
        ("External-IP", 1, _node_address("ExternalIP")), ("OS-Image", 1, _at("status.nodeInfo.osImage", "<unknown>")),
        ("Kernel-Version", 1, _at("status.nodeInfo.kernelVersion", "<unknown>")),
        ("Container-Runtime", 1, _at("status.nodeInfo.containerRuntimeVersion", "<unknown>"))),
    "deployments": (
        NAME, ("Ready", 0, _ready_of("spec.replicas")), ("Up-to-date", 0, _number("status.updatedReplicas")),
        ("Available", 0, _number("status.availableReplicas")), AGE, *TEMPLATE, ("Selector", 1, _selector)),
    "replicasets": (
        NAME, ("Desired", 0, _number("spec.replicas")), ("Current", 0, _number("status.replicas")),
        ("Ready", 0, _number("status.readyReplicas")), AGE, *TEMPLATE, ("Selector", 1, _selector)),
    "replicationcontrollers": (
        NAME, ("Desired", 0, _number("spec.replicas")), ("Current", 0, _number("status.replicas")),
        ("Ready", 0, _number("status.readyReplicas")), AGE, *TEMPLATE, ("Selector", 1, _map("spec.selector"))),
    "daemonsets": (
        NAME, ("Desired", 0, _number("status.desiredNumberScheduled")),
        ("Current", 0, _number("status.currentNumberScheduled")), ("Ready", 0, _number("status.numberReady")),
        ("Up-to-date", 0, _number("status.updatedNumberScheduled")),
        ("Available", 0, _number("status.numberAvailable")),
        ("Node Selector", 0, _map("spec.template.spec.nodeSelector")), AGE, *TEMPLATE, ("Selector", 1, _selector)),
    "statefulsets": (NAME, ("Ready", 0, _ready_of("spec.replicas")), AGE, *TEMPLATE),
    "jobs": (
        NAME, ("Status", 0, _job_status), ("Completions", 0, _ready_of("spec.completions", "status.succeeded")),
        ("Duration", 0, _job_duration), AGE, *TEMPLATE, ("Selector", 1, _selector)),
    "services": (
        NAME, ("Type", 0, _at("spec.type")), ("Cluster-IP", 0, _at("spec.clusterIP")), ("External-IP", 0, _external),
        ("Port(s)", 0, _service_ports), AGE, ("Selector", 1, _map("spec.selector"))),
    "endpoints": (NAME, ("Endpoints", 0, _endpoints), AGE),
    "endpointslices": (
        NAME, ("AddressType", 0, _at("addressType")), ("Ports", 0, _slice_ports),
        ("Endpoints", 0, _slice_addresses), AGE),
    "controllerrevisions": (NAME, ("Controller", 0, _controller), ("Revision", 0, _number("revision")), AGE),
    "namespaces": (NAME, ("Status", 0, _at("status.phase")), AGE),
    "configmaps": (NAME, ("Data", 0, lambda o, _: len(o.get("data") or {}) + len(o.get("binaryData") or {})), AGE),
    "secrets": (NAME, ("Type", 0, _at("type")), ("Data", 0, lambda o, _: len(o.get("data") or {})), AGE),
    "serviceaccounts": (NAME, AGE),
    "poddisruptionbudgets": (
        NAME, ("Min Available", 0, _budget("spec.minAvailable")), ("Max Unavailable", 0, _budget("spec.maxUnavailable")),
        ("Allowed Disruptions", 0, _number("status.disruptionsAllowed")), AGE),
    "priorityclasses": (
        NAME, ("Value", 0, _number("value")), ("Global-Default", 0, lambda o, _: str(bool(o.get("globalDefault"))).lower()),
        AGE, ("PreemptionPolicy", 0, _at("preemptionPolicy"))),
    "leases": (NAME, ("Holder", 0, _at("spec.holderIdentity", "")), AGE),
    "events": (
        ("Last Seen", 0, _last_seen), ("Type", 0, _at("type")), ("Reason", 0, _at("reason")), ("Object", 0, _about),
        ("Subobject", 1, _at("involvedObject.fieldPath", "")), ("Source", 1, _at("source.component", "")),
        ("Message", 0, lambda o, _: str(o.get("message", "")).strip()),
        ("First Seen", 1, lambda o, now: age_of(o.get("firstTimestamp"), now)),
        ("Count", 1, lambda o, _: str(o.get("count", 1))), ("Name", 1, _name)),
}


def table(row: Resource, items: list[Object], now_us: int) -> Object:
    """Make a meta.k8s.io/v1 Table of the objects; now_us is microseconds since 1970."""
    columns = COLUMNS.get(row.resource) or (
        NAME, ("Created At", 0, lambda obj, _: obj["metadata"].get("creationTimestamp", "")))
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [{"name": name, "type": "string", "priority": priority} for name, priority, _ in columns],
        "rows": [
            {"cells": [cell(item, now_us) for _, _, cell in columns],
             "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}}
            for item in items
        ],
    }


def discovery(path: str, version: str) -> Any:
    """Answer a URL that is not a resource: /api, /apis, /version, health."""
    from sim.api.client import Response
    from sim.api.errors import StatusError

    if path.rstrip("/") in ("/api", "/apis"):
        return Response(200, {"kind": "APIGroupDiscoveryList", "resources": [_described(row) for row in ROWS]})
    if path == "/version":
        major, minor, _ = version.split(".", 2)
        return Response(200, {"major": major, "minor": minor, "gitVersion": f"v{version}", "platform": "linux/amd64"})
    if path.split("?", maxsplit=1)[0] in ("/healthz", "/livez", "/readyz"):
        return Response(200, "ok")
    raise StatusError(404, "NotFound", "the server could not find the requested resource")


def _described(row: Resource) -> Object:
    verbs = ("get", "list") if row.resource == "componentstatuses" else ALL_VERBS
    return {
        "resource": row.resource, "kind": row.kind, "group": row.group, "version": row.version,
        "namespaced": row.namespaced, "singular": row.singular, "shortNames": list(row.short_names),
        "categories": list(row.categories), "verbs": list(verbs), "subresources": list(row.subresources),
    }
