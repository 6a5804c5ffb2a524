"""What the scheduler knows of a node: kept up to date by differences, never recounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.api import objects, scheduling
from sim.api.client import Key, Object

DEFAULT_CPU_MILLI, DEFAULT_MEMORY_BYTES = 100, 200 * 1024 * 1024
"""What a container without requests counts as when nodes are compared (not when they are filtered)."""
ANY_ADDRESS = "0.0.0.0"

Port = tuple[str, str, int]
Alike = tuple[str, tuple[tuple[str, str], ...]]
"""A namespace and labels: pods that selectors do not tell apart."""


class Held(NamedTuple):
    """A pod on a node, with what it takes there. requests and weight: cpu in milli, the rest in base units.

    alike: as what it counts for selectors; None while it is going.
    """

    pod: Object
    requests: dict[str, int]
    weight: dict[str, int]
    ports: tuple[Port, ...]
    alike: Alike | None = None


def alike(pod: Object) -> Alike | None:
    """Say as what a pod counts for those who look for siblings or neighbours; nothing when it is going."""
    if objects.deleting(pod):
        return None
    return objects.namespace(pod), tuple(objects.labels(pod).items())


def hold(pod: Object) -> Held:
    """Compute once what a pod takes on a node."""
    return Held(pod, scheduling.requests(pod), weight_of(pod), tuple(host_ports(pod)), alike(pod))


@dataclass(slots=True)
class NodeInfo:
    """A node, its pods, and the sums of what they ask for. amounts: cpu in milli, the rest in base units."""

    node: Object
    held: dict[Key, Held] = field(default_factory=dict)
    requested: Counter[str] = field(default_factory=Counter)
    weighed: Counter[str] = field(default_factory=Counter)
    allocatable: dict[str, int] = field(default_factory=dict)
    choosy: dict[Key, None] = field(default_factory=dict)
    """Pods with (anti-)affinity of their own: they have a say in where others may go."""
    counts: dict[Alike, int] = field(default_factory=dict)
    """How many pods are alike, without those that are going."""

    def set_node(self, node: Object) -> None:
        """Take a newer Node object."""
        self.node = node
        self.allocatable = {
            name: scheduling.amount_of(name, text) for name, text in objects.dig(node, "status.allocatable", {}).items()}

    def add(self, pod: Object, held: Held | None = None) -> None:
        """Count a pod that is bound here."""
        key = objects.key("pods", pod)
        self.remove(key)
        if held is not None:
            own = alike(pod)
            held = Held(pod, held.requests, held.weight, held.ports, held.alike if own == held.alike else own)
        else:
            held = hold(pod)
        self.held[key] = held
        self._sum(held, 1)
        affinity = pod["spec"].get("affinity")
        if affinity and (affinity.get("podAffinity") or affinity.get("podAntiAffinity")):
            self.choosy[key] = None

    def remove(self, key: Key) -> None:
        """No longer count a pod."""
        held = self.held.pop(key, None)
        if held is not None:
            self._sum(held, -1)
            self.choosy.pop(key, None)

    def _sum(self, held: Held, sign: int) -> None:
        for name, amount in held.requests.items():
            self.requested[name] += sign * amount
        for name, amount in held.weight.items():
            self.weighed[name] += sign * amount
        if held.alike is not None:
            self.counts[held.alike] = self.counts.get(held.alike, 0) + sign
            if not self.counts[held.alike]:
                del self.counts[held.alike]

    def pods(self) -> Iterator[Object]:
        """Give the pods here."""
        return (held.pod for held in self.held.values())

    def without(self, keys: set[Key]) -> NodeInfo:
        """Give this node as it would be without some of its pods."""
        twin = NodeInfo(self.node, dict(self.held), Counter(self.requested), Counter(self.weighed), self.allocatable,
                        dict(self.choosy), dict(self.counts))
        for key in keys:
            twin.remove(key)
        return twin


def clash(wanted: tuple[Port, ...], used: Iterator[Port]) -> bool:
    """Tell whether a wanted (address, protocol, port) is in use; 0.0.0.0 stands for every address."""
    return any(
        w[1:] == u[1:] and (w[0] == u[0] or ANY_ADDRESS in (w[0], u[0])) for u in used for w in wanted)


def weight_of(pod: Object) -> dict[str, int]:
    """Give cpu and memory as scores count them: with defaults where nothing is asked for."""
    total = {"cpu": 0, "memory": 0}
    for each in objects.dig(pod, "spec.containers", []):
        asked = objects.dig(each, "resources.requests", {})
        total["cpu"] += scheduling.amount_of("cpu", asked["cpu"]) if "cpu" in asked else DEFAULT_CPU_MILLI
        total["memory"] += (
            scheduling.amount_of("memory", asked["memory"]) if "memory" in asked else DEFAULT_MEMORY_BYTES)
    return total


def host_ports(pod: Object) -> list[Port]:
    """Give the host ports that a pod wants: (address, protocol, port)."""
    found = []
    for each in objects.dig(pod, "spec.containers", []):
        for port in each.get("ports") or []:
            number = port.get("hostPort") or (port["containerPort"] if objects.dig(pod, "spec.hostNetwork") else 0)
            if number:
                found.append((port.get("hostIP") or ANY_ADDRESS, port.get("protocol", "TCP"), number))
    return found
