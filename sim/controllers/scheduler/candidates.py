"""The nodes as one class of equal pods sees them: asked once, and again only for nodes that changed.

The pods of one template are alike, so what filters and scores said about a node holds until the node changes. A class
keeps that, and the counts per place that spread and affinity need. Models: findNodesThatPassFilters, prioritizeNodes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

from sim.api import objects
from sim.api.client import Object
from sim.api.selectors import Selector
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins import scores
from sim.controllers.scheduler.plugins.filters import (
    OF_ITS_PODS,
    OF_THE_NODE,
    Refusal,
    Wish,
    first_refusal,
    named_nodes,
)
from sim.controllers.scheduler.plugins.images import Images
from sim.controllers.scheduler.plugins.interpod import AffinityFilter, AffinityScore
from sim.controllers.scheduler.plugins.spread import Mark, SpreadFilter, SpreadScore

Check = Callable[[NodeInfo], Refusal | None]
HASHES = ("pod-template-hash", "controller-revision-hash")
SAMPLE_FROM, SAMPLE_LEAST, PERCENT_LEAST = 100, 100, 5
ENTRIES_MOST = 10_000
"""So many different entries a row may have seen before it is numbered anew."""
WINDOW_LEAST = 64
ROWS_MOST = 200
"""Of more fitting nodes than this nobody asks how each of them scored."""


def class_of(pod: Object) -> tuple[str, ...]:
    """Name the class of equal pods that a pod belongs to."""
    owner, labels = objects.controller_of(pod), objects.labels(pod)
    mark = next((labels[name] for name in HASHES if name in labels), "")
    if owner is not None and mark and owner["kind"] in ("ReplicaSet", "StatefulSet"):
        return objects.namespace(pod), owner["uid"], mark
    spec = {name: value for name, value in pod["spec"].items() if name not in ("volumes", "hostname", "containers")}
    asked = [{**each, "volumeMounts": None} for each in pod["spec"].get("containers") or []]
    return objects.namespace(pod), json.dumps([labels, spec, asked], sort_keys=True), owner["uid"] if owner else ""


def sample_size(nodes: int) -> int:
    """Tell after how many fitting nodes the search ends. Models: numFeasibleNodesToFind."""
    if nodes < SAMPLE_FROM:
        return nodes
    percent = max(PERCENT_LEAST, 50 - nodes // 125)
    return max(SAMPLE_LEAST, nodes * percent // 100)


class Static(NamedTuple):
    """What filters and scores that look at the Node object alone say; it holds as long as its parts are the same."""

    spec: Object
    labels: Object
    refusal: Refusal | None
    soft_taints: int
    preference: int


class Entry(NamedTuple):
    """What one node's own filters and scores say, and what spreading sees of it. Many nodes of a cluster share one."""

    refusal: Refusal | None
    least: int = 0
    balanced: int = 0
    soft_taints: int = 0
    preference: int = 0
    mark: Mark = Mark(())


