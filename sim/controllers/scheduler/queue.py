"""The pods that wait for a node: those to be tried, and those that were refused and wait for a change that could help.

Models: pkg/scheduler/backend/queue, and the queueing hints of the plugins (isSchedulableAfter…).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from sim.api import objects, scheduling, selectors
from sim.api.client import Change, Key, Object
from sim.controllers.scheduler.nodeinfo import clash, host_ports
from sim.controllers.scheduler.plugins.filters import Version, untolerated
from sim.controllers.scheduler.plugins.interpod import FAR, NEAR, Term, required
from sim.engine import SECOND_US, Cause

BACKOFF_FIRST_US, BACKOFF_MOST_US = SECOND_US, 10 * SECOND_US
POPS_BACKOFF = (1, 33)
"""From this version on a pod does not sit out its back-off while there is nothing else to schedule."""


@dataclass(slots=True)
class Waiting:
    """A pod without a node. plugins: who refused it last; tries, tried_us: how often and when last."""

    key: Key
    pod: Object
    priority: int
    causes: tuple[Cause, ...]
    plugins: tuple[str, ...] = ()
    tries: int = 0
    tried_us: int = 0

    def ready_us(self, version: Version) -> int:
        """Tell from when on it may be tried again once something could help."""
        if self.tries == 0 or version >= POPS_BACKOFF:
            return self.tried_us
        return self.tried_us + min(BACKOFF_FIRST_US << (self.tries - 1), BACKOFF_MOST_US)


@dataclass
class SchedulingQueue:
    """Active pods by priority, and refused ones by who refused them."""

    version: Version
    pods: dict[Key, Waiting] = field(default_factory=dict)
    refused: dict[Key, None] = field(default_factory=dict)
    _active: list[tuple[int, int, Key]] = field(default_factory=list)
    _queued: dict[Key, None] = field(default_factory=dict)
    _number: int = 0

    def add(self, pod: Object, causes: tuple[Cause, ...]) -> None:
        """Take a pod that is new, or whose spec changed."""
        key = objects.key("pods", pod)
        found = self.pods.get(key)
        if found is None:
            self.pods[key] = Waiting(key, pod, objects.dig(pod, "spec.priority", 0), causes)
        else:
            found.pod, found.causes = pod, causes
        self.activate(key)

    def activate(self, key: Key) -> None:
        """Have the pod tried."""
        self.refused.pop(key, None)
        if key not in self._queued:
            self._queued[key] = None
            self._number += 1
            heapq.heappush(self._active, (-self.pods[key].priority, self._number, key))

    def remove(self, key: Key) -> None:
        """The pod is bound or gone."""
        if key in self.pods:
            del self.pods[key]
            self.refused.pop(key, None)
            self._queued.pop(key, None)

    def pop(self) -> Waiting | None:
        """Give the pod that is to be tried now: the highest priority, then who came first."""
        while self._active:
            _, _, key = heapq.heappop(self._active)
            if key in self._queued:
                del self._queued[key]
                return self.pods[key]
        return None

    def __len__(self) -> int:
        """Count the pods that are to be tried."""
        return len(self._queued)

    def park(self, waiting: Waiting, plugins: tuple[str, ...], now_us: int) -> None:
        """Put a refused pod aside."""
        waiting.plugins, waiting.tried_us = plugins, now_us
        waiting.tries += 1
        self.refused[waiting.key] = None

    def helped(self, change: Change) -> list[Waiting]:
        """Give the refused pods that a change could help."""
        if not self.refused:
            return []
        hint = {"nodes": node_helps, "pods": pod_helps}.get(change.key.resource, _anything_helps)
        out = []
        for key in self.refused:
            waiting = self.pods[key]
            if not waiting.plugins or any(hint(plugin, waiting.pod, change) for plugin in waiting.plugins):
                out.append(waiting)
        return out


def node_helps(plugin: str, pod: Object, change: Change) -> bool:
    """Tell whether a node's change could make the plugin accept the pod."""
    old, new = change.old, change.new
    if new is None:
        return plugin == "PodTopologySpread"
    match plugin:
        case "NodeUnschedulable":
            return not objects.dig(new, "spec.unschedulable") and (old is None or bool(objects.dig(old, "spec.unschedulable")))
        case "TaintToleration":
            return untolerated(pod, new) is None and (old is None or untolerated(pod, old) is not None)
        case "NodeAffinity":
            return scheduling.matches_node_affinity(pod, new) and (
                old is None or not scheduling.matches_node_affinity(pod, old))
        case "NodeName":
            return old is None and objects.name(new) == objects.dig(pod, "spec.nodeName")
        case "NodeResourcesFit":
            return _more_room(pod, old, new)
        case "VolumeBinding" | "VolumeZone":
            return old is None or objects.labels(old) != objects.labels(new)
        case "NodePorts":
            return old is None
        case "PodTopologySpread" | "InterPodAffinity":
            return old is None or objects.labels(old) != objects.labels(new) or (
                objects.dig(old, "spec.taints") != objects.dig(new, "spec.taints"))
    return old is None


def _more_room(pod: Object, old: Object | None, new: Object) -> bool:
    asked = {**scheduling.requests(pod), "pods": 1}

    def room(node: Object) -> dict[str, int]:
        allocatable = objects.dig(node, "status.allocatable", {})
        return {name: scheduling.amount_of(name, allocatable.get(name, "0")) for name in asked}

    now = room(new)
    if any(now[name] < amount for name, amount in asked.items()):
        return False
    return old is None or any(now[name] > before for name, before in room(old).items())


def pod_helps(plugin: str, pod: Object, change: Change) -> bool:
    """Tell whether another pod's change could make the plugin accept the pod."""
    other, left = change.object, change.new is None or objects.pod_finished(change.new)
    placed = bool(objects.dig(other, "spec.nodeName"))
    match plugin:
        case "NodeResourcesFit" | "NodeVolumeLimits" | "VolumeRestrictions":
            return left and placed
        case "NodePorts":
            return left and placed and clash(tuple(host_ports(pod)), iter(host_ports(other)))
        case "PodTopologySpread":
            return placed and objects.namespace(other) == objects.namespace(pod) and any(
                selectors.from_object(rule.get("labelSelector")).matches(objects.labels(other))
                for rule in objects.dig(pod, "spec.topologySpreadConstraints", []))
        case "InterPodAffinity":
            return placed and _affinity_helps(pod, other, left=left)
    return False


def _affinity_helps(pod: Object, other: Object, *, left: bool) -> bool:
    def everywhere() -> list[Object]:
        return []

    near, far = required(pod, NEAR, everywhere), required(pod, FAR, everywhere)
    if not left:
        return any(term.chooses(other) for term in near)
    theirs: list[Term] = required(other, FAR, everywhere)
    return any(term.chooses(other) for term in (*far, *near)) or any(term.chooses(pod) for term in theirs)


def _anything_helps(plugin: str, pod: Object, change: Change) -> bool:
    return plugin in ("VolumeBinding", "VolumeRestrictions", "NodeVolumeLimits", "VolumeZone")
