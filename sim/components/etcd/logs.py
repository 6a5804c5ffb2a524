"""What etcd writes: JSON lines of zap from 3.5 on, capnslog's before.

Texts: etcd 3.4.23 as it ran, upstream's sources for 3.5 and 3.6.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sim.api import times

if TYPE_CHECKING:
    from sim.components.etcd.program import Etcd
    from sim.host.etcd.member import MemberServer

LETTERS = {"info": "I", "warn": "W", "error": "E", "fatal": "C", "panic": "C"}


def line(minor: tuple[int, int], unix_us: int, level: str, caller: str, message: str, more: Mapping[str, object]) -> str:
    """Write one line. caller: `package/file.go:NN`; more: its fields, in order."""
    if minor >= (3, 5):
        row = {"level": level, "ts": times.stamp_micro(unix_us), "caller": caller, "msg": message, **more}
        return json.dumps(row, separators=(",", ":"))
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_us)
    fields = "".join(f" ({value})" if name == "error" else "" for name, value in more.items())
    return f"{now:%Y-%m-%d %H:%M:%S.%f} {LETTERS[level]} | {caller.partition('/')[0]}: {message}{fields}"


def starting(program: Etcd, server: MemberServer, *, is_new: bool) -> None:
    """Say what it was told and what it found."""
    chosen, cluster = program.settings, server.cluster
    if program.minor < (3, 5):
        for text in (f"name = {chosen.name}", f"data dir = {chosen.data_dir}", f"member dir = {chosen.data_dir}/member",
                     f"advertise client URLs = {','.join(chosen.advertise_client_urls)}"):
            program.log("info", "embed/etcd.go", text)
        word = "starting" if is_new else "restarting"
        program.log("info", "etcdserver/raft.go", f"{word} member {server.id:x} in cluster {cluster.id:x}")
        return
    program.log("info", "embed/etcd.go:134", "configuring peer listeners", **{"listen-peer-urls": list(chosen.peer_urls)})
    program.log("info", "embed/etcd.go:142", "configuring client listeners", **{"listen-client-urls": list(chosen.client_urls)})
    if is_new:
        program.log("info", "etcdserver/raft.go:515", "starting local member", **{
            "local-member-id": f"{server.id:x}", "cluster-id": f"{cluster.id:x}"})
    else:
        program.log("info", "etcdserver/raft.go:556", "restarting local member", **{
            "cluster-id": f"{cluster.id:x}", "local-member-id": f"{server.id:x}", "commit-index": cluster.index})


def disk(program: Etcd, *, slow: bool) -> None:
    """Say that the disk takes too long, or does no longer."""
    if slow:
        program.log("warn", "wal/wal.go:805", "slow fdatasync", **{"took": "1.402731s", "expected-duration": "1s"})
        program.log("warn", "etcdserver/util.go:170", "apply request took too long", **{
            "took": "1.618044s", "expected-duration": "100ms", "prefix": "read-only range "})


def serving(program: Etcd, server: MemberServer) -> None:
    """Say that clients may come."""
    if program.minor < (3, 5):
        program.log("info", "embed/serve.go", "ready to serve client requests")
        return
    program.log("info", "etcdserver/server.go:2140", "published local member to cluster through raft", **{
        "local-member-id": f"{server.id:x}", "cluster-id": f"{server.cluster.id:x}", "publish-timeout": "7s"})
    program.log("info", "embed/serve.go:103", "ready to serve client requests")
