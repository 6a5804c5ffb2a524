"""Finished Jobs go when their time to live is over. Models: pkg/controller/ttlafterfinished."""

from __future__ import annotations

from sim.api import objects, times
from sim.api.client import Change, Key
from sim.controllers.base import Controller
from sim.controllers.batch.job import finished
from sim.engine import SECOND_US


class TTLAfterFinishedController(Controller):
    """Deletes Jobs that ended ttlSecondsAfterFinished ago."""

    name = "ttl-after-finished-controller"
    watches = ("jobs",)

    def changed(self, change: Change) -> None:
        """Queue a finished Job that has a time to live."""
        job = change.new
        if job is not None and objects.dig(job, "spec.ttlSecondsAfterFinished") is not None and finished(job):
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Delete it, or look again when its time is over."""
        job = self.reader.get(key)
        if job is None or objects.deleting(job) or not finished(job):
            return None
        seconds = objects.dig(job, "spec.ttlSecondsAfterFinished")
        ended = next(c["lastTransitionTime"] for c in objects.dig(job, "status.conditions", [])
                     if c["type"] in ("Complete", "Failed") and c["status"] == "True")
        left = (times.parse(ended) + (seconds or 0) * SECOND_US - self.engine.unix_us) / SECOND_US
        if left > 0:
            return left
        self.client.delete(key, propagation="Foreground", uid=objects.uid(job),
                           because=f"ttlSecondsAfterFinished {seconds} is over")
        return None
