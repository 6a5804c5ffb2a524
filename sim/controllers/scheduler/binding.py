"""The end of a scheduling cycle: a pod's claims are bound on its node first, then the pod itself.

Models: schedule_one.go (bindingCycle), plugins/volumebinding PreBind. Meanwhile the pod counts as placed (assumed).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.controllers.scheduler.plugins import volumes
from sim.controllers.scheduler.queue import Waiting
from sim.engine import SECOND_US, Timer

if TYPE_CHECKING:
    from sim.controllers.scheduler.scheduler import Scheduler

BIND_LOW_US, BIND_TYPICAL_US, BIND_HIGH_US = 15_000, 20_000, 50_000
TIMEOUT_US = 600 * SECOND_US
LATE = 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'


@dataclass(frozen=True, slots=True)
class Held:
    """A pod that waits on its chosen node until its claims are bound."""

    waiting: Waiting
    node: str
    because: str
    timer: Timer


class Bindings:
    """The pods of a scheduler that have a node and are not bound to it yet."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.waiting: dict[Key, Held] = {}

    def clear(self) -> None:
        """Forget all."""
        for each in self.waiting.values():
            each.timer.cancel()
        self.waiting.clear()

    def bind(self, key: Key, pod: Object, node: str, because: str) -> None:
        """Bind a pod. Raises StatusError or TransportError; its place is free again then."""
        here = self.scheduler
        binding = {"target": {"kind": "Node", "name": node}, "metadata": {"name": key.name, "namespace": key.namespace}}
        try:
            here.client.bind(key, binding, because=because)
        except (StatusError, TransportError):
            self._forget_place(key, node)
            raise
        here.queue.remove(key)
        here.recorder.event(pod, "Normal", "Scheduled",
                            f"Successfully assigned {key.namespace}/{key.name} to {node}", action="Binding")

    def wait(self, waiting: Waiting, node: str, because: str) -> None:
        """Bind a pod as soon as its claims are bound."""
        here, key = self.scheduler, waiting.key
        timer = here.engine.after(TIMEOUT_US, self._late, key, about=key,
                                  label=f"bindTimeoutSeconds {TIMEOUT_US // SECOND_US} of the scheduler")
        self.waiting[key] = Held(waiting, node, because, timer)
        here.queue.remove(key)
        self._look(key)

    def claim_changed(self, claim: Key) -> None:
        """Look at the pods that may wait for a claim."""
        for key in [key for key in self.waiting if key.namespace == claim.namespace]:
            self._look(key)

    def drop(self, key: Key) -> None:
        """Wait no longer for a pod's volumes: its place is free again."""
        found = self.waiting.pop(key, None)
        if found is not None:
            found.timer.cancel()
            self._forget_place(key, found.node)

    def _look(self, key: Key) -> None:
        here, held = self.scheduler, self.waiting[key]
        pod = here.reader.get(key)
        claims = [here.reader.get(Key(volumes.CLAIMS, key.namespace, name)) for name in volumes.claims_of(pod or {})]
        if pod is None or not all(claim is not None and volumes.bound(claim) for claim in claims):
            return
        held.timer.cancel()
        del self.waiting[key]
        delay_us = here.stream.latency_us(BIND_LOW_US, BIND_TYPICAL_US, BIND_HIGH_US)
        here.engine.after(delay_us, self._finish, key, held, here.era)

    def _finish(self, key: Key, held: Held, era: int) -> None:
        here = self.scheduler
        pod = here.reader.get(key)
        if era != here.era or pod is None or objects.dig(pod, "spec.nodeName"):
            return
        try:
            self.bind(key, pod, held.node, held.because)
        except (StatusError, TransportError):
            here.pending(Change(0, "ADDED", key, None, pod, here.engine.now_us), pod)

    def _late(self, key: Key) -> None:
        """Give up a pod's place: its volumes were not bound in time."""
        here, held = self.scheduler, self.waiting[key]
        pod = here.reader.get(key)
        self.drop(key)
        if pod is not None:
            here.queue.pods[key] = held.waiting
            here.fail(held.waiting, pod, LATE, {})

    def _forget_place(self, key: Key, node: str) -> None:
        if node in self.scheduler.nodes:
            self.scheduler.nodes[node].remove(key)
            self.scheduler.mark(node)
