"""etcdctl member. Models: etcdctl/ctlv3/command/member_command.go."""

from __future__ import annotations

from typing import Any

from sim.engine import Steps
from sim.etcd.snapshot import Member
from sim.host.etcd import MemberServer, changes
from sim.shell.etcd.frame import shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.frame.shapes import Quoted

HEAD = ("ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER")


def row(member: Member) -> tuple[str, ...]:
    """Give a member's cells."""
    return (f"{member.id:x}", "started" if member.name else "unstarted", member.name, ",".join(member.peer_urls),
            ",".join(member.client_urls), str(member.learner).lower())


def as_json(member: Member) -> dict[str, Any]:
    """Give a member as protobuf's JSON."""
    found = {"ID": member.id, "name": member.name, "peerURLs": list(member.peer_urls), "clientURLs": list(member.client_urls),
             "isLearner": member.learner}
    return {name: value for name, value in found.items() if value}


@verb("member list")
def member_list(run: Run) -> Steps[int]:
    """List the members."""
    client = run.client()
    found = yield from client.serving("/etcdserverpb.Cluster/MemberList", leader=run.minor >= (3, 5))
    members = sorted(found.cluster.members.values(), key=lambda each: each.id)
    return shapes.show(
        run, simple=lambda: "".join(", ".join(row(each)) + "\n" for each in members),
        data=lambda: {"header": shapes.header(found, revision=False), "members": [as_json(each) for each in members]},
        rows=lambda: [*shapes.header_fields(found, revision=False), *(pair for each in members for pair in member_fields(each))],
        table=(HEAD, [row(each) for each in members]))


def member_fields(member: Member) -> shapes.Fields:
    """Give a member's rows for -w fields."""
    return [("ID", member.id), ("Name", Quoted(member.name)), *(("PeerURL", Quoted(url)) for url in member.peer_urls),
            *(("ClientURL", Quoted(url)) for url in member.client_urls), ("IsLearner", member.learner), ("", "")]


def _added(run: Run, member: MemberServer, new: Member, name: str, cluster_text: str) -> str:
    """Say what the new member must be started with."""
    members = sorted(member.cluster.members.values(), key=lambda each: each.id)
    peers = ",".join(f"{each.name or name}={url}" for each in members for url in each.peer_urls)
    return (f"Member {new.id:>16x} added to cluster {cluster_text}\n\nETCD_NAME=\"{name}\"\nETCD_INITIAL_CLUSTER=\"{peers}\"\n"
            f"ETCD_INITIAL_ADVERTISE_PEER_URLS=\"{','.join(new.peer_urls)}\"\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n")


def _urls(run: Run) -> tuple[str, ...]:
    text = run.given["peer-urls"]
    if not text:
        raise Failure("member peer urls not provided" + ("." if run.minor < (3, 4) else ""), 128)
    return tuple(each.strip() for each in text.split(","))


def _answer(run: Run, member: MemberServer, text: str, more: dict[str, Any] | None = None) -> int:
    members = sorted(member.cluster.members.values(), key=lambda each: each.id)
    return shapes.show(
        run, simple=lambda: text, rows=lambda: shapes.header_fields(member, revision=False),
        data=lambda: {"header": shapes.header(member, revision=False), **(more or {}), "members": [
            as_json(each) for each in members]})


def _parsed(urls: tuple[str, ...]) -> None:
    for url in urls:
        scheme, mark, rest = url.partition("://")
        if not mark or scheme not in ("http", "https", "unix", "unixs"):
            raise Failure(f"URL scheme must be http, https, unix, or unixs: {url}" if mark else
                          f"parse \"{url}\": first path segment in URL cannot contain colon", 1)
        if not rest.rpartition(":")[1]:
            raise Failure(f'URL address does not have the form "host:port": {url}', 1)


@verb("member add")
def member_add(run: Run) -> Steps[int]:
    """Add a member, which is then to be started."""
    if len(run.words) != 1:
        raise Failure("member name not provided" if not run.words else "too many arguments", 128)
    urls, learner = _urls(run), run.given.on("learner")
    _parsed(urls)
    at_s = run.call.engine.unix_us // 1_000_000
    member, new = yield from run.client().act(
        "/etcdserverpb.Cluster/MemberAdd", lambda member: changes.add(member, urls, learner=learner, at_s=at_s))
    return _answer(run, member, _added(run, member, new, run.words[0], f"{member.cluster.id:>16x}"), {"member": as_json(new)})


@verb("member remove")
def member_remove(run: Run) -> Steps[int]:
    """Remove a member: its program ends."""
    target = _target(run)
    client = run.client()
    member = yield from client.serving("/etcdserverpb.Cluster/MemberRemove")
    cluster = member.cluster.id
    yield from client.act("/etcdserverpb.Cluster/MemberRemove", lambda member: changes.remove(member, target))
    return _answer(run, member, f"Member {target:>16x} removed from cluster {cluster:>16x}\n")


@verb("member promote")
def member_promote(run: Run) -> Steps[int]:
    """Make a learner a voter."""
    target = _target(run)
    member, _ = yield from run.client().act(
        "/etcdserverpb.Cluster/MemberPromote", lambda member: changes.promote(member, target))
    return _answer(run, member, f"Member {target:>16x} promoted in cluster {member.cluster.id:>16x}\n")


@verb("member update")
def member_update(run: Run) -> Steps[int]:
    """Change a member's peer URLs."""
    target, urls = _target(run), _urls(run)
    _parsed(urls)
    member, _ = yield from run.client().act(
        "/etcdserverpb.Cluster/MemberUpdate", lambda member: changes.update(member, target, urls))
    return _answer(run, member, f"Member {target:>16x} updated in cluster {member.cluster.id:>16x}\n")


def _target(run: Run) -> int:
    if len(run.words) != 1:
        raise Failure("member ID is not provided", 128)
    return number(run.words[0])


def number(text: str) -> int:
    """Read a member's id. Raises Failure."""
    try:
        found = int(text, 16)
        if text.startswith(("-", "+", "0x")) or found >= 1 << 64:
            raise ValueError(text)
    except ValueError:
        raise Failure(f'bad member ID arg (strconv.ParseUint: parsing "{text}": invalid syntax), expecting ID in Hex', 128) from None
    return found

