"""What objects cost against a ResourceQuota: shared by admission and the quota controller.

Models: pkg/quota/v1/evaluator/core. Left out: device claims, storage-class quotas, priority scope selectors beyond
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sim.api import objects, quantity
from sim.api.client import Object

Amounts = dict[str, Fraction]
COUNTED = ("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers",
           "resourcequotas")
"""Core kinds that a quota counts by their plain plural; all kinds count as `count/RESOURCE.GROUP`."""
COMPUTE = ("cpu", "memory", "ephemeral-storage")
ONE = Fraction(1)


def count_name(resource: str, group: str) -> str:
    """Give the generic name of a count: `count/deployments.apps`, `count/pods`."""
    return f"count/{resource}.{group}" if group else f"count/{resource}"


def counted_by(name: str) -> tuple[str, str]:
    """Tell which resource, of which group, uses a name of a quota's `hard`."""
    if name.startswith("count/"):
        resource, _, group = name.removeprefix("count/").partition(".")
        return resource, group
    if name in ("services.nodeports", "services.loadbalancers"):
        return "services", ""
    if name == "requests.storage":
        return "persistentvolumeclaims", ""
    return (name if name in COUNTED else "pods"), ""


def usage(resource: str, group: str, obj: Object) -> Amounts:
    """Give what the object uses, by the names that a quota's `hard` may have; empty for a finished pod."""
    if resource == "pods" and objects.pod_finished(obj):
        return {}
    used: Amounts = {count_name(resource, group): ONE}
    if not group and resource in COUNTED:
        used[resource] = ONE
    if resource == "pods":
        used.update(_compute(obj))
    elif resource == "services":
        ports = Fraction(len(objects.dig(obj, "spec.ports", [])))
        kind = objects.dig(obj, "spec.type")
        if kind in ("NodePort", "LoadBalancer"):
            used["services.nodeports"] = ports
        if kind == "LoadBalancer":
            used["services.loadbalancers"] = ONE
    elif resource == "persistentvolumeclaims":
        used["requests.storage"] = quantity.parse(objects.dig(obj, "spec.resources.requests.storage", "0"))
    return used


def _compute(pod: Object) -> Amounts:
    used: Amounts = {}
    for group in ("requests", "limits"):
        total: Amounts = {}
        for each in objects.dig(pod, "spec.containers", []):
            for name, text in objects.dig(each, f"resources.{group}", {}).items():
                total[name] = total.get(name, Fraction(0)) + quantity.parse(text)
        for each in objects.dig(pod, "spec.initContainers", []):
            for name, text in objects.dig(each, f"resources.{group}", {}).items():
                total[name] = max(total.get(name, Fraction(0)), quantity.parse(text))
        for name, amount in total.items():
            used[f"{group}.{name}"] = amount
            if group == "requests" and name in COMPUTE:
                used[name] = amount
    return used


def missing(pod: Object, hard: Mapping[str, str]) -> dict[str, list[str]]:
    """Name the computing resources of a quota that containers do not state: resource -> container names."""
    found: dict[str, list[str]] = {}
    for name in sorted(hard):
        group, _, what = name.rpartition(".")
        if name in COMPUTE:
            group, what = "requests", name
        if what not in COMPUTE or group not in ("requests", "limits"):
            continue
        silent = [each["name"] for each in objects.dig(pod, "spec.containers", [])
                  if what not in objects.dig(each, f"resources.{group}", {})]
        if silent:
            found[name] = silent
    return found


def in_scope(quota: Object, resource: str, obj: Object) -> bool:
    """Tell whether a quota's scopes cover the object."""
    scopes = objects.dig(quota, "spec.scopes", [])
    chosen = objects.dig(quota, "spec.scopeSelector.matchExpressions", [])
    if not scopes and not chosen:
        return True
    if resource != "pods":
        return False
    best = objects.dig(obj, "status.qosClass") == "BestEffort" or not any(
        objects.dig(each, "resources.requests", {}) or objects.dig(each, "resources.limits", {})
        for each in objects.dig(obj, "spec.containers", []))
    ends = objects.dig(obj, "spec.activeDeadlineSeconds") is not None
    priority = objects.dig(obj, "spec.priorityClassName", "")
    holds = {"BestEffort": best, "NotBestEffort": not best, "Terminating": ends, "NotTerminating": not ends,
             "PriorityClass": bool(priority)}
    if not all(holds.get(scope, False) for scope in scopes):
        return False
    for part in chosen:
        scope, values = part.get("scopeName"), part.get("values") or []
        if scope == "PriorityClass" and part.get("operator") in ("In", "NotIn"):
            if (priority in values) != (part["operator"] == "In"):
                return False
        elif holds.get(str(scope), False) == (part.get("operator") == "DoesNotExist"):
            return False
    return True


def text(name: str, amount: Fraction) -> str:
    """Write an amount as a quota's status does: memory in binary units, all else in decimal ones."""
    if amount.denominator != 1:
        return quantity.canonical(f"{-(-amount * 1000 // 1)}m")
    if name.rpartition(".")[2] in ("memory", "storage", "ephemeral-storage"):
        return quantity.canonical(f"{int(amount) // 1024}Ki") if int(amount) % 1024 == 0 else str(int(amount))
    return quantity.canonical(str(int(amount)))
