"""Zones of nodes: how disrupted each is, and how fast its nodes may be tainted (or emptied).

Models: pkg/controller/nodelifecycle (ComputeZoneState, handleDisruption, setLimiterInZone) and its rate limited queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sim.api import objects
from sim.api.client import Object
from sim.engine import SECOND_US

EXCLUDED = "node.kubernetes.io/exclude-disruption"
NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"


def zone_of(node: Object) -> str:
    """Name the zone as the controller does: `region:zone`, empty without labels."""
    labels = objects.labels(node)
    region, zone = (labels.get(f"topology.kubernetes.io/{word}", "") for word in ("region", "zone"))
    return f"{region}:{zone}" if region or zone else ""


def excluded(node: Object) -> bool:
    """Tell whether the node does not count for its zone's state."""
    return EXCLUDED in objects.labels(node)


def zone_state(ready: int, not_ready: int, threshold: float) -> str:
    """Tell a zone's state. Models: ComputeZoneState."""
    if ready == 0 and not_ready > 0:
        return FULL
    if not_ready > 2 and not_ready / (ready + not_ready) >= threshold:
        return PARTIAL
    return NORMAL


@dataclass(frozen=True, slots=True)
class Rates:
    """The controller manager's flags about evictions: nodes per second, nodes, and a share.

    normal: node-eviction-rate. secondary: secondary-node-eviction-rate. large: large-cluster-size-threshold.
    threshold: unhealthy-zone-threshold.
    """

    normal: float = 0.1
    secondary: float = 0.01
    large: int = 50
    threshold: float = 0.55

    def of(self, state: str, nodes: int, *, all_down: bool) -> float:
        """Give how many nodes per second may be tainted in a zone of that state and size."""
        if all_down:
            return 0.0
        if state == PARTIAL:
            return self.secondary if nodes > self.large else 0.0
        return self.normal


@dataclass(slots=True)
class Zone:
    """A zone's queue of nodes that wait to be tainted. size: its nodes; next_us: when the next one may go."""

    state: str = "Initial"
    size: int = 0
    queue: dict[str, int] = field(default_factory=dict)
    next_us: int = 0


class Zones:
    """All zones of a cluster."""

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        self.all_down = False
        self._zones: dict[str, Zone] = {}

    def states(self) -> dict[str, str]:
        """Give each zone's state."""
        return {name: zone.state for name, zone in self._zones.items()}

    def judge(self, nodes: Iterable[Object]) -> tuple[bool, bool]:
        """Take the nodes as they are; tell whether (everything is down now and was not, the other way round)."""
        counts: dict[str, list[int]] = {}
        for node in nodes:
            if not excluded(node):
                pair = counts.setdefault(zone_of(node), [0, 0])
                pair[objects.condition_status(node, "Ready") != "True"] += 1
        self._zones = {name: self._zones.get(name) or Zone() for name in dict.fromkeys((*counts, *(
            name for name, zone in self._zones.items() if zone.queue)))}
        for name, (ready, bad) in counts.items():
            self._zones[name].state = zone_state(ready, bad, self.rates.threshold)
            self._zones[name].size = ready + bad
        was = self.all_down
        self.all_down = bool(counts) and all(self._zones[name].state == FULL for name in counts)
        return self.all_down and not was, was and not self.all_down

    def rate(self, zone: Zone) -> float:
        """Give how many nodes per second of the zone may be tainted now."""
        return self.rates.of(zone.state, zone.size, all_down=self.all_down)

    # ---- the queues -------------------------------------------------------------------------------------------
    def queued(self, name: str) -> bool:
        """Tell whether the node waits."""
        return any(name in zone.queue for zone in self._zones.values())

    def add(self, name: str, node: Object, now_us: int) -> None:
        """Let the node wait in its zone."""
        self._zones.setdefault(zone_of(node), Zone()).queue.setdefault(name, now_us)

    def remove(self, name: str) -> None:
        """The node need not wait any more."""
        for zone in self._zones.values():
            zone.queue.pop(name, None)

    def clear(self) -> None:
        """Nobody waits any more."""
        for zone in self._zones.values():
            zone.queue.clear()

    def next_us(self, now_us: int) -> int | None:
        """Tell when the next node's turn is."""
        turns = [max(zone.next_us, now_us) for zone in self._zones.values() if zone.queue and self.rate(zone)]
        return min(turns, default=None)

    def take(self, now_us: int) -> list[str]:
        """Give the nodes whose turn it is: at most one per zone."""
        out = []
        for zone in self._zones.values():
            rate = self.rate(zone)
            if rate and zone.queue and zone.next_us <= now_us:
                name = next(iter(zone.queue))
                del zone.queue[name]
                zone.next_us = now_us + round(SECOND_US / rate)
                out.append(name)
        return out
