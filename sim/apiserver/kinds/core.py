"""The core group but pods: nodes, namespaces, services, configuration, events.

Models: pkg/apis/core/{v1/defaults.go,validation/validation.go}, pkg/registry/core, printers.go. Left out: load
balancers' source ranges, dual stack, session affinity timeouts, node config sources.
"""

from __future__ import annotations

import base64
from typing import Any

from sim.api import objects, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds import podspec
from sim.apiserver.kinds.columns import AGE, NAME, age_of, at, at_most, pairs
from sim.apiserver.kinds.row import Cell, Columns, Resource, Strategy, defaulted

SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
NODE_PORTS = (30000, 32767)
LARGEST_BYTES = 1024 * 1024


# ---- nodes --------------------------------------------------------------------------------------------------------
def _validate_node(obj: Object, faults: Faults) -> None:
    seen = set()
    for number, taint in enumerate(objects.dig(obj, "spec.taints", [])):
        path, key = f"metadata.taints[{number}]", taint.get("key", "")
        faults.invalid(f"{path}.key", key, validation.qualified_name(key))
        if taint.get("value"):
            faults.invalid(f"{path}.value", taint["value"], validation.label_value(taint["value"]))
        faults.one_of(f"{path}.effect", taint.get("effect"), podspec.EFFECTS, optional=False)
        if (key, taint.get("effect")) in seen:
            faults.duplicate(path, taint)
        seen.add((key, taint.get("effect")))


def _update_node(new: Object, old: Object, faults: Faults) -> None:
    before, after = objects.dig(old, "spec.podCIDRs", []), objects.dig(new, "spec.podCIDRs", [])
    if before and before != after:
        faults.forbidden("spec", "node updates may not change podCIDR except from \"\" to valid")


def node_status(node: Object, _: int = 0) -> str:
    """Give the STATUS of a node. Models: printNode."""
    found = objects.condition(node, "Ready")
    word = "Unknown" if found is None else "Ready" if found["status"] == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if objects.dig(node, "spec.unschedulable") else word


def node_roles(node: Object, _: int = 0) -> str:
    """Give the roles that a node's labels name."""
    prefix = "node-role.kubernetes.io/"
    roles = {label.removeprefix(prefix) for label in objects.labels(node) if label.startswith(prefix)}
    roles |= {value for label, value in objects.labels(node).items() if label == "kubernetes.io/role" and value}
    return ",".join(sorted(roles)) or "<none>"


def _address(kind: str) -> Cell:
    def cell(node: Object, _: int) -> str:
        found = [a["address"] for a in objects.dig(node, "status.addresses", []) if a["type"] == kind]
        return found[0] if found else "<none>"

    return cell


def kernel(node: Object, _: int) -> str:
    """Give the kernel's version; from 1.36 on kubectl shows the architecture beside it (see tables)."""
    return str(objects.dig(node, "status.nodeInfo.kernelVersion", "<unknown>"))


# ---- namespaces ---------------------------------------------------------------------------------------------------
def _namespace(obj: Object) -> Object:
    labels = {**objects.labels(obj), "kubernetes.io/metadata.name": objects.name(obj)}
    return obj if labels == objects.labels(obj) else objects.put(obj, "metadata.labels", labels)


def _prepare_namespace(obj: Object) -> Object:
    finalizers = objects.dig(obj, "spec.finalizers", [])
    return objects.put(obj, "spec.finalizers", [*finalizers, *(["kubernetes"] if "kubernetes" not in finalizers else [])])


# ---- services -----------------------------------------------------------------------------------------------------
def _service(obj: Object) -> Object:
    given = obj.get("spec") or {}
    spec = defaulted(given, {"type": "ClusterIP", "sessionAffinity": "None"})
    kind = spec["type"]
    if kind != "ExternalName":
        spec = defaulted(spec, {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
                                "ipFamilyPolicy": "SingleStack"})
    if kind in ("NodePort", "LoadBalancer"):
        spec = defaulted(spec, {"externalTrafficPolicy": "Cluster"})
    if kind == "LoadBalancer":
        spec = defaulted(spec, {"allocateLoadBalancerNodePorts": True})
    if spec.get("ports"):
        ports = [defaulted(p, {"protocol": "TCP", "targetPort": p.get("port")}) for p in spec["ports"]]
        if any(a is not b for a, b in zip(ports, spec["ports"], strict=True)):
            spec = {**spec, "ports": ports}
    return obj if spec is given else {**obj, "spec": spec}


