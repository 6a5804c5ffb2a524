"""Pods: their row. Models: pkg/registry/core/pod/strategy.go, printers.go (printPod), ValidatePodUpdate."""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds import podspec
from sim.apiserver.kinds.columns import AGE, NAME, age_of, at
from sim.apiserver.kinds.row import Columns, Resource, Strategy, defaulted

UPDATE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
OWN_SPEC = {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}


def default(obj: Object) -> Object:
    """Default a pod."""
    return {**obj, "spec": defaulted(podspec.default(obj.get("spec") or {}), OWN_SPEC)}


def default_beyond_template(obj: Object) -> Object:
    """Default what templates leave open, in a pod whose spec is its template's."""
    return {**obj, "spec": defaulted(obj["spec"], OWN_SPEC)}


def prepare(obj: Object) -> Object:
    """Begin a pod's life: Pending, with its quality of service."""
    conditions = []
    if objects.dig(obj, "spec.schedulingGates"):
        conditions.append({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                           "message": "Scheduling is blocked due to non-empty scheduling gates",
                           "lastProbeTime": None, "lastTransitionTime": obj["metadata"].get("creationTimestamp")})
    status: Object = {"phase": "Pending", "qosClass": qos_class(obj)}
    if conditions:
        status["conditions"] = conditions
    return {**obj, "status": status}


def qos_class(pod: Object) -> str:
    """Tell the quality of service class from requests and limits. Models: pkg/apis/core/v1/helper/qos."""
    spec = pod["spec"]
    seen = []
    for each in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        resources = each.get("resources") or {}
        seen.append([{k: v for k, v in (resources.get(group) or {}).items() if k in ("cpu", "memory") and v != "0"}
                     for group in ("requests", "limits")])
    if not any(requests or limits for requests, limits in seen):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(limits) and requests == limits for requests, limits in seen)
    return "Guaranteed" if full else "Burstable"


def validate(obj: Object, faults: Faults) -> None:
    """List a pod's faults."""
    podspec.validate(obj.get("spec") or {}, "spec", faults)


def validate_update(new: Object, old: Object, faults: Faults) -> None:
    """Refuse changes of what a pod may not change."""
    before, after = old["spec"], new["spec"]
    if len(after.get("containers") or []) != len(before.get("containers") or []):
        faults.forbidden("spec.containers", "pod updates may not add or remove containers")
        return
    if len(after.get("initContainers") or []) != len(before.get("initContainers") or []):
        faults.forbidden("spec.initContainers", "pod updates may not add or remove containers")
        return
    for number, each in enumerate(after.get("containers") or []):
        if not each.get("image"):
            faults.required(f"spec.containers[{number}].image")
    kept = [t for t in before.get("tolerations") or [] if t not in (after.get("tolerations") or [])]
    gates = [g for g in after.get("schedulingGates") or [] if g not in (before.get("schedulingGates") or [])]
    if gates:
        faults.forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate "
                         f"'{gates[0].get('name')}'")
    gated = bool(before.get("schedulingGates"))
    if kept and _core(before, gated=gated) == _core(after, gated=gated):
        faults.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    elif _core(before, gated=gated) != _core(after, gated=gated):
        faults.forbidden("spec", UPDATE_TEXT)


def _core(spec: Object, *, gated: bool) -> Object:
    """Give what an update may not touch; a gated pod may still narrow where it goes."""
    free = {"tolerations", "activeDeadlineSeconds", "schedulingGates"} | ({"nodeSelector", "affinity"} if gated else set())
    core = {name: value for name, value in spec.items() if name not in free}
    for name in ("containers", "initContainers"):
        core[name] = [{part: value for part, value in each.items() if part != "image"} for each in spec.get(name) or []]
    if core.get("terminationGracePeriodSeconds", 30) < 0 or core.get("terminationGracePeriodSeconds") == 1:
        core.pop("terminationGracePeriodSeconds")
    return core


