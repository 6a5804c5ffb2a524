"""Lifecycle hooks: postStart holds the pod's next step up until it is through, preStop takes its part of the grace.

Models: pkg/kubelet/lifecycle/handlers.go, kuberuntime_container.go (startContainer, executePreStopHook). What a hook's
command prints is not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sim.api.client import Object
from sim.api.times import parse_duration
from sim.engine import microseconds
from sim.host.pods.slots import Slot
from sim.host.script import compile_script

if TYPE_CHECKING:
    from sim.host.pods.worker import PodWorker

FAILED = "PostStartHookError"
SHORT_SECONDS = 0.1
"""How long a hook takes that does nothing long; an estimate."""


def hook_of(slot: Slot, name: str) -> Object:
    """Give the container's hook, {} without one."""
    found: Object = (slot.spec.get("lifecycle") or {}).get(name) or {}
    return found


def takes_us(hook: Object) -> int:
    """Give how long a hook takes."""
    if "sleep" in hook:
        return microseconds(float(hook["sleep"].get("seconds") or 0))
    if "exec" in hook:
        text = " ".join(str(word) for word in hook["exec"].get("command") or ())
        slept = re.findall(r"\bsleep\s+([\d.]+[smh]?)", text)
        return microseconds(sum(float(s) if s[-1].isdigit() else parse_duration(s) for s in slept) + SHORT_SECONDS)
    return microseconds(SHORT_SECONDS) if hook else 0


def problem(hook: Object, slot: Slot) -> str:
    """Say why a postStart hook fails, "" when it is well: its command's status, or nobody at its port."""
    if "exec" in hook:
        words = tuple(str(word) for word in hook["exec"].get("command") or ())
        end = compile_script(words).end if words else None
        if end is not None and end[1]:
            return f"command '{' '.join(words)}' exited with {end[1]}: "
    target: Any = hook.get("httpGet") or hook.get("tcpSocket") or {}
    port = target.get("port")
    if isinstance(port, int) and slot.image.ports is not None and port not in slot.image.ports:
        return f"dial tcp: connect: connection refused on port {port}"
    return ""


def after_start(worker: PodWorker, slot: Slot) -> None:
    """Look how the postStart hook of a container that has just been started ended; then go on with the pod."""
    container = slot.current
    if container is None or not container.running or worker.terminating or not worker.kubelet.acts:
        worker.sync()
        return
    text = problem(hook_of(slot, "postStart"), slot)
    if not text:
        worker.runs(slot)
        return
    # The message itself stays out of the event: it might hold secrets.
    worker.event("Warning", "FailedPostStartHook", "PostStartHook failed", slot)
    worker.event("Normal", "Killing", "FailedPostStartHook", slot)
    slot.wait(FAILED, text)
    worker.post(f"the postStart hook of {slot.name} failed")
    container.stop(microseconds(float(worker.pod["spec"].get("terminationGracePeriodSeconds", 30))))
