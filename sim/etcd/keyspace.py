"""etcd's own view of a store: keys and values as bytes, with every revision since the last compaction.

It follows the store's changes only when somebody asks (etcdctl, a snapshot), and shares its revision counter: objects
are kept by reference and become bytes when they are read. Keys that are no objects live here alone.

Models: server/storage/mvcc (kvstore, index), server/etcdserver/apply. Left out: keys in a group of objects that the API
server does not know; values of objects are its JSON in protobuf's envelope, not each kind's own protobuf.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sim.api.client import Change, Key, Object
from sim.etcd.paths import key_of, path_of
from sim.etcd.requests import (
    COMPACTED,
    FUTURE,
    KEY_NOT_FOUND,
    LEASE_EXISTS,
    LEASE_PROVIDED,
    NO_KEY,
    NO_LEASE,
    TOO_MANY,
    TXN_OPS_MAX,
    VALUE_PROVIDED,
    Compare,
    Delete,
    EtcdError,
    Put,
    Range,
    RangeResult,
    Record,
    Txn,
    TxnResult,
    decode_value,
    intervals,
    within,
)

if TYPE_CHECKING:
    from sim.etcd.store import Store

@dataclass(slots=True)
class Lease:
    """A lease; keys without order of meaning, kept sorted when shown."""

    id: int
    ttl: int
    until_us: int
    keys: dict[bytes, None] = field(default_factory=dict)


Watcher = Callable[[Record, Record | None], None]
"""Called with the record and the one before it."""


class KeySpace:
    """The keys of one etcd."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.records: list[Record] = []
        self.leases: dict[int, Lease] = {}
        self._lives: dict[bytes, list[Record]] = {}
        self._order: list[bytes] = []
        self._seen = 0
        self._watchers: dict[tuple[bytes, bytes, Watcher], None] = {}
        self._follow: Any = None

    # ---- following the store ----------------------------------------------------------------------------------
    def sync(self) -> None:
        """Take over what the store has committed since."""
        store = self.store
        if store.changes:
            for change in store.changes[self._seen:]:
                self._take(change)
            self._seen = len(store.changes)
        elif store.revision != self._seen and not store.keep_history:
            self._list_anew()

    def _list_anew(self) -> None:
        """Take over the objects of a store without history, as if each had been written once."""
        own = [record for record in self.records if key_of(record.key) is None]
        found = [Record(int(obj["metadata"]["resourceVersion"]), 0, path_of(Key(
            resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])), obj, 0, 1)
            for resource in self.store.resources() for obj in self.store.list(resource)]
        self.records, self._lives, self._order = [], {}, []
        for record in sorted([*own, *found], key=lambda each: (each.main, each.sub)):
            self.add(replace(record, created=record.created or record.main))
        self._seen = self.store.revision

    def _take(self, change: Change) -> None:
        last = self.records[-1] if self.records else None
        sub = last.sub + 1 if last is not None and last.main == change.revision else 0
        self._note(change.revision, sub, path_of(change.key), change.new, 0, change.at_us, change.by, change.because)

    def _note(self, main: int, sub: int, key: bytes, value: bytes | Object | None, lease: int, at_us: int,
              by: str = "", because: str = "") -> Record:
        lives = self._lives.get(key)
        if lives is None:
            lives = self._lives[key] = []
            insort(self._order, key)
        last = lives[-1] if lives and lives[-1].value is not None else None
        created, version = (last.created, last.version + 1) if last is not None else (main, 1)
        if value is None:
            created = version = 0
        record = Record(main, sub, key, value, created, version, lease, at_us, by, because)
        self.add(record)
        return record

    def add(self, record: Record) -> None:
        """Add a record as it is, the latest: of a restored file, or of this key space."""
        lives = self._lives.get(record.key)
        if lives is None:
            lives = self._lives[record.key] = []
            insort(self._order, record.key)
        lives.append(record)
        self.records.append(record)

    def seen_all(self) -> None:
        """Note that the records stand for all of the store's present changes."""
        self._seen = len(self.store.changes)

    # ---- reading ----------------------------------------------------------------------------------------------
    def _keys(self, key: bytes, end: bytes) -> Iterator[bytes]:
        if not end:
            if key in self._lives:
                yield key
            return
        at = bisect_left(self._order, key)
        while at < len(self._order) and (end == b"\0" or self._order[at] < end):
            yield self._order[at]
            at += 1

    def _at(self, key: bytes, revision: int) -> Record | None:
        """Give a key as it was at a revision, None where it did not exist."""
        lives = self._lives[key]
        for record in reversed(lives):
            if record.main <= revision:
                return record if record.value is not None else None
        return None

    def _check_revision(self, revision: int) -> int:
        if revision > self.store.revision:
            raise EtcdError(FUTURE)
        if 0 < revision < self.store.compacted():
            raise EtcdError(COMPACTED)
        return revision or self.store.revision

    def range(self, asked: Range, at: int = 0) -> RangeResult:
        """Read. at: what "now" is, for a member that is behind. Raises EtcdError."""
        if not asked.key:
            raise EtcdError(NO_KEY)
        self.sync()
        revision = self._check_revision(asked.revision or at)
        found = [record for key in self._keys(asked.key, asked.end) if (record := self._at(key, revision)) is not None]
        count = len(found)
        if asked.count_only:
            return RangeResult([], count, more=False)
        found = [r for r in found if (not asked.min_mod or r.main >= asked.min_mod)
                 and (not asked.max_mod or r.main <= asked.max_mod)
                 and (not asked.min_create or r.created >= asked.min_create)
                 and (not asked.max_create or r.created <= asked.max_create)]
        if asked.target or asked.descend:
            order = {"": lambda r: r.key, "key": lambda r: r.key, "version": lambda r: r.version, "create": lambda r: r.created,
                     "modify": lambda r: r.main, "value": Record.bytes}[asked.target]
            found.sort(key=order, reverse=asked.descend)
        more = 0 < asked.limit < len(found)
        return RangeResult(found[:asked.limit] if more else found, count, more=more)

    # ---- writing ----------------------------------------------------------------------------------------------
    def put(self, asked: Put) -> Record | None:
        """Write a key; gives its record before, if it was asked for. Raises EtcdError."""
        self._check(asked)
        self.sync()
        return self._put(asked, _Write(self))

    def delete(self, asked: Delete) -> list[Record]:
        """Delete keys; gives what they were. Raises EtcdError."""
        self._check(asked)
        self.sync()
        return self._delete(asked, _Write(self))

    def txn(self, asked: Txn) -> TxnResult:
        """Run a transaction: all of it at one revision. Raises EtcdError."""
        self._check(asked)
        intervals(asked.success)
        intervals(asked.failure)
        self.sync()
        self._check_apply(asked, Put)
        self._check_apply(asked, Range)
        return self._txn(asked, _Write(self))

    def _check(self, asked: Range | Put | Delete | Txn) -> None:
        """Check a request's form, as the server does before it is proposed."""
        if isinstance(asked, Txn):
            if any(len(part) > TXN_OPS_MAX for part in (asked.compares, asked.success, asked.failure)):
                raise EtcdError(TOO_MANY)
            if any(not each.key for each in asked.compares):
                raise EtcdError(NO_KEY)
            for each in (*asked.success, *asked.failure):
                self._check(each)
            return
        if not asked.key:
            raise EtcdError(NO_KEY)
        if isinstance(asked, Put):
            if asked.ignore_value and asked.value:
                raise EtcdError(VALUE_PROVIDED)
            if asked.ignore_lease and asked.lease:
                raise EtcdError(LEASE_PROVIDED)

    def _check_apply(self, asked: Txn, kind: type[Put | Range]) -> None:
        """Check what only the state can tell, before anything of a transaction is done: all puts, then all reads."""
        for each in asked.success if self._holds(asked) else asked.failure:
            if isinstance(each, Txn):
                self._check_apply(each, kind)
            elif isinstance(each, Range) and kind is Range:
                self._check_revision(each.revision)
            elif isinstance(each, Put) and kind is Put:
                self._before(each)

    def _before(self, asked: Put) -> Record | None:
        """Give a key's record before a write. Raises EtcdError where the write needs one, or its lease is unknown."""
        before = self._at(asked.key, self.store.revision + 1) if asked.key in self._lives else None
        if (asked.ignore_value or asked.ignore_lease) and before is None:
            raise EtcdError(KEY_NOT_FOUND)
        if asked.lease and asked.lease not in self.leases:
            raise EtcdError(NO_LEASE)
        return before

    def _put(self, asked: Put, write: _Write) -> Record | None:
        if asked.lease and asked.lease not in self.leases:
            raise EtcdError(NO_LEASE)
        before = self._before(asked)
        value = before.bytes() if asked.ignore_value and before is not None else asked.value
        lease = before.lease if asked.ignore_lease and before is not None else asked.lease
        if before is not None and before.lease in self.leases:
            self.leases[before.lease].keys.pop(asked.key, None)
        write.put(asked.key, value, lease)
        if lease in self.leases:
            self.leases[lease].keys[asked.key] = None
        return before

    def _delete(self, asked: Delete, write: _Write) -> list[Record]:
        found = [r for key in self._keys(asked.key, asked.end) if (r := self._at(key, self.store.revision + 1)) is not None]
        for record in found:
            write.put(record.key, None, 0)
            if record.lease in self.leases:
                self.leases[record.lease].keys.pop(record.key, None)
        return found

    def _txn(self, asked: Txn, write: _Write) -> TxnResult:
        succeeded = self._holds(asked)
        part = asked.success if succeeded else asked.failure
        responses: list[RangeResult | Record | list[Record] | None | TxnResult] = []
        for each in part:
            if isinstance(each, Range):
                responses.append(self._rangewithin(each, write))
            elif isinstance(each, Put):
                responses.append(self._put(each, write))
            elif isinstance(each, Delete):
                responses.append(self._delete(each, write))
            else:
                responses.append(self._txn(each, write))
        return TxnResult(succeeded, responses)

    def _rangewithin(self, asked: Range, write: _Write) -> RangeResult:
        """Read inside a transaction: what it has written before is seen."""
        return self.range(asked, at=0 if asked.revision else write.main if write.subs else 0)

    def _holds(self, asked: Txn) -> bool:
        return all(self._compares(each) for each in asked.compares)

    def _compares(self, asked: Compare) -> bool:
        now = self.store.revision + 1
        found = [r for key in self._keys(asked.key, asked.end) if (r := self._at(key, now)) is not None]
        if not found:
            if asked.target == "value":
                return False  # a key that is not there has no value to compare
            found = [Record(0, 0, asked.key, b"", 0, 0)]
        return all(_holds(asked, record) for record in found)

    def compact(self, revision: int) -> None:
        """Forget what was before a revision. Raises EtcdError."""
        self.sync()
        if revision <= (self.store.compacted() or -1):
            raise EtcdError(COMPACTED)
        if revision > self.store.revision:
            raise EtcdError(FUTURE)
        self.store.compact(revision)

    def kept(self) -> list[Record]:
        """Give the records that compaction leaves: what each key was at that revision, and all since."""
        self.sync()
        compacted = self.store.compacted()
        if not compacted:
            return self.records
        last: dict[bytes, Record] = {}
        for record in self.records:
            if record.main > compacted:
                break
            last[record.key] = record
        return [r for r in self.records if r.main > compacted or (last[r.key] is r and r.value is not None)]

    # ---- leases -----------------------------------------------------------------------------------------------
    def grant(self, ttl: int, lease: int) -> Lease:
        """Make a lease of so many seconds. Raises EtcdError."""
        if lease in self.leases:
            raise EtcdError(LEASE_EXISTS)
        made = self.leases[lease] = Lease(lease, ttl, self.store.engine.now_us + ttl * 1_000_000)
        self._due(made)
        return made

    def _due(self, lease: Lease) -> None:
        self.store.engine.at(lease.until_us, self._expired, lease.id, lease.until_us,
                             label=f"lease {lease.id:016x} runs out")

    def _expired(self, lease: int, until_us: int) -> None:
        found = self.leases.get(lease)
        if found is not None and found.until_us == until_us:
            self.revoke(lease)

    def keep_alive(self, lease: int) -> Lease:
        """Renew a lease. Raises EtcdError."""
        found = self.leases.get(lease)
        if found is None:
            raise EtcdError(NO_LEASE)
        found.until_us = self.store.engine.now_us + found.ttl * 1_000_000
        self._due(found)
        return found

    def revoke(self, lease: int) -> None:
        """End a lease: its keys go, all at one revision. Raises EtcdError."""
        found = self.leases.pop(lease, None)
        if found is None:
            raise EtcdError(NO_LEASE)
        self.sync()
        write = _Write(self)
        for key in sorted(found.keys):
            write.put(key, None, 0)

    # ---- watching ---------------------------------------------------------------------------------------------
    def watch(self, key: bytes, end: bytes, watcher: Watcher, revision: int = 0) -> Callable[[], None]:
        """Tell of each change of the keys from a revision on (0: from now on); gives the way to stop. Raises EtcdError."""
        self.sync()
        if 0 < revision < self.store.compacted():
            raise EtcdError(COMPACTED)
        if revision:
            for record in [r for r in self.records if r.main >= revision]:
                if within(record.key, key, end):
                    watcher(record, self.before(record))
        entry = (key, end, watcher)
        self._watchers[entry] = None
        if self._follow is None:
            self._follow = self.store.watch("*", self._committed)

        def stop() -> None:
            self._watchers.pop(entry, None)
            if not self._watchers and self._follow is not None:
                self._follow.stop()
                self._follow = None

        return stop

    def before(self, record: Record) -> Record | None:
        """Give what a key was before a record, None where it was not there or that is compacted."""
        lives = self._lives[record.key]
        at = lives.index(record)
        found = lives[at - 1] if at else None
        return found if found is not None and found.value is not None else None

    def _committed(self, change: Change) -> None:
        at = len(self.records)
        self.sync()
        for record in self.records[at:]:
            self.tell(record)

    def tell(self, record: Record) -> None:
        """Tell the watchers of a record."""
        for key, end, watcher in list(self._watchers):
            if within(record.key, key, end):
                watcher(record, self.before(record))


