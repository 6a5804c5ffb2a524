"""Disruption budgets, priority classes, quotas, limit ranges.

Models: pkg/apis/{policy,scheduling}/validation, pkg/apis/core/validation (quota, limits), printers.go.
"""

from __future__ import annotations

from sim.api import objects, quantity, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds.apps import bounds
from sim.apiserver.kinds.columns import AGE, CREATED_AT, NAME, at, flag, number
from sim.apiserver.kinds.row import Cell, Resource, Strategy, defaulted

MOST_USER_PRIORITY = 1000000000
SYSTEM_PRIORITIES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
QUOTA_NAMES = frozenset({
    "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas",
    "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports",
    "services.loadbalancers", "storage"})


# ---- budgets ------------------------------------------------------------------------------------------------------
def _validate_budget(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        shown = {"MinAvailable": least, "Selector": spec.get("selector"), "MaxUnavailable": most,
                 "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy")}
        faults.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            bounds(faults, f"spec.{name}", value)
    policy = spec.get("unhealthyPodEvictionPolicy")
    faults.one_of("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))
    faults.selector("spec.selector", spec.get("selector"))


def _budget(path: str) -> Cell:
    return lambda obj, _: str(objects.dig(obj, path, "N/A"))


# ---- priorities ---------------------------------------------------------------------------------------------------
def _validate_priority(obj: Object, faults: Faults) -> None:
    name, value = objects.name(obj), obj.get("value", 0)
    if name.startswith("system-"):
        if SYSTEM_PRIORITIES.get(name) != value:
            faults.forbidden("metadata.name", "priority class names with 'system-' prefix are reserved for system use only")
    elif value > MOST_USER_PRIORITY:
        faults.forbidden("value", f"maximum allowed value of a user defined priority is {MOST_USER_PRIORITY}")
    policy = obj.get("preemptionPolicy")
    faults.one_of("preemptionPolicy", policy, ("Never", "PreemptLowerPriority"))


def _update_priority(new: Object, old: Object, faults: Faults) -> None:
    if new.get("value", 0) != old.get("value", 0):
        faults.forbidden("value", "may not be changed in an update.")
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        faults.invalid("preemptionPolicy", new.get("preemptionPolicy"), validation.IMMUTABLE)


# ---- quotas and limits --------------------------------------------------------------------------------------------
def _validate_quota(obj: Object, faults: Faults) -> None:
    for name, text in sorted(objects.dig(obj, "spec.hard", {}).items()):
        path = f"spec.hard[{name}]"
        faults.invalid(path, name, validation.qualified_name(name))
        if "/" not in name and name not in QUOTA_NAMES and not name.startswith(("requests.", "limits.", "hugepages-")):
            faults.invalid(path, name, "must be a standard resource for quota")
        faults.resource(path, name, text)


def _quota_cell(*, limits: bool) -> Cell:
    def cell(obj: Object, _: int) -> str:
        hard, used = objects.dig(obj, "status.hard", {}), objects.dig(obj, "status.used", {})
        names = sorted(name for name in hard if name.startswith("limits.") == limits)
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)

    return cell


def _default_limits(obj: Object) -> Object:
    """Models: SetDefaults_LimitRangeItem: for containers, max gives default, default gives defaultRequest."""
    items = []
    for item in objects.dig(obj, "spec.limits", []):
        if item.get("type") != "Container":
            items.append(item)
            continue
        default = {**(item.get("max") or {}), **(item.get("default") or {})}
        request = {**default, **{k: v for k, v in (item.get("min") or {}).items() if k not in default}}
        request.update({k: v for k, v in (item.get("min") or {}).items() if k not in (item.get("default") or {})})
        request.update(item.get("defaultRequest") or {})
        filled = dict(item)
        if default:
            filled["default"] = default
        if request:
            filled["defaultRequest"] = request
        items.append(filled)
    return objects.put(obj, "spec.limits", items) if items else obj


def _validate_limits(obj: Object, faults: Faults) -> None:
    seen = set()
    for at_, item in enumerate(objects.dig(obj, "spec.limits", [])):
        path, kind = f"spec.limits[{at_}]", item.get("type", "")
        if kind not in ("Container", "Pod", "PersistentVolumeClaim"):
            faults.invalid(f"{path}.type", kind, validation.qualified_name(kind) or
                           "must be a standard limit type or fully qualified")
        if kind in seen:
            faults.duplicate(f"{path}.type", kind)
        seen.add(kind)
        if kind == "Pod":
            for name in ("default", "defaultRequest"):
                if item.get(name):
                    faults.forbidden(f"{path}.{name}", "may not be specified when `type` is 'Pod'")
        for name in sorted({*(item.get("min") or {}), *(item.get("max") or {})}):
            low, high = (item.get("min") or {}).get(name), (item.get("max") or {}).get(name)
            if low is not None and high is not None and quantity.parse(low) > quantity.parse(high):
                faults.invalid(f"{path}.min[{name}]", low, f"min value {low} is greater than max value {high}")


CORE = (
    Resource("limitranges", "LimitRange", short_names=("limits",), columns=CREATED_AT,
             strategy=Strategy(_default_limits, validate=_validate_limits)),
    Resource("resourcequotas", "ResourceQuota", short_names=("quota",), subresources=("status",),
             strategy=Strategy(validate=_validate_quota, status={}),
             columns=(NAME, ("Request", 0, _quota_cell(limits=False)), ("Limit", 0, _quota_cell(limits=True)), AGE)),
)
POLICY = Resource(
    "poddisruptionbudgets", "PodDisruptionBudget", "policy", short_names=("pdb",), subresources=("status",),
    spec_fields=("spec",), since=21, older="v1beta1",
    strategy=Strategy(validate=_validate_budget, status={
        "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}),
    columns=(
        NAME, ("Min Available", 0, _budget("spec.minAvailable")), ("Max Unavailable", 0, _budget("spec.maxUnavailable")),
        ("Allowed Disruptions", 0, number("status.disruptionsAllowed")), AGE))
PRIORITY = Resource(
    "priorityclasses", "PriorityClass", "scheduling.k8s.io", namespaced=False, short_names=("pc",), spec_fields=("value",),
    strategy=Strategy(lambda obj: defaulted(obj, {"preemptionPolicy": "PreemptLowerPriority"}),
                      validate=_validate_priority, validate_update=_update_priority),
    columns=(NAME, ("Value", 0, number("value")), ("Global-Default", 0, flag("globalDefault")), AGE,
             ("PreemptionPolicy", 0, at("preemptionPolicy"))))
