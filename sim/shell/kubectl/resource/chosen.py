"""The objects that a command is about, read from the server or from files: what `selection` chooses, with --all and -f.

Models: cli-runtime/pkg/resource/builder.go, visitor.go (ContinueOnError: one object's fault does not stop the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sim.api import objects
from sim.api.client import Key, Object, Request
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import DISCOVERY_TIMEOUT, Invocation
from sim.shell.kubectl.resource import manifests
from sim.shell.kubectl.resource.selection import NOTHING_NAMED, Target, read, select
from sim.shell.kubectl.resource.urls import go_error

WRONG_NAMESPACE = ('the namespace from the provided object "{0}" does not match the namespace "{1}". You must pass '
                   "'--namespace={0}' to perform this operation.")


@dataclass(frozen=True, slots=True)
class Info:
    """One object that a command is about: its kind and place, the object if it was read, the file it came from."""

    mapping: Mapping_
    namespace: str
    name: str
    obj: Object
    source: str = ""

    @property
    def key(self) -> Key:
        """Give the key under which the server has it."""
        return Key(self.mapping.resource, self.namespace, self.name)

    @property
    def shown(self) -> str:
        """Name it as success lines do: `deployment.apps/web`."""
        return f"{self.mapping.qualified}/{self.name}"

    @property
    def plural(self) -> str:
        """Name it as errors do: `deployments/web`."""
        return f"{self.mapping.plural}/{self.name}"

    @property
    def group_kind(self) -> str:
        """Give `apps/v1, Kind=Deployment`."""
        return f"{self.mapping.group}/{self.mapping.version}, Kind={self.mapping.kind}"

    @property
    def group_resource(self) -> str:
        """Give `apps/v1, Resource=deployments`."""
        return f"{self.mapping.group}/{self.mapping.version}, Resource={self.mapping.plural}"


class Chosen(list[Info]):
    """The objects found, and what went wrong with others."""

    def __init__(self, found: list[Info], errors: list[Exception]) -> None:
        super().__init__(found)
        self.errors = errors


def from_files(inv: Invocation, *, validate: bool = False) -> Steps[Chosen]:
    """Read the objects of -f, each in its namespace; those that cannot be used are among the errors."""
    found, faults = yield from manifests.read(inv, validate=validate)
    if validate and found:
        yield from _schema(inv, found[0].source)
    chosen, errors = [], list[Exception](faults)
    for each in found:
        try:
            chosen.append((yield from _info(inv, each)))
        except UsageError as error:
            errors.append(error)
    return Chosen(chosen, errors)


def _schema(inv: Invocation, source: str) -> Steps[None]:
    """Ask for what validation needs. Raises UsageError where the server does not answer."""
    try:
        yield from inv.request(Request("get", Key("", "", "/version"), agent="kubectl"))
    except TransportError as error:
        url = go_error(inv, "Get", Key("", "", ""), error, path="/openapi/v2", query={"timeout": DISCOVERY_TIMEOUT})
        raise UsageError(manifests.NOT_VALID.format(source=source, faults=f"failed to download openapi: {url}")) from None


def _info(inv: Invocation, manifest: manifests.Manifest) -> Steps[Info]:
    obj = manifest.obj
    api_version = obj.get("apiVersion") or ""
    name, space = str(objects.name(obj) or ""), str(objects.namespace(obj) or "")
    group, _, version = api_version.rpartition("/")
    for mapping in (yield from inv.mappings()):
        if mapping.kind == obj["kind"] and mapping.group == group and mapping.version == version:
            break
    else:
        raise UsageError(f'resource mapping not found for name: "{name}" namespace: "{space}" from "{manifest.source}": '
                         f'no matches for kind "{obj["kind"]}" in version "{api_version}"\nensure CRDs are installed first')
    if not mapping.namespaced:
        return Info(mapping, "", name, objects.drop(obj, "metadata.namespace"), manifest.source)
    if space and "namespace" in inv.given and space != inv.namespace:
        raise UsageError(WRONG_NAMESPACE.format(space, inv.namespace))
    space = space or inv.namespace
    return Info(mapping, space, name, objects.put(obj, "metadata.namespace", space), manifest.source)


def choose(
    inv: Invocation, words: list[str] | None = None, *, fetch: bool = True, everything: bool = False,
    files: bool = True, all_flag: bool = True,
) -> Steps[Chosen]:
    """Find what names, selectors, --all and -f choose.

    words: the arguments, inv.args unless given. fetch: get the objects that are named, and those of files, from the
    server. everything: a kind without a name means all of it (`rollout status deploy`). all_flag: whether --all counts.
    Raises UsageError where the words make no sense.
    """
    words = inv.args if words is None else words
    chosen = Chosen([], [])
    if files and (inv.flags["filename"] or inv.flags["kustomize"]):
        given = yield from from_files(inv)
        if words:
            raise UsageError("when paths, URLs, or stdin is provided as input, you may not specify resource arguments "
                             "as well")
        chosen.errors += given.errors
        for info in given:
            yield from _named(inv, info.mapping, info.name, chosen, fetch=fetch, namespace=info.namespace, source=info)
        return chosen
    if not words:
        raise UsageError(NOTHING_NAMED)
    all_ = all_flag and bool(inv.flags["all"])
    if all_ and inv.flags["selector"]:
        raise UsageError("setting 'all' parameter but found a non empty selector. ")
    picked = yield from select(inv, words, bare=all_ or everything, files=False)
    for target in picked.targets:
        if target.listed:
            yield from _listed(inv, target, picked.query, chosen)
        else:
            yield from _named(inv, target.mapping, target.key.name, chosen, fetch=fetch)
    return chosen


def _named(
    inv: Invocation, mapping: Mapping_, name: str, chosen: Chosen, *, fetch: bool, namespace: str = "",
    source: Info | None = None,
) -> Steps[None]:
    place = (namespace or inv.namespace) if mapping.namespaced else ""
    where = source.source if source else ""
    if not fetch:
        chosen.append(Info(mapping, place, name, source.obj if source else {}, where))
        return
    try:
        obj = yield from inv.send("get", Key(mapping.resource, place, name))
        chosen.append(Info(mapping, place, name, obj, where))
    except StatusError as error:
        chosen.errors.append(error)


def _listed(inv: Invocation, target: Target, query: Mapping[str, str], chosen: Chosen) -> Steps[None]:
    try:
        body = yield from read(inv, target, query)
    except StatusError as error:
        if error.code == 400:
            raise
        chosen.errors.append(error)
        return
    chosen += [Info(target.mapping, objects.namespace(obj), objects.name(obj), obj) for obj in body["items"]]


def selector_labels(text: str) -> Iterator[tuple[str, str]]:
    """Read `a=b,c=d`. Raises UsageError."""
    for part in filter(None, text.split(",")):
        name, equal, value = part.partition("=")
        if not equal:
            raise UsageError(f"unexpected label spec: {part}")
        yield name, value
