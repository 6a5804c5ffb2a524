"""set image, env, resources, selector, serviceaccount, subject.

Models: kubectl/pkg/cmd/set/*.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sim.api import objects, selectors
from sim.api import patch as patches
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.amounts import amounts
from sim.shell.kubectl.resource.chosen import Chosen, Info, choose, from_files
from sim.shell.kubectl.words.verbs import Verb
from sim.shell.kubectl.workloads.environment import change_env, list_env
from sim.shell.kubectl.writing.output import Printer, dry_run, report, typed

LOCAL_NEEDS_FILE = ("you must specify resources by --filename when --local is set.\nExample resource specifications include:\n"
                    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'")
Edit = Callable[[Info], Iterator[UsageError]]


def spec_path(info: Info) -> str:
    """Give where the pod's spec stands. Raises UsageError for kinds without one."""
    if info.mapping.kind == "Pod":
        return "spec"
    if info.mapping.kind == "CronJob":
        return "spec.jobTemplate.spec.template.spec"
    if objects.dig(info.obj, "spec.template.spec") is None:
        go_type = f"*{info.mapping.version}.{info.mapping.kind}"
        raise UsageError(f"{info.plural} the object is not a pod or does not have a pod template: {go_type}")
    return "spec.template.spec"


def with_containers(info: Info, change: Callable[[Object], Object], *, inits: bool = True) -> Object:
    """Give the object with every container changed."""
    path = spec_path(info)
    spec = objects.dig(info.obj, path, {})
    for field in ("initContainers", "containers") if inits else ("containers",):
        if spec.get(field):
            spec = {**spec, field: [change(each) for each in spec[field]]}
    return objects.put(info.obj, path, spec)


class Setter:
    """One `kubectl set …`: edits each object here and sends the difference."""

    def __init__(self, inv: Invocation, words: list[str], done: str, doing: str, *, quiet: bool = True) -> None:
        self.inv, self.words, self.done, self.doing = inv, words, done, doing
        self.quiet = quiet
        """Whether nothing is said of an object that is as wanted already."""
        self.dry = dry_run(inv)
        self.printer = Printer(inv, self.dry)
        self.errors: list[Exception] = []
        self.chosen: Chosen | None = None

    def load(self) -> Steps[Chosen]:
        """Find the objects, once. Raises UsageError."""
        if self.chosen is None:
            self.chosen = yield from self._choose()
        return self.chosen

    def run(self, edit: Callable[[Info], Object]) -> Steps[int]:
        """Edit all chosen objects; edit may add to self.errors and raise UsageError."""
        inv, chosen = self.inv, (yield from self.load())
        self.errors += chosen.errors
        if self.errors and not chosen:
            return report(inv, self.errors)
        for info in chosen:
            try:
                yield from self.one(info, edit)
            except UsageError as error:
                self.errors.append(error)
        return report(inv, self.errors)

    def _choose(self) -> Steps[Chosen]:
        inv = self.inv
        if inv.flags["local"]:
            if self.words or not inv.flags["filename"]:
                raise UsageError(LOCAL_NEEDS_FILE)
            return (yield from from_files(inv))
        if inv.flags["all"] and inv.flags["selector"]:
            raise UsageError("cannot set --all and --selector at the same time")
        return (yield from choose(inv, self.words))

    def one(self, info: Info, edit: Callable[[Info], Object]) -> Steps[None]:
        """Edit one object and send what differs. Raises UsageError."""
        new = edit(info)
        if self.inv.flags["local"] or self.dry.client:
            self.printer.done(info.mapping, typed(self.inv, new), self.done)
            return
        change = patches.three_way(info.obj, new, info.obj)
        if not change:
            if not self.quiet:
                self.printer.done(info.mapping, typed(self.inv, new), self.done)
            return
        try:
            sent = yield from self.inv.send("patch", info.key, body=change, query={"patchType": "strategic", **self.dry.query})
        except StatusError as error:
            raise UsageError(f"failed to patch {self.doing} {error.message}") from None
        self.printer.done(info.mapping, typed(self.inv, sent), self.done)


def split(words: list[str], noun: str) -> tuple[list[str], list[str]]:
    """Split `deploy/web a=b c-` into resources and changes. Raises UsageError."""
    resources: list[str] = []
    changes: list[str] = []
    for word in words:
        if "=" in word[1:] or (word.endswith("-") and len(word) > 1):
            changes.append(word)
        elif changes:
            raise UsageError(f"all resources must be specified before {noun} changes: {word}")
        else:
            resources.append(word)
    return resources, changes


# ---- image --------------------------------------------------------------------------------------------------------
def image(inv: Invocation) -> Steps[int]:
    """Run `kubectl set image`."""
    resources, words = split(inv.args, "image")
    setter = Setter(inv, resources, "image updated", "image update to pod template:")
    chosen = yield from setter.load()
    if not words and not chosen.errors:
        raise UsageError("at least one image update is required")
    wanted = dict(word.partition("=")[::2] for word in words)
    if "*" in wanted and len(wanted) > 1:
        raise UsageError("all containers are already specified by *, but saw more than one container_name=container_image pairs")

    def edit(info: Info) -> Object:
        names = [each["name"] for field in ("initContainers", "containers")
                 for each in objects.dig(info.obj, f"{spec_path(info)}.{field}", [])]
        for name in wanted:
            if name != "*" and name not in names:
                setter.errors.append(UsageError(f'unable to find container named "{name}"'))

        def change(container: Object) -> Object:
            found = wanted.get(container["name"], wanted.get("*"))
            return container if found is None else {**container, "image": found}

        return with_containers(info, change)

    return (yield from setter.run(edit))


