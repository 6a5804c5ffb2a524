"""Objects that a user brings: files, folders, standard input; YAML or JSON, one or many documents.

Models: cli-runtime/pkg/resource/{builder,visitor}.go, apimachinery/pkg/util/yaml. URLs and kustomizations refuse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.api.client import Object
from sim.api.errors import NotSimulated, TransportError
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame import goyaml
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.pipes import Call

if TYPE_CHECKING:
    from sim.shell.kubectl.frame.invocation import Invocation

EXTENSIONS = (".json", ".yaml", ".yml")
NOT_VALID = ("error validating \"{source}\": error validating data: {faults}; if you choose to ignore these errors, turn "
             "validation off with --validate=false")


class Manifest(NamedTuple):
    """One object of a file. source: the file's name as errors say it."""

    source: str
    obj: Object


def paths(call: Call, names: list[str], *, recursive: bool) -> Iterator[tuple[str, UsageError | None]]:
    """Give the files that the names of -f mean, in order; folders are read by their extensions."""
    for name in names:
        if name == "-":
            yield name, None
            continue
        if name.startswith(("http://", "https://")):
            _fetch(call, name)
        path = call.path(name)
        if not call.files.exists(path):
            yield name, UsageError(f'the path "{name}" does not exist')
        elif call.files.is_dir(path):
            found = list(_folder(call, name.rstrip("/") or "/", recursive=recursive))
            if not found:
                yield name, UsageError(f"error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
            yield from ((each, None) for each in found)
        else:
            yield name, None


def _fetch(call: Call, url: str) -> None:
    """Ask for a URL. Raises UsageError where a host of the lab does not answer, NotSimulated for all others."""
    scheme, _, rest = url.partition("://")
    name, _, port = rest.partition("/")[0].partition(":")
    if call.host.network.find(name, call.host) is not None:
        number = int(port) if port.isdigit() else {"http": 80}.get(scheme, 443)
        try:
            call.host.dial(name, number)
        except TransportError as error:
            refused = f"The connection to the server {name}:{number} was refused - did you specify the right host or port?"
            raise UsageError(refused if error.kind == "refused" else f"Unable to connect to the server: {error.message}",
                             prefix="") from None
    raise NotSimulated(f"reading {url}: no file server is simulated")


def _kustomization(inv: Invocation) -> None:
    """Complain about -k. Raises UsageError where there is nothing to build, NotSimulated where there is."""
    folder = inv.call.path(inv.flags["kustomize"])
    names = ("kustomization.yaml", "kustomization.yml", "Kustomization")
    if not any(inv.call.files.exists(f"{folder.rstrip('/')}/{name}") for name in names):
        raise UsageError("unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory "
                         f"'{folder.rstrip('/.') or '/'}'")
    raise NotSimulated(f"{inv.root} -k")


def _folder(call: Call, name: str, *, recursive: bool) -> Iterator[str]:
    for entry in sorted(call.files.list(call.path(name))):
        inner = f"{name}/{entry}"
        if call.files.is_dir(call.path(inner)):
            if recursive:
                yield from _folder(call, inner, recursive=True)
        elif entry.endswith(EXTENSIONS):
            yield inner


def read(inv: Invocation, *, validate: bool = False) -> Steps[tuple[list[Manifest], list[UsageError]]]:
    """Read the objects of -f: those that could be read, and what went wrong with the others.

    validate: complain in the words of the client's validation where apiVersion or kind is missing.
    """
    if inv.flags["kustomize"] and inv.flags["filename"]:
        raise UsageError("only one of -f or -k can be specified")
    if inv.flags["kustomize"]:
        _kustomization(inv)
    found: list[Manifest] = []
    errors: list[UsageError] = []
    wanted = list(paths(inv.call, inv.flags["filename"] or [], recursive=bool(inv.flags["recursive"])))
    if any(error for _, error in wanted):
        return [], [error for _, error in wanted if error]
    for name, _ in wanted:
        source = "STDIN" if name == "-" else name
        if name == "-":
            data = yield from inv.call.input()
        else:
            try:
                data = inv.call.files.read(inv.call.path(name))
            except FileError as error:
                errors.append(UsageError(f"open {name}: {str(error.args[0]).lower()}"))
                continue
        try:
            for document in goyaml.documents(data):
                found += objects_of(document, source, validate=validate)
        except goyaml.GoYamlError as fault:
            errors.append(UsageError(f"error parsing {source}: {fault}"))
        except UsageError as fault:
            errors.append(fault)
    return found, errors


def objects_of(document: Any, source: str, *, validate: bool) -> list[Manifest]:
    """Take a document apart: a List is its items. Raises UsageError."""
    if not isinstance(document, dict):
        word = {list: "array", str: "string", bool: "bool"}.get(type(document), "number")
        raise UsageError(f'unable to decode "{source}": json: cannot unmarshal {word} into Go value of type '
                         "unstructured.detector")
    items = document.get("items")
    if str(document.get("kind", "")).endswith("List") and isinstance(items, list):
        return [each for item in items for each in objects_of(item, source, validate=validate)]
    missing = [f"{word} not set" for word in ("apiVersion", "kind") if not document.get(word)]
    if missing and validate:
        faults = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"
        raise UsageError(NOT_VALID.format(source=source, faults=faults))
    if not document.get("kind"):
        shown = json.dumps(document, separators=(",", ":"), sort_keys=True)
        raise UsageError(f"unable to decode \"{source}\": Object 'Kind' is missing in '{shown}'")
    metadata = document.get("metadata")
    for word, value in (("kind", document["kind"]), ("apiVersion", document.get("apiVersion") or "")):
        if not isinstance(value, str):
            raise UsageError(f'unable to decode "{source}": json: cannot unmarshal number into Go struct field '
                             f"detector.{word} of type string")
    return [Manifest(source, {**document, "metadata": metadata if isinstance(metadata, dict) else {}})]
