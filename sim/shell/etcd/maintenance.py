"""etcdctl compaction, defrag, alarm, move-leader, downgrade. Models: etcdctl/ctlv3/command."""

from __future__ import annotations

from sim.engine import Steps, microseconds
from sim.etcd import upgrade
from sim.etcd.requests import EtcdError
from sim.host.etcd import MemberServer
from sim.shell.etcd import endpoints
from sim.shell.etcd.frame import printing, shapes
from sim.shell.etcd.frame.client import CONNECT_SECONDS, Failure
from sim.shell.etcd.frame.ctl import Run, verb

DEFRAG_BYTES_A_SECOND = 20_000_000


@verb("compaction")
def compaction(run: Run) -> Steps[int]:
    """Forget the history before a revision."""
    if len(run.words) != 1:
        raise Failure("compaction command needs 1 argument", 128)
    try:
        revision = int(run.words[0])
    except ValueError:
        raise Failure(f'strconv.ParseInt: parsing "{run.words[0]}": invalid syntax', 1) from None
    yield from run.client().act("/etcdserverpb.KV/Compact", lambda member: member.cluster.store.keys.compact(revision))
    run.say(f"compacted revision {revision}\n")
    return 0


@verb("defrag")
def defrag(run: Run) -> Steps[int]:
    """Give the free pages of each endpoint back; it serves nothing meanwhile."""
    client = run.client()
    asked = yield from endpoints.endpoints(run, client)
    failed = False
    yield run.call.engine.sleep(microseconds(CONNECT_SECONDS))
    for endpoint in asked:
        member = endpoints.reached(run, client, endpoint, "/etcdserverpb.Maintenance/Defragment", leader=False, logger="etcd-client")
        if isinstance(member, str):
            yield run.call.engine.sleep(microseconds(client.config.timeout_seconds))
            run.say(f"{member}Failed to defragment etcd member[{endpoint}] (context deadline exceeded)\n", "stderr")
            failed = True
            continue
        took = member.cluster.size() * 1_000_000 // DEFRAG_BYTES_A_SECOND
        yield run.call.engine.sleep(took)
        member.cluster.defragment()
        shown = f". took {printing.duration(took)}" if run.minor >= (3, 5) else ""
        run.say(f"Finished defragmenting etcd member[{endpoint}]{shown}\n")
    return 1 if failed else 0


def _alarms(run: Run, member: MemberServer, found: list[tuple[int, str]]) -> int:
    return shapes.show(
        run, simple=lambda: "".join(f"memberID:{each} alarm:{kind} \n" for each, kind in found),
        data=lambda: {"header": shapes.header(member), **({"alarms": [
            {"memberID": each, "alarm": {"NOSPACE": 1, "CORRUPT": 2}[kind]} for each, kind in found]} if found else {})},
        rows=lambda: [*shapes.header_fields(member), *(
            pair for each, kind in found for pair in (("MemberID", each), ("AlarmType", kind), ("", "")))])


@verb("alarm list")
def alarm_list(run: Run) -> Steps[int]:
    """List the alarms."""
    if run.words:
        raise Failure("alarm list command accepts no arguments", 128)
    member, found = yield from run.client().act("/etcdserverpb.Maintenance/Alarm", lambda member: list(member.cluster.alarms))
    return _alarms(run, member, found)


@verb("alarm disarm")
def alarm_disarm(run: Run) -> Steps[int]:
    """Take all alarms back."""
    if run.words:
        raise Failure("alarm disarm command accepts no arguments", 128)
    member, found = yield from run.client().act("/etcdserverpb.Maintenance/Alarm", lambda member: member.cluster.disarm())
    return _alarms(run, member, found)


@verb("move-leader")
def move_leader(run: Run) -> Steps[int]:
    """Make another member the leader; only the leader can do it."""
    if len(run.words) != 1:
        raise Failure("move-leader command needs 1 argument", 128)
    try:
        target = int(run.words[0], 16)
    except ValueError:
        raise Failure(f'strconv.ParseUint: parsing "{run.words[0]}": invalid syntax', 128) from None
    client = run.client()
    method = "/etcdserverpb.Maintenance/MoveLeader"
    yield from client.serving("/etcdserverpb.Maintenance/Status")
    leader = None
    for endpoint in client.config.endpoints:
        member = endpoints.reached(run, client, endpoint, method, leader=True, logger="etcd-client")
        if isinstance(member, MemberServer) and member.id == member.cluster.leader:
            leader = member
    if leader is None:
        raise Failure(f"no leader endpoint given at [{' '.join(client.config.endpoints)}]", 128)
    cluster = leader.cluster
    if target not in cluster.members or target not in cluster.running or cluster.members[target].learner:
        raise client.refused(method, "etcdserver: bad leader transferee")
    before = cluster.leader
    if target != before:
        cluster.lead(target)
    run.say(f"Leadership transferred from {before:x} to {target:x}\n")
    return 0


def _downgrade(run: Run, command: str) -> Steps[int]:
    if command != "cancel" and not run.words:
        raise Failure("TARGET_VERSION not provided", 128)
    if len(run.words) > (0 if command == "cancel" else 1):
        raise Failure("too many arguments", 128)
    target = run.words[0] if run.words else ""

    def deed(member: MemberServer) -> str:
        cluster = member.cluster
        if upgrade.minor(member.version) < upgrade.STORES_VERSION:
            raise EtcdError("etcdserver: downgrade is not supported by this server")
        upgrade.check_request(command, cluster.version, target, in_progress=bool(cluster.downgrade))
        if command == "enable":
            cluster.enable_downgrade(upgrade.cluster_text(target))
        elif command == "cancel":
            cluster.cancel_downgrade()
        return cluster.version

    member, version = yield from run.client().act("/etcdserverpb.Maintenance/Downgrade", deed)
    text = {"validate": f"Downgrade validate success, cluster version {version[:-2]}",
            "enable": f"Downgrade enable success, cluster version {version[:-2]}",
            "cancel": f"Downgrade cancel success, cluster version {version[:-2]}"}[command]
    return shapes.show(run, simple=lambda: f"{text}\n", data=lambda: {"header": shapes.header(member), "version": version[:-2]},
                       rows=lambda: [*shapes.header_fields(member), ("Version", shapes.Quoted(version[:-2]))])


@verb("downgrade validate")
def downgrade_validate(run: Run) -> Steps[int]:
    """Tell whether the cluster could go down to a version."""
    return (yield from _downgrade(run, "validate"))


@verb("downgrade enable")
def downgrade_enable(run: Run) -> Steps[int]:
    """Let members of a lower version join."""
    return (yield from _downgrade(run, "enable"))


@verb("downgrade cancel")
def downgrade_cancel(run: Run) -> Steps[int]:
    """Give a downgrade up."""
    return (yield from _downgrade(run, "cancel"))
