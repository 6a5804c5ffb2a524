"""etcdctl endpoint health, status and hashkv. Models: etcdctl/ctlv3/command/ep_command.go."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from sim.api.errors import TransportError
from sim.engine import Steps, microseconds
from sim.etcd.requests import Record
from sim.etcd.snapshot import in_use
from sim.host.etcd import MemberServer
from sim.shell.etcd.frame import printing, shapes
from sim.shell.etcd.frame.client import CONNECT_SECONDS, DEADLINE, Client, Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.frame.shapes import Quoted

HEALTH_HEAD = ("ENDPOINT", "HEALTH", "TOOK", "ERROR")
STATUS_HEAD = ("ENDPOINT", "ID", "VERSION", "DB SIZE", "IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX",
               "RAFT APPLIED INDEX", "ERRORS")
STATUS_HEAD_3_6 = ("ENDPOINT", "ID", "VERSION", "STORAGE VERSION", "DB SIZE", "IN USE", "PERCENTAGE NOT IN USE", "QUOTA",
                   "IS LEADER", "IS LEARNER", "RAFT TERM", "RAFT INDEX", "RAFT APPLIED INDEX", "ERRORS",
                   "DOWNGRADE TARGET VERSION", "DOWNGRADE ENABLED")
SHOWS_MORE = (3, 6)


def endpoints(run: Run, client: Client) -> Steps[list[str]]:
    """Give the endpoints to ask: those given, or with --cluster all of the member list. Raises Failure."""
    if not run.given.on("cluster"):
        return list(client.config.endpoints)
    try:
        found = yield from client.serving("/etcdserverpb.Cluster/MemberList", leader=run.minor >= (3, 5))
    except Failure as failure:
        raise Failure(f"failed to fetch endpoints from etcd cluster member list: {failure}", 1, failure.said) from None
    members = sorted(found.cluster.members.values(), key=lambda each: each.id)
    return [url for each in members for url in each.client_urls]


def reached(run: Run, client: Client, endpoint: str, method: str, *, leader: bool, logger: str) -> MemberServer | str:
    """Give the member of an endpoint, or the warning that the client writes when its time is over."""
    try:
        found = client.reach(endpoint)
        if not leader or found.serves:
            return found
        return client.retrying(method, endpoint, "", logger)
    except TransportError as error:
        return client.retrying(method, endpoint, error.message, logger)


@verb("endpoint health")
def health(run: Run) -> Steps[int]:
    """Ask each endpoint to commit something."""
    client = run.client()
    asked = yield from endpoints(run, client)
    method = "/etcdserverpb.KV/Range"
    engine = run.call.engine
    yield engine.sleep(microseconds(CONNECT_SECONDS))
    found = {each: reached(run, client, each, method, leader=True, logger="client") for each in asked}
    if any(isinstance(member, str) for member in found.values()):
        yield engine.sleep(microseconds(client.config.timeout_seconds))
        found = {each: reached(run, client, each, method, leader=True, logger="client") if isinstance(member, str) else member
                 for each, member in found.items()}
    for member in found.values():
        if isinstance(member, str):
            run.say(member, "stderr")
    stream = engine.stream("etcdctl.took")
    took = {each: printing.duration(
        (stream.uniform(9_000_000, 29_000_000) // 1000) + (1_400_000 if isinstance(member, MemberServer) and member.slow else 0))
        for each, member in found.items()}
    rows = [(each, True, took[each], "") if isinstance(found[each], MemberServer) else
            (each, False, f"{client.config.timeout_seconds:.0f}.000{stream.uniform(100000, 999999)}s", DEADLINE) for each in asked]
    if run.form == "simple":
        for each, fine, shown, error in rows:
            if fine:
                run.say(f"{each} is healthy: successfully committed proposal: took = {shown}\n",
                        "stderr" if run.minor < (3, 5) else "stdout")
            else:
                run.say(f"{each} is unhealthy: failed to commit proposal: {error}\n", "stderr")
    else:
        shapes.show(run, simple=str, data=lambda: [
            {"endpoint": each, "health": fine, "took": shown, **({"error": error} if error else {})}
            for each, fine, shown, error in rows], rows=lambda: [
                pair for each, fine, shown, error in rows for pair in (
                    ("Endpoint", Quoted(each)), ("Health", fine), ("Took", shown), ("Error", error), ("", ""))],
            table=(HEALTH_HEAD, [(each, str(fine).lower(), shown, error) for each, fine, shown, error in rows]))
    if not all(fine for _, fine, _, _ in rows):
        raise Failure("unhealthy cluster")
    return 0


def status_of(member: MemberServer) -> dict[str, Any]:
    """Give what a member says of itself, by the names of its JSON."""
    cluster = member.cluster
    image = member.data.image()
    total, used = cluster.size(image), in_use(image)
    errors = [] if member.serves else ["etcdserver: no leader"]
    errors += [f"memberID:{each} alarm:{kind} " for each, kind in cluster.alarms]
    applied = cluster.index - (cluster.store.revision - member.data.revision)
    own = cluster.members.get(member.id)
    return {"header": shapes.header(member), "version": member.version, "dbSize": total,
            "leader": cluster.leader if member.serves else 0, "raftIndex": cluster.index if member.serves else applied,
            "raftTerm": cluster.term, "raftAppliedIndex": applied, "errors": errors, "dbSizeInUse": used,
            "isLearner": own is not None and own.learner, "storageVersion": cluster.storage_version,
            "dbSizeQuota": member.quota_bytes, "downgradeInfo": {
                **({"enabled": True, "targetVersion": cluster.downgrade} if cluster.downgrade else {})}}


def status_row(endpoint: str, found: dict[str, Any], minor: tuple[int, int]) -> tuple[str, ...]:
    """Give an endpoint's cells."""
    is_leader = str(found["leader"] == found["header"]["member_id"]).lower()
    learner, raft = str(found["isLearner"]).lower(), tuple(
        str(found[name]) for name in ("raftTerm", "raftIndex", "raftAppliedIndex"))
    errors = ", ".join(found["errors"])
    first = (endpoint, f"{found['header']['member_id']:x}", found["version"])
    if minor < SHOWS_MORE:
        return (*first, printing.size(found["dbSize"]), is_leader, learner, *raft, errors)
    free = (found["dbSize"] - found["dbSizeInUse"]) * 100 // found["dbSize"]
    down = found["downgradeInfo"]
    return (*first, found["storageVersion"], printing.size(found["dbSize"]), printing.size(found["dbSizeInUse"]), f"{free}%",
            printing.size(found["dbSizeQuota"]), is_leader, learner, *raft, errors, down.get("targetVersion", ""),
            str(down.get("enabled", False)).lower())


