"""diff: what apply would change, as a unified diff.

Models: kubectl/pkg/cmd/diff/diff.go. The program is diff itself: -u, or -U N by KUBECTL_EXTERNAL_DIFF; others refuse.
"""

from __future__ import annotations

import difflib
import re

from sim.api import objects, times
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.resource.chosen import Info, from_files
from sim.shell.kubectl.writing.create import labelled, server_side_manager
from sim.shell.kubectl.writing.lastapplied import LAST_APPLIED, last_applied

DIGITS = "0123456789"
SAME, DIFFERENT, TROUBLE = 0, 1, 2


def diff(inv: Invocation) -> Steps[int]:
    """Run `kubectl diff`: status 0 no difference, 1 differences, more for trouble."""
    if not inv.flags["filename"] and not inv.flags["kustomize"]:
        raise UsageError("must specify one of -f and -k", status=TROUBLE)
    if inv.args:
        fault = inv.usage(f"Unexpected args: [{' '.join(inv.args)}]")
        fault.status = TROUBLE
        raise fault
    program, context = _program(inv)
    chosen = yield from from_files(inv)
    for error in chosen.errors:
        if isinstance(error, UsageError):
            error.status = TROUBLE
        raise error
    pairs: dict[str, tuple[str, str]] = {}
    try:
        for info in chosen:
            if labelled(inv, info):
                live, merged = yield from _both(inv, info)
                pairs[_file_of(info)] = (_text(live), _text(merged))
    except StatusError as error:
        inv.err(server_error(error))
        return TROUBLE
    return _show(inv, pairs, program, context)


def _program(inv: Invocation) -> tuple[str, int]:
    """Give the program's words and its lines of context."""
    words = (inv.call.env.get("KUBECTL_EXTERNAL_DIFF") or "diff -u -N").split()
    if words[0] != "diff":
        raise NotSimulated(f"KUBECTL_EXTERNAL_DIFF={words[0]}")
    found = re.search(r"-U ?(\d+)", " ".join(words))
    return " ".join(words), int(found[1]) if found else 3


def _both(inv: Invocation, info: Info) -> Steps[tuple[Object | None, Object]]:
    """Give the live object and what it would become."""
    live = yield from inv.find(info.key)
    query = {"dryRun": "All"}
    if inv.flags["server-side"]:
        query |= {"patchType": "apply", "fieldManager": server_side_manager(inv),
                  "force": str(bool(inv.flags["force-conflicts"])).lower()}
        merged = yield from inv.send("patch", info.key, body=info.obj, query=query)
    elif live is None:
        merged = yield from inv.send("create", Key(info.key.resource, info.namespace, ""), body=info.obj, query=query)
    else:
        notes = {name: text for name, text in objects.annotations(info.obj).items() if name != LAST_APPLIED}
        wanted = objects.put(info.obj, "metadata.annotations", notes)
        change = patches.three_way(last_applied(live) or {}, wanted, live)
        merged = (yield from inv.send("patch", info.key, body=change, query={"patchType": "strategic", **query})
                  ) if change else live
    if info.mapping.kind == "Secret":
        live, merged = _masked(live, merged)
    return live, merged


def _masked(live: Object | None, merged: Object) -> tuple[Object | None, Object]:
    """Hide the values of Secrets; only whether they changed is shown."""
    old, new = (live or {}).get("data") or {}, merged.get("data") or {}
    before = {name: "***" if old[name] == new.get(name) or name not in new else "*** (before)" for name in old}
    after = {name: "***" if old.get(name) == new[name] or name not in old else "*** (after)" for name in new}
    return ({**live, "data": before} if live and old else live), ({**merged, "data": after} if new else merged)


def _file_of(info: Info) -> str:
    group = f"{info.mapping.group}.{info.mapping.version}" if info.mapping.group else info.mapping.version
    return f"{group}.{info.mapping.kind}.{info.namespace}.{info.name}"


def _text(obj: Object | None) -> str:
    return to_yaml(objects.drop(obj, "metadata.managedFields")) if obj else ""


def _show(inv: Invocation, pairs: dict[str, tuple[str, str]], program: str, context: int) -> int:
    numbers = inv.engine.stream("kubectl.diff")
    folders = [f"/tmp/{word}-{numbers.text(DIGITS, 9)}" for word in ("LIVE", "MERGED")]  # noqa: S108
    stamp = times.stamp_micro(inv.engine.unix_us)
    moment = f"{stamp[:10]} {stamp[11:26]}000 +0000"
    status = SAME
    for name, (old, new) in sorted(pairs.items()):
        if old == new:
            continue
        status = DIFFERENT
        paths = [f"{folder}/{name}" for folder in folders]
        inv.out(f"{program} {' '.join(paths)}")
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), paths[0], paths[1], moment, moment, context, ""):
            inv.out(line)
    return status
