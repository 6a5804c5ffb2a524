"""Topology spread: constraints that refuse, and those that only prefer (by default for what a controller owns).

Models: framework/plugins/podtopologyspread (filtering.go, scoring.go, common.go).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.api import objects, scheduling, selectors
from sim.api.client import Object
from sim.api.selectors import Selector
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Refusal, Wish, untolerated
from sim.controllers.scheduler.plugins.tally import HOSTNAME, Place, Tally, place_of

PLUGIN = "PodTopologySpread"
TEXT = "node(s) didn't match pod topology spread constraints"
MISSING = f"{TEXT} (missing required label)"
BEST = 100
DEFAULTS = ((HOSTNAME, 3), ("topology.kubernetes.io/zone", 5))
"""System defaults: (topology key, maxSkew), ScheduleAnyway."""


Count = Callable[[NodeInfo], dict[Place, int]]


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of a pod, read."""

    key: str
    skew: int
    selector: Selector
    min_domains: int
    by_affinity: bool
    by_taints: bool

    def counts(self, pod: Object, info: NodeInfo) -> bool:
        """Tell whether the node takes part, by the inclusion policies."""
        if self.by_affinity and not scheduling.matches_node_affinity(pod, info.node):
            return False
        return not (self.by_taints and untolerated(pod, info.node) is not None)


def read(pod: Object, when: str) -> list[Constraint]:
    """Give the pod's constraints of that kind (DoNotSchedule or ScheduleAnyway)."""
    found = []
    for rule in objects.dig(pod, "spec.topologySpreadConstraints", []):
        if rule.get("whenUnsatisfiable", "DoNotSchedule") != when:
            continue
        labels = objects.labels(pod)
        wanted = rule.get("labelSelector")
        more = {key: labels[key] for key in rule.get("matchLabelKeys") or [] if key in labels}
        if more:
            wanted = {**(wanted or {}), "matchLabels": {**((wanted or {}).get("matchLabels") or {}), **more}}
        found.append(Constraint(
            rule["topologyKey"], rule["maxSkew"], selectors.from_object(wanted), rule.get("minDomains") or 1,
            rule.get("nodeAffinityPolicy", "Honor") == "Honor", rule.get("nodeTaintsPolicy", "Ignore") == "Honor"))
    return found


def matching(info: NodeInfo, selector: Selector, namespace: str) -> int:
    """Count the node's pods of a namespace that the selector chooses and that are not going."""
    return sum(1 for pod in info.pods() if objects.namespace(pod) == namespace and not objects.deleting(pod)
               and selector.matches(objects.labels(pod)))


class SpreadFilter:
    """The constraints that refuse."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.constraints = read(wish.pod, "DoNotSchedule")
        self.tallies = [Tally(self._counter(each)) for each in self.constraints]

    def _counter(self, constraint: Constraint) -> Count:
        pod, space = self.wish.pod, objects.namespace(self.wish.pod)

        def count(info: NodeInfo) -> dict[Place, int]:
            places = [place_of(info, each.key) for each in self.constraints]
            place = place_of(info, constraint.key)
            if place is None or None in places or not constraint.counts(pod, info):
                return {}
            return {place: matching(info, constraint.selector, space)}

        return count

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a changed node."""
        for tally in self.tallies:
            tally.update(name, info)

    def refusal(self, info: NodeInfo) -> Refusal | None:
        """Say why the pod cannot go there."""
        labels = objects.labels(self.wish.pod)
        for constraint, tally in zip(self.constraints, self.tallies, strict=True):
            place = place_of(info, constraint.key)
            if place is None:
                return Refusal((MISSING,), True, PLUGIN)
            least = min(tally.sums.values(), default=0)
            if len(tally.sums) < constraint.min_domains:
                least = 0
            own = 1 if constraint.selector.matches(labels) else 0
            if tally.sums.get(place, 0) + own - least > constraint.skew:
                return Refusal((TEXT,), False, PLUGIN)
        return None


class SpreadScore:
    """The constraints that prefer: the pod's own, or the defaults for the pods of a controller."""

    def __init__(self, wish: Wish, siblings: Selector | None) -> None:
        self.wish = wish
        own = objects.dig(wish.pod, "spec.topologySpreadConstraints", [])
        self.strict = bool(own)
        self.constraints = read(wish.pod, "ScheduleAnyway") if own else [
            Constraint(key, skew, siblings, 1, True, False) for key, skew in DEFAULTS] if siblings is not None else []
        self.tallies = [Tally(self._counter(each)) for each in self.constraints]

    def _counter(self, constraint: Constraint) -> Count:
        pod, space = self.wish.pod, objects.namespace(self.wish.pod)

        def count(info: NodeInfo) -> dict[Place, int]:
            place = place_of(info, constraint.key)
            if constraint.key == HOSTNAME:
                return {(HOSTNAME, objects.name(info.node)): matching(info, constraint.selector, space)}
            if place is None or not constraint.counts(pod, info):
                return {}
            return {place: matching(info, constraint.selector, space)}

        return count

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a changed node."""
        for tally in self.tallies:
            tally.update(name, info)

    def scores(self, nodes: Sequence[NodeInfo]) -> list[int] | None:
        """Score the nodes that fit, 0 to 100; None where nothing is preferred."""
        if not self.constraints:
            return None
        left = [self.strict and any(place_of(info, c.key) is None for c in self.constraints) for info in nodes] if (
            self.strict) else [False] * len(nodes)
        raw: list[float] = [0.0] * len(nodes)
        for constraint, tally in zip(self.constraints, self.tallies, strict=True):
            sums = tally.sums
            if constraint.key == HOSTNAME:
                weight, add = math.log(len(nodes) - sum(left) + 2), constraint.skew - 1
                counts = [sums[HOSTNAME, objects.name(info.node)] for info in nodes]
                raw = [value + count * weight + add for value, count in zip(raw, counts, strict=True)]
                continue
            if not sums:
                continue
            places = [place_of(info, constraint.key) for info in nodes]
            weight = math.log(len({p for p, out in zip(places, left, strict=True) if p is not None and not out}) + 2)
            for at, place in enumerate(places):
                if place is not None and not left[at]:
                    raw[at] += sums.get(place, 0) * weight + (constraint.skew - 1)
        return normal([math.floor(value + 0.5) for value in raw], left)


def normal(raw: Sequence[int], left: Sequence[bool]) -> list[int]:
    """Turn counts into scores: the fewer the better; nodes that are left out get nothing."""
    taken = [value for value, out in zip(raw, left, strict=True) if not out]
    most, least = max(taken, default=0), min(taken, default=0)
    return [0 if out else BEST if most == 0 else BEST * (most + least - value) // most
            for value, out in zip(raw, left, strict=True)]
