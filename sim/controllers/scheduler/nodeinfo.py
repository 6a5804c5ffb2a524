"""What the scheduler knows of a node: kept up to date by differences, never recounted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sim.api import objects, scheduling
from sim.api.client import Key, Object

DEFAULT_CPU_MILLI, DEFAULT_MEMORY_BYTES = 100, 200 * 1024 * 1024
"""What a container without requests counts as when nodes are compared (not when they are filtered)."""


@dataclass(slots=True)
class NodeInfo:
    """A node, its pods, and the sums of what they ask for. amounts: cpu in milli, the rest in base units."""

    node: Object
    pods: dict[Key, Object] = field(default_factory=dict)
    requested: Counter[str] = field(default_factory=Counter)
    weighed: Counter[str] = field(default_factory=Counter)
    allocatable: dict[str, int] = field(default_factory=dict)

    def set_node(self, node: Object) -> None:
        """Take a newer Node object."""
        self.node = node
        self.allocatable = {
            name: scheduling.amount_of(name, text) for name, text in objects.dig(node, "status.allocatable", {}).items()}

    def add(self, pod: Object) -> None:
        """Count a pod that is bound here."""
        key = objects.key("pods", pod)
        self.remove(key)
        self.pods[key] = pod
        self.requested.update(scheduling.requests(pod))
        self.weighed.update(weight_of(pod))

    def remove(self, key: Key) -> None:
        """No longer count a pod."""
        pod = self.pods.pop(key, None)
        if pod is not None:
            self.requested.subtract(scheduling.requests(pod))
            self.weighed.subtract(weight_of(pod))

    def used_ports(self) -> list[tuple[str, int]]:
        """Give the (protocol, host port) pairs in use."""
        return [port for pod in self.pods.values() for port in host_ports(pod)]


def weight_of(pod: Object) -> dict[str, int]:
    """Give cpu and memory as scores count them: with defaults where nothing is asked for."""
    total = {"cpu": 0, "memory": 0}
    for each in objects.dig(pod, "spec.containers", []):
        asked = objects.dig(each, "resources.requests", {})
        total["cpu"] += scheduling.amount_of("cpu", asked["cpu"]) if "cpu" in asked else DEFAULT_CPU_MILLI
        total["memory"] += (
            scheduling.amount_of("memory", asked["memory"]) if "memory" in asked else DEFAULT_MEMORY_BYTES)
    return total


def host_ports(pod: Object) -> list[tuple[str, int]]:
    """Give the host ports that a pod wants."""
    found = []
    for each in objects.dig(pod, "spec.containers", []):
        for port in each.get("ports") or []:
            number = port.get("hostPort") or (port["containerPort"] if objects.dig(pod, "spec.hostNetwork") else 0)
            if number:
                found.append((port.get("protocol", "TCP"), number))
    return found
