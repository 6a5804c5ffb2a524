"""delete: ask for the end of objects, and wait for it.

Models: kubectl/pkg/cmd/delete/delete.go, kubectl/pkg/cmd/wait/delete.go (IsDeleted).
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import objects
from sim.api.client import Key
from sim.api.errors import StatusError
from sim.engine import SECOND_US, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.following import Follow
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose
from sim.shell.kubectl.writing.output import DryRun, dry_run, report, sourced

IMMEDIATE = ("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The "
             "resource may continue to run on the cluster indefinitely.")
CASCADES = {"background": "Background", "orphan": "Orphan", "foreground": "Foreground"}
NAMESPACE_SAID_FROM = (1, 34)
"""Since when the line says where the object was."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How objects are deleted, after the flags were made sense of."""

    query: dict[str, str]
    force: bool
    wait: bool
    ignore_missing: bool
    timeout_seconds: float


def manner(inv: Invocation, dry: DryRun) -> Manner:
    """Make sense of the flags; warns on stderr. Raises UsageError."""
    flags = inv.flags
    grace, force, wait = flags["grace-period"], bool(flags["force"]), bool(flags["wait"])
    ignore = flags["ignore-not-found"] or ("ignore-not-found" not in inv.given and bool(flags["all"]))
    if flags["now"]:
        if grace >= 0:
            raise UsageError("--now and --grace-period cannot be specified together")
        grace = 1
    if grace == 0 and not force:
        grace = 1
    if force and grace < 0:
        grace = 0
    if force and grace > 0:
        raise UsageError("--force and --grace-period greater than 0 cannot be specified together")
    if force:
        inv.err(IMMEDIATE)
        wait = wait and "wait" in inv.given
    cascade = {"true": "background", "false": "orphan"}.get(flags["cascade"], flags["cascade"])
    if cascade not in CASCADES:
        raise UsageError(f'invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"')
    query = {"propagationPolicy": CASCADES[cascade], **dry.query}
    if grace >= 0:
        query["gracePeriodSeconds"] = str(grace)
    return Manner(query, grace == 0, wait and not dry, bool(ignore), flags["timeout"] or 0)


def delete(inv: Invocation) -> Steps[int]:
    """Run `kubectl delete`."""
    if inv.flags["raw"]:
        from sim.shell.kubectl.writing.create import raw

        return (yield from raw(inv, "delete"))
    if inv.flags["output"] not in ("", "name", None):
        raise UsageError(f"unexpected -o output mode: {inv.flags['output']}. We only support '-o name'")
    dry = dry_run(inv)
    everything = bool(inv.flags["all"])
    if everything and inv.flags["selector"]:
        raise UsageError("setting 'all' parameter but found a non empty selector. ")
    if everything and inv.flags["field-selector"]:
        raise UsageError("setting 'all' parameter but found a non empty field selector. ")
    how = manner(inv, dry)
    if inv.flags["interactive"]:
        from sim.api.errors import NotSimulated

        raise NotSimulated("kubectl delete --interactive")
    chosen = yield from choose(inv, fetch=False)
    if not chosen and not chosen.errors:
        inv.out("No resources found")
        return 0
    return (yield from delete_all(inv, chosen, how, dry))


def delete_all(inv: Invocation, chosen: Chosen, how: Manner, dry: DryRun) -> Steps[int]:
    """Delete what was chosen, say so, and wait."""
    errors, waiting = list(chosen.errors), []
    for info in chosen:
        try:
            uid = yield from _delete_one(inv, info, how, dry)
        except StatusError as error:
            if error.code == 404 and how.ignore_missing:
                continue
            errors.append(sourced(error, "deleting", info.source))
            continue
        say_deleted(inv, info, "force deleted" if how.force else "deleted", dry.suffix)
        waiting.append((info, uid))
    status = report(inv, errors)
    if how.wait:
        status = (yield from wait_until_gone(inv, waiting, how.timeout_seconds)) or status
    return status


def _delete_one(inv: Invocation, info: Info, how: Manner, dry: DryRun) -> Steps[str]:
    """Delete one object; gives its uid. Raises StatusError."""
    if dry.client:
        found = yield from inv.send("get", info.key)
        return objects.uid(found)
    body = yield from inv.send("delete", info.key, query=how.query)
    details = body.get("details") or {} if isinstance(body, dict) else {}
    return str(details.get("uid") or objects.dig(body, "metadata.uid", ""))


def say_deleted(inv: Invocation, info: Info, word: str = "deleted", suffix: str = "") -> None:
    """Say that an object was deleted."""
    if inv.flags["output"] == "name":
        inv.out(info.shown)
        return
    where = f" from {info.namespace} namespace" if info.namespace and inv.version >= NAMESPACE_SAID_FROM else ""
    inv.out(f'{info.mapping.qualified} "{info.name}" {word}{where}{suffix}')


def wait_until_gone(inv: Invocation, waiting: list[tuple[Info, str]], timeout_seconds: float) -> Steps[int]:
    """Wait until the objects, known by their uids, are gone; gives the status."""
    until_us = inv.engine.now_us + int(timeout_seconds * SECOND_US) if timeout_seconds else None
    errors: list[Exception] = []
    for info, uid in waiting:
        if not (yield from gone(inv, info.key, uid, until_us)):
            errors.append(UsageError(f"timed out waiting for the condition on {info.plural}"))
    return report(inv, errors)


def gone(inv: Invocation, key: Key, uid: str, until_us: int | None) -> Steps[bool]:
    """Wait until an object is gone or is another one; tells whether it was in time."""
    while True:
        with Follow(inv, key.resource, lambda change: change.key == key) as changes:
            yield from changes.open()
            found = yield from inv.find(key)
            if found is None or (uid and objects.uid(found) != uid):
                return True
            while (change := (yield from changes.next(until_us))) is not None:
                if change.type == "DELETED":
                    return True
            if not changes.cut:
                return False
