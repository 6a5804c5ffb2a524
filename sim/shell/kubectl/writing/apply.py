"""apply: create what is not there, change what differs from the file.

Models: kubectl/pkg/cmd/apply/{apply,patcher,prune}.go. Left out: ApplySets; OpenAPI schemas are the patch tables of sim.api.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.api import objects
from sim.api import patch as patches
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps, microseconds
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource.chosen import Info, from_files
from sim.shell.kubectl.writing.create import field_validation, labelled, server_side_manager, validates
from sim.shell.kubectl.writing.lastapplied import LAST_APPLIED, go_json, last_applied, with_last_applied
from sim.shell.kubectl.writing.output import DryRun, Printer, dry_run, report, sourced

TRIES, TRIES_BEFORE_PAUSE, PAUSE_SECONDS = 5, 1, 1.0
"""How a patch that clashes with somebody else's change is tried again."""
MISSING_ANNOTATION = (
    "Warning: resource {} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by "
    "kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create "
    "--save-config or kubectl apply. The missing annotation will be patched automatically.")
GOING = "Warning: Detected changes to resource {} which is currently being deleted."
UNCHANGED_SEEN_FROM = (1, 34)
"""Since when --dry-run=client tells `unchanged` from `configured`."""
CONFLICT_HELP = """Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""
ALWAYS_SENT = {("policy", "PodDisruptionBudget"): "spec.selector"}
"""Fields of which Go's types say patchStrategy `replace`: they are in every patch, so such objects are always configured."""
PRUNED = (
    "/v1/ConfigMap", "/v1/Endpoints", "/v1/Namespace", "/v1/PersistentVolumeClaim", "/v1/PersistentVolume", "/v1/Pod",
    "/v1/ReplicationController", "/v1/Secret", "/v1/Service", "batch/v1/Job", "batch/v1/CronJob",
    "networking.k8s.io/v1/Ingress", "apps/v1/DaemonSet", "apps/v1/Deployment", "apps/v1/ReplicaSet", "apps/v1/StatefulSet")
"""Kinds that --prune looks at unless it is told which."""
PRUNE_ALL = ("all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. "
             "If you did not mean to prune all resources, specify a label selector")


