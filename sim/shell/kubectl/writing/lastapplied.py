"""The annotation in which apply keeps what it last applied; `apply view-last-applied`, `apply set-last-applied`.

Models: kubectl/pkg/util/apply.go, kubectl/pkg/cmd/apply/apply_{view,set}_last_applied.go.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.resource.chosen import choose, from_files
from sim.shell.kubectl.resource.selection import NOTHING_NAMED
from sim.shell.kubectl.writing.output import Printer, dry_run, report

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def text_of(obj: Object) -> str:
    """Write the configuration that is kept: the object without the annotation itself."""
    kept = {name: value for name, value in objects.annotations(obj).items() if name != LAST_APPLIED}
    return go_json(objects.put(obj, "metadata.annotations", kept)) + "\n"


def go_json(value: Any) -> str:
    """Write JSON on one line as Go does: keys sorted, `<`, `>` and `&` escaped."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def with_last_applied(obj: Object) -> Object:
    """Give the object with its own configuration in the annotation."""
    annotations = {**objects.annotations(obj), LAST_APPLIED: text_of(obj)}
    return objects.put(obj, "metadata.annotations", annotations)


def last_applied(obj: Object) -> Object | None:
    """Give what was last applied, None where nothing was."""
    text = objects.annotations(obj).get(LAST_APPLIED)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def view_last_applied(inv: Invocation) -> Steps[int]:
    """Run `kubectl apply view-last-applied`."""
    form = inv.flags["output"] or "yaml"
    if form not in ("yaml", "json"):
        raise inv.usage(f"Unexpected -o output mode: {form}, the flag 'output' must be one of yaml|json")
    chosen = yield from choose(inv)
    if chosen.errors:
        return report(inv, chosen.errors)
    for info in chosen:
        found = last_applied(info.obj)
        if found is None:
            if inv.flags["filename"] or len(chosen) == 1:
                return 0
            raise UsageError(f"no last-applied-configuration annotation found on resource: {info.name}")
        inv.call.write(to_yaml(found) if form == "yaml" else
                       json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    return 0


def set_last_applied(inv: Invocation) -> Steps[int]:
    """Run `kubectl apply set-last-applied`."""
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    if not inv.flags["filename"]:
        raise UsageError(NOTHING_NAMED)
    chosen = yield from from_files(inv)
    errors = list(chosen.errors)
    for info in chosen:
        try:
            live = yield from inv.send("get", info.key)
            if LAST_APPLIED not in objects.annotations(live) and not inv.flags["create-annotation"]:
                raise UsageError(f"no last-applied-configuration annotation found on resource: {info.name}, to create the "
                                 "annotation, run the command with --create-annotation")
            text = text_of(info.obj)
            if objects.annotations(live).get(LAST_APPLIED) != text and not dry.client:
                body = {"metadata": {"annotations": {LAST_APPLIED: text}}}
                live = yield from inv.send("patch", info.key, body=body, query={"patchType": "merge", **dry.query})
            printer.done(info.mapping, live, "configured")
        except (StatusError, UsageError) as error:
            errors.append(error)
            break
    return report(inv, errors)
