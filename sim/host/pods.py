"""One pod on its node: pulled, started, running, stopped, gone. Only timers for things that happen.

Models: pkg/kubelet/pod_workers.go and status_manager.go. Container start is one step for all containers of a pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import objects, times
from sim.api.client import Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Timer, microseconds
from sim.host.images import Image, behaviour

if TYPE_CHECKING:
    from sim.host.kubelet import Kubelet

REMOVE_US = 100_000
RETRY_US = 500_000


class PodRunner:
    """The kubelet's worker for a pod."""

    def __init__(self, kubelet: Kubelet, pod: Object) -> None:
        self.kubelet = kubelet
        self.engine = kubelet.engine
        self.pod = pod
        self.key = objects.key("pods", pod)
        self.uid = objects.uid(pod)
        self.phase = "new"
        self.log: list[str] = []
        self._timer: Timer | None = None
        self._stop_at_us: int | None = None
        if objects.dig(pod, "status.phase") == "Running":
            self.phase = "running"
        elif objects.pod_finished(pod):
            self.phase = "ended"

    def images(self) -> list[Image]:
        """Give the behaviours of the pod's containers."""
        own = self.kubelet.images
        return [behaviour(str(c.get("image", "")), self.pod, own) for c in objects.dig(self.pod, "spec.containers", [])]

    def _draw(self, seconds: float, image: Image) -> int:
        """Give a duration around its typical value; a scenario's own image takes exactly what it says."""
        typical = microseconds(seconds)
        if not image.spread:
            return typical
        stream = self.engine.stream(f"kubelet.{self.kubelet.name}")
        return stream.latency_us(typical * 7 // 10, typical, typical * 15 // 10)

    def _later(self, delay_us: int, call: object) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self.engine.after(delay_us, call)  # type: ignore[arg-type]

    def kill(self) -> None:
        """End everything at once; nobody is told."""
        if self._timer:
            self._timer.cancel()
        self.phase = "ended"

    def update(self, pod: Object) -> None:
        """Act on a newer pod object."""
        self.pod = pod
        if objects.deleting(pod):
            self._stop()
        elif self.phase == "new":
            self._start()
        elif self.phase == "running" and _called_unready(pod):
            self._act(self._report_ready)

    # ---- starting ---------------------------------------------------------------------------------------------
    def _start(self) -> None:
        self.phase = "starting"
        delay_us, images = 0, self.images()
        for container, image in zip(objects.dig(self.pod, "spec.containers", []), images, strict=True):
            name = str(container.get("image", ""))
            if name not in self.kubelet.pulled:
                self.kubelet.pulled[name] = None
                delay_us += self._draw(image.pull_seconds, image)
        delay_us += max((self._draw(image.start_seconds, image) for image in images), default=0)
        self._later(delay_us, self._started)

    def _started(self) -> None:
        if not self._act(self._report_running):
            return
        self.phase = "running"
        delay_seconds = self._probe_seconds()
        if delay_seconds is not None:
            self._later(microseconds(delay_seconds), self._probed)
            return
        ends = [image.run_seconds for image in self.images() if image.run_seconds is not None]
        if ends:
            self._later(microseconds(max(ends)), self._completed)

    def _report_running(self) -> None:
        now, images = times.stamp(self.engine.unix_us), self.images()
        probed = self._probe_seconds() is not None
        ready = all(image.ready for image in images) and not probed
        statuses = [
            {"name": c["name"], "image": c.get("image", ""), "imageID": "", "ready": image.ready and not probed, "restartCount": 0,
             "started": True, "state": {"running": {"startedAt": now}}, "lastState": {},
             "containerID": f"containerd://{self.engine.stream('containers').text('0123456789abcdef', 64)}"}
            for c, image in zip(objects.dig(self.pod, "spec.containers", []), images, strict=True)]
        conditions = [c for c in objects.dig(self.pod, "status.conditions", []) if c["type"] in (
            "PodScheduled", "DisruptionTarget")]
        for kind, holds in (("PodReadyToStartContainers", True), ("Initialized", True), ("Ready", ready),
                            ("ContainersReady", ready)):
            conditions.append({"type": kind, "status": str(holds), "lastProbeTime": None, "lastTransitionTime": now})
        address = self.kubelet.pod_address(self.pod)
        self._write({
            **(self.pod.get("status") or {}), "phase": "Running", "startTime": now, "hostIP": self.kubelet.host.address,
            "podIP": address, "podIPs": [{"ip": address}], "containerStatuses": statuses, "conditions": conditions,
        }, "its containers have started")

    def _probe_seconds(self) -> float | None:
        """Give when the first readiness probe succeeds, in seconds after the start; None without a probe."""
        probes = [c["readinessProbe"] for c in objects.dig(self.pod, "spec.containers", []) if c.get("readinessProbe")]
        return max((float(p.get("initialDelaySeconds", 0)) for p in probes), default=None)

    def _probed(self) -> None:
        if all(image.ready for image in self.images()):
            self._act(self._report_ready)

    def _report_ready(self) -> None:
        now, status = times.stamp(self.engine.unix_us), self.pod.get("status") or {}
        statuses = [{**c, "ready": True} for c in status.get("containerStatuses") or []]
        conditions = [
            {**c, "status": "True", "lastTransitionTime": now} if c["type"] in ("Ready", "ContainersReady") else c
            for c in status.get("conditions") or []]
        self._write({**status, "containerStatuses": statuses, "conditions": conditions}, "its containers are ready")

    def _completed(self) -> None:
        if not self._act(lambda: self._report_ended("Succeeded", 0, "Completed")):
            return
        self.phase = "ended"

    def _report_ended(self, phase: str, code: int, reason: str) -> None:
        now = times.stamp(self.engine.unix_us)
        status = self.pod.get("status") or {}
        ended = [
            {**c, "ready": False, "started": False, "state": {"terminated": {
                "exitCode": code, "reason": reason, "finishedAt": now,
                "startedAt": objects.dig(c, "state.running.startedAt", now)}}}
            for c in status.get("containerStatuses") or []]
        conditions = [
            {**c, "status": "False", "reason": "PodCompleted", "lastTransitionTime": now}
            if c["type"] in ("Ready", "ContainersReady") else c for c in status.get("conditions") or []]
        self._write({**status, "phase": phase, "containerStatuses": ended, "conditions": conditions},
                    "its containers have ended")

    # ---- stopping ---------------------------------------------------------------------------------------------
    def _stop(self) -> None:
        grace = self.pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if self.phase in ("new", "starting", "ended"):
            takes_us = 0
        else:
            takes_us = max((
                microseconds(grace) if image.stop_seconds is None
                else min(self._draw(image.stop_seconds, image), microseconds(grace)) for image in self.images()), default=0)
        at_us = self.engine.now_us + takes_us
        if self.phase == "stopping" and self._stop_at_us is not None and self._stop_at_us <= at_us:
            return
        self.phase, self._stop_at_us = "stopping", at_us
        self._later(takes_us, self._stopped)

    def _stopped(self) -> None:
        if not self._act(self._remove):
            return
        self.phase = "ended"

    def _remove(self) -> None:
        finalizers = self.pod["metadata"].get("finalizers")
        if finalizers and not objects.pod_finished(self.pod):
            self._report_ended("Succeeded", 0, "Completed")
            return
        if finalizers:
            return
        assert self.kubelet.client is not None
        self.kubelet.client.delete(self.key, grace_seconds=0, uid=self.uid, because="its containers have stopped")
        self.kubelet.pods.pop(self.key, None)

    # ---- speaking ---------------------------------------------------------------------------------------------
    def _act(self, act: object) -> bool:
        """Do it if the kubelet may speak now; otherwise it is taken up when the kubelet is back."""
        if not self.kubelet.online:
            if self.kubelet.running and not self.kubelet.silent:
                self._later(SECOND_US, lambda: self._again(act))
            else:
                self.phase = "new" if self.phase == "starting" else "running"
            return False
        found = self.kubelet.client.reader.get(self.key) if self.kubelet.client else None
        if found is None or objects.uid(found) != self.uid:
            return False
        self.pod = found
        try:
            act()  # type: ignore[operator]
        except (StatusError, TransportError):
            self._later(RETRY_US, lambda: self._again(act))
            return False
        return True

    def _again(self, act: object) -> None:
        if self.phase == "starting":
            self._started()
        elif self.phase == "stopping":
            self._stopped()

    def _write(self, status: Object, because: str) -> None:
        assert self.kubelet.client is not None
        self.kubelet.client.update(self.key, {**self.pod, "status": status}, subresource="status", because=because)


def _called_unready(pod: Object) -> bool:
    """Tell whether somebody else (the node lifecycle controller) set a pod not ready whose containers are."""
    return objects.condition_status(pod, "ContainersReady") == "True" and objects.condition_status(pod, "Ready") == "False"
