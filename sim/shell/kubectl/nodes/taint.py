"""taint.

Models: kubectl/pkg/cmd/taint/{taint,utils}.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, choose
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, report

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
PART = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME_TEXT = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
             "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
             "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
KEY = re.compile(rf"(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{PART}")


@dataclass(frozen=True, slots=True)
class Update:
    """One taint of the words: to be set, or removed (effect "" then means any)."""

    key: str
    value: str
    effect: str
    remove: bool

    @property
    def shown(self) -> str:
        """Name what is to be removed."""
        return f"{self.key}:{self.effect}" if self.effect else self.key

    def hits(self, taint: Object) -> bool:
        """Tell whether it is about this taint: values do not matter."""
        return taint["key"] == self.key and self.effect in ("", taint["effect"])

    @property
    def taint(self) -> Object:
        """Give the taint to set."""
        return {"key": self.key, **({"value": self.value} if self.value else {}), "effect": self.effect}


def read(inv: Invocation, word: str) -> Update:
    """Read `key=value:Effect`, `key:Effect`, `key:Effect-`, `key-`. Raises UsageError."""
    remove = word.endswith("-")
    text = word[:-1] if remove else word
    head, effect = text, ""
    parts = text.split(":")
    if len(parts) > 2:
        raise inv.usage(f"invalid taint spec: {word}")
    if len(parts) == 2:
        head, effect = parts
        if effect not in EFFECTS:
            raise inv.usage(f"invalid taint effect: {effect}, unsupported taint effect")
    key, _, value = head.partition("=")
    if not remove and not effect:
        key = head
    if not key or not KEY.fullmatch(key):
        raise inv.usage(f"invalid taint spec: {word}, {'name part must be non-empty; ' if not key else ''}{NAME_TEXT}")
    return Update(key, value, effect, remove)


def read_all(inv: Invocation, words: list[str]) -> list[Update]:
    """Read all changes; they must not contradict each other. Raises UsageError."""
    updates = [read(inv, word) for word in words]
    setting = [update for update in updates if not update.remove]
    seen: set[tuple[str, str]] = set()
    for update in setting:
        if (update.key, update.effect) in seen:
            raise inv.usage(f"duplicated taints with the same key and effect: {{{update.key} {update.value} {update.effect} <nil>}}")
        seen.add((update.key, update.effect))
    both = [f"{update.key}={other.effect}" for update in setting for other in updates
            if other.remove and other.key == update.key and other.effect in ("", update.effect)]
    if both:
        raise UsageError(f"can not both modify and remove the following taint(s) in the same command: {', '.join(both)}")
    return updates


def changed(node: Object, updates: list[Update], *, overwrite: bool) -> tuple[list[Object], str]:
    """Give the node's taints afterwards, and the word for what was done. Raises UsageError."""
    taints, name = list(objects.dig(node, "spec.taints", [])), objects.name(node)
    setting = [update for update in updates if not update.remove]
    removing = [update for update in updates if update.remove]
    clashes = [update.key for update in setting if any(update.hits(taint) for taint in taints)]
    if clashes and not overwrite:
        raise UsageError(f"node {name} already has {', '.join(dict.fromkeys(clashes))} taint(s) with same effect(s) and "
                         "--overwrite is false")
    missing = [UsageError(f'taint "{update.shown}" not found') for update in removing
               if not any(update.hits(taint) for taint in taints)]
    if missing:
        raise UsageError("\n".join(error.text for error in missing), prefix="error: " if len(missing) == 1 else "")
    left = [taint for taint in taints if not any(update.hits(taint) for update in removing)]
    new = [update.taint for update in setting]
    left = [taint for taint in left if not any(update.hits(taint) for update in setting)]
    word = "modified" if overwrite or (setting and removing) else "untainted" if removing else "tainted"
    return [*new, *left], word


def taint(inv: Invocation) -> Steps[int]:
    """Run `kubectl taint`."""
    if not inv.args:
        raise UsageError("one or more resources must be specified as <resource> <name>")
    resources, words = _split(inv.args)
    if not words:
        raise UsageError("at least one taint update is required")
    try:
        mapping = yield from inv.resolve(resources[0])
    except UsageError as error:
        raise UsageError(error.text, prefix="") from None
    if mapping.resource != "nodes":
        raise UsageError(f"invalid resource type {resources[0]}, only node types are supported")
    updates = read_all(inv, words)
    if inv.flags["all"] and inv.flags["selector"]:
        raise UsageError("setting 'all' parameter with a non empty selector is prohibited")
    dry = dry_run(inv)
    printer = Printer(inv, DryRun())
    chosen = yield from choose(inv, resources[:1] if inv.flags["all"] else resources)
    errors = list(chosen.errors)
    for info in chosen:
        try:
            yield from _one(inv, info, updates, dry, printer)
        except (UsageError, StatusError) as error:
            errors.append(error)
    if len(errors) == 1 and isinstance(errors[0], UsageError):
        raise errors[0]
    return report(inv, errors)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    resources: list[str] = []
    changes: list[str] = []
    for word in words:
        if "=" in word or ":" in word or word.endswith("-"):
            changes.append(word)
        elif changes:
            raise UsageError(f"all resources must be specified before taint changes: {word}")
        else:
            resources.append(word)
    return resources, changes


def _one(inv: Invocation, info: Info, updates: list[Update], dry: DryRun, printer: Printer) -> Steps[None]:
    taints, word = changed(info.obj, updates, overwrite=bool(inv.flags["overwrite"]))
    new = objects.put(info.obj, "spec.taints", taints)
    if not dry.client:
        new = yield from inv.send("patch", info.key, body={"spec": {"taints": taints or None}},
                                  query={"patchType": "strategic", **dry.query})
    printer.done(info.mapping, new, word)
