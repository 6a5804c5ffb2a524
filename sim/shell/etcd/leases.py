"""etcdctl lease. Models: etcdctl/ctlv3/command/lease_command.go."""

from __future__ import annotations

from typing import Any

from sim.engine import SECOND_US, Steps
from sim.etcd.keyspace import Lease
from sim.etcd.requests import EtcdError
from sim.host.etcd import MemberServer
from sim.shell.etcd.frame import shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.frame.printing import quoted

LEAST_TTL = 2
"""A lease lives at least a few election time-outs."""


def _id(run: Run, text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Failure(f'bad lease ID arg (strconv.ParseInt: parsing "{text}": invalid syntax), expecting ID in Hex', 128) from None


def _flat(member: MemberServer, more: dict[str, Any]) -> dict[str, Any]:
    return {**shapes.header(member), **more}


@verb("lease grant")
def grant(run: Run) -> Steps[int]:
    """Make a lease."""
    if len(run.words) != 1:
        raise Failure("lease grant command needs TTL argument", 128)
    try:
        ttl = int(run.words[0])
    except ValueError:
        raise Failure(f'bad TTL (strconv.ParseInt: parsing "{run.words[0]}": invalid syntax)', 128) from None
    number = run.call.engine.stream("etcd.leases").uniform(1 << 59, (1 << 62) - 1)
    client = run.client()
    if ttl <= 0:
        raise client.refused("/etcdserverpb.Lease/LeaseGrant", "etcdserver: too large lease TTL" if ttl > 0 else
                             "etcdserver: lease TTL must be positive", "failed to grant lease ({})")
    member, lease = yield from client.act(
        "/etcdserverpb.Lease/LeaseGrant", lambda member: member.cluster.store.keys.grant(max(ttl, LEAST_TTL), number))
    return shapes.show(
        run, simple=lambda: f"lease {lease.id:016x} granted with TTL({lease.ttl}s)\n",
        data=lambda: _flat(member, {"id": lease.id, "ttl": lease.ttl, "error": ""}),
        rows=lambda: [*shapes.header_fields(member), ("ID", lease.id), ("TTL", lease.ttl)])


@verb("lease revoke")
def revoke(run: Run) -> Steps[int]:
    """End a lease; its keys go."""
    if len(run.words) != 1:
        raise Failure("lease revoke command needs 1 argument", 128)
    number, client = _id(run, run.words[0]), run.client()
    member = yield from client.serving("/etcdserverpb.Lease/LeaseRevoke")
    try:
        member.cluster.store.keys.revoke(number)
    except EtcdError as error:
        raise client.refused("/etcdserverpb.Lease/LeaseRevoke", str(error), "failed to revoke lease ({})") from None
    return shapes.show(run, simple=lambda: f"lease {number:016x} revoked\n", data=lambda: {"header": shapes.header(member)},
                       rows=lambda: shapes.header_fields(member))


@verb("lease timetolive")
def time_to_live(run: Run) -> Steps[int]:
    """Tell how long a lease will live."""
    if len(run.words) != 1:
        raise Failure("lease timetolive command needs lease ID as argument", 128)
    number, with_keys = _id(run, run.words[0]), run.given.on("keys")
    member, lease = yield from run.client().act(
        "/etcdserverpb.Lease/LeaseTimeToLive", lambda member: member.cluster.store.keys.leases.get(number))
    left, ttl = _left(run, lease), lease.ttl if lease is not None else 0
    keys = sorted(lease.keys) if lease is not None and with_keys else []
    shown = " ".join(key.decode(errors="replace") for key in keys)
    simple = f"lease {number:016x} granted with TTL({ttl}s), remaining({left}s)" + (
        f", attached keys([{shown}])" if with_keys else "")
    return shapes.show(
        run, simple=lambda: f"{simple}\n" if lease is not None else f"lease {number:016x} already expired\n",
        data=lambda: _flat(member, {"id": number, "ttl": left, "granted-ttl": ttl, "keys": [
            shapes.b64(key) for key in keys] or None}),
        rows=lambda: [*shapes.header_fields(member), ("ID", number), ("TTL", left), ("GrantedTTL", ttl),
                      *(("Key", shapes.Quoted(key.decode(errors="surrogateescape"))) for key in keys)])


def _left(run: Run, lease: Lease | None) -> int:
    return -1 if lease is None else max(0, (lease.until_us - run.call.engine.now_us) // SECOND_US)


@verb("lease list")
def list_(run: Run) -> Steps[int]:
    """List the leases."""
    member, found = yield from run.client().act(
        "/etcdserverpb.Lease/LeaseLeases", lambda member: list(member.cluster.store.keys.leases))
    return shapes.show(
        run, simple=lambda: f"found {len(found)} leases\n" + "".join(f"{each:016x}\n" for each in found),
        data=lambda: _flat(member, {"leases": [{"id": each} for each in found]}),
        rows=lambda: [*shapes.header_fields(member), *(("ID", each) for each in found)])


@verb("lease keep-alive")
def keep_alive(run: Run) -> Steps[int]:
    """Renew a lease, once or until it is interrupted or gone."""
    if len(run.words) != 1:
        raise Failure("lease keep-alive command needs lease ID as argument", 128)
    number, client = _id(run, run.words[0]), run.client()
    while True:
        member = yield from client.serving("/etcdserverpb.Lease/LeaseKeepAlive")
        try:
            lease = member.cluster.store.keys.keep_alive(number)
        except EtcdError:
            if run.given.on("once"):
                raise Failure("etcdserver: requested lease not found", 3) from None
            run.say(f"lease {number:016x} expired or revoked.\n")
            return 0
        run.say(f"lease {number:016x} keepalived with TTL({lease.ttl})\n")
        if run.given.on("once"):
            return 0
        yield run.call.engine.sleep(max(lease.ttl * SECOND_US // 3, SECOND_US // 2))


__all__ = ["grant", "quoted"]
