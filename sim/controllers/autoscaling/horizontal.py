"""The HorizontalPodAutoscaler controller: reads what the pods use and sets how many there are.

A real one looks every 15 s. Here it looks as long as something may still change (a size, young pods, what it recommended
in the last minutes), then rests until a pod, the target or the autoscaler changes.

Models: pkg/controller/podautoscaler/horizontal.go. Left out: custom and external metrics (nobody serves them here).
"""

from __future__ import annotations

from sim.api import objects, quantity, times
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError
from sim.controllers.autoscaling import replicas
from sim.controllers.autoscaling.behavior import Memory, normalize
from sim.controllers.autoscaling.replicas import Asked, NoMetric
from sim.controllers.base import Controller
from sim.controllers.workloads.pods import owned_pods
from sim.engine import SECOND_US, Engine

SCALERS, MEASURED = "horizontalpodautoscalers", "pods.metrics.k8s.io"
TARGETS = {"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets",
           "ReplicationController": "replicationcontrollers"}
SYNC_SECONDS = 15.0
NAMES_PODS_SINCE = (1, 27)
OTHERS = {"Pods": ("FailedGetPodsMetric", "custom", "pods"), "Object": ("FailedGetObjectMetric", "custom", "object"),
          "External": ("FailedGetExternalMetric", "external", "external")}

Row = tuple[str, str, str, str]


class Failed(Exception):
    """A metric cannot be read: the condition's reason, the event's text, and the text for the whole."""

    def __init__(self, reason: str, text: str, whole: str) -> None:
        super().__init__(text)
        self.reason, self.text, self.whole = reason, text, whole