# ---- env ----------------------------------------------------------------------------------------------------------
def env(inv: Invocation) -> Steps[int]:
    """Run `kubectl set env`."""
    resources, words = split(inv.args, "environment")
    words += inv.flags["env"] or []
    if not resources and not inv.flags["filename"]:
        raise UsageError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    setter = Setter(inv, resources, "env updated", "env update to pod template:")
    change = yield from change_env(inv, words)
    if inv.flags["list"]:
        return (yield from _listed(inv, setter, change))

    def edit(info: Info) -> Object:
        names = [each["name"] for each in objects.dig(info.obj, f"{spec_path(info)}.containers", [])]
        pattern = inv.flags["containers"] or "*"
        if not any(_fits(pattern, name) for name in names):
            inv.err(f'Warning: {info.mapping.kind}/{info.name} does not have any containers matching "{pattern}"')
        return with_containers(
            info, lambda each: change(each, info.plural) if _fits(pattern, each["name"]) else each, inits=False)

    return (yield from setter.run(edit))


def _fits(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name))


def _listed(inv: Invocation, setter: Setter, change: Callable[[Object, str], Object]) -> Steps[int]:
    chosen = yield from choose(inv, setter.words)
    for info in chosen:
        for container in objects.dig(info.obj, f"{spec_path(info)}.containers", []):
            inv.out(f"# {info.mapping.kind} {info.name}, container {container['name']}")
            for line in list_env(change(container, info.plural)):
                inv.out(line)
    return report(inv, chosen.errors)


# ---- resources ----------------------------------------------------------------------------------------------------
def resources(inv: Invocation) -> Steps[int]:
    """Run `kubectl set resources`."""
    setter = Setter(inv, inv.args, "resource requirements updated", "resources update to pod template")
    yield from setter.load()
    if not inv.flags["limits"] and not inv.flags["requests"]:
        raise UsageError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    wanted = {field: amounts(inv.flags[field] or "") for field in ("limits", "requests")}
    pattern = inv.flags["containers"] or "*"

    def change(container: Object) -> Object:
        if not _fits(pattern, container["name"]):
            return container
        present = container.get("resources") or {}
        new = {**present, **{field: {**(present.get(field) or {}), **values} for field, values in wanted.items() if values}}
        return {**container, "resources": new}

    def edit(info: Info) -> Object:
        names = [each["name"] for each in objects.dig(info.obj, f"{spec_path(info)}.containers", [])]
        if not any(_fits(pattern, name) for name in names):
            raise UsageError(f"unable to find container named {pattern}")
        return with_containers(info, change, inits=False)

    return (yield from setter.run(edit))


# ---- selector, serviceaccount, subject ----------------------------------------------------------------------------
def selector(inv: Invocation) -> Steps[int]:
    """Run `kubectl set selector`: the last word is the selector."""
    if not inv.args:
        raise UsageError("one selector is required")
    words, text = inv.args[:-1], inv.args[-1]
    setter = Setter(inv, words, "selector updated", "selector")
    setter.inv.flags["selector"] = ""
    requirements = selectors.parse(text).requirements if "=" in text or " in " in text else ()
    for each in requirements:
        if each.operator != "In" or len(each.values) != 1 or " in " in text:
            raise UsageError(f"match expression [{{{each.key} {each.operator} [{' '.join(each.values)}]}}] not supported on this "
                             "object")
    labels = {each.key: each.values[0] for each in requirements}

    def edit(info: Info) -> Object:
        if info.mapping.kind != "Service":
            raise UsageError("setting a selector is only supported for Services")
        return objects.put(info.obj, "spec.selector", labels)

    return (yield from setter.run(edit))


def service_account(inv: Invocation) -> Steps[int]:
    """Run `kubectl set serviceaccount`: the last word is the account."""
    if not inv.args:
        raise UsageError("serviceaccount is required")
    words, name = inv.args[:-1], inv.args[-1]
    setter = Setter(inv, words, "serviceaccount updated", "ServiceAccountName update for pod template", quiet=False)

    def edit(info: Info) -> Object:
        path = spec_path(info)
        return objects.put(objects.put(info.obj, f"{path}.serviceAccountName", name), f"{path}.serviceAccount", name)

    return (yield from setter.run(edit))


def subject(inv: Invocation) -> Steps[int]:
    """Run `kubectl set subject`: add users, groups and accounts to a binding."""
    from sim.shell.kubectl.generate.access import subjects

    setter = Setter(inv, inv.args, "subjects updated", "subjects")
    yield from setter.load()
    new = subjects(inv)
    if not new:
        raise UsageError("you must specify at least one value of user, group or serviceaccount")

    def edit(info: Info) -> Object:
        if info.mapping.kind not in ("RoleBinding", "ClusterRoleBinding"):
            raise UsageError("setting subjects is only supported for RoleBinding/ClusterRoleBinding")
        present: list[Any] = list(info.obj.get("subjects") or [])
        return {**info.obj, "subjects": [*present, *(each for each in new if each not in present)]}

    return (yield from setter.run(edit))


def verbs(choice: tuple[str, ...]) -> dict[str, Verb]:
    """Give the verbs of `set`. choice: the flags that choose objects and print them."""
    local = (*choice, "local")
    return {
        "set image": Verb(image, local),
        "set env": Verb(env, (*local, "containers", "env", "from", "prefix", "keys", "list", "overwrite", "resolve")),
        "set resources": Verb(resources, (*local, "containers", "limits", "requests")),
        "set selector": Verb(selector, (*local, "resource-version")),
        "set serviceaccount": Verb(service_account, local),
        "set subject": Verb(subject, (*local, "user", "group", "serviceaccount")),
    }
