"""The way from one version to another: a shortest path over states, each edge one legal step with its reason."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import NamedTuple

from sim.versions import catalogue, skew
from sim.versions.catalogue import Version, VersionError
from sim.versions.skew import State

MOST_MINORS = 15


class Minors(NamedTuple):
    """A state of the search: the minor of each part of the cluster."""

    server: int
    managers: int
    kubelet: int
    proxy: int


class Step(NamedTuple):
    """One step. why: the rule that makes it legal here; note: what goes with it."""

    component: str
    old: str
    new: str
    why: str
    note: str = ""


PARTS = (("server", "kube-apiserver"), ("managers", "kube-controller-manager, kube-scheduler"), ("kubelet", "kubelet"),
         ("proxy", "kube-proxy"))
WHY = {
    "server": "kube-apiserver goes first, one minor at a time",
    "managers": "not newer than kube-apiserver, at most one minor older",
    "kubelet": "not newer than kube-apiserver; drain each node first, uncordon it after",
    "proxy": "not newer than kube-apiserver; follows the kubelet of its node",
}


def _edges(state: Minors, last: int, jump: int) -> Iterator[tuple[Minors, str]]:
    """Give the states that one legal step leads to."""
    def version(minor: int) -> Version:
        return Version(1, minor)

    servers = (version(state.server),)
    now = State(servers, {"kube-controller-manager": version(state.managers)},
                (version(state.kubelet),), drained=True)
    for field, component in PARTS:
        at = getattr(state, field)
        for to in range(at + 1, min(last, at + (jump if field in ("kubelet", "proxy") else 1)) + 1):
            name = "kube-controller-manager" if field == "managers" else component
            if skew.step_fault(name, version(at), version(to), now):
                continue
            after = state._replace(**{field: to})
            if not skew.proxy_fault(version(after.proxy), version(after.kubelet)) and not skew.fault(
                    "kube-proxy", version(after.proxy), (version(after.server),)):
                yield after, field


def find(old: Version, new: Version, *, date: datetime.date, fewest_drains: bool = False) -> list[Step]:
    """Give the steps from one version to another, all components.

    date: which patches the minors in between have. fewest_drains: let kubelets lag as far as the policy allows, instead
    of taking every minor whole. VersionError: a version that is not known, or a way back.
    """
    import networkx as nx

    for each in (old, new):
        catalogue.release_date(each)
    if new < old:
        raise VersionError(f"there is no way back from {old} to {new}: Kubernetes is not downgraded, a backup is restored")
    if new.minor - old.minor > MOST_MINORS:
        raise VersionError(f"{new.minor - old.minor} minors are more than this looks over ({MOST_MINORS})")
    start, end = Minors(*(old.minor,) * 4), Minors(*(new.minor,) * 4)
    graph: nx.DiGraph[Minors] = nx.DiGraph()
    graph.add_node(start)
    waiting = [start]
    while waiting:
        state = waiting.pop()
        for after, field in _edges(state, new.minor, 3 if fewest_drains else 1):
            if after not in graph:
                waiting.append(after)
            # Of equally short ways the one that finishes a minor before it begins the next: lagging costs.
            lag = 6 * after.server - 3 * after.managers - 2 * after.kubelet - after.proxy
            drains = 1000 if field == "kubelet" and fewest_drains else 0
            graph.add_edge(state, after, field=field, cost=1000 + drains + lag)
    way = nx.shortest_path(graph, start, end, weight="cost")
    steps = [_step(graph.edges[a, b]["field"], a, b, old, new, date) for a, b in zip(way, way[1:], strict=False)]
    if old.minor == new.minor and old != new:
        steps = [Step(component, str(old), str(new), "a patch of the same minor; order as for minors") for _, component in PARTS]
    return steps


def _step(field: str, before: Minors, after: Minors, old: Version, new: Version, date: datetime.date) -> Step:
    def patch(minor: int) -> Version:
        if minor in (old.minor, new.minor):
            return new if minor == new.minor else old
        return catalogue.minors()[f"1.{minor}"].latest(date)

    one, other = patch(getattr(before, field)), patch(getattr(after, field))
    note = ""
    if field == "server" and catalogue.images(one).etcd != catalogue.images(other).etcd:
        note = f"etcd {catalogue.images(one).etcd} to {catalogue.images(other).etcd} before it"
    return Step(dict(PARTS)[field], str(one), str(other), WHY[field], note)


def direct_fault(old: Version, new: Version) -> str:
    """Say why going there in one step is refused; "" when it is not."""
    return skew.step_fault("kube-apiserver", old, new, State((old,)))