# ---- columns ------------------------------------------------------------------------------------------------------
def pod_status(pod: Object) -> str:
    """Give the STATUS of a pod as kubectl shows it. Models: printPod."""
    status = pod.get("status") or {}
    reason = status.get("reason") or status.get("phase", "Unknown")
    gate = objects.condition(pod, "PodScheduled")
    if gate is not None and gate.get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    inits = objects.dig(pod, "spec.initContainers", [])
    sidecars = {each["name"] for each in inits if each.get("restartPolicy") == "Always"}
    for number, init in enumerate(status.get("initContainerStatuses") or []):
        state = init.get("state") or {}
        ended = state.get("terminated")
        if (ended and ended.get("exitCode") == 0) or (init.get("name") in sidecars and init.get("started")):
            continue
        if ended and ended.get("reason"):
            reason = f"Init:{ended['reason']}"
        elif ended:
            signal = ended.get("signal")
            reason = f"Init:Signal:{signal}" if signal else f"Init:ExitCode:{ended.get('exitCode', 0)}"
        elif (state.get("waiting") or {}).get("reason") not in (None, "", "PodInitializing"):
            reason = f"Init:{state['waiting']['reason']}"
        else:
            reason = f"Init:{number}/{len(inits)}"
        break
    else:
        reason = _containers_reason(status, reason)
    if objects.deleting(pod):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        return str(reason) if status.get("phase") in ("Succeeded", "Failed") else "Terminating"
    return str(reason)


def _containers_reason(status: Object, reason: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            signal = ended.get("signal")
            reason = ended.get("reason") or (f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}")
        elif each.get("ready") and state.get("running"):
            running = True
    if reason == "Completed" and running:
        ready = objects.condition_status({"status": status}, "Ready") == "True"
        return "Running" if ready else "NotReady"
    return reason


def _ready(pod: Object, _: int) -> str:
    sidecars = {each["name"] for each in objects.dig(pod, "spec.initContainers", [])
                if each.get("restartPolicy") == "Always"}
    statuses = [*objects.dig(pod, "status.containerStatuses", []),
                *(each for each in objects.dig(pod, "status.initContainerStatuses", []) if each.get("name") in sidecars)]
    ready = sum(1 for each in statuses if each.get("ready") and (each.get("state") or {}).get("running"))
    return f"{ready}/{len(objects.dig(pod, 'spec.containers', [])) + len(sidecars)}"


def _restarts(pod: Object, now_us: int) -> str:
    statuses = objects.dig(pod, "status.containerStatuses", [])
    inits = objects.dig(pod, "status.initContainerStatuses", [])
    waiting = any(not (each.get("state") or {}).get("terminated") or
                  objects.dig(each, "state.terminated.exitCode", 0) for each in inits)
    if waiting and not any((each.get("state") or {}).get("running") for each in statuses):
        statuses = inits
    count = sum(each.get("restartCount", 0) for each in statuses)
    ends = [objects.dig(each, "lastState.terminated.finishedAt") for each in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age_of(last, now_us)} ago)" if count and last else str(count)


def _gates(pod: Object, _: int) -> str:
    gates = objects.dig(pod, "spec.readinessGates", [])
    met = sum(objects.condition_status(pod, gate.get("conditionType", "")) == "True" for gate in gates)
    return f"{met}/{len(gates)}" if gates else "<none>"


COLUMNS: Columns = (
    NAME, ("Ready", 0, _ready), ("Status", 0, lambda pod, _: pod_status(pod)), ("Restarts", 0, _restarts), AGE,
    ("IP", 1, at("status.podIP")), ("Node", 1, at("spec.nodeName")),
    ("Nominated Node", 1, at("status.nominatedNodeName")), ("Readiness Gates", 1, _gates))
FIELDS = ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
          "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName")
POD = Resource(
    "pods", "Pod", short_names=("po",), categories=("all",), spec_fields=("spec",), columns=COLUMNS,
    subresources=("status", "binding", "eviction", "log", "exec", "attach", "portforward", "proxy",
                  "ephemeralcontainers", "resize"),
    strategy=Strategy(default=default, prepare=prepare, validate=validate, validate_update=validate_update,
                      fields=FIELDS))
