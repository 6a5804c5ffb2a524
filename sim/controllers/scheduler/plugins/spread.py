"""Topology spread: constraints that refuse, and those that only prefer (by default for what a controller owns).

Models: framework/plugins/podtopologyspread (filtering.go, scoring.go, common.go).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.api import objects, scheduling, selectors
from sim.api.client import Object
from sim.api.selectors import Selector
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Refusal, Wish, untolerated
from sim.controllers.scheduler.plugins.tally import HOSTNAME, Chosen, Place, Tally, place_of

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


class SpreadFilter:
    """The constraints that refuse."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.constraints = read(wish.pod, "DoNotSchedule")
        self.tallies = [Tally(self._counter(each)) for each in self.constraints]

    def _counter(self, constraint: Constraint) -> Count:
        pod = self.wish.pod
        chosen = Chosen(constraint.selector, objects.namespace(pod))

        def count(info: NodeInfo) -> dict[Place, int]:
            places = [place_of(info, each.key) for each in self.constraints]
            place = place_of(info, constraint.key)
            if place is None or None in places or not constraint.counts(pod, info):
                return {}
            return {place: chosen.on(info)}

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


class Mark(NamedTuple):
    """What spreading sees of a node: per constraint the pods that are there (by host) or the place (by anything else).

    out: it lacks a label that the pod's own constraints need.
    """

    seen: tuple[int | Place | None, ...]
    out: bool = False


class SpreadScore:
    """The constraints that prefer: the pod's own, or the defaults for the pods of a controller."""

    def __init__(self, wish: Wish, siblings: Selector | None) -> None:
        self.wish = wish
        own = objects.dig(wish.pod, "spec.topologySpreadConstraints", [])
        self.strict = bool(own)
        self.constraints = read(wish.pod, "ScheduleAnyway") if own else [
            Constraint(key, skew, siblings, 1, True, False) for key, skew in DEFAULTS] if siblings is not None else []
        space = objects.namespace(wish.pod)
        self._chosen = [Chosen(each.selector, space) for each in self.constraints]
        self._tallies = [Tally(self._counter(*pair)) for pair in zip(self.constraints, self._chosen, strict=True)]

    def _counter(self, constraint: Constraint, chosen: Chosen) -> Count:
        pod = self.wish.pod

        def count(info: NodeInfo) -> dict[Place, int]:
            place = place_of(info, constraint.key)
            return {place: chosen.on(info)} if place is not None and constraint.counts(pod, info) else {}

        return count

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a changed node."""
        for constraint, tally in zip(self.constraints, self._tallies, strict=True):
            if constraint.key != HOSTNAME:
                tally.update(name, info)

    def mark(self, info: NodeInfo) -> Mark:
        """Say what is seen of a node."""
        seen = tuple(chosen.on(info) if constraint.key == HOSTNAME else place_of(info, constraint.key)
                     for constraint, chosen in zip(self.constraints, self._chosen, strict=True))
        out = self.strict and any(place_of(info, each.key) is None for each in self.constraints)
        return Mark(seen, out)

    def scores(self, marks: Sequence[Mark], numbers: Sequence[int]) -> list[int] | None:
        """Score nodes that fit by their marks, 0 to 100; None where nothing is preferred. numbers: how many have each."""
        if not self.constraints:
            return None
        left = [mark.out for mark in marks]
        taking_part = sum(number for number, out in zip(numbers, left, strict=True) if not out)
        raw: list[float] = [0.0] * len(marks)
        for at, (constraint, tally) in enumerate(zip(self.constraints, self._tallies, strict=True)):
            seen: list[Any] = [mark.seen[at] for mark in marks]
            if constraint.key == HOSTNAME:
                weight, add = math.log(taking_part + 2), constraint.skew - 1
                raw = [value + count * weight + add for value, count in zip(raw, seen, strict=True)]
                continue
            sums = tally.sums
            if not sums:
                continue
            weight = math.log(len({place for place, out in zip(seen, left, strict=True) if place is not None and not out}) + 2)
            for number, place in enumerate(seen):
                if place is not None and not left[number]:
                    raw[number] += sums.get(place, 0) * weight + (constraint.skew - 1)
        return normal([math.floor(value + 0.5) for value in raw], left)


def normal(raw: Sequence[int], left: Sequence[bool]) -> list[int]:
    """Turn counts into scores: the fewer the better; nodes that are left out get nothing."""
    taken = [value for value, out in zip(raw, left, strict=True) if not out]
    most, least = max(taken, default=0), min(taken, default=0)
    return [0 if out else BEST if most == 0 else BEST * (most + least - value) // most
            for value, out in zip(raw, left, strict=True)]
