"""The files under a data directory: found, opened, written. They are bytes only while somebody reads them.

Models: server/storage (wal, snap, backend), server/etcdserver/bootstrap.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sim.engine import Engine
from sim.etcd import snapshot
from sim.etcd.cluster import DataDir, Indexes, from_image
from sim.etcd.snapshot import Damaged, Image
from sim.host.files import DIRECTORY, FileError, HostFiles, Inode, LiveFile, View

WAL_NAME = "0000000000000000-0000000000000000.wal"
SNAP_NAME = "{term:016x}-{index:016x}.snap"
WAL_MAGIC = b"etcd wal "
DIR_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True, slots=True)
class Wal:
    """What the write-ahead log's head says."""

    member: int
    cluster: int
    token: str = ""


def write_wal(wal: Wal) -> bytes:
    """Write a log's head."""
    return WAL_MAGIC + json.dumps({"node": wal.member, "cluster": wal.cluster, "token": wal.token}).encode() + b"\n"


def read_wal(data: bytes) -> Wal:
    """Read a log's head. Raises Damaged."""
    try:
        row = json.loads(data.removeprefix(WAL_MAGIC).partition(b"\n")[0].rstrip(b"\0"))
        return Wal(int(row["node"]), int(row["cluster"]), str(row["token"]))
    except (ValueError, KeyError, TypeError):
        raise Damaged from None


def _child(view: View, folder: str, ending: str) -> str:
    """Find the first file of an ending in a folder, "" when there is none. Raises FileError where it may not look."""
    try:
        names = view.list(folder)
    except FileError as error:
        if "No such" in str(error):
            return ""
        raise
    return next((f"{folder}/{name}" for name in names if name.endswith(ending)), "")


def wal_path(view: View, folder: str) -> str:
    """Give where the log of a data directory lies, "" when there is none. Raises FileError."""
    return _child(view, f"{folder}/member/wal", ".wal")


def opened(engine: Engine, view: View, folder: str, indexes: Indexes, *, keep_history: bool = True) -> DataDir | None:
    """Open a data directory as a user; None where nothing is in it yet. Raises FileError, Damaged.

    What another program has written (a copy, a restored snapshot) is read; what etcd itself wrote is there already.
    """
    wal, db = wal_path(view, folder), f"{folder}/member/snap/db"
    there = view.exists(db)
    if not there and not wal:
        return None
    node = view.find(db) if there else None
    if node is not None and not view.may(node, 4):
        view.read(db)
    if wal:
        view.read(wal)
    if isinstance(node, LiveFile) and isinstance(node.stands_for, DataDir):
        return node.stands_for
    image = snapshot.decode(view.read(db)) if there else Image()
    head = read_wal(view.read(wal)) if wal else Wal(0, image.cluster)
    cluster = from_image(engine, image, indexes, keep_history=keep_history)
    cluster.id = head.cluster or cluster.id
    cluster.token = head.token or cluster.token
    return DataDir(cluster, head.member)


def install(files: HostFiles, view: View, folder: str, data: DataDir) -> None:
    """Put a data directory's files where a running etcd keeps them, as the user that it runs as. Raises FileError."""
    for path in (folder, f"{folder}/member", f"{folder}/member/snap", f"{folder}/member/wal"):
        if not view.exists(path):
            view.make_dir(path, parents=True)
            view.find(path).mode = DIR_MODE
    wal = wal_path(view, folder) or f"{folder}/member/wal/{WAL_NAME}"
    _put(files, view, f"{folder}/member/snap/db", data, lambda: snapshot.encode(data.image()), data.state)
    head = Wal(data.member, data.cluster.id, data.cluster.token)
    _put(files, view, wal, data, lambda: write_wal(head), lambda: 0)


def _put(files: HostFiles, view: View, path: str, data: DataDir, make: object, state: object) -> None:
    uid, gid, mode = view.uid, view.gid, FILE_MODE
    if view.exists(path):
        node = view.find(path)
        if isinstance(node, LiveFile) and node.stands_for is data:
            return
        uid, gid, mode = node.uid, node.gid, node.mode
        view.remove(path)
    view.enter(path, LiveFile(mode, uid, gid, files.now_us(), data, make, state))  # type: ignore[arg-type]


def restore(view: View, folder: str, image: Image, member: int) -> None:
    """Write what `snapshot restore` makes: a database, a log and a raft snapshot. Raises FileError."""
    for path in (f"{folder}/member/snap", f"{folder}/member/wal"):
        private(view, path)
    db = f"{folder}/member/snap/db"
    view.write(db, snapshot.encode(image))
    view.chmod(db, FILE_MODE)
    wal = f"{folder}/member/wal/{WAL_NAME}"
    view.write(wal, write_wal(Wal(member, image.cluster)))
    view.chmod(wal, FILE_MODE)
    snap = f"{folder}/member/snap/{SNAP_NAME.format(term=1, index=len(image.members))}"
    view.write(snap, b"etcd raft snapshot\n")
    view.chmod(snap, 0o644)


def private(view: View, path: str) -> None:
    """Make a folder and those above it that are missing, for their owner alone."""
    missing = []
    while not view.exists(path):
        missing.append(path)
        path = path.rpartition("/")[0] or "/"
    for each in reversed(missing):
        view.make_dir(each)
        view.chmod(each, DIR_MODE)


def is_empty(view: View, folder: str) -> bool:
    """Tell whether a folder is absent or has nothing in it."""
    try:
        node: Inode = view.find(folder)
    except FileError:
        return True
    return node.kind == DIRECTORY and not node.names
