"""Changes of a cluster's members, asked of one of them. All raise EtcdError.

Models: server/etcdserver/server.go (AddMember, RemoveMember, PromoteMember, UpdateMember).
"""

from __future__ import annotations

from dataclasses import replace

from sim.etcd import ids, rules, upgrade
from sim.etcd.snapshot import Member
from sim.host.etcd.member import MemberServer


def health(member: MemberServer, about: int = 0) -> rules.Health:
    """Tell how the cluster is: whom its leader has reached for some time."""
    cluster = member.cluster
    reached = cluster.reached_by(cluster.leader) if cluster.leader else []
    voters = cluster.voters()
    return rules.Health(sum(each in voters for each in reached), member.strict, about in reached or not about,
                        upgrade.numbers(member.version))


def add(member: MemberServer, urls: tuple[str, ...], *, learner: bool, at_s: int) -> Member:
    """Add a member that has not started yet. at_s: the second, of which its id is made."""
    cluster = member.cluster
    rules.check_add(cluster.members.values(), health(member), learner=learner)
    new = Member(ids.member_id(urls, "", at_s), "", urls, (), learner)
    rules.validate(cluster.members.values(), cluster.removed, "add_learner" if learner else "add", new.id, urls,
                   max_learners=member.max_learners)
    cluster.members[new.id] = new
    _changed(member)
    return new


def remove(member: MemberServer, target: int) -> None:
    """Remove a member; where it runs, it ends."""
    cluster = member.cluster
    rules.check_remove(cluster.members.values(), health(member, target), target)
    rules.validate(cluster.members.values(), cluster.removed, "remove", target)
    del cluster.members[target]
    cluster.removed[target] = None
    _changed(member)


def promote(member: MemberServer, target: int) -> None:
    """Make a learner a voter: one that has started is in sync here."""
    cluster = member.cluster
    rules.check_promote(cluster.members.values(), health(member), target,
                        learner_match=100 if target in cluster.running and cluster.follows(target) else 0, leader_match=100)
    rules.validate(cluster.members.values(), cluster.removed, "promote", target)
    cluster.members[target] = replace(cluster.members[target], learner=False)
    _changed(member)


def update(member: MemberServer, target: int, urls: tuple[str, ...]) -> None:
    """Change a member's peer URLs."""
    cluster = member.cluster
    rules.validate(cluster.members.values(), cluster.removed, "update", target, urls)
    cluster.members[target] = replace(cluster.members[target], peer_urls=urls)
    _changed(member)


def _changed(member: MemberServer) -> None:
    cluster = member.cluster
    cluster.entry()
    cluster.look()
    cluster.tell()
