"""The StatefulSet controller: pods with names, one after another, each waiting for the one before.

Models: pkg/controller/statefulset (stateful_set.go, stateful_set_control.go, stateful_set_utils.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.api import objects, selectors
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.workloads import revisions
from sim.controllers.workloads.claims import claim, would_adopt
from sim.controllers.workloads.pods import available, pod_from_template
from sim.controllers.workloads.rolling import resolve

REVISION, POD_NAME = "controller-revision-hash", "statefulset.kubernetes.io/pod-name"
INDEX = "apps.kubernetes.io/pod-index"
SEVERAL_SINCE, RETENTION_SINCE = (1, 35), (1, 27)
"""Since when the gates MaxUnavailableStatefulSet and StatefulSetAutoDeletePVC are on."""


def ordinal_of(owner: Object, pod: Object) -> int:
    """Give the pod's number, -1 for a name that is not one of the set's."""
    stem, _, number = objects.name(pod).rpartition("-")
    return int(number) if stem == objects.name(owner) and number.isdigit() else -1


def ready(pod: Object) -> bool:
    """Tell whether the pod runs and is ready."""
    return objects.dig(pod, "status.phase") == "Running" and objects.pod_ready(pod)


@dataclass
class Plan:
    """One look at a set: its pods by number, those that are too many, and the two revisions between which it moves."""

    owner: Object
    pods: list[Object]
    current: Object
    update: Object
    now_us: int
    slots: dict[int, Object | None] = field(default_factory=dict)
    condemned: list[Object] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sort the pods into slots."""
        first = objects.dig(self.owner, "spec.ordinals.start", 0)
        wanted = range(first, first + objects.dig(self.owner, "spec.replicas", 0))
        self.slots = dict.fromkeys(wanted)
        for pod in self.pods:
            number = ordinal_of(self.owner, pod)
            if number in self.slots:
                self.slots[number] = pod
            elif number >= 0:
                self.condemned.append(pod)
        self.condemned.sort(key=lambda pod: -ordinal_of(self.owner, pod))

    @property
    def ordered(self) -> bool:
        """Tell whether one pod waits for the other."""
        return bool(objects.dig(self.owner, "spec.podManagementPolicy", "OrderedReady") == "OrderedReady")

    def available(self, pod: Object) -> bool:
        """Tell whether the pod is ready for long enough and not going."""
        wait = objects.dig(self.owner, "spec.minReadySeconds", 0)
        return ready(pod) and not objects.deleting(pod) and available(pod, wait, self.now_us)

    def most_unavailable(self) -> int | None:
        """Give rollingUpdate.maxUnavailable in pods, at least one; None where it is not said."""
        value = objects.dig(self.owner, "spec.updateStrategy.rollingUpdate.maxUnavailable")
        return None if value is None else max(1, resolve(value, objects.dig(self.owner, "spec.replicas", 0), up=False))

    def revision_for(self, number: int) -> Object:
        """Give the revision in which a new pod of that number is made. Models: newVersionedStatefulSetPod."""
        start = objects.dig(self.owner, "spec.ordinals.start", 0)
        split = objects.dig(self.owner, "spec.updateStrategy.rollingUpdate.partition", 0)
        return self.current if number < start + split else self.update


