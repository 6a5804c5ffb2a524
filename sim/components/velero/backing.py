"""One backup: from New to Completed, its objects copied into the bucket.

Models: pkg/controller/backup_controller.go, pkg/backup/backup.go. Left out: volumes, hooks, item operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.api import objects, times
from sim.api.client import Key, Object
from sim.apiserver.resources import Resource, served
from sim.components.velero import choosing
from sim.components.velero.bucket import Item, Kept
from sim.engine import microseconds

if TYPE_CHECKING:
    from sim.components.velero.server import Velero

TTL, TTL_SECONDS = "720h0m0s", 720 * 3600
START_SECONDS, ITEM_SECONDS = 1.5, 0.02
DEFAULTS: Object = {
    "csiSnapshotTimeout": "10m0s", "defaultVolumesToFsBackup": False, "hooks": {}, "includedNamespaces": ["*"],
    "itemOperationTimeout": "4h0m0s", "metadata": {}, "snapshotMoveData": False, "storageLocation": "default", "ttl": TTL}


class Backing:
    """A backup at work."""

    def __init__(self, server: Velero, obj: Object) -> None:
        self.server, self.obj, self.name = server, obj, objects.name(obj)
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Write a line of the backup's log."""
        self.said.append(self.server.line("info", text, backup=f"velero/{self.name}"))

    def begin(self) -> None:
        """Check it and start."""
        server, spec = self.server, {**DEFAULTS, **(self.obj.get("spec") or {})}
        location = server.location(str(spec["storageLocation"]))
        if location is None:
            server.write(self.obj, {"phase": "FailedValidation", "formatVersion": "1.1.0", "validationErrors": [
                f"an existing backup storage location wasn't specified at backup creation time and the server default "
                f"'{spec['storageLocation']}' doesn't exist. Please address this issue (see `velero backup-location -h` for "
                "options) and create a new backup. Error: backupstoragelocations.velero.io "
                f"\"{spec['storageLocation']}\" not found"]}, DEFAULTS)
            return
        now = server.engine.unix_us
        labels = {**objects.labels(self.obj), "velero.io/storage-location": str(spec["storageLocation"])}
        self.obj = server.write({**self.obj, "metadata": {**self.obj["metadata"], "labels": labels}}, {
            "phase": "InProgress", "formatVersion": "1.1.0", "version": 1, "startTimestamp": times.stamp(now),
            "expiration": times.stamp(now + microseconds(_seconds(spec["ttl"])))}, DEFAULTS)
        server.log("info", f"Running backup {self.name}")
        items = self.collect(spec)
        takes = microseconds(START_SECONDS + ITEM_SECONDS * len(items))
        server.soon(takes, self.finish, items)

    def collect(self, spec: Object) -> list[Item]:
        """Read the objects that the backup takes."""
        server, found = self.server, []
        self.say(f"Including namespaces: {', '.join(spec.get('includedNamespaces') or ['*'])}")
        self.say(f"Excluding namespaces: {', '.join(spec.get('excludedNamespaces') or []) or '<none>'}")
        self.say(f"Including resources: {', '.join(spec.get('includedResources') or ['*'])}")
        self.say(f"Excluding resources: {', '.join(spec.get('excludedResources') or []) or '<none>'}")
        for row in rows(server.client):
            if not choosing.wanted(row, spec):
                continue
            for obj in server.client.list(row.resource):
                if self._takes(row, obj, spec):
                    found.append((Key(row.resource, objects.namespace(obj) if row.namespaced else "", objects.name(obj)), obj))
        self.say(f"Collected {len(found)} items matching the backup spec from the Kubernetes API (actual number of items backed "
                 "up may be more or less depending on velero.io/exclude-from-backup annotation, plugins returning additional "
                 "related items to back up, etc.)")
        return found

    def _takes(self, row: Resource, obj: Object, spec: Object) -> bool:
        if not choosing.labelled(obj, spec) and row.resource != "namespaces":
            return False
        if row.namespaced:
            return choosing.in_namespaces(objects.namespace(obj), spec)
        if row.resource == "namespaces":
            return choosing.in_namespaces(objects.name(obj), spec)
        whole = spec.get("includeClusterResources")
        return choosing.all_namespaces(spec) if whole is None else bool(whole)

    def finish(self, items: list[Item]) -> None:
        """Put it into the bucket."""
        server = self.server
        obj = server.client.find(Key("backups.velero.io", "velero", self.name))
        if obj is None:
            return
        self.say(f"Backed up a total of {len(items)} items")
        progress = {"totalItems": len(items), "itemsBackedUp": len(items)}
        done = server.write(obj, {"phase": "Completed", "completionTimestamp": times.stamp(server.engine.unix_us), "progress": progress})
        bucket = server.bucket(str(objects.dig(done, "spec.storageLocation", "")))
        if bucket is not None:
            bucket.put(self.name, Kept(done, items, self.said))
        server.log("info", f"Backup {self.name} completed")


def rows(client: Any) -> list[Resource]:
    """Give the kinds that the server serves and that hold objects, custom ones last."""
    server = client.transport.server()
    known = [row for row in served(server.minor).values() if row.modelled and "list" in row.verbs and "create" in row.verbs]
    return [*known, *(row for row in server.rows() if "." in row.resource)]


def _seconds(text: Any) -> float:
    try:
        return times.parse_duration(str(text)) or TTL_SECONDS
    except ValueError:
        return TTL_SECONDS
