"""Memory and disk: when a node is under pressure, and which pod it gives up first.

What is used follows from what runs: each container uses what its image says (or its `--vm-bytes`), the system its share,
and a fault takes the rest. Nothing is looked at periodically: only while the node is under pressure, every 10 s.

Models: pkg/kubelet/eviction (eviction_manager.go, helpers.go: rankMemoryPressure, evictionMessage), oom-killer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import objects, quantity
from sim.api.client import Object
from sim.engine import SECOND_US, Timer, microseconds
from sim.host.kubelet.node import HEALTHY
from sim.host.pods.slots import Slot

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet
    from sim.host.pods.worker import PodWorker

MIB = 1 << 20
SYSTEM_MIB = 420
CHECK_US = 10 * SECOND_US
CRITICAL = 2_000_000_000
SIGNALS = {"memory-pressure": ("MemoryPressure", "memory"), "disk-pressure": ("DiskPressure", "ephemeral-storage")}
UNITS = {"K": 1 << 10, "M": MIB, "G": 1 << 30}


def memory_of(slot: Slot) -> int:
    """Give the bytes that a slot's container uses."""
    words = [str(word) for word in (*(slot.spec.get("command") or ()), *(slot.spec.get("args") or ()))]
    for at, word in enumerate(words):
        text = words[at + 1] if word == "--vm-bytes" and at + 1 < len(words) else word.partition("--vm-bytes=")[2]
        if text and text[:-1].isdigit():
            return int(text[:-1]) * UNITS.get(text[-1].upper(), 1)
    return round(slot.image.memory_mib * MIB)


def over_limit(slot: Slot) -> bool:
    """Tell whether the container uses more than its memory limit, so that the kernel kills it."""
    limit = objects.dig(slot.spec, "resources.limits.memory")
    return limit is not None and memory_of(slot) > quantity.parse(str(limit))


