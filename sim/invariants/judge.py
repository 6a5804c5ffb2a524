"""The judge: goes through a history and keeps the world as it was before each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sim.api.client import Change, Key, Object
from sim.controllers.nodes.zones import Rates
from sim.etcd.store import Store
from sim.invariants import changes, settled, zones
from sim.invariants.zones import ZoneWatch


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that was broken. at_us: simulated time in microseconds."""

    invariant: str
    at_us: int
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at_us / 1e6:.3f} s: {self.text}"


@dataclass(slots=True)
class World:
    """The objects as they were before the change that is judged, and which pods each node and namespace had."""

    objects: dict[Key, Object] = field(default_factory=dict)
    pods_on: dict[str, dict[Key, Object]] = field(default_factory=dict)
    pods_in: dict[str, dict[Key, Object]] = field(default_factory=dict)
    lost_us: dict[str, int] = field(default_factory=dict)
    """Namespace -> when one of its pods last stopped being ready without being evicted."""
    zones: ZoneWatch = field(default_factory=ZoneWatch)

    def follow(self, change: Change) -> None:
        """Become the world after the change."""
        key, old, new = change.key, self.objects.get(change.key), change.new
        self.zones.follow(change)
        if key.resource == "pods":
            changes.note_loss(self, change, old)
            for table, place in ((self.pods_on, changes.node_of), (self.pods_in, changes.namespace_of)):
                if old is not None:
                    table.get(place(old), {}).pop(key, None)
                if new is not None:
                    table.setdefault(place(new), {})[key] = new
        if new is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = new


Rule = Callable[[Change, World], Iterator[str]]
HISTORY: dict[str, Rule] = {
    "revisions rise": changes.revisions_rise,
    "identity stays": changes.identity_stays,
    "deletion is final": changes.deletion_is_final,
    "a pod is bound once": changes.bound_once,
    "a finished pod stays finished": changes.finished_stays,
    "evictions respect budgets": changes.budgets_kept,
    "the scheduler overcommits no node": changes.capacity_kept,
    "one leader": changes.one_leader,
    "zones are emptied slowly": zones.zones_emptied_slowly,
}
"""Name -> rule; a rule looks at one change and the world before it."""
SETTLED: dict[str, Callable[[Store], Iterator[str]]] = {
    "owners exist": settled.owners_exist,
    "workloads are whole": settled.workloads_whole,
    "nobody lingers": settled.nobody_lingers,
    "rollouts end": settled.rollouts_end,
    "jobs go on": settled.jobs_go_on,
    "schedules are kept": settled.schedules_kept,
    "nodes are ready": settled.nodes_ready,
    "claims and volumes agree": settled.claims_agree,
    "quotas count": settled.quotas_count,
}
"""Name -> check of a cluster whose faults have healed and that was given time."""


class Judge:
    """Judges a store's history as it grows.

    store: must keep its history. rules: which properties (all by default). rates: the controller manager's flags about zones.
    """

    def __init__(self, store: Store, rules: Sequence[str] = tuple(HISTORY), *, rates: Rates | None = None) -> None:
        self.store = store
        self.rules = [(name, HISTORY[name]) for name in rules]
        self._seen = 0
        self._world = World(zones=ZoneWatch(rates or Rates()))

    def look(self) -> list[Violation]:
        """Judge what happened since the last look."""
        found: list[Violation] = []
        for change in self.store.changes[self._seen:]:
            for name, rule in self.rules:
                found += [Violation(name, change.at_us, text) for text in rule(change, self._world)]
            self._world.follow(change)
        self._seen = len(self.store.changes)
        return found

    def settled(self) -> list[Violation]:
        """Judge the cluster as one that has come to rest."""
        now_us = self.store.engine.now_us
        return [Violation(name, now_us, text) for name, check in SETTLED.items() for text in check(self.store)]
