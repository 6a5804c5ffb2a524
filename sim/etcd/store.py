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
from dataclasses import replace
from typing import Any, NamedTuple

from sim.api.client import Change, Key, Object, Objects, Watcher
from sim.engine import SECOND_US, Cause, Engine
from sim.etcd.keyspace import KeySpace
from sim.etcd.paths import key_of
from sim.etcd.requests import Record

LEASE_GRID_US = 60 * SECOND_US
Names = list[str]
Changes = list[Change]
Watches = list["StoreWatch"]


class Index(NamedTuple):
    """What values an object has in an index, usually none or one.

    part: the fields that lead to what they are read from; where that is the same as before, so are the values.
    """

    values_of: Callable[[Object], Iterable[str]]
    part: tuple[str, ...] = ()


Place = tuple[str, str]
"""Where an object stands among those of its resource: (namespace, name)."""


DONE = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}


def cause_of(change: Change) -> Cause:
    """Make the cause that a change is for what follows from it."""
    _, space, name = change.key
    place = f"{space}/{name}" if space and name else space or name
    why = f": {change.because}" if change.because else ""
    return Cause("change", change.at_us, f"{change.object.get('kind', '')} {place} {DONE[change.type]}{why}", change.revision)


class Compacted(Exception):
    """The history from that revision on is gone; the caller must list anew."""


class StoreWatch:
    """One watcher of a resource; with an index only of objects that had or have the value there."""

    __slots__ = ("_table", "active", "place", "watcher")

    def __init__(self, table: dict[StoreWatch, None], watcher: Watcher, place: tuple[str, str, str]) -> None:
        self._table = table
        self.watcher = watcher
        self.place = place
        self.active = True
        table[self] = None

    def stop(self) -> None:
        """End the watch."""
        self.active = False
        self._table.pop(self, None)


class Indexed:
    """One index of a resource: where the objects of a value stand, and who watches a value."""

    __slots__ = ("part", "table", "values_of", "watches")

    def __init__(self, index: Index) -> None:
        self.values_of, self.part = index
        self.table: dict[str, dict[Place, None]] = {}
        self.watches: dict[str, dict[StoreWatch, None]] = {}

    def move(self, place: Place, before: Iterable[str], after: Iterable[str]) -> None:
        """Take an object whose values were `before` and are `after`."""
        table = self.table
        for value in before:
            if value not in after:
                there = table[value]
                there.pop(place, None)
                if not there:
                    del table[value]
        for value in after:
            found = table.get(value)
            if found is None:
                table[value] = {place: None}
            else:
                found[place] = None