class Pressure:
    """The pressure on one node. conditions: those that are True now."""

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet
        self.conditions: dict[str, None] = {}
        self._timer: Timer | None = None
        self._calm: dict[str, Timer] = {}

    def stop(self) -> None:
        """Look no more."""
        for timer in (self._timer, *self._calm.values()):
            if timer is not None:
                timer.cancel()
        self._calm.clear()

    def available(self, signal: str) -> int:
        """Give what is left of memory or disk, in bytes."""
        kubelet = self.kubelet
        threshold = self.threshold(signal)
        if signal == "memory":
            used = SYSTEM_MIB * MIB + kubelet.memory_used
            free: int = kubelet.host.memory_bytes - used
            return min(free, threshold // 2 + kubelet.freed) if "memory-pressure" in kubelet.host.faults else free
        if "disk-pressure" in kubelet.host.faults or "full-disk" in kubelet.host.faults:
            return threshold // 2
        return int(kubelet.host.disk_bytes) // 2

    def threshold(self, signal: str) -> int:
        """Give the hard eviction threshold in bytes."""
        settings = self.kubelet.settings
        if signal == "memory":
            return settings.memory_threshold
        return int(self.kubelet.host.disk_bytes * settings.disk_threshold)

    def look(self) -> None:
        """Compare with the thresholds; evict one pod if need be, and look again in 10 s while it lasts."""
        kubelet = self.kubelet
        if not kubelet.acts:
            return
        pressed = False
        for kind, signal in SIGNALS.values():
            low = self.available(signal) < self.threshold(signal)
            fault = "memory-pressure" if signal == "memory" else "disk-pressure"
            if kubelet.stand_in:
                low = fault in kubelet.host.faults
            self._condition(kind, low)
            if low and not kubelet.stand_in:
                pressed = True
                self._evict(signal)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.kubelet.engine.after(CHECK_US, self.look) if pressed else None

    def _condition(self, kind: str, low: bool) -> None:
        kubelet = self.kubelet
        calm = self._calm.pop(kind, None)
        if calm is not None:
            calm.cancel()
        if low and kind not in self.conditions:
            self.conditions[kind] = None
            kubelet.conditions_changed(kind, PRESSED_EVENT[kind])
        elif not low and kind in self.conditions:
            if kubelet.stand_in:
                self._relieved(kind)
                return
            self._calm[kind] = kubelet.engine.after(
                microseconds(kubelet.settings.transition_seconds), self._relieved, kind,
                label=f"{kind} of {kubelet.name} ends: evictionPressureTransitionPeriod", about=kubelet.name)

    def _relieved(self, kind: str) -> None:
        self._calm.pop(kind, None)
        self.conditions.pop(kind, None)
        self.kubelet.conditions_changed(kind, HEALTHY[kind][1])

    # ---- eviction ---------------------------------------------------------------------------------------------
    def _evict(self, signal: str) -> None:
        candidates = [worker for worker in self.kubelet.workers.values() if not (
            worker.static or worker.final or worker.terminating or _critical(worker.pod)) and any(
            slot.running for slot in worker.mains)]
        kubelet = self.kubelet
        threshold, free = self.threshold(signal), self.available(signal)
        kubelet.event("Warning", "EvictionThresholdMet", f"Attempting to reclaim {signal}")
        if not candidates:
            return
        worker = min(candidates, key=lambda each: _rank(each, signal))
        said = kubelet.minor >= THRESHOLD_SAID_SINCE
        text = f"The node was low on resource: {signal}. "
        if said:
            text += f"Threshold quantity: {_shown(threshold)}, available: {free >> 10}Ki. "
        for slot in worker.mains:
            used, request = USED[signal](slot), str(objects.dig(slot.spec, f"resources.requests.{signal}", "0"))
            if used > quantity.parse(request):
                text += f"Container {slot.name} was using {used >> 10}Ki, " + (
                    f"request is {request}, has larger consumption of {signal}. " if said
                    else f"which exceeds its request of {request}. ")
        if signal == "memory":
            kubelet.freed += sum(memory_of(slot) for slot in worker.mains)
        worker.event("Warning", "Evicted", text)
        worker.evicted(text)


def _critical(pod: Object) -> bool:
    return int(objects.dig(pod, "spec.priority", 0)) >= CRITICAL


def _rank(worker: PodWorker, signal: str) -> tuple[bool, int, int, str]:
    """Order the pods: those over their requests first, then low priority, then the most over them (disk: the most)."""
    used = sum(USED[signal](slot) for slot in worker.mains)
    asked = sum(int(quantity.parse(str(objects.dig(slot.spec, f"resources.requests.{signal}", "0")))) for slot in worker.mains)
    weight = used - asked if signal == "memory" else used
    return used <= asked, int(objects.dig(worker.pod, "spec.priority", 0)), -weight, worker.uid


def disk_of(slot: Slot) -> int:
    """Give the bytes of a slot's log and writable layer, in blocks of the file system."""
    container = slot.current
    written = sum(len(line.text) + LINE_BYTES for line in container.log()) if container is not None else 0
    return BLOCK * (LAYER_BLOCKS + -(-written // BLOCK))


BLOCK, LAYER_BLOCKS, LINE_BYTES = 4096, 4, 50
"""A block of ext4; what an untouched writable layer takes; the stamp and stream before each line of a log."""
USED: dict[str, Callable[[Slot], int]] = {"memory": memory_of, "ephemeral-storage": disk_of}
THRESHOLD_SAID_SINCE = (1, 26)
"""Since when the message names threshold and rest, and what exceeds which request in other words."""


def _shown(amount: int) -> str:
    """Write a number of bytes as Go's BinarySI quantities are."""
    for power, unit in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        if amount and amount % 1024 ** power == 0:
            return f"{amount // 1024 ** power}{unit}"
    return str(amount)


PRESSED_EVENT = {"MemoryPressure": "NodeHasInsufficientMemory", "DiskPressure": "NodeHasDiskPressure"}
