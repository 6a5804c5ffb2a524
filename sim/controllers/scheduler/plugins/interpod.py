"""Affinity between pods: where a pod must or would like to be near others, or far from them.

Models: framework/plugins/interpodaffinity (filtering.go, scoring.go). The pods that are there have a say too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sim.api import objects, selectors
from sim.api.client import Object
from sim.api.scheduling import REQUIRED
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Refusal, Wish
from sim.controllers.scheduler.plugins.tally import Place, Tally, in_namespaces, place_of

PLUGIN = "InterPodAffinity"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NEAR, FAR = "podAffinity", "podAntiAffinity"
AFFINITY_TEXT = "node(s) didn't match pod affinity rules"
ANTI_TEXT = "node(s) didn't match pod anti-affinity rules"
EXISTING_TEXT = "node(s) didn't satisfy existing pods anti-affinity rules"
OLD_TEXT = "node(s) didn't match pod affinity/anti-affinity rules"
HARD_WEIGHT = 1
BEST = 100

Namespaces = Callable[[], list[Object]]


class Term:
    """One affinity term of a pod, read."""

    __slots__ = ("key", "selector", "spaces", "weight")

    def __init__(self, term: Object, owner: Object, namespaces: Namespaces, weight: int = 0) -> None:
        self.key = term["topologyKey"]
        wanted, labels = term.get("labelSelector"), objects.labels(owner)
        for word, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
            for key in term.get(word) or []:
                if key in labels:
                    more = {"key": key, "operator": operator, "values": [labels[key]]}
                    wanted = {**(wanted or {}), "matchExpressions": [*((wanted or {}).get("matchExpressions") or []), more]}
        self.selector = selectors.from_object(wanted)
        self.spaces = in_namespaces(term, owner, namespaces)
        self.weight = weight

    def chooses(self, pod: Object) -> bool:
        """Tell whether the term means the pod."""
        return (self.spaces is None or objects.namespace(pod) in self.spaces) and self.selector.matches(
            objects.labels(pod))


def required(pod: Object, kind: str, namespaces: Namespaces) -> list[Term]:
    """Give the pod's required terms."""
    return [Term(term, pod, namespaces) for term in objects.dig(pod, f"spec.affinity.{kind}.{REQUIRED}", [])]


def preferred(pod: Object, kind: str, namespaces: Namespaces, sign: int) -> list[Term]:
    """Give the pod's preferred terms with their weights."""
    return [Term(each["podAffinityTerm"], pod, namespaces, sign * each["weight"])
            for each in objects.dig(pod, f"spec.affinity.{kind}.{PREFERRED}", [])]