class _Write:
    """The writes of one transaction: they share a revision, which is used up with the first."""

    def __init__(self, keys: KeySpace) -> None:
        self.keys = keys
        self.main = keys.store.revision + 1
        self.subs = 0

    def put(self, key: bytes, value: bytes | None, lease: int) -> None:
        """Write or delete a key; one that stands for an object goes through the store. Raises EtcdError."""
        keys, store = self.keys, self.keys.store
        place = key_of(key)
        obj = decode_value(value) if place is not None and value is not None else None
        if place is not None and (obj is not None or (value is None and store.get(place) is not None)):
            store.revision = self.main - 1
            store.commit(place, obj, because="written to etcd by hand", by="etcdctl")
            keys.sync()
        else:
            if value is not None:
                store.check_room()
            store.revision = self.main
            record = keys._note(self.main, self.subs, key, value, lease, store.engine.now_us, "etcdctl")
            keys.tell(record)
        self.subs += 1


def _holds(asked: Compare, record: Record) -> bool:
    found: Any = {"version": record.version, "create": record.created, "mod": record.main, "lease": record.lease}.get(
        asked.target)
    if asked.target == "value":
        found = record.bytes()
    wanted: Any = asked.value
    return bool({"=": found == wanted, "!=": found != wanted, "<": found < wanted, ">": found > wanted}[asked.operator])


