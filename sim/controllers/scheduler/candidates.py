"""The nodes as one class of equal pods sees them: asked once, and again only for nodes that changed.

The pods of one template are alike, so what filters and scores said about a node holds until the node changes. A class
keeps that, and the counts per place that spread and affinity need. Models: findNodesThatPassFilters, prioritizeNodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sim.api import objects
from sim.api.client import Object
from sim.api.selectors import Selector
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins import scores
from sim.controllers.scheduler.plugins.filters import Refusal, Wish, first_refusal, named_nodes
from sim.controllers.scheduler.plugins.interpod import AffinityFilter, AffinityScore
from sim.controllers.scheduler.plugins.spread import SpreadFilter, SpreadScore

HASHES = ("pod-template-hash", "controller-revision-hash")
SAMPLE_FROM, SAMPLE_LEAST, PERCENT_LEAST = 100, 100, 5


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


class Entry(NamedTuple):
    """What one node's own filters and scores say."""

    refusal: Refusal | None
    least: int = 0
    balanced: int = 0
    soft_taints: int = 0
    preference: int = 0


class Verdict(NamedTuple):
    """The outcome of one search. parts: score per plugin, in the order of `fitting`; best: names of equal best."""

    fitting: list[str]
    refused: dict[str, Refusal]
    parts: dict[str, list[int]]
    totals: list[int]
    best: list[str]
    skipped: int


class Candidates:
    """A class of pods and what it knows of every node."""

    def __init__(self, wish: Wish, siblings: Selector | None, namespaces: Callable[[], list[Object]]) -> None:
        self.wish = wish
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

    def begin(self, nodes: dict[str, NodeInfo], choosy: Iterable[str]) -> None:
        """Ask about all nodes that can matter. choosy: those that have pods which keep others away."""
        self.update(dict.fromkeys((*(self.named or ()), *choosy)) if self.narrow else nodes, nodes)

    def update(self, names: Iterable[str], nodes: dict[str, NodeInfo]) -> None:
        """Ask anew about nodes that changed or are gone."""
        for name in names:
            info = nodes.get(name)
            if info is None:
                self.entries.pop(name, None)
            elif self.named is None or name in self.named:
                self.entries[name] = self._ask(info)
            for each in self._crossing:
                each.update(name, info)

    def _ask(self, info: NodeInfo) -> Entry:
        wish = self.wish
        refusal = first_refusal(wish, info)
        if refusal is not None:
            return Entry(refusal)
        return Entry(None, scores.least_allocated(wish, info), scores.balanced(wish, info),
                     scores.soft_taints(wish.pod, info.node), scores.preference(wish.pod, info.node))

    def refusal(self, name: str, info: NodeInfo) -> Refusal | None:
        """Say why the pod cannot go to a node, by all filters."""
        own = self.entries[name].refusal
        if own is not None:
            return own
        if self.spread.constraints and (found := self.spread.refusal(info)) is not None:
            return found
        return None if self.affinity.idle else self.affinity.refusal(info)

    def search(self, order: Sequence[str], nodes: dict[str, NodeInfo]) -> Verdict:
        """Find the nodes that fit, in that order until there are enough, and the best of them."""
        if self.named is not None:
            order = [name for name in self.named if name in nodes]
        enough, fitting, refused = sample_size(len(order)), [], {}
        alone = not self.spread.constraints and self.affinity.idle
        entries = self.entries
        for name in order:
            found = entries[name].refusal if alone else self.refusal(name, nodes[name])
            if found is not None:
                refused[name] = found
                continue
            fitting.append(name)
            if len(fitting) >= enough:
                break
        parts = self._parts(fitting, nodes)
        totals = [0] * len(fitting)
        for plugin, values in parts.items():
            weight = scores.WEIGHTS[plugin]
            totals = [total + weight * value for total, value in zip(totals, values, strict=True)]
        top = max(totals, default=0)
        best = sorted(name for name, total in zip(fitting, totals, strict=True) if total == top)
        return Verdict(fitting, refused, parts, totals, best, len(nodes) - len(order))

    def _parts(self, fitting: list[str], nodes: dict[str, NodeInfo]) -> dict[str, list[int]]:
        """Give the scores that tell the fitting nodes apart, per plugin."""
        if len(fitting) < 2:
            return {}
        found = [self.entries[name] for name in fitting]
        infos = [nodes[name] for name in fitting]
        parts = {"NodeResourcesFit": [each.least for each in found],
                 "NodeResourcesBalancedAllocation": [each.balanced for each in found]}
        if any(each.soft_taints for each in found):
            parts["TaintToleration"] = scores.normal([each.soft_taints for each in found], fewer_is_better=True)
        if any(each.preference for each in found):
            parts["NodeAffinity"] = scores.normal([each.preference for each in found], fewer_is_better=False)
        for plugin, cross in (("PodTopologySpread", self.spread_score), ("InterPodAffinity", self.affinity_score)):
            values = cross.scores(infos)
            if values is not None:
                parts[plugin] = values
        return parts