def _validate_service(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    kind, ports = spec.get("type"), spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        faults.required("spec.ports")
    if kind == "LoadBalancer" and headless:
        faults.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services")
    if kind == "NodePort" and headless:
        faults.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services")
    if kind == "ExternalName":
        if not spec.get("externalName"):
            faults.required("spec.externalName")
        else:
            faults.invalid("spec.externalName", spec["externalName"], validation.dns_subdomain(spec["externalName"].rstrip(".")))
    names: set[str] = set()
    for number, port in enumerate(ports):
        path, name = f"spec.ports[{number}]", port.get("name", "")
        if not name and len(ports) > 1:
            faults.required(f"{path}.name")
        elif name:
            wrong = validation.dns_label(name)
            faults.invalid(f"{path}.name", name, wrong)
            if not wrong and name in names:
                faults.duplicate(f"{path}.name", name)
            names.add(name)
        faults.port(f"{path}.port", port.get("port", 0))
        faults.one_of(f"{path}.protocol", port.get("protocol", "TCP"), podspec.PROTOCOLS)
        faults.port(f"{path}.targetPort", port.get("targetPort", port.get("port", 0)))
    for key, value in sorted((spec.get("selector") or {}).items()):
        faults.invalid("spec.selector", key, validation.qualified_name(key))
        faults.invalid("spec.selector", value, validation.label_value(value))
    faults.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    faults.one_of("spec.type", kind, SERVICE_TYPES)
    seen = set()
    for number, port in enumerate(ports):
        pair = (port.get("protocol"), port.get("port"))
        if pair in seen:
            faults.duplicate(f"spec.ports[{number}]", {"Name": "", "Protocol": pair[0], "AppProtocol": None,
                                                       "Port": pair[1], "TargetPort": port.get("targetPort"),
                                                       "NodePort": port.get("nodePort", 0)})
        seen.add(pair)
        if kind == "ClusterIP" and port.get("nodePort"):
            faults.forbidden(f"spec.ports[{number}].nodePort", "may not be used when `type` is 'ClusterIP'")


def _keep_allocated(new: Object, old: Object) -> Object:
    """Keep address and node ports that a client left out; drop node ports that the new type has no use for.

    Models: pkg/registry/core/service/strategy.go (patchAllocatedValues, dropTypeDependentFields).
    """
    before, spec = old["spec"], dict(new.get("spec") or {})
    wants = {kind: kind in ("NodePort", "LoadBalancer") for kind in SERVICE_TYPES}
    was, is_ = wants.get(str(before.get("type")), False), wants.get(str(spec.get("type")), False)
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName" and not spec.get("clusterIP"):
        spec.update({name: before[name] for name in ("clusterIP", "clusterIPs") if name in before})
    given = {(p.get("protocol"), p.get("port")): p.get("nodePort") for p in before.get("ports") or []}
    ports = []
    for port in spec.get("ports") or []:
        held = given.get((port.get("protocol"), port.get("port")))
        if was and is_ and held and not port.get("nodePort"):
            port = {**port, "nodePort": held}
        elif was and not is_ and port.get("nodePort") == held:
            port = {name: value for name, value in port.items() if name != "nodePort"}
        ports.append(port)
    if ports:
        spec["ports"] = ports
    if was and not is_:
        for name in ("externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort"):
            spec.pop(name, None)
    return {**new, "spec": spec}


def _update_service(new: Object, old: Object, faults: Faults) -> None:
    before, after = objects.dig(old, "spec.clusterIP"), objects.dig(new, "spec.clusterIP")
    if before and after != before and "ExternalName" not in (
        objects.dig(old, "spec.type"), objects.dig(new, "spec.type")
    ):
        faults.invalid("spec.clusterIPs[0]", [after] if after else None, "may not change once set")


def _service_ports(obj: Object, _: int) -> str:
    parts = []
    for port in objects.dig(obj, "spec.ports", []):
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        parts.append(f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}")
    return ",".join(parts) or "<none>"


def _external(obj: Object, _: int) -> str:
    """Models: getServiceExternalIP."""
    kind = objects.dig(obj, "spec.type")
    ips = objects.dig(obj, "spec.externalIPs", [])
    if kind == "LoadBalancer":
        found = [i.get("ip") or i.get("hostname") for i in objects.dig(obj, "status.loadBalancer.ingress", [])]
        return ",".join([*found, *ips]) or "<pending>"
    if kind == "ExternalName":
        return str(objects.dig(obj, "spec.externalName", "<none>"))
    return ",".join(ips) or "<none>"


# ---- configuration ------------------------------------------------------------------------------------------------
def _validate_data(obj: Object, faults: Faults) -> None:
    size = 0
    for group in ("data", "binaryData"):
        for key, value in sorted((obj.get(group) or {}).items()):
            faults.invalid(f"{group}[{key}]", key, validation.config_key(key))
            size += len(value)
    both = sorted(set(obj.get("data") or {}) & set(obj.get("binaryData") or {}))
    for key in both if obj["kind"] == "ConfigMap" else ():
        faults.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    if size > LARGEST_BYTES:
        faults.invalid("", "", f"Too long: may not be more than {LARGEST_BYTES} bytes")


def _kept(new: Object, old: Object, faults: Faults) -> None:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        faults.forbidden("immutable", "field is immutable when `immutable` is set")
    for group in ("data", "binaryData"):
        if new.get(group) != old.get(group):
            faults.forbidden(group, "field is immutable when `immutable` is set")


def _secret(obj: Object) -> Object:
    out = defaulted(obj, {"type": "Opaque"})
    texts = out.get("stringData")
    if texts is None:
        return out
    data = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
    out = {name: value for name, value in out.items() if name != "stringData"}
    return {**out, "data": {**(out.get("data") or {}), **data}} if data else out


SECRET_KEYS = {"kubernetes.io/dockerconfigjson": (".dockerconfigjson",), "kubernetes.io/tls": ("tls.crt", "tls.key"),
               "kubernetes.io/ssh-auth": ("ssh-privatekey",)}


def _validate_secret(obj: Object, faults: Faults) -> None:
    _validate_data(obj, faults)
    for key in SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in (obj.get("data") or {}):
            faults.required(f"data[{key}]")


def _update_secret(new: Object, old: Object, faults: Faults) -> None:
    if new.get("type") != old.get("type"):
        faults.invalid("type", new.get("type"), validation.IMMUTABLE)
    _kept(new, old, faults)


# ---- events and endpoints -----------------------------------------------------------------------------------------
def _last_seen(event: Object, now_us: int) -> str:
    series = event.get("series") or {}
    last = event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime") or (
        event["metadata"].get("creationTimestamp"))
    first = event.get("firstTimestamp") or event.get("eventTime") or last
    count = series.get("count") or event.get("count", 1) or 1
    if count > 1:
        return f"{age_of(last, now_us)} (x{count} over {age_of(first, now_us)})"
    return age_of(last, now_us)


