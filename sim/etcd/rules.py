"""Which changes of members a cluster lets happen.

Models: server/etcdserver/api/membership/cluster.go (IsReadyTo…, ValidateConfigurationChange), server/etcdserver/server.go
(mayAddMember, mayRemoveMember, mayPromote).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sim.etcd.requests import EtcdError
from sim.etcd.snapshot import Member

NOT_ENOUGH = "etcdserver: re-configuration failed due to not enough started members"
UNHEALTHY = "etcdserver: unhealthy cluster"
NOT_FOUND, ID_EXISTS, URLS_EXIST = (
    "etcdserver: member not found", "etcdserver: member ID already exist", "etcdserver: Peer URLs already exists")
NO_LEARNER, TOO_MANY_LEARNERS = (
    "etcdserver: can only promote a learner member", "etcdserver: too many learner members in cluster")
NOT_IN_SYNC = "etcdserver: can only promote a learner member which is in sync with leader"
IN_SYNC_PERCENT = 90
QUORUM_IS_ENOUGH = (3, 6, 11)
"""The version since which a member may be added while others are down, as long as the larger cluster has its majority."""


def quorum(voters: int) -> int:
    """Give how many voters are a majority."""
    return voters // 2 + 1


def tolerance(voters: int) -> int:
    """Give how many voters may fail."""
    return voters - quorum(voters)


def can_commit(voters: int, up: int) -> bool:
    """Tell whether so many voters that reach each other can commit; learners do not count."""
    return up >= quorum(voters)


def ready_to_add(members: Iterable[Member]) -> bool:
    """Tell whether there are enough started voters for one more: of a cluster of one, that one."""
    voters = [each for each in members if not each.learner]
    started = sum(bool(each.name) for each in voters)
    return (started == 1 and len(voters) == 1) or started >= quorum(len(voters) + 1)


def ready_to_remove(members: Iterable[Member], member: int) -> bool:
    """Tell whether the other voters are enough without a voter."""
    voters = [each for each in members if not each.learner and each.id != member]
    return sum(bool(each.name) for each in voters) >= quorum(len(voters))


def ready_to_promote(members: Iterable[Member]) -> bool:
    """Tell whether there are enough started voters, the learner that becomes one counted."""
    voters = [each for each in members if not each.learner]
    return sum(bool(each.name) for each in voters) + 1 >= quorum(len(voters) + 1)


@dataclass(frozen=True, slots=True)
class Health:
    """How a cluster is when it is asked. connected: voters that the leader has reached for longer than 5 s, itself too.

    strict: --strict-reconfig-check. version: of the leader. reachable: the member that the request is about.
    """

    connected: int
    strict: bool = True
    reachable: bool = True
    version: tuple[int, ...] = (3, 5, 0)


def check_add(members: Iterable[Member], health: Health, *, learner: bool) -> None:
    """Check an addition before it is proposed. Raises EtcdError."""
    members = list(members)
    voters = sum(not each.learner for each in members)
    if not health.strict:
        return
    if not learner and not ready_to_add(members):
        raise EtcdError(NOT_ENOUGH)
    if health.version >= QUORUM_IS_ENOUGH:
        needed = quorum(voters if learner else voters + 1)
        healthy = health.connected >= needed or (voters == 1 and health.connected == 1)
    else:
        healthy = health.connected >= voters
    if not healthy:
        raise EtcdError(UNHEALTHY)


def check_remove(members: Iterable[Member], health: Health, member: int) -> None:
    """Check a removal before it is proposed. Raises EtcdError."""
    members = list(members)
    found = next((each for each in members if each.id == member), None)
    if not health.strict or (found is not None and found.learner):
        return
    if not ready_to_remove(members, member):
        raise EtcdError(NOT_ENOUGH)
    if not health.reachable:
        return  # one that is down is no part of the majority
    voters = sum(not each.learner for each in members)
    if health.connected - 1 < quorum(voters - 1):
        raise EtcdError(UNHEALTHY)


def check_promote(
    members: Iterable[Member], health: Health, member: int, *, learner_match: int = 1, leader_match: int = 1
) -> None:
    """Check a promotion before it is proposed. Raises EtcdError."""
    members = list(members)
    found = next((each for each in members if each.id == member), None)
    if found is None:
        raise EtcdError(NOT_FOUND)
    if not found.learner:
        raise EtcdError(NO_LEARNER)
    if learner_match * 100 < leader_match * IN_SYNC_PERCENT:
        raise EtcdError(NOT_IN_SYNC)
    if health.strict and not ready_to_promote(members):
        raise EtcdError(NOT_ENOUGH)


def validate(
    members: Iterable[Member], removed: Iterable[int], change: str, member: int, urls: Iterable[str] = (), *,
    max_learners: int = 1,
) -> None:
    """Check a change against the list of members when it is applied. Raises EtcdError.

    change: add, add_learner, remove, update or promote.
    """
    there = {each.id: each for each in members}
    if member in removed:
        raise EtcdError(NOT_FOUND)
    if change in ("add", "add_learner"):
        if member in there:
            raise EtcdError(ID_EXISTS)
    elif member not in there:
        raise EtcdError(NOT_FOUND)
    taken = {url for each in there.values() for url in each.peer_urls if each.id != member}
    if change in ("add", "add_learner", "update") and any(url in taken for url in urls):
        raise EtcdError(URLS_EXIST)
    if change == "add_learner" and sum(each.learner for each in there.values()) >= max_learners:
        raise EtcdError(TOO_MANY_LEARNERS)
    if change == "promote" and not there[member].learner:
        raise EtcdError(NO_LEARNER)
