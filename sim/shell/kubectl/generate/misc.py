"""create namespace, quota, poddisruptionbudget, priorityclass, ingress.

Models: kubectl/pkg/cmd/create/create_{namespace,quota,pdb,priorityclass,ingress}.go.
"""

from __future__ import annotations

import re

from sim.api import selectors
from sim.api.client import Object
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import finish, mapping, metadata, name_of
from sim.shell.kubectl.resource.amounts import amounts
from sim.shell.kubectl.words.verbs import Verb

NAMESPACE = mapping("namespaces", "Namespace", namespaced=False)
QUOTA = mapping("resourcequotas", "ResourceQuota")
BUDGET = mapping("poddisruptionbudgets", "PodDisruptionBudget", "policy")
PRIORITY = mapping("priorityclasses", "PriorityClass", "scheduling.k8s.io", namespaced=False)
INGRESS = mapping("ingresses", "Ingress", "networking.k8s.io")
RULE = re.compile(r"(?P<host>[\w\*\-\.]*/?)(?P<path>[\w\*\-\./]*)=(?P<service>[\w\-]*)(:)(?P<port>[\w\-]*)(?P<tls>,tls(=(?P<secret>[\w\-]*))?)?")
RULE_TEXT = "rule {} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
NOTHING = ("not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) "
           "or a list of rules (which catch specific paths)")


def namespace(inv: Invocation) -> Steps[int]:
    """Run `kubectl create namespace`."""
    obj = {"metadata": metadata(inv, NAMESPACE, name_of(inv)), "spec": {}, "status": {}}
    return (yield from finish(inv, NAMESPACE, obj))


def quota(inv: Invocation) -> Steps[int]:
    """Run `kubectl create quota`."""
    hard = amounts(inv.flags["hard"] or "")
    scopes = [scope for scope in (inv.flags["scopes"] or "").split(",") if scope]
    spec = {**({"hard": hard} if hard else {}), **({"scopes": scopes} if scopes else {})}
    obj = {"metadata": metadata(inv, QUOTA, name_of(inv)), "spec": spec, "status": {}}
    return (yield from finish(inv, QUOTA, obj, wrapped="quota"))


def _selector(text: str) -> Object:
    """Read a selector as an object. Raises UsageError. Models: metav1.ParseToLabelSelector."""
    try:
        requirements = selectors.parse(text).requirements
    except ValueError as error:
        raise UsageError(f"couldn't parse the selector string \"{text}\": {error}") from None
    if "!=" in text:
        raise UsageError('"!=" is not a valid label selector operator')
    labels: dict[str, str] = {}
    expressions: list[Object] = []
    for each in requirements:
        if each.operator == "In" and len(each.values) == 1 and not re.search(rf"(^|,)\s*{re.escape(each.key)}\s+in\b", text):
            labels[each.key] = each.values[0]
        else:
            expressions.append({"key": each.key, "operator": each.operator,
                                **({"values": list(each.values)} if each.values else {})})
    return {**({"matchLabels": labels} if labels else {}), **({"matchExpressions": expressions} if expressions else {})}


def budget(inv: Invocation) -> Steps[int]:
    """Run `kubectl create poddisruptionbudget`."""
    name, least, most = name_of(inv), inv.flags["min-available"], inv.flags["max-unavailable"]
    if not inv.flags["selector"]:
        raise UsageError("a selector must be specified")
    if not least and not most:
        raise UsageError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise UsageError("min-available and max-unavailable cannot be both specified")
    text = least or most
    if not re.fullmatch(r"\d+%?", text):
        raise UsageError(f"invalid format specified for {'min-available' if least else 'max-unavailable'}")
    value: int | str = int(text) if text.isdigit() else text
    selector = _selector(inv.flags["selector"])
    spec = {"minAvailable": value, "selector": selector} if least else {"selector": selector, "maxUnavailable": value}
    status = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    obj = {"metadata": metadata(inv, BUDGET, name), "spec": spec, "status": status}
    return (yield from finish(inv, BUDGET, obj, wrapped="poddisruptionbudgets"))


def priority_class(inv: Invocation) -> Steps[int]:
    """Run `kubectl create priorityclass`."""
    flags = inv.flags
    obj: Object = {
        "metadata": metadata(inv, PRIORITY, name_of(inv)), "value": flags["value"],
        **({"globalDefault": True} if flags["global-default"] else {}),
        **({"description": flags["description"]} if flags["description"] else {}),
        "preemptionPolicy": flags["preemption-policy"] or "PreemptLowerPriority"}
    return (yield from finish(inv, PRIORITY, obj, wrapped="priorityclass"))


# ---- ingress ------------------------------------------------------------------------------------------------------
def _backend(service: str, port: str) -> Object:
    return {"service": {"name": service, "port": {"number": int(port)} if port.isdigit() else {"name": port}}}


def ingress(inv: Invocation) -> Steps[int]:
    """Run `kubectl create ingress`."""
    name, texts, default = name_of(inv), inv.flags["rule"] or [], inv.flags["default-backend"]
    if not texts and not default:
        raise UsageError(NOTHING)
    hosts: dict[str, list[Object]] = {}
    secrets: dict[str, list[str]] = {}
    for text in texts:
        found = RULE.fullmatch(text)
        if found is None:
            raise UsageError(RULE_TEXT.format(text))
        host, path = found["host"].rstrip("/"), f"/{found['path']}" if not found["path"].startswith("/") else found["path"]
        kind = "Prefix" if path.endswith("*") else "Exact"
        hosts.setdefault(host, []).append({"path": path.rstrip("*"), "pathType": kind,
                                           "backend": _backend(found["service"], found["port"])})
        if found["tls"]:
            secrets.setdefault(found["secret"] or "", []).append(host)
    spec: Object = {}
    if inv.flags["class"]:
        spec["ingressClassName"] = inv.flags["class"]
    if default:
        spec["defaultBackend"] = _backend(*_split_backend(default))
    if secrets:
        spec["tls"] = [{"hosts": [h for h in dict.fromkeys(each) if h], **({"secretName": secret} if secret else {})}
                       for secret, each in secrets.items()]
    if hosts:
        spec["rules"] = [{**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in hosts.items()]
    notes = dict(pair.split("=", 1) for pair in inv.flags["annotation"] or [] if "=" in pair)
    obj = {"metadata": metadata(inv, INGRESS, name, annotations=notes), "spec": spec, "status": {"loadBalancer": {}}}
    return (yield from finish(inv, INGRESS, obj, wrapped="ingress"))


def _split_backend(text: str) -> tuple[str, str]:
    service, colon, port = text.partition(":")
    if not colon or not port:
        raise UsageError("default-backend should be in format servicename:serviceport")
    return service, port


COMMON = ("dry-run", "output", "save-config", "validate", "field-manager")
VERBS = {
    "create namespace": Verb(namespace, COMMON),
    "create quota": Verb(quota, (*COMMON, "hard", "scopes")),
    "create poddisruptionbudget": Verb(budget, (*COMMON, "selector", "min-available", "max-unavailable")),
    "create priorityclass": Verb(priority_class, (
        *COMMON, "value", "global-default", "description", "preemption-policy")),
    "create ingress": Verb(ingress, (*COMMON, "rule", "default-backend", "class", "annotation")),
}