def _about(event: Object, _: int) -> str:
    found = event.get("involvedObject") or {}
    return f"{found.get('kind', '').lower()}/{found.get('name', '')}"


def _source(event: Object, _: int) -> str:
    component = objects.dig(event, "source.component") or event.get("reportingComponent", "")
    host = objects.dig(event, "source.host") or event.get("reportingInstance", "")
    return f"{component}, {host}" if host else str(component)


def _endpoints(obj: Object, _: int) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or [] for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    ]
    return at_most(found, 3)


def _component(index: int) -> Cell:
    def cell(obj: Object, _: int) -> str:
        found: Object = next((c for c in obj.get("conditions") or [] if c.get("type") == "Healthy"), {})
        word = {"True": "Healthy", "False": "Unhealthy"}.get(found.get("status", ""), "Unknown")
        return (word, str(found.get("message", "")), str(found.get("error", "")))[index]

    return cell


EVENT_FIELDS = tuple(f"involvedObject.{part}" for part in (
    "kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")) + (
    "reason", "reportingComponent", "source", "type")
EVENT_COLUMNS: Columns = (
    ("Last Seen", 0, _last_seen), ("Type", 0, at("type", "")), ("Reason", 0, at("reason", "")), ("Object", 0, _about),
    ("Subobject", 1, at("involvedObject.fieldPath", "")), ("Source", 1, _source),
    ("Message", 0, lambda o, _: str(o.get("message", "")).strip()),
    ("First Seen", 1, lambda o, now: age_of(o.get("firstTimestamp") or o.get("eventTime"), now)),
    ("Count", 1, lambda o, _: str(o.get("count") or 1)), ("Name", 1, lambda o, _: objects.name(o)))