def status_json(found: dict[str, Any], minor: tuple[int, int]) -> dict[str, Any]:
    """Give the JSON that a version knows."""
    later = ("storageVersion", "dbSizeQuota", "downgradeInfo")
    return {name: value for name, value in found.items() if (value or name == "downgradeInfo") and (
        minor >= SHOWS_MORE or name not in later)}


def status_fields(endpoint: str, member: MemberServer, found: dict[str, Any], minor: tuple[int, int]) -> shapes.Fields:
    """Give the rows of -w fields."""
    rows: shapes.Fields = [*shapes.header_fields(member), ("Version", Quoted(found["version"]))]
    if minor >= SHOWS_MORE:
        rows.append(("StorageVersion", Quoted(found["storageVersion"])))
    rows.append(("DBSize", found["dbSize"]))
    if minor >= SHOWS_MORE:
        rows += [("DBSizeInUse", found["dbSizeInUse"]), ("DBSizeQuota", found["dbSizeQuota"])]
    rows += [("Leader", found["leader"]), ("IsLearner", found["isLearner"]), ("RaftIndex", found["raftIndex"]),
             ("RaftTerm", found["raftTerm"]), ("RaftAppliedIndex", found["raftAppliedIndex"]),
             ("Errors", f"[{' '.join(found['errors'])}]"), ("Endpoint", Quoted(endpoint))]
    if minor >= SHOWS_MORE:
        down = found["downgradeInfo"]
        rows += [("DowngradeTargetVersion", Quoted(down.get("targetVersion", ""))), ("DowngradeEnabled", down.get("enabled", False))]
    return [*rows, ("", "")]


