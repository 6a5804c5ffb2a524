"""The Job controller: pods that run to their end, so many of them, with a back-off between failures.

Models: pkg/controller/job (job_controller.go, backoff_utils.go, pod_failure_policy.go, indexed_job_utils.go). Left out:
elastic resizing while pods go.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.batch.indexed import (
    BACKOFF_MOST_US,
    BACKOFF_US,
    INDEX,
    Tries,
    completed_indexes,
    failed_indexes,
    index_of,
    index_text,
    matched_rule,
    per_index,
    policy_action,
)
from sim.controllers.workloads.pods import deletion_order, owned_pods, pod_from_template
from sim.engine import SECOND_US, Engine

TRACKING = "batch.kubernetes.io/job-tracking"
BATCH_US = SECOND_US
LIMIT_TEXT = "Job has reached the specified backoff limit"
DEADLINE_TEXT = "Job was active longer than specified deadline"
DONE_TEXT = "Reached expected number of succeeded pods"
LOST_TEXT, TOO_MANY_LOST_TEXT = (
    "Job has failed indexes", "Job has exceeded the specified maximal number of failed indexes")
MANAGER = "kubernetes.io/job-controller"
INTERIM = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
"""Conditions that a Job has from its verdict until its last pod is gone, from 1.31 on."""
INTERIM_SINCE = (1, 31)

Verdict = tuple[str, str, str]
"""A final condition's type, reason and message."""


@dataclass(slots=True)
class Failures:
    """A Job's failures since its last success. last_us: microseconds since 1970."""

    count: int = 0
    last_us: int = 0

    def wait_us(self, now_us: int) -> int:
        """Tell how long no new pod may be made."""
        if self.count == 0:
            return 0
        return max(0, self.last_us + min(BACKOFF_US << (self.count - 1), BACKOFF_MOST_US) - now_us)


def finished(job: Object) -> bool:
    """Tell whether the Job is Complete or Failed."""
    return any(objects.condition_status(job, kind) == "True" for kind in ("Complete", "Failed"))


def decided(job: Object) -> Verdict | None:
    """Give the verdict that waits for the Job's last pod to go."""
    for kind, first in INTERIM.items():
        found = objects.condition(job, first)
        if found is not None and found["status"] == "True":
            return kind, found.get("reason", ""), found.get("message", "")
    return None


def only_replaces_failed(job: Object) -> bool:
    """Tell whether a terminating pod is not yet counted as failed."""
    return bool(objects.dig(job, "spec.podReplacementPolicy") == "Failed" or objects.dig(job, "spec.podFailurePolicy"))


def failed(job: Object, pod: Object) -> bool:
    """Tell whether the pod counts as failed."""
    phase = objects.dig(pod, "status.phase")
    return phase == "Failed" or (not only_replaces_failed(job) and objects.deleting(pod) and phase != "Succeeded")


def finish_us(pod: Object, now_us: int) -> int:
    """Give when the pod ended, in microseconds since 1970."""
    ends = [objects.dig(c, "state.terminated.finishedAt") for c in objects.dig(pod, "status.containerStatuses", [])]
    if ends and all(ends):
        return max(times.parse(end) for end in ends)
    if objects.deleting(pod):
        grace = int(pod["metadata"].get("deletionGracePeriodSeconds", 0))
        return times.parse(pod["metadata"]["deletionTimestamp"]) - grace * SECOND_US
    return now_us


