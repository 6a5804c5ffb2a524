"""The Deployment controller: moves pods from old ReplicaSets to the new one, a few at a time.

Models: pkg/controller/deployment (sync.go, rolling.go, recreate.go, progress.go, util). Left out: hash collisions,
canary proportional scaling while paused.
"""

from __future__ import annotations

from math import ceil, floor

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.controllers.workloads.hashing import compute_hash
from sim.controllers.workloads.pods import active, owned_pods

REVISION = "deployment.kubernetes.io/revision"
def resolve(value: int | str | None, total: int, *, up: bool) -> int:
    """Resolve a number or percentage of total."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total / 100
        return ceil(share) if up else floor(share)
    return int(value or 0)


def fenceposts(deployment: Object) -> tuple[int, int]:
    """Give (maxSurge, maxUnavailable) in pods; both zero makes unavailable one."""
    wanted = objects.dig(deployment, "spec.replicas", 0)
    rolling = objects.dig(deployment, "spec.strategy.rollingUpdate", {})
    surge = resolve(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return surge, 1 if surge == 0 and unavailable == 0 else unavailable


class DeploymentController(Controller):
    """Rolls Deployments."""

    name = "deployment-controller"
    watches = ("deployments", "replicasets")

    def changed(self, change: Change) -> None:
        """Queue the Deployment itself or the one that controls the ReplicaSet."""
        if change.key.resource == "deployments":
            self.enqueue(change.key)
            return
        owner = objects.controller_of(change.object)
        if owner and owner["kind"] == "Deployment":
            self.enqueue(Key("deployments", change.key.namespace, owner["name"]))

    def reconcile(self, key: Key) -> float | None:
        """Find or make the new set, scale, clean up, write the status."""
        deployment = self.reader.get(key)
        if deployment is None or objects.deleting(deployment):
            return None
        if not objects.dig(deployment, "spec.paused"):
            self._new_set(deployment)
            deployment = self.reader.get(key) or deployment
            self._roll(deployment)
            self._clean(deployment)
        self._status(key, self.reader.get(key) or deployment)
        return None

    def _sets(self, deployment: Object) -> list[Object]:
        uid = objects.uid(deployment)
        return [s for s in self.reader.by_index("replicasets", "owner", uid) if objects.controller_uid(s) == uid]

    def _split(self, deployment: Object) -> tuple[Object | None, list[Object]]:
        wanted = compute_hash(objects.dig(deployment, "spec.template", {}))
        new, old = None, []
        for each in self._sets(deployment):
            if objects.labels(each).get("pod-template-hash") == wanted:
                new = each
            else:
                old.append(each)
        return new, old

    def _new_set(self, deployment: Object) -> None:
        new, old = self._split(deployment)
        last = max((int(objects.annotations(s).get(REVISION, "0")) for s in old), default=0)
        if new is None:
            revision = last + 1
            self._make_set(deployment, revision, bool(old))
        else:
            revision = int(objects.annotations(new).get(REVISION, "0"))
            if revision <= last:
                revision = last + 1
                self.client.patch(
                    objects.key("replicasets", new), {"metadata": {"annotations": {REVISION: str(revision)}}})
        if objects.annotations(deployment).get(REVISION) != str(revision):
            self.client.patch(
                objects.key("deployments", deployment), {"metadata": {"annotations": {REVISION: str(revision)}}})

    def _make_set(self, deployment: Object, revision: int, rolling: bool) -> None:
        template = objects.dig(deployment, "spec.template", {})
        mark = {"pod-template-hash": compute_hash(template)}
        labels = {**objects.dig(template, "metadata.labels", {}), **mark}
        selector = objects.dig(deployment, "spec.selector", {})
        skipped = ("kubectl.kubernetes.io/last-applied-configuration", REVISION)
        kept = {k: v for k, v in objects.annotations(deployment).items() if k not in skipped}
        wanted = objects.dig(deployment, "spec.replicas", 0)
        name = f"{objects.name(deployment)}-{mark['pod-template-hash']}"
        replicas = self._new_size(deployment, 0) if rolling else wanted
        self.client.create("replicasets", {
            "metadata": {
                "name": name, "namespace": objects.namespace(deployment), "labels": labels,
                "annotations": {**kept, REVISION: str(revision), "deployment.kubernetes.io/desired-replicas": str(wanted),
                                "deployment.kubernetes.io/max-replicas": str(wanted + fenceposts(deployment)[0])},
                "ownerReferences": [objects.controller_reference(deployment)],
            },
            "spec": {
                "replicas": replicas,
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **mark}},
                "template": objects.put(template, "metadata.labels", labels),
                **({"minReadySeconds": s} if (s := objects.dig(deployment, "spec.minReadySeconds", 0)) else {}),
            },
        }, because=f"the pod template of Deployment {objects.name(deployment)} has no ReplicaSet yet")
        if replicas:
            self._tell(deployment, "up", name, 0, replicas)

    def _tell(self, deployment: Object, way: str, name: str, before: int, after: int) -> None:
        self.recorder.event(
            deployment, "Normal", "ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {after}")

    def _scale(self, deployment: Object, each: Object, size: int) -> None:
        before = objects.dig(each, "spec.replicas", 0)
        if before == size:
            return
        key = objects.key("replicasets", each)
        self.client.patch(key, {"spec": {"replicas": size}},
                          because=f"Deployment {objects.name(deployment)} scales from {before} to {size}")
        self._tell(deployment, "up" if size > before else "down", objects.name(each), before, size)

    def _new_size(self, deployment: Object, present: int) -> int:
        wanted: int = objects.dig(deployment, "spec.replicas", 0)
        if objects.dig(deployment, "spec.strategy.type") == "Recreate":
            return wanted
        total: int = sum(objects.dig(s, "spec.replicas", 0) for s in self._sets(deployment))
        room = wanted + fenceposts(deployment)[0] - total
        return max(present, min(wanted, present + max(0, room)))

    def _roll(self, deployment: Object) -> None:
        new, old = self._split(deployment)
        if new is None:
            return
        wanted = objects.dig(deployment, "spec.replicas", 0)
        if objects.dig(deployment, "spec.strategy.type") == "Recreate":
            for each in old:
                self._scale(deployment, each, 0)
            if not any(active(owned_pods(self.reader, each)) for each in old):
                self._scale(deployment, new, wanted)
            return
        present = objects.dig(new, "spec.replicas", 0)
        self._scale(deployment, new, wanted if present > wanted else self._new_size(deployment, present))
        self._shrink_old(deployment)

    def _shrink_old(self, deployment: Object) -> None:
        """Drop unavailable old pods first, then available ones, never below what must stay available."""
        new, old = self._split(deployment)
        old = [each for each in old if objects.dig(each, "spec.replicas", 0) > 0]
        if not old or new is None:
            return
        wanted = objects.dig(deployment, "spec.replicas", 0)
        least = wanted - fenceposts(deployment)[1]
        total = sum(objects.dig(s, "spec.replicas", 0) for s in [new, *old])
        new_unavailable = objects.dig(new, "spec.replicas", 0) - objects.dig(new, "status.availableReplicas", 0)
        room = total - least - new_unavailable
        if room <= 0:
            return
        for each in old:
            size, usable = objects.dig(each, "spec.replicas", 0), objects.dig(each, "status.availableReplicas", 0)
            broken = min(room, max(0, size - usable))
            if broken:
                self._scale(deployment, each, size - broken)
                room -= broken
        usable_all = sum(objects.dig(s, "status.availableReplicas", 0) for s in self._sets(deployment))
        spare = usable_all - least
        for each in self._split(deployment)[1]:
            size = objects.dig(each, "spec.replicas", 0)
            cut = min(size, spare)
            if cut > 0:
                self._scale(deployment, each, size - cut)
                spare -= cut

    def _clean(self, deployment: Object) -> None:
        keep = objects.dig(deployment, "spec.revisionHistoryLimit", 10)
        _, old = self._split(deployment)
        idle = [s for s in old if not objects.dig(s, "spec.replicas", 0) and not objects.dig(s, "status.replicas", 0)]
        idle.sort(key=lambda s: int(objects.annotations(s).get(REVISION, "0")))
        for each in idle[: max(0, len(idle) - keep)]:
            self.client.delete(objects.key("replicasets", each), because=f"revisionHistoryLimit {keep}")

    def _status(self, key: Key, deployment: Object) -> None:
        new, old = self._split(deployment)
        sets = [*old, *([new] if new else [])]
        total = {n: sum(objects.dig(s, f"status.{n}", 0) for s in sets)
                 for n in ("replicas", "readyReplicas", "availableReplicas")}
        wanted = objects.dig(deployment, "spec.replicas", 0)
        updated = objects.dig(new or {}, "status.replicas", 0)
        status = {
            "observedGeneration": deployment["metadata"].get("generation", 1), "replicas": total["replicas"],
            "updatedReplicas": updated, "readyReplicas": total["readyReplicas"],
            "availableReplicas": total["availableReplicas"],
            "unavailableReplicas": max(0, sum(objects.dig(s, "spec.replicas", 0) for s in sets)
                                       - total["availableReplicas"]),
        }
        status = {name: value for name, value in status.items() if value}
        conditions = objects.dig(deployment, "status.conditions", [])
        enough = total["availableReplicas"] >= wanted - fenceposts(deployment)[1]
        conditions = objects.with_condition(conditions, self._condition(
            "Available", enough, "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            f"Deployment {'has' if enough else 'does not have'} minimum availability."))
        complete = updated == wanted and total["replicas"] == wanted and total["availableReplicas"] == wanted
        if new is not None:
            name = objects.name(new)
            done = f'ReplicaSet "{name}" has successfully progressed.'
            going = f'ReplicaSet "{name}" is progressing.'
            before = objects.condition(deployment, "Progressing")
            finished = complete or (before is not None and before["reason"] == "NewReplicaSetAvailable"
                                    and before["message"] == done)
            conditions = objects.with_condition(conditions, self._condition(
                "Progressing", True, "NewReplicaSetAvailable" if finished else "ReplicaSetUpdated",
                done if finished else going))
        status["conditions"] = _calm(conditions, objects.dig(deployment, "status.conditions", []))
        if status != deployment.get("status"):
            self.client.update(key, {**deployment, "status": status}, subresource="status")

    def _condition(self, kind: str, holds: bool, reason: str, message: str) -> Object:
        now = self.now()
        return {"type": kind, "status": str(holds), "reason": reason, "message": message,
                "lastUpdateTime": now, "lastTransitionTime": now}


def _calm(new: list[Object], old: list[Object]) -> list[Object]:
    """Keep lastUpdateTime where nothing else changed."""
    out = []
    for each in new:
        same = next((o for o in old if o["type"] == each["type"] and all(
            o[f] == each[f] for f in ("status", "reason", "message"))), None)
        out.append(same or each)
    return out