class StatefulSetController(Controller):
    """Creates, replaces and removes the pods of StatefulSets in order."""

    name = "statefulset-controller"
    watches = ("statefulsets", "pods")
    pods_of = ("StatefulSet", "")

    def changed(self, change: Change) -> None:
        """Queue the set itself, the set that controls the pod, or those that would adopt it."""
        if change.key.resource == "statefulsets":
            self.enqueue(change.key)
            return
        owner = objects.controller_of(change.object)
        if owner is None and change.new is not None:
            for found in would_adopt(self.client, "pods", change.new, "statefulsets"):
                self.enqueue(objects.key("statefulsets", found))
        elif owner and owner["kind"] == "StatefulSet":
            self.enqueue(Key("statefulsets", change.key.namespace, owner["name"]))

    def reconcile(self, key: Key) -> float | None:
        """Take the one next step (all of them with Parallel), then write the status."""
        owner = self.reader.get(key)
        if owner is None:
            return None
        selector = selectors.from_object(objects.dig(owner, "spec.selector"))
        pods = [pod for pod in claim(self.client, owner, "pods", selector) if ordinal_of(owner, pod) >= 0]
        history = revisions.history_of(self.client, owner)
        update = revisions.latest(self.client, owner, history, label=revisions.HASH)
        named = objects.dig(owner, "status.currentRevision", "")
        current = next((each for each in history if objects.name(each) == named), update)
        plan = Plan(owner, pods, current, update, self.engine.unix_us)
        if not objects.deleting(owner):
            if self.version >= RETENTION_SINCE:
                self._retain(plan)
            self._act(plan)
        again = self._status(key, plan)
        live = {objects.name(current), objects.name(update), *(
            objects.labels(pod).get(REVISION, "") for pod in plan.pods)}
        revisions.truncate(self.client, owner, revisions.history_of(self.client, owner), live)
        return again

    # ---- acting -----------------------------------------------------------------------------------------------
    def _act(self, plan: Plan) -> None:
        for number, pod in plan.slots.items():
            if self._fill(plan, number, pod):
                return
        if self._shrink(plan):
            return
        if objects.dig(plan.owner, "spec.updateStrategy.type", "RollingUpdate") == "RollingUpdate":
            self._roll(plan)

    def _fill(self, plan: Plan, number: int, pod: Object | None) -> bool:
        """Create or replace the pod of a slot. Tells whether the rest must wait. Models: processReplica."""
        if pod is not None and objects.pod_finished(pod):
            if not objects.deleting(pod):
                word = "Failed" if objects.dig(pod, "status.phase") == "Failed" else "Terminated"
                self.recorder.event(
                    plan.owner, "Warning", f"Recreating{word}Pod",
                    f"StatefulSet {objects.namespace(pod)}/{objects.name(plan.owner)} is recreating "
                    f"{word.lower()} Pod {objects.name(pod)}")
                self._delete(plan, pod, "it has ended")
            return True
        if pod is None:
            self._create(plan, number)
            return plan.ordered
        if not plan.ordered:
            return False
        return objects.deleting(pod) or not ready(pod) or not plan.available(pod)

    def _shrink(self, plan: Plan) -> bool:
        """Remove pods above the wanted number, the highest first. Models: processCondemned."""
        unhealthy = [pod for pod in (*plan.slots.values(), *reversed(plan.condemned))
                     if pod is not None and (objects.deleting(pod) or not ready(pod))]
        for pod in plan.condemned:
            if objects.deleting(pod):
                if plan.ordered:
                    return True
                continue
            if plan.ordered and unhealthy and not ready(pod) and pod is not unhealthy[0]:
                return True
            self._delete(plan, pod, "the set wants fewer pods")
            if plan.ordered:
                return True
        return False

    def _roll(self, plan: Plan) -> None:
        """Replace one pod of an older revision, from the highest number down to the partition."""
        start = objects.dig(plan.owner, "spec.ordinals.start", 0)
        split = objects.dig(plan.owner, "spec.updateStrategy.rollingUpdate.partition", 0)
        most = plan.most_unavailable() if self.version >= SEVERAL_SINCE else None
        if most is not None:
            room = most - sum(1 for pod in plan.slots.values() if pod is None or not plan.available(pod))
            old: list[Object] = [pod for number, pod in sorted(plan.slots.items(), reverse=True) if number >= start + split and (
                pod is not None and not objects.deleting(pod) and objects.labels(pod).get(REVISION) != objects.name(plan.update))]
            for each in old[:max(0, room)]:
                self._delete(plan, each, "its template is older than the set's")
            return
        for number, pod in sorted(plan.slots.items(), reverse=True):
            if pod is None or number < start + split:
                return
            if objects.labels(pod).get(REVISION) != objects.name(plan.update) and not objects.deleting(pod):
                self._delete(plan, pod, "its template is older than the set's")
                return
            if not plan.available(pod):
                return

    def _create(self, plan: Plan, number: int) -> None:
        owner, revision = plan.owner, plan.revision_for(number)
        name = f"{objects.name(owner)}-{number}"
        template = {k: v for k, v in objects.dig(revision, "data.spec.template", {}).items() if k != "$patch"}
        labels = {**objects.dig(template, "metadata.labels", {}), INDEX: str(number), POD_NAME: name,
                  REVISION: objects.name(revision)}
        if self.version < (1, 28):
            del labels[INDEX]
        spec: dict[str, Any] = {"hostname": name}
        if objects.dig(owner, "spec.serviceName"):
            spec["subdomain"] = objects.dig(owner, "spec.serviceName")
        volumes = self._claims(owner, name)
        if volumes:
            taken = {each["name"] for each in volumes}
            spec["volumes"] = [*volumes, *(v for v in objects.dig(template, "spec.volumes", []) if v["name"] not in taken)]
        pod = pod_from_template(owner, objects.put(template, "metadata.labels", labels), **spec)
        del pod["metadata"]["generateName"]
        pod["metadata"]["name"] = name
        try:
            self.client.create("pods", pod, because=f"{objects.name(owner)} has no pod {name}")
        except StatusError as error:
            self._tell(owner, "Warning", "Create", name, f"failed error: {error}")
            raise
        self._tell(owner, "Normal", "Create", name, "successful")

    def _claims(self, owner: Object, pod: str) -> list[Object]:
        """Make the pod's claims and give its volumes."""
        volumes = []
        for each in objects.dig(owner, "spec.volumeClaimTemplates", []):
            name = f"{objects.name(each)}-{pod}"
            key = Key("persistentvolumeclaims", objects.namespace(owner), name)
            if self.reader.get(key) is None:
                labels = {**objects.labels(each), **objects.dig(owner, "spec.selector.matchLabels", {})}
                self.client.create("persistentvolumeclaims", {
                    "metadata": {"name": name, "namespace": key.namespace, "labels": labels}, "spec": each["spec"]})
                self.recorder.event(
                    owner, "Normal", "SuccessfulCreate",
                    f"{self._verb('Create')} Claim {name} Pod {pod} in StatefulSet {objects.name(owner)} success")
            volumes.append({"name": objects.name(each), "persistentVolumeClaim": {"claimName": name}})
        return volumes

    def _retain(self, plan: Plan) -> None:
        """Let claims go with the set, or with the pods that it no longer wants, as its retention policy says."""
        policy = objects.dig(plan.owner, "spec.persistentVolumeClaimRetentionPolicy", {})
        deleted, scaled = policy.get("whenDeleted", "Retain"), policy.get("whenScaled", "Retain")
        if not objects.dig(plan.owner, "spec.volumeClaimTemplates"):
            return
        for pod in plan.pods:
            surplus = pod in plan.condemned
            keeper: Object | None = pod if scaled == "Delete" and surplus else plan.owner if deleted == "Delete" else None
            for each in objects.dig(plan.owner, "spec.volumeClaimTemplates", []):
                key = Key("persistentvolumeclaims", objects.namespace(pod), f"{objects.name(each)}-{objects.name(pod)}")
                found = self.reader.get(key)
                if found is None:
                    continue
                ours = (objects.uid(plan.owner), objects.uid(pod))
                wanted = [ref for ref in objects.owners(found) if ref["uid"] not in ours]
                if keeper is not None:
                    wanted.append({"apiVersion": keeper.get("apiVersion", "v1"), "kind": keeper["kind"],
                                   "name": objects.name(keeper), "uid": objects.uid(keeper)})
                if wanted != objects.owners(found):
                    self.client.patch(key, {"metadata": {"ownerReferences": wanted or None}}, because=(
                        "persistentVolumeClaimRetentionPolicy of the set"))

    def _delete(self, plan: Plan, pod: Object, because: str) -> None:
        self.client.delete(objects.key("pods", pod), because=because)
        self._tell(plan.owner, "Normal", "Delete", objects.name(pod), "successful")

    def _verb(self, verb: str) -> str:
        return verb if self.version >= (1, 35) else verb.lower()

    def _tell(self, owner: Object, kind: str, verb: str, pod: str, outcome: str) -> None:
        word = "Successful" if kind == "Normal" else "Failed"
        self.recorder.event(owner, kind, f"{word}{verb}",
                            f"{self._verb(verb)} Pod {pod} in StatefulSet {objects.name(owner)} {outcome}")

    # ---- the status -------------------------------------------------------------------------------------------
    def _status(self, key: Key, plan: Plan) -> float | None:
        owner = plan.owner
        uid = objects.uid(owner)
        pods = [p for p in self.reader.by_index("pods", "owner", uid)
                if objects.controller_uid(p) == uid and ordinal_of(owner, p) >= 0]
        alive = [pod for pod in pods if not objects.deleting(pod)]

        def of(revision: Object) -> int:
            return sum(1 for pod in alive if objects.labels(pod).get(REVISION) == objects.name(revision))

        wanted, updated = objects.dig(owner, "spec.replicas", 0), of(plan.update)
        usable = [pod for pod in pods if plan.available(pod)]
        current, running = plan.current, sum(1 for pod in pods if ready(pod))
        rolling = objects.dig(owner, "spec.updateStrategy.type", "RollingUpdate") == "RollingUpdate"
        if rolling and updated == len(pods) == wanted and running == len(pods):
            current = plan.update
        status = {
            "observedGeneration": owner["metadata"].get("generation", 1), "replicas": len(pods),
            "readyReplicas": running, "currentReplicas": of(current), "updatedReplicas": updated,
            "currentRevision": objects.name(current), "updateRevision": objects.name(plan.update),
            "collisionCount": objects.dig(owner, "status.collisionCount", 0), "availableReplicas": len(usable),
        }
        status = {name: value for name, value in status.items() if value or name in (
            "replicas", "collisionCount", "availableReplicas")}
        if status != owner.get("status"):
            self.client.update(key, {**owner, "status": status}, subresource="status", canonical=self.version[1])
        wait = objects.dig(owner, "spec.minReadySeconds", 0)
        return float(wait) if wait and len(usable) < running else None