class Shelf:
    """All that is kept of one resource."""

    __slots__ = ("named", "objects", "order", "parts", "spaces", "watches")

    def __init__(self, indexes: Mapping[str, Index]) -> None:
        self.objects: dict[Place, Object] = {}
        self.order: list[Place] | None = None
        self.spaces: dict[str, dict[str, Object]] = {}
        self.named = {name: Indexed(index) for name, index in indexes.items()}
        parts: dict[tuple[str, ...], list[Indexed]] = {}
        for indexed in self.named.values():
            parts.setdefault(indexed.part, []).append(indexed)
        self.parts = list(parts.items())
        """The indexes by the part of an object that they are read from."""
        self.watches: dict[StoreWatch, None] = {}


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
        self.compactor: Callable[[], int] | None = None
        """Who compacts without an event of its own (an API server), and up to which revision it has by now."""
        self.room: Callable[[], None] | None = None
        """Raises EtcdError when nothing may be written; None while there is room."""
        self._keys: KeySpace | None = None
        self.arrived: list[Change] = []
        """What those who watch the cluster saw change when its API server took up this store in place of another."""
        self.changes: list[Change] = []
        self._first_change = 0
        self.keep_history = keep_history
        self._indexes = indexes or {}
        self._shelves: dict[str, Shelf] = {}
        self._watches_of_all: dict[StoreWatch, None] = {}
        self._leases: dict[int, dict[Key, tuple[int, int]]] = {}
        self._digests: list[tuple[Object, bytes]] | None = [] if detect_mutation else None

    # ---- reading ----------------------------------------------------------------------------------------------
    def _shelf(self, resource: str) -> Shelf:
        shelf = self._shelves.get(resource)
        if shelf is None:
            indexes = {**self._indexes.get("*", {}), **self._indexes.get(resource, {})}
            shelf = self._shelves[resource] = Shelf(indexes)
        return shelf

    def get(self, key: Key) -> Object | None:
        """Give the object, or None."""
        shelf = self._shelves.get(key[0])
        return shelf.objects.get(key[1:]) if shelf is not None else None

    def list(self, resource: str, namespace: str = "") -> Objects:
        """Give the resource's objects, in order of (namespace, name)."""
        shelf = self._shelves.get(resource)
        if shelf is None:
            return []
        if namespace:
            found = shelf.spaces.get(namespace, {})
            return [found[name] for name in sorted(found)]
        if shelf.order is None:
            shelf.order = sorted(shelf.objects)
        return [shelf.objects[place] for place in shelf.order]

    def by_index(self, resource: str, index: str, value: str) -> Objects:
        """Give the objects with that value in the index, in order of creation."""
        shelf = self._shelves.get(resource)
        indexed = shelf.named.get(index) if shelf is not None else None
        if shelf is None or indexed is None:
            return []
        return [shelf.objects[place] for place in indexed.table.get(value, ())]

    def resources(self) -> Names:
        """Name the resources that have objects."""
        return sorted(resource for resource, shelf in self._shelves.items() if shelf.objects)

    def count(self, resource: str) -> int:
        """Tell how many objects of the resource there are."""
        shelf = self._shelves.get(resource)
        return len(shelf.objects) if shelf is not None else 0

    # ---- writing ----------------------------------------------------------------------------------------------
    def commit(
        self, key: Key, new: Object | None, *, because: str = "", by: str = "", ttl_us: int = 0
    ) -> Change:
        """Write an object (None deletes it) and give the change.

        The object's resourceVersion becomes the new revision. Whether the write is allowed is the caller's business.
        ttl_us: after how long the object goes by itself, unless it is written again.
        """
        if self.room is not None and new is not None:
            self.room()
        self.revision += 1
        revision = self.revision
        place = key[1:]
        shelf = self._shelves.get(key.resource) or self._shelf(key.resource)
        old = shelf.objects.get(place)
        if new is not None:
            new = {**new, "metadata": {**new["metadata"], "resourceVersion": str(revision)}}
            kind = "MODIFIED" if old is not None else "ADDED"
        else:
            kind = "DELETED"
        change = Change(
            revision, kind, key, old, new, self.engine.now_us, self.engine.causes, because, by
        )
        told = self._place(shelf, key, place, old, new)
        if self.keep_history:
            self.changes.append(change)
        if self._digests is not None and new is not None:
            self._digests.append((new, _digest(new)))
        if ttl_us and new is not None:
            self._expire_later(key, revision, ttl_us)
        if told:
            self._tell(change, told)
        return change

    def _expire_later(self, key: Key, revision: int, ttl_us: int) -> None:
        """Note a lease. Leases that end within the same minute end together, as the API server's do."""
        minute = -(-(self.engine.now_us + ttl_us) // LEASE_GRID_US)
        ending = self._leases.get(minute)
        if ending is None:
            ending = self._leases[minute] = {}
            self.engine.at(minute * LEASE_GRID_US, self._expire, minute)
        ending[key] = (revision, ttl_us)

    def _expire(self, minute: int) -> None:
        for key, (revision, _) in self._leases.pop(minute, {}).items():
            found = self.get(key)
            if found is not None and found["metadata"]["resourceVersion"] == str(revision):
                self.commit(key, None, because="its time to live ran out", by="etcd")

    def _place(self, shelf: Shelf, key: Key, place: Place, old: Object | None, new: Object | None) -> Watches:
        """Put the object where it belongs, in the indexes too; gives who must be told, in order."""
        inside = shelf.spaces.get(key.namespace)
        if inside is None:
            inside = shelf.spaces[key.namespace] = {}
        if new is None:
            shelf.objects.pop(place, None)
            inside.pop(key.name, None)
            shelf.order = None
        else:
            shelf.objects[place] = new
            inside[key.name] = new
            if old is None:
                shelf.order = None
        told = [*shelf.watches, *self._watches_of_all]
        for part, indexes in shelf.parts:
            if old is not None and new is not None and _same(part, old, new):
                for indexed in indexes:
                    if indexed.watches:
                        told += _watching(indexed.watches, tuple(indexed.values_of(new)))
                continue
            for indexed in indexes:
                before = tuple(indexed.values_of(old)) if old is not None else ()
                after = tuple(indexed.values_of(new)) if new is not None else ()
                if before or after:
                    indexed.move(place, before, after)
                    if indexed.watches:
                        told += _watching(indexed.watches, (*after, *(value for value in before if value not in after)))
        return told

    def _tell(self, change: Change, told: Watches) -> None:
        """Tell the watchers; what they do carries the change as a cause."""
        engine = self.engine
        outer = engine.causes
        engine.causes = engine.join_causes(change.causes, (cause_of(change),))
        try:
            for watch in told:
                if watch.active:
                    watch.watcher(change)
        finally:
            engine.causes = outer

    # ---- watching ---------------------------------------------------------------------------------------------
    def watch(self, resource: str, watcher: Watcher, *, index: str = "", value: str = "") -> StoreWatch:
        """Call the watcher at each change of the resource ("*": of all), with an index only where it matches."""
        if index:
            table = self._shelf(resource).named[index].watches.setdefault(value, {})
        else:
            table = self._watches_of_all if resource == "*" else self._shelf(resource).watches
        return StoreWatch(table, watcher, (resource, index, value))

    def changes_since(self, revision: int) -> Changes:
        """Give the changes after a revision, oldest first. Raises Compacted."""
        if revision < (self.compacted_revision if self.keep_history else self.revision):
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

    def compacted(self) -> int:
        """Give the revision up to which history is gone by now."""
        derived = self.compactor() if self.compactor is not None else 0
        return max(self.compacted_revision, derived)

    # ---- etcd's side ------------------------------------------------------------------------------------------
    @property
    def keys(self) -> KeySpace:
        """Give the same as keys and bytes."""
        if self._keys is None:
            self._keys = KeySpace(self)
        return self._keys

    def check_room(self) -> None:
        """Raise EtcdError when nothing may be written."""
        if self.room is not None:
            self.room()

    def lifetimes(self) -> dict[Key, int]:
        """Give the objects that go by themselves, and the microseconds that each was given."""
        return {key: ttl_us for ending in self._leases.values() for key, (revision, ttl_us) in ending.items()
                if (found := self.get(key)) is not None and found["metadata"]["resourceVersion"] == str(revision)}

    def load(self, records: Iterable[Record], revision: int, compacted: int, lifetimes: Mapping[Key, int]) -> None:
        """Become what records say, oldest first: a database file that is opened. Leases begin anew."""
        keys = self.keys
        for record in records:
            place = key_of(record.key)
            if place is not None and not isinstance(record.value, bytes):
                self._load(place, record)
            keys.add(record)
        keys.seen_all()
        self.revision = max(revision, 1)
        self.compacted_revision = compacted
        for key, ttl_us in lifetimes.items():
            found = self.get(key)
            if found is not None:
                self._expire_later(key, int(found["metadata"]["resourceVersion"]), ttl_us)

    def _load(self, key: Key, record: Record) -> None:
        place, shelf = key[1:], self._shelf(key.resource)
        old, new = shelf.objects.get(place), record.value
        assert not isinstance(new, bytes)
        if old is None and new is None:
            return  # its life before the compaction is not in the file
        kind = "DELETED" if new is None else "MODIFIED" if old is not None else "ADDED"
        self._place(shelf, key, place, old, new)
        if self.keep_history:
            self.changes.append(Change(record.main, kind, key, old, new, record.at_us, (), record.because, record.by))

    def copy(self) -> Store:
        """Give a store of its own that holds the same now: what a cache of this one has, without its watchers."""
        made = Store(self.engine, self._indexes, keep_history=self.keep_history)
        made.revision, made.compacted_revision = self.revision, self.compacted()
        made.changes = list(self.changes)
        for resource, shelf in self._shelves.items():
            mine = made._shelf(resource)
            mine.objects = dict(shelf.objects)
            mine.spaces = {space: dict(inside) for space, inside in shelf.spaces.items()}
            for name, indexed in shelf.named.items():
                mine.named[name].table = {value: dict(found) for value, found in indexed.table.items()}
        return made

    def differences(self, other: Store) -> Changes:
        """Give the changes that make this store's objects those of another, as a new list shows them to a cache."""
        found: Changes = []
        for resource in sorted({*self._shelves, *other._shelves}):
            mine, its = self._shelf(resource).objects, other._shelf(resource).objects
            for place in sorted({*mine, *its}):
                old, new = mine.get(place), its.get(place)
                if old is not new and (old is None or new is None or old["metadata"] != new["metadata"]):
                    kind = "DELETED" if new is None else "MODIFIED" if old is not None else "ADDED"
                    found.append(Change(other.revision, kind, Key(resource, *place), old, new, self.engine.now_us, (),
                                        "etcd holds another state", "etcd"))
        return found

    def apply(self, change: Change) -> None:
        """Take over a change of another store: what a cache does that watches it."""
        key, new = change.key, change.new
        place, shelf = key[1:], self._shelf(key.resource)
        old = shelf.objects.get(place)
        self.revision = change.revision
        if old is None and new is None:
            return
        kind = "DELETED" if new is None else "MODIFIED" if old is not None else "ADDED"
        mine = replace(change, type=kind, old=old)
        self._tell(mine, self._place(shelf, key, place, old, new))

    # ---- the mutation detector --------------------------------------------------------------------------------
    def verify_unchanged(self) -> None:
        """Raise AssertionError if anybody changed an object after its commit (client-go's mutation detector)."""
        for obj, digest in self._digests or []:
            if _digest(obj) != digest:
                metadata: dict[str, Any] = obj["metadata"]
                raise AssertionError(f"changed after commit: {obj.get('kind')} {metadata.get('name')}")


def _same(part: tuple[str, ...], old: Any, new: Any) -> bool:
    """Tell whether two objects share a part."""
    for name in part:
        old, new = old.get(name), new.get(name)
        if old is new:
            return True
    return False


def _watching(watches: Mapping[str, Iterable[StoreWatch]], values: tuple[str, ...]) -> Iterable[StoreWatch]:
    """Give who watches the values; a watcher of two of them once."""
    if len(values) == 1:
        return watches.get(values[0], ())
    found: dict[Watcher, StoreWatch] = {}
    for value in values:
        for watch in watches.get(value, ()):
            found.setdefault(watch.watcher, watch)
    return found.values()


def _digest(obj: Object) -> bytes:
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).digest()