class HorizontalController(Controller):
    """Keeps the sizes of workloads within their bounds and, where somebody measures, near their targets."""

    name = "horizontal-pod-autoscaler"
    watches = (SCALERS, "deployments", "replicasets", "statefulsets", "replicationcontrollers", "pods", "apiservices")

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.memories: dict[Key, Memory] = {}

    def stop(self) -> None:
        """Stop at once: what was recommended is forgotten."""
        super().stop()
        self.memories.clear()

    def changed(self, change: Change) -> None:
        """Queue the autoscaler, or all that what changed may concern; each within the sync period."""
        at_us = self.engine.now_us + round(SYNC_SECONDS * SECOND_US)
        if change.key.resource == SCALERS:
            if change.new is None:
                self.memories.pop(change.key, None)
            elif change.old is None or change.old.get("spec") != change.new.get("spec"):
                self.enqueue_at(change.key, at_us)
            return
        if not self.reader.count(SCALERS):
            return
        if change.key.resource == "apiservices" or (change.key.resource == "pods" and _matters(change)):
            # Another pod may be a caller, or metrics-server itself.
            for found in self.reader.list(SCALERS):
                self.enqueue_at(objects.key(SCALERS, found), at_us)
        elif change.key.resource != "pods" and change.new is not None and (
                change.old is None or objects.dig(change.old, "spec.replicas") != objects.dig(change.new, "spec.replicas")):
            for found in self.reader.list(SCALERS, change.key.namespace):
                target = objects.dig(found, "spec.scaleTargetRef", {})
                if TARGETS.get(target.get("kind", "")) == change.key.resource and target.get("name") == change.key.name:
                    self.enqueue_at(objects.key(SCALERS, found), at_us)

    def reconcile(self, key: Key) -> float | None:
        """Set the target's size, and write what is known."""
        scaler = self.reader.get(key)
        if scaler is None or objects.deleting(scaler):
            return None
        place, target = self._target(key, scaler)
        if target is None:
            text = ('the HPA controller was unable to get the target\'s current scale: '
                    f'{_plural(place.resource)} "{place.name}" not found')
            self.recorder.event(scaler, "Warning", "FailedGetScale", text.partition(": ")[2])
            self._write(key, scaler, [("AbleToScale", "False", "FailedGetScale", text)], None, None, None)
            return SYNC_SECONDS
        size, memory = int(objects.dig(target, "spec.replicas", 0)), self.memories.setdefault(key, Memory())
        if not memory.recommendations:
            memory.recommendations.append((self.engine.now_us, size))
        rows: list[Row] = [("AbleToScale", "True", "SucceededGetScale",
                            "the HPA controller was able to get the target's current scale")]
        wanted, why = self._bounded(scaler, size)
        metrics: list[Object] | None = None
        if size == 0:
            rows.append(("ScalingActive", "False", "ScalingDisabled",
                         "scaling is disabled since the replica count of the target is zero"))
        elif wanted == size:
            try:
                wanted, why, metrics = self._by_metrics(scaler, target, size, memory, rows)
            except Failed as failed:
                self.recorder.event(scaler, "Warning", "FailedComputeMetricsReplicas", failed.whole)
                self._write(key, scaler, rows, size, objects.dig(scaler, "status.desiredReplicas", 0), None)
                return None if "could not find the requested resource" in failed.text else SYNC_SECONDS
        if wanted != size:
            self.client.patch(place, {"spec": {"replicas": wanted}}, because=why)
            self.recorder.event(scaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
            rows.append(("AbleToScale", "True", "SucceededRescale",
                         f"the HPA controller was able to update the target scale to {wanted}"))
            memory.scaled(self.engine.now_us, wanted - size)
        before = scaler.get("status")
        self._write(key, scaler, rows, size, wanted if size else 0, metrics, rescaled=wanted != size)
        return SYNC_SECONDS if self._restless(key, memory, target, before, wanted, size) else None

    def _target(self, key: Key, scaler: Object) -> tuple[Key, Object | None]:
        reference = objects.dig(scaler, "spec.scaleTargetRef", {})
        kind = str(reference.get("kind", ""))
        place = Key(TARGETS.get(kind, kind), key.namespace, str(reference.get("name", "")))
        return place, self.reader.get(place) if kind in TARGETS else None

    @staticmethod
    def _bounded(scaler: Object, size: int) -> tuple[int, str]:
        most, least = objects.dig(scaler, "spec.maxReplicas", 1), objects.dig(scaler, "spec.minReplicas", 1)
        if size > most:
            return most, "Current number of replicas above Spec.MaxReplicas"
        if 0 < size < least:
            return least, "Current number of replicas below Spec.MinReplicas"
        return size, ""

    def _restless(
        self, key: Key, memory: Memory, target: Object, before: Object | None, wanted: int, size: int
    ) -> bool:
        """Tell whether the next look may find something else than this one."""
        if wanted != size or (self.reader.get(key) or {}).get("status") != before:
            return True
        if len({number for _, number in memory.recommendations}) > 1:
            return True
        now_us = self.engine.unix_us
        young_us = replicas.INITIALIZATION_US + 2 * replicas.READINESS_US
        return any(times.parse(pod["metadata"]["creationTimestamp"]) + young_us > now_us for pod in self._pods(target))

    # ---- metrics ----------------------------------------------------------------------------------------------
    def _pods(self, target: Object) -> list[Object]:
        """Give the target's pods, which upstream chooses by selector."""
        owners = self.reader.by_index("replicasets", "owner", objects.uid(target)) if (
            target["kind"] == "Deployment") else [target]
        return [pod for owner in owners for pod in owned_pods(self.reader, owner)]

    def _by_metrics(
        self, scaler: Object, target: Object, size: int, memory: Memory, rows: list[Row]
    ) -> tuple[int, str, list[Object]]:
        """Give (size, reason, current metrics): the largest that a metric asks for, as fast as allowed. Raises Failed."""
        wanted, best, seen, failures = 0, "", list[Object](), list[Failed]()
        given = objects.dig(scaler, "spec.metrics", [])
        for metric in given:
            try:
                asked, name, now = self._metric(metric, target, size)
            except Failed as failed:
                failures.append(failed)
                continue
            seen.append(now)
            if not best or asked.replicas > wanted:
                wanted, best = asked.replicas, name
        for each in failures:
            self.recorder.event(scaler, "Warning", each.reason, each.text)
        if failures and (len(failures) == len(given) or wanted < size):
            first = failures[0]
            rows.append(("ScalingActive", "False", first.reason,
                         f"the HPA was unable to compute the replica count: {first.text}"))
            raise Failed(first.reason, first.text, f"invalid metrics ({len(failures)} invalid out of {len(given)}), "
                         f"first error is: {first.whole}")
        rows.append(("ScalingActive", "True", "ValidMetricFound",
                     f"the HPA was able to successfully calculate a replica count from {best}"))
        normal = normalize(memory, scaler["spec"], size, wanted, self.engine.now_us)
        rows.append(("AbleToScale", "True", *normal.able))
        rows.append(("ScalingLimited", str(normal.holds), *normal.limited))
        why = f"{best} above target" if wanted > size else "All metrics below target" if wanted < size else ""
        return normal.size, why, seen

    def _metric(self, metric: Object, target: Object, size: int) -> tuple[Asked, str, Object]:
        """Ask one metric. Raises Failed."""
        kind = metric.get("type", "")
        if kind not in ("Resource", "ContainerResource"):
            raise self._unserved(metric, kind)
        field = "resource" if kind == "Resource" else "containerResource"
        spec = metric[field]
        name, container = str(spec["name"]), str(spec.get("container") or "")
        percent = objects.dig(spec, "target.averageUtilization")
        word = "container resource" if container else "resource"
        try:
            found = self._samples(target, name, container)
            pods = self._pods(target)
            asked = None if percent is None else replicas.requests(
                pods, name, container, names=self.version >= NAMES_PODS_SINCE)
            goal = percent if percent is not None else quantity.milli(str(objects.dig(spec, "target.averageValue", "1")))
            got = replicas.resource_replicas(pods, found, name, size, int(goal), now_us=self.engine.unix_us, asked=asked)
        except NoMetric as error:
            text = f"failed to get {name} {'utilization' if percent is not None else 'usage'}: {error}"
            reason = "FailedGetContainerResourceMetric" if container else "FailedGetResourceMetric"
            raise Failed(reason, text, f"failed to get {name} {word} metric value: {text}") from None
        now: Object = {"averageValue": quantity.canonical(f"{got.average}m")}
        if got.utilization is not None:
            now["averageUtilization"] = got.utilization
        shown = f"{name} {word}" + (" utilization (percentage of request)" if percent is not None else "")
        more = {"container": container} if container else {}
        return got, shown, {"type": kind, field: {"name": name, **more, "current": now}}

    def _samples(self, target: Object, name: str, container: str) -> dict[str, replicas.Sample]:
        """Ask the metrics API. Raises NoMetric."""
        unable = f"unable to get metrics for resource {name}: "
        try:
            body = self.client.list(MEASURED, objects.namespace(target))
        except StatusError as error:
            text = error.message
            if error.code == 404:
                text = f"the server could not find the requested resource (get {MEASURED})"
            elif error.code == 503:
                text = f"the server is currently unable to handle the request (get {MEASURED})"
            raise NoMetric(f"{unable}unable to fetch metrics from resource metrics API: {text}") from None
        mine = {objects.name(pod) for pod in self._pods(target)}
        items = [each for each in body if objects.name(each) in mine]
        if not items:
            raise NoMetric(f"{unable}no metrics returned from resource metrics API")
        return replicas.samples(items, name, container)

    @staticmethod
    def _unserved(metric: Object, kind: str) -> Failed:
        reason, api, field = OTHERS.get(kind, ("InvalidMetricSourceType", "", ""))
        if not api:
            text = f'unknown metric source type "{kind}"'
            return Failed(reason, text, text)
        name = objects.dig(metric, f"{field}.metric.name", "")
        text = (f"unable to get metric {name}: unable to fetch metrics from {api} metrics API: no {api} metrics API "
                f"({api}.metrics.k8s.io) registered")
        return Failed(reason, text, f"failed to get {field} metric value: {text}")

    # ---- status -----------------------------------------------------------------------------------------------
    def _write(
        self, key: Key, scaler: Object, rows: list[Row], size: int | None, wanted: int | None,
        metrics: list[Object] | None, *, rescaled: bool = False,
    ) -> None:
        status = dict(scaler.get("status") or {})
        conditions = status.get("conditions") or []
        for kind, holds, reason, message in rows:
            conditions = objects.with_condition(conditions, {
                "type": kind, "status": holds, "lastTransitionTime": self.now(), "reason": reason, "message": message})
        status["conditions"] = conditions
        if size is not None:
            status.update(currentReplicas=size, desiredReplicas=wanted, currentMetrics=metrics)
        if rescaled:
            status["lastScaleTime"] = self.now()
        if status != scaler.get("status"):
            self.client.update(key, {**scaler, "status": status}, subresource="status", canonical=self.version[1])


def _matters(change: Change) -> bool:
    """Tell whether a pod came, went, became ready or no longer is."""
    old, new = change.old, change.new
    return old is None or new is None or any(objects.dig(old, path) != objects.dig(new, path) for path in (
        "status.phase", "metadata.deletionTimestamp", "metadata.labels")) or objects.pod_ready(old) != objects.pod_ready(new)


def _plural(resource: str) -> str:
    return f"{resource}.apps" if resource in ("deployments", "replicasets", "statefulsets") else resource
