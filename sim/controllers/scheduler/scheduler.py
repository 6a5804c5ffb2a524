"""The scheduling loop: one pod per simulation event, from a queue of those that have no node.

Models: pkg/scheduler/schedule_one.go, internal/queue. Left out: preemption, sampling of nodes, extenders.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.api import objects, selectors
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.controllers.base import cause_of
from sim.controllers.scheduler.filters import FILTERS, Refusal, message
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.scores import best
from sim.engine import SECOND_US, Cause, Engine
from sim.recorder import Recorder

BIND_LOW_US, BIND_TYPICAL_US, BIND_HIGH_US = 15_000, 20_000, 50_000
RETRY_US = 300 * SECOND_US
OWNERS = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "ReplicationController": "replicationcontrollers"}


class Scheduler:
    """Binds pods.

    version: (major, minor), for texts. pick: given the pod's name and the equally good nodes, may choose one.
    """

    name = "default-scheduler"

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int]) -> None:
        self.engine = engine
        self.client = client
        self.reader = client.reader
        self.version = version
        self.pick: Callable[[str, list[str]], str | None] | None = None
        self.recorder = Recorder(engine, client, "default-scheduler")
        self.nodes: dict[str, NodeInfo] = {}
        self.refused: dict[Key, list[tuple[str, Refusal]]] = {}
        self._stream = engine.stream("scheduler")
        self._queue: dict[Key, tuple[Cause, ...]] = {}
        self._waiting: dict[Key, None] = {}
        self._stops: list[Callable[[], None]] = []
        self._busy = False
        self.running = False

    def start(self) -> None:
        """Begin to watch and schedule what waits."""
        self.running = True
        self._stops = [self.client.watch("nodes", self._node).stop, self.client.watch("pods", self._pod).stop]
        for node in self.reader.list("nodes"):
            self._set_node(node)
        for pod in self.reader.list("pods"):
            self._pod(Change(0, "ADDED", objects.key("pods", pod), None, pod, self.engine.now_us))

    def stop(self) -> None:
        """Stop at once and forget."""
        self.running = False
        for stop in self._stops:
            stop()
        self._queue.clear()
        self._waiting.clear()
        self.refused.clear()
        self.nodes.clear()

    # ---- noticing ---------------------------------------------------------------------------------------------
    def _set_node(self, node: Object) -> None:
        name = objects.name(node)
        if name not in self.nodes:
            self.nodes[name] = NodeInfo(node)
            for pod in self.reader.by_index("pods", "node", name):
                if not objects.pod_finished(pod):
                    self.nodes[name].add(pod)
        self.nodes[name].set_node(node)

    def _node(self, change: Change) -> None:
        if change.new is None:
            self.nodes.pop(change.key.name, None)
            return
        self._set_node(change.new)
        old = change.old or {}
        if any(objects.dig(old, p) != objects.dig(change.new, p) for p in (
            "spec", "metadata.labels", "status.allocatable")):
            self._retry(change)

    def _pod(self, change: Change) -> None:
        pod, key = change.new, change.key
        node = objects.dig(pod or change.object, "spec.nodeName")
        if pod is None or objects.pod_finished(pod):
            for name in [node] if node else []:
                if name in self.nodes:
                    self.nodes[name].remove(key)
                    self._retry(change)
            self._queue.pop(key, None)
            self._waiting.pop(key, None)
            self.refused.pop(key, None)
        elif node:
            if node in self.nodes:
                self.nodes[node].add(pod)
        elif key not in self._waiting and objects.dig(pod, "spec.schedulerName") == self.name:
            self._enqueue(key, self.engine.join_causes(change.causes, (cause_of(change),)))

    def _retry(self, change: Change) -> None:
        """Something changed that could help those who wait."""
        causes = self.engine.join_causes(change.causes, (cause_of(change),))
        for key in list(self._waiting):
            del self._waiting[key]
            self._enqueue(key, causes)

    def _enqueue(self, key: Key, causes: tuple[Cause, ...]) -> None:
        self._queue.setdefault(key, causes)
        self._next()

    def _next(self) -> None:
        if self._queue and not self._busy and self.running:
            self._busy = True
            delay_us = self._stream.latency_us(BIND_LOW_US, BIND_TYPICAL_US, BIND_HIGH_US)
            self.engine.after(delay_us, self._one)

    # ---- scheduling -------------------------------------------------------------------------------------------
    def _one(self) -> None:
        """Schedule every pod that is queued by now; upstream binds several within one sync latency."""
        self._busy = False
        if not self.running:
            return
        for key in list(self._queue):
            causes = self._queue.pop(key)
            with self.engine.because(causes):
                try:
                    self._schedule(key)
                except (StatusError, TransportError):
                    self._waiting[key] = None
        self._next()

    def _schedule(self, key: Key) -> None:
        pod = self.reader.get(key)
        if pod is None or objects.dig(pod, "spec.nodeName") or objects.deleting(pod):
            return
        nodes = [self.nodes[name] for name in sorted(self.nodes)]
        verdicts = [(info, self._refusal(pod, info, nodes)) for info in nodes]
        fitting = [info for info, refusal in verdicts if refusal is None]
        if not fitting:
            self.refused[key] = [(objects.name(i.node), r) for i, r in verdicts if r is not None]
            self._fail(key, pod, message([r for _, r in verdicts if r is not None], self.version))
            return
        self.refused.pop(key, None)
        names = best(pod, fitting, self._selector(pod))
        chosen = self.pick(f"{key.namespace}/{key.name}" if key.namespace != "default" else f"default/{key.name}",
                           names) if self.pick else None
        node = chosen or (names[0] if len(names) == 1 else self._stream.choice(names))
        self.nodes[node].add(objects.put(pod, "spec.nodeName", node))
        binding = {"target": {"kind": "Node", "name": node}, "metadata": {"name": key.name, "namespace": key.namespace}}
        try:
            self.client.bind(key, binding, because=f"{node} is the best of {len(fitting)} nodes that fit")
        except (StatusError, TransportError):
            self.nodes[node].remove(key)
            raise
        self.recorder.event(pod, "Normal", "Scheduled",
                            f"Successfully assigned {key.namespace}/{key.name} to {node}")

    def _refusal(self, pod: Object, info: NodeInfo, nodes: list[NodeInfo]) -> Refusal | None:
        for check in FILTERS:
            refusal = check(pod, info, nodes, self.version)
            if refusal is not None:
                return refusal
        return None

    def _selector(self, pod: Object) -> selectors.Selector | None:
        """Give the selector by which the pod's siblings are spread; None for DaemonSet and bare pods."""
        owner = objects.controller_of(pod)
        resource = OWNERS.get(owner["kind"]) if owner else None
        found = self.reader.get(Key(resource, objects.namespace(pod), owner["name"])) if owner and resource else None
        return selectors.from_object(objects.dig(found, "spec.selector")) if found else None

    def _fail(self, key: Key, pod: Object, text: str) -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text,
                     "lastProbeTime": None, "lastTransitionTime": self.recorder.client.reader and self._now()}
        self._waiting[key] = None
        self.engine.after(RETRY_US, self._again, key)
        self.recorder.event(pod, "Warning", "FailedScheduling", text)
        old = objects.condition(pod, "PodScheduled")
        if old is None or old.get("message") != text:
            conditions = objects.with_condition(objects.dig(pod, "status.conditions", []), condition)
            self.client.update(key, objects.put(pod, "status.conditions", conditions), subresource="status")

    def _again(self, key: Key) -> None:
        if key in self._waiting and self.running:
            del self._waiting[key]
            self._enqueue(key, self.engine.causes)

    def _now(self) -> str:
        from sim.api import times

        return times.stamp(self.engine.unix_us)
