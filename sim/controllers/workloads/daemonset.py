"""The DaemonSet controller: one pod on each node that it may run on, replaced node by node when the template changes.

Models: pkg/controller/daemon (daemon_controller.go, update.go, util). A node is looked at only when it or a pod on it
changed; the counts of the status are kept as sums over nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

from sim.api import objects, scheduling, selectors
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller, Turns
from sim.controllers.workloads import revisions
from sim.controllers.workloads.claims import claim
from sim.controllers.workloads.pods import available, pod_from_template
from sim.controllers.workloads.rolling import resolve
from sim.engine import SECOND_US, Engine

HASH, GENERATION = "controller-revision-hash", "pod-template-generation"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"), ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"), ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
BURST = 250
BACKOFF_FIRST_US, BACKOFF_MOST_US = SECOND_US, 900 * SECOND_US


def tolerations(spec: Object) -> list[Object]:
    """Give the tolerations that every daemon pod has beside those of its template."""
    tolerated = list(TOLERATED)
    if spec.get("hostNetwork"):
        tolerated.append(("node.kubernetes.io/network-unavailable", "NoSchedule"))
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in tolerated]


def daemon_spec(daemon: Object, node: str) -> dict[str, Any]:
    """Give what a daemon pod has beside its template: its node by affinity, and its tolerations."""
    spec = objects.dig(daemon, "spec.template.spec", {})
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    required = objects.dig(spec, f"affinity.nodeAffinity.{scheduling.REQUIRED}.nodeSelectorTerms", [])
    terms = [{**{k: v for k, v in term.items() if k == "matchExpressions"}, "matchFields": fields}
             for term in required] or [{"matchFields": fields}]
    affinity = dict(spec.get("affinity") or {})
    affinity["nodeAffinity"] = {**(affinity.get("nodeAffinity") or {}), scheduling.REQUIRED: {"nodeSelectorTerms": terms}}
    return {"tolerations": [*(spec.get("tolerations") or []), *tolerations(spec)], "affinity": affinity}


def verdict(daemon: Object, node: Object) -> tuple[bool, bool]:
    """Tell (should run there, may stay there). Models: NodeShouldRunDaemonPod."""
    template = objects.dig(daemon, "spec.template.spec", {})
    if template.get("nodeName") not in (None, "", objects.name(node)):
        return False, False
    pod = {"metadata": {}, "spec": {**template, "tolerations": [
        *(template.get("tolerations") or []), *tolerations(template)]}}
    if not scheduling.matches_node_affinity(pod, node):
        return False, False
    bad = [t for t in objects.dig(node, "spec.taints", []) if not scheduling.tolerates(pod, t)]
    if any(t["effect"] == "NoExecute" for t in bad):
        return False, False
    return not any(t["effect"] == "NoSchedule" for t in bad), True


def limits(daemon: Object, desired: int) -> tuple[int, int]:
    """Give (maxSurge, maxUnavailable) in pods; both zero makes unavailable one."""
    rolling = objects.dig(daemon, "spec.updateStrategy.rollingUpdate", {})
    surge = resolve(rolling.get("maxSurge"), desired, up=True)
    unavailable = resolve(rolling.get("maxUnavailable"), desired, up=True)
    return surge, 1 if desired and not surge and not unavailable else unavailable


def node_of(pod: Object) -> str:
    """Name the node for which a daemon pod is meant, bound or not."""
    bound = objects.dig(pod, "spec.nodeName", "")
    terms = [] if bound else objects.dig(
        pod, f"spec.affinity.nodeAffinity.{scheduling.REQUIRED}.nodeSelectorTerms", [])
    for term in terms:
        for each in term.get("matchFields") or []:
            if each["key"] == "metadata.name":
                return str(each["values"][0])
    return str(bound)


@dataclass
class Ledger:
    """What is known of one set: its pods by node, what the nodes say of it, and the status as sums over nodes."""

    pods: dict[str, dict[Key, None]] = field(default_factory=dict)
    dirty: dict[str, None] = field(default_factory=dict)
    parts: dict[str, Counter[str]] = field(default_factory=dict)
    sums: Counter[str] = field(default_factory=Counter)
    everything: bool = True

    def put(self, name: str, part: Counter[str] | None) -> None:
        """Take what a node contributes to the status now; None for a node that is gone."""
        self.sums.subtract(self.parts.pop(name, Counter()))
        if part is not None:
            self.parts[name] = part
            self.sums.update(part)


class DaemonSetController(Controller):
    """Keeps a daemon's pods where they belong, replaces old ones, and counts them."""

    name = "daemonset-controller"
    watches = ("daemonsets", "pods", "nodes")
    pods_of = ("DaemonSet",)

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.ledgers: dict[Key, Ledger] = {}
        self.backoff: dict[tuple[str, str], tuple[int, int]] = {}

    def start(self) -> None:
        """Begin, knowing nothing."""
        self.ledgers.clear()
        self.backoff.clear()
        super().start()

    def changed(self, change: Change) -> None:
        """Queue the set; a node whose labels, taints or existence changed is looked at for all sets."""
        resource, name = change.key.resource, change.key.name
        if resource == "daemonsets":
            if change.new is None:
                self.ledgers.pop(change.key, None)
                return
            ledger = self.ledgers.setdefault(change.key, Ledger())
            old = change.old or {}
            ledger.everything = ledger.everything or old.get("spec") != change.new.get("spec")
            self.enqueue(change.key)
        elif resource == "pods":
            self._pod_changed(change)
        elif change.old is None or change.new is None or objects.labels(change.old) != objects.labels(change.new) or (
                objects.dig(change.old, "spec.taints") != objects.dig(change.new, "spec.taints")):
            for daemon in self.reader.list("daemonsets"):
                key = objects.key("daemonsets", daemon)
                self.ledgers.setdefault(key, Ledger()).dirty[name] = None
                self.enqueue(key)

    def _pod_changed(self, change: Change) -> None:
        owner = objects.controller_of(change.object)
        if owner is None or owner["kind"] != "DaemonSet":
            return
        key = Key("daemonsets", change.key.namespace, owner["name"])
        ledger, node = self.ledgers.setdefault(key, Ledger()), node_of(change.object)
        if change.new is None:
            ledger.pods.get(node, {}).pop(change.key, None)
        else:
            ledger.pods.setdefault(node, {})[change.key] = None
        ledger.dirty[node] = None
        self.enqueue(key)

    # ---- one sync ---------------------------------------------------------------------------------------------
    def reconcile(self, key: Key) -> Turns:
        """Create and delete, replace what is old, then write the status."""
        daemon = self.reader.get(key)
        if daemon is None or objects.deleting(daemon):
            return None
        if _selects_all(daemon):
            self.recorder.event(daemon, "Warning", "SelectingAll",
                                "This daemon set is selecting all pods. A non-empty selector is required.")
            return None
        ledger = self.ledgers.setdefault(key, Ledger())
        selector = selectors.from_object(objects.dig(daemon, "spec.selector"))
        history = revisions.history_of(self.client, daemon)
        current = revisions.latest(self.client, daemon, history, label=HASH)
        mark = objects.labels(current)[HASH]
        if ledger.everything:
            for pod in claim(self.client, daemon, "pods", selector):
                ledger.pods.setdefault(node_of(pod), {})[objects.key("pods", pod)] = None
            names: Iterable[str] = [*dict.fromkeys((*map(objects.name, self.reader.list("nodes")), *ledger.pods))]
        else:
            names = list(ledger.dirty)
        ledger.dirty.clear()
        ledger.everything = False
        again = yield from self._manage(daemon, ledger, names, mark)
        for name in names:
            ledger.put(name, self._part(daemon, ledger, name, mark))
        if objects.dig(daemon, "spec.updateStrategy.type", "RollingUpdate") == "RollingUpdate" and ledger.sums["old"]:
            yield from self._roll(daemon, ledger, mark)
        live = {objects.name(current), *(
            objects.name(each) for each in history if ledger.sums[f"hash {objects.labels(each).get(HASH)}"] > 0)}
        revisions.truncate(self.client, daemon, history, live)
        waits = [each for each in (again, self._status(key, ledger)) if each is not None]
        return min(waits, default=None)

    def pods_on(self, ledger: Ledger, name: str) -> list[Object]:
        """Give the set's pods that are on or meant for a node, oldest first."""
        found = [pod for key in ledger.pods.get(name, ()) if (pod := self.reader.get(key)) is not None]
        return sorted(found, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), objects.name(pod)))

    def _manage(self, daemon: Object, ledger: Ledger, names: Iterable[str], mark: str) -> (
        Generator[int, None, float | None]
    ):
        """See to it that the nodes have the pods that they should. Gives seconds until a back-off ends."""
        again: float | None = None
        needing: list[str] = []
        for name in names:
            node, pods = self.reader.get(Key("nodes", "", name)), self.pods_on(ledger, name)
            if node is None:
                for pod in pods:
                    if not objects.deleting(pod) and not objects.dig(pod, "spec.nodeName"):
                        yield from self._delete(daemon, pod, "its node is gone")
                continue
            run, stay = verdict(daemon, node)
            if run and not pods:
                needing.append(name)
            elif stay:
                wait = yield from self._prune(daemon, name, pods, mark, needing, run=run)
                again = wait if again is None else again if wait is None else min(again, wait)
            else:
                for pod in pods:
                    if not objects.deleting(pod):
                        yield from self._delete(daemon, pod, f"{name} should not run it")
        for name in needing[:BURST]:
            yield from self._create(daemon, name, mark)
        ledger.dirty.update(dict.fromkeys(needing[BURST:]))
        return 0.1 if len(needing) > BURST else again

    def _prune(self, daemon: Object, name: str, pods: list[Object], mark: str, needing: list[str], *, run: bool) -> (
        Generator[int, None, float | None]
    ):
        """Delete what has ended or is too many on a node. Models: podsShouldBeOnNode."""
        running, again = [], None
        for pod in pods:
            if objects.deleting(pod):
                continue
            if not objects.pod_finished(pod):
                running.append(pod)
                continue
            wait = self._ended(daemon, name, pod)
            if wait is None:
                yield from self._delete(daemon, pod, "the daemon pod has ended")
            else:
                again = wait
        if not limits(daemon, 1)[0]:
            for pod in running[1:]:
                yield from self._delete(daemon, pod, "there are several on the node")
            return again
        if len(running) <= 1:
            if not running and run:
                needing.append(name)
            return again
        new = next((pod for pod in running if objects.labels(pod).get(HASH) == mark), None)
        old = next((pod for pod in running if objects.labels(pod).get(HASH) != mark), None)
        for pod in running:
            extra = pod is not new and pod is not old
            done = pod is old and new is not None and (not objects.pod_ready(pod) or self._available(daemon, new))
            if extra or done:
                yield from self._delete(daemon, pod, "there are several on the node")
        return again

    def _ended(self, daemon: Object, name: str, pod: Object) -> float | None:
        """Tell of a pod that has ended; gives seconds to wait where it fails again and again."""
        where = f"{objects.namespace(pod)}/{objects.name(pod)} on node {name}"
        if objects.dig(pod, "status.phase") == "Succeeded":
            self.recorder.event(daemon, "Normal", "SucceededDaemonPod", f"Found succeeded daemon pod {where}, will try to delete it")
            return None
        since_us, wait_us = self.backoff.get((objects.uid(daemon), name), (0, 0))
        left_us = since_us + wait_us - self.engine.now_us
        if wait_us and left_us > 0:
            return left_us / SECOND_US
        stale = not wait_us or -left_us > 2 * BACKOFF_MOST_US
        self.backoff[objects.uid(daemon), name] = (
            self.engine.now_us, BACKOFF_FIRST_US if stale else min(2 * wait_us, BACKOFF_MOST_US))
        self.recorder.event(daemon, "Warning", "FailedDaemonPod", f"Found failed daemon pod {where}, will try to kill it")
        return None

    def _create(self, daemon: Object, node: str, mark: str) -> Generator[int, None, None]:
        yield from self.turn()
        template = objects.dig(daemon, "spec.template", {})
        number = objects.annotations(daemon).get(TEMPLATE_GENERATION, "1")  # upstream: spec.templateGeneration
        labels = {**objects.dig(template, "metadata.labels", {}), HASH: mark, GENERATION: number}
        pod = pod_from_template(daemon, objects.put(template, "metadata.labels", labels), **daemon_spec(daemon, node))
        try:
            made = self.client.create("pods", pod, because=f"{node} has no pod of DaemonSet {objects.name(daemon)}")
        except StatusError as error:
            self.recorder.event(daemon, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.recorder.event(daemon, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made)}")

    def _delete(self, daemon: Object, pod: Object, because: str) -> Generator[int, None, None]:
        yield from self.turn()
        self.client.delete(objects.key("pods", pod), because=because)
        self.recorder.event(daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")

    # ---- rolling update ---------------------------------------------------------------------------------------
    def _available(self, daemon: Object, pod: Object) -> bool:
        return available(pod, objects.dig(daemon, "spec.minReadySeconds", 0), self.engine.unix_us)

    def _pair(self, ledger: Ledger, name: str, mark: str) -> tuple[Object | None, Object | None, bool]:
        """Give (new pod, old pod, whether there is at most one of each) of a node."""
        alive = [pod for pod in self.pods_on(ledger, name) if not objects.deleting(pod)]
        new = [pod for pod in alive if objects.labels(pod).get(HASH) == mark]
        old = [pod for pod in alive if objects.labels(pod).get(HASH) != mark]
        return new[0] if new else None, old[0] if old else None, len(new) < 2 and len(old) < 2

    def _roll(self, daemon: Object, ledger: Ledger, mark: str) -> Generator[int, None, None]:
        """Replace old pods, as many at once as the strategy allows. Models: rollingUpdate."""
        surge, unavailable = limits(daemon, ledger.sums["desired"])
        names = [name for name in ledger.pods if ledger.pods[name]]
        if surge:
            yield from self._roll_surging(daemon, ledger, mark, names, surge)
            return
        missing = 0
        free: list[Object] = []
        candidates: list[Object] = []
        for name in names:
            new, old, clear = self._pair(ledger, name, mark)
            if not clear or (new is None) == (old is None):
                missing += 1
            elif new is not None:
                missing += not self._available(daemon, new)
            elif old is not None:
                (candidates if self._available(daemon, old) else free).append(old)
        for pod in [*free, *candidates[: max(0, unavailable - missing)]]:
            yield from self._delete(daemon, pod, "its template is older than the set's")

    def _roll_surging(
        self, daemon: Object, ledger: Ledger, mark: str, names: list[str], surge: int
    ) -> Generator[int, None, None]:
        going, delete = 0, []
        free: list[str] = []
        candidates: list[str] = []
        for name in names:
            new, old, clear = self._pair(ledger, name, mark)
            if not clear:
                going += 1
            elif old is None:
                continue
            elif new is None:
                (candidates if self._available(daemon, old) else free).append(name)
            elif not self._available(daemon, old):
                delete.append(old)
            else:
                going += 1
                if self._available(daemon, new):
                    delete.append(old)
        for pod in delete:
            yield from self._delete(daemon, pod, "its template is older than the set's")
        for name in [*free, *candidates[: max(0, surge - going)]]:
            node = self.reader.get(Key("nodes", "", name))
            if node is not None and verdict(daemon, node)[0]:
                yield from self._create(daemon, name, mark)

    # ---- the status -------------------------------------------------------------------------------------------
    def _part(self, daemon: Object, ledger: Ledger, name: str, mark: str) -> Counter[str] | None:
        """Count what a node contributes to the status."""
        node, pods = self.reader.get(Key("nodes", "", name)), self.pods_on(ledger, name)
        part: Counter[str] = Counter()
        for pod in pods:
            part[f"hash {objects.labels(pod).get(HASH)}"] += 1
            part["old"] += objects.labels(pod).get(HASH) != mark and not objects.deleting(pod)
        if node is None:
            return part if pods else None
        run, _ = verdict(daemon, node)
        if not run:
            part["misscheduled"] = int(bool(pods))
            return part
        part["desired"] = 1
        if pods:
            part["current"] = 1
            part["ready"] = int(objects.pod_ready(pods[0]))
            part["available"] = int(self._available(daemon, pods[0]))
            part["updated"] = int(objects.labels(pods[0]).get(HASH) == mark)
        return part

    def _status(self, key: Key, ledger: Ledger) -> float | None:
        daemon = self.reader.get(key)
        if daemon is None:
            return None
        sums = ledger.sums
        status = {
            "currentNumberScheduled": sums["current"], "numberMisscheduled": sums["misscheduled"],
            "desiredNumberScheduled": sums["desired"], "numberReady": sums["ready"],
            "observedGeneration": daemon["metadata"].get("generation", 1), "updatedNumberScheduled": sums["updated"],
            "numberAvailable": sums["available"], "numberUnavailable": sums["desired"] - sums["available"],
        }
        status = {n: v for n, v in status.items() if v or n not in (
            "numberAvailable", "numberUnavailable", "updatedNumberScheduled")}
        if status != daemon.get("status"):
            self.client.update(key, {**daemon, "status": status}, subresource="status", canonical=self.version[1])
        wait = objects.dig(daemon, "spec.minReadySeconds", 0)
        if wait and sums["available"] < sums["ready"]:
            for name in ledger.parts:
                ledger.dirty[name] = None
            return float(wait)
        return None


def _selects_all(daemon: Object) -> bool:
    selector = objects.dig(daemon, "spec.selector")
    return selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions")
