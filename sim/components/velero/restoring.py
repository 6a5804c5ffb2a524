"""One restore: objects of a backup made anew, in order, where they are not there already.

Models: pkg/controller/restore_controller.go, pkg/restore/restore.go. Left out: volumes, hooks, resource modifiers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.components.velero import choosing
from sim.components.velero.backing import rows
from sim.components.velero.bucket import Item, Kept
from sim.engine import microseconds

if TYPE_CHECKING:
    from sim.components.velero.server import Velero

START_SECONDS, ITEM_SECONDS = 1.0, 0.05
DEFAULTS: Object = {
    "excludedResources": ["nodes", "events", "events.events.k8s.io", "backups.velero.io", "restores.velero.io",
                          "resticrepositories.velero.io", "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io",
                          "backuprepositories.velero.io"],
    "hooks": {}, "includedNamespaces": ["*"], "itemOperationTimeout": "4h0m0s"}


class Restoring:
    """A restore at work."""

    def __init__(self, server: Velero, obj: Object) -> None:
        self.server, self.obj, self.name = server, obj, objects.name(obj)
        self.said: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def say(self, text: str, level: str = "info") -> None:
        """Write a line of the restore's log."""
        self.said.append(self.server.line(level, text, restore=f"velero/{self.name}"))

    def begin(self) -> None:
        """Check it and start."""
        server, spec = self.server, self.obj["spec"]
        schedule = str(spec.get("scheduleName") or "")
        name = str(spec.get("backupName") or "") or self._latest(schedule)
        kept = self._kept(name)
        if kept is None:
            text = f'backup.velero.io "{name}" not found' if name else "No completed backups found for schedule"
            server.write(self.obj, {"phase": "FailedValidation", "validationErrors": [
                f"Error retrieving backup: {text}" if name else text]}, DEFAULTS)
            return
        self.obj = {**self.obj, "spec": {**spec, "backupName": name}}
        stamp = times.stamp(server.engine.unix_us)
        self.obj = server.write(self.obj, {"phase": "InProgress", "startTimestamp": stamp}, DEFAULTS)
        self.say("starting restore")
        chosen = self._chosen(kept)
        takes = microseconds(START_SECONDS + ITEM_SECONDS * len(chosen))
        server.soon(takes, self.finish, chosen)

    def _latest(self, schedule: str) -> str:
        backups = [obj for obj in self.server.client.list("backups.velero.io", "velero")
                   if objects.labels(obj).get("velero.io/schedule-name") == schedule
                   and objects.dig(obj, "status.phase") == "Completed"]
        newest = max(backups, key=lambda obj: str(objects.dig(obj, "status.startTimestamp", "")), default=None)
        return objects.name(newest) if newest is not None else ""

    def _kept(self, name: str) -> Kept | None:
        backup = self.server.client.find(Key("backups.velero.io", "velero", name)) if name else None
        bucket = self.server.bucket(str(objects.dig(backup, "spec.storageLocation", ""))) if backup is not None else None
        return bucket.backups.get(name) if bucket is not None else None

    def _chosen(self, kept: Kept) -> list[tuple[Key, Object, str]]:
        """Give what is to be made: (where it was, the object, its namespace now)."""
        spec, found = self.obj["spec"], []
        mapping = spec.get("namespaceMapping") or {}
        by_kind: dict[str, list[Item]] = {}
        for item in kept.items:
            by_kind.setdefault(item[0].resource, []).append(item)
        spaces = {key.namespace: None for key, obj in kept.items if key.namespace and choosing.in_namespaces(key.namespace, spec)
                  and choosing.labelled(obj, spec)}
        for row in choosing.in_order(rows(self.server.client)):
            if row.resource in choosing.NOT_RESTORED or not choosing.wanted(row, spec):
                continue
            for key, obj in by_kind.get(row.resource, ()):
                if row.resource == "namespaces":
                    takes = key.name in spaces
                elif row.namespaced:
                    takes = key.namespace in spaces and choosing.labelled(obj, spec)
                else:
                    whole = spec.get("includeClusterResources")
                    takes = (choosing.all_namespaces(spec) if whole is None else bool(whole)) and choosing.labelled(obj, spec)
                if takes:
                    space = str(mapping.get(key.namespace, key.namespace))
                    name = str(mapping.get(key.name, key.name)) if row.resource == "namespaces" else key.name
                    found.append((Key(key.resource, space, name), obj, space))
        return found

    def finish(self, chosen: list[tuple[Key, Object, str]]) -> None:
        """Make the objects."""
        server = self.server
        obj = server.client.find(Key("restores.velero.io", "velero", self.name))
        if obj is None:
            return
        made = 0
        for key, old, space in chosen:
            made += self._make(key, old, space)
        self.say("restore completed")
        phase = "PartiallyFailed" if self.errors else "Completed"
        counts = {**({"warnings": len(self.warnings)} if self.warnings else {}), **({"errors": len(self.errors)} if self.errors else {})}
        server.write(obj, {"phase": phase, "completionTimestamp": times.stamp(server.engine.unix_us),
                           "progress": {"totalItems": len(chosen), "itemsRestored": len(chosen)}, **counts})
        bucket = server.bucket()
        if bucket is not None:
            bucket.restores[self.name] = self.said

    def _make(self, key: Key, old: Object, space: str) -> int:
        """Make one object; gives 1 where it is new."""
        body = choosing.prepared(key, old, self.obj, space)
        if body is None:
            return 0
        if key.resource == "namespaces":
            body["metadata"]["name"] = key.name
        client = self.server.client
        try:
            there = client.find(key)
            if there is None:
                client.create(key.resource, body, because=f"the restore {self.name} brings it back")
                self.say(f"Restored {key.resource}/{key.name}")
                return 1
        except StatusError as error:
            self.errors.append(f"{key.resource}/{key.name}: {error.message}")
            self.say(f"error restoring {key.name}: {error.message}", "error")
            return 0
        if key.resource in ("namespaces", "serviceaccounts"):
            return 0
        if str(self.obj["spec"].get("existingResourcePolicy") or "none") == "update":
            self._update(key, body, there)
        elif _differs(there, body):
            self.warnings.append(f"could not restore, {old['kind']} \"{key.name}\" already exists. Warning: the in-cluster "
                                 "version is different than the backed-up version")
            self.say(self.warnings[-1], "warning")
        return 0

    def _update(self, key: Key, body: Object, there: Object) -> None:
        merged = {**there, **{name: value for name, value in body.items() if name != "metadata"}}
        try:
            self.server.client.update(key, merged, because=f"the restore {self.name} updates it")
        except StatusError as error:
            self.warnings.append(f"could not update {key.name}: {error.message}")


def _differs(there: Object, body: Object) -> bool:
    """Tell whether an object in the cluster is another than the one in the backup, in what a restore would set."""
    return any(there.get(name) != value for name, value in body.items() if name not in ("metadata", "status"))
