"""The Deployment controller: moves pods from old ReplicaSets to the new one, a few at a time.

Models: pkg/controller/deployment (deployment_controller.go, sync.go, rolling.go, recreate.go, progress.go). Left out: the
rollback annotation of extensions/v1beta1.
"""

from __future__ import annotations

from sim.api import objects, selectors, times
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.workloads import rolling
from sim.controllers.workloads.claims import claim, would_adopt
from sim.controllers.workloads.hashing import compute_hash
from sim.controllers.workloads.pods import owned_pods
from sim.controllers.workloads.rolling import DESIRED, MAXIMUM, NEW_AVAILABLE, NO_LIMIT, PAUSED, REVISION, TIMED_OUT
from sim.engine import SECOND_US

HASH = "pod-template-hash"
HISTORY = "deployment.kubernetes.io/revision-history"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KEPT_BACK = frozenset({LAST_APPLIED, REVISION, HISTORY, DESIRED, MAXIMUM, "deprecated.deployment.rollback.to"})
"""Annotations that a Deployment does not hand down."""
SETS = "replicasets"


def plain(template: Object) -> Object:
    """Give a template without its hash, for comparing."""
    labels = {k: v for k, v in objects.dig(template, "metadata.labels", {}).items() if k != HASH}
    return objects.put(template, "metadata.labels", labels)


def revision_of(obj: Object) -> int:
    """Give the revision annotation as a number."""
    text = objects.annotations(obj).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


