"""Counts per place (a topology key and its value) that are kept as nodes change: the base of spread and affinity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sim.api import objects, selectors
from sim.api.client import Object
from sim.api.selectors import Selector
from sim.controllers.scheduler.nodeinfo import Alike, NodeInfo

Place = tuple[str, str]
HOSTNAME = "kubernetes.io/hostname"
KNOWN_MOST = 1000
"""So many sets of labels a selector remembers its answer for (a StatefulSet's pods all differ)."""


def place_of(info: NodeInfo, key: str) -> Place | None:
    """Give the node's place for a topology key, None where it has no such label."""
    value = objects.labels(info.node).get(key)
    return None if value is None else (key, value)


class Chosen:
    """Counts a node's pods of a namespace that a selector chooses and that are not going."""

    __slots__ = ("_known", "namespace", "selector")

    def __init__(self, selector: Selector, namespace: str) -> None:
        self.selector = selector
        self.namespace = namespace
        self._known: dict[Alike, bool] = {}

    def on(self, info: NodeInfo) -> int:
        """Count those on a node."""
        number = 0
        for alike, count in info.counts.items():
            chosen = self._known.get(alike)
            if chosen is None:
                chosen = self._known[alike] = alike[0] == self.namespace and self.selector.matches(dict(alike[1]))
                if len(self._known) > KNOWN_MOST:
                    self._known.clear()
            if chosen:
                number += count
        return number


class Tally:
    """Sums over nodes of what `count` gives for each: place -> number."""

    def __init__(self, count: Callable[[NodeInfo], dict[Place, int]]) -> None:
        self.count = count
        self.sums: Counter[Place] = Counter()
        self.members: Counter[Place] = Counter()
        self._parts: dict[str, dict[Place, int]] = {}

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a node that is new, changed or (None) gone."""
        for place, number in self._parts.pop(name, {}).items():
            self.sums[place] -= number
            self.members[place] -= 1
            if not self.members[place]:
                del self.sums[place], self.members[place]
        if info is not None:
            part = self._parts[name] = self.count(info)
            for place, number in part.items():
                self.sums[place] += number
                self.members[place] += 1

    def of(self, name: str) -> dict[Place, int]:
        """Give one node's own part."""
        return self._parts.get(name, {})


def in_namespaces(term: Object, owner: Object, namespaces: Callable[[], list[Object]]) -> set[str] | None:
    """Give the namespaces that an affinity term means; None: all of them.

    owner: the pod that has the term. namespaces: gives the Namespace objects, for namespaceSelector.
    """
    named = set(term.get("namespaces") or [])
    chosen = term.get("namespaceSelector")
    if chosen is None:
        return named or {objects.namespace(owner)}
    if not chosen.get("matchLabels") and not chosen.get("matchExpressions"):
        return None
    selector = selectors.from_object(chosen)
    return named | {objects.name(n) for n in namespaces() if selector.matches(objects.labels(n))}