class AffinityFilter:
    """What the pod requires, and what those that are there require of it."""

    def __init__(self, wish: Wish, namespaces: Namespaces) -> None:
        self.wish = wish
        self.namespaces = namespaces
        self.near = required(wish.pod, NEAR, namespaces)
        self.far = required(wish.pod, FAR, namespaces)
        self._near, self._far, self._theirs = Tally(self._count_near), Tally(self._count_far), Tally(self._count_theirs)

    def _count_near(self, info: NodeInfo) -> dict[Place, int]:
        if not self.near:
            return {}
        number = sum(1 for pod in info.pods() if all(term.chooses(pod) for term in self.near))
        places = (place_of(info, term.key) for term in self.near) if number else ()
        return {place: number for place in places if place is not None}

    def _count_far(self, info: NodeInfo) -> dict[Place, int]:
        found: Counter[Place] = Counter()
        for term in self.far:
            place = place_of(info, term.key)
            if place is not None:
                found[place] += sum(1 for pod in info.pods() if term.chooses(pod))
        return found

    def _count_theirs(self, info: NodeInfo) -> dict[Place, int]:
        found: Counter[Place] = Counter()
        for key in info.choosy:
            other = info.held[key].pod
            for term in required(other, FAR, self.namespaces):
                place = place_of(info, term.key)
                if place is not None and term.chooses(self.wish.pod):
                    found[place] += 1
        return found

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a changed node."""
        if self.near:
            self._near.update(name, info)
        if self.far:
            self._far.update(name, info)
        if (info is not None and info.choosy) or self._theirs.of(name):
            self._theirs.update(name, info)

    @property
    def idle(self) -> bool:
        """Tell whether nobody requires anything."""
        return not self.near and not self.far and not self._theirs.sums

    def refusal(self, info: NodeInfo) -> Refusal | None:
        """Say why the pod cannot go there."""
        if self.near and not self._near_enough(info):
            return self._refuse(AFFINITY_TEXT, helpless=True)
        if any((place := place_of(info, term.key)) and self._far.sums.get(place, 0) > 0 for term in self.far):
            return self._refuse(ANTI_TEXT)
        labels = objects.labels(info.node)
        if any(number > 0 and labels.get(key) == value for (key, value), number in self._theirs.sums.items()):
            return self._refuse(EXISTING_TEXT)
        return None

    def _near_enough(self, info: NodeInfo) -> bool:
        places = [place_of(info, term.key) for term in self.near]
        if any(place is None for place in places):
            return False
        if all(self._near.sums.get(place, 0) > 0 for place in places if place is not None):
            return True
        # The first of its kind may go anywhere where the labels are.
        return not any(self._near.sums.values()) and all(term.chooses(self.wish.pod) for term in self.near)

    def _refuse(self, text: str, *, helpless: bool = False) -> Refusal:
        reasons = (OLD_TEXT, text) if self.wish.version < (1, 21) else (text,)
        return Refusal(reasons, helpless, PLUGIN)


class AffinityScore:
    """What the pod would like, and what those that are there would like of it."""

    def __init__(self, wish: Wish, namespaces: Namespaces) -> None:
        self.wish = wish
        self.namespaces = namespaces
        self.terms = [*preferred(wish.pod, NEAR, namespaces, 1), *preferred(wish.pod, FAR, namespaces, -1)]
        self.tally = Tally(self._count)

    def _count(self, info: NodeInfo) -> dict[Place, int]:
        found: Counter[Place] = Counter()
        if self.terms:
            for pod in info.pods():
                for term in self.terms:
                    self._add(found, info, term, pod)
        for key in info.choosy:
            other = info.held[key].pod
            theirs = [*preferred(other, NEAR, self.namespaces, 1), *preferred(other, FAR, self.namespaces, -1)]
            for term in required(other, NEAR, self.namespaces):
                term.weight = HARD_WEIGHT
                theirs.append(term)
            for term in theirs:
                self._add(found, info, term, self.wish.pod)
        return {place: number for place, number in found.items() if number}

    @staticmethod
    def _add(found: Counter[Place], info: NodeInfo, term: Term, pod: Object) -> None:
        place = place_of(info, term.key)
        if place is not None and term.chooses(pod):
            found[place] += term.weight

    def update(self, name: str, info: NodeInfo | None) -> None:
        """Take a changed node."""
        if self.terms or (info is not None and info.choosy) or self.tally.of(name):
            self.tally.update(name, info)

    @property
    def idle(self) -> bool:
        """Tell whether nobody prefers anything."""
        return not self.tally.sums or not any(self.tally.sums.values())

    def scores(self, nodes: Sequence[NodeInfo]) -> list[int] | None:
        """Score the nodes that fit, 0 to 100; None where nothing is preferred."""
        sums = {place: number for place, number in self.tally.sums.items() if number}
        if not sums:
            return None
        raw = []
        for info in nodes:
            labels = objects.labels(info.node)
            raw.append(sum(number for (key, value), number in sums.items() if labels.get(key) == value))
        low, high = min(raw), max(raw)
        return [int(BEST * ((value - low) / (high - low))) if high > low else 0 for value in raw]
