"""Rules about pods and nodes that scheduler, DaemonSet controller, taint eviction and kubectl share.

Models: component-helpers/scheduling/corev1 (tolerations, node affinity).
"""

from __future__ import annotations

import re
from typing import Any

from sim.api import objects, quantity
from sim.api.client import Object

_INTEGER = re.compile(r"[+-]?[0-9]+")
INT64 = 2**63
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def tolerates_with(toleration: Object, taint: Object) -> bool:
    """Tell whether one toleration covers one taint.

    Gt and Lt compare numbers; the API server refuses both while the gate TaintTolerationComparisonOperators is off.
    """
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    wanted, value = str(toleration.get("value") or ""), str(taint.get("value") or "")
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return wanted == value
        case operator:
            return _compares(operator, value, wanted)


def _compares(operator: str, value: str, limit: str) -> bool:
    """Compare two texts as 64-bit numbers; what is no number is neither less nor greater."""
    if not all(_INTEGER.fullmatch(text) and -INT64 <= int(text) < INT64 for text in (value, limit)):
        return False
    return int(value) > int(limit) if operator == "Gt" else operator == "Lt" and int(value) < int(limit)


def tolerates(pod: Object, taint: Object) -> bool:
    """Tell whether the pod tolerates the taint."""
    return any(tolerates_with(t, taint) for t in objects.dig(pod, "spec.tolerations", []))


def _requirement(part: Object, values: dict[str, str]) -> bool:
    found, wanted = values.get(part["key"]), part.get("values") or []
    match part["operator"]:
        case "In":
            return found in wanted
        case "NotIn":
            return found not in wanted
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
    return len(wanted) == 1 and _compares(part["operator"], found or "", wanted[0])


def matches_term(term: Object, node: Object) -> bool:
    """Tell whether a node selector term selects the node; an empty term selects nothing."""
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not fields:
        return False
    return all(_requirement(e, objects.labels(node)) for e in expressions) and all(
        _requirement(f, {"metadata.name": objects.name(node)}) for f in fields)


def matches_node_affinity(pod: Object, node: Object) -> bool:
    """Tell whether nodeSelector and required node affinity allow the node."""
    labels = objects.labels(node)
    if any(labels.get(key) != value for key, value in objects.dig(pod, "spec.nodeSelector", {}).items()):
        return False
    required = objects.dig(pod, f"spec.affinity.nodeAffinity.{REQUIRED}")
    return required is None or any(matches_term(term, node) for term in required.get("nodeSelectorTerms") or [])


def requests(pod: Object) -> dict[str, int]:
    """Give what a pod asks for: cpu in milli, all else in base units.

    The largest of its init containers, or the sum of its containers, plus overhead.
    """
    total: dict[str, int] = {}
    for each in objects.dig(pod, "spec.containers", []):
        for name, amount in _of(each).items():
            total[name] = total.get(name, 0) + amount
    for each in objects.dig(pod, "spec.initContainers", []):
        for name, amount in _of(each).items():
            total[name] = max(total.get(name, 0), amount)
    for name, text in objects.dig(pod, "spec.overhead", {}).items():
        total[name] = total.get(name, 0) + amount_of(name, text)
    return total


def _of(container: Object) -> dict[str, int]:
    return {name: amount_of(name, text) for name, text in objects.dig(container, "resources.requests", {}).items()}


def amount_of(resource: str, text: Any) -> int:
    """Read a resource amount: cpu in milli, all else in base units."""
    return quantity.milli(str(text)) if resource == "cpu" else quantity.value(str(text))
