"""What the writing verbs say of an object: `deployment.apps/web created (dry run)`, or the object itself.

Models: cli-runtime/pkg/genericclioptions/print_flags.go, cmdutil.GetDryRunStrategy, cmdutil.AddSourceToErr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.forms import Form
from sim.shell.kubectl.frame.invocation import Invocation

NULL_TIMES_BEFORE = (1, 34)
"""Before this version objects made by the client are printed with `creationTimestamp: null`."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """How much of a command is only tried. where: "", client, server."""

    where: str = ""

    def __bool__(self) -> bool:
        """Tell whether nothing must change."""
        return bool(self.where)

    @property
    def client(self) -> bool:
        """Tell whether nothing is sent."""
        return self.where == "client"

    @property
    def query(self) -> dict[str, str]:
        """Give what a request says of it."""
        return {"dryRun": "All"} if self.where == "server" else {}

    @property
    def suffix(self) -> str:
        """Give what is said after the operation."""
        return {"": "", "client": " (dry run)", "server": " (server dry run)"}[self.where]


def dry_run(inv: Invocation) -> DryRun:
    """Read --dry-run. Raises UsageError."""
    value = inv.flags["dry-run"]
    if value in ("none", "", None):
        return DryRun()
    if value in ("unchanged", "true", "false") and "dry-run" in inv.given:
        where, klog = "helpers.go:703", "--dry-run is deprecated and can be replaced with --dry-run=client."
        if value != "unchanged":
            where = "helpers.go:717"
            klog = f"--dry-run={value} is deprecated (boolean value) and can be replaced with --dry-run=" + (
                "client." if value == "true" else "none.")
        inv.log(where, klog, "W")
        return DryRun("" if value == "false" else "client")
    if value not in ("client", "server"):
        raise UsageError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')
    return DryRun(value)


def typed(inv: Invocation, obj: Object) -> Object:
    """Give an object as Go's types print it: older ones write the time of creation that is not there."""
    if inv.version >= NULL_TIMES_BEFORE:
        return obj
    with_time: Object = _with_null_time(obj)
    return with_time


def _with_null_time(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return [_with_null_time(each) for each in value]
    if not isinstance(value, dict):
        return value
    out = {key: _with_null_time(inner, key) for key, inner in value.items()}
    if name != "metadata":
        return out
    first = {key: out.pop(key) for key in ("name", "generateName", "namespace") if key in out}
    return {**first, "creationTimestamp": None, **out}


class Printer:
    """Prints the results of one command: a line each, or the objects in the form of -o."""

    def __init__(self, inv: Invocation, dry: DryRun) -> None:
        self.inv, self.dry = inv, dry
        self.form = Form(inv)

    def done(self, mapping: Mapping_, obj: Object, operation: str, *, in_order: bool = False) -> None:
        """Say that the operation was done on the object. in_order: JSON keeps the order of the object's fields."""
        if self.form.kind:
            whole = obj if in_order else {"apiVersion": mapping.api_version, "kind": mapping.kind, **obj}
            self.object(mapping, whole, in_order=in_order)
        else:
            self.inv.out(f"{mapping.qualified}/{objects.name(obj)} {operation}{self.dry.suffix}")

    def object(self, mapping: Mapping_, whole: Object, *, in_order: bool = False) -> None:
        """Print an object in the form of -o."""
        if self.form.kind == "json" and in_order:
            self.inv.out(json.dumps(whole, indent=4, ensure_ascii=False))
        else:
            self.form.write(mapping, whole)


def sourced(error: StatusError, doing: str, source: str) -> StatusError:
    """Say in a server's refusal which file it is about: `error when creating "x.yaml": …`."""
    if not source:
        return error
    return StatusError(error.code, error.reason, f'error when {doing} "{source}": {error.message}', error.details)


def report(inv: Invocation, errors: list[Exception]) -> int:
    """Write what went wrong at the end of a command; give its status. Models: cmdutil.CheckErr over an aggregate."""
    if len(errors) == 1 and isinstance(errors[0], UsageError):
        raise errors[0]
    for error in errors:
        text = server_error(error) if isinstance(error, StatusError) else str(error)
        inv.err(text.rstrip("\n"))
    return 1 if errors else 0
