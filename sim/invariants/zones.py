"""Zones are emptied slowly: how often the node lifecycle controller may give nodes up, and when not at all.

The rule looks at the taints by which a node's pods are driven off, and at the nodes of its zone before that change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.controllers.nodes.zones import FULL, PARTIAL, Rates, excluded, zone_of, zone_state
from sim.engine import SECOND_US

if TYPE_CHECKING:
    from sim.invariants.judge import World

GIVEN_UP = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
SEEN_US = 6 * SECOND_US
"""The controller looks at zones every 5 s: what changed later may be unknown to it."""
LEADER = Key("leases", "kube-system", "kube-controller-manager")


@dataclass(slots=True)
class ZoneWatch:
    """The nodes by zones, and since when each zone's state, or that of all, holds. rates: the controller's flags."""

    rates: Rates = field(default_factory=Rates)
    ready: dict[str, dict[str, bool]] = field(default_factory=dict)
    since: dict[str, tuple[str, int]] = field(default_factory=dict)
    tainted_us: dict[str, int] = field(default_factory=dict)
    leader: str = ""
    down_us: int | None = None

    def follow(self, change: Change) -> None:
        """Take a node's change; a new leader begins with new limiters."""
        if change.key == LEADER and change.new is not None:
            spec = change.new.get("spec") or {}
            leader = f"{spec.get('holderIdentity')} {spec.get('acquireTime')}"
            if leader != self.leader:
                self.tainted_us.clear()
            self.leader = leader
        if change.key.resource != "nodes":
            return
        for members in self.ready.values():
            members.pop(change.key.name, None)
        node = change.new
        if node is not None:
            if change.old is not None and zone_of(change.old) != zone_of(node):
                self.tainted_us.clear()  # who waited in one zone may be given up in the other
            if _given_up(change):
                self.tainted_us[zone_of(node)] = change.at_us
            if not excluded(node):
                self.ready.setdefault(zone_of(node), {})[change.key.name] = objects.condition_status(node, "Ready") == "True"
        self._note(change.at_us)

    def _note(self, at_us: int) -> None:
        self.ready = {zone: members for zone, members in self.ready.items() if members}
        for zone, members in self.ready.items():
            good = sum(members.values())
            state = zone_state(good, len(members) - good, self.rates.threshold)
            if self.since.get(zone, ("", 0))[0] != state:
                self.since[zone] = (state, at_us)
        down = bool(self.ready) and all(self.since[zone][0] == FULL for zone in self.ready)
        self.down_us = None if not down else at_us if self.down_us is None else self.down_us


def _given_up(change: Change) -> bool:
    """Tell whether the change is the moment in which a node's pods are driven off, by the controller itself."""
    if change.old is None or change.new is None or change.by.startswith("kubectl"):
        return False
    return not _driven(change.old) and _driven(change.new)


def _driven(node: Object) -> bool:
    return any(taint["key"] in GIVEN_UP and taint["effect"] == "NoExecute" for taint in objects.dig(node, "spec.taints", []))


def zones_emptied_slowly(change: Change, world: World) -> Iterator[str]:
    """A zone's nodes are given up no faster than its rate; none while all are down, or most of a small zone."""
    if change.key.resource != "nodes" or not _given_up(change):
        return
    watch, zone = world.zones, zone_of(change.object)
    name, shown, rates = change.key.name, zone or "the only zone", watch.rates
    if watch.down_us is not None and change.at_us - watch.down_us > SEEN_US:
        yield f"{name} was given up while every zone is down"
        return
    state, since_us = watch.since.get(zone, ("", change.at_us))
    rate = rates.of(state, len(watch.ready.get(zone, {})), all_down=False)
    if not rate and state == PARTIAL and change.at_us - since_us > SEEN_US:
        yield f"{name} was given up while most of {shown}, a small zone, is down"
    fastest = max(rates.normal, rates.secondary)
    last_us = watch.tainted_us.get(zone)
    if last_us is not None and fastest and change.at_us - last_us < round(SECOND_US / fastest):
        yield f"{name} was given up {(change.at_us - last_us) / SECOND_US:.1f} s after another node of {shown}"
