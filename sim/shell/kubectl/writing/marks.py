"""label and annotate.

Models: kubectl/pkg/cmd/label/label.go, kubectl/pkg/cmd/annotate/annotate.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose, from_files
from sim.shell.kubectl.writing.output import Printer, dry_run, report

NO_RESOURCE = "one or more resources must be specified as <resource> <name> or <resource>/<name>"
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
LABEL_TEXT = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
              "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
              "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
LABEL_MAX = 63


@dataclass(frozen=True, slots=True)
class Kind:
    """What is set: the field of metadata, its singular, its own words."""

    field: str
    noun: str
    none: str
    both: str


KINDS = {
    "label": Kind("labels", "label", "at least one label update is required",
                  "can not both modify and remove a label in the same command"),
    "annotate": Kind("annotations", "annotation", "at least one annotation update is required",
                     "can not both modify and remove the following annotation(s) in the same command: {}"),
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be set and what removed."""

    new: dict[str, str]
    removed: list[str]


def split(words: list[str], verb: str) -> tuple[list[str], list[str]]:
    """Split `pod web a=b c-` into resources and changes. Raises UsageError. Models: cmdutil.GetResourcesAndPairs."""
    resources: list[str] = []
    changes: list[str] = []
    for word in words:
        changing = "=" in word[1:] or (word.endswith("-") and len(word) > 1)
        if changing:
            changes.append(word)
        elif changes:
            raise UsageError(f"all resources must be specified before {verb} changes: {word}")
        else:
            resources.append(word)
    return resources, changes


def read_changes(words: list[str], kind: Kind, version: tuple[int, int]) -> Changes:
    """Read `a=b` and `a-`. Raises UsageError."""
    new: dict[str, str] = {}
    removed: list[str] = []
    for word in words:
        name, equal, value = word.partition("=")
        if not equal:
            removed.append(word[:-1])
            continue
        if kind.field == "labels" and "=" in value:
            raise UsageError(f"invalid label spec: {word}")
        fault = LABEL_TEXT if not LABEL.fullmatch(value) else ""
        if len(value) > LABEL_MAX:
            fault = f"must be no more than {LABEL_MAX} {'bytes' if version >= (1, 35) else 'characters'}"
        if kind.field == "labels" and fault:
            raise UsageError(f'invalid label value: "{word}": {fault}')
        new[name] = value
    both = [name for name in removed if name in new]
    if both:
        raise UsageError(kind.both.format(", ".join(both)))
    return Changes(new, removed)


class Marker:
    """One `kubectl label` or `kubectl annotate`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv, self.kind = inv, KINDS[inv.command]
        self.dry = dry_run(inv)
        self.printer = Printer(inv, self.dry)
        resources, words = split(inv.args, self.kind.noun)
        self.listing = bool(inv.flags["list"])
        if not resources and not inv.flags["filename"] and not inv.flags["kustomize"]:
            raise UsageError(NO_RESOURCE)
        if not words and not self.listing:
            raise UsageError(self.kind.none)
        if self.listing and inv.flags["output"]:
            raise UsageError("--list and --output may not be specified together")
        self.resources = resources
        self.changes = read_changes(words, self.kind, inv.version)

    def run(self) -> Steps[int]:
        """Mark the objects one after another."""
        inv = self.inv
        if inv.flags["local"]:
            chosen = yield from from_files(inv)
        else:
            chosen = yield from choose(inv, self.resources)
        if inv.flags["resource-version"] and (len(chosen) != 1 or inv.flags["all"] or inv.flags["selector"]):
            raise UsageError("--resource-version may only be used with a single resource")
        errors = list(chosen.errors)
        for info in chosen:
            try:
                yield from self.mark(info, chosen)
            except (UsageError, StatusError) as error:
                errors.append(error)
        return report(inv, errors)

    def mark(self, info: Info, chosen: Chosen) -> Steps[None]:
        """Mark one object. Raises UsageError or StatusError."""
        inv, field = self.inv, self.kind.field
        present: dict[str, str] = dict(objects.dig(info.obj, f"metadata.{field}", {}))
        clashes = [name for name, value in self.changes.new.items() if name in present and present[name] != value]
        if clashes and not inv.flags["overwrite"]:
            shown = [f"'{name}' already has a value ({present[name]})" for name in clashes]
            raise UsageError(f"{shown[0]}, and --overwrite is false" if field == "labels" else
                             f"--overwrite is false but found the following declared annotation(s): {'; '.join(shown)}")
        missing = [name for name in self.changes.removed if name not in present]
        if field == "labels":
            for name in missing:
                inv.out(f'label "{name}" not found.')
        wanted = {**present, **self.changes.new}
        wanted = {name: value for name, value in wanted.items() if name not in self.changes.removed}
        new = yield from self.send(info, present, wanted)
        if self.listing:
            if len(chosen) > 1:
                group = f"{info.mapping.kind}.{info.mapping.group}" if info.mapping.group else info.mapping.kind
                inv.out(f"Listing {field} for {group}/{info.name}:")
            for name, value in sorted(wanted.items()):
                inv.out(f"{' ' if len(chosen) > 1 else ''}{name}={value}")
            return
        self.printer.done(info.mapping, new, self.word(present, wanted))

    def send(self, info: Info, present: dict[str, str], wanted: dict[str, str]) -> Steps[Object]:
        """Send what changes; give the object as it then is."""
        field, version = self.kind.field, self.inv.flags["resource-version"]
        local = self.dry.client or self.inv.flags["local"] or (self.listing and wanted == present)
        if local or (wanted == present and not version and field == "labels"):
            return objects.put(info.obj, f"metadata.{field}", wanted) if wanted or present else info.obj
        change: dict[str, Any] = {name: wanted.get(name) for name in {**present, **wanted}
                                  if present.get(name) != wanted.get(name)}
        body: Object = {"metadata": {**({field: change} if change else {}), **({"resourceVersion": version} if version else {})}}
        new: Object = yield from self.inv.send("patch", info.key, body=body, query={"patchType": "merge", **self.dry.query})
        return new

    def word(self, present: dict[str, str], wanted: dict[str, str]) -> str:
        """Say what was done."""
        if self.kind.field == "annotations":
            return "annotated"
        if present == wanted:
            return "not labeled"
        removed, added = bool(self.changes.removed), bool(self.changes.new)
        if removed and added and self.inv.version >= (1, 34):
            return "modified"
        return "unlabeled" if removed and not added else "labeled"


def mark(inv: Invocation) -> Steps[int]:
    """Run `kubectl label` and `kubectl annotate`."""
    return (yield from Marker(inv).run())
