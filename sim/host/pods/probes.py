"""Probes without a simulation event per probe: the answers are derived, and a timer stands only where one matters.

What a container answers at a moment follows from its behaviour, so the first tick at which a threshold is reached is
known beforehand. Only failing probes are ticks of their own, since each is an Unhealthy event: until client-go's flood
limit of 25, then one every five minutes.

Models: pkg/kubelet/prober (worker.go, prober.go). Left out: gRPC health services other than the whole server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.api.client import Object
from sim.engine import SECOND_US, Timer, microseconds
from sim.host.pods.slots import Slot
from sim.host.runtime import Container
from sim.host.script import FOREVER, test_of
from sim.recorder import SPAM_BURST, SPAM_PERIOD_US

if TYPE_CHECKING:
    from sim.host.pods.worker import PodWorker

KINDS = (("startup", "startupProbe"), ("liveness", "livenessProbe"), ("readiness", "readinessProbe"))


class Probe:
    """One probe of a running container. kind: startup, liveness or readiness."""

    __slots__ = ("failures", "first_us", "good", "kind", "period_us", "slot", "spec", "successes", "timer", "worker")

    def __init__(self, worker: PodWorker, slot: Slot, kind: str, spec: Object, phase_us: int) -> None:
        assert slot.current is not None
        self.worker = worker
        self.slot = slot
        self.kind = kind
        self.spec = spec
        self.period_us = max(1, int(spec.get("periodSeconds") or 10)) * SECOND_US
        start_us = slot.current.started_us - worker.engine.epoch_s * SECOND_US
        self.first_us = start_us + int(spec.get("initialDelaySeconds") or 0) * SECOND_US + phase_us
        self.good = kind == "liveness"
        self.successes = self.failures = 0
        self.timer: Timer | None = None

    def start(self) -> None:
        """Set the timer of the first tick that can matter."""
        self._plan(self.worker.engine.now_us)

    def stop(self) -> None:
        """Probe no more."""
        if self.timer:
            self.timer.cancel()
        self.timer = None

    def look_again(self) -> None:
        """The container says that its answers are different now."""
        if self.timer is None or not self.timer.pending or self.good != (self._answer() == ""):
            self.stop()
            self._plan(self.worker.engine.now_us)

    # ---- ticks ------------------------------------------------------------------------------------------------
    def _tick_at(self, at_us: int) -> int:
        """Give the first tick at or after a moment."""
        if at_us <= self.first_us:
            return self.first_us
        return self.first_us - (self.first_us - at_us) // self.period_us * self.period_us

    def _plan(self, from_us: int) -> None:
        tick = self._tick_at(from_us)
        text, until = self._answer_at(tick)
        if not text and self.good and not self.failures:
            if until >= FOREVER:
                return
            tick = self._tick_at(until)
        label = ""
        if self.kind == "liveness" and text:
            label = f"{self.kind} probe of container {self.slot.name} in pod {self.worker.key.name}"
        self.timer = self.worker.engine.at(tick, self._tick, label=label, about=self.worker.key)

    def _tick(self) -> None:
        self.timer = None
        now_us = self.worker.engine.now_us
        if not self.worker.kubelet.acts:
            self.timer = self.worker.engine.after(self.period_us, self._tick)
            return
        text, _ = self._answer_at(now_us)
        if text:
            self._failed(text)
        else:
            self._succeeded()
        if self.slot.probes and self in self.slot.probes:
            quiet = text and not self.good and self.failures > SPAM_BURST
            self._plan(now_us + (SPAM_PERIOD_US if quiet else 1))

    def _failed(self, text: str) -> None:
        self.successes = 0
        self.failures += 1
        self.worker.event("Warning", "Unhealthy", f"{self.kind.capitalize()} probe failed: {text}", self.slot)
        if self.failures < int(self.spec.get("failureThreshold") or 3):
            return
        if self.kind != "readiness":
            self.worker.unhealthy(self.slot, self.kind)
        elif self.good:
            self.good = False
            self.worker.probed(self.slot, ready=False)

    def _succeeded(self) -> None:
        self.failures = 0
        self.successes += 1
        if self.good or self.successes < int(self.spec.get("successThreshold") or 1):
            return
        self.good = True
        if self.kind == "readiness":
            self.worker.probed(self.slot, ready=True)
        elif self.kind == "startup":
            self.worker.has_started(self.slot)

    # ---- answers ----------------------------------------------------------------------------------------------
    def _answer(self) -> str:
        return self._answer_at(self.worker.engine.now_us)[0]

    def _answer_at(self, at_us: int) -> tuple[str, int]:
        """Tell what a probe at a moment says ("": success) and until when that stays so."""
        container = self.slot.current
        if container is None or not container.running:
            return "", FOREVER
        if self.spec.get("exec"):
            return self._exec(container, at_us)
        action = self.spec.get("httpGet") or self.spec.get("tcpSocket") or self.spec.get("grpc") or {}
        port = self._port(action.get("port"), container.spec)
        path = str(action.get("path") or "/")
        if container.service is not None:
            return self._shown(container.service.healthy(path, port), action, port, path), FOREVER
        started_us = container.started_us - self.worker.engine.epoch_s * SECOND_US
        kind = container.kind
        up_us = started_us + microseconds(kind.ready_after_seconds)
        sick_us = FOREVER if kind.unhealthy_after_seconds is None else started_us + microseconds(
            kind.unhealthy_after_seconds)
        if not kind.ready and self.kind == "readiness":
            return self._shown("503" if "httpGet" in self.spec else "connection refused", action, port, path), FOREVER
        if kind.ports is not None and port not in kind.ports and not kind.own:
            return self._shown("connection refused", action, port, path), FOREVER
        if at_us < up_us:
            return self._shown("connection refused", action, port, path), up_us
        if at_us >= sick_us:
            return self._shown("500" if "httpGet" in self.spec else "connection refused", action, port, path), FOREVER
        if "httpGet" in self.spec and kind.ports is not None and path not in ("/", "") and kind.logs and not kind.own and (
                self.slot.image_name.rpartition("/")[2].startswith(("nginx", "httpd"))):
            return self._shown("404", action, port, path), FOREVER
        return "", sick_us

    @staticmethod
    def _port(given: Any, spec: Object) -> int:
        if isinstance(given, str) and not given.isdigit():
            return next((int(p["containerPort"]) for p in spec.get("ports") or [] if p.get("name") == given), 0)
        return int(given or 0)

    def _shown(self, problem: str, action: Object, port: int, path: str) -> str:
        if not problem:
            return ""
        address = str(action.get("host") or (self.worker.sandbox.address if self.worker.sandbox else ""))
        if problem.isdigit():
            return f"HTTP probe failed with statuscode: {problem}"
        dial = f"dial tcp {address}:{port}: connect: {problem}"
        if "httpGet" in self.spec:
            scheme = str(action.get("scheme") or "HTTP").lower()
            return f'Get "{scheme}://{address}:{port}{path}": {dial}'
        if "grpc" in self.spec:
            return f'timeout: failed to connect service "{address}:{port}" within 1s: context deadline exceeded'
        return dial

    def _exec(self, container: Container, at_us: int) -> tuple[str, int]:
        words = tuple(str(word) for word in self.spec["exec"].get("command") or ())
        what, value = test_of(words)
        started_us = container.started_us - self.worker.engine.epoch_s * SECOND_US
        sick = container.kind.unhealthy_after_seconds
        if container.kind.own and sick is not None:
            sick_us = started_us + microseconds(sick)
            return ("command failed", FOREVER) if at_us >= sick_us else ("", sick_us)
        if what == "status":
            return ("" if value == "0" else "command failed"), FOREVER
        script, offset = container.script, at_us - started_us
        there = script.has_file(value, offset)
        change = script.next_file_change(value, offset)
        until = FOREVER if change is None else started_us + change
        if there is None or there:
            return "", until
        return f"{words[0].rpartition('/')[2]}: can't open '{value}': No such file or directory", until


def probes_of(worker: PodWorker, slot: Slot) -> list[Probe]:
    """Make the probes that a container needs now: the startup probe first, the others after it."""
    spec, found = slot.spec, []
    for kind, field in KINDS:
        if not spec.get(field):
            continue
        if kind != "startup" and spec.get("startupProbe") and not slot.started:
            continue
        if kind == "startup" and slot.started:
            continue
        period_us = max(1, int(spec[field].get("periodSeconds") or 10)) * SECOND_US
        spread = slot.image.spread
        phase_us = worker.kubelet.stream.uniform(0, min(period_us, 10 * SECOND_US) - 1) if spread else 0
        found.append(Probe(worker, slot, kind, spec[field], phase_us))
    return found
