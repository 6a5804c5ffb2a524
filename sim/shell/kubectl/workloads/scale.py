"""scale: the number of replicas, through the scale subresource.

Models: kubectl/pkg/cmd/scale/scale.go, kubectl/pkg/scale/scale.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.errors import StatusError
from sim.engine import SECOND_US, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.following import Follow
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, choose
from sim.shell.kubectl.writing.output import Printer, dry_run, report

NEGATIVE = "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
NOT_FETCHED_FROM = (1, 34)
"""Since when scale does not read the objects first, so that what is missing is the server's own NotFound."""


def scale(inv: Invocation) -> Steps[int]:
    """Run `kubectl scale`."""
    if inv.flags["replicas"] < 0:
        raise UsageError(NEGATIVE)
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    guarded = inv.flags["current-replicas"] >= 0 or inv.flags["resource-version"]
    fetched = inv.version < NOT_FETCHED_FROM or dry.client or guarded or inv.flags["all"] or inv.flags["selector"]
    chosen = yield from choose(inv, fetch=bool(fetched))
    if inv.flags["resource-version"] and len(chosen) > 1:
        raise UsageError("cannot use --resource-version with multiple resources")
    if not chosen:
        texts = [str(error) for error in chosen.errors]
        shown = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""
        if inv.version >= NOT_FETCHED_FROM and chosen.errors:
            return report(inv, chosen.errors)
        raise UsageError(f"no objects passed to scale {shown}".rstrip())
    errors = list(chosen.errors)
    for info in chosen:
        try:
            if not dry.client:
                yield from _one(inv, info, dry.query)
            printer.done(info.mapping, {**info.obj, "metadata": {**info.obj.get("metadata", {}), "name": info.name}}, "scaled")
        except (StatusError, UsageError) as error:
            errors.append(error)
            break
    return report(inv, errors)


def _one(inv: Invocation, info: Info, query: dict[str, str]) -> Steps[None]:
    replicas, expected = inv.flags["replicas"], inv.flags["current-replicas"]
    version = inv.flags["resource-version"]
    if expected >= 0 or version:
        now = yield from inv.send("get", info.key, subresource="scale")
        if expected >= 0 and objects.dig(now, "spec.replicas", 0) != expected:
            raise UsageError(f"Expected replicas to be {expected}, was {objects.dig(now, 'spec.replicas', 0)}")
        if version and now["metadata"].get("resourceVersion") != version:
            raise UsageError(f"Expected resource version to be {version}, was {now['metadata'].get('resourceVersion')}")
    yield from inv.send("patch", info.key, subresource="scale", body={"spec": {"replicas": replicas}},
                        query={"patchType": "merge", **query})
    if inv.flags["timeout"]:
        yield from _wait(inv, info, replicas)


def _wait(inv: Invocation, info: Info, replicas: int) -> Steps[None]:
    """Wait until the controller has seen the change and as many replicas exist."""
    until_us = inv.engine.now_us + int(inv.flags["timeout"] * SECOND_US)
    with Follow(inv, info.key.resource, lambda change: change.key == info.key) as changes:
        yield from changes.open()
        obj = yield from inv.find(info.key)
        while obj is not None:
            seen = objects.dig(obj, "status.observedGeneration", 0) >= obj["metadata"].get("generation", 0)
            if seen and objects.dig(obj, "status.replicas", 0) == replicas:
                return
            change = yield from changes.next(until_us)
            if change is None:
                raise UsageError("timed out waiting for the condition")
            obj = change.new
