"""Which objects a command is about: files, TYPE NAME, TYPE/NAME, selectors; read with what went wrong on the way.

Models: cli-runtime/pkg/resource/{builder,visitor,selector}.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api import objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource import manifests

NOTHING_NAMED = """You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""
NO_NAME = "resource(s) were provided, but no name was specified"


@dataclass(frozen=True, slots=True)
class Target:
    """Something to read: one object, or (with an empty name) all that is selected of a kind."""

    mapping: Mapping_
    key: Key

    @property
    def listed(self) -> bool:
        """Tell whether this is a list."""
        return not self.key.name


@dataclass(slots=True)
class Selection:
    """What the words choose. single: one object was named, so that it is printed alone and not in a List."""

    targets: list[Target]
    query: dict[str, str] = field(default_factory=dict)
    single: bool = False

    @property
    def namespaced(self) -> bool:
        """Tell whether every kind is namespaced."""
        return all(target.mapping.namespaced for target in self.targets)


def select(inv: Invocation, args: list[str], *, bare: bool = True, files: bool = True) -> Steps[Selection]:
    """Read the words of a command. bare: a kind without a name means all of it. files: -f counts. Raises UsageError."""
    flags = inv.flags
    selector, fields = flags["selector"] or "", flags["field-selector"] or ""
    query = {name: text for name, text in (("labelSelector", selector), ("fieldSelector", fields)) if text}
    if files and flags["filename"]:
        return (yield from _files(inv, args, query))
    if args and all("/" in word for word in args):
        if query:
            raise UsageError("selectors and the all flag cannot be used when passing resource/name arguments")
        pairs = [_pair(word) for word in args]
        targets = []
        for kind, name in pairs:
            mapping = yield from inv.resolve(kind)
            targets.append(Target(mapping, _named(inv, mapping, name)))
        return Selection(targets, single=len(targets) == 1)
    if any("/" in word for word in args):
        raise UsageError("there is no need to specify a resource type as a separate argument when passing arguments in "
                         "resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource "
                         "resource/<resource_name>'")
    if not args:
        if query:
            raise UsageError("at least one resource must be specified to use a selector")
        raise UsageError(NOTHING_NAMED)
    names = args[1:]
    if names and query:
        raise UsageError("name cannot be provided when a selector is specified")
    kinds = yield from _kinds(inv, args[0])
    if not names and not query and not bare:
        raise UsageError(NO_NAME)
    if names:
        return Selection([Target(mapping, _named(inv, mapping, name)) for mapping in kinds for name in names],
                         single=len(kinds) == 1 and len(names) == 1)
    everywhere = bool(flags["all-namespaces"])
    return Selection([Target(m, Key(m.resource, "" if everywhere or not m.namespaced else inv.namespace, ""))
                      for m in kinds], query)


def _pair(word: str) -> tuple[str, str]:
    parts = word.split("/")
    if len(parts) != 2:
        raise UsageError("arguments in resource/name form may not have more than one slash")
    if not parts[0] or not parts[1] or "," in parts[0]:
        raise UsageError("arguments in resource/name form must have a single resource and name")
    return parts[0], parts[1]


def _named(inv: Invocation, mapping: Mapping_, name: str) -> Key:
    if inv.flags["all-namespaces"] and mapping.namespaced:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    return inv.key(mapping, name)


def _kinds(inv: Invocation, words: str) -> Steps[list[Mapping_]]:
    """Read `po,svc`, `all`. Raises UsageError."""
    found: list[Mapping_] = []
    for word in words.split(","):
        if not word:
            raise UsageError("arguments in resource/name form must have a single resource and name"
                             if "/" in words else f'the server doesn\'t have a resource type "{word}"')
        several = [m for m in (yield from inv.mappings()) if word in m.categories]
        found += several or [(yield from inv.resolve(word))]
    return list(dict.fromkeys(found))


def _files(inv: Invocation, args: list[str], query: dict[str, str]) -> Steps[Selection]:
    if args:
        raise UsageError("when paths, URLs, or stdin is provided as input, you may not specify a resource by arguments as "
                         "well")
    targets = []
    found, errors = yield from manifests.read(inv)
    if errors:
        raise errors[0]
    for obj in (each.obj for each in found):
        mapping = yield from inv.by_kind(obj["apiVersion"], obj["kind"])
        targets.append(Target(mapping, inv.key(mapping, objects.name(obj), objects.namespace(obj))))
    return Selection(targets, query, single=len(targets) == 1)


# ---- reading ------------------------------------------------------------------------------------------------------
def read(inv: Invocation, target: Target, query: Mapping[str, str], *, subresource: str = "") -> Steps[Any]:
    """Get or list a target, saying in errors what was looked for. Raises StatusError."""
    if not target.listed:
        return (yield from get(inv, target.key, query, subresource=subresource))
    try:
        return (yield from inv.send("list", target.key, query=query))
    except StatusError as error:
        if error.code not in (400, 404):
            raise
        row = target.mapping
        where = f"{row.group}/{row.version}, Resource={row.plural}"
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        if labels or fields:
            head = f'Unable to find "{where}" that match label selector {_quote(labels)}, field selector {_quote(fields)}'
        else:
            head = f'Unable to list "{where}"'
        raise StatusError(error.code, error.reason, f"{head}: {error.message}", error.details) from None


def get(inv: Invocation, key: Key, query: Mapping[str, str] | None = None, *, subresource: str = "") -> Steps[Any]:
    """Get an object; if its namespace is not there either, that is the error. Raises StatusError."""
    try:
        return (yield from inv.send("get", key, query=query or {}, subresource=subresource))
    except StatusError as error:
        if error.code == 404 and key.namespace not in ("", "default"):
            yield from _missing_namespace(inv, key.namespace)
        raise


def _missing_namespace(inv: Invocation, name: str) -> Steps[None]:
    try:
        yield from inv.send("get", Key("namespaces", "", name))
    except StatusError as error:
        if error.code == 404:
            raise


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_all(inv: Invocation, chosen: Selection) -> Steps[tuple[list[tuple[Mapping_, Object]], list[StatusError]]]:
    """Read every object that is chosen: (kind, object in wire form) in order, and the errors of those that are not there."""
    found: list[tuple[Mapping_, Object]] = []
    errors: list[StatusError] = []
    for target in chosen.targets:
        try:
            body = yield from read(inv, target, chosen.query)
        except StatusError as error:
            errors.append(error)
            continue
        head = {"apiVersion": target.mapping.api_version, "kind": target.mapping.kind}
        found += [(target.mapping, {**head, **obj}) for obj in (body["items"] if target.listed else [body])]
    return found, errors
