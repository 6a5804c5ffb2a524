"""velero server: reconciles Backups, Restores, Schedules and their locations.

Models: pkg/controller (backup, restore, schedule, backup_sync, backup_deletion, gc). Every phase is written back to the
object, as velero does; what lies in the bucket and not in the cluster is brought in within a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api import cron, objects, times
from sim.api.client import Change, Client, Key, Object, User, Watch
from sim.api.errors import StatusError, TransportError
from sim.components.base import API_PORT, Fatal, Program
from sim.components.velero.backing import Backing
from sim.components.velero.bucket import Bucket, bucket_of
from sim.components.velero.restoring import Restoring
from sim.engine import SECOND_US, Timer, microseconds
from sim.host.network import Connection
from sim.program import Start

GROUP, SPACE = "velero.io", "velero"
KINDS = ("backupstoragelocations", "backups", "restores", "schedules", "deletebackuprequests")
SYNC_SECONDS = 60.0
LOCATION_LABEL, SCHEDULE_LABEL = "velero.io/storage-location", "velero.io/schedule-name"
DONE = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")


class Velero(Program):
    """One velero server."""

    name = "velero"
    start_seconds = 2.0

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._watches: list[Watch] = []
        self._stops: list[Callable[[], None]] = []
        self._timers: dict[str, Timer] = {}
        self.client: Any = None

    def read_flags(self) -> dict[str, str]:
        """Take any of its flags: none of them changes what is modelled. Raises Fatal for another command."""
        if "server" not in self.start_.argv[1:2]:
            raise Fatal("Error: unknown command")
        return {}

    def check(self) -> None:
        """Nothing on the host matters to it."""

    # ---- its start --------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Find the API server and watch; try again where it does not answer."""
        kubelet = next(iter(self.host.kubelets), None)
        connection = kubelet.connection if kubelet is not None else Connection(self.host.network, self.host, "127.0.0.1", API_PORT)
        account = f"system:serviceaccount:{SPACE}:{SPACE}"
        user = User(account, ("system:serviceaccounts", f"system:serviceaccounts:{SPACE}", "system:authenticated"))
        try:
            server: Any = connection.server()
            self.client = Client(connection, server.reader, agent="velero", user=user)
            for kind in KINDS:
                self._watches.append(self.client.watch(f"{kind}.{GROUP}", self._changed, closed=self._lost))
            found = [obj for kind in KINDS for obj in self.client.list(f"{kind}.{GROUP}", SPACE)]
        except (TransportError, StatusError) as error:
            self.log("error", f"An error occurred: {error}")
            self._unwatch()
            self.later(5.0)
            return
        self.set_ready(ready=True)
        self.log("info", "setting log-level to INFO")
        self.log("info", "Starting Velero server")
        for obj in found:
            if objects.dig(obj, "status.phase") == "InProgress":
                self.end_badly(obj)
            else:
                self._queue(f"{obj['kind'].lower()}s.{GROUP}", objects.name(obj))

    def log(self, level: str, text: str) -> None:
        """Write a line as logrus does."""
        self.owner.wrote(self.line(level, text))

    def line(self, level: str, text: str, **more: str) -> str:
        """Make a log line."""
        tail = "".join(f" {name}={value}" for name, value in more.items())
        return f'time="{times.stamp(self.engine.unix_us)}" level={level} msg="{text}"{tail}'

    def end_badly(self, obj: Object) -> None:
        """Mark what was in progress when the server died as failed."""
        reason = f'found a {obj["kind"].lower()} with status "InProgress" during the server starting, mark it as "Failed"'
        self.write(obj, {"phase": "Failed", "failureReason": reason, "completionTimestamp": times.stamp(self.engine.unix_us)})

    # ---- what happens -----------------------------------------------------------------------------------------
    def _changed(self, change: Change) -> None:
        if change.new is not None and change.key.namespace == SPACE:
            self._queue(change.key.resource, change.key.name)

    def _queue(self, resource: str, name: str) -> None:
        self.soon(SECOND_US // 10, self._work, Key(resource, SPACE, name))

    def soon(self, after_us: int, work: Callable[..., None], *args: Any, label: str = "") -> Timer:
        """Do something later, if the server still runs then; an API server that does not answer is only logged."""
        return self.engine.after(after_us, self._try, work, args, label=label)

    def _try(self, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        if not self.alive or self.client is None:
            return
        try:
            work(*args)
        except (TransportError, StatusError) as error:
            self.log("error", f"Reconciler error: {error}")

    def _work(self, key: Key) -> None:
        obj = self.client.find(key)
        if obj is not None:
            WORK[key.resource.partition(".")[0]](self, obj)

    def write(self, obj: Object, status: Object, spec: Object | None = None) -> Object:
        """Write an object's status back, and defaults of its spec."""
        key = Key(f"{obj['kind'].lower()}s.{GROUP}", SPACE, objects.name(obj))
        body = {**obj, "status": {**(obj.get("status") or {}), **status}}
        if spec is not None:
            body["spec"] = {**spec, **(obj.get("spec") or {})}
        written: Object = self.client.update(key, body, because=f"its phase is {status['phase']}" if "phase" in status else "")
        return written

    def location(self, name: str = "") -> Object | None:
        """Give a storage location, without a name the default one."""
        for obj in self.client.list(f"backupstoragelocations.{GROUP}", SPACE):
            if objects.name(obj) == name or (not name and objects.dig(obj, "spec.default", objects.name(obj) == "default")):
                return dict(obj)
        return None

    def bucket(self, name: str = "") -> Bucket | None:
        """Give the bucket of a storage location."""
        location = self.location(name)
        return bucket_of(self.host.network, location) if location is not None else None

    # ---- locations --------------------------------------------------------------------------------------------
    def _locate(self, obj: Object) -> None:
        now = times.stamp(self.engine.unix_us)
        if objects.dig(obj, "status.phase") != "Available":
            self.write(obj, {"phase": "Available", "lastSyncedTime": now, "lastValidationTime": now})
            bucket = bucket_of(self.host.network, obj)
            self._stops.append(bucket.on_change(lambda: self._sync_later(objects.name(obj))))
            self._sync(objects.name(obj))
        elif f"seen {objects.name(obj)}" not in self._timers:
            self._timers[f"seen {objects.name(obj)}"] = self.soon(0, self._sync, objects.name(obj))
            self._stops.append(bucket_of(self.host.network, obj).on_change(lambda: self._sync_later(objects.name(obj))))

    def _sync_later(self, name: str) -> None:
        timer = self._timers.get(f"sync {name}")
        if timer is None or not timer.pending:
            self._timers[f"sync {name}"] = self.soon(microseconds(SYNC_SECONDS), self._sync, name)

    def _sync(self, name: str) -> None:
        """Bring backups that lie in the bucket into the cluster."""
        bucket = self.bucket(name)
        for each, kept in (bucket.backups.items() if bucket is not None else ()):
            key = Key(f"backups.{GROUP}", SPACE, each)
            if self.client.find(key) is None:
                metadata = {field: kept.backup["metadata"][field] for field in ("name", "namespace", "labels", "annotations")
                            if field in kept.backup["metadata"]}
                body = {**kept.backup, "metadata": metadata}
                self.client.create(key.resource, body, because=f"it lies in the bucket of {name}")

    # ---- backups and restores -----------------------------------------------------------------------------------
    def _back_up(self, obj: Object) -> None:
        if objects.dig(obj, "status.phase", "New") == "New":
            Backing(self, obj).begin()

    def _restore(self, obj: Object) -> None:
        if objects.dig(obj, "status.phase", "New") == "New":
            Restoring(self, obj).begin()

    def _delete(self, obj: Object) -> None:
        name = str(objects.dig(obj, "spec.backupName", ""))
        bucket = self.bucket()
        if bucket is not None:
            bucket.remove(name)
        for key in (Key(f"backups.{GROUP}", SPACE, name), Key(f"deletebackuprequests.{GROUP}", SPACE, objects.name(obj))):
            if self.client.find(key) is not None:
                self.client.delete(key, because=f"the backup {name} was to be deleted")

    # ---- schedules ----------------------------------------------------------------------------------------------
    def _plan(self, obj: Object) -> None:
        name = objects.name(obj)
        timer = self._timers.pop(f"schedule {name}", None)
        if timer is not None:
            timer.cancel()
        try:
            plan = cron.parse(str(objects.dig(obj, "spec.schedule", "")))
        except ValueError as error:
            if objects.dig(obj, "status.phase") != "FailedValidation":
                self.write(obj, {"phase": "FailedValidation", "validationErrors": [f"invalid schedule: {error}"]})
            return
        if objects.dig(obj, "status.phase") != "Enabled":
            self.write(obj, {"phase": "Enabled"})
        due_us = None if objects.dig(obj, "spec.paused") else plan.next_us(self.engine.unix_us)
        if due_us is not None:
            self._timers[f"schedule {name}"] = self.soon(
                due_us - self.engine.unix_us, self._due, name, label=f"velero's schedule {name} is due")

    def _due(self, name: str) -> None:
        obj = self.client.find(Key(f"schedules.{GROUP}", SPACE, name))
        if obj is None:
            return
        stamp = times.stamp(self.engine.unix_us)
        self.client.create(f"backups.{GROUP}", backup_of(obj, stamp), because=f"the schedule {name} is due")
        self.write(obj, {"lastBackup": stamp})

    # ---- its end ------------------------------------------------------------------------------------------------
    def _lost(self) -> None:
        if self.alive and self._watches:
            self._unwatch()
            self.later(5.0)

    def _unwatch(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.stop()

    def end(self, *, kill: bool) -> None:
        """Stop watching."""
        self._unwatch()
        for stop in self._stops:
            stop()
        self._stops = []
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}


def backup_of(schedule: Object, stamp: str) -> Object:
    """Make the Backup of a schedule's template: NAME-YYYYMMDDhhmmss."""
    digits = "".join(letter for letter in stamp if letter.isdigit())
    name = objects.name(schedule)
    return {"apiVersion": f"{GROUP}/v1", "kind": "Backup", "metadata": {
        "name": f"{name}-{digits}", "namespace": SPACE, "labels": {SCHEDULE_LABEL: name, LOCATION_LABEL: "default"}},
        "spec": dict(objects.dig(schedule, "spec.template", {}))}


WORK: dict[str, Callable[[Velero, Object], None]] = {
    "backupstoragelocations": Velero._locate, "backups": Velero._back_up, "restores": Velero._restore,
    "schedules": Velero._plan, "deletebackuprequests": Velero._delete}
