"""Snapshots: saved by etcdctl, looked at and restored by etcdctl before 3.6 and by etcdutl since 3.5.

Models: client/v3/snapshot, etcdutl/snapshot/v3_snapshot.go. Texts: golden etcd-backup-restore, etcdctl 3.4.23 as it runs.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sim.api import times
from sim.api.errors import TransportError
from sim.engine import Steps, microseconds
from sim.etcd import ids, snapshot
from sim.etcd.snapshot import Damaged, Image, Member
from sim.host.etcd import datadir
from sim.host.files import FileError
from sim.shell.etcd.frame import printing, shapes
from sim.shell.etcd.frame.client import Client, Failure
from sim.shell.etcd.frame.ctl import Run, verb

MISSING_HASH = "snapshot missing hash but --skip-hash-check=false"
BYTES_A_SECOND = 40_000_000
MMAP_BYTES = 10_737_418_240
FAULT = """unexpected fault address 0x7f4df090b000
fatal error: fault
[signal SIGSEGV: segmentation violation code=0x1 addr=0x7f4df090b000 pc=0xa0d9ea]

goroutine 1 [running]:
"""
CALLERS = {  # of the lines that `snapshot save` writes, by version
    (3, 4): ("119", "clientv3/maintenance.go:200", "127", "clientv3/maintenance.go:208", "142", "152"),
    (3, 5): ("65", "v3/maintenance.go:212", "73", "v3/maintenance.go:220", "88", "97"),
    (3, 6): ("83", "v3/maintenance.go:236", "96", "v3/maintenance.go:302", "111", "121")}


@verb("snapshot save")
def save(run: Run) -> Steps[int]:
    """Download a member's database."""
    if len(run.words) != 1:
        raise Failure("snapshot save expects one argument" + (" <filename>" if run.minor >= (3, 6) else ""), 128)
    config = run.config()
    client = Client(run.call, config, run.minor)
    if len(config.endpoints) != 1:
        raise Failure(f"snapshot must be requested to one selected node, not multiple [{' '.join(config.endpoints)}]", 5)
    path, part = run.words[0], f"{run.words[0]}.part"
    files, engine = run.call.files, run.call.engine
    began_us = engine.now_us
    callers = CALLERS[min(max(run.minor, (3, 4)), (3, 6))]
    where = "snapshot/v3_snapshot.go"

    def log(caller: str, message: str, more: dict[str, Any], logger: str = "") -> None:
        run.say(printing.zap_json(engine.unix_us, "info", caller, message, more, logger), "stderr")

    try:
        handle = files.open(run.call.path(part), keep=False, mode=0o600)
    except FileError as error:
        raise Failure(f"could not open {part} (open {part}: {str(error).lower()})", 5) from None
    log(f"{where}:{callers[0]}", "created temporary db file", {"path": part})
    member = yield from _member(run, client)
    logger = "client" if run.minor >= (3, 5) else ""
    yield engine.sleep(microseconds(0.02))
    log(callers[1], "opened snapshot stream; downloading", {}, logger)
    log(f"{where}:{callers[2]}", "fetching snapshot", {"endpoint": config.endpoints[0]})
    data = snapshot.encode(member.data.image(), digest=True)
    yield engine.sleep(len(data) * 1_000_000 // BYTES_A_SECOND)
    try:
        handle.write(data)
    except FileError as error:
        raise Failure(f"write {part}: {str(error).lower()}", 5) from None
    log(callers[3], "completed snapshot read; closing", {}, logger)
    took_us = engine.now_us - began_us
    more: dict[str, Any] = {"endpoint": config.endpoints[0], "size": printing.size(len(data) - 32)}
    if run.minor < (3, 5):
        more["took"] = took_us / 1_000_000
    elif run.minor < (3, 6):
        more["took"] = "now" if took_us < 1_000_000 else f"{took_us // 1_000_000} seconds ago"
    else:
        more |= {"took": printing.duration(took_us), "etcd-version": member.cluster.storage_version or member.cluster.version}
    log(f"{where}:{callers[4]}", "fetched snapshot", more)
    files.rename(run.call.path(part), run.call.path(path))
    log(f"{where}:{callers[5]}", "saved", {"path": path})
    run.say(f"Snapshot saved at {path}\n")
    if run.minor >= (3, 6) and member.cluster.storage_version:
        run.say(f"Server version {member.cluster.storage_version}\n")
    return 0


def _member(run: Run, client: Client) -> Steps[Any]:
    """Wait for the member, for ever unless --command-timeout was given."""
    engine = run.call.engine
    until_us = engine.now_us + microseconds(client.config.timeout_seconds) if "command-timeout" in run.given.given else 0
    while True:
        try:
            return client.reach(client.config.endpoints[0])
        except TransportError:
            if until_us and engine.now_us >= until_us:
                raise Failure("context deadline exceeded", 5) from None
        yield from client.wait(until_us)


def status(run: Run) -> int:
    """Show what a file holds."""
    if len(run.words) != 1:
        raise Failure("snapshot status requires exactly one argument", 128)
    path = run.words[0]
    _ = run.form
    try:
        data = run.call.files.read(run.call.path(path))
    except FileError as error:
        text = str(error).lower()
        raise Failure(f"{'stat' if 'no such' in text else 'open'} {path}: {text}") from None
    try:
        found = snapshot.status(data, all_revisions=run.minor < (3, 6))
    except Damaged as error:
        if error.truncated:
            run.say(FAULT, "stderr")
            return 2
        if not data:
            raise Failure(f"write {path}: bad file descriptor") from None
        raise Failure("invalid database" if len(data) < snapshot.PAGE else "file size too small"
                      if len(data) < 2 * snapshot.PAGE else "invalid database") from None
    with_version = run.minor >= (3, 6)
    cells = [f"{found.hash:x}", str(found.revision), str(found.keys), printing.size(found.size)]
    head = ["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"]
    if with_version:
        cells.append(found.version)
        head.append("VERSION")
    return shapes.show(
        run, simple=lambda: ", ".join(cells) + "\n", table=(head, [cells]),
        data=lambda: {"hash": found.hash, "revision": found.revision, "totalKey": found.keys, "totalSize": found.size,
                      **({"version": found.version} if with_version else {})},
        rows=lambda: [("Hash", found.hash), ("Revision", found.revision), ("Keys", found.keys), ("Size", found.size),
                      *([("Version", shapes.Quoted(found.version))] if with_version else [])])


def restore(run: Run, *, by_etcdutl: bool) -> Steps[int]:
    """Make a data directory of a snapshot."""
    given, minor = run.given, run.minor
    if len(run.words) != 1:
        raise Failure("snapshot restore requires exactly one argument", 128)
    bump, mark = (given.number("bump-revision"), given.on("mark-compacted")) if by_etcdutl else (0, False)
    if bool(bump) != mark:
        raise Failure("--mark-compacted required if --revision-bump > 0", 128)
    name, path, view = given["name"], run.words[0], run.call.files
    members = founders(given["name"], given["initial-cluster"], given["initial-advertise-peer-urls"].split(","),
                       given["initial-cluster-token"])
    folder = given["data-dir"] or f"{name}.etcd"
    where = run.call.path(folder)
    if minor < (3, 5) and view.exists(where):
        raise Failure(f'data-dir "{folder}" exists')
    if not datadir.is_empty(view, where):
        raise Failure(f'data-dir "{folder}" not empty or could not be read')
    log = _Log(run, by_etcdutl=by_etcdutl)
    words: dict[str, Any] = {"path": path, "wal-dir": given["wal-dir"] or f"{folder}/member/wal", "data-dir": folder,
                             "snap-dir": f"{folder}/member/snap"}
    if minor >= (3, 6):
        words["initial-memory-map-size"] = given.number("initial-memory-map-size") or MMAP_BYTES
    log("restoring snapshot", words)
    image = _image(run, path, where)
    yield run.call.engine.sleep(microseconds(0.03) + image.bytes_total * 1_000_000 // BYTES_A_SECOND)
    log.opened(f"{folder}/member/snap/db")
    log("trimming")
    found = snapshot.restored(image, bump=bump, mark_compacted=mark)
    log.opened(f"{folder}/member/snap/db")
    if bump:
        log("bumping latest revision", {"latest-revision": image.revision, "bump-amount": bump,
                                        "new-latest-revision": found.revision})
        log("marking revision compacted", {"revision": found.revision})
        log.opened(f"{folder}/member/snap/db")
    cluster = ids.cluster_id(each.id for each in members)
    own = next(each for each in members if each.name == name)
    found = replace(found, members=tuple(members), cluster=cluster, index=len(members))
    for each in members:
        log("added member", {"cluster-id": f"{cluster:x}", "local-member-id": "0", "added-peer-id": f"{each.id:x}",
                             "added-peer-peer-urls": list(each.peer_urls),
                             **({"added-peer-is-learner": False} if minor >= (3, 6) else {})})
    yield run.call.engine.sleep(microseconds(0.02))
    try:
        datadir.restore(view, where, found, own.id)
    except FileError as error:
        raise Failure(f"open {folder}/member/snap/db: {str(error).lower()}") from None
    log.opened(f"{folder}/member/snap/db")
    log("restored snapshot", words)
    return 0


def _image(run: Run, path: str, where: str) -> Image:
    """Read a snapshot and check it; what was copied by then stays. Raises Failure."""
    view = run.call.files
    try:
        data = view.read(run.call.path(path))
    except FileError as error:
        raise Failure(f"open {path}: {str(error).lower()}") from None
    if len(data) < 32:
        raise Failure(f"seek {path}: invalid argument")
    try:
        datadir.private(view, f"{where}/member/snap")
        db = f"{where}/member/snap/db"
        view.write(db, data)
        view.chmod(db, datadir.FILE_MODE)
    except FileError as error:
        raise Failure(f"mkdir {where}/member/snap: {str(error).lower()}") from None
    if not snapshot.has_digest(data) and not run.given.on("skip-hash-check"):
        raise Failure(MISSING_HASH)
    if snapshot.has_digest(data):
        says, has = snapshot.digests(data)
        if says != has and not run.given.on("skip-hash-check"):
            raise Failure(f"expected sha256 [{' '.join(map(str, says))}], got [{' '.join(map(str, has))}]")
        data = data[:-32]
    try:
        return snapshot.decode(data)
    except Damaged as error:
        run.say(FAULT if error.truncated else "panic: failed to open database\n", "stderr")
        raise Failure("invalid database", 2) from None


def founders(name: str, cluster: str, advertised: list[str], token: str) -> list[Member]:
    """Read --initial-cluster, and check the local member against it. Raises Failure."""
    found: dict[str, list[str]] = {}
    for part in cluster.split(","):
        who, equal, url = part.partition("=")
        if not equal:
            raise Failure(f'invalid URL "{part}"' if part else "URL address does not have the form \"host:port\": ")
        found.setdefault(who.strip(), []).append(url.strip())
    if name not in found:
        raise Failure(f'couldn\'t find local name "{name}" in the initial cluster configuration')
    if sorted(found[name]) != sorted(advertised):
        missing = ",".join(f"{name}={url}" for url in sorted(found[name]) if url not in advertised)
        said = ",".join(advertised)
        raise Failure(f"--initial-cluster has {missing} but missing from --initial-advertise-peer-urls={said} "
                      f'("{said}"(resolved from "{said}") != "{found[name][0]}"(resolved from "{found[name][0]}"))')
    return [Member(ids.member_id(urls, token), who, tuple(urls)) for who, urls in found.items()]


LINES = {"restoring snapshot": (296, 251, 305), "restored snapshot": (309, 272, 333), "added member": (392, 421, 424),
         "bumping latest revision": (0, 0, 396), "marking revision compacted": (0, 0, 413)}
"""Where in the source the lines of `snapshot restore` are, in 3.4, 3.5 and 3.6."""


class _Log:
    """The lines that restore writes: JSON by etcdctl, a console's by etcdutl."""

    def __init__(self, run: Run, *, by_etcdutl: bool) -> None:
        self.run = run
        self.console = by_etcdutl or run.minor >= (3, 5)
        self.column = 0 if run.minor < (3, 5) else 1 if run.minor < (3, 6) else 2

    def __call__(self, message: str, more: dict[str, Any] | None = None) -> None:
        """Write a line."""
        if message == "trimming":
            if self.column == 0:
                return
            self._console("membership/store.go:141" if self.column == 1 else "schema/membership.go:138",
                          "Trimming membership information from the backend...")
            return
        file = "membership/cluster.go" if message == "added member" else "snapshot/v3_snapshot.go"
        caller = f"{file}:{LINES[message][self.column]}"
        if self.console:
            self._console(caller, message, more)
        else:
            self.run.say(printing.zap_json(self.run.call.engine.unix_us, "info", caller, message, more or {}), "stderr")

    def _console(self, caller: str, message: str, more: dict[str, Any] | None = None, name: str = "") -> None:
        stamp = times.stamp(self.run.call.engine.unix_us)
        fields = f"\t{json.dumps(more)}" if more else ""
        self.run.say(f"{stamp}\tinfo\t{name}{caller}\t{message}{fields}\n", "stderr")

    def opened(self, path: str) -> None:
        """Say that the database was opened, as bbolt does since 3.6."""
        if self.column < 2:
            return
        number = self.run.call.engine.stream("etcdutl.pointers").uniform(1 << 40, 1 << 45)
        self._console("backend/backend.go:203", f"Opening db file ({path}) with mode -rw------- and with options: {{Timeout: 0s, "
                      "NoGrowSync: false, NoFreelistSync: true, PreLoadFreelist: false, FreelistType: , ReadOnly: false, "
                      f"MmapFlags: 8000, InitialMmapSize: {MMAP_BYTES}, PageSize: 0, NoSync: false, OpenFile: 0x0, Mlock: false, "
                      f"Logger: {number:#x}}}", name="bbolt\t")
        self._console("bbolt/db.go:322", f"Opening bbolt db ({path}) successfully", name="bbolt\t")


DEPRECATED = "Deprecated: Use `etcdutl snapshot {}` instead.\n\n"


@verb("snapshot status")
def status_by_etcdctl(run: Run) -> int:
    """Show what a file holds, as etcdctl did before 3.6."""
    if run.minor >= (3, 5):
        run.say(DEPRECATED.format("status"), "stderr")
    return status(run)


@verb("snapshot restore")
def restore_by_etcdctl(run: Run) -> Steps[int]:
    """Make a data directory, as etcdctl did before 3.6."""
    if run.minor >= (3, 5):
        run.say(DEPRECATED.format("restore"), "stderr")
    return (yield from restore(run, by_etcdutl=False))


@verb("etcdutl snapshot status")
def status_by_etcdutl(run: Run) -> int:
    """Show what a file holds."""
    return status(run)


@verb("etcdutl snapshot restore")
def restore_by_etcdutl(run: Run) -> Steps[int]:
    """Make a data directory of a snapshot."""
    return (yield from restore(run, by_etcdutl=True))
