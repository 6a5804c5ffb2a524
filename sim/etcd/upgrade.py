"""etcd's versions: which cluster version its members settle on, which upgrades and downgrades there are.

Models: server/etcdserver/version (monitor.go, downgrade.go, manager.go), the upgrade guides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sim.etcd.requests import EtcdError

LOWEST = "3.0.0"
STORES_VERSION = (3, 6)
ADVISED = (3, 5, 26)
INVALID_TARGET = "invalid downgrade target"
LOWER = "invalid downgrade; server version is lower than determined cluster version"
BAD_TARGET, BAD_FORMAT, IN_PROGRESS, NO_JOB = (
    "etcdserver: invalid downgrade target version", "etcdserver: wrong downgrade target version format",
    "etcdserver: cluster has a downgrade job in progress", "etcdserver: no inflight downgrade job")
Minor = tuple[int, int]


class Path(NamedTuple):
    """Whether one rolling replacement is supported, and why not or what to mind."""

    supported: bool
    reason: str | None


def numbers(version: str) -> tuple[int, ...]:
    """Read `v3.5.1-pre` as numbers. Raises ValueError."""
    return tuple(int(part) for part in version.lstrip("v").partition("-")[0].partition("+")[0].split("."))


def minor(version: str) -> Minor:
    """Give the first two numbers of a version."""
    first, second = numbers(version)[:2]
    return first, second


def text(version: Minor) -> str:
    """Write a cluster version."""
    return f"{version[0]}.{version[1]}.0"


def valid_downgrade(old: str, new: str) -> bool:
    """Tell whether a cluster may go down to a version: one minor, patch 0."""
    return numbers(new) == (minor(old)[0], minor(old)[1] - 1, 0)


def valid_change(old: str, new: str) -> bool:
    """Tell whether the monitor may change a cluster version so: up within a major, or one minor down."""
    before, after = minor(old), minor(new)
    return after == (before[0], before[1] - 1) or (before[0] == after[0] and before < after)


def starts(server: str, cluster: str | None, downgrade: str = "") -> bool:
    """Tell whether a server starts with data of a cluster version. downgrade: the target of an enabled job."""
    return cluster is None or minor(server) >= minor(cluster) or bool(downgrade and minor(downgrade) == minor(server))


def lowest(servers: Iterable[str | None]) -> str | None:
    """Give the lowest version of the members, None when one cannot be asked or there is none."""
    known = list(servers)
    if not known or any(each is None for each in known):
        return None
    return min((each for each in known if each is not None), key=numbers)


def decide(servers: Iterable[str | None], cluster: str | None, downgrade: str | None = None) -> str:
    """Give the cluster version that the leader settles on. downgrade: the target of an enabled job. Raises EtcdError."""
    least = lowest(servers)
    if cluster is None:
        return text(minor(least)) if least is not None else LOWEST
    if downgrade is not None:
        if minor(downgrade) != minor(cluster) and not valid_downgrade(cluster, text(minor(downgrade))):
            raise EtcdError(INVALID_TARGET)
        if least is not None and minor(downgrade) > minor(least):
            raise EtcdError(INVALID_TARGET)
        return text(minor(downgrade))
    if least is None:
        return cluster
    return text(minor(least)) if minor(cluster) < minor(least) and valid_change(cluster, least) else cluster


def finished(target: str, clusters: Iterable[str]) -> bool:
    """Tell whether all members have come down to a target."""
    return all(minor(each) == minor(target) for each in clusters)


def storage(cluster: str | None, stored: str | None) -> str | None:
    """Give the storage version after the monitor has looked."""
    return stored if cluster is None or (stored is not None and minor(stored) == minor(cluster)) else text(minor(cluster))


def may_join(local: str, members: Mapping[str, tuple[str, str] | None], least: str, most: str) -> bool:
    """Tell whether a member may join: the others' cluster versions lie within what its server supports.

    members: name -> (server, cluster version), None for one that does not answer.
    """
    found = [each[1] for name, each in members.items() if name != local and each is not None and each[1] != "not_decided"]
    return bool(found) and all(numbers(least) <= numbers(each) <= numbers(most) for each in found)


def cluster_text(version: str) -> str:
    """Read a version or a minor as a cluster version. Raises ValueError."""
    parts = numbers(version)
    if len(parts) not in (2, 3):
        raise ValueError(version)
    return text((parts[0], parts[1]))


def check_request(command: str, cluster: str, target: str, *, in_progress: bool) -> None:
    """Check `downgrade validate|enable|cancel`. Raises EtcdError."""
    if command == "cancel":
        if not in_progress:
            raise EtcdError(NO_JOB)
        return
    try:
        wanted = cluster_text(target)
    except ValueError:
        raise EtcdError(BAD_FORMAT) from None
    if not valid_downgrade(cluster, wanted):
        raise EtcdError(BAD_TARGET)
    if in_progress:
        raise EtcdError(IN_PROGRESS)


def path(old: str, new: str) -> Path:
    """Judge one rolling replacement by the guides: one minor at a time, online downgrades only from 3.6 on."""
    before, after = minor(old), minor(new)
    if after == before or numbers(old) == numbers(new):
        return Path(supported=True, reason=None)
    if after[0] != before[0] or abs(after[1] - before[1]) > 1:
        return Path(supported=False, reason="one_minor_at_a_time")
    if after < before:
        if before < STORES_VERSION:
            return Path(supported=False, reason="no_online_downgrade")
        return Path(supported=True, reason="needs_downgrade_enable")
    if before == (3, 5) and numbers(old) < (3, 5, 20):
        return Path(supported=False, reason="needs_3_5_20_first")
    if before == (3, 5) and numbers(old) < ADVISED:
        return Path(supported=True, reason="advised_from_3_5_26")
    return Path(supported=True, reason=None)
