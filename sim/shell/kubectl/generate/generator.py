"""What all generators share: the object is made here, then printed or sent.

Models: kubectl/pkg/cmd/create/create.go (NameFromCommandArgs, CreateSubcommandOptions). Dictionaries stand in the order of
Go's structs, which is the order of `-o json`.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.urls import go_error
from sim.shell.kubectl.writing.create import field_validation
from sim.shell.kubectl.writing.lastapplied import LAST_APPLIED
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, typed


def name_of(inv: Invocation, args: list[str] | None = None) -> str:
    """Give the one NAME of the arguments. Raises UsageError."""
    args = inv.args if args is None else args
    if len(args) != 1:
        raise inv.usage(f"exactly one NAME is required, got {len(args)}")
    return args[0]


def before_dash(inv: Invocation) -> list[str]:
    """Give the arguments that stand before `--`."""
    return inv.args if inv.dash is None else inv.args[:inv.dash]


def after_dash(inv: Invocation) -> list[str]:
    """Give the words after `--`."""
    return [] if inv.dash is None else inv.args[inv.dash:]


def mapping(resource: str, kind: str, group: str = "", *, version: str = "v1", namespaced: bool = True) -> Mapping_:
    """Name a kind that the client knows by heart: generators ask the server for nothing."""
    return Mapping_(resource, kind, group, version, namespaced, (resource, kind.lower()))


def metadata(inv: Invocation, kind: Mapping_, name: str, **more: Any) -> Object:
    """Make metadata; the namespace only where -n says it."""
    space = {"namespace": inv.namespace} if kind.namespaced and "namespace" in inv.given and inv.flags["namespace"] else {}
    return {"name": name, **space, **{key: value for key, value in more.items() if value}}


def finish(inv: Invocation, kind: Mapping_, obj: Object, *, wrapped: str = "", dry: DryRun | None = None,
           printer: Printer | None = None) -> Steps[int]:
    """Print the object, or send it and print what came back.

    wrapped: the name in `failed to create NAME: …`; without it the server's refusal stands alone.
    """
    dry = dry_run(inv) if dry is None else dry
    printer = printer or Printer(inv, dry)
    whole = {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
    if inv.flags["save-config"] and not (dry.client and inv.command == "run"):
        whole = objects.put(whole, "metadata.annotations", {
            **objects.annotations(whole), LAST_APPLIED: json.dumps(typed(inv, whole), separators=(",", ":")) + "\n"})
    if dry.client:
        printer.done(kind, typed(inv, whole), "created", in_order=True)
        return 0
    made = yield from create(inv, kind, whole, dry, wrapped)
    printer.done(kind, typed(inv, made), "created")
    return 0


def create(inv: Invocation, kind: Mapping_, whole: Object, dry: DryRun, wrapped: str = "") -> Steps[Object]:
    """Send a new object. Raises StatusError, UsageError."""
    key = Key(kind.resource, inv.namespace if kind.namespaced else "", "")
    query = {"fieldManager": inv.flags["field-manager"] or f"kubectl-{inv.command.split()[0]}",
             **(field_validation(inv) if wrapped else {}), **dry.query}
    try:
        made: Object = yield from inv.send("create", key, body=whole, query=query)
        return made
    except StatusError as error:
        if not wrapped:
            raise
        raise UsageError(f"failed to create {wrapped}: {error.message}") from None
    except TransportError as error:
        if not wrapped:
            raise
        url = go_error(inv, "Post", key, error, group=kind.group, version=kind.version, query=query)
        raise UsageError(f"failed to create {wrapped}: {url}") from None