class Row:
    """The nodes in the order of search, each with the number of its entry: a search of many nodes is a few slices."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._refuses: list[bool] = []
        self._numbers: dict[Entry, int] = {}
        self._order: list[str] = []
        self._place: dict[str, int] = {}
        self._row: list[int] = []

    def align(self, order: list[str], entries: dict[str, Entry]) -> None:
        """Take the order of search, which is a new list whenever nodes come or go."""
        if order is self._order and len(self.entries) < ENTRIES_MOST:
            return
        self._order, self._place = order, {name: at for at, name in enumerate(order)}
        self.entries.clear()
        self._refuses.clear()
        self._numbers.clear()
        self._row = [self._number(entries[name]) for name in order]

    def _number(self, entry: Entry) -> int:
        number = self._numbers.get(entry)
        if number is None:
            number = self._numbers[entry] = len(self.entries)
            self.entries.append(entry)
            self._refuses.append(entry.refusal is not None)
        return number

    def put(self, name: str, entry: Entry) -> None:
        """Note a node's new entry."""
        at = self._place.get(name)
        if at is not None:
            self._row[at] = self._number(entry)

    def window(self, at: int, enough: int) -> tuple[list[str], list[int], Counter[int]]:
        """Give names and numbers of nodes from a place on, until so many of them fit or all were seen; and count them."""
        order, row, refuses = self._order, self._row, self._refuses
        fitting, total = 0, len(order)
        numbers: list[int] = []
        counted: Counter[int] = Counter()
        while fitting < enough and len(numbers) < total:
            take = min(max(enough - fitting, WINDOW_LEAST), total - len(numbers))
            start = (at + len(numbers)) % total
            piece = row[start: start + take]
            if len(piece) < take:
                piece += row[: take - len(piece)]
            found = Counter(piece)
            fits = take - sum(count for number, count in found.items() if refuses[number])
            if fitting + fits > enough:
                places = [place for place, number in enumerate(piece) if not refuses[number]]
                piece = piece[: places[enough - fitting - 1] + 1]
                found, fits = Counter(piece), enough - fitting
            numbers, fitting = numbers + piece if numbers else piece, fitting + fits
            counted = counted + found if counted else found
        names = order[at: at + len(numbers)]
        if len(names) < len(numbers):
            names += order[: len(numbers) - len(names)]
        return names, numbers, counted


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one search. best: names of equal best. skipped: nodes that were not asked about.

    parts: scores per plugin; rows says for each fitting node where its scores stand there.
    """

    fitting: list[str]
    refused: dict[str, Refusal]
    parts: dict[str, list[int]]
    rows: Sequence[int]
    best: list[str]
    skipped: int


class Candidates:
    """A class of pods and what it knows of every node."""

    def __init__(
        self, wish: Wish, siblings: Selector | None, namespaces: Callable[[], list[Object]], images: Images | None = None
    ) -> None:
        self.wish = wish
        self.images = images or Images()
        self.seen = 0
        self.entries: dict[str, Entry] = {}
        self.named = named_nodes(wish.pod)
        self.spread = SpreadFilter(wish)
        self.spread_score = SpreadScore(wish, siblings)
        self.affinity = AffinityFilter(wish, namespaces)
        self.affinity_score = AffinityScore(wish, namespaces)
        self.narrow = self.named is not None and len(self.named) == 1 and not (
            self.spread.constraints or self.affinity.near or self.affinity.far)
        """One node at most is asked about (a DaemonSet's pod), and none is compared with it."""
        self._crossing = (self.spread, self.spread_score, self.affinity, self.affinity_score)
        self._static: dict[str, Static] = {}
        self._row = Row()

    def begin(self, nodes: dict[str, NodeInfo], choosy: Iterable[str]) -> None:
        """Ask about all nodes that can matter. choosy: those that have pods which keep others away."""
        self.update(dict.fromkeys((*(self.named or ()), *choosy)) if self.narrow else nodes, nodes)

    def update(self, names: Iterable[str], nodes: dict[str, NodeInfo]) -> None:
        """Ask anew about nodes that changed or are gone."""
        for name in names:
            info = nodes.get(name)
            for each in self._crossing:
                each.update(name, info)
            if info is None:
                self.entries.pop(name, None)
                self._static.pop(name, None)
            elif self.named is None or name in self.named:
                self.entries[name] = entry = self._ask(name, info)
                self._row.put(name, entry)

    def _ask(self, name: str, info: NodeInfo) -> Entry:
        wish, node, known = self.wish, info.node, self._static.get(name)
        spec, labels = node.get("spec") or {}, objects.labels(node)
        if known is None or known.spec is not spec or known.labels is not labels:
            known = self._static[name] = Static(
                spec, labels, first_refusal(OF_THE_NODE, wish, info), scores.soft_taints(wish.pod, node),
                scores.preference(wish.pod, node))
        refusal = known.refusal or first_refusal(OF_ITS_PODS, wish, info)
        if refusal is not None:
            return Entry(refusal)
        return Entry(None, scores.least_allocated(wish, info), scores.balanced(wish, info), known.soft_taints,
                     known.preference, self.spread_score.mark(info))

    def refusal(self, name: str, info: NodeInfo, also: Check | None = None) -> Refusal | None:
        """Say why the pod cannot go to a node, by all filters. also: what its own volumes say."""
        own = self.entries[name].refusal
        if own is not None:
            return own
        if also is not None and (found := also(info)) is not None:
            return found
        if self.spread.constraints and (found := self.spread.refusal(info)) is not None:
            return found
        return None if self.affinity.idle else self.affinity.refusal(info)

    def search(self, order: list[str], at: int, nodes: dict[str, NodeInfo], also: Check | None = None) -> Verdict:
        """Find the nodes that fit, from that place in the order on until there are enough, and the best of them."""
        if self.named is None and not self.spread.constraints and self.affinity.idle and self.affinity_score.idle and (
                also is None and not self.images.has_any(self.wish.pod)):
            return self._search_alike(order, at)
        order = order[at:] + order[:at] if self.named is None else [name for name in self.named if name in nodes]
        enough, fitting, refused = sample_size(len(order)), [], {}
        for name in order:
            found = self.refusal(name, nodes[name], also)
            if found is not None:
                refused[name] = found
                continue
            fitting.append(name)
            if len(fitting) >= enough:
                break
        parts = self._parts([self.entries[name] for name in fitting], [1] * len(fitting), [nodes[name] for name in fitting],
                            len(nodes))
        totals = _totals(parts, len(fitting))
        top = max(totals, default=0)
        best = sorted(name for name, total in zip(fitting, totals, strict=True) if total == top)
        return Verdict(fitting, refused, parts, range(len(fitting)), best, len(nodes) - len(order))

    def _search_alike(self, order: list[str], at: int) -> Verdict:
        """Search where a node's own entry says all: equal entries are filtered and scored once."""
        row = self._row
        row.align(order, self.entries)
        names, numbers, counted = row.window(at, sample_size(len(order)))
        refused = {}
        bad = {number: found for number in counted if (found := row.entries[number].refusal) is not None}
        if bad:
            refused = {name: bad[number] for name, number in zip(names, numbers, strict=True) if number in bad}
            names = [name for name, number in zip(names, numbers, strict=True) if number not in bad]
            numbers = [number for number in numbers if number not in bad]
        kinds = [number for number in counted if number not in bad]
        parts = self._parts([row.entries[number] for number in kinds], [counted[number] for number in kinds], None)
        totals = _totals(parts, len(kinds))
        top = max(totals, default=0)
        best = {number for number, total in zip(kinds, totals, strict=True) if total == top}
        equal = names if len(best) == len(kinds) else compress(names, map(best.__contains__, numbers))
        where = {number: place for place, number in enumerate(kinds)}
        rows = [where[number] for number in numbers] if len(names) <= ROWS_MOST else ()
        return Verdict(names, refused, parts, rows, sorted(equal), 0)

    def _parts(
        self, found: list[Entry], numbers: list[int], infos: list[NodeInfo] | None, total: int = 0
    ) -> dict[str, list[int]]:
        """Give the scores that tell fitting nodes apart, per plugin. numbers: how many nodes have each entry.

        infos: the nodes one by one, where plugins must look at each; total: nodes in the cluster.
        """
        if sum(numbers) < 2:
            return {}
        parts = {"NodeResourcesFit": [each.least for each in found],
                 "NodeResourcesBalancedAllocation": [each.balanced for each in found]}
        if any(each.soft_taints for each in found):
            parts["TaintToleration"] = scores.normal([each.soft_taints for each in found], fewer_is_better=True)
        if any(each.preference for each in found):
            parts["NodeAffinity"] = scores.normal([each.preference for each in found], fewer_is_better=False)
        spread = self.spread_score.scores([each.mark for each in found], numbers)
        if spread is not None:
            parts["PodTopologySpread"] = spread
        near = self.affinity_score.scores(infos) if infos is not None else None
        if near is not None:
            parts["InterPodAffinity"] = near
        local = self.images.scores(self.wish.pod, infos, total) if infos is not None else None
        if local is not None:
            parts["ImageLocality"] = local
        return parts


def _totals(parts: dict[str, list[int]], length: int) -> list[int]:
    totals = [0] * length
    for plugin, values in parts.items():
        weight = scores.WEIGHTS[plugin]
        totals = [total + weight * value for total, value in zip(totals, values, strict=True)]
    return totals
