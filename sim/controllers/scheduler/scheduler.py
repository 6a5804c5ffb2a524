"""The scheduling loop: one pod per simulation event, from a queue of those that have no node.

Models: pkg/scheduler/schedule_one.go, eventhandlers.go. Left out: extenders, several profiles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sim.api import objects, selectors, times
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.api.selectors import Selector
from sim.controllers.base import LimitedClient, Limiter
from sim.controllers.scheduler import messages, preemption
from sim.controllers.scheduler.binding import BIND_HIGH_US, BIND_LOW_US, BIND_TYPICAL_US, Bindings
from sim.controllers.scheduler.candidates import ROWS_MOST, Candidates, Verdict, class_of
from sim.controllers.scheduler.nodeinfo import Held, NodeInfo
from sim.controllers.scheduler.plugins import volumes
from sim.controllers.scheduler.plugins.filters import Refusal, Version, Wish
from sim.controllers.scheduler.plugins.images import Images
from sim.controllers.scheduler.plugins.scores import WEIGHTS
from sim.controllers.scheduler.queue import SchedulingQueue, Waiting
from sim.engine import SECOND_US, Engine
from sim.recorder import Recorder

CYCLE_US = 2_000
QPS, BURST = 50, 100
FLUSH_US, PARKED_MOST_US = 30 * SECOND_US, 300 * SECOND_US
CLASSES_MOST, ATTEMPTS_MOST = 64, 2_000
OWNERS = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "ReplicationController": "replicationcontrollers"}
NODE_PARTS = ("spec", "metadata.labels", "status.allocatable")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time a pod was tried: who refused it where, how the fitting nodes scored, and which was chosen."""

    at_us: int
    refused: dict[str, Refusal]
    fitting: Sequence[str] = ()
    parts: dict[str, list[int]] = field(default_factory=dict)
    rows: Sequence[int] = ()
    node: str = ""
    message: str = ""

    def scores(self) -> dict[str, dict[str, int]]:
        """Give the weighted scores: node -> plugin -> score."""
        return {name: {plugin: values[row] * WEIGHTS[plugin] for plugin, values in self.parts.items()}
                for row, name in zip(self.rows, self.fitting, strict=True)}


def explain(attempt: Attempt) -> list[tuple[str, str]]:
    """Say why a pod is where it is, or nowhere: (node, the filter that refused it or how it scored)."""
    rows = [(name, f"refused by {refusal.plugin}: {', '.join(refusal.reasons)}")
            for name, refusal in sorted(attempt.refused.items())]
    for name, parts in sorted(attempt.scores().items(), key=lambda row: (-sum(row[1].values()), row[0])):
        shown = " + ".join(f"{plugin} {score}" for plugin, score in parts.items())
        mark = " (chosen)" if name == attempt.node else ""
        rows.append((name, f"score {sum(parts.values())}{mark}" + (f" = {shown}" if shown else "")))
    return rows


def _counts_as(before: Object, now: Object) -> bool:
    """Tell whether a pod takes and means on its node what it did before."""
    old, new = before["metadata"], now["metadata"]
    return (before["spec"].get("containers") == now["spec"].get("containers") and old.get("labels") == new.get("labels")
            and bool(old.get("deletionTimestamp")) == bool(new.get("deletionTimestamp")))


