"""run: one bare pod, and a service for it with --expose.

Models: kubectl/pkg/cmd/run/run.go, kubectl/pkg/generate/versioned/run.go. Attached (-i, -t, --attach) it knows the programs
of `session.programs`, as exec does; shells that wait for keys are left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated
from sim.engine import Steps, microseconds
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import create, finish, mapping
from sim.shell.kubectl.generate.services import SERVICE
from sim.shell.kubectl.resource.chosen import selector_labels
from sim.shell.kubectl.session import programs
from sim.shell.kubectl.words.verbs import Verb
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, typed

POD = mapping("pods", "Pod")
REFERENCE = re.compile(r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9])(?::\d+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
                       r"(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z][\w.+-]*:[0-9a-fA-F]+)?")
PATIENCE_SECONDS, LOOK_SECONDS = 60.0, 0.5
PLACE_SAID_SINCE = (1, 34)
POLICIES = ("Always", "OnFailure", "Never")
PULLS = ("Always", "IfNotPresent", "Never")
ATTACHED = "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)"


def check(inv: Invocation, dry: DryRun) -> None:
    """Complain about flags that make no sense. Raises UsageError, NotSimulated."""
    flags = inv.flags
    if not inv.args:
        raise inv.usage("NAME is required for run")
    attached = flags["attach"] or flags["stdin"] or flags["tty"]
    if flags["tty"] and not flags["stdin"]:
        raise inv.usage("-i/--stdin is required for containers with -t/--tty=true")
    if not flags["image"]:
        raise UsageError("--image is required")
    if not REFERENCE.fullmatch(flags["image"]):
        raise UsageError(f'Invalid image name "{flags["image"]}": invalid reference format')
    if flags["expose"] and not flags["port"]:
        raise inv.usage("--port must be set when exposing a service")
    if dry and attached:
        raise inv.usage(ATTACHED)
    if flags["restart"] not in POLICIES:
        raise inv.usage(f"invalid restart policy: {flags['restart']}")
    if flags["image-pull-policy"] and flags["image-pull-policy"] not in PULLS:
        raise inv.usage(f"invalid image pull policy: {flags['image-pull-policy']}")
    if flags["rm"] and not attached:
        raise inv.usage("--rm should only be used for attached containers")
    if attached and (unknown := programs.known(inv.args[1:])):
        raise NotSimulated(f"kubectl run, attached: {unknown} in a container")


def pairs(words: list[str], complaint: str) -> dict[str, str]:
    """Read `a=b` words. Raises UsageError."""
    found = {}
    for word in words:
        name, equal, value = word.partition("=")
        if not equal or not name:
            raise UsageError(complaint.format(word))
        found[name] = value
    return found


def port_of(inv: Invocation) -> int:
    """Read --port. Raises UsageError."""
    text = str(inv.flags["port"] or "")
    if not re.fullmatch(r"[-+]?\d+", text or "0"):
        raise UsageError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text or 0)


def pod_of(inv: Invocation) -> Object:
    """Make the pod."""
    flags, name, words = inv.flags, inv.args[0], inv.args[1:]
    container: Object = {"name": name, "image": flags["image"]}
    if words:
        container["command" if flags["command"] else "args"] = words
    if port := port_of(inv):
        container["ports"] = [{"containerPort": port}]
    if env := pairs(flags["env"] or [], "invalid env: {}"):
        container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    container["resources"] = {}
    if flags["image-pull-policy"]:
        container["imagePullPolicy"] = flags["image-pull-policy"]
    if flags["privileged"]:
        container["securityContext"] = {"privileged": True}
    labels = dict(sorted(selector_labels(flags["labels"] or ""))) or {"run": name}
    notes = pairs(flags["annotations"] or [], "invalid annotations format: {}")
    space = {"namespace": inv.namespace} if "namespace" in inv.given else {}
    return {"kind": POD.kind, "apiVersion": POD.api_version,
            "metadata": {"name": name, **space, "labels": labels, **({"annotations": notes} if notes else {})},
            "spec": {"containers": [container], "restartPolicy": flags["restart"], "dnsPolicy": "ClusterFirst"},
            "status": {}}


def overridden(inv: Invocation, obj: Object) -> Object:
    """Apply --overrides. Raises UsageError."""
    text, how = inv.flags["overrides"], inv.flags["override-type"] or "merge"
    if not text:
        return obj
    try:
        change: Any = json.loads(text)
    except ValueError:
        raise UsageError("Invalid JSON Patch") from None
    apply = {"json": patches.json_patch, "merge": patches.merge_patch, "strategic": patches.strategic_merge}.get(how)
    if apply is None:
        raise UsageError(f"invalid override type: {how}")
    new: Object = apply(obj, change)
    return new


def run(inv: Invocation) -> Steps[int]:
    """Run `kubectl run`."""
    dry = dry_run(inv)
    check(inv, dry)
    printer = Printer(inv, dry)
    pod = pod_of(inv)
    if inv.flags["expose"]:
        yield from _expose(inv, pod, dry, printer)
        if printer.form.kind == "yaml":
            inv.out("---")
    whole = overridden(inv, pod)
    if not (inv.flags["attach"] or inv.flags["stdin"] or inv.flags["tty"]):
        return (yield from finish(inv, POD, whole, dry=dry, printer=printer))
    made = yield from create(inv, POD, whole, dry)
    return (yield from _attached(inv, made))


def _attached(inv: Invocation, made: Object) -> Steps[int]:
    """Show what the new pod's program writes, wait for its end, and remove the pod with --rm.

    The program is run by `session.programs` when its container starts; the container itself ends as its command line says.
    """
    key = objects.key("pods", made)
    try:
        pod = yield from _until(inv, key, ("Running", "Succeeded", "Failed"), PATIENCE_SECONDS)
        if pod is None:
            raise UsageError("timed out waiting for the condition")
        status = yield from programs.run(programs.Inside(inv, pod, pod["spec"]["containers"][0]), inv.args[1:])
        if inv.flags["restart"] == "Never":
            yield from _until(inv, key, ("Succeeded", "Failed"), PATIENCE_SECONDS)
            if status:
                inv.err(f"pod {key.namespace}/{key.name} terminated (Error)")
        return status if inv.flags["restart"] == "Never" else 0
    finally:
        if inv.flags["rm"]:
            yield from inv.send("delete", key)
            place = f" from {key.namespace} namespace" if inv.version >= PLACE_SAID_SINCE else ""
            inv.out(f'pod "{key.name}" deleted{place}')


def _until(inv: Invocation, key: Key, phases: tuple[str, ...], seconds: float) -> Steps[Object | None]:
    """Wait until a pod is in one of the phases; None when that takes too long."""
    end_us = inv.engine.now_us + microseconds(seconds)
    while inv.engine.now_us < end_us:
        pod: Object = yield from inv.send("get", key)
        if objects.dig(pod, "status.phase") in phases:
            return pod
        yield inv.engine.sleep(microseconds(LOOK_SECONDS))
    return None


def _expose(inv: Invocation, pod: Object, dry: DryRun, printer: Printer) -> Steps[None]:
    """Make the service of --expose."""
    port = port_of(inv)
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace") if name in pod["metadata"]}
    service = {"kind": "Service", "apiVersion": "v1", "metadata": metadata,
               "spec": {"ports": [{"protocol": "TCP", "port": port, "targetPort": port}], "selector": objects.labels(pod)},
               "status": {"loadBalancer": {}}}
    if not dry.client:
        service = yield from create(inv, SERVICE, service, dry)
    printer.done(SERVICE, typed(inv, service) if dry.client else service, "created", in_order=dry.client)


MODELS = ("dry-run", "output", "save-config", "validate", "field-manager", "image", "port", "env", "labels", "annotations",
          "command", "restart", "image-pull-policy", "privileged", "overrides", "override-type", "expose", "attach", "stdin",
          "tty", "rm", "quiet", "leave-stdin-open", "pod-running-timeout")
VERBS = {"run": Verb(run, MODELS, required=("image",))}
