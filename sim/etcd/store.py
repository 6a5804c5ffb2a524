"""A versioned store of objects: revisions, history, indexes, watchers, compaction.

A commit assigns the next revision, appends a `Change`, updates the indexes and tells the watchers. A watcher only
notes what changed (a key in a queue): nothing may commit from inside a watcher.

Models: etcd's mvcc store, watchable store and lessor, seen through apiserver's storage layer. Left out: the key bytes
(objects are kept as wire-form dicts), leases without a time to live.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sim.api.client import Change, Key, Object, Objects, Watcher
from sim.engine import SECOND_US, Cause, Engine

LEASE_GRID_US = 60 * SECOND_US
Names = list[str]
Changes = list[Change]
Index = Callable[[Object], Iterable[str]]
"""What values an object has in an index; usually none or one."""

Pairs = list[tuple[str, Index]]


def cause_of(change: Change) -> Cause:
    """Make the cause that a change is for what follows from it."""
    verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}[change.type]
    name = "/".join(filter(None, (change.key.namespace, change.key.name)))
    why = f": {change.because}" if change.because else ""
    return Cause("change", change.at_us, f"{change.object.get('kind', '')} {name} {verb}{why}", change.revision)


class Compacted(Exception):
    """The history from that revision on is gone; the caller must list anew."""


class StoreWatch:
    """One watcher of a resource; with an index only of objects that had or have the value there."""

    __slots__ = ("_table", "active", "watcher")

    def __init__(self, table: dict[StoreWatch, None], watcher: Watcher) -> None:
        self._table = table
        self.watcher = watcher
        self.active = True
        table[self] = None

    def stop(self) -> None:
        """End the watch."""
        self.active = False
        self._table.pop(self, None)


class Store:
    """The objects of one cluster and how they came to be so.

    engine: for the time and the present causes.
    indexes: resource -> index name -> function; the resource "*" holds those that every resource has.
    keep_history: False for studies at scale; `changes` then stays empty.
    detect_mutation: take a digest of every object at commit, for `verify_unchanged`.
    """

    def __init__(
        self,
        engine: Engine,
        indexes: Mapping[str, Mapping[str, Index]] | None = None,
        *,
        keep_history: bool = True,
        detect_mutation: bool = False,
    ) -> None:
        self.engine = engine
        self.revision = 1
        self.heartbeats: Any = None
        """What the API servers of this store know of leases that are renewed without a write each time."""
        self.compacted_revision = 0
        self.changes: list[Change] = []
        self._first_change = 0
        self._keep_history = keep_history
        self._indexes = indexes or {}
        self._pairs: dict[str, Pairs] = {}
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._sorted: dict[str, list[tuple[str, str]]] = {}
        self._by_namespace: dict[tuple[str, str], dict[str, Object]] = {}
        self._by_index: dict[tuple[str, str], dict[str, dict[tuple[str, str], Object]]] = {}
        self._watches: dict[str, dict[StoreWatch, None]] = {}
        self._index_watches: dict[tuple[str, str], dict[str, dict[StoreWatch, None]]] = {}
        self._leases: dict[int, dict[Key, int]] = {}
        self._digests: list[tuple[Object, bytes]] | None = [] if detect_mutation else None

    # ---- reading ----------------------------------------------------------------------------------------------
    def get(self, key: Key) -> Object | None:
        """Give the object, or None."""
        return self._objects.get(key.resource, {}).get((key.namespace, key.name))

    def list(self, resource: str, namespace: str = "") -> Objects:
        """Give the resource's objects, in order of (namespace, name)."""
        if namespace:
            found = self._by_namespace.get((resource, namespace), {})
            return [found[name] for name in sorted(found)]
        objects = self._objects.get(resource, {})
        order = self._sorted.get(resource)
        if order is None:
            order = self._sorted[resource] = sorted(objects)
        return [objects[place] for place in order]

    def by_index(self, resource: str, index: str, value: str) -> Objects:
        """Give the objects with that value in the index, in order of creation."""
        return list(self._by_index.get((resource, index), {}).get(value, {}).values())

    def resources(self) -> Names:
        """Name the resources that have objects."""
        return sorted(resource for resource, objects in self._objects.items() if objects)

    def count(self, resource: str) -> int:
        """Tell how many objects of the resource there are."""
        return len(self._objects.get(resource, {}))

    # ---- writing ----------------------------------------------------------------------------------------------
    def commit(
        self, key: Key, new: Object | None, *, because: str = "", by: str = "", ttl_us: int = 0
    ) -> Change:
        """Write an object (None deletes it) and give the change.

        The object's resourceVersion becomes the new revision. Whether the write is allowed is the caller's business.
        ttl_us: after how long the object goes by itself, unless it is written again.
        """
        self.revision += 1
        revision = self.revision
        place = (key.namespace, key.name)
        objects = self._objects.setdefault(key.resource, {})
        old = objects.get(place)
        if new is not None:
            new = {**new, "metadata": {**new["metadata"], "resourceVersion": str(revision)}}
            kind = "MODIFIED" if old is not None else "ADDED"
        else:
            kind = "DELETED"
        change = Change(
            revision, kind, key, old, new, self.engine.now_us, self.engine.causes, because, by
        )
        self._place(key, place, objects, old, new)
        if self._keep_history:
            self.changes.append(change)
        if self._digests is not None and new is not None:
            self._digests.append((new, _digest(new)))
        if ttl_us and new is not None:
            self._expire_later(key, revision, self.engine.now_us + ttl_us)
        self._tell(change)
        return change

    def _expire_later(self, key: Key, revision: int, at_us: int) -> None:
        """Note a lease. Leases that end within the same minute end together, as the API server's do."""
        minute = -(-at_us // LEASE_GRID_US)
        ending = self._leases.get(minute)
        if ending is None:
            ending = self._leases[minute] = {}
            self.engine.at(minute * LEASE_GRID_US, self._expire, minute)
        ending[key] = revision

    def _expire(self, minute: int) -> None:
        for key, revision in self._leases.pop(minute, {}).items():
            found = self.get(key)
            if found is not None and found["metadata"]["resourceVersion"] == str(revision):
                self.commit(key, None, because="its time to live ran out", by="etcd")

    def _place(
        self, key: Key, place: tuple[str, str], objects: dict[tuple[str, str], Object],
        old: Object | None, new: Object | None,
    ) -> None:
        resource = key.resource
        inside = self._by_namespace.setdefault((resource, key.namespace), {})
        if new is None:
            objects.pop(place, None)
            inside.pop(key.name, None)
        else:
            objects[place] = new
            inside[key.name] = new
        if old is None or new is None:
            self._sorted.pop(resource, None)
        for name, values_of in self._all_indexes(resource):
            table = self._by_index.setdefault((resource, name), {})
            before = list(values_of(old)) if old is not None else []
            after = list(values_of(new)) if new is not None else []
            if not before and not after:
                continue
            for value in before:
                if value not in after:
                    table[value].pop(place, None)
                    if not table[value]:
                        del table[value]
            for value in after:
                assert new is not None
                table.setdefault(value, {})[place] = new

    def _all_indexes(self, resource: str) -> Pairs:
        pairs = self._pairs.get(resource)
        if pairs is None:
            own = self._indexes.get(resource, {})
            pairs = self._pairs[resource] = [*self._indexes.get("*", {}).items(), *own.items()]
        return pairs

    def _tell(self, change: Change) -> None:
        """Tell the watchers; what they do carries the change as a cause."""
        with self.engine.because(self.engine.join_causes(change.causes, (cause_of(change),))):
            self._tell_all(change)

    def _tell_all(self, change: Change) -> None:
        resource = change.key.resource
        for watch in list(self._watches.get(resource, ())):
            watch.watcher(change)
        for watch in list(self._watches.get("*", ())):
            watch.watcher(change)
        for name, values_of in self._all_indexes(resource):
            table = self._index_watches.get((resource, name))
            if not table:
                continue
            values = list(values_of(change.new)) if change.new is not None else []
            if change.old is not None:
                values += [value for value in values_of(change.old) if value not in values]
            for value in values:
                for watch in list(table.get(value, ())):
                    watch.watcher(change)

    # ---- watching ---------------------------------------------------------------------------------------------
    def watch(self, resource: str, watcher: Watcher, *, index: str = "", value: str = "") -> StoreWatch:
        """Call the watcher at each change of the resource ("*": of all), with an index only where it matches."""
        if index:
            table = self._index_watches.setdefault((resource, index), {}).setdefault(value, {})
        else:
            table = self._watches.setdefault(resource, {})
        return StoreWatch(table, watcher)

    def changes_since(self, revision: int) -> Changes:
        """Give the changes after a revision, oldest first. Raises Compacted."""
        if revision < self.compacted_revision:
            raise Compacted(revision)
        low, high = 0, len(self.changes)
        while low < high:
            middle = (low + high) // 2
            if self.changes[middle].revision <= revision:
                low = middle + 1
            else:
                high = middle
        return self.changes[low:]

    def revision_at(self, at_us: int) -> int:
        """Give the revision that was the latest at a moment; 1 before the first change, or without history."""
        low, high = 0, len(self.changes)
        while low < high:
            middle = (low + high) // 2
            if self.changes[middle].at_us <= at_us:
                low = middle + 1
            else:
                high = middle
        return self.changes[low - 1].revision if low else 1

    def compact(self, revision: int) -> None:
        """Hide the history up to a revision from clients; the lab may still read `changes`."""
        self.compacted_revision = max(self.compacted_revision, revision)

    # ---- the mutation detector --------------------------------------------------------------------------------
    def verify_unchanged(self) -> None:
        """Raise AssertionError if anybody changed an object after its commit (client-go's mutation detector)."""
        for obj, digest in self._digests or []:
            if _digest(obj) != digest:
                metadata: dict[str, Any] = obj["metadata"]
                raise AssertionError(f"changed after commit: {obj.get('kind')} {metadata.get('name')}")


def _digest(obj: Object) -> bytes:
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).digest()
