"""Scores that look at one node: 0 to 100 each, weighted and summed. The highest sum wins.

Models: framework/plugins (noderesources, tainttoleration, nodeaffinity) and their default weights. Left out: volumes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.api import objects, scheduling
from sim.api.client import Object
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Wish

BEST = 100
WEIGHTS = {"TaintToleration": 3, "NodeAffinity": 2, "PodTopologySpread": 2, "InterPodAffinity": 2,
           "NodeResourcesFit": 1, "NodeResourcesBalancedAllocation": 1, "ImageLocality": 1}
BEST_EFFORT_SKIPPED = (1, 33)
"""From this version on pods without requests are not balanced."""


def least_allocated(wish: Wish, info: NodeInfo) -> int:
    """The emptier in cpu and memory, the better."""
    total = 0
    for name in ("cpu", "memory"):
        capacity = info.allocatable.get(name, 0)
        used = info.weighed[name] + wish.held.weight[name]
        total += (capacity - used) * BEST // capacity if capacity and used <= capacity else 0
    return total // 2


def balanced(wish: Wish, info: NodeInfo) -> int:
    """The more equal the shares of cpu and memory in use, the better."""
    asked = wish.held.requests
    if not asked.get("cpu") and not asked.get("memory") and wish.version >= BEST_EFFORT_SKIPPED:
        return 0
    shares = []
    for name in ("cpu", "memory"):
        capacity = info.allocatable.get(name, 0)
        if capacity:
            shares.append(min(1.0, (info.requested[name] + asked.get(name, 0)) / capacity))
    return int((1 - (abs(shares[0] - shares[1]) / 2 if len(shares) == 2 else 0.0)) * BEST)


def soft_taints(pod: Object, node: Object) -> int:
    """Count the taints that the pod would rather avoid."""
    return sum(1 for taint in objects.dig(node, "spec.taints", [])
               if taint["effect"] == "PreferNoSchedule" and not scheduling.tolerates(pod, taint))


def preference(pod: Object, node: Object) -> int:
    """Sum the weights of the preferred node affinity terms that the node matches."""
    entries = objects.dig(pod, "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution", [])
    return sum(e["weight"] for e in entries if scheduling.matches_term(e["preference"], node))


def normal(values: Sequence[int], *, fewer_is_better: bool) -> list[int]:
    """Scale to 0..100. Models: DefaultNormalizeScore."""
    most = max(values, default=0)
    if most == 0:
        return [BEST if fewer_is_better else 0] * len(values)
    scaled = [BEST * value // most for value in values]
    return [BEST - value for value in scaled] if fewer_is_better else scaled
