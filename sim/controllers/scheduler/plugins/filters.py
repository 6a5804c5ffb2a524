"""Filters that look at one node: each says why a pod cannot go there, or nothing. In upstream's order.

Models: pkg/scheduler/framework/plugins (nodeunschedulable, nodename, tainttoleration, nodeaffinity, nodeports,
noderesources). `helpless` means that preemption would not help (UnschedulableAndUnresolvable).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sim.api import objects, scheduling
from sim.api.client import Object
from sim.controllers.scheduler.nodeinfo import Held, NodeInfo, clash, hold

UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
Version = tuple[int, ...]


class Refusal(NamedTuple):
    """Why not; helpless: evicting others would not help. plugin: who says so."""

    reasons: tuple[str, ...]
    helpless: bool
    plugin: str = ""

    @property
    def status(self) -> str:
        """Give the framework's name of this outcome."""
        return "UnschedulableAndUnresolvable" if self.helpless else "Unschedulable"


@dataclass(slots=True)
class Wish:
    """A pod that wants a node, as filters and scores see it. version: of the scheduler, for texts."""

    pod: Object
    held: Held
    version: Version = (1, 36)

    @staticmethod
    def of(pod: Object, version: Version = (1, 36)) -> Wish:
        """Read a pod once."""
        return Wish(pod, hold(pod), version)


Filter = Callable[[Wish, NodeInfo], Refusal | None]


def unschedulable(wish: Wish, info: NodeInfo) -> Refusal | None:
    """A cordoned node."""
    if objects.dig(info.node, "spec.unschedulable") and not scheduling.tolerates(wish.pod, UNSCHEDULABLE_TAINT):
        return Refusal(("node(s) were unschedulable",), True, "NodeUnschedulable")
    return None


def node_name(wish: Wish, info: NodeInfo) -> Refusal | None:
    """Another node than the one asked for by name."""
    wanted = objects.dig(wish.pod, "spec.nodeName", "")
    if wanted and wanted != objects.name(info.node):
        return Refusal(("node(s) didn't match the requested node name",), True, "NodeName")
    return None


def taint_text(taint: Object, version: Version) -> str:
    """Write the reason as that version does."""
    shown = f"{{{taint['key']}: {taint.get('value') or ''}}}"
    if version >= (1, 35) or (version[:2] == (1, 34) and version >= (1, 34, 2)):
        return "node(s) had untolerated taint(s)"
    if version >= (1, 24):
        return f"node(s) had untolerated taint {shown}"
    return f"node(s) had taint {shown}, that the pod didn't tolerate"


def untolerated(pod: Object, node: Object) -> Object | None:
    """Give the node's first taint that keeps the pod away."""
    for taint in objects.dig(node, "spec.taints", []):
        if taint["effect"] in ("NoSchedule", "NoExecute") and not scheduling.tolerates(pod, taint):
            return taint  # type: ignore[no-any-return]
    return None


def taints(wish: Wish, info: NodeInfo) -> Refusal | None:
    """A taint that the pod does not tolerate; the text depends on the version."""
    taint = untolerated(wish.pod, info.node)
    return Refusal((taint_text(taint, wish.version),), True, "TaintToleration") if taint else None


def affinity(wish: Wish, info: NodeInfo) -> Refusal | None:
    """Node selector and required node affinity."""
    if scheduling.matches_node_affinity(wish.pod, info.node):
        return None
    text = "node(s) didn't match Pod's node affinity" + ("/selector" if wish.version >= (1, 21) else "")
    return Refusal((text,), True, "NodeAffinity")


def ports(wish: Wish, info: NodeInfo) -> Refusal | None:
    """Host ports that are taken."""
    if wish.held.ports and clash(wish.held.ports, (port for held in info.held.values() for port in held.ports)):
        return Refusal(("node(s) didn't have free ports for the requested pod ports",), False, "NodePorts")
    return None


def resources(wish: Wish, info: NodeInfo) -> Refusal | None:
    """Room for what the pod asks for, and for one more pod."""
    reasons, helpless = [], False
    if len(info.held) + 1 > info.allocatable.get("pods", 110):
        reasons.append("Too many pods")
    for name, amount in wish.held.requests.items():
        room = info.allocatable.get(name, 0)
        if amount and amount > room - info.requested[name]:
            reasons.append(f"Insufficient {name}")
            helpless = helpless or amount > room
    return Refusal(tuple(reasons), helpless, "NodeResourcesFit") if reasons else None


OF_THE_NODE: tuple[Filter, ...] = (unschedulable, node_name, taints, affinity)
"""Filters that look at the Node object alone, not at what is there: they come first."""
OF_ITS_PODS: tuple[Filter, ...] = (ports, resources)


def first_refusal(checks: tuple[Filter, ...], wish: Wish, info: NodeInfo) -> Refusal | None:
    """Ask filters in order; the first that refuses has its say."""
    for check in checks:
        refusal = check(wish, info)
        if refusal is not None:
            return refusal
    return None


def named_nodes(pod: Object) -> list[str] | None:
    """Give the nodes that required affinity names by metadata.name; None when it leaves others open.

    Models: nodeaffinity PreFilter: DaemonSet pods look at one node only.
    """
    required = objects.dig(pod, f"spec.affinity.nodeAffinity.{scheduling.REQUIRED}")
    if required is None:
        return None
    names: dict[str, None] = {}
    for term in required.get("nodeSelectorTerms") or []:
        found = [f["values"] for f in term.get("matchFields") or []
                 if f["key"] == "metadata.name" and f["operator"] == "In" and len(f["values"]) == 1]
        if not found:
            return None
        names.update(dict.fromkeys(value for values in found for value in values))
    return sorted(names)
