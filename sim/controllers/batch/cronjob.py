"""The CronJob controller: a Job at each moment of a schedule.

Models: pkg/controller/cronjob/cronjob_controllerv2.go. Left out: time zones other than UTC (an event says so).
"""

from __future__ import annotations

from sim.api import cron as schedule
from sim.api import objects, times
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.batch.job import finished
from sim.engine import SECOND_US

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
DELTA_US = 100_000
"""A schedule is looked at a tenth of a second after its moment."""
TOO_MANY = 100


class CronJobController(Controller):
    """Starts Jobs on time, and forgets old ones."""

    name = "cronjob-controller"
    watches = ("cronjobs", "jobs")

    def changed(self, change: Change) -> None:
        """Queue the CronJob itself, or the one that controls the Job."""
        if change.key.resource == "cronjobs":
            self.enqueue(change.key)
            return
        owner = objects.controller_of(change.object)
        if owner and owner["kind"] == "CronJob":
            self.enqueue(Key("cronjobs", change.key.namespace, owner["name"]))

    def reconcile(self, key: Key) -> float | None:
        """Take note of Jobs that ended, start one if it is due, and plan the next."""
        cron = self.reader.get(key)
        if cron is None or objects.deleting(cron):
            return None
        jobs = [job for job in self.reader.by_index("jobs", "owner", objects.uid(cron))
                if objects.controller_uid(job) == objects.uid(cron)]
        status = dict(cron.get("status") or {})
        self._active(cron, status, jobs)
        self._forget(cron, jobs)
        again = None if objects.dig(cron, "spec.suspend") else self._run(cron, status)
        if status != (cron.get("status") or {}):
            self.client.update(key, {**cron, "status": status}, subresource="status", canonical=self.version[1])
        return again

    def _active(self, cron: Object, status: Object, jobs: list[Object]) -> None:
        """Drop Jobs that ended or are gone from the list of active ones."""
        there = {objects.uid(job): job for job in jobs}
        kept = []
        for reference in status.get("active") or []:
            job = there.get(reference["uid"])
            if job is None:
                self.recorder.event(cron, "Normal", "MissingJob",
                                    f"Active job went missing: {reference['name']}")
            elif finished(job):
                kind = "Complete" if objects.condition_status(job, "Complete") == "True" else "Failed"
                text = f"condition: {kind}" if self.version >= (1, 26) else f"status: {kind}"
                self.recorder.event(cron, "Normal", "SawCompletedJob", f"Saw completed job: {objects.name(job)}, {text}")
                if kind == "Complete" and job["status"].get("completionTime", "") > status.get("lastSuccessfulTime", ""):
                    status["lastSuccessfulTime"] = job["status"]["completionTime"]
            else:
                kept.append(reference)
        status["active"] = kept
        if not kept:
            del status["active"]

    def _forget(self, cron: Object, jobs: list[Object]) -> None:
        """Delete finished Jobs beyond the history limits, oldest first."""
        for kind, limit in (("Complete", objects.dig(cron, "spec.successfulJobsHistoryLimit", 3)),
                            ("Failed", objects.dig(cron, "spec.failedJobsHistoryLimit", 1))):
            ended = sorted((j for j in jobs if objects.condition_status(j, kind) == "True"),
                           key=lambda job: (objects.dig(job, "status.startTime", ""), objects.name(job)))
            for job in ended[: max(0, len(ended) - limit)]:
                self._delete(cron, job, "the history limit is reached")

    def _delete(self, cron: Object, job: Object, because: str) -> None:
        self.client.delete(objects.key("jobs", job), propagation="Background", because=because)
        self.recorder.event(cron, "Normal", "SuccessfulDelete", f"Deleted job {objects.name(job)}")

    def _run(self, cron: Object, status: Object) -> float | None:
        """Start a Job if one is due; gives seconds until the next moment."""
        zone = objects.dig(cron, "spec.timeZone")
        if zone not in (None, "UTC", "Etc/UTC"):
            self.recorder.event(cron, "Warning", "UnknownTimeZone", f"not simulated: time zone {zone}")
            return None
        try:
            plan = schedule.parse(str(objects.dig(cron, "spec.schedule", "")))
        except ValueError as error:
            self.recorder.event(cron, "Warning", "UnparseableSchedule",
                                f'unparseable schedule: {objects.dig(cron, "spec.schedule")} : {error}')
            return None
        now_us = self.engine.unix_us
        due_us, missed = self._missed(cron, status, plan, now_us)
        if missed > TOO_MANY:
            self.recorder.event(cron, "Warning", "TooManyMissedTimes",
                                f"too many missed start times: {missed}. Set or decrease "
                                ".spec.startingDeadlineSeconds or check clock skew")
        if due_us is not None:
            self._start(cron, status, due_us, now_us)
        next_us = plan.next_us(now_us)
        return None if next_us is None else (next_us + DELTA_US - now_us) / SECOND_US

    def _missed(self, cron: Object, status: Object, plan: schedule.Schedule, now_us: int) -> tuple[int | None, int]:
        """Give the latest moment that has passed unserved, and how many there were."""
        since_us = times.parse(status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        deadline = objects.dig(cron, "spec.startingDeadlineSeconds")
        if deadline is not None:
            since_us = max(since_us, now_us - deadline * SECOND_US)
        found, count = None, 0
        at_us = plan.next_us(since_us)
        while at_us is not None and at_us <= now_us and count < 10_000:
            found, count = at_us, count + 1
            at_us = plan.next_us(at_us)
        return found, count

    def _start(self, cron: Object, status: Object, due_us: int, now_us: int) -> None:
        deadline = objects.dig(cron, "spec.startingDeadlineSeconds")
        stamp = times.stamp(due_us)
        if deadline is not None and due_us + deadline * SECOND_US < now_us:
            self.recorder.event(cron, "Warning", "MissSchedule", f"Missed scheduled time to start a job: {stamp}")
            return
        policy, active = objects.dig(cron, "spec.concurrencyPolicy", "Allow"), status.get("active") or []
        if policy == "Forbid" and active:
            self.recorder.event(cron, "Normal", "JobAlreadyActive",
                                "Not starting job because prior execution is running and concurrency policy is Forbid")
            return
        if policy == "Replace":
            for reference in active:
                job = self.reader.get(Key("jobs", objects.namespace(cron), reference["name"]))
                if job is not None:
                    self._delete(cron, job, "concurrencyPolicy is Replace")
            active = []
        template = objects.dig(cron, "spec.jobTemplate", {})
        name = f"{objects.name(cron)}-{due_us // (60 * SECOND_US)}"
        metadata = template.get("metadata") or {}
        marks = {**(metadata.get("annotations") or {}), **({SCHEDULED: stamp} if self.version >= (1, 28) else {})}
        try:
            job = self.client.create("jobs", {
                "metadata": {"name": name, "namespace": objects.namespace(cron), "labels": metadata.get("labels") or {},
                             "annotations": marks, "ownerReferences": [objects.controller_reference(cron)]},
                "spec": template.get("spec") or {}}, because=f"its schedule {objects.dig(cron, 'spec.schedule')} is due")
        except StatusError as error:
            if error.reason != "AlreadyExists":
                self.recorder.event(cron, "Warning", "FailedCreate", f"Error creating job: {error.message}")
                raise
            return
        self.recorder.event(cron, "Normal", "SuccessfulCreate", f"Created job {name}")
        status["active"] = [*active, {
            "kind": "Job", "namespace": objects.namespace(job), "name": name, "uid": objects.uid(job),
            "apiVersion": "batch/v1", "resourceVersion": job["metadata"]["resourceVersion"]}]
        status["lastScheduleTime"] = stamp
