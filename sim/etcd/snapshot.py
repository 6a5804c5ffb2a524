"""A database file as bytes: what `member/snap/db` and a saved snapshot hold, and what damage does to them.

Two header pages, then a line for each record since the last compaction, then free pages; a saved snapshot has the
SHA-256 of all that behind it. A damaged line is lost, as a damaged page is; a file that ends too early cannot be read.

Models: bbolt's file as far as labs see it, etcdutl/snapshot. Left out: B+ trees and their pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sim.api.client import Key
from sim.etcd.requests import Record

PAGE = 4096
HEADER_PAGES = 2
MAGIC = bytes.fromhex("edda0ced02000000") + PAGE.to_bytes(4, "little")
SECTOR = 512
USED_FACTOR = 4
"""How much more a real database has in use: managed fields, and the renewals of leases, which are no changes here."""
FREE_PERCENT = 75
"""Free pages beside 100 in use in a database that was never defragmented (golden: 7.0 MB, of which 4.0 in use)."""


class Damaged(Exception):
    """A file that is no database. truncated: it ends before its last page."""

    def __init__(self, *, truncated: bool = False) -> None:
        super().__init__("truncated" if truncated else "invalid database")
        self.truncated = truncated


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a cluster. name: "" until it has started for the first time."""

    id: int
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    learner: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """What a database file holds.

    revision: the latest; index: raft's. bytes_total: the file's size without a digest; 0 to have it chosen.
    version: the storage version (3.6 on), "" where the file says none.
    """

    revision: int = 1
    compacted: int = 0
    records: tuple[Record, ...] = ()
    members: tuple[Member, ...] = ()
    removed: tuple[int, ...] = ()
    cluster: int = 0
    version: str = ""
    cluster_version: str = ""
    term: int = 1
    index: int = 0
    leases: tuple[tuple[int, int], ...] = ()
    lifetimes: Mapping[Key, int] = field(default_factory=dict)
    alarms: tuple[tuple[int, str], ...] = ()
    auth: Mapping[str, Any] = field(default_factory=dict)
    bytes_total: int = 0


def _line(record: Record) -> bytes:
    row: dict[str, Any] = {"r": record.main, "s": record.sub, "k": record.key.decode("latin-1"), "c": record.created,
                           "n": record.version, "t": record.at_us}
    if isinstance(record.value, bytes):
        row["b"] = base64.b64encode(record.value).decode()
    elif record.value is not None:
        row["o"] = record.value
    row |= {name: value for name, value in (("l", record.lease), ("y", record.by), ("w", record.because)) if value}
    return json.dumps(row, separators=(",", ":")).encode()


