"""What may be asked of a key space, what it answers, and which requests are refused for their form alone.

Models: api/etcdserverpb/rpc.proto, server/etcdserver/api/v3rpc/key.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sim.api.client import Object

FUTURE = "etcdserver: mvcc: required revision is a future revision"
COMPACTED = "etcdserver: mvcc: required revision has been compacted"
NO_KEY, DUPLICATE, TOO_MANY = (
    "etcdserver: key is not provided", "etcdserver: duplicate key given in txn request",
    "etcdserver: too many operations in txn request")
KEY_NOT_FOUND, NO_LEASE, LEASE_EXISTS = (
    "etcdserver: key not found", "etcdserver: requested lease not found", "etcdserver: lease already exists")
VALUE_PROVIDED, LEASE_PROVIDED = "etcdserver: value is provided", "etcdserver: lease is provided"
NO_SPACE = "etcdserver: mvcc: database space exceeded"
TXN_OPS_MAX = 128
ENVELOPE = b"k8s\0"


class EtcdError(Exception):
    """What etcd answers instead of a result, as its clients print it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One key at one revision. value: bytes, an object by reference, or None where it was deleted.

    main, sub: the revision, and the place in its transaction. created, version: of the key's present life.
    """

    main: int
    sub: int
    key: bytes
    value: bytes | Object | None
    created: int
    version: int
    lease: int = 0
    at_us: int = 0
    by: str = ""
    because: str = ""

    def bytes(self) -> bytes:
        """Give the value as etcd keeps it."""
        return encode_value(self.value) if isinstance(self.value, dict) else self.value or b""


@dataclass(frozen=True, slots=True)
class RangeResult:
    """What a range read gives: records, how many there are in all, whether some were left off by the limit."""

    kvs: list[Record]
    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Range:
    """A range read. end: "" for one key, a zero byte for all from the key on; revision 0: now."""

    key: bytes
    end: bytes = b""
    revision: int = 0
    limit: int = 0
    target: str = ""
    descend: bool = False
    count_only: bool = False
    min_mod: int = 0
    max_mod: int = 0
    min_create: int = 0
    max_create: int = 0


@dataclass(frozen=True, slots=True)
class Put:
    """A write."""

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """A deletion of a key or range."""

    key: bytes
    end: bytes = b""
    prev: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition of a transaction. target: version, create, mod, value or lease; operator: = != < >."""

    target: str
    key: bytes
    operator: str
    value: int | bytes
    end: bytes = b""


@dataclass(frozen=True, slots=True)
class Txn:
    """A transaction."""

    compares: tuple[Compare, ...] = ()
    success: tuple[Range | Put | Delete | Txn, ...] = ()
    failure: tuple[Range | Put | Delete | Txn, ...] = ()


@dataclass(frozen=True, slots=True)
class TxnResult:
    """What a transaction gives."""

    succeeded: bool
    responses: list[RangeResult | Record | list[Record] | None | TxnResult]


def encode_value(obj: Object) -> bytes:
    """Write an object as the API server stores it: custom ones as JSON, others in the envelope of its protobuf."""
    raw = json.dumps(obj, separators=(",", ":")).encode()
    version, kind = str(obj.get("apiVersion", "")).encode(), str(obj.get("kind", "")).encode()
    if b"." in version and not version.partition(b"/")[0].endswith(b".k8s.io"):
        return raw + b"\n"
    head = b"\n" + _sized(version) + b"\x12" + _sized(kind)
    return ENVELOPE + b"\n" + _sized(head) + b"\x12" + _sized(raw) + b'\x1a\x00"\x00'


def _sized(data: bytes) -> bytes:
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes((*out, size)) + data


def decode_value(data: bytes) -> Object | None:
    """Read an object that `encode_value` wrote, None where it is something else."""
    start = data.find(b"{") if data.startswith(ENVELOPE) else 0
    try:
        found, _ = json.JSONDecoder().raw_decode(data[start:].decode())
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("metadata"), dict) else None


def within(key: bytes, start: bytes, end: bytes) -> bool:
    """Tell whether a key lies in a range."""
    return key == start if not end else key >= start and (end == b"\0" or key < end)


def intervals(part: tuple[Range | Put | Delete | Txn, ...]) -> tuple[dict[bytes, None], list[tuple[bytes, bytes]]]:
    """Check that no key is written twice in one branch. Raises EtcdError. Models: checkIntervals of v3rpc/key.go."""
    deletes = [(each.key, each.end) for each in part if isinstance(each, Delete)]
    puts: dict[bytes, None] = {}

    def check(key: bytes, *, taken: bool) -> None:
        if taken or any(within(key, *pair) for pair in deletes):
            raise EtcdError(DUPLICATE)

    for each in part:
        if isinstance(each, Txn):
            (then, gone), (otherwise, gone_else) = intervals(each.success), intervals(each.failure)
            for key in then:
                check(key, taken=key in puts)
                puts[key] = None
            for key in otherwise:  # of the two branches of one transaction only one is run
                check(key, taken=key in puts and key not in then)
                puts[key] = None
            deletes += [*gone, *gone_else]
    for each in part:
        if isinstance(each, Put):
            check(each.key, taken=each.key in puts)
            puts[each.key] = None
    return puts, deletes
