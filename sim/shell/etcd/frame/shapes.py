"""Answers in the shapes that -w prints: simple, table, json, fields.

Models: etcdctl/ctlv3/command/printer*.go. Left out: protobuf.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from sim.etcd.requests import Record
from sim.host.etcd import MemberServer
from sim.shell.etcd.frame import printing
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import BAD_FEATURE, Run

Fields = list[tuple[str, Any]]
PROTOBUF = "only support simple or json as output format"


def header(member: MemberServer, *, revision: bool = True) -> dict[str, Any]:
    """Make the header of an answer."""
    cluster = member.cluster
    found: dict[str, Any] = {"cluster_id": cluster.id, "member_id": member.id}
    if revision:
        found["revision"] = member.data.revision
    return {**found, "raft_term": cluster.term}


def header_fields(member: MemberServer, *, revision: bool = True) -> Fields:
    """Make the header for -w fields."""
    found = header(member, revision=revision)
    return [("ClusterID", found["cluster_id"]), ("MemberID", found["member_id"]), ("Revision", found.get("revision", 0)),
            ("RaftTerm", found["raft_term"])]


def go(value: Any) -> str:
    """Write a value as Go prints it."""
    return str(value).lower() if isinstance(value, bool) else "[]" if value == [] else str(value)


def quote(text: str | bytes) -> str:
    """Write a text as Go's %q does; bytes that are no UTF-8 as \\x escapes."""
    if isinstance(text, str):
        text = text.encode()
    out = []
    for letter in text.decode(errors="surrogateescape"):
        number = ord(letter)
        if 0xDC80 <= number <= 0xDCFF:
            out.append(f"\\x{number - 0xDC00:02x}")
        elif letter in '"\\':
            out.append(f"\\{letter}")
        elif letter in "\n\t\r\a\b\f\v":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}[letter])
        elif number < 32 or number == 127:
            out.append(f"\\x{number:02x}")
        else:
            out.append(letter)
    return '"' + "".join(out) + '"'


class Quoted(str):
    """A text that -w fields shows in quotes."""

    __slots__ = ()


def fields(rows: Fields) -> str:
    """Write rows of -w fields; a row without a name is an empty line."""
    return "".join(f'"{name}" : {quote(value) if isinstance(value, Quoted) else go(value)}\n' if name else "\n"
                   for name, value in rows)


def show(
    run: Run, *, simple: Callable[[], str], data: Callable[[], Any], rows: Callable[[], Fields],
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
) -> int:
    """Print an answer as -w says. Raises Failure for a shape that the answer has not."""
    form = run.form
    if form == "simple":
        run.say(simple())
    elif form == "json":
        run.say(printing.dump(data()) + "\n")
    elif form == "fields":
        run.say(fields(rows()))
    elif form == "table" and table is not None:
        run.say(printing.table(*table))
    elif form == "table":
        raise Failure("table not supported as output format", BAD_FEATURE)
    else:
        return run.call.refuse("etcdctl -w protobuf")
    return 0


def kv_json(record: Record, *, keys_only: bool = False) -> dict[str, Any]:
    """Make a key-value pair as protobuf's JSON has it: what is empty or zero is left out."""
    value = b"" if keys_only else record.bytes()
    found: dict[str, Any] = {"key": b64(record.key), "create_revision": record.created, "mod_revision": record.main,
                             "version": record.version, "value": b64(value), "lease": record.lease}
    return {name: each for name, each in found.items() if each}


def b64(data: bytes) -> str:
    """Write bytes as protobuf's JSON has them."""
    return base64.b64encode(data).decode()


def kv_fields(record: Record, prefix: str = "", *, keys_only: bool = False) -> Fields:
    """Make a pair's rows for -w fields."""
    value = b"" if keys_only else record.bytes()
    return [(f"{prefix}Key", Quoted(record.key.decode(errors="surrogateescape"))),
            (f"{prefix}CreateRevision", record.created), (f"{prefix}ModRevision", record.main),
            (f"{prefix}Version", record.version), (f"{prefix}Value", Quoted(value.decode(errors="surrogateescape"))),
            (f"{prefix}Lease", record.lease)]


def kv_simple(run: Run, record: Record, *, value_only: bool = False, keys_only: bool = False) -> str:
    """Write a pair: the key and the value, a line each."""
    value = b"" if keys_only else record.bytes()
    key = record.key
    shown = [_hex(key), _hex(value)] if run.given.on("hex") else [
        each.decode(errors="surrogateescape") for each in (key, value)]
    return (f"{shown[1]}\n" if value_only else f"{shown[0]}\n{shown[1]}\n")


def _hex(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
