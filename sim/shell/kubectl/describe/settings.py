"""ConfigMaps, Secrets, ServiceAccounts, namespaces with their limits, classes, budgets, roles and bindings.

Models: kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.shell.kubectl.describe.common import LAST_APPLIED, annotated, head, labels, selector
from sim.shell.kubectl.describe.writer import Writer
from sim.shell.kubectl.printing import rules

BLANK_AFTER_VALUES_SINCE = (1, 30)
TOKENS_BEFORE = (1, 34)


def config_map(w: Writer, obj: Object, version: tuple[int, int]) -> None:
    """Write a ConfigMap."""
    head(w, obj)
    w.write("\nData\n====\n")
    blank = "\n" if version >= BLANK_AFTER_VALUES_SINCE else ""
    for key in sorted(obj.get("data") or {}):
        w.write(f"{key}:\n----\n{obj['data'][key]}\n{blank}")
    w.write("\nBinaryData\n====\n")
    for key in sorted(obj.get("binaryData") or {}):
        w.write(f"{key}: {_size(obj['binaryData'][key])} bytes\n{blank}")
    w.write("\n")


def _size(text: str) -> int:
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return len(text)


def secret(w: Writer, obj: Object) -> None:
    """Write a Secret; its values are not shown."""
    head(w, obj)
    w.write(f"\nType:\t{obj.get('type', '')}\n\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        value = obj["data"][key]
        if obj.get("type") == "kubernetes.io/service-account-token" and key == "token":
            w.write(f"{key}:\t{base64.b64decode(value).decode()}\n")
        else:
            w.write(f"{key}:\t{_size(value)} bytes\n")


def service_account(w: Writer, obj: Object, version: tuple[int, int]) -> None:
    """Write a ServiceAccount."""
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    rows = [("Image pull secrets", "imagePullSecrets")]
    if version < TOKENS_BEFORE:
        rows += [("Mountable secrets", "secrets"), ("Tokens", "")]
    for title, key in rows:
        names = [each.get("name", "") for each in obj.get(key) or []] if key else []
        for number, name in enumerate(names or ["<none>"]):
            w.write(f"{title + ':' if not number else ''}\t{name}\n")


# ---- namespaces ---------------------------------------------------------------------------------------------------
def namespace(w: Writer, obj: Object, quotas: Sequence[Object], limits: Sequence[Object]) -> None:
    """Write a namespace with its quotas and limits."""
    w.line("Name:", objects.name(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Status:", objects.dig(obj, "status.phase", ""))
    conditions = objects.dig(obj, "status.conditions", [])
    if conditions:
        w.write("Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage\n"
                "  ----\t------\t------------------\t------\t-------\n")
        from sim.shell.kubectl.describe.common import when

        for each in conditions:
            w.line(f"  {each['type']}", each["status"], when(each.get("lastTransitionTime")), each.get("reason", ""),
                   each.get("message", ""))
    w.write("\n")
    if not quotas:
        w.write("No resource quota.\n")
    else:
        w.write("Resource Quotas\n")
        for each in quotas:
            w.write(f"  Name:\t{objects.name(each)}\n  Resource\tUsed\tHard\n  --------\t---\t---\n")
            for name, used, hard in _quota_rows(each):
                w.line(f"  {name}", used, hard)
    w.write("\n")
    if not limits:
        w.write("No LimitRange resource.\n")
    else:
        w.write("Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n"
                " ----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n")
        for each in limits:
            _limit_rows(w, each, " ")


def _quota_rows(obj: Object) -> list[tuple[str, Any, Any]]:
    hard, used = objects.dig(obj, "status.hard", {}), objects.dig(obj, "status.used", {})
    return [(name, used.get(name, "0"), hard[name]) for name in sorted(hard)]


def quota(w: Writer, obj: Object) -> None:
    """Write a ResourceQuota."""
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    if objects.dig(obj, "spec.scopes"):
        w.line("Scopes:", ", ".join(sorted(obj["spec"]["scopes"])))
    w.write("Resource\tUsed\tHard\n--------\t----\t----\n")
    for name, used, hard in _quota_rows(obj):
        w.line(name, used, hard)


def limit_range(w: Writer, obj: Object) -> None:
    """Write a LimitRange."""
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    w.write("Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n"
            "----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n")
    _limit_rows(w, obj, "")


def _limit_rows(w: Writer, obj: Object, space: str) -> None:
    keys = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    for item in objects.dig(obj, "spec.limits", []):
        names = sorted({name for key in keys for name in item.get(key) or {}})
        for name in names:
            w.line(f"{space}{item.get('type', '')}", name, *((item.get(key) or {}).get(name, "-") for key in keys))


# ---- classes and budgets ------------------------------------------------------------------------------------------
def inline_annotations(found: Object | None) -> str:
    """Write annotations on one line: `a=b,c=d`, as classes do."""
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or "<none>"


def priority_class(w: Writer, obj: Object) -> None:
    """Write a PriorityClass."""
    w.line("Name:", objects.name(obj))
    w.line("Value:", obj.get("value", 0))
    w.line("GlobalDefault:", "true" if obj.get("globalDefault") else "false")
    w.line("PreemptionPolicy:", obj.get("preemptionPolicy", ""))
    w.line("Description:", obj.get("description", ""))
    w.line("Annotations:", inline_annotations(objects.annotations(obj)))


def budget(w: Writer, obj: Object) -> None:
    """Write a PodDisruptionBudget."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    if spec.get("minAvailable") is not None:
        w.line("Min available:", spec["minAvailable"])
    elif spec.get("maxUnavailable") is not None:
        w.line("Max unavailable:", spec["maxUnavailable"])
    w.line("Selector:", selector(spec.get("selector"), "<unset>"))
    w.write("Status:\n")
    for title, key in (("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"),
                       ("Desired", "desiredHealthy"), ("Total", "expectedPods")):
        w.line(f"    {title}:", status.get(key, 0))


# ---- roles --------------------------------------------------------------------------------------------------------
def role(w: Writer, obj: Object) -> None:
    """Write a Role or ClusterRole: a row for each resource of each rule."""
    w.line("Name:", objects.name(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.write("PolicyRule:\n  Resources\tNon-Resource URLs\tResource Names\tVerbs\n"
            "  ---------\t-----------------\t--------------\t-----\n")
    for resource, urls, names, verbs in rules.rows(obj.get("rules") or []):
        w.line(f"  {resource}", urls, names, verbs)


def binding(w: Writer, obj: Object) -> None:
    """Write a RoleBinding or ClusterRoleBinding."""
    w.line("Name:", objects.name(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Role:")
    w.line("  Kind:", objects.dig(obj, "roleRef.kind", ""))
    w.line("  Name:", objects.dig(obj, "roleRef.name", ""))
    w.write("Subjects:\n  Kind\tName\tNamespace\n  ----\t----\t---------\n")
    for each in obj.get("subjects") or []:
        w.line(f"  {each.get('kind', '')}", each.get("name", ""), each.get("namespace", ""))


__all__ = ["LAST_APPLIED", "binding", "budget", "config_map", "inline_annotations", "limit_range", "namespace",
           "priority_class", "quota", "role", "secret", "service_account"]