@dataclass(slots=True)
class Applier:
    """One `kubectl apply`."""

    inv: Invocation
    dry: DryRun
    printer: Printer
    seen: set[str] = field(default_factory=set)
    spaces: dict[str, None] = field(default_factory=dict)
    printed: list[tuple[Info, Object]] = field(default_factory=list)

    def check(self) -> None:
        """Complain about flags that do not go together. Raises UsageError."""
        inv, flags = self.inv, self.inv.flags
        if inv.args:
            raise inv.usage(f"Unexpected args: [{' '.join(inv.args)}]")
        if not flags["filename"] and not flags["kustomize"]:
            raise UsageError("must specify one of -f and -k")
        if flags["server-side"] and flags["force"]:
            raise UsageError("--force cannot be used with --server-side")
        if flags["force-conflicts"] and not flags["server-side"]:
            raise UsageError("--force-conflicts only works with --server-side")
        if flags["server-side"] and self.dry.client:
            raise UsageError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
        if self.dry.where == "server" and flags["force"]:
            raise UsageError("--dry-run=server cannot be used with --force")
        if flags["prune"] and not flags["all"] and not flags["selector"]:
            raise UsageError(PRUNE_ALL)
        if flags["applyset"]:
            raise NotSimulated("kubectl apply --applyset")

    def run(self) -> Steps[int]:
        """Apply the objects one after another, then prune."""
        self.check()
        inv = self.inv
        chosen = yield from from_files(inv, validate=validates(inv))
        errors = list(chosen.errors)
        infos = [info for info in chosen if labelled(inv, info)]
        if not infos and not errors and not inv.flags["prune"]:
            raise UsageError("no objects passed to apply")
        for info in infos:
            try:
                yield from self.one(info)
            except (StatusError, UsageError) as error:
                errors.append(error)
        self.print_list()
        status = report(inv, errors)
        if inv.flags["prune"] and not status:
            yield from self.prune()
        return status

    def one(self, info: Info) -> Steps[None]:
        """Apply one object. Raises StatusError, UsageError."""
        if info.obj["metadata"].get("generateName") and not info.name:
            raise UsageError(f"from {info.obj['metadata']['generateName']}: cannot use generate name with apply")
        if not info.name:
            raise UsageError(_around("retrieving current configuration of:", info, "from server for:") +
                             f'"{info.source}": resource name may not be empty')
        if self.inv.flags["server-side"]:
            obj = yield from self.server_side(info)
            self.say(info, obj, "serverside-applied")
            return
        try:
            live = yield from self.inv.find(info.key)
        except StatusError as error:
            head = _around("retrieving current configuration of:", info, "from server for:")
            raise StatusError(error.code, error.reason, f'{head}"{info.source}": {error.message}', error.details) from None
        if live is None:
            yield from self.create(info)
        else:
            yield from self.change(info, live)

    # ---- the client's way -------------------------------------------------------------------------------------
    def create(self, info: Info) -> Steps[None]:
        """Create an object that is not there."""
        obj = with_last_applied(info.obj)
        if not self.dry.client:
            query = {**field_validation(self.inv), **self.dry.query}
            key = Key(info.key.resource, info.namespace, "")
            try:
                obj = objects.drop(obj, "metadata.resourceVersion")
                obj = yield from self.inv.send("create", key, body=obj, query=query)
            except StatusError as error:
                raise sourced(error, "creating", info.source) from None
        self.say(info, obj, "created")

    def change(self, info: Info, live: Object) -> Steps[None]:
        """Change an object that is there, where it differs."""
        if LAST_APPLIED not in objects.annotations(live):
            self.inv.err(MISSING_ANNOTATION.format(info.plural))
        change = self.difference(info, live)
        if self.dry.client:
            seen = not change and self.inv.version >= UNCHANGED_SEEN_FROM
            self.say(info, live, "unchanged" if seen else "configured")
            return
        if not change:
            self.say(info, live, "unchanged")
            return
        if objects.deleting(live):
            self.inv.err(GOING.format(info.name))
        new = yield from self.patch(info, live, change)
        self.say(info, new, "configured")

    def difference(self, info: Info, live: Object) -> Object:
        """Give the patch that leads from the live object to the file's."""
        modified = with_last_applied(info.obj)
        patch: Object = patches.three_way(last_applied(live) or {}, modified, live)
        path = ALWAYS_SENT.get((info.mapping.group, info.mapping.kind), "")
        whole = objects.dig(modified, path) if path else None
        return objects.put(patch, path, whole) if whole is not None else patch

    def patch(self, info: Info, live: Object, change: Object) -> Steps[Object]:
        """Send the patch, again where somebody else was faster. Raises StatusError."""
        inv, query = self.inv, {"patchType": "strategic", **field_validation(self.inv), **self.dry.query}
        for number in range(TRIES + 1):
            try:
                new: Object = yield from inv.send("patch", info.key, body=change, query=query)
                return new
            except StatusError as error:
                failed = error
            if failed.reason != "Conflict" or number == TRIES:
                break
            if number >= TRIES_BEFORE_PAUSE:
                yield inv.engine.sleep(microseconds(PAUSE_SECONDS))
            live = yield from inv.send("get", info.key)
            change = self.difference(info, live)
        if inv.flags["force"] and failed.reason in ("Conflict", "Invalid"):
            return (yield from self.recreate(info))
        if failed.reason == "Invalid":
            raise failed
        head = _around(f"applying patch:\n{go_json(change)}\nto:", info, "for:")
        raise StatusError(failed.code, failed.reason, f'{head}"{info.source}": error when patching "{info.source}": '
                          f"{failed.message}", failed.details)

    def recreate(self, info: Info) -> Steps[Object]:
        """Delete and create anew (--force)."""
        from sim.shell.kubectl.writing.delete import gone

        live = yield from self.inv.send("get", info.key)
        yield from self.inv.send("delete", info.key, query={"propagationPolicy": "Background"})
        yield from gone(self.inv, info.key, objects.uid(live), None)
        obj = objects.drop(with_last_applied(info.obj), "metadata.resourceVersion")
        made: Object = yield from self.inv.send("create", Key(info.key.resource, info.namespace, ""), body=obj)
        return made

    # ---- the server's way -------------------------------------------------------------------------------------
    def server_side(self, info: Info) -> Steps[Object]:
        """Let the server merge. Raises StatusError, UsageError."""
        query = {"patchType": "apply", "fieldManager": server_side_manager(self.inv),
                 "force": str(bool(self.inv.flags["force-conflicts"])).lower(), **field_validation(self.inv), **self.dry.query}
        try:
            new: Object = yield from self.inv.send("patch", info.key, body=info.obj, query=query)
            return new
        except StatusError as error:
            if error.reason == "Conflict":
                raise UsageError(f"{error.message}\n{CONFLICT_HELP}") from None
            raise

    # ---- saying and pruning -----------------------------------------------------------------------------------
    def say(self, info: Info, obj: Object, word: str) -> None:
        """Say what was done, or keep the object for the List that -o prints."""
        self.seen.add(objects.uid(obj))
        if info.namespace:
            self.spaces[info.namespace] = None
        if self.printer.form.kind in ("", "name"):
            self.printer.done(info.mapping, obj, word)
        else:
            self.printed.append((info, {"apiVersion": info.mapping.api_version, "kind": info.mapping.kind, **obj}))

    def print_list(self) -> None:
        """Print what was applied: one object, or a List."""
        if len(self.printed) == 1:
            self.printer.object(self.printed[0][0].mapping, self.printed[0][1])
        elif self.printed:
            whole = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [obj for _, obj in self.printed]}
            self.printer.object(self.printed[0][0].mapping, whole)

    def prune(self) -> Steps[None]:
        """Delete what was applied before and is no longer among the files."""
        inv = self.inv
        chosen = [_group_kind(text) for text in inv.flags["prune-allowlist"] or inv.flags["prune-whitelist"] or PRUNED]
        for mapping in (yield from inv.mappings()):
            if (mapping.group, mapping.version, mapping.kind) not in chosen:
                continue
            for space in self.spaces if mapping.namespaced else [""]:
                query = {"labelSelector": inv.flags["selector"]} if inv.flags["selector"] else {}
                body = yield from inv.send("list", Key(mapping.resource, space, ""), query=query)
                for obj in body["items"]:
                    if LAST_APPLIED not in objects.annotations(obj) or objects.uid(obj) in self.seen:
                        continue
                    if not self.dry.client:
                        yield from inv.send("delete", objects.key(mapping.resource, obj),
                                            query={"propagationPolicy": "Background", **self.dry.query})
                    self.printer.done(mapping, obj, "pruned")


def _group_kind(text: str) -> tuple[str, str, str]:
    """Read `core/v1/ConfigMap`. Raises UsageError."""
    parts = text.split("/")
    if len(parts) != 3:
        raise UsageError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
    return "" if parts[0] == "core" else parts[0], parts[1], parts[2]


def _around(doing: str, info: Info, after: str) -> str:
    """Write which object an error is about, as upstream's Info prints itself."""
    return (f'error when {doing}\nResource: "{info.group_resource}", GroupVersionKind: "{info.group_kind}"\n'
            f'Name: "{info.name}", Namespace: "{info.namespace}"\n{after} ')


def apply(inv: Invocation) -> Steps[int]:
    """Run `kubectl apply`."""
    dry = dry_run(inv)
    return (yield from Applier(inv, dry, Printer(inv, dry)).run())
