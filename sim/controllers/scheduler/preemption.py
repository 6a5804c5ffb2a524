"""Preemption: which pods of lower priority must go so that one of higher priority fits, and where it costs least.

Models: framework/preemption and plugins/defaultpreemption. Left out: the random start among many candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Key, Object
from sim.controllers.scheduler.candidates import Candidates, Check
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Refusal, Wish

NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."

Fits = Callable[[str, NodeInfo], Refusal | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to make room: who must go from a node, and how many budgets that breaks."""

    node: str
    victims: tuple[Object, ...]
    broken: int


def priority(pod: Object) -> int:
    """Give the pod's priority."""
    return int(objects.dig(pod, "spec.priority", 0))


def not_eligible(pod: Object, nodes: dict[str, NodeInfo]) -> str:
    """Say why the pod may not preempt; "" when it may."""
    if objects.dig(pod, "spec.preemptionPolicy") == "Never":
        return NEVER
    nominated = nodes.get(objects.dig(pod, "status.nominatedNodeName", ""))
    if nominated is not None and any(
        objects.deleting(other) and priority(other) < priority(pod) for other in nominated.pods()
    ):
        return TERMINATING
    return ""


def _important(pod: Object) -> tuple[Any, ...]:
    return (-priority(pod), objects.dig(pod, "status.startTime", "9"), objects.name(pod))


def plan_for(wish: Wish, name: str, info: NodeInfo, fits: Fits, budgets: Sequence[Object]) -> Plan | None:
    """Find who must leave a node: all of lower priority, then as many as possible may stay after all."""
    lower = [pod for pod in info.pods() if priority(pod) < priority(wish.pod)]
    if not lower:
        return None
    gone = {objects.key("pods", pod) for pod in lower}
    if fits(name, info.without(gone)) is not None:
        return None
    breaking, fine = _split(sorted(lower, key=_important), budgets)
    broken = 0
    for pod in (*breaking, *fine):
        key = objects.key("pods", pod)
        if fits(name, info.without(gone - {key})) is None:
            gone.discard(key)
        elif pod in breaking:
            broken += 1
    victims = sorted((pod for pod in lower if objects.key("pods", pod) in gone), key=_important)
    return Plan(name, tuple(victims), broken) if victims else None


def _split(pods: list[Object], budgets: Sequence[Object]) -> tuple[list[Object], list[Object]]:
    """Part the pods whose eviction would break a budget from the others."""
    allowed = {objects.key("poddisruptionbudgets", b): objects.dig(b, "status.disruptionsAllowed", 0) for b in budgets}
    breaking: list[Object] = []
    fine: list[Object] = []
    for pod in pods:
        breaks = False
        for budget in budgets:
            key: Key = objects.key("poddisruptionbudgets", budget)
            if key.namespace != objects.namespace(pod) or not objects.labels(pod):
                continue
            if objects.name(pod) in objects.dig(budget, "status.disruptedPods", {}):
                continue
            if selectors.from_object(objects.dig(budget, "spec.selector")).matches(objects.labels(pod)):
                allowed[key] -= 1
                breaks = breaks or allowed[key] < 0
        (breaking if breaks else fine).append(pod)
    return breaking, fine


def cheapest(plans: Sequence[Plan]) -> Plan | None:
    """Choose: fewest broken budgets, lowest highest priority, lowest sum, fewest, youngest of the most important."""
    if not plans:
        return None

    def cost(plan: Plan) -> tuple[Any, ...]:
        top = priority(plan.victims[0])
        starts = [times.parse(stamp) for pod in plan.victims if priority(pod) == top
                  and (stamp := objects.dig(pod, "status.startTime"))]
        return (plan.broken, top, sum(priority(pod) + 2**31 for pod in plan.victims), len(plan.victims),
                -min(starts, default=0), plan.node)

    return min(plans, key=cost)


def fits_without(candidates: Candidates, nodes: dict[str, NodeInfo], also: Check | None = None) -> Fits:
    """Give the check of a node as it would be after some of its pods have left, by all filters."""

    def check(name: str, info: NodeInfo) -> Refusal | None:
        try:
            candidates.update((name,), {name: info})
            return candidates.refusal(name, info, also)
        finally:
            candidates.update((name,), nodes)

    return check