class Scheduler:
    """Binds pods.

    version: (major, minor) or with the patch, for texts. pick: given the pod's name and the equally good nodes, may
    choose one. attempts: the last attempt per pod, for `explain`.
    """

    name = "default-scheduler"

    def __init__(self, engine: Engine, client: Client, *, version: Version, host: str = "") -> None:
        self.engine = engine
        self.limiter = Limiter(engine, QPS, BURST)
        self.client = LimitedClient(
            client.transport, client.reader, agent=client.agent, user=client.user, limiter=self.limiter)
        self.reader = client.reader
        self.version = version
        self.pick: Callable[[str, list[str]], str | None] | None = None
        instance = f"default-scheduler-{host}" if host else "default-scheduler"
        self.recorder = Recorder(engine, client, "default-scheduler", instance, newer=version >= (1, 19))
        self.nodes: dict[str, NodeInfo] = {}
        self.queue = SchedulingQueue(version)
        self.attempts: OrderedDict[Key, Attempt] = OrderedDict()
        self.images = Images()
        self.bindings = Bindings(self)
        self._classes: OrderedDict[tuple[str, ...], Candidates] = OrderedDict()
        self._changed: list[str] = []
        self._choosy: dict[str, None] = {}
        self._order: list[str] = []
        self._next_node = 0
        self.stream = engine.stream("scheduler")
        self._stops: list[Callable[[], None]] = []
        self._busy = False
        self._flush_planned = False
        self.era = 0
        self.running = False

    def start(self) -> None:
        """Begin to watch and schedule what waits."""
        self.running = True
        self._stops = [self.client.watch("nodes", self._node).stop, self.client.watch("pods", self._pod).stop]
        for name in volumes.RESOURCES:
            try:
                self._stops.append(self.client.watch(name, self._other).stop)
            except StatusError:
                continue  # a kind that this server does not serve
        for node in self.reader.list("nodes"):
            self._set_node(node)
        for pod in self.reader.list("pods"):
            self._pod(Change(0, "ADDED", objects.key("pods", pod), None, pod, self.engine.now_us))

    def stop(self) -> None:
        """Stop at once and forget."""
        self.running, self._busy = False, False
        self.era += 1
        for stop in self._stops:
            stop()
        self.queue = SchedulingQueue(self.version)
        self.attempts.clear()
        self.nodes.clear()
        self._classes.clear()
        self._changed.clear()
        self._choosy.clear()
        self._order.clear()
        self.images = Images()
        self.bindings.clear()

    def why(self, pod: Object) -> list[tuple[str, str]]:
        """Explain the last attempt to place a pod; nothing where there was none, or too long ago."""
        attempt = self.attempts.get(objects.key("pods", pod))
        return explain(attempt) if attempt is not None else []

    # ---- noticing ---------------------------------------------------------------------------------------------
    def mark(self, name: str) -> None:
        """Note that classes must ask anew about a node."""
        self._changed.append(name)
        info = self.nodes.get(name)
        if info is not None and info.choosy:
            self._choosy[name] = None
        else:
            self._choosy.pop(name, None)
        if len(self._changed) > 10 * len(self.nodes) + 1000:
            self._changed.clear()
            self._classes.clear()

    def _set_node(self, node: Object) -> None:
        name = objects.name(node)
        if name not in self.nodes:
            self.nodes[name] = NodeInfo(node)
            self._order = []
            for pod in self.reader.by_index("pods", "node", name):
                if not objects.pod_finished(pod):
                    self.nodes[name].add(pod)
        self.nodes[name].set_node(node)
        self.images.note(name, node)
        self.mark(name)

    def _node(self, change: Change) -> None:
        if change.new is None:
            self.nodes.pop(change.key.name, None)
            self.images.note(change.key.name, None)
            self._order = []
            self.mark(change.key.name)
        else:
            old = change.old or {}
            if not any(objects.dig(old, part) != objects.dig(change.new, part) for part in NODE_PARTS):
                self.nodes[change.key.name].node = change.new
                if objects.dig(old, "status.images") != objects.dig(change.new, "status.images"):
                    self.images.note(change.key.name, change.new)
                return
            self._set_node(change.new)
        self._help(change)

    def _other(self, change: Change) -> None:
        self._help(change)
        if change.key.resource == volumes.CLAIMS:
            self.bindings.claim_changed(change.key)

    def _pod(self, change: Change) -> None:
        pod, key = change.new, change.key
        node = change.object["spec"].get("nodeName", "")
        if pod is None or objects.pod_finished(pod):
            info = self.nodes.get(node)
            if info is not None and key in info.held:
                info.remove(key)
                self.mark(node)
                self._help(change)
            self.queue.remove(key)
            self.bindings.drop(key)
            if pod is None:
                self.attempts.pop(key, None)
        elif node:
            self.queue.remove(key)
            self._placed(change, pod, node)
        elif pod["spec"].get("schedulerName") == self.name and not objects.deleting(pod):
            if key not in self.bindings.waiting:
                self.pending(change, pod)
        else:
            self.queue.remove(key)

    def _placed(self, change: Change, pod: Object, node: str) -> None:
        info = self.nodes.get(node)
        if info is None:
            return
        held = info.held.get(change.key)
        if held is not None and change.old is not None and _counts_as(held.pod, pod):
            info.held[change.key] = Held(pod, *held[1:])
            return
        info.add(pod)
        self.mark(node)
        if held is None or objects.labels(held.pod) != objects.labels(pod):
            self._help(change)

    def pending(self, change: Change, pod: Object) -> None:
        """Queue a pod without a node."""
        gates = objects.dig(pod, "spec.schedulingGates", [])
        if gates:
            self._gated(change.key, pod)
            return
        old = change.old
        causes = self.engine.causes
        if old is None or change.key not in self.queue.pods:
            self.queue.add(pod, causes)
        elif old["spec"] != pod["spec"] or objects.labels(old) != objects.labels(pod):
            self.queue.add(pod, causes)
        else:
            self.queue.pods[change.key].pod = pod
            return
        self._soon()

    def _gated(self, key: Key, pod: Object) -> None:
        if objects.condition(pod, "PodScheduled") is None:
            self.engine.after(BIND_LOW_US, self._say_gated, key)

    def _say_gated(self, key: Key) -> None:
        pod = self.reader.get(key)
        if self.running and pod is not None and objects.condition(pod, "PodScheduled") is None:
            self._condition(key, pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")

    def _help(self, change: Change) -> None:
        """Have those tried again whom the change could help."""
        for waiting in self.queue.helped(change):
            waiting.causes = self.engine.causes
            ready_us = waiting.ready_us(self.version)
            if ready_us <= self.engine.now_us:
                self.queue.activate(waiting.key)
                self._soon()
            else:
                self.queue.refused.pop(waiting.key, None)
                self.engine.at(-(-ready_us // SECOND_US) * SECOND_US, self._again, waiting.key, self.era)

    def _again(self, key: Key, era: int) -> None:
        if era == self.era and key in self.queue.pods:
            self.queue.activate(key)
            self._soon()

    def _soon(self) -> None:
        """See to it that the next pod is tried."""
        if len(self.queue) and not self._busy and self.running:
            self._busy = True
            delay_us = self.stream.latency_us(BIND_LOW_US, BIND_TYPICAL_US, BIND_HIGH_US)
            self.engine.after(max(delay_us, self.limiter.wait_us()), self._one, self.era)

    # ---- one cycle --------------------------------------------------------------------------------------------
    def _one(self, era: int) -> None:
        if era != self.era or not self.running:
            return
        waiting = self.queue.pop()
        if waiting is not None:
            with self.engine.because(waiting.causes):
                try:
                    self._schedule(waiting)
                except (StatusError, TransportError):
                    self.queue.park(waiting, (), self.engine.now_us)
                    self.engine.after(SECOND_US, self._again, waiting.key, era)
        if len(self.queue):
            self.engine.after(max(CYCLE_US, self.limiter.wait_us()), self._one, era)
        else:
            self._busy = False

    def _class(self, pod: Object) -> Candidates:
        """Give what pods like this one know of the nodes, up to date."""
        mark = class_of(pod)
        found = self._classes.get(mark)
        if found is None:
            found = self._classes[mark] = Candidates(
                Wish.of(pod, self.version), self._siblings(pod), lambda: self.reader.list("namespaces"),
                self.images)
            found.begin(self.nodes, self._choosy)
            if len(self._classes) > CLASSES_MOST:
                self._classes.popitem(last=False)
        else:
            self._classes.move_to_end(mark)
            found.update(dict.fromkeys(self._changed[found.seen:]), self.nodes)
        found.seen = len(self._changed)
        return found

    def _search_order(self) -> list[str]:
        """Give the nodes in the order of search: zone by zone in turn; the same list until nodes come or go."""
        if not self._order:
            zones: dict[str, list[str]] = {}
            for name in sorted(self.nodes):
                labels = objects.labels(self.nodes[name].node)
                zones.setdefault(labels.get("topology.kubernetes.io/zone", ""), []).append(name)
            rows = list(zones.values())
            self._order = [row[at] for at in range(max(map(len, rows), default=0)) for row in rows if at < len(row)]
        return self._order

    def _schedule(self, waiting: Waiting) -> None:
        key = waiting.key
        pod = self.reader.get(key)
        if pod is None or objects.dig(pod, "spec.nodeName") or objects.deleting(pod):
            self.queue.remove(key)
            return
        if not self.nodes:
            self.fail(waiting, pod, messages.NO_NODES, {})
            return
        text, helpless = volumes.missing(pod, self.reader)
        if text:
            refusal = Refusal((text,), helpless, "VolumeBinding")
            self.fail(waiting, pod, self._failure([refusal] * len(self.nodes), text, pod), dict.fromkeys(self.nodes, refusal))
            return
        if key in self.bindings.waiting:
            return
        candidates = self._class(pod)
        claims = volumes.VolumeFilter(pod, self.reader, self.version) if volumes.claims_of(pod) else None
        order = self._search_order() if candidates.named is None else []
        verdict = candidates.search(order, self._next_node % max(1, len(order)), self.nodes,
                                    claims.refusal if claims is not None else None)
        if not verdict.best:
            nominated = self._preempt(pod, candidates, verdict, claims)
            self.fail(waiting, pod, self._message(verdict, pod, nominated), verdict.refused, nominated)
            return
        if len(self.nodes) > len(verdict.fitting) + len(verdict.refused):
            self._next_node += len(verdict.fitting) + len(verdict.refused)
        self._place(waiting, pod, candidates, verdict, claims)

    def _place(
        self, waiting: Waiting, pod: Object, candidates: Candidates, verdict: Verdict, claims: volumes.VolumeFilter | None
    ) -> None:
        """Choose a node, have the pod's volumes bound there, then the pod."""
        key, best = waiting.key, verdict.best
        nominated = objects.dig(pod, "status.nominatedNodeName", "")
        if nominated in verdict.fitting:
            best = [nominated]
        chosen = self.pick(f"{key.namespace}/{key.name}", best) if self.pick else None
        node = chosen or (best[0] if len(best) == 1 else self.stream.choice(best))
        few = len(verdict.fitting) <= ROWS_MOST
        self._remember(key, Attempt(self.engine.now_us, verdict.refused, verdict.fitting if few else (),
                                    verdict.parts if few else {}, verdict.rows if few else (), node))
        self.nodes[node].add(objects.put(pod, "spec.nodeName", node), candidates.wish.held)
        self.mark(node)
        because = f"{node} is the best of {len(verdict.fitting)} nodes that fit"
        if claims is not None and volumes.reserve(self.client, pod, self.nodes[node].node, claims):
            self.bindings.wait(waiting, node, because)
        else:
            self.bindings.bind(key, pod, node, because)

    def _remember(self, key: Key, attempt: Attempt) -> None:
        self.attempts[key] = attempt
        self.attempts.move_to_end(key)
        if len(self.attempts) > ATTEMPTS_MOST:
            self.attempts.popitem(last=False)

    def _siblings(self, pod: Object) -> Selector | None:
        """Give the selector by which the pod's siblings are spread: of its services and its controller."""
        labels, space = objects.labels(pod), objects.namespace(pod)
        wanted: dict[str, str] = {}
        for service in self.reader.list("services", space):
            chosen = objects.dig(service, "spec.selector", {})
            if chosen and selectors.from_map(chosen).matches(labels):
                wanted.update(chosen)
        owner = objects.controller_of(pod)
        resource = OWNERS.get(owner["kind"]) if owner else None
        found = self.reader.get(Key(resource, space, owner["name"])) if owner and resource else None
        if found is None:
            return selectors.from_map(wanted) if wanted else None
        own = objects.dig(found, "spec.selector", {})
        if found["kind"] == "ReplicationController":
            return selectors.from_map({**wanted, **own})
        return selectors.from_object({**own, "matchLabels": {**wanted, **(own.get("matchLabels") or {})}})

    # ---- refusals ---------------------------------------------------------------------------------------------
    def _message(self, verdict: Verdict, pod: Object, nominated: str) -> str:
        refusals = list(verdict.refused.values())
        if verdict.skipped:
            text = messages.filtered_out(self.version)
            refusals += [Refusal((text,) if text else (), True, "NodeAffinity")] * verdict.skipped
        tail = "" if nominated else messages.no_preemption(
            len(self.nodes), refusals, self.version, never=preemption.not_eligible(pod, self.nodes))
        return messages.fit_error(len(self.nodes), refusals, postfilter=tail)

    def _failure(self, refusals: list[Refusal], prefilter: str, pod: Object) -> str:
        tail = messages.no_preemption(len(self.nodes), refusals, self.version)
        return messages.fit_error(len(self.nodes), refusals, prefilter=prefilter, postfilter=tail)

    def fail(
        self, waiting: Waiting, pod: Object, text: str, refused: dict[str, Refusal], nominated: str = ""
    ) -> None:
        """Say that a pod could not be placed, and put it aside."""
        plugins = tuple(dict.fromkeys(refusal.plugin for refusal in refused.values()))
        if nominated:
            plugins = tuple(dict.fromkeys((*plugins, "NodeResourcesFit")))
        self.queue.park(waiting, plugins, self.engine.now_us)
        self._remember(waiting.key, Attempt(self.engine.now_us, refused, message=text))
        self._plan_flush()
        self.recorder.event(pod, "Warning", "FailedScheduling", text, action="Scheduling")
        self._condition(waiting.key, pod, "Unschedulable", text, nominated)

    def _condition(self, key: Key, pod: Object, reason: str, text: str, nominated: str = "") -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": text,
                     "lastProbeTime": None, "lastTransitionTime": times.stamp(self.engine.unix_us)}
        old = objects.condition(pod, "PodScheduled")
        if old is not None and old.get("message") == text and not nominated:
            return
        status = {**(pod.get("status") or {}), "conditions": objects.with_condition(
            objects.dig(pod, "status.conditions", []), condition)}
        if nominated:
            status["nominatedNodeName"] = nominated
        self.client.update(key, {**pod, "status": status}, subresource="status", canonical=self.version[1])

    def _plan_flush(self) -> None:
        """Pods that waited for five minutes are tried again anyway, looked for every half minute."""
        if not self._flush_planned:
            self._flush_planned = True
            at_us = self.engine.now_us + PARKED_MOST_US
            self.engine.at(-(-at_us // FLUSH_US) * FLUSH_US, self._flush, self.era)

    def _flush(self, era: int) -> None:
        self._flush_planned = False
        if era != self.era:
            return
        for key in list(self.queue.refused):
            if self.queue.pods[key].tried_us + PARKED_MOST_US <= self.engine.now_us:
                self.queue.activate(key)
        if self.queue.refused:
            self._plan_flush()
        self._soon()

    # ---- preemption -------------------------------------------------------------------------------------------
    def _preempt(
        self, pod: Object, candidates: Candidates, verdict: Verdict, claims: volumes.VolumeFilter | None
    ) -> str:
        """Make room if pods of lower priority can go; gives the node, "" when there is none."""
        if preemption.not_eligible(pod, self.nodes):
            return ""
        wish = candidates.wish
        hopeful = [name for name, refusal in verdict.refused.items() if not refusal.helpless]
        budgets = self.reader.list("poddisruptionbudgets") if hopeful else []
        plans = []
        for name in hopeful:
            fits = preemption.fits_without(candidates, self.nodes, claims.refusal if claims is not None else None)
            plan = preemption.plan_for(wish, name, self.nodes[name], fits, budgets)
            if plan is not None:
                plans.append(plan)
        best = preemption.cheapest(plans)
        if best is None:
            return ""
        for victim in best.victims:
            self._evict(victim, pod, best.node)
        return best.node

    def _evict(self, victim: Object, pod: Object, node: str) -> None:
        key, why = objects.key("pods", victim), f"{objects.namespace(pod)}/{objects.name(pod)} has a higher priority"
        if not objects.deleting(victim):
            condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                         "message": f"{self.name}: preempting to accommodate a higher priority pod",
                         "lastTransitionTime": times.stamp(self.engine.unix_us)}
            if self.version >= (1, 26):
                conditions = objects.with_condition(objects.dig(victim, "status.conditions", []), condition)
                self.client.update(key, objects.put(victim, "status.conditions", conditions), subresource="status",
                                   canonical=self.version[1],
                                   because=why)
            self.client.delete(key, because=why)
        who = f"pod {objects.uid(pod)}" if self.version >= (1, 26) else f"{objects.namespace(pod)}/{objects.name(pod)}"
        self.recorder.event(victim, "Normal", "Preempted", f"Preempted by {who} on node {node}", action="Preempting")
