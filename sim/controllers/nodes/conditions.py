"""What a node's conditions mean: the taints that follow from them, and what a silent kubelet's turn into.

Models: pkg/controller/nodelifecycle (nodeConditionToTaintKeyStatusMap, labelReconcileInfo).
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Object

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
TAINTS = {
    ("Ready", "False"): NOT_READY, ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
"""(condition, status) -> key of the NoSchedule taint."""
WRITTEN = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
STOPPED, NEVER = "Kubelet stopped posting node status.", "Kubelet never posted node status."
OLD_LABELS = {"beta.kubernetes.io/os": "kubernetes.io/os", "beta.kubernetes.io/arch": "kubernetes.io/arch"}


def execute_key(ready: str) -> str:
    """Give the NoExecute taint that belongs to a Ready status that is not True."""
    return UNREACHABLE if ready == "Unknown" else NOT_READY


def taint_keys(node: Object, effect: str) -> list[str]:
    """Give the keys of the node's taints of an effect."""
    return [t["key"] for t in objects.dig(node, "spec.taints", []) if t["effect"] == effect]


def schedule_taints(node: Object, now: str) -> list[Object]:
    """Give the node's taints as they should be: NoSchedule ones follow its conditions and its cordon."""
    wanted = [TAINTS[c["type"], c["status"]] for c in objects.dig(node, "status.conditions", [])
              if (c["type"], c["status"]) in TAINTS]
    if objects.dig(node, "spec.unschedulable"):
        wanted.append(UNSCHEDULABLE)
    ours = {*TAINTS.values(), UNSCHEDULABLE}
    kept = [t for t in objects.dig(node, "spec.taints", [])
            if t["effect"] != "NoSchedule" or t["key"] not in ours or t["key"] in wanted]
    have = {t["key"] for t in kept if t["effect"] == "NoSchedule"}
    return [*kept, *({"key": key, "effect": "NoSchedule", "timeAdded": now} for key in wanted if key not in have)]


def old_labels(labels: dict[str, str]) -> dict[str, str]:
    """Give the labels under their older names that are missing or differ."""
    return {old: labels[new] for old, new in OLD_LABELS.items() if new in labels and labels.get(old) != labels[new]}


def unknown(node: Object, now: str) -> list[Object]:
    """Give the conditions of a node whose kubelet is silent."""
    out = list(objects.dig(node, "status.conditions", []))
    for kind in WRITTEN:
        old = next((c for c in out if c["type"] == kind), None)
        if old is None:
            out.append({"type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated", "message": NEVER,
                        "lastHeartbeatTime": node["metadata"]["creationTimestamp"], "lastTransitionTime": now})
        elif old["status"] != "Unknown":
            new = {**old, "status": "Unknown", "reason": "NodeStatusUnknown", "message": STOPPED,
                   "lastTransitionTime": now}
            out = [new if c is old else c for c in out]
    return out
