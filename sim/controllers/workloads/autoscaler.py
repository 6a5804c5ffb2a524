"""The HorizontalPodAutoscaler controller: keeps a workload's size within its bounds.

Models: pkg/controller/podautoscaler/horizontal.go on a cluster without a metrics API, which labs do not have: sizes
outside the bounds are corrected, everything else is said to be unknown. Left out: scaling by load.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller

SCALERS = "horizontalpodautoscalers"
TARGETS = {"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets",
           "ReplicationController": "replicationcontrollers"}
NO_METRICS = ("unable to get metrics for resource {0}: unable to fetch metrics from resource metrics API: the server "
              "could not find the requested resource (get pods.metrics.k8s.io)")
SYNC_SECONDS = 15.0


class HorizontalController(Controller):
    """Looks at autoscalers when they or their targets change; a real one does so every 15 s."""

    name = "horizontal-pod-autoscaler"
    watches = (SCALERS, "deployments", "replicasets", "statefulsets", "replicationcontrollers")

    def changed(self, change: Change) -> None:
        """Queue the autoscaler, or those of a target whose size changed; all within the sync period."""
        at_us = self.engine.now_us + round(SYNC_SECONDS * 1_000_000)
        if change.key.resource == SCALERS:
            if change.new is not None and (change.old is None or change.old.get("spec") != change.new.get("spec")):
                self.enqueue_at(change.key, at_us)
            return
        if change.new is None or (change.old is not None and objects.dig(change.old, "spec.replicas") == objects.dig(
                change.new, "spec.replicas")):
            return
        for found in self.reader.list(SCALERS, change.key.namespace):
            target = objects.dig(found, "spec.scaleTargetRef", {})
            if TARGETS.get(target.get("kind", "")) == change.key.resource and target.get("name") == change.key.name:
                self.enqueue_at(objects.key(SCALERS, found), at_us)

    def reconcile(self, key: Key) -> float | None:
        """Correct the target's size, and write what is known."""
        scaler = self.reader.get(key)
        if scaler is None or objects.deleting(scaler):
            return None
        reference = objects.dig(scaler, "spec.scaleTargetRef", {})
        resource = TARGETS.get(str(reference.get("kind", "")))
        place = Key(resource or "", key.namespace, str(reference.get("name", "")))
        target = self.reader.get(place) if resource else None
        if target is None:
            text = (f'the HPA controller was unable to get the target\'s current scale: {resource or reference.get("kind")}'
                    f'{".apps" if resource in ("deployments", "replicasets", "statefulsets") else ""} "{place.name}" not found')
            self.recorder.event(scaler, "Warning", "FailedGetScale", text.partition(": ")[2])
            self._write(key, scaler, [("AbleToScale", "False", "FailedGetScale", text)], None, None)
            return SYNC_SECONDS
        size = int(objects.dig(target, "spec.replicas", 0))
        rows = [("AbleToScale", "True", "SucceededGetScale",
                 "the HPA controller was able to get the target's current scale")]
        wanted, why = self._bounded(scaler, size)
        if size == 0:
            rows.append(("ScalingActive", "False", "ScalingDisabled",
                         "scaling is disabled since the replica count of the target is zero"))
        elif wanted != size:
            self.client.patch(place, {"spec": {"replicas": wanted}}, because=why)
            self.recorder.event(scaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
            rows[0] = ("AbleToScale", "True", "SucceededRescale",
                       f"the HPA controller was able to update the target scale to {wanted}")
        else:
            rows.append(self._unknown(scaler))
        self._write(key, scaler, rows, size, wanted if size else 0)
        return None

    @staticmethod
    def _bounded(scaler: Object, size: int) -> tuple[int, str]:
        most, least = objects.dig(scaler, "spec.maxReplicas", 1), objects.dig(scaler, "spec.minReplicas", 1)
        if size > most:
            return most, "Current number of replicas above Spec.MaxReplicas"
        if 0 < size < least:
            return least, "Current number of replicas below Spec.MinReplicas"
        return size, ""

    def _unknown(self, scaler: Object) -> tuple[str, str, str, str]:
        """Say that nobody measures anything here."""
        metric: Object = next(iter(objects.dig(scaler, "spec.metrics", [])), {})
        name = str(objects.dig(metric, "resource.name", "cpu"))
        kind = "utilization" if objects.dig(metric, "resource.target.averageUtilization") is not None else "usage"
        text = f"failed to get {name} {kind}: {NO_METRICS.format(name)}"
        self.recorder.event(scaler, "Warning", "FailedGetResourceMetric", text)
        self.recorder.event(
            scaler, "Warning", "FailedComputeMetricsReplicas",
            f"invalid metrics (1 invalid out of 1), first error is: failed to get {name} resource metric value: {text}")
        return ("ScalingActive", "False", "FailedGetResourceMetric", f"the HPA was unable to compute the replica count: {text}")

    def _write(
        self, key: Key, scaler: Object, rows: list[tuple[str, str, str, str]], size: int | None, wanted: int | None
    ) -> None:
        status = dict(scaler.get("status") or {})
        conditions = status.get("conditions") or []
        for kind, holds, reason, message in rows:
            conditions = objects.with_condition(conditions, {
                "type": kind, "status": holds, "lastTransitionTime": self.now(), "reason": reason, "message": message})
        status["conditions"] = conditions
        if size is not None:
            status.update(currentReplicas=size, desiredReplicas=wanted)
        if status != scaler.get("status"):
            self.client.update(key, {**scaler, "status": status}, subresource="status")
