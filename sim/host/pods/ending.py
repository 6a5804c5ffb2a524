"""How a pod ends on its node: by deletion, eviction, its deadline, or because its containers are done.

Models: pkg/kubelet/pod_workers.go (terminating, terminated), kuberuntime_container.go (killContainer), status_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Engine, Timer
from sim.host.pods import hooks
from sim.host.pods.slots import SIDECAR, Slot
from sim.host.pods.status import phase
from sim.host.runtime import Sandbox

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet

REMOVED_SECONDS = 1.0
"""Latency table: pod removed from the API after its last container ended, 0.3 to 2.5 s."""
RETRY_US = SECOND_US


class Ending:
    """The second half of a worker."""

    __slots__ = (
        "_deadline", "_repeat", "_timer", "_wanted_end_us", "engine", "final", "first_mount_us", "gone", "initialized", "inits", "key",
        "kubelet", "mains", "message", "over", "pod", "policy", "reason", "said_waiting", "sandbox", "static", "terminating",
        "uid")

    kubelet: Kubelet
    engine: Engine
    pod: Object
    key: Key
    uid: str
    static: bool
    policy: str
    final: str
    reason: str
    message: str
    over: bool
    terminating: bool
    gone: bool
    said_waiting: bool
    initialized: bool
    first_mount_us: int
    _wanted_end_us: int
    inits: list[Slot]
    mains: list[Slot]
    sandbox: Sandbox | None
    _timer: Timer | None
    _repeat: Timer | None
    _deadline: Timer | None
    post: Callable[[str], None]
    event: Callable[..., None]
    sync: Callable[[], None]
    _later: Callable[..., None]

    # ---- ending by wish ---------------------------------------------------------------------------------------
    def terminate(self, grace_seconds: int) -> None:
        """Stop all containers within a grace period; a second, shorter wish wins."""
        ends_us = self.engine.now_us + grace_seconds * SECOND_US
        if self.gone or (self.terminating and ends_us >= self._wanted_end_us):
            return
        if not self.kubelet.acts:
            return
        first = not self.terminating
        self.terminating, self._wanted_end_us = True, ends_us
        if self._timer is not None:
            self._timer.cancel()
        running = [slot for slot in (*self.mains, *self.inits) if slot.running]
        if not running:
            self._timer = self.engine.after(0, self.sync)
            return
        for slot in running:
            if slot.kind != SIDECAR or not any(s.running for s in self.mains):
                self._stop(slot, ends_us, say=first)

    def _stop(self, slot: Slot, ends_us: int, *, say: bool = True) -> None:
        container = slot.current
        if container is None:
            return
        if say:
            self.event("Normal", "Killing", f"Stopping container {slot.name}", slot)
        left_us = max(0, ends_us - self.engine.now_us)
        hook_us = hooks.takes_us(hooks.hook_of(slot, "preStop"))
        if hook_us:
            left_us = max(2 * SECOND_US, left_us - min(hook_us, left_us))
            self.engine.after(min(hook_us, max(0, ends_us - self.engine.now_us)), container.stop, left_us)
            return
        container.stop(left_us)

    def finish(self) -> None:
        """Go on ending: sidecars after the rest, then the last status, then the object."""
        if any(slot.running for slot in self.mains):
            return
        sidecars = [slot for slot in self.inits if slot.running]
        if sidecars and (self.terminating or self.final):
            slot = sidecars[-1]
            self._stop(slot, max(self._wanted_end_us, self.engine.now_us + (
                0 if self.terminating else 30 * SECOND_US)))
            return
        self.over = True
        if not self.terminating:
            return
        if self.static:
            self._dispose()
            return
        if self.kubelet.stand_in and not self.pod["metadata"].get("finalizers"):
            self._remove()
            return
        if not self.kubelet.online:
            return
        ran = any(slot.current is not None for slot in self.mains)
        if not self.final:
            self.final = self._last_phase()
            self.post("its containers have stopped")
        slot = self.mains[0]
        wait_us = self.kubelet.runtime.vary(REMOVED_SECONDS, slot.image) if ran else 0
        self._later(wait_us, self._remove)

    def _last_phase(self) -> str:
        ended = [slot.current for slot in self.mains]
        if any(container is None for container in ended) or self.reason:
            return "Failed"
        return "Succeeded" if all(container.exit_code == 0 for container in ended if container) else "Failed"

    def _remove(self) -> None:
        self._timer = None
        client = self.kubelet.client
        if not self.kubelet.online or client is None:
            return
        found = client.reader.get(self.key)
        if found is not None and objects.uid(found) == self.uid:
            if found["metadata"].get("deletionGracePeriodSeconds") == 0:
                return  # a finalizer holds it: the worker stays until the object goes
            try:
                client.delete(self.key, grace_seconds=0, uid=self.uid, because="its containers have stopped")
            except (StatusError, TransportError):
                self._timer = self.engine.after(RETRY_US, self._remove)
                return
            left = client.reader.get(self.key)
            if left is not None and objects.uid(left) == self.uid:
                return
        self._dispose()

    def _dispose(self) -> None:
        """Forget the pod."""
        self.gone = True
        for timer in (self._repeat, self._deadline):
            if timer is not None:
                timer.cancel()
        if self.sandbox is not None:
            self.kubelet.runtime.remove(self.sandbox)
        self.kubelet.forget(self)  # type: ignore[arg-type]

    def drop(self) -> None:
        """The pod object is gone from the API: end its containers with their own grace period."""
        if self.gone:
            return
        if not any(slot.running for slot in (*self.mains, *self.inits)):
            if self._timer is not None:
                self._timer.cancel()
            self._dispose()
            return
        self.terminate(int(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def abandon(self) -> None:
        """The kubelet is gone: whatever was under way is forgotten, containers go on."""
        self.gone = True
        for timer in (self._timer, self._repeat, self._deadline):
            if timer is not None:
                timer.cancel()
        for slot in (*self.mains, *self.inits):
            slot.stop_probes()

    # ---- ending by itself -------------------------------------------------------------------------------------
    def _rest(self) -> None:
        """Nothing is left to start: the pod rests, or is over."""
        if self.static or self._timer is not None and self._timer.pending:
            return
        if any(slot.running for slot in self.mains) or any(slot.waiting for slot in (*self.mains, *self.inits)):
            return
        now = phase(self)  # type: ignore[arg-type]
        if now in ("Succeeded", "Failed"):
            self.final = now
            for slot in (*self.mains, *self.inits):
                slot.stop_probes()
            self.post("its containers have ended")
            self.finish()

    def evicted(self, message: str) -> None:
        """Give the pod up because the node is short of something."""
        self.fail("Evicted", message)

    def fail(self, reason: str, message: str, *, grace_seconds: int = 0) -> None:
        """End the pod for a reason of the node's: it stays as Failed."""
        if self.final or self.terminating or self.gone:
            return
        self.reason, self.message, self.final = reason, message, "Failed"
        if self._timer is not None:
            self._timer.cancel()
        for slot in (*self.mains, *self.inits):
            slot.stop_probes()
            if slot.current is not None and slot.running:
                self._stop(slot, self.engine.now_us + grace_seconds * SECOND_US)
        self.post(message)