def _size(obj: Object, _: int) -> Any:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


S = ("status",)
BEFORE_LIMITS = (
    Resource("componentstatuses", "ComponentStatus", namespaced=False, short_names=("cs",), verbs=("get", "list"),
             columns=(NAME, ("Status", 0, _component(0)), ("Message", 0, _component(1)), ("Error", 0, _component(2)))),
    Resource("configmaps", "ConfigMap", short_names=("cm",), columns=(NAME, ("Data", 0, _size), AGE),
             strategy=Strategy(validate=_validate_data, validate_update=_kept)),
    Resource("endpoints", "Endpoints", short_names=("ep",), columns=(NAME, ("Endpoints", 0, _endpoints), AGE)),
    Resource("events", "Event", short_names=("ev",), columns=EVENT_COLUMNS, strategy=Strategy(fields=EVENT_FIELDS)),
)
AFTER_LIMITS = (
    Resource("namespaces", "Namespace", namespaced=False, short_names=("ns",), subresources=("status", "finalize"),
             verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
             strategy=Strategy(_namespace, _prepare_namespace, name_rule=validation.dns_label, fields=("status.phase",),
                               status={"phase": "Active"}),
             columns=(NAME, ("Status", 0, at("status.phase", "")), AGE)),
    Resource("nodes", "Node", namespaced=False, short_names=("no",), subresources=("status", "proxy"),
             strategy=Strategy(lambda obj: defaulted(obj, {"spec": {}, "status": {}}), validate=_validate_node,
                               validate_update=_update_node, fields=("spec.unschedulable",)),
             columns=(
                 NAME, ("Status", 0, node_status), ("Roles", 0, node_roles), AGE,
                 ("Version", 0, at("status.nodeInfo.kubeletVersion", "")), ("Internal-IP", 1, _address("InternalIP")),
                 ("External-IP", 1, _address("ExternalIP")),
                 ("OS-Image", 1, at("status.nodeInfo.osImage", "<unknown>")), ("Kernel-Version", 1, kernel),
                 ("Container-Runtime", 1, at("status.nodeInfo.containerRuntimeVersion", "<unknown>")))),
)
CONFIGURATION = (
    Resource("secrets", "Secret",
             columns=(NAME, ("Type", 0, at("type", "")), ("Data", 0, lambda o, _: len(o.get("data") or {})), AGE),
             strategy=Strategy(_secret, validate=_validate_secret, validate_update=_update_secret, fields=("type",))),
    Resource("serviceaccounts", "ServiceAccount", short_names=("sa",), subresources=("token",), columns=(NAME, AGE)),
    Resource("services", "Service", short_names=("svc",), categories=("all",), subresources=(*S, "proxy"),
             strategy=Strategy(_service, prepare_update=_keep_allocated, validate=_validate_service, validate_update=_update_service,
                               name_rule=validation.dns_1035_label, fields=("spec.clusterIP", "spec.type"),
                               status={"loadBalancer": {}}),
             columns=(
                 NAME, ("Type", 0, at("spec.type", "")), ("Cluster-IP", 0, at("spec.clusterIP")),
                 ("External-IP", 0, _external), ("Port(s)", 0, _service_ports), AGE,
                 ("Selector", 1, pairs("spec.selector")))),
)
