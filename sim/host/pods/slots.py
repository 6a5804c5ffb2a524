"""A slot: one container of a pod's spec, whatever container is in it now, and what the kubelet remembers of it.

Models: the parts of pkg/kubelet/kuberuntime that are kept per container: back-off, restarts, waiting reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api.client import Object
from sim.engine import SECOND_US, Timer
from sim.host.images import Image
from sim.host.runtime import Container

if TYPE_CHECKING:
    from sim.host.pods.probes import Probe

BACKOFF_FIRST_US, BACKOFF_MOST_US = 10 * SECOND_US, 300 * SECOND_US
INIT, SIDECAR, REGULAR = "init", "sidecar", "regular"


class Backoff:
    """How long the next try has to wait: 10 s, doubled each time to 300 s; forgotten after twice the longest.

    Models: client-go/util/flowcontrol/backoff.go.
    """

    __slots__ = ("delay_us", "updated_us")

    def __init__(self) -> None:
        self.delay_us = 0
        self.updated_us = 0

    def _expired(self, at_us: int) -> bool:
        return at_us - self.updated_us > 2 * BACKOFF_MOST_US

    def left_us(self, since_us: int, now_us: int) -> int:
        """Give how long to wait still, after a failure at a moment."""
        if not self.delay_us or self._expired(since_us):
            return 0
        return max(0, since_us + self.delay_us - now_us)

    def next(self, since_us: int, now_us: int) -> None:
        """Count a try."""
        fresh = not self.delay_us or self._expired(since_us)
        self.delay_us = BACKOFF_FIRST_US if fresh else min(2 * self.delay_us, BACKOFF_MOST_US)
        self.updated_us = now_us

    def reset(self) -> None:
        """Forget."""
        self.delay_us = 0


class Slot:
    """One container of the spec. path: as events name it (`spec.containers{nginx}`)."""

    __slots__ = ("backoff", "image", "kind", "last", "message", "path", "probes", "pull", "ready", "spec", "started", "timer",
                 "waiting", "current", "failed_us")

    def __init__(self, spec: Object, kind: str, image: Image) -> None:
        self.spec = spec
        self.kind = kind
        self.image = image
        group = "containers" if kind == REGULAR else "initContainers"
        self.path = f"spec.{group}{{{spec['name']}}}"
        self.current: Container | None = None
        self.last: Container | None = None
        self.waiting = ""
        self.message = ""
        self.started = False
        self.ready = False
        self.backoff: Backoff | None = None
        self.pull: Backoff | None = None
        self.failed_us = 0
        self.timer: Timer | None = None
        self.probes: list[Probe] = []

    @property
    def name(self) -> str:
        """Give the container's name."""
        return str(self.spec["name"])

    @property
    def image_name(self) -> str:
        """Give the image as the spec names it."""
        return str(self.spec.get("image") or "")

    @property
    def running(self) -> bool:
        """Tell whether a container runs in it."""
        return self.current is not None and self.current.state == "running"

    @property
    def exited(self) -> bool:
        """Tell whether the latest container in it has ended."""
        return self.current is not None and self.current.state == "exited"

    @property
    def done(self) -> bool:
        """Tell whether it is an init container that has succeeded."""
        return self.current is not None and self.current.state == "exited" and self.current.exit_code == 0

    @property
    def restarts(self) -> int:
        """Give the restart count."""
        return self.current.attempt if self.current is not None else 0

    def wait(self, reason: str, message: str = "") -> bool:
        """Wait for a reason; tells whether that is news."""
        changed = (self.waiting, self.message) != (reason, message)
        self.waiting, self.message = reason, message
        return changed

    def stop_probes(self) -> None:
        """Forget the probes of the container that was here."""
        for probe in self.probes:
            probe.stop()
        self.probes = []
        self.started = self.ready = False
