"""The disruption controller: how many pods of a budget may go.

Models: pkg/controller/disruption/disruption.go.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Change, Client, Key, Object
from sim.controllers.base import Controller
from sim.controllers.policy import scales
from sim.controllers.selection import Selection
from sim.controllers.workloads.rolling import resolve
from sim.engine import Engine

DELETION_TIMEOUT_US = 120_000_000


class DisruptionController(Controller):
    """Writes the status of PodDisruptionBudgets."""

    name = "disruption-controller"
    watches = ("poddisruptionbudgets", "pods")

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.recorder.component = "controllermanager"  # upstream's own name for it
        self.selection = Selection(client.reader)

    def start(self) -> None:
        """Begin, with an empty memory of who is chosen."""
        self.selection = Selection(self.client.reader)
        super().start()

    def changed(self, change: Change) -> None:
        """Queue the budget, or every budget that selects the pod."""
        if change.key.resource == "poddisruptionbudgets":
            self.selection.set(change.key, None if change.new is None else selectors.from_object(
                objects.dig(change.new, "spec.selector")))
            self.enqueue(change.key)
            return
        for key in self.selection.pod(change):
            self.enqueue(key)

    def reconcile(self, key: Key) -> float | None:
        """Count, and write the status if it differs."""
        budget = self.reader.get(key)
        if budget is None:
            return None
        if wrong := selectors.fault(objects.dig(budget, "spec.selector")):
            self.recorder.event(budget, "Warning", "NoPods", f"Failed to get pods: {wrong}")
            self._fail(key, budget, wrong)
            return None
        self.selection.set(key, selectors.from_object(objects.dig(budget, "spec.selector")))
        pods = self.selection.of(key)
        if not pods:
            self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected, desired, unmanaged = self.expected(budget, pods)
        except scales.ScaleUnknown as error:
            self.recorder.event(budget, "Warning", "CalculateExpectedPodCountFailed",
                                f"Failed to calculate the number of expected pods: {error}")
            self._fail(key, budget, str(error))
            return None
        if unmanaged:
            labels = objects.dig(budget, "spec.selector.matchLabels", {})
            pairs = "".join(f"{name}: {value}," for name, value in sorted(labels.items()))
            shown = f"MatchLabels:map[string]string{{{pairs}}},MatchExpressions:[]LabelSelectorRequirement{{}},"
            self.recorder.event(
                budget, "Warning", "UnmanagedPods",
                f"Pods selected by this PodDisruptionBudget (selector: &LabelSelector{{{shown}}}) were found to be "
                f"unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in "
                f"undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to "
                f"an integer value.")
        now_us = self.engine.unix_us
        disrupted, recheck = self.still_disrupted(budget, pods, now_us)
        healthy = sum(1 for p in pods if objects.pod_ready(p) and not objects.deleting(p)
                      and objects.name(p) not in disrupted)
        self._write(key, budget, expected, desired, healthy, disrupted)
        return recheck

    def expected(self, budget: Object, pods: list[Object]) -> tuple[int, int, bool]:
        """Give (expected pods, desired healthy, whether unmanaged pods were met). Raises ScaleUnknown."""
        spec = budget.get("spec") or {}
        least: Any = spec.get("minAvailable")
        most: Any = spec.get("maxUnavailable")
        if most is None and isinstance(least, int):
            return len(pods), least, False
        if most is None and least is None:
            return 0, 0, False
        total, unmanaged = self._scales(pods)
        if most is not None:
            return total, max(0, total - resolve(most, total, up=True)), unmanaged
        return total, resolve(least, total, up=True), unmanaged

    def _scales(self, pods: list[Object]) -> tuple[int, bool]:
        found: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            owner = objects.controller_of(pod)
            if owner is None:
                unmanaged = True
            elif owner["uid"] not in found:
                scale = scales.of(self.reader, owner, objects.namespace(pod))
                if scale is None:
                    raise scales.ScaleUnknown(f'found no controllers for pod "{objects.name(pod)}"')
                found[scale.uid] = scale.replicas
        return sum(found.values()), unmanaged

    @staticmethod
    def still_disrupted(budget: Object, pods: list[Object], now_us: int) -> tuple[dict[str, str], float | None]:
        """Give the evicted pods that are still believed to go, and seconds until one is no longer."""
        there = {objects.name(pod): pod for pod in pods}
        kept, recheck = {}, None
        for name, stamp in (objects.dig(budget, "status.disruptedPods", {})).items():
            pod = there.get(name)
            if pod is None or objects.deleting(pod):
                continue
            left_us = times.parse(stamp) + DELETION_TIMEOUT_US - now_us
            if left_us <= 0:
                continue
            kept[name] = stamp
            recheck = min(recheck or left_us / 1e6, left_us / 1e6)
        return kept, recheck

    def _write(self, key: Key, budget: Object, expected: int, desired: int, healthy: int, disrupted: dict[str, str]) -> (
        None
    ):
        allowed = max(0, healthy - desired) if expected > 0 else 0
        condition = {
            "type": "DisruptionAllowed", "status": "True" if allowed else "False", "message": "",
            "reason": "SufficientPods" if allowed else "InsufficientPods", "lastTransitionTime": self.now(),
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        conditions = objects.with_condition(objects.dig(budget, "status.conditions", []), condition)
        status = {
            "conditions": conditions, "currentHealthy": healthy, "desiredHealthy": desired,
            "disruptionsAllowed": allowed, "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        if disrupted:
            status["disruptedPods"] = disrupted
        if status != budget.get("status"):
            self.client.update(key, {**budget, "status": status}, subresource="status", canonical=self.version[1],
                               because=f"{healthy} of {expected} pods are healthy and {desired} must be")

    def _fail(self, key: Key, budget: Object, message: str) -> None:
        condition = {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": message,
                     "lastTransitionTime": self.now(), "observedGeneration": budget["metadata"].get("generation", 1)}
        status = {**(budget.get("status") or {}), "disruptionsAllowed": 0,
                  "conditions": objects.with_condition(objects.dig(budget, "status.conditions", []), condition)}
        if status != budget.get("status"):
            self.client.update(key, {**budget, "status": status}, subresource="status", canonical=self.version[1])
