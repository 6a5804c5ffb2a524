"""rollout restart, pause, resume.

Models: kubectl/pkg/cmd/rollout/rollout_{restart,pause,resume}.go, kubectl/pkg/polymorphichelpers/object{restarter,pauser,
resumer}.go.
"""

from __future__ import annotations

from sim.api import objects, times
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose
from sim.shell.kubectl.writing.output import Printer, dry_run, report

RESTARTED = "kubectl.kubernetes.io/restartedAt"
RESTARTABLE = ("deployments", "daemonsets", "statefulsets")


def workloads(inv: Invocation) -> Steps[Chosen]:
    """Find the objects. Raises UsageError."""
    if not inv.args and not inv.flags["filename"]:
        raise UsageError("required resource not specified")
    return (yield from choose(inv, everything=True))


def name_of(info: Info) -> str:
    """Name an object as these verbs' errors do: `deployments.apps "web"`."""
    group = f".{info.mapping.group}" if info.mapping.group else ""
    return f'{info.mapping.plural}{group} "{info.name}"'


def _apply(inv: Invocation, chosen: Chosen, word: str, change: Object, check: dict[str, str] | None = None) -> Steps[int]:
    """Send the same change to all. check: what must hold, as a complaint by object."""
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    errors = list(chosen.errors)
    for info in chosen:
        complaint = (check or {}).get(info.plural)
        if complaint:
            errors.append(UsageError(f"error: {complaint}", prefix=""))
            continue
        try:
            obj = info.obj
            if not dry.client:
                obj = yield from inv.send("patch", info.key, body=change, query={"patchType": "strategic", **dry.query})
            printer.done(info.mapping, obj, word)
        except StatusError as error:
            errors.append(UsageError(f"failed to patch: {error.message}"))
    if not chosen and not errors:
        inv.err(f"No resources found in {inv.namespace} namespace.")
    return report(inv, errors)


def restart(inv: Invocation) -> Steps[int]:
    """Run `kubectl rollout restart`: change the template so that every pod is replaced."""
    chosen = yield from workloads(inv)
    complaints = {}
    for info in chosen:
        if info.mapping.plural not in RESTARTABLE:
            complaints[info.plural] = f"{name_of(info)} restarting is not supported"
        elif objects.dig(info.obj, "spec.paused"):
            complaints[info.plural] = f"{name_of(info)} can't restart paused deployment (run rollout resume first)"
    mark = {"metadata": {"annotations": {RESTARTED: times.stamp(inv.engine.unix_us)}}}
    return (yield from _apply(inv, chosen, "restarted", {"spec": {"template": mark}}, complaints))


def pause(inv: Invocation) -> Steps[int]:
    """Run `kubectl rollout pause` and `kubectl rollout resume`."""
    pausing = inv.command == "rollout pause"
    chosen = yield from workloads(inv)
    complaints = {}
    for info in chosen:
        paused = bool(objects.dig(info.obj, "spec.paused"))
        if info.mapping.kind != "Deployment":
            complaints[info.plural] = f"{name_of(info)} {'pausing' if pausing else 'resuming'} is not supported"
        elif paused == pausing:
            complaints[info.plural] = f"{name_of(info)} is {'already' if pausing else 'not'} paused"
    change = {"spec": {"paused": True if pausing else None}}
    return (yield from _apply(inv, chosen, "paused" if pausing else "resumed", change, complaints))