class DeploymentController(Controller):
    """Rolls Deployments."""

    name = "deployment-controller"
    watches = ("deployments", SETS, "pods")

    def changed(self, change: Change) -> None:
        """Queue the Deployment itself, the one that controls the ReplicaSet, or one that waits for a pod to be gone."""
        if change.key.resource == "deployments":
            self.enqueue(change.key)
        elif change.key.resource == SETS:
            self._set_changed(change)
        elif change.new is None:
            self._pod_gone(change.object)

    def _set_changed(self, change: Change) -> None:
        owner = objects.controller_of(change.object)
        if owner and owner["kind"] == "Deployment":
            self.enqueue(Key("deployments", change.key.namespace, owner["name"]))
        elif owner is None and change.new is not None:
            for found in would_adopt(self.client, SETS, change.new, "deployments"):
                self.enqueue(objects.key("deployments", found))

    def _pod_gone(self, pod: Object) -> None:
        owner = objects.controller_of(pod)
        found = self.reader.get(Key(SETS, objects.namespace(pod), owner["name"])) if owner and (
            owner["kind"] == "ReplicaSet") else None
        boss = objects.controller_of(found) if found else None
        if boss and boss["kind"] == "Deployment":
            key = Key("deployments", objects.namespace(pod), boss["name"])
            deployment = self.reader.get(key)
            if deployment is not None and not rolling.rolls(deployment):
                self.enqueue(key)

    # ---- one sync ---------------------------------------------------------------------------------------------
    def reconcile(self, key: Key) -> float | None:
        """Find or make the new set, scale, clean up, write the status."""
        deployment = self.reader.get(key)
        if deployment is None:
            return None
        if objects.deleting(deployment):
            return self._status(key, progress=False)
        claim(self.client, deployment, SETS, selectors.from_object(objects.dig(deployment, "spec.selector")))
        deployment = self._paused_condition(key, deployment)
        if objects.dig(deployment, "spec.paused"):
            self.scale(deployment)
            self.clean(deployment)
            return self._status(key, progress=False)
        if self._resized(deployment):
            self.scale(deployment)
            return self._status(key, progress=False)
        if rolling.rolls(deployment):
            self._roll(key, deployment)
        else:
            self._recreate(key, deployment)
        return self._status(key, progress=True)

    def sets(self, deployment: Object) -> list[Object]:
        """Give the Deployment's ReplicaSets, in order of creation."""
        uid = objects.uid(deployment)
        return [s for s in self.reader.by_index(SETS, "owner", uid) if objects.controller_uid(s) == uid]

    def split(self, deployment: Object) -> tuple[Object | None, list[Object]]:
        """Give the ReplicaSet of the present template (the oldest, if there are several) and the others."""
        template = plain(objects.dig(deployment, "spec.template", {}))
        new, old = None, []
        for each in self.sets(deployment):
            if new is None and plain(objects.dig(each, "spec.template", {})) == template:
                new = each
            else:
                old.append(each)
        return new, old

    def _resized(self, deployment: Object) -> bool:
        """Tell whether the Deployment's size is not the one that its sets know."""
        return any(rolling.size(each) and DESIRED in objects.annotations(each)
                   and objects.annotations(each)[DESIRED] != str(rolling.size(deployment)) for each in self.sets(deployment))

    def _roll(self, key: Key, deployment: Object) -> None:
        new = self._new_set(key, deployment)
        deployment = self.reader.get(key) or deployment
        _, old = self.split(deployment)
        if not self.reconcile_new(deployment, new, old) and not self.reconcile_old(deployment, new, old):
            if rolling.complete(deployment, deployment.get("status") or {}):
                self.clean(deployment)

    def reconcile_new(self, deployment: Object, new: Object, old: list[Object]) -> bool:
        """Grow or shrink the new ReplicaSet by one step; tell whether it changed."""
        if rolling.size(new) == rolling.size(deployment):
            return False
        return self._scale(deployment, new, rolling.new_size(deployment, new, [*old, new]))

    def reconcile_old(self, deployment: Object, new: Object | None, old: list[Object]) -> bool:
        """Drop unavailable old pods first, then available ones, never below what must stay available."""
        old = [each for each in old if rolling.size(each)]
        if not old:
            return False
        everyone = [*old, *([new] if new else [])]
        missing = rolling.size(new) - rolling.available(new) if new else 0
        room = sum(map(rolling.size, everyone)) - rolling.min_available(deployment) - missing
        if room <= 0:
            return False
        cuts = rolling.unhealthy_cuts(old, room)
        spare = sum(map(rolling.available, everyone)) - rolling.min_available(deployment)
        shrunk = [objects.put(each, "spec.replicas", cuts.get(objects.name(each), rolling.size(each))) for each in old]
        sizes = {**cuts, **(rolling.available_cuts(shrunk, spare) if spare > 0 else {})}
        return any([self._scale(deployment, each, sizes[objects.name(each)])  # noqa: C419  (all are scaled)
                    for each in old if objects.name(each) in sizes])

    def _recreate(self, key: Key, deployment: Object) -> None:
        """All old pods first, then, when they are gone, all new ones."""
        new, old = self.split(deployment)
        if any([self._scale(deployment, each, 0) for each in old if rolling.size(each)]):  # noqa: C419  (all are scaled)
            return
        if any(not objects.pod_finished(pod) for each in old for pod in owned_pods(self.reader, each)):
            return
        new = self._new_set(key, deployment)
        deployment = self.reader.get(key) or deployment
        if not self._scale(deployment, new, rolling.size(deployment)) and rolling.complete(
                deployment, deployment.get("status") or {}):
            self.clean(deployment)

    # ---- scaling ----------------------------------------------------------------------------------------------
    def scale(self, deployment: Object) -> None:
        """Follow a change of the Deployment's own size. Models: sync.go scale."""
        new, old = self.split(deployment)
        everyone = [*old, *([new] if new else [])]
        active = [each for each in everyone if rolling.size(each)]
        if len(active) < 2:
            latest = active[0] if active else new or (max(old, key=_made) if old else None)
            if latest is not None:
                self._scale(deployment, latest, rolling.size(deployment))
            return
        if new is not None and self._saturated(deployment, new):
            for each in old:
                if rolling.size(each):
                    self._scale(deployment, each, 0)
            return
        if rolling.rolls(deployment):
            sizes = rolling.proportional_sizes(deployment, active)
            for each in active:
                self._scale(deployment, each, sizes[objects.name(each)])

    @staticmethod
    def _saturated(deployment: Object, new: Object) -> bool:
        wanted = rolling.size(deployment)
        return objects.annotations(new).get(DESIRED) == str(wanted) == str(rolling.size(new)) and (
            rolling.available(new) == wanted)

    def _scale(self, deployment: Object, each: Object, size: int) -> bool:
        """Write a ReplicaSet's size and what it must know of the Deployment's; tell whether the size changed."""
        wanted, before = rolling.size(deployment), rolling.size(each)
        marks = {DESIRED: str(wanted), MAXIMUM: str(wanted + rolling.max_surge(deployment))}
        stale = {k: v for k, v in marks.items() if objects.annotations(each).get(k) != v}
        if before == size and not (stale and size):
            return False
        self.client.patch(objects.key(SETS, each), {"metadata": {"annotations": marks}, "spec": {"replicas": size}},
                          because=f"Deployment {objects.name(deployment)} scales from {before} to {size}")
        if before != size:
            self._tell(deployment, objects.name(each), before, size)
        return before != size

    def _tell(self, deployment: Object, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        if self.version >= (1, 31):
            amounts = f"from {before} to {after}"
        else:
            amounts = f"to {after}" + (f" from {before}" if self.version >= (1, 25) else "")
        self.recorder.event(deployment, "Normal", "ScalingReplicaSet", f"Scaled {way} replica set {name} {amounts}")

    # ---- the new ReplicaSet -----------------------------------------------------------------------------------
    def _new_set(self, key: Key, deployment: Object) -> Object:
        """Give the ReplicaSet of the present template: found and brought up to date, or made."""
        new, old = self.split(deployment)
        number = max((revision_of(each) for each in old), default=0) + 1
        if new is None:
            return self._make_set(key, deployment, number)
        marks = self._marks(deployment, new, number)
        changes: Object = {"metadata": {"annotations": marks}} if any(
            objects.annotations(new).get(k) != v for k, v in marks.items()) else {}
        wait = objects.dig(deployment, "spec.minReadySeconds", 0)
        if objects.dig(new, "spec.minReadySeconds", 0) != wait:
            changes["spec"] = {"minReadySeconds": wait}
        if changes:
            new = self.client.patch(objects.key(SETS, new), changes, because="its Deployment has changed")
        self._note_revision(key, new, "FoundNewReplicaSet", f'Found new replica set "{objects.name(new)}"')
        return new

    def _marks(self, deployment: Object, new: Object | None, number: int) -> dict[str, str]:
        """Give the annotations that the new ReplicaSet has: the Deployment's own, its revision, and its former ones."""
        handed = {k: v for k, v in objects.annotations(deployment).items() if k not in KEPT_BACK}
        old = revision_of(new) if new is not None else 0
        marks = {**handed, REVISION: str(max(old, number))}
        if new is not None and 0 < old < number:
            former = [each for each in objects.annotations(new).get(HISTORY, "").split(",") if each]
            marks[HISTORY] = ",".join([*former, str(old)])
        return marks

    def _make_set(self, key: Key, deployment: Object, number: int) -> Object:
        template, wanted = objects.dig(deployment, "spec.template", {}), rolling.size(deployment)
        mark = compute_hash(template, objects.dig(deployment, "status.collisionCount", 0))
        name = f"{objects.name(deployment)}-{mark}"
        labels = {**objects.dig(template, "metadata.labels", {}), HASH: mark}
        selector = objects.dig(deployment, "spec.selector", {})
        body: Object = {
            "metadata": {
                "name": name, "namespace": key.namespace, "labels": labels,
                "annotations": {**self._marks(deployment, None, number), DESIRED: str(wanted),
                                MAXIMUM: str(wanted + rolling.max_surge(deployment))},
                "ownerReferences": [objects.controller_reference(deployment)]},
            "spec": {
                "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: mark}},
                "template": objects.put(template, "metadata.labels", labels),
                **({"minReadySeconds": s} if (s := objects.dig(deployment, "spec.minReadySeconds", 0)) else {})}}
        draft = {**body, "spec": {**body["spec"], "replicas": 0}}
        replicas = rolling.new_size(deployment, draft, [*self.sets(deployment), draft])
        body["spec"]["replicas"] = replicas
        try:
            made = self.client.create(
                SETS, body, because=f"the pod template of Deployment {objects.name(deployment)} has no ReplicaSet yet")
        except StatusError as error:
            self._could_not_make(key, deployment, name, error)
            raise
        if replicas:
            self._tell(deployment, name, 0, replicas)
        self._note_revision(key, made, "NewReplicaSetCreated", f'Created new replica set "{name}"')
        return made

    def _could_not_make(self, key: Key, deployment: Object, name: str, error: StatusError) -> None:
        """Count a hash collision, so that the next try takes another name; note any other failure."""
        status = dict(deployment.get("status") or {})
        if error.reason == "AlreadyExists":
            status["collisionCount"] = status.get("collisionCount", 0) + 1
        else:
            text = f'Failed to create new replica set "{name}": {error.message}'
            status["conditions"] = self._set(
                status.get("conditions") or [], "Progressing", "False", "ReplicaSetCreateError", text)
            self.recorder.event(deployment, "Warning", "ReplicaSetCreateError", text)
        self.client.update(key, {**deployment, "status": status}, subresource="status", canonical=self.version[1])

    def _note_revision(self, key: Key, new: Object, reason: str, message: str) -> None:
        """Write the Deployment's revision annotation, and its first Progressing condition."""
        deployment = self.reader.get(key)
        if deployment is None:
            return
        number = str(revision_of(new))
        conditions = objects.dig(deployment, "status.conditions", [])
        made = reason == "NewReplicaSetCreated"
        if rolling.deadline_of(deployment) is not None and (made or objects.condition(deployment, "Progressing") is None):
            conditions = self._set(conditions, "Progressing", "True", reason, message)
        status = {**(deployment.get("status") or {}), **({"conditions": conditions} if conditions else {})}
        annotations = {**objects.annotations(deployment), REVISION: number}
        if annotations == objects.annotations(deployment) and status == (deployment.get("status") or {}):
            return
        body = objects.put({**deployment, "status": status}, "metadata.annotations", annotations)
        self.client.update(key, body, subresource="status", canonical=self.version[1])

    def clean(self, deployment: Object) -> None:
        """Delete old ReplicaSets beyond the history limit, those without pods only."""
        keep = objects.dig(deployment, "spec.revisionHistoryLimit", 10)
        if keep == NO_LIMIT:
            return
        old = [each for each in self.split(deployment)[1] if not objects.deleting(each)]
        old.sort(key=lambda each: (revision_of(each), _made(each)))
        for each in old[: max(0, len(old) - keep)]:
            stale = each["metadata"].get("generation", 0) > objects.dig(each, "status.observedGeneration", 0)
            if not rolling.size(each) and not objects.dig(each, "status.replicas", 0) and not stale:
                self.client.delete(objects.key(SETS, each), because=f"revisionHistoryLimit {keep}")

    # ---- the status -------------------------------------------------------------------------------------------
    def _set(self, conditions: list[Object], kind: str, status: str, reason: str, message: str) -> list[Object]:
        """Put a condition unless one of that status and reason is there. Models: SetDeploymentCondition."""
        old = next((c for c in conditions if c["type"] == kind), None)
        if old is not None and (old["status"], old.get("reason")) == (status, reason):
            return conditions
        now = self.now()
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        return [*(c for c in conditions if c["type"] != kind), {
            "type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": now,
            "lastTransitionTime": since}]

    def _paused_condition(self, key: Key, deployment: Object) -> Object:
        """Note that a rollout was paused or goes on, so that its deadline does not run meanwhile."""
        if rolling.deadline_of(deployment) is None:
            return deployment
        condition, paused = objects.condition(deployment, "Progressing"), bool(objects.dig(deployment, "spec.paused"))
        reason = condition.get("reason") if condition else None
        if reason == TIMED_OUT or paused == (reason == PAUSED):
            return deployment
        word = "paused" if paused else "resumed"
        conditions = self._set(objects.dig(deployment, "status.conditions", []), "Progressing", "Unknown",
                               f"Deployment{word.capitalize()}", f"Deployment is {word}")
        return self.client.update(key, objects.put(deployment, "status.conditions", conditions), subresource="status",
                                  canonical=self.version[1])

    def _status(self, key: Key, *, progress: bool) -> float | None:
        """Write the status where it differs; gives seconds until the progress deadline."""
        deployment = self.reader.get(key)
        if deployment is None:
            return None
        new, old = self.split(deployment)
        status = self._numbers(deployment, new, [*old, *([new] if new else [])])
        conditions = list(objects.dig(deployment, "status.conditions", []))
        enough = status.get("availableReplicas", 0) >= rolling.size(deployment) - rolling.max_unavailable(deployment)
        conditions = self._set(
            conditions, "Available", str(enough), f"MinimumReplicas{'Available' if enough else 'Unavailable'}",
            f"Deployment {'has' if enough else 'does not have'} minimum availability.")
        if progress:
            conditions = self._progress(deployment, new, status, conditions)
            conditions = self._failures(conditions, new, old)
        status["conditions"] = conditions
        if status != deployment.get("status"):
            self.client.update(key, {**deployment, "status": status}, subresource="status", canonical=self.version[1])
        return self._until_deadline(deployment, status) if progress else None

    @staticmethod
    def _numbers(deployment: Object, new: Object | None, everyone: list[Object]) -> Object:
        def total(word: str) -> int:
            return sum(objects.dig(each, f"status.{word}", 0) for each in everyone)

        status = {
            "observedGeneration": deployment["metadata"].get("generation", 1), "replicas": total("replicas"),
            "updatedReplicas": objects.dig(new or {}, "status.replicas", 0), "readyReplicas": total("readyReplicas"),
            "availableReplicas": total("availableReplicas"),
            "unavailableReplicas": max(0, sum(map(rolling.size, everyone)) - total("availableReplicas")),
            "collisionCount": objects.dig(deployment, "status.collisionCount", 0)}
        status = {name: value for name, value in status.items() if value}
        going = [objects.dig(each, "status.terminatingReplicas") for each in everyone]
        return {**status, "terminatingReplicas": sum(going)} if going and None not in going else status

    def _progress(
        self, deployment: Object, new: Object | None, status: Object, conditions: list[Object]
    ) -> list[Object]:
        """Judge progress. Models: syncRolloutStatus."""
        condition = next((c for c in conditions if c["type"] == "Progressing"), None)
        if rolling.deadline_of(deployment) is None:
            return [c for c in conditions if c is not condition]
        done = condition is not None and condition.get("reason") == NEW_AVAILABLE
        if done and status.get("replicas", 0) == status.get("updatedReplicas", 0):
            return conditions
        who = f'ReplicaSet "{objects.name(new)}"' if new else f'Deployment "{objects.name(deployment)}"'
        if rolling.complete(deployment, status):
            return self._set(conditions, "Progressing", "True", NEW_AVAILABLE, f"{who} has successfully progressed.")
        if rolling.progressing(deployment.get("status") or {}, status):
            kept = [c for c in conditions if c is not condition]
            found = self._set(kept, "Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.")
            if condition is not None and condition["status"] == "True":
                found[-1] = {**found[-1], "lastTransitionTime": condition["lastTransitionTime"]}
            return found
        if rolling.timed_out(deployment, condition, self.engine.unix_us):
            return self._set(conditions, "Progressing", "False", TIMED_OUT, f"{who} has timed out progressing.")
        return conditions

    def _failures(self, conditions: list[Object], new: Object | None, old: list[Object]) -> list[Object]:
        """Hand up a ReplicaSet's failure to make pods, the new one's first."""
        failed = next((found for each in (new, *old) if each is not None
                       and (found := objects.condition(each, "ReplicaFailure")) is not None), None)
        kept = [c for c in conditions if c["type"] != "ReplicaFailure"]
        if failed is None:
            return kept
        return self._set(conditions, "ReplicaFailure", failed["status"], failed["reason"], failed["message"])

    def _until_deadline(self, deployment: Object, status: Object) -> float | None:
        condition = objects.condition({"status": status}, "Progressing")
        seconds = rolling.deadline_of(deployment)
        if seconds is None or condition is None or condition.get("reason") in (NEW_AVAILABLE, TIMED_OUT):
            return None
        if rolling.complete(deployment, status):
            return None
        left_us = times.parse(condition["lastUpdateTime"]) + (seconds + 1) * SECOND_US - self.engine.unix_us
        return max(1.0, left_us / SECOND_US)


def _made(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("creationTimestamp", ""), objects.name(obj)
