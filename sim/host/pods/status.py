"""A pod's status as its kubelet writes it: phase, conditions, container statuses.

Models: pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, getPhase, convertToAPIContainerStatuses),
pkg/kubelet/status/generate.go. Left out: resources and users in container statuses, resize.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sim.api import times
from sim.api.client import Object
from sim.host.images import full_name, image_id
from sim.host.pods.slots import INIT, REGULAR, SIDECAR, Slot
from sim.host.runtime import Container

if TYPE_CHECKING:
    from sim.host.pods.worker import PodWorker

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def _terminated(container: Container) -> Object:
    ended: Object = {"exitCode": container.exit_code, "reason": container.reason,
                     "startedAt": times.stamp(container.started_us) if container.started_us else None,
                     "finishedAt": times.stamp(container.finished_us), "containerID": f"containerd://{container.id}"}
    if container.message:
        ended["message"] = container.message
    return {"terminated": ended}


def container_status(slot: Slot, *, over: bool, first: str = "ContainerCreating") -> Object:
    """Write one container's status. over: the pod will not run it again; first: what it waits for before its first start."""
    current, last = slot.current, slot.last
    status: Object = {
        "name": slot.name, "image": full_name(slot.image_name), "imageID": image_id(slot.image_name) if current else "",
        "ready": slot.ready, "restartCount": slot.restarts, "started": slot.started, "lastState": {}}
    if current is not None:
        status["containerID"] = f"containerd://{current.id}"
    if slot.waiting and not over:
        waiting = {"reason": slot.waiting, **({"message": slot.message} if slot.message else {})}
        status["state"] = {"waiting": waiting}
        if current is not None and current.state == "exited":
            status["lastState"] = _terminated(current)
    elif current is None or current.state == "created":
        status["state"] = {"waiting": {"reason": first}}
    elif current.state == "running":
        status["state"] = {"running": {"startedAt": times.stamp(current.started_us)}}
    else:
        status["state"] = _terminated(current)
        if slot.kind == INIT and current.exit_code == 0:
            status["ready"] = True
    if not status["lastState"] and last is not None:
        status["lastState"] = _terminated(last)
    if current is None:
        status["image"] = str(slot.spec.get("image") or "")
    return status


def phase(worker: PodWorker) -> str:
    """Tell the phase from the containers."""
    policy = worker.policy
    waiting_init = failed_init = 0
    for slot in worker.inits:
        if slot.kind == SIDECAR:
            waiting_init += not slot.started and not worker.initialized
        elif slot.done or worker.initialized:
            continue
        elif slot.exited and slot.current is not None and slot.current.exit_code != 0:
            failed_init += 1
        else:
            waiting_init += 1
    if failed_init and policy == "Never":
        return "Failed"
    if waiting_init or failed_init:
        return "Pending"
    running = sum(slot.running for slot in worker.mains)
    stopped = [slot.current for slot in worker.mains if slot.exited and slot.current is not None]
    if any(slot.current is None or slot.current.state == "created" for slot in worker.mains):
        return "Pending"
    if running:
        return "Running"
    if policy == "Always" and not worker.over:
        return "Running"
    if all(container.exit_code == 0 for container in stopped):
        return "Succeeded"
    return "Failed" if policy == "Never" or worker.over else "Running"


@lru_cache(maxsize=4096)
def _condition(kind: str, holds: bool, reason: str, message: str, since: str) -> Object:
    """Make a condition; pods that became so in the same second share it."""
    return {"type": kind, "status": "True" if holds else "False", "lastProbeTime": None,
            **({"reason": reason} if reason else {}), **({"message": message} if message else {}),
            "lastTransitionTime": since}


def _unready(slots: Iterable[Slot], now: str) -> tuple[bool, str, str]:
    """Tell whether containers are ready, and why not."""
    if now in ("Succeeded", "Failed"):
        return False, "PodCompleted" if now == "Succeeded" else "PodFailed", ""
    unready = [slot.name for slot in slots if not slot.ready]
    if not unready:
        return True, "", ""
    return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def conditions(worker: PodWorker, now: str, old: list[Object], stamp: str) -> list[Object]:
    """Write the conditions; those of others are kept, and a transition time changes only with its status."""
    ready = _unready([*worker.mains, *(s for s in worker.inits if s.kind == SIDECAR)], now)
    incomplete = [slot.name for slot in worker.inits if not (slot.done if slot.kind == INIT else slot.started)]
    if worker.initialized or not incomplete or now == "Succeeded":
        initialized = True, "PodCompleted" if now == "Succeeded" else "", ""
    else:
        initialized = False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]"
    said = [("Initialized", *initialized), ("Ready", *ready), ("ContainersReady", *ready), ("PodScheduled", True, "", "")]
    if worker.kubelet.minor >= (1, 29):
        network = worker.sandbox is not None and worker.sandbox.ready and now not in ("Succeeded", "Failed")
        said.insert(0, ("PodReadyToStartContainers", network, "", ""))
    if worker.reason == "Evicted" and worker.kubelet.minor >= (1, 26):
        said.append(("DisruptionTarget", True, "TerminationByKubelet", worker.message))
        old = [each for each in old if each["type"] != "DisruptionTarget"]
    known = {each["type"]: each for each in old}
    out = [each for each in old if each["type"] not in OWNED]
    for kind, holds, reason, message in said:
        before, since = known.get(kind), stamp
        if before is not None and before.get("status") == ("True" if holds else "False") and "lastTransitionTime" in before:
            since = before["lastTransitionTime"]
        out.append(_condition(kind, holds, reason, message, since))
    return out


@lru_cache(maxsize=4096)
def _addresses(host: str) -> list[Object]:
    return [{"ip": host}]


def pod_status(worker: PodWorker) -> Object:
    """Write the whole status."""
    stamp = times.stamp(worker.engine.unix_us)
    old = worker.pod.get("status") or {}
    now = worker.final or phase(worker)
    status: dict[str, Any] = {name: value for name, value in old.items() if name in (
        "qosClass", "nominatedNodeName", "resize", "observedGeneration")}
    status["phase"] = now
    status["conditions"] = conditions(worker, now, old.get("conditions") or [], stamp)
    if worker.reason:
        status["reason"], status["message"] = worker.reason, worker.message
    status["startTime"] = old.get("startTime") or stamp
    host = worker.kubelet.host.address
    status["hostIP"] = host
    if worker.kubelet.minor >= (1, 28):
        status["hostIPs"] = _addresses(host)
    if worker.sandbox is not None:
        status["podIP"], status["podIPs"] = worker.sandbox.address, [{"ip": worker.sandbox.address}]
    elif old.get("podIP"):
        status["podIP"], status["podIPs"] = old["podIP"], old.get("podIPs", [])
    over = bool(worker.final) or worker.over
    first = "PodInitializing" if worker.inits else "ContainerCreating"
    if worker.inits:
        status["initContainerStatuses"] = [container_status(slot, over=over, first=first) for slot in worker.inits]
    status["containerStatuses"] = [container_status(slot, over=over, first=first) for slot in worker.mains]
    return status


__all__ = ["REGULAR", "container_status", "phase", "pod_status"]
