"""Taint eviction: pods leave nodes whose NoExecute taints they do not tolerate, at once or when their time runs out.

Models: pkg/controller/tainteviction/taint_eviction.go. PodDisruptionBudgets are not asked.
"""

from __future__ import annotations

from sim.api import objects, scheduling
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.controllers.base import Controller
from sim.engine import SECOND_US, Engine, Timer


def minimum_seconds(pod: Object, taints: list[Object]) -> float | None:
    """Tell after how many seconds the pod must go: 0 at once, None never."""
    used: list[Object] = []
    for taint in taints:
        fitting = [t for t in objects.dig(pod, "spec.tolerations", []) if scheduling.tolerates_with(t, taint)]
        if not fitting:
            return 0.0
        used.extend(fitting)
    limits = [t["tolerationSeconds"] for t in used if t.get("tolerationSeconds") is not None]
    return max(0.0, float(min(limits))) if limits else None


class TaintEvictionController(Controller):
    """Reconciles nodes (all their pods) and pods (one of them)."""

    name = "taint-eviction-controller"
    watches = ("nodes", "pods")

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.due: dict[Key, tuple[Timer, int]] = {}

    def changed(self, change: Change) -> None:
        """Queue nodes whose NoExecute taints changed, and pods that were bound or changed their tolerations."""
        if change.key.resource == "nodes":
            if no_execute(change.old) != no_execute(change.new):
                self.enqueue(change.key)
            return
        if change.new is None:
            self._cancel(change.key, None)
            return
        old, new = change.old["spec"] if change.old is not None else {}, change.new["spec"]
        if old is not new and (not old or old.get("nodeName") != new.get("nodeName") or (
                old.get("tolerations") != new.get("tolerations"))) and self._concerns(change.key, new):
            self.enqueue(change.key)

    def _concerns(self, key: Key, spec: Object) -> bool:
        """Tell whether the pod must be judged: it is due, or its node has such taints (one that gets them later is queued)."""
        if key in self.due:
            return True
        return bool(spec.get("nodeName")) and bool(no_execute(self.reader.get(Key("nodes", "", spec["nodeName"]))))

    def stop(self) -> None:
        """Stop, and forget what was scheduled."""
        super().stop()
        for timer, _ in self.due.values():
            timer.cancel()
        self.due.clear()

    def reconcile(self, key: Key) -> float | None:
        """Schedule, run or cancel evictions."""
        if key.resource == "nodes":
            for pod in self.reader.by_index("pods", "node", key.name):
                self._judge(pod)
        else:
            found = self.reader.get(key)
            if found is not None and objects.dig(found, "spec.nodeName"):
                self._judge(found)
        return None

    def _judge(self, pod: Object) -> None:
        node = self.reader.get(Key("nodes", "", objects.dig(pod, "spec.nodeName", "")))
        taints, key = no_execute(node), objects.key("pods", pod)
        if not taints:
            self._cancel(key, pod)
            return
        seconds = minimum_seconds(pod, taints)
        if seconds is None:
            self._cancel(key, pod)
            return
        if seconds == 0:
            self._cancel(key, None)
            self._evict(key, "the taint is not tolerated")
            return
        began = self.due[key][1] if key in self.due else self.engine.now_us
        at_us = began + round(seconds * SECOND_US)
        if key in self.due:
            if self.due[key][0].at_us <= at_us:
                return
            self.due[key][0].cancel()
        why = f"tolerationSeconds {seconds:g} of Pod {key.namespace}/{key.name} ran out"
        label = f"tolerationSeconds {seconds:g} of Pod {key.namespace}/{key.name} runs out"
        self.due[key] = (self.engine.at(at_us, self._evict, key, why, label=label, about=key), began)

    def _cancel(self, key: Key, pod: Object | None) -> None:
        found = self.due.pop(key, None)
        if found is not None and found[0].pending:
            found[0].cancel()
            if pod is not None:
                self.recorder.event(pod, "Normal", "TaintManagerEviction",
                                    f"Cancelling deletion of Pod {key.namespace}/{key.name}")

    def _evict(self, key: Key, because: str) -> None:
        self.due.pop(key, None)
        pod = self.reader.get(key)
        if pod is None or objects.deleting(pod) or not self.running:
            return
        self.recorder.event(pod, "Normal", "TaintManagerEviction",
                            f"Marking for deletion Pod {key.namespace}/{key.name}")
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
                     "message": "Taint manager: deleting due to NoExecute taint", "lastTransitionTime": self.now()}
        conditions = objects.with_condition(objects.dig(pod, "status.conditions", []), condition)
        try:
            self.client.update(key, objects.put(pod, "status.conditions", conditions), subresource="status",
                               canonical=self.version[1],
                               because=because)
            self.client.delete(key, because=because)
        except (StatusError, TransportError):
            self.engine.after(SECOND_US, self._evict, key, because)


def no_execute(node: Object | None) -> list[Object]:
    """Give the NoExecute taints of a node, which may be gone."""
    return [t for t in objects.dig(node or {}, "spec.taints", []) if t["effect"] == "NoExecute"]
