"""rollout history and rollout undo: revisions are ReplicaSets of a Deployment, ControllerRevisions of the others.

Models: kubectl/pkg/polymorphichelpers/{history,rollback}.go, kubectl/pkg/cmd/rollout/rollout_{history,undo}.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info
from sim.shell.kubectl.workloads.restart import workloads
from sim.shell.kubectl.workloads.status import REVISION
from sim.shell.kubectl.workloads.template import template_lines
from sim.shell.kubectl.writing.lastapplied import LAST_APPLIED
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, report

CAUSE = "kubernetes.io/change-cause"
HASH = "pod-template-hash"
APPLIED = ("Warning: resource {} was previously managed with 'kubectl apply'. Rolling back will not update the "
           "kubectl.kubernetes.io/last-applied-configuration annotation, which may cause unexpected behavior on future "
           "'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.")
APPLIED_SAID_FROM = (1, 34)
PAUSED = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
KEPT_FROM_DEPLOYMENT = ("kubectl.kubernetes.io/last-applied-configuration", REVISION,
                        "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
                        "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision: its number, why it was made, its template, the object that keeps it."""

    number: int
    cause: str
    template: Object
    kept: Object


def revisions(inv: Invocation, info: Info, what: str) -> Steps[list[Revision]]:
    """Give the revisions of a workload, oldest first. what: what they are wanted for. Raises UsageError."""
    kind = info.mapping.kind
    if kind not in ("Deployment", "DaemonSet", "StatefulSet"):
        raise UsageError(f'error retrieving {what} for "{kind}", no visitor method exists for {{{info.mapping.group} {kind}}}')
    resource = "replicasets" if kind == "Deployment" else "controllerrevisions"
    body = yield from inv.send("list", Key(resource, info.namespace, ""))
    owned = [obj for obj in body["items"] if objects.controller_uid(obj) == objects.uid(info.obj)]
    found = []
    for obj in owned:
        cause = objects.annotations(obj).get(CAUSE, "")
        if kind == "Deployment":
            number = int(objects.annotations(obj).get(REVISION) or 0)
            template = objects.dig(obj, "spec.template", {})
        else:
            number = obj.get("revision", 0)
            patched = patches.strategic_merge(info.obj, obj.get("data") or {})
            template = objects.dig(patched, "spec.template", {})
        found.append(Revision(number, cause, template, obj))
    return sorted((each for each in found if each.number), key=lambda each: each.number)


# ---- history ------------------------------------------------------------------------------------------------------
def history(inv: Invocation) -> Steps[int]:
    """Run `kubectl rollout history`."""
    wanted = inv.flags["revision"]
    if wanted < 0:
        raise UsageError(f"revision must be a positive integer: {wanted}")
    if inv.flags["output"]:
        raise NotSimulated("kubectl rollout history -o")
    chosen = yield from workloads(inv)
    if chosen.errors:
        return report(inv, chosen.errors)
    for info in chosen:
        found = yield from revisions(inv, info, "history")
        if wanted and not found:
            inv.out(f"{info.shown} with revision #{wanted}\nNo rollout history found.")
            continue
        if wanted:
            one = next((each for each in found if each.number == wanted), None)
            if one is None:
                raise UsageError("unable to find the specified revision")
            inv.out(f"{info.shown} with revision #{wanted}")
            for line in template_lines(_shown(info, one)):
                inv.out(line)
            inv.out("")
            continue
        inv.out(f"{info.shown} ")
        if not found:
            inv.out("No rollout history found.")
            continue
        width = max(len("REVISION"), *(len(str(each.number)) for each in found)) + 2
        inv.out(f"{'REVISION':{width}}CHANGE-CAUSE")
        for each in found:
            inv.out(f"{each.number!s:{width}}{each.cause or '<none>'}")
        inv.out("")
    return 0


def _shown(info: Info, one: Revision) -> Object:
    """Give a revision's template with its cause among the annotations, as history shows it."""
    if not one.cause:
        return one.template
    notes = {**objects.dig(one.template, "metadata.annotations", {}), CAUSE: one.cause}
    return objects.put(one.template, "metadata.annotations", notes)


# ---- undo ---------------------------------------------------------------------------------------------------------
def undo(inv: Invocation) -> Steps[int]:
    """Run `kubectl rollout undo`."""
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    chosen = yield from workloads(inv)
    errors = list(chosen.errors)
    for info in chosen:
        try:
            if LAST_APPLIED in objects.annotations(info.obj) and inv.version >= APPLIED_SAID_FROM:
                inv.err(APPLIED.format(info.plural))
            yield from _back(inv, info, dry, printer)
        except (UsageError, StatusError) as error:
            errors.append(error)
    return report(inv, errors)


def _back(inv: Invocation, info: Info, dry: DryRun, printer: Printer) -> Steps[None]:
    """Roll one workload back. Raises UsageError, StatusError."""
    if objects.dig(info.obj, "spec.paused"):
        raise UsageError(PAUSED)
    found, number = (yield from revisions(inv, info, "rollbacker")), inv.flags["to-revision"]
    deployment = info.mapping.kind == "Deployment"
    if number:
        goal = next((each for each in found if each.number == number), None)
        if goal is None:
            raise UsageError(f"unable to find specified revision {number} in history")
    elif len(found) < 2:
        raise UsageError(f'no rollout history found for deployment "{info.name}"' if deployment else
                         "no last revision to roll back to")
    else:
        goal = found[-2]
    if dry.client:
        lines = template_lines(goal.template)
        inv.out(f"{info.shown} " + "\n".join(lines))
        inv.out(dry.suffix)
        return
    template = _without_hash(goal.template)
    if template == objects.dig(info.obj, "spec.template"):
        inv.out(f"{info.shown} skipped rollback (current template already matches revision {number})")
        return
    notes = _notes(info, goal) if deployment else None
    body: list[Object] = [{"op": "replace", "path": "/spec/template", "value": template}]
    if notes is not None:
        body.append({"op": "add", "path": "/metadata/annotations", "value": notes})
    new = yield from inv.send("patch", info.key, body=body, query={"patchType": "json", **dry.query})
    printer.done(info.mapping, new, "rolled back")


def _without_hash(template: Object) -> Object:
    labels = {name: value for name, value in objects.dig(template, "metadata.labels", {}).items() if name != HASH}
    return objects.put(template, "metadata.labels", labels)


def _notes(info: Info, goal: Revision) -> dict[str, str]:
    """Give a Deployment the annotations of the ReplicaSet, but for those that are the Deployment's own."""
    own, kept = objects.annotations(info.obj), objects.annotations(goal.kept)
    notes = {name: value for name, value in own.items() if name in KEPT_FROM_DEPLOYMENT}
    return {**notes, **{name: value for name, value in kept.items() if name not in KEPT_FROM_DEPLOYMENT}}
