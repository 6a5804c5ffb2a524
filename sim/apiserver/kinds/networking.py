"""Ingresses, network policies, slices, autoscalers, leases, runtime classes, custom kinds.

Models: pkg/apis/{networking,discovery,autoscaling,coordination,node}/validation, apiextensions-apiserver, printers.go.
Left out: most of the validation of ingress rules and of CRD schemas.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds.columns import AGE, CREATED_AT, NAME, at, at_most, selector
from sim.apiserver.kinds.row import Resource, Strategy, defaulted, listed

NETWORKING = "networking.k8s.io"
UNKNOWN = "<unset>"


# ---- networking ---------------------------------------------------------------------------------------------------
def _validate_ingress(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        faults.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    for number, rule in enumerate(spec.get("rules") or []):
        for at_, path in enumerate(objects.dig(rule, "http.paths", [])):
            here = f"spec.rules[{number}].http.paths[{at_}]"
            faults.one_of(f"{here}.pathType", path.get("pathType"), ("Exact", "ImplementationSpecific", "Prefix"),
                          optional=False)
            if path.get("pathType") in ("Exact", "Prefix") and not str(path.get("path", "")).startswith("/"):
                faults.invalid(f"{here}.path", path.get("path", ""), "must be an absolute path")
            if not objects.dig(path, "backend.service.name") and not objects.dig(path, "backend.resource"):
                faults.required(f"{here}.backend.service.name")


def _hosts(obj: Object, _: int) -> str:
    return at_most([rule["host"] for rule in objects.dig(obj, "spec.rules", []) if rule.get("host")], 3, "*")


def _ingress_address(obj: Object, _: int) -> str:
    found = [each.get("ip") or each.get("hostname", "") for each in objects.dig(obj, "status.loadBalancer.ingress", [])]
    return ",".join(found)


def _parameters(obj: Object, _: int) -> str:
    found = objects.dig(obj, "spec.parameters")
    if not found:
        return "<none>"
    group = found.get("apiGroup")
    return f"{found['kind']}{'.' + group if group else ''}/{found['name']}"


def _policy(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    for way in ("ingress", "egress"):
        spec = listed(spec, way, lambda rule: listed(rule, "ports", lambda port: defaulted(port, {"protocol": "TCP"})))
    if spec.get("policyTypes"):
        return obj if spec is obj.get("spec") else {**obj, "spec": spec}
    return {**obj, "spec": {**spec, "policyTypes": ["Ingress", *(["Egress"] if spec.get("egress") else [])]}}


def _validate_policy(obj: Object, faults: Faults) -> None:
    faults.selector("spec.podSelector", objects.dig(obj, "spec.podSelector", {}))
    for number, kind in enumerate(objects.dig(obj, "spec.policyTypes", [])):
        faults.one_of(f"spec.policyTypes[{number}]", kind, ("Egress", "Ingress"))


NETWORK_ROWS = (
    Resource("ingressclasses", "IngressClass", NETWORKING, namespaced=False, since=19, older="v1beta1",
             spec_fields=("spec",),
             columns=(NAME, ("Controller", 0, at("spec.controller", "")), ("Parameters", 0, _parameters), AGE)),
    Resource("ingresses", "Ingress", NETWORKING, short_names=("ing",), subresources=("status",), since=19, older="v1beta1",
             spec_fields=("spec",), strategy=Strategy(validate=_validate_ingress, status={"loadBalancer": {}}),
             columns=(
                 NAME, ("Class", 0, at("spec.ingressClassName")), ("Hosts", 0, _hosts), ("Address", 0, _ingress_address),
                 ("Ports", 0, lambda o, _: "80, 443" if objects.dig(o, "spec.tls") else "80"), AGE)),
    Resource("ipaddresses", "IPAddress", NETWORKING, namespaced=False, short_names=("ip",), modelled=False, since=33),
    Resource("networkpolicies", "NetworkPolicy", NETWORKING, short_names=("netpol",), spec_fields=("spec",),
             strategy=Strategy(_policy, validate=_validate_policy),
             columns=(NAME, ("Pod-Selector", 0, selector("spec.podSelector")), AGE)),
    Resource("servicecidrs", "ServiceCIDR", NETWORKING, namespaced=False, modelled=False, since=33),
)


# ---- slices -------------------------------------------------------------------------------------------------------
def _validate_slice(obj: Object, faults: Faults) -> None:
    if not obj.get("addressType"):
        faults.required("addressType")
    for number, endpoint in enumerate(obj.get("endpoints") or []):
        if not endpoint.get("addresses"):
            faults.required(f"endpoints[{number}].addresses", "must contain at least 1 address")


SLICES = Resource(
    "endpointslices", "EndpointSlice", "discovery.k8s.io", since=21, older="v1beta1", spec_fields=("endpoints", "ports", "addressType"),
    strategy=Strategy(validate=_validate_slice),
    columns=(
        NAME, ("AddressType", 0, at("addressType", "")),
        ("Ports", 0, lambda o, _: at_most([str(p.get("port", "*")) for p in o.get("ports") or []], 3, "<unset>")),
        ("Endpoints", 0, lambda o, _: at_most(
            [address for each in o.get("endpoints") or [] for address in each["addresses"]], 3, "<unset>")), AGE))


BEHAVIOR = {
    "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]},
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}
"""How fast an autoscaler that says something about it scales. Models: pkg/apis/autoscaling/v2/defaults.go."""


# ---- autoscaling --------------------------------------------------------------------------------------------------
def _autoscaler(obj: Object) -> Object:
    """Default an autoscaler, and lift one of autoscaling/v1 to v2."""
    spec = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None or not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80 if percent is None else percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if spec.get("behavior"):
        spec["behavior"] = defaulted(spec["behavior"], BEHAVIOR)
    return {**obj, "spec": defaulted(spec, {"minReplicas": 1})}


def _validate_autoscaler(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        faults.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        faults.invalid("spec.maxReplicas", most, "must be greater than 0")
    if most < least:
        faults.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for part in ("kind", "name"):
        if not objects.dig(spec, f"scaleTargetRef.{part}"):
            faults.required(f"spec.scaleTargetRef.{part}")


def _reference(obj: Object, _: int) -> str:
    return f"{objects.dig(obj, 'spec.scaleTargetRef.kind', '')}/{objects.dig(obj, 'spec.scaleTargetRef.name', '')}"


def _target(metric: Object, current: Object | None) -> str:
    name, target = objects.dig(metric, "resource.name", "?"), objects.dig(metric, "resource.target", {})
    now = objects.dig(current, "resource.current", {})
    if target.get("averageUtilization") is not None:
        used = now.get("averageUtilization")
        return f"{name}: {'<unknown>' if used is None else f'{used}%'}/{target['averageUtilization']}%"
    used = now.get("averageValue", "<unknown>")
    return f"{name}: {used}/{target.get('averageValue', '<auto>')}"


def _targets(obj: Object, _: int) -> str:
    metrics, now = objects.dig(obj, "spec.metrics", []), objects.dig(obj, "status.currentMetrics", [])
    found = [_target(metric, now[n] if n < len(now) else None) for n, metric in enumerate(metrics)]
    if len(found) > 2:
        return ", ".join(found[:2]) + f" + {len(found) - 2} more..."
    return ", ".join(found) or "<none>"


AUTOSCALER = Resource(
    "horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", "v2", short_names=("hpa",),
    categories=("all",), subresources=("status",), since=23, older="v1",
    strategy=Strategy(_autoscaler, validate=_validate_autoscaler, status={
        "currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None, "conditions": None}),
    columns=(
        NAME, ("Reference", 0, _reference), ("Targets", 0, _targets),
        ("MinPods", 0, lambda o, _: str(objects.dig(o, "spec.minReplicas", UNKNOWN))),
        ("MaxPods", 0, at("spec.maxReplicas", 0)), ("Replicas", 0, at("status.currentReplicas", 0)), AGE))
LEASES = Resource("leases", "Lease", "coordination.k8s.io", subresources=("heartbeat",), since=14, older="v1beta1",
                  columns=(NAME, ("Holder", 0, at("spec.holderIdentity", "")), AGE))
RUNTIME_CLASS = Resource("runtimeclasses", "RuntimeClass", "node.k8s.io", namespaced=False, since=20, older="v1beta1",
                         columns=(NAME, ("Handler", 0, at("handler", "")), AGE))


# ---- custom kinds -------------------------------------------------------------------------------------------------
def _definition(obj: Object) -> Object:
    names = dict(objects.dig(obj, "spec.names", {}))
    kind = names.get("kind", "")
    names = defaulted(names, {"singular": kind.lower(), "listKind": f"{kind}List"})
    return objects.put(defaulted(obj, {"spec": {"conversion": {"strategy": "None"}}}), "spec.names", names)


def _validate_definition(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    names, group = spec.get("names") or {}, spec.get("group", "")
    wanted = f"{names.get('plural', '')}.{group}"
    if objects.name(obj) != wanted:
        faults.invalid("metadata.name", objects.name(obj), 'must be spec.names.plural+"."+spec.group')
    if not group:
        faults.required("spec.group")
    elif "." not in group:
        faults.invalid("spec.group", group, "should be a domain with at least one dot")
    faults.one_of("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"), optional=False)
    versions = spec.get("versions") or []
    if sum(bool(v.get("storage")) for v in versions) != 1:
        faults.invalid("spec.versions", versions, "must have exactly one version marked as storage version")
    for number, version in enumerate(versions):
        if not objects.dig(version, "schema.openAPIV3Schema"):
            faults.required(f"spec.versions[{number}].schema.openAPIV3Schema", "schemas are required")
    for part in ("plural", "kind"):
        if not names.get(part):
            faults.required(f"spec.names.{part}")
        elif part == "plural":
            faults.invalid("spec.names.plural", names[part], validation.dns_1035_label(names[part]))


def _established(obj: Object) -> Object:
    stamp = obj["metadata"].get("creationTimestamp")
    names = objects.dig(obj, "spec.names", {})
    stored = [v["name"] for v in objects.dig(obj, "spec.versions", []) if v.get("storage")]
    conditions = [
        {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found",
         "lastTransitionTime": stamp},
        {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
         "message": "the initial names have been accepted", "lastTransitionTime": stamp},
    ]
    return {**obj, "status": {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}}


def _service(obj: Object, _: int) -> str:
    found = objects.dig(obj, "spec.service")
    return f"{found['namespace']}/{found['name']}" if found else "Local"


def _available(obj: Object, _: int) -> str:
    found = objects.condition(obj, "Available") or {"status": "Unknown"}
    return str(found["status"]) if found["status"] == "True" else f"{found['status']} ({found.get('reason', '')})"


API_SERVICES = Resource(
    "apiservices", "APIService", "apiregistration.k8s.io", namespaced=False, categories=("api-extensions",),
    subresources=("status",), since=10, strategy=Strategy(name_rule=lambda name: ""),
    columns=(NAME, ("Service", 0, _service), ("Available", 0, _available), AGE))
DEFINITIONS = Resource(
    "customresourcedefinitions", "CustomResourceDefinition", "apiextensions.k8s.io", namespaced=False,
    short_names=("crd", "crds"), categories=("api-extensions",), subresources=("status",), spec_fields=("spec",),
    columns=CREATED_AT,
    strategy=Strategy(_definition, _established, validate=_validate_definition, name_rule=lambda name: ""))


def custom(definition: Object) -> Resource:
    """Make the row of a custom kind from its definition."""
    spec: dict[str, Any] = definition["spec"]
    names = spec["names"]
    version: Object = next((v for v in spec["versions"] if v.get("storage")), spec["versions"][0])
    printed = tuple(
        (column["name"], 1 if column.get("priority") else 0, at(column["jsonPath"].lstrip("."), ""))
        for column in version.get("additionalPrinterColumns") or [])
    own = version.get("subresources") or {}
    return Resource(
        objects.name(definition), names["kind"], spec["group"], version["name"], spec["scope"] == "Namespaced",
        tuple(names.get("shortNames") or ()), tuple(names.get("categories") or ()),
        tuple(part for part in ("status", "scale") if part in own), ("spec",),
        columns=(NAME, *printed, *(() if printed else (AGE,))), name=names["plural"])