def _record(line: bytes) -> Record | None:
    """Read a line, None where it is damaged."""
    try:
        row = json.loads(line)
        value = base64.b64decode(row["b"]) if "b" in row else row.get("o")
        return Record(int(row["r"]), int(row["s"]), row["k"].encode("latin-1"), value, int(row["c"]), int(row["n"]),
                      int(row.get("l", 0)), int(row["t"]), str(row.get("y", "")), str(row.get("w", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def pages(size: int) -> int:
    """Round bytes up to whole pages."""
    return -(-size // PAGE) * PAGE


def in_use(image: Image) -> int:
    """Give how many bytes of the database are in use."""
    return _used(sum(len(_line(record)) + 1 for record in image.records))


def _used(lines: int) -> int:
    return pages(lines if lines < PAGE else lines * USED_FACTOR) + (HEADER_PAGES + 3) * PAGE


def usual_total(used: int) -> int:
    """Give the size that a database with so much in use has come to."""
    return used if used <= 8 * PAGE else pages(used * (100 + FREE_PERCENT) // 100)


def encode(image: Image, *, digest: bool = False) -> bytes:
    """Write a database file. digest: with the SHA-256 that a saved snapshot has."""
    body = b"".join(_line(record) + b"\n" for record in image.records)
    used = _used(len(body))
    total = max(image.bytes_total or usual_total(used), used)
    head: dict[str, Any] = {
        "bytes": total, "revision": image.revision, "compacted": image.compacted, "removed": image.removed,
        "members": [[m.id, m.name, m.peer_urls, m.client_urls, m.learner] for m in image.members],
        "cluster": image.cluster, "version": image.version, "clusterVersion": image.cluster_version, "term": image.term,
        "index": image.index, "leases": image.leases, "alarms": image.alarms, "auth": image.auth,
        "lifetimes": [[*key, ttl] for key, ttl in image.lifetimes.items()]}
    text = json.dumps(head, separators=(",", ":")).encode()
    if len(text) > PAGE - 64:
        head["lifetimes"] = []  # the header is one page; without them such objects stay until they are written again
        text = json.dumps(head, separators=(",", ":")).encode()
    page = (bytes(16) + MAGIC + len(text).to_bytes(4, "little") + zlib.crc32(text).to_bytes(4, "little") + text)
    data = (page.ljust(PAGE, b"\0") * HEADER_PAGES + body).ljust(total, b"\0")
    return data + hashlib.sha256(data).digest() if digest else data


def has_digest(data: bytes) -> bool:
    """Tell whether a file has a digest behind its pages."""
    return len(data) % SECTOR == hashlib.sha256().digest_size


def digests(data: bytes) -> tuple[bytes, bytes]:
    """Give the digest that a snapshot says it has, and the one that it has."""
    return data[-32:], hashlib.sha256(data[:-32]).digest()


def _head(data: bytes) -> dict[str, Any]:
    for at in range(0, HEADER_PAGES * PAGE, PAGE):
        start = at + 16 + len(MAGIC)
        size, crc = (int.from_bytes(data[start + n:start + n + 4], "little") for n in (0, 4))
        text = data[start + 8:start + 8 + size]
        if data[at + 16:start] == MAGIC and zlib.crc32(text) == crc:
            found: dict[str, Any] = json.loads(text)
            return found
    raise Damaged


def decode(data: bytes) -> Image:
    """Read a database file. Raises Damaged."""
    head = _head(data)
    if len(data) < head["bytes"]:
        raise Damaged(truncated=True)
    body = data[HEADER_PAGES * PAGE:head["bytes"]]
    found = (_record(line) for line in body.rstrip(b"\0").split(b"\n") if line.strip(b"\0"))
    records = tuple(record for record in found if record is not None)
    return Image(
        head["revision"], head["compacted"], records,
        tuple(Member(m[0], m[1], tuple(m[2]), tuple(m[3]), m[4]) for m in head["members"]), tuple(head["removed"]),
        head["cluster"], head["version"], head["clusterVersion"], head["term"], head["index"],
        tuple((lease, ttl) for lease, ttl in head["leases"]),
        {Key(*row[:3]): row[3] for row in head["lifetimes"]}, tuple((member, kind) for member, kind in head["alarms"]),
        head["auth"], head["bytes"])


@dataclass(frozen=True, slots=True)
class Status:
    """What `snapshot status` shows."""

    hash: int
    revision: int
    keys: int
    size: int
    version: str


def status(data: bytes, *, all_revisions: bool) -> Status:
    """Look at a file. all_revisions: whether each revision of a key counts (before 3.6). Raises Damaged."""
    image = decode(data)
    checksum = zlib.crc32(data[HEADER_PAGES * PAGE:image.bytes_total])
    if all_revisions:
        keys = len(image.records) + 10  # and what the other buckets hold
    else:
        live: dict[bytes, bool] = {record.key: record.value is not None for record in image.records}
        keys = sum(live.values())
    return Status(checksum, image.revision, keys, image.bytes_total, image.version)


def restored(image: Image, *, bump: int = 0, mark_compacted: bool = False) -> Image:
    """Give what `snapshot restore` makes of a snapshot: no members, no raft state, perhaps later revisions."""
    revision = image.revision + bump
    compacted = image.compacted
    if mark_compacted:
        # The bumped revision is a key of its own with nothing in it; what is older is marked as scheduled to be compacted.
        compacted = revision
    return replace(image, revision=revision, compacted=compacted, members=(), removed=(), alarms=(), cluster=0, term=1,
                   index=0, cluster_version="")