@verb("endpoint status")
def status(run: Run) -> Steps[int]:
    """Ask each endpoint how it is."""
    client = run.client()
    asked = yield from endpoints(run, client)
    found, failed = yield from each_of(run, client, asked, "/etcdserverpb.Maintenance/Status", "status")
    rows = [(endpoint, member, status_of(member)) for endpoint, member in found]
    shapes.show(
        run, simple=lambda: "".join(", ".join(status_row(e, s, run.minor)) + "\n" for e, _, s in rows),
        data=lambda: [{"Endpoint": e, "Status": status_json(s, run.minor)} for e, _, s in rows],
        rows=lambda: [pair for e, m, s in rows for pair in status_fields(e, m, s, run.minor)],
        table=(STATUS_HEAD if run.minor < SHOWS_MORE else STATUS_HEAD_3_6, [status_row(e, s, run.minor) for e, _, s in rows]))
    return 1 if failed else 0


def each_of(
    run: Run, client: Client, asked: list[str], method: str, what: str
) -> Steps[tuple[list[tuple[str, MemberServer]], bool]]:
    """Ask endpoints one after another, saying which did not answer."""
    found: list[tuple[str, MemberServer]] = []
    failed = False
    yield run.call.engine.sleep(microseconds(CONNECT_SECONDS))
    for endpoint in asked:
        member = reached(run, client, endpoint, method, leader=False, logger="etcd-client")
        if isinstance(member, str):
            yield run.call.engine.sleep(microseconds(client.config.timeout_seconds))
            member = reached(run, client, endpoint, method, leader=False, logger="etcd-client")
        if isinstance(member, str):
            failed = True
            run.say(member + f"Failed to get the {what} of endpoint {endpoint} ({DEADLINE})\n", "stderr")
        else:
            found.append((endpoint, member))
    return found, failed


@verb("endpoint hashkv")
def hashkv(run: Run) -> Steps[int]:
    """Print the digest of each endpoint's history."""
    client = run.client()
    asked = yield from endpoints(run, client)
    found, failed = yield from each_of(run, client, asked, "/etcdserverpb.Maintenance/HashKV", "hash")
    upto = run.given.number("rev")
    rows = [(endpoint, member, digest(member, upto), member.cluster.store.compacted() or -1) for endpoint, member in found]
    head = ("ENDPOINT", "HASH") if run.minor < SHOWS_MORE else ("ENDPOINT", "HASH", "HASH REVISION")

    def cells(endpoint: str, member: MemberServer, checksum: int) -> tuple[str, ...]:
        return (endpoint, str(checksum), str(upto or member.data.revision))[:len(head)]

    shapes.show(
        run, simple=lambda: "".join(", ".join(cells(e, m, c)) + "\n" for e, m, c, _ in rows),
        data=lambda: [{"Endpoint": e, "HashKV": {
            "header": shapes.header(m), "hash": c, "compact_revision": compacted,
            **({"hash_revision": upto or m.data.revision} if run.minor >= SHOWS_MORE else {})}} for e, m, c, compacted in rows],
        rows=lambda: [pair for e, m, c, _ in rows for pair in (
            *shapes.header_fields(m), ("Endpoint", Quoted(e)), ("Hash", c), ("", ""))],
        table=(head, [cells(e, m, c) for e, m, c, _ in rows]))
    return 1 if failed else 0


def digest(member: MemberServer, upto: int = 0) -> int:
    """Give the digest of a member's history up to a revision (0: all)."""
    return digest_of(member.data.image().records, upto)


def digest_of(records: Iterable[Record], upto: int = 0) -> int:
    """Give the digest of records up to a revision (0: all)."""
    checksum = 0
    for record in records:
        if not upto or record.main <= upto:
            checksum = zlib.crc32(record.key + b"\0" + record.bytes() + f"{record.main}.{record.sub}".encode(), checksum)
    return checksum
