"""The ReplicaSet controller: as many pods as wanted.

Models: pkg/controller/replicaset/replica_set.go. Left out: adoption of orphans, expectations (the cache is never
behind its own writes here).
"""

from __future__ import annotations

from sim.api import objects, selectors
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.controllers.workloads.pods import active, available, deletion_order, owned_pods, pod_from_template

BURST_REPLICAS = 500


class ReplicaSetController(Controller):
    """Creates and deletes pods of ReplicaSets, and counts them."""

    name = "replicaset-controller"
    watches = ("replicasets", "pods")

    def changed(self, change: Change) -> None:
        """Queue the set itself, or the set that controls the pod."""
        if change.key.resource == "replicasets":
            self.enqueue(change.key)
            return
        owner = objects.controller_of(change.object)
        if owner and owner["kind"] == "ReplicaSet":
            self.enqueue(Key("replicasets", change.key.namespace, owner["name"]))

    def reconcile(self, key: Key) -> float | None:
        """Scale, then write the status."""
        owner = self.reader.get(key)
        if owner is None:
            return None
        pods = owned_pods(self.reader, owner)
        alive = active(pods)
        if not objects.deleting(owner):
            self._scale(owner, alive)
            alive = active(owned_pods(self.reader, owner))
        return self._status(key, owner, alive)

    def _scale(self, owner: Object, alive: list[Object]) -> None:
        wanted = objects.dig(owner, "spec.replicas", 0)
        missing = wanted - len(alive)
        if missing > 0:
            because = f"{objects.name(owner)} wants {wanted} pods and has {len(alive)}"
            for _ in range(min(missing, BURST_REPLICAS)):
                template = objects.dig(owner, "spec.template", {})
                made = self.client.create("pods", pod_from_template(owner, template), because=because)
                self.recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made)}")
        elif missing < 0:
            because = f"{objects.name(owner)} wants {wanted} pods and has {len(alive)}"
            for pod in deletion_order(alive, self._related(owner), self.engine.unix_us)[:-missing]:
                self.client.delete(objects.key("pods", pod), because=because)
                self.recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")

    def _related(self, owner: Object) -> list[Object]:
        """Give the active pods of all sets that have the same owner."""
        boss = objects.controller_uid(owner)
        sets = self.reader.by_index("replicasets", "owner", boss) if boss else [owner]
        return [pod for each in sets for pod in active(owned_pods(self.reader, each))]

    def _status(self, key: Key, owner: Object, alive: list[Object]) -> float | None:
        wait = objects.dig(owner, "spec.minReadySeconds", 0)
        labels = selectors.from_map(objects.dig(owner, "spec.template.metadata.labels", {}))
        ready = [pod for pod in alive if objects.pod_ready(pod)]
        usable = [pod for pod in ready if available(pod, wait, self.engine.unix_us)]
        status = {
            "replicas": len(alive), "observedGeneration": owner["metadata"].get("generation", 1),
            "fullyLabeledReplicas": sum(1 for pod in alive if labels.matches(objects.labels(pod))),
            "readyReplicas": len(ready), "availableReplicas": len(usable),
        }
        status = {name: value for name, value in status.items() if value or name in ("replicas", "observedGeneration")}
        if status != owner.get("status"):
            self.client.update(key, {**owner, "status": status}, subresource="status")
        return float(wait) if len(usable) < len(ready) else None