class JobController(Controller):
    """Runs Jobs."""

    name = "job-controller"
    watches = ("jobs", "pods")
    pods_of = ("Job",)

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.failures: dict[str, Failures] = {}
        self.tries: dict[str, Tries] = {}

    def changed(self, change: Change) -> None:
        """Queue a Job at once, and after a second (so that pod changes are taken together) for its pods."""
        if change.key.resource == "jobs":
            if change.new is None:
                self.failures.pop(objects.uid(change.object), None)
                self.tries.pop(objects.uid(change.object), None)
                for pod in self.reader.by_index("pods", "owner", objects.uid(change.object)):
                    self.enqueue(objects.key("pods", pod))
            else:
                self.enqueue(change.key)
            return
        owner = objects.controller_of(change.object)
        if owner is None or owner["kind"] != "Job":
            return
        job = self.reader.get(Key("jobs", change.key.namespace, owner["name"]))
        if job is not None and objects.uid(job) == owner["uid"]:
            self.enqueue_at(objects.key("jobs", job), self.engine.now_us + BATCH_US)
        elif change.new is not None and TRACKING in (change.new["metadata"].get("finalizers") or []):
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Count what has ended, make or delete pods, write the status."""
        found = self.reader.get(key)
        if found is None:
            return None
        if key.resource == "pods":
            self._untrack(found)
            return None
        if objects.dig(found, "spec.managedBy", MANAGER) != MANAGER:
            return None
        pods = owned_pods(self.reader, found)
        if finished(found):
            for pod in pods:
                self._untrack(pod)
            return None
        return self._sync(key, found, pods)

    def _untrack(self, pod: Object) -> None:
        finalizers = pod["metadata"].get("finalizers") or []
        if TRACKING in finalizers:
            left = [each for each in finalizers if each != TRACKING]
            self.client.patch(objects.key("pods", pod), {"metadata": {"finalizers": left or None}},
                              because="the Job has counted it")

    # ---- one sync ---------------------------------------------------------------------------------------------
    def _sync(self, key: Key, job: Object, pods: list[Object]) -> float | None:
        now_us, status = self.engine.unix_us, dict(job.get("status") or {})
        suspended = bool(objects.dig(job, "spec.suspend"))
        if "startTime" not in status and not suspended:
            status["startTime"] = self.now()
        record = self.failures.setdefault(objects.uid(job), Failures())
        counted = self._count(job, pods, status, record)
        verdict = decided(job) or counted
        alive = [p for p in pods if not objects.pod_finished(p) and not objects.deleting(p)]
        conditions = list(status.get("conditions") or [])
        if verdict is None:
            verdict = self._policies(job, status) or self._exceeded(job, status, alive, pods)
        again: float | None = None
        if verdict is not None:
            alive = self._remove(job, alive, alive)
        elif not objects.deleting(job):
            alive, again = self._manage(job, status, alive, pods, record, suspended)
            verdict, conditions = self._conclude(job, status, alive, conditions, suspended)
        left = any(not objects.pod_finished(pod) for pod in pods)
        status["conditions"] = self._finish(job, status, conditions, verdict, left=left) if verdict else conditions
        self._numbers(status, alive, pods)
        if status != job.get("status"):
            self.client.update(key, {**job, "status": status}, subresource="status")
        if verdict is None and (limit := objects.dig(job, "spec.activeDeadlineSeconds")) and "startTime" in status:
            left = (times.parse(status["startTime"]) + limit * SECOND_US - now_us) / SECOND_US
            again = left if again is None else min(again, left)
        return again

    def _count(self, job: Object, pods: list[Object], status: Object, record: Failures) -> Verdict | None:
        """Count pods that ended since, and let go of them. Gives a verdict where the failure policy says so."""
        verdict, done, lost = None, completed_indexes(job), failed_indexes(job)
        limit, tries = per_index(job), self.tries.setdefault(objects.uid(job), Tries())
        ended = [p for p in pods if TRACKING in (p["metadata"].get("finalizers") or [])
                 and (objects.dig(p, "status.phase") == "Succeeded" or failed(job, p))]
        ended.sort(key=lambda pod: finish_us(pod, self.engine.unix_us))
        for pod in ended:
            if objects.dig(pod, "status.phase") == "Succeeded":
                status["succeeded"] = status.get("succeeded", 0) + 1
                index = index_of(pod)
                if index is not None:
                    done.add(index)
                record.count = 0
            else:
                action, text = policy_action(job, pod)
                if action == "FailJob" and verdict is None:
                    verdict = ("Failed", "PodFailurePolicy", text)
                if action != "Ignore":
                    status["failed"] = status.get("failed", 0) + 1
                record.count += 1
                record.last_us = finish_us(pod, self.engine.unix_us)
                if limit is not None and tries.note(pod, action, record.last_us, limit):
                    lost.add(index_of(pod) or 0)
            self._untrack(pod)
        if objects.dig(job, "spec.completionMode") == "Indexed":
            status["succeeded"] = len(done)
            if done:
                status["completedIndexes"] = index_text(done)
            if limit is not None:
                status["failedIndexes"] = index_text(lost - done)
        return verdict

    @staticmethod
    def _policies(job: Object, status: Object) -> Verdict | None:
        """Ask the rules for indexes: enough have succeeded, too many are lost, or none is left."""
        counted = {"status": status, "spec": job["spec"]}
        done, lost = completed_indexes(counted), failed_indexes(counted)
        matched = matched_rule(job, done)
        if matched is not None:
            return "Complete", "SuccessPolicy", matched
        if per_index(job) is None or not lost:
            return None
        most = objects.dig(job, "spec.maxFailedIndexes")
        if most is not None and len(lost) > most:
            return "Failed", "MaxFailedIndexesExceeded", TOO_MANY_LOST_TEXT
        return ("Failed", "FailedIndexes", LOST_TEXT) if len(done | lost) >= objects.dig(job, "spec.completions", 0) else None

    def _exceeded(
        self, job: Object, status: Object, alive: list[Object], pods: list[Object]
    ) -> Verdict | None:
        limit = objects.dig(job, "spec.backoffLimit", 6)
        new_failures = status.get("failed", 0) > objects.dig(job, "status.failed", 0)
        if new_failures and status.get("failed", 0) > limit:
            return "Failed", "BackoffLimitExceeded", LIMIT_TEXT
        if objects.dig(job, "spec.template.spec.restartPolicy") == "OnFailure":
            restarts = sum(c.get("restartCount", 0) for p in pods if not objects.pod_finished(p)
                           for group in ("containerStatuses", "initContainerStatuses")
                           for c in objects.dig(p, f"status.{group}", []))
            if restarts > 0 if limit == 0 else restarts >= limit:
                return "Failed", "BackoffLimitExceeded", LIMIT_TEXT
        deadline = objects.dig(job, "spec.activeDeadlineSeconds")
        if deadline is not None and "startTime" in status and not objects.dig(job, "spec.suspend"):
            if self.engine.unix_us - times.parse(status["startTime"]) >= deadline * SECOND_US:
                return "Failed", "DeadlineExceeded", DEADLINE_TEXT
        return None

    def _manage(
        self, job: Object, status: Object, alive: list[Object], pods: list[Object], record: Failures, suspended: bool
    ) -> tuple[list[Object], float | None]:
        """Delete surplus pods or make missing ones. Gives the active pods, and seconds until a back-off ends."""
        if suspended:
            return self._remove(job, alive, alive), None
        parallel, wanted = objects.dig(job, "spec.parallelism", 1), objects.dig(job, "spec.completions")
        if wanted is None:
            want = len(alive) if status.get("succeeded") else parallel
        else:
            lost = len(failed_indexes({"status": status}))
            want = max(0, min(wanted - status.get("succeeded", 0) - lost, parallel))
        if len(alive) > want:
            surplus = deletion_order(alive, alive, self.engine.unix_us)[: len(alive) - want]
            return self._remove(job, alive, surplus), None
        going = sum(1 for p in pods if objects.deleting(p) and not objects.pod_finished(p))
        missing = want - len(alive) - (going if only_replaces_failed(job) else 0)
        if missing <= 0:
            return alive, None
        wait_us = 0 if per_index(job) is not None else record.wait_us(self.engine.unix_us)
        if wait_us:
            return alive, wait_us / SECOND_US
        holding = alive if not only_replaces_failed(job) else [p for p in pods if not objects.pod_finished(p)]
        indexes, later = self._indexes(job, status, missing, holding)
        made = self._make(job, indexes)
        return [*alive, *made], later

    def _indexes(
        self, job: Object, status: Object, missing: int, alive: list[Object]
    ) -> tuple[list[int | None], float | None]:
        """Give the indexes of the pods to make (None each where there are none), and seconds until another may be tried."""
        if objects.dig(job, "spec.completionMode") != "Indexed":
            return [None] * missing, None
        counted = {"status": status}
        taken = completed_indexes(counted) | failed_indexes(counted) | {index_of(pod) for pod in alive}
        free = [n for n in range(objects.dig(job, "spec.completions", 0)) if n not in taken]
        waits: dict[int, int] = {}
        if per_index(job) is not None:
            tries = self.tries.setdefault(objects.uid(job), Tries()).indexes
            waits = {n: left for n in free if n in tries and (left := tries[n].ready_us() - self.engine.unix_us) > 0}
        later = min(waits.values()) / SECOND_US if waits else None
        return list[int | None](n for n in free if n not in waits)[:missing], later

    def _make(self, job: Object, indexes: list[int | None]) -> list[Object]:
        made = []
        for index in indexes:
            pod = pod_from_template(job, objects.dig(job, "spec.template", {}))
            pod["metadata"]["finalizers"] = [TRACKING]
            if index is not None:
                _give_index(pod, job, index)
                if per_index(job) is not None:
                    tries = self.tries.setdefault(objects.uid(job), Tries())
                    pod["metadata"]["annotations"] = {**pod["metadata"]["annotations"], **tries.marks(index)}
            try:
                made.append(self.client.create("pods", pod, because=f"Job {objects.name(job)} wants one more pod"))
            except StatusError as error:
                self.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
            self.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made[-1])}")
        return made

    def _remove(self, job: Object, alive: list[Object], surplus: list[Object]) -> list[Object]:
        for pod in surplus:
            self.client.delete(objects.key("pods", pod), because=f"Job {objects.name(job)} no longer wants it")
            self.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")
        return [pod for pod in alive if pod not in surplus]

    # ---- the status -------------------------------------------------------------------------------------------
    def _conclude(
        self, job: Object, status: Object, alive: list[Object], conditions: list[Object], suspended: bool
    ) -> tuple[Verdict | None, list[Object]]:
        """Tell whether the Job is complete, and note that it is suspended or resumed."""
        wanted, done = objects.dig(job, "spec.completions"), status.get("succeeded", 0)
        complete = (done > 0 and not alive) if wanted is None else (done >= wanted and not alive)
        if complete and not suspended:
            return ("Complete", "CompletionsReached", DONE_TEXT), conditions
        before = objects.condition_status(job, "Suspended") == "True"
        if suspended != before and (suspended or objects.condition(job, "Suspended")):
            word = "suspended" if suspended else "resumed"
            conditions = objects.with_condition(conditions, self._condition(
                "Suspended", f"Job{word.capitalize()}", f"Job {word}", holds=suspended))
            self.recorder.event(job, "Normal", word.capitalize(), f"Job {word}")
            if suspended:
                status.pop("startTime", None)
            else:
                status["startTime"] = self.now()
        return None, conditions

    def _finish(
        self, job: Object, status: Object, conditions: list[Object], verdict: Verdict, *, left: bool
    ) -> list[Object]:
        """Write the verdict: at first what it will be, and the end itself once no pod is left."""
        kind, reason, message = verdict
        if self.version >= INTERIM_SINCE:
            conditions = objects.with_condition(conditions, self._condition(INTERIM[kind], reason, message))
            if left:
                return conditions
        elif kind == "Complete":
            reason = message = ""
        conditions = objects.with_condition(conditions, self._condition(kind, reason, message))
        if kind == "Complete":
            status["completionTime"] = self.now()
            self.recorder.event(job, "Normal", "Completed", "Job completed")
        else:
            self.recorder.event(job, "Warning", reason, message)
        return conditions

    def _condition(self, kind: str, reason: str, message: str, *, holds: bool = True) -> Object:
        now = self.now()
        made = {"type": kind, "status": str(holds), "lastProbeTime": now, "lastTransitionTime": now}
        return {**made, **({"reason": reason, "message": message} if reason else {})}

    @staticmethod
    def _numbers(status: Object, alive: list[Object], pods: list[Object]) -> None:
        going = sum(1 for p in pods if objects.deleting(p) and not objects.pod_finished(p))
        ready = sum(1 for pod in alive if objects.pod_ready(pod))
        for name, value in (("active", len(alive)), ("ready", ready), ("terminating", going)):
            status[name] = value
        if not status["active"]:
            del status["active"]
        if not status["conditions"]:
            del status["conditions"]
        status["uncountedTerminatedPods"] = {}


def _give_index(pod: Object, job: Object, index: int) -> None:
    """Mark a fresh pod as the one of a completion index."""
    metadata, name = pod["metadata"], f"{objects.name(job)}-{index}"
    metadata["generateName"] = f"{name}-"
    for group in ("annotations", "labels"):
        metadata[group] = {**(metadata.get(group) or {}), INDEX: str(index)}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": {
        "fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}}
    spec = pod["spec"]
    pod["spec"] = {**spec, "hostname": name, "containers": [
        {**each, "env": [*(each.get("env") or []), variable]} for each in spec.get("containers") or []]}
