"""Scores: which of the possible nodes is best. Each gives 0 to 100; they are weighted and summed.

Models: pkg/scheduler/framework/plugins (default weights). Left out: image locality, volumes, inter-pod preference
beyond preferred anti-affinity by hostname.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from sim.api import objects, scheduling, selectors
from sim.api.client import Object
from sim.controllers.scheduler.nodeinfo import NodeInfo, weight_of

BEST = 100
WEIGHTS = {"taints": 3, "node_affinity": 2, "spread": 2, "pod_affinity": 2, "least": 1, "balanced": 1}


def least_allocated(pod: Object, info: NodeInfo) -> int:
    """The emptier in cpu and memory, the better."""
    extra, total = weight_of(pod), 0
    for name in ("cpu", "memory"):
        capacity = info.allocatable.get(name, 0)
        used = info.weighed[name] + extra[name]
        total += (capacity - used) * BEST // capacity if capacity and used <= capacity else 0
    return total // 2


def balanced(pod: Object, info: NodeInfo) -> int:
    """The more equal the shares of cpu and memory in use, the better."""
    extra = scheduling.requests(pod)
    shares = []
    for name in ("cpu", "memory"):
        capacity = info.allocatable.get(name, 0)
        shares.append(min(1.0, (info.requested[name] + extra.get(name, 0)) / capacity) if capacity else 1.0)
    return int((1 - abs(shares[0] - shares[1]) / 2) * BEST)


def spread(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], selector: selectors.Selector) -> float:
    """Count the pod's siblings on the node and in its zone; fewer is better. Models: default topology spread."""
    space = objects.namespace(pod)

    def siblings(each: NodeInfo) -> int:
        return sum(1 for other in each.pods.values()
                   if objects.namespace(other) == space and not objects.deleting(other)
                   and selector.matches(objects.labels(other)))

    zone = objects.labels(info.node).get("topology.kubernetes.io/zone")
    total = siblings(info) * sqrt(len(nodes) + 2)
    if zone is not None:
        mates = [each for each in nodes if objects.labels(each.node).get("topology.kubernetes.io/zone") == zone]
        zones = {objects.labels(each.node).get("topology.kubernetes.io/zone") for each in nodes}
        total += sum(siblings(each) for each in mates) * sqrt(len(zones) + 2)
    return total


def _disliked(pod: Object, info: NodeInfo) -> int:
    total = 0
    for entry in objects.dig(
        pod, "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution", []
    ):
        term = entry["podAffinityTerm"]
        chosen = selectors.from_object(term.get("labelSelector"))
        total += entry["weight"] * sum(1 for o in info.pods.values() if chosen.matches(objects.labels(o)))
    return total


def _preferred(pod: Object, info: NodeInfo) -> int:
    entries = objects.dig(pod, "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution", [])
    return sum(e["weight"] for e in entries if scheduling.matches_term(e["preference"], info.node))


def _soft_taints(pod: Object, info: NodeInfo) -> int:
    return sum(1 for t in objects.dig(info.node, "spec.taints", [])
               if t["effect"] == "PreferNoSchedule" and not scheduling.tolerates(pod, t))


def _normal(values: list[float], *, fewer_is_better: bool) -> list[int]:
    most = max(values)
    if most == 0:
        return [BEST if fewer_is_better else 0] * len(values)
    scaled = [int(BEST * value / most) for value in values]
    return [BEST - value for value in scaled] if fewer_is_better else scaled


def best(pod: Object, nodes: Sequence[NodeInfo], selector: selectors.Selector | None) -> list[str]:
    """Give the names of the nodes with the highest score, in order of their names."""
    parts = {
        "taints": _normal([_soft_taints(pod, n) for n in nodes], fewer_is_better=True),
        "node_affinity": _normal([_preferred(pod, n) for n in nodes], fewer_is_better=False),
        "pod_affinity": _normal([_disliked(pod, n) for n in nodes], fewer_is_better=True),
        "least": [least_allocated(pod, n) for n in nodes],
        "balanced": [balanced(pod, n) for n in nodes],
    }
    if selector is not None:
        counts = [spread(pod, n, nodes, selector) for n in nodes]
        low, high = min(counts), max(counts)
        parts["spread"] = [
            BEST if high == 0 else int(BEST * (high + low - count) / high) for count in counts]
    totals = [sum(WEIGHTS[name] * values[at] for name, values in parts.items()) for at in range(len(nodes))]
    top = max(totals)
    return sorted(objects.name(n.node) for n, total in zip(nodes, totals, strict=True) if total == top)
