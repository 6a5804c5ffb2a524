"""Pod garbage collection: pods of nodes that are gone, ended pods beyond a limit, going pods that never had a node.

A pass happens every 20 s; here only those passes in which something is due.
Models: pkg/controller/podgc/gc_controller.go. Left out: the out-of-service taint.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Client, Key, Object
from sim.controllers.base import Controller
from sim.engine import SECOND_US, Engine

PERIOD_US = 20 * SECOND_US
QUARANTINE_US = 40 * SECOND_US
THRESHOLD = 12500
"""--terminated-pod-gc-threshold."""
PASS = Key("", "", "pass")


class PodGarbageCollector(Controller):
    """Removes pods that nobody else would remove. threshold: how many ended pods may stay; 0 is no limit."""

    name = "pod-garbage-collector-controller"
    watches = ("nodes", "pods")

    def __init__(
        self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36), threshold: int = THRESHOLD
    ) -> None:
        super().__init__(engine, client, version=version)
        self.threshold = threshold
        self.began_us = 0
        self.ended: dict[Key, None] = {}
        self.unplaced: dict[Key, None] = {}

    def start(self) -> None:
        """Begin; the passes are counted from now."""
        self.began_us = self.engine.now_us
        self.ended.clear()
        self.unplaced.clear()
        super().start()

    def _tick(self, at_us: int) -> int:
        """Give the first pass at or after a moment."""
        return self.began_us + -(-(at_us - self.began_us) // PERIOD_US) * PERIOD_US

    def changed(self, change: Change) -> None:
        """Note what a later pass must look at."""
        if change.key.resource == "nodes":
            if change.new is None:
                self._collect_later(change.key.name)
            return
        pod = change.new
        if pod is None:
            self.ended.pop(change.key, None)
            self.unplaced.pop(change.key, None)
            return
        node = pod["spec"].get("nodeName")
        moved = change.old is None or change.old["spec"] is not pod["spec"]
        if node and moved and self.reader.get(Key("nodes", "", node)) is None:
            self._collect_later(node)
        if objects.pod_finished(pod):
            self.ended[change.key] = None
            if self.threshold and len(self.ended) > self.threshold:
                self.enqueue_at(PASS, self._tick(self.engine.now_us), "ended pods beyond the threshold are collected")
        elif not node and objects.deleting(pod):
            self.unplaced[change.key] = None
            self.enqueue_at(PASS, self._tick(self.engine.now_us), "going pods without a node are collected")

    def _collect_later(self, node: str) -> None:
        found_us = self._tick(self.engine.now_us)
        self.enqueue_at(Key("nodes", "", node), self._tick(found_us + QUARANTINE_US),
                        f"pods of the deleted node {node} are collected")

    def reconcile(self, key: Key) -> float | None:
        """Force-delete the pods of a node that is still gone; or those of a pass."""
        if key == PASS:
            for pod_key in self.unplaced:
                self._force(pod_key, "it goes and never had a node")
            surplus = len(self.ended) - self.threshold if self.threshold else 0
            if surplus > 0:
                pods = [pod for each in self.ended if (pod := self.reader.get(each)) is not None]
                pods.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], objects.name(pod)))
                for pod in pods[:surplus]:
                    self._force(objects.key("pods", pod), f"more than {self.threshold} ended pods")
        elif self.reader.get(key) is None:
            for pod in self.reader.by_index("pods", "node", key.name):
                self._orphaned(pod, key.name)
        return None

    def _orphaned(self, pod: Object, node: str) -> None:
        """Mark a pod of a vanished node as failed, and remove it."""
        key = objects.key("pods", pod)
        if self.version >= (1, 26):
            condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                         "message": "PodGC: node no longer exists", "lastTransitionTime": self.now()}
            status = dict(pod.get("status") or {})
            status["conditions"] = objects.with_condition(status.get("conditions") or [], condition)
            if not objects.pod_finished(pod):
                status["phase"] = "Failed"
            self.client.update(key, {**pod, "status": status}, subresource="status",
                               canonical=self.version[1], because=f"node {node} is gone")
        self._force(key, f"node {node} is gone")

    def _force(self, key: Key, because: str) -> None:
        if self.reader.get(key) is not None:
            self.client.delete(key, grace_seconds=0, because=because)
