"""rollout status: what a rollout waits for, until it is done.

Models: kubectl/pkg/cmd/rollout/rollout_status.go, kubectl/pkg/polymorphichelpers/rollout_status.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Object
from sim.engine import SECOND_US, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.following import Follow
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, choose
from sim.shell.kubectl.writing.output import report

REVISION = "deployment.kubernetes.io/revision"
ROLLING_ONLY = "rollout status is only available for RollingUpdate strategy type"
TIMED_OUT = "timed out waiting for the condition"


def deployment(obj: Object, revision: int) -> tuple[str, bool]:
    """Tell where a Deployment's rollout is: a text, and whether it is over. Raises UsageError."""
    name, status = objects.name(obj), obj.get("status") or {}
    if revision:
        running = int(objects.annotations(obj).get(REVISION) or 0)
        if running != revision:
            raise UsageError(f"desired revision ({revision}) is different from the running revision ({running})")
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    progressing = objects.condition(obj, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        raise UsageError(f'deployment "{name}" exceeded its progress deadline')
    wanted = objects.dig(obj, "spec.replicas", 1)
    updated, total, usable = (status.get(n, 0) for n in ("updatedReplicas", "replicas", "availableReplicas"))
    head = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{head}{updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{head}{total - updated} old replicas are pending termination...", False
    if usable < updated:
        return f"{head}{usable} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True


def daemon_set(obj: Object, revision: int) -> tuple[str, bool]:
    """Tell where a DaemonSet's rollout is."""
    name, status = objects.name(obj), obj.get("status") or {}
    if objects.dig(obj, "spec.updateStrategy.type") != "RollingUpdate":
        raise UsageError(ROLLING_ONLY)
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for daemon set spec update to be observed...", False
    wanted = status.get("desiredNumberScheduled", 0)
    updated, usable = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    head = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{head}{updated} out of {wanted} new pods have been updated...", False
    if usable < wanted:
        return f"{head}{usable} of {wanted} updated pods are available...", False
    return f'daemon set "{name}" successfully rolled out', True


def stateful_set(obj: Object, revision: int) -> tuple[str, bool]:
    """Tell where a StatefulSet's rollout is."""
    status, strategy = obj.get("status") or {}, objects.dig(obj, "spec.updateStrategy", {})
    if strategy.get("type") != "RollingUpdate":
        raise UsageError(ROLLING_ONLY)
    seen = status.get("observedGeneration", 0)
    if not seen or obj["metadata"].get("generation", 0) > seen:
        return "Waiting for statefulset spec update to be observed...", False
    wanted, ready, updated = objects.dig(obj, "spec.replicas", 1), status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    partition = objects.dig(strategy, "rollingUpdate.partition")
    if partition is not None:
        if updated < wanted - partition:
            return (f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition} new pods have been "
                    "updated..."), False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    current, update = status.get("currentRevision", ""), status.get("updateRevision", "")
    if update != current:
        return f"waiting for statefulset rolling update to complete {updated} pods at revision {update}...", False
    return f"statefulset rolling update complete {status.get('currentReplicas', 0)} pods at revision {current}...", True


VIEWERS = {"Deployment": deployment, "DaemonSet": daemon_set, "StatefulSet": stateful_set}


def status(inv: Invocation) -> Steps[int]:
    """Run `kubectl rollout status`."""
    if not inv.args and not inv.flags["filename"]:
        raise UsageError("required resource not specified")
    if inv.flags["revision"] < 0:
        raise UsageError("revision must be a positive integer: " + str(inv.flags["revision"]))
    chosen = yield from choose(inv, everything=True)
    timeout = inv.flags["timeout"] or 0
    until_us = inv.engine.now_us + int(timeout * SECOND_US) if timeout else None
    if chosen.errors:
        return report(inv, chosen.errors)
    if not chosen:
        inv.err(f"No resources found in {inv.namespace} namespace.")
    for info in chosen:
        yield from _watch(inv, info, until_us)
    return 0


def _watch(inv: Invocation, info: Info, until_us: int | None) -> Steps[None]:
    """Follow one object until its rollout is over. Raises UsageError."""
    viewer = VIEWERS.get(info.mapping.kind)
    if viewer is None:
        raise UsageError(f"no status viewer has been implemented for {info.mapping.kind}")
    revision = inv.flags["revision"]
    if not inv.flags["watch"]:
        inv.out(viewer(info.obj, revision)[0])
        return
    while True:
        with Follow(inv, info.key.resource, lambda change: change.key == info.key) as changes:
            yield from changes.open()
            obj: Object | None = yield from inv.send("get", info.key)
            while obj is not None:
                text, over = viewer(obj, revision)
                inv.out(text)
                if over:
                    return
                change = yield from changes.next(until_us)
                if change is None:
                    break
                obj = change.new
            else:
                raise UsageError("object has been deleted")
            if not changes.cut:
                raise UsageError(TIMED_OUT)
