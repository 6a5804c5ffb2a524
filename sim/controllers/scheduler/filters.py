"""Filters: each says why a pod cannot go on a node, or nothing. In upstream's order.

Models: pkg/scheduler/framework/plugins. `helpless` means that preemption would not help (UnschedulableAndUnresolvable).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sim.api import objects, scheduling, selectors
from sim.api.client import Object
from sim.controllers.scheduler.nodeinfo import NodeInfo, host_ports

UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class Refusal(NamedTuple):
    """Why not; helpless: evicting others would not help."""

    reasons: tuple[str, ...]
    helpless: bool


Filter = Callable[[Object, NodeInfo, Sequence[NodeInfo], tuple[int, int]], Refusal | None]


def unschedulable(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """A cordoned node."""
    if objects.dig(info.node, "spec.unschedulable") and not scheduling.tolerates(pod, UNSCHEDULABLE_TAINT):
        return Refusal(("node(s) were unschedulable",), True)
    return None


def taints(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """A taint that the pod does not tolerate; the text depends on the version."""
    for taint in objects.dig(info.node, "spec.taints", []):
        if taint["effect"] in ("NoSchedule", "NoExecute") and not scheduling.tolerates(pod, taint):
            shown = f"{{{taint['key']}: {taint.get('value') or ''}}}"
            if version >= (1, 35):
                return Refusal(("node(s) had untolerated taint(s)",), True)
            if version >= (1, 24):
                return Refusal((f"node(s) had untolerated taint {shown}",), True)
            return Refusal((f"node(s) had taint {shown}, that the pod didn't tolerate",), True)
    return None


def affinity(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """Node selector and required node affinity."""
    if scheduling.matches_node_affinity(pod, info.node):
        return None
    return Refusal(("node(s) didn't match Pod's node affinity/selector",), True)


def ports(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """Host ports that are taken."""
    wanted = host_ports(pod)
    if wanted and any(port in info.used_ports() for port in wanted):
        return Refusal(("node(s) didn't have free ports for the requested pod ports",), False)
    return None


def resources(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """Room for what the pod asks for, and for one more pod."""
    reasons, helpless = [], False
    if len(info.pods) + 1 > info.allocatable.get("pods", 110):
        reasons.append("Too many pods")
    for name, amount in scheduling.requests(pod).items():
        if amount and amount > info.allocatable.get(name, 0) - info.requested[name]:
            reasons.append(f"Insufficient {name}")
            helpless = helpless or amount > info.allocatable.get(name, 0)
    return Refusal(tuple(reasons), helpless) if reasons else None


def anti_affinity(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """Required pod affinity and anti-affinity of the pod; anti-affinity of those that are there."""
    if _hits(pod, "podAntiAffinity", info, nodes, want=False) or _hated(pod, info, nodes):
        return Refusal(("node(s) didn't match pod anti-affinity rules",), False)
    if _hits(pod, "podAffinity", info, nodes, want=True):
        return Refusal(("node(s) didn't match pod affinity rules",), True)
    return None


def _terms(pod: Object, kind: str) -> list[Object]:
    found: list[Object] = objects.dig(pod, f"spec.affinity.{kind}.{scheduling.REQUIRED}", [])
    return found


def _same_place(info: NodeInfo, nodes: Sequence[NodeInfo], key: str) -> list[NodeInfo]:
    value = objects.labels(info.node).get(key)
    if key == "kubernetes.io/hostname":
        return [info]
    return [other for other in nodes if value is not None and objects.labels(other.node).get(key) == value]


def _chosen(term: Object, pod: Object, other: Object) -> bool:
    spaces = term.get("namespaces") or [objects.namespace(pod)]
    return objects.namespace(other) in spaces and selectors.from_object(
        term.get("labelSelector")).matches(objects.labels(other))


def _hits(pod: Object, kind: str, info: NodeInfo, nodes: Sequence[NodeInfo], *, want: bool) -> bool:
    for term in _terms(pod, kind):
        place = _same_place(info, nodes, term["topologyKey"])
        found = any(_chosen(term, pod, other) for each in place for other in each.pods.values())
        if want and not found and _chosen(term, pod, pod) and not any(
            _chosen(term, pod, other) for each in nodes for other in each.pods.values()
        ):
            continue  # the first of its kind may go anywhere
        if found != want:
            return True
    return False


def _hated(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo]) -> bool:
    return any(
        _chosen(term, other, pod) and info in _same_place(each, nodes, term["topologyKey"])
        for each in nodes for other in each.pods.values() for term in _terms(other, "podAntiAffinity"))


def spread(pod: Object, info: NodeInfo, nodes: Sequence[NodeInfo], version: tuple[int, int]) -> Refusal | None:
    """Topology spread constraints that say DoNotSchedule. Left out: minDomains, node inclusion policies."""
    for rule in objects.dig(pod, "spec.topologySpreadConstraints", []):
        if rule.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        key, chosen = rule["topologyKey"], selectors.from_object(rule.get("labelSelector"))
        here = objects.labels(info.node).get(key)
        if here is None:
            return Refusal(("node(s) didn't match pod topology spread constraints (missing required label)",), True)
        counts: dict[str, int] = {}
        for each in nodes:
            place = objects.labels(each.node).get(key)
            if place is not None and scheduling.matches_node_affinity(pod, each.node):
                counts[place] = counts.get(place, 0) + sum(
                    1 for other in each.pods.values() if objects.namespace(other) == objects.namespace(pod)
                    and not objects.deleting(other) and chosen.matches(objects.labels(other)))
        own = 1 if chosen.matches(objects.labels(pod)) else 0
        if counts.get(here, 0) + own - min(counts.values(), default=0) > rule["maxSkew"]:
            return Refusal(("node(s) didn't match pod topology spread constraints",), False)
    return None


FILTERS: tuple[Filter, ...] = (unschedulable, taints, affinity, ports, resources, spread, anti_affinity)


def message(refusals: Sequence[Refusal], version: tuple[int, int]) -> str:
    """Write FailedScheduling's message. Models: FitError.Error."""
    total = len(refusals)
    counts: dict[str, int] = {}
    for refusal in refusals:
        for reason in refusal.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    body = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    text = f"0/{total} nodes are available: {body}." if body else f"0/{total} nodes are available:"
    if total == 0:
        return "no nodes available to schedule pods"
    if version < (1, 23):
        return text
    tails = []
    helpless = sum(1 for refusal in refusals if refusal.helpless)
    if total - helpless:
        tails.append(f"{total - helpless} No preemption victims found for incoming pod")
    if helpless:
        tails.append(f"{helpless} Preemption is not helpful for scheduling")
    claims = " no new claims to deallocate," if version >= (1, 35) else ""
    return f"{text}{claims} preemption: 0/{total} nodes are available: {', '.join(tails)}."
