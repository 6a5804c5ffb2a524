"""create -f, and --raw: objects as a file has them.

Models: kubectl/pkg/cmd/create/create.go, kubectl/pkg/rawhttp.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, from_files
from sim.shell.kubectl.writing.lastapplied import with_last_applied
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, report, sourced

VERBS_OF_RAW = {"create": "create", "replace": "update", "delete": "delete"}


def create(inv: Invocation) -> Steps[int]:
    """Run `kubectl create -f`."""
    if inv.flags["raw"] and inv.flags["filename"]:
        return (yield from raw(inv, "create"))
    if inv.args:
        raise inv.usage(f"Unexpected args: [{' '.join(inv.args)}]")
    if not inv.flags["filename"] and not inv.flags["kustomize"]:
        raise UsageError("must specify one of -f and -k")
    if inv.flags["edit"]:
        raise NotSimulated("kubectl create --edit")
    dry = dry_run(inv)
    printer = Printer(inv, dry)
    chosen = yield from from_files(inv, validate=validates(inv))
    errors = list(chosen.errors)
    for info in chosen:
        if not labelled(inv, info):
            continue
        try:
            printer.done(info.mapping, (yield from send(inv, info, dry)), "created")
        except StatusError as error:
            errors.append(sourced(error, "creating", info.source))
    if not chosen and not errors:
        raise UsageError("no objects passed to create")
    return report(inv, errors)


def validates(inv: Invocation) -> bool:
    """Tell whether the client looks at the fields of a file itself."""
    return str(inv.flags["validate"]).lower() not in ("false", "ignore")


def field_validation(inv: Invocation) -> dict[str, str]:
    """Give what --validate makes the server do with unknown fields. Raises UsageError."""
    value = str(inv.flags["validate"] or "strict").lower()
    word = {"true": "Strict", "strict": "Strict", "warn": "Warn", "false": "Ignore", "ignore": "Ignore"}.get(value)
    if word is None:
        raise UsageError(f'invalid - validate option {value!r}'.replace("'", '"') + "; must be one of: strict (or true), warn, "
                         "ignore (or false)")
    return {"fieldValidation": word}


def server_side_manager(inv: Invocation) -> str:
    """Give the manager for server-side apply: the flag's default is the client's own way."""
    return str(inv.flags["field-manager"]) if "field-manager" in inv.given else "kubectl"


def labelled(inv: Invocation, info: Info) -> bool:
    """Tell whether -l chooses an object of a file."""
    from sim.api import selectors

    return selectors.parse(inv.flags["selector"] or "").matches(objects.labels(info.obj))


def send(inv: Invocation, info: Info, dry: DryRun) -> Steps[Object]:
    """Create an object; gives it as the server made it. Raises StatusError."""
    obj = with_last_applied(info.obj) if inv.flags["save-config"] else info.obj
    if dry.client:
        return obj
    query = {**field_validation(inv), **dry.query}
    if inv.flags["field-manager"]:
        query["fieldManager"] = inv.flags["field-manager"]
    obj = objects.drop(obj, "metadata.resourceVersion")  # as resource.Helper does: what was exported may be made anew
    made: Object = yield from inv.send("create", Key(info.key.resource, info.namespace, ""), body=obj, query=query)
    return made


def raw(inv: Invocation, verb: str) -> Steps[int]:
    """`--raw PATH -f FILE`: the file is sent to the path, as it is; the answer is printed as it comes."""
    names = inv.flags["filename"] or []
    if len(names) != 1 and verb != "delete":
        raise UsageError("--raw can only use a single local file or stdin")
    path, _, query = inv.flags["raw"].partition("?")
    key, subresource = place_of(path)
    body = None
    if names:
        if names[0] == "-":
            data = (yield from inv.call.streams.stdin.rest()) if inv.call.streams.stdin else b""
        else:
            try:
                data = inv.call.files.read(inv.call.path(names[0]))
            except FileError:
                raise UsageError(f"open {names[0]}: no such file or directory") from None
        try:
            body = json.loads(data)
        except ValueError:
            raise StatusError(400, "BadRequest", "the server rejected our request for an unknown reason") from None
    made = yield from inv.send(VERBS_OF_RAW[verb], key, body=body, subresource=subresource, query=dict(parse_qsl(query)))
    inv.out(json.dumps(made, separators=(",", ":")))
    return 0


def place_of(path: str) -> tuple[Key, str]:
    """Read the path of a URL: key and subresource. Raises StatusError 404."""
    parts = [part for part in path.split("/") if part]
    rest = parts[2:] if parts[:1] == ["api"] else parts[3:] if parts[:1] == ["apis"] else []
    space = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        space, rest = rest[1], rest[2:]
    if not rest:
        raise StatusError(404, "NotFound", "the server could not find the requested resource")
    return Key(rest[0], space, rest[1] if len(rest) > 1 else ""), rest[2] if len(rest) > 2 else ""
