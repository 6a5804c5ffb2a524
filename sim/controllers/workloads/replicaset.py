"""The ReplicaSet controller, and the ReplicationController which is the same loop: as many pods as wanted.

Models: pkg/controller/replicaset/replica_set.go, pkg/controller/replication. Left out: expectations (the cache is never
behind its own writes here; a sync that waits for its client's limiter keeps its key).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

from sim.api import objects, selectors
from sim.api.client import ANY_VERSION, Change, Client, Key, Object
from sim.api.errors import StatusError
from sim.api.selectors import Selector
from sim.controllers.base import Controller, Turns
from sim.controllers.workloads.claims import claim
from sim.controllers.workloads.pods import (
    active,
    available_in_us,
    deletion_order,
    owned_pods,
    pod_from_template,
)
from sim.controllers.workloads.tally import Group, Tally, active_in, count
from sim.engine import SECOND_US, Engine

BURST_REPLICAS = 500
COUNTS_TERMINATING = (1, 35)
"""From this version on the gate DeploymentReplicaSetTerminatingReplicas is on."""


class ReplicaSetController(Controller):
    """Creates and deletes pods of ReplicaSets, and counts them."""

    name = "replicaset-controller"
    kind, resource = "ReplicaSet", "replicasets"
    watches: tuple[str, ...] = ("replicasets", "pods")
    pods_of: tuple[str, ...] | None = (kind, "")

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.tally = Tally(self.kind)

    def stop(self) -> None:
        """Stop at once: what is queued and what was counted is forgotten."""
        super().stop()
        self.tally.clear()

    @staticmethod
    def selector_of(owner: Object) -> Selector:
        """Give the owner's selector."""
        return selectors.from_object(objects.dig(owner, "spec.selector"))

    def changed(self, change: Change) -> None:
        """Queue the set itself, the set that controls the pod, or those that would adopt it."""
        if change.key.resource == self.resource:
            self.enqueue(change.key)
            return
        new, old = change.new, change.old
        owner = objects.controller_of(new) if new is not None else None
        self.tally.note(change, owner)
        if owner and owner["kind"] == self.kind:
            self.enqueue(Key(self.resource, change.key.namespace, owner["name"]))
        if old is not None and (new is None or objects.owners(old) is not objects.owners(new)):
            before = objects.controller_of(old)
            if before and before["kind"] == self.kind and before is not owner:
                self.enqueue(Key(self.resource, change.key.namespace, before["name"]))
        if new is not None and owner is None:
            for found in self.reader.list(self.resource, change.key.namespace):
                if self.selector_of(found).matches(objects.labels(new)):
                    self.enqueue(objects.key(self.resource, found))

    def reconcile(self, key: Key) -> Turns:
        """Scale, then write the status."""
        owner = self.reader.get(key)
        if owner is None:
            return None
        self._claim(owner)
        failure: StatusError | None = None
        if not objects.deleting(owner):
            try:
                yield from self._scale(owner)
            except StatusError as error:
                failure = error
        again = self.write_status(key, failure)
        if failure is not None:
            raise failure
        return again

    def _groups(self, owner: Object) -> Counter[Group]:
        """Give the owner's pods by groups with their sizes."""
        return self.tally.of(objects.uid(owner)) if self.running else count(owned_pods(self.reader, owner))

    def _claim(self, owner: Object) -> None:
        """Adopt and release pods, where there are any to adopt or release."""
        selector = self.selector_of(owner)
        strays = any(not selector.matches(dict(group.labels)) for group in self._groups(owner))
        if strays or self.reader.by_index("pods", "orphan", objects.namespace(owner)):
            claim(self.client, owner, "pods", selector)

    def _scale(self, owner: Object) -> Generator[int, None, None]:
        wanted, there = objects.dig(owner, "spec.replicas", 0), active_in(self._groups(owner))
        missing = wanted - there
        because = f"{objects.name(owner)} wants {wanted} pods and has {there}"
        if missing > 0:
            yield from self._create(owner, min(missing, BURST_REPLICAS), because)
        elif missing < 0:
            alive = active(owned_pods(self.reader, owner))
            surplus = deletion_order(alive, self._related(owner), self.engine.unix_us)[:min(-missing, BURST_REPLICAS)]
            for pod in surplus:
                yield from self.turn()
                key = objects.key("pods", pod)
                if self.reader.get(key) is None:
                    continue
                self.client.delete(key, because=because)
                self.recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")

    def _create(self, owner: Object, count: int, because: str) -> Generator[int, None, None]:
        """Create pods in batches of 1, 2, 4 and so on; a batch with a failure is the last. Raises StatusError."""
        template = objects.dig(owner, "spec.template", {})
        references = [objects.controller_reference(owner)]
        batch = 1
        while count > 0:
            failure: StatusError | None = None
            for _ in range(min(batch, count)):
                yield from self.turn()
                try:
                    made = self.client.create("pods", pod_from_template(owner, template, references), because=because,
                    canonical=ANY_VERSION)
                except StatusError as error:
                    if "is being terminated" in error.message:
                        return
                    failure = error
                    self.recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
                else:
                    self.recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made)}")
            if failure is not None:
                raise failure
            count, batch = count - batch, batch * 2

    def _related(self, owner: Object) -> list[Object]:
        """Give the active pods of all sets that have the same owner."""
        boss = objects.controller_uid(owner)
        sets = self.reader.by_index(self.resource, "owner", boss) if boss else [owner]
        return [pod for each in sets for pod in active(owned_pods(self.reader, each))]

    def write_status(self, key: Key, failure: StatusError | None = None) -> float | None:
        """Write the status where it differs; gives the seconds until a ready pod counts as available."""
        owner = self.reader.get(key)
        if owner is None:
            return None
        groups, wait = self._groups(owner), objects.dig(owner, "spec.minReadySeconds", 0)
        labels = selectors.from_map(objects.dig(owner, "spec.template.metadata.labels", {}))
        there, ready = active_in(groups), sum(number for group, number in groups.items() if group.ready)
        left = [left_us for pod in active(owned_pods(self.reader, owner)) if objects.pod_ready(pod)
                and (left_us := available_in_us(pod, wait, self.engine.unix_us))] if wait else []
        status = {
            "replicas": there, "observedGeneration": owner["metadata"].get("generation", 1),
            "fullyLabeledReplicas": sum(
                number for group, number in groups.items() if group.active and labels.matches(dict(group.labels))),
            "readyReplicas": ready, "availableReplicas": ready - len(left),
            "conditions": self._conditions(owner, failure, missing=objects.dig(owner, "spec.replicas", 0) > there),
        }
        if self.version >= COUNTS_TERMINATING and self.kind == "ReplicaSet":
            status["terminatingReplicas"] = sum(number for group, number in groups.items() if group.going)
        status = {name: value for name, value in status.items() if value or name in (
            "replicas", "observedGeneration", "terminatingReplicas")}
        if status != owner.get("status"):
            self.client.update(key, {**owner, "status": status}, subresource="status", canonical=self.version[1])
        return min(left) / SECOND_US if left else None

    def _conditions(self, owner: Object, failure: StatusError | None, *, missing: bool) -> list[Object]:
        kept = [c for c in objects.dig(owner, "status.conditions", []) if c["type"] != "ReplicaFailure"]
        if failure is None:
            return kept
        old = objects.condition(owner, "ReplicaFailure")
        return [*kept, old or {
            "type": "ReplicaFailure", "status": "True", "lastTransitionTime": self.now(), "message": failure.message,
            "reason": "FailedCreate" if missing else "FailedDelete"}]


class ReplicationControllerController(ReplicaSetController):
    """The same for ReplicationControllers, whose selector is a plain map."""

    name = "replication-controller"
    kind, resource = "ReplicationController", "replicationcontrollers"
    watches = ("replicationcontrollers", "pods")
    pods_of = (kind, "")

    @staticmethod
    def selector_of(owner: Object) -> Selector:
        """Give the owner's selector."""
        return selectors.from_map(objects.dig(owner, "spec.selector", {}))
