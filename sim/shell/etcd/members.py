"""etcdctl member. Models: etcdctl/ctlv3/command/member_command.go."""

from __future__ import annotations

from typing import Any

from sim.engine import Steps
from sim.etcd.snapshot import Member
from sim.host.etcd import MemberServer
from sim.shell.etcd import shapes
from sim.shell.etcd.client import Failure
from sim.shell.etcd.ctl import Run, verb
from sim.shell.etcd.shapes import Quoted

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


def number(text: str) -> int:
    """Read a member's id. Raises Failure."""
    try:
        found = int(text, 16)
        if text.startswith(("-", "+", "0x")) or found >= 1 << 64:
            raise ValueError(text)
    except ValueError:
        raise Failure(f'bad member ID arg (strconv.ParseUint: parsing "{text}": invalid syntax), expecting ID in Hex', 128) from None
    return found


__all__ = ["MemberServer", "as_json", "member_list", "number", "row"]
