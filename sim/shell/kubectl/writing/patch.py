"""patch and replace.

Models: kubectl/pkg/cmd/patch/patch.go, kubectl/pkg/cmd/replace/replace.go.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame import goyaml
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, choose, from_files
from sim.shell.kubectl.writing.create import field_validation, labelled, raw, validates
from sim.shell.kubectl.writing.delete import gone, say_deleted
from sim.shell.kubectl.writing.lastapplied import LAST_APPLIED, with_last_applied
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, report, sourced

NOTHING = "must specify --patch or --patch-file containing the contents of the patch"


def body_of(inv: Invocation) -> Any:
    """Read the patch of the flags. Raises UsageError."""
    text, path = inv.flags["patch"], inv.flags["patch-file"]
    if text and path:
        raise UsageError("cannot specify --patch and --patch-file together")
    if not text and not path:
        raise UsageError(NOTHING)
    if path:
        try:
            text = inv.call.files.read(inv.call.path(path)).decode(errors="replace")
        except FileError as error:
            raise UsageError(f"unable to read patch file: open {path}: {str(error.args[0]).lower()}") from None
    try:
        return json.loads(text) if text.lstrip()[:1] in "{[" else goyaml.load(text)
    except json.JSONDecodeError:
        try:
            return goyaml.load(text)
        except goyaml.GoYamlError as error:
            raise UsageError(f"unable to parse {goquote(text)}: {error}") from None
    except goyaml.GoYamlError as error:
        raise UsageError(f"unable to parse {goquote(text)}: {error}") from None


def goquote(text: str) -> str:
    """Quote a text as Go's %q does."""
    return json.dumps(text, ensure_ascii=False)


def patch(inv: Invocation) -> Steps[int]:
    """Run `kubectl patch`."""
    kind = str(inv.flags["type"]).lower()
    if kind not in ("json", "merge", "strategic"):
        raise UsageError(f'--type must be one of [json merge strategic], not "{inv.flags["type"]}"')
    body = body_of(inv)
    if inv.flags["local"] and not inv.flags["filename"]:
        raise UsageError("--local can only be used with --filename" if inv.args else NOTHING)
    dry = dry_run(inv)
    printer = Printer(inv, DryRun())
    chosen = yield from (from_files(inv) if inv.flags["local"] else choose(inv))
    errors = list(chosen.errors)
    for info in chosen:
        try:
            old = info.obj
            if dry.client or inv.flags["local"]:
                new = _locally(old, body, kind)
                changed = True
            else:
                subresource = inv.flags["subresource"] or ""
                new = yield from inv.send("patch", info.key, body=body, subresource=subresource,
                                          query={"patchType": kind, **dry.query})
                changed = not _same(old, new) or bool(subresource)
            printer.done(info.mapping, new, "patched" if changed else "patched (no change)")
        except StatusError as error:
            errors.append(error)
    return report(inv, errors)


def _locally(old: Object, body: Any, kind: str) -> Object:
    apply = {"json": patches.json_patch, "merge": patches.merge_patch, "strategic": patches.strategic_merge}[kind]
    new: Object = apply(old, body)
    return new


def _same(old: Object, new: Object) -> bool:
    return objects.drop(old, "metadata.managedFields") == objects.drop(new, "metadata.managedFields")


# ---- replace ------------------------------------------------------------------------------------------------------
def replace(inv: Invocation) -> Steps[int]:
    """Run `kubectl replace`."""
    if inv.flags["raw"]:
        return (yield from raw(inv, "replace"))
    dry, force = dry_run(inv), bool(inv.flags["force"])
    if inv.flags["grace-period"] >= 0 and not force:
        raise UsageError("--grace-period must have --force specified")
    if inv.flags["timeout"] and not force:
        raise UsageError("--timeout must have --force specified")
    if not inv.flags["filename"] and not inv.flags["kustomize"]:
        raise UsageError("must specify one of -f and -k")
    if force and dry:
        raise UsageError("--dry-run can not be used when --force is set")
    chosen = yield from from_files(inv, validate=validates(inv))
    if not chosen and not chosen.errors:
        raise UsageError("no objects passed to replace")
    printer = Printer(inv, dry)
    errors = list(chosen.errors)
    if force:
        for info in chosen:
            yield from _remove(inv, info)
    for info in chosen:
        if not labelled(inv, info):
            continue
        try:
            printer.done(info.mapping, (yield from _put(inv, info, dry)), "replaced")
        except StatusError as error:
            errors.append(sourced(error, "replacing", info.source))
    return report(inv, errors)


def _put(inv: Invocation, info: Info, dry: DryRun) -> Steps[Object]:
    """Send the object in place of the old one."""
    query = {**field_validation(inv), **dry.query}
    obj = info.obj
    if inv.flags["save-config"] or LAST_APPLIED in objects.annotations(obj):
        obj = with_last_applied(obj)
    if dry.client:
        return obj
    if inv.flags["force"]:
        obj = objects.drop(objects.drop(obj, "metadata.resourceVersion"), "metadata.uid")
        made: Object = yield from inv.send("create", Key(info.key.resource, info.namespace, ""), body=obj, query=query)
        return made
    made = yield from inv.send("update", info.key, body=obj, query=query)
    return made


def _remove(inv: Invocation, info: Info) -> Steps[None]:
    """Delete what is there, and wait until it is gone."""
    live = yield from inv.find(info.key)
    if live is None:
        return
    grace = inv.flags["grace-period"]
    query = {"propagationPolicy": "Background", **({"gracePeriodSeconds": str(max(grace, 1))} if grace >= 0 else {})}
    yield from inv.send("delete", info.key, query=query)
    say_deleted(inv, info)
    yield from gone(inv, info.key, objects.uid(live), None)
