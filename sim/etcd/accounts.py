"""Users and roles of etcd: kept as plain data of the cluster, checked at each request once authentication is on.

Models: server/auth/store.go. Left out: tokens, permissions of ranges that overlap only in part, CN-based users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.etcd.requests import EtcdError

if TYPE_CHECKING:
    from sim.etcd.cluster import Cluster

NO_USER, DENIED, BAD_PASSWORD = (
    "etcdserver: user name is empty", "etcdserver: permission denied",
    "etcdserver: authentication failed, invalid user ID or password")
ROOT_MISSING, ROOT_ROLE_MISSING = "etcdserver: root user does not exist", "etcdserver: root user does not have root role"
USER_MISSING, ROLE_MISSING = "etcdserver: user name not found", "etcdserver: role name not found"
USER_EXISTS, ROLE_EXISTS = "etcdserver: user name already exists", "etcdserver: role name already exists"
NOT_GRANTED = "etcdserver: role is not granted to the user"
ROOT = "root"
OPEN = ("/etcdserverpb.Maintenance/", "/etcdserverpb.Cluster/MemberList")
"""Methods that ask for no more than a user."""


def book(cluster: Cluster) -> dict[str, Any]:
    """Give the cluster's users and roles, and whether they are checked."""
    for name, empty in (("enabled", False), ("users", {}), ("roles", {})):
        cluster.auth.setdefault(name, empty)
    return cluster.auth


def check(cluster: Cluster, user: str, password: str, method: str) -> None:
    """Check that a user may make a request at all. Raises EtcdError."""
    found = book(cluster)
    if not found["enabled"]:
        return
    if not user:
        raise EtcdError(NO_USER)
    known = found["users"].get(user)
    if known is None or known["password"] != password:
        raise EtcdError(BAD_PASSWORD)
    if ROOT not in known["roles"] and not method.startswith((*OPEN, "/etcdserverpb.KV/")):
        raise EtcdError(DENIED)


def check_key(cluster: Cluster, user: str, key: bytes, end: bytes, *, write: bool) -> None:
    """Check that a user may read or write a range. Raises EtcdError."""
    found = book(cluster)
    if not found["enabled"] or ROOT in found["users"][user]["roles"]:
        return
    for role in found["users"][user]["roles"]:
        for kind, start, stop in found["roles"].get(role, ()):
            allowed = kind == "readwrite" or kind == ("write" if write else "read")
            low, high = start.encode("latin-1"), stop.encode("latin-1")
            inside = key == low and not end if not high else key >= low and (
                high == b"\0" or (key < high and (not end or end != b"\0") and (end or key) <= high))
            if allowed and inside:
                return
    raise EtcdError(DENIED)


def enable(cluster: Cluster) -> None:
    """Check users from now on. Raises EtcdError without a root user that has the root role."""
    found = book(cluster)
    if ROOT not in found["users"]:
        raise EtcdError(ROOT_MISSING)
    if ROOT not in found["users"][ROOT]["roles"]:
        raise EtcdError(ROOT_ROLE_MISSING)
    found["enabled"] = True
    cluster.entry()


def user_of(cluster: Cluster, name: str) -> dict[str, Any]:
    """Give a user. Raises EtcdError."""
    found: dict[str, Any] | None = book(cluster)["users"].get(name)
    if found is None:
        raise EtcdError(USER_MISSING)
    return found


def add(cluster: Cluster, kind: str, name: str, value: Any) -> None:
    """Add a user or a role. Raises EtcdError."""
    table = book(cluster)[kind]
    if name in table:
        raise EtcdError(USER_EXISTS if kind == "users" else ROLE_EXISTS)
    table[name] = value
    cluster.entry()


def remove(cluster: Cluster, kind: str, name: str) -> None:
    """Remove a user or a role. Raises EtcdError."""
    if book(cluster)[kind].pop(name, None) is None:
        raise EtcdError(USER_MISSING if kind == "users" else ROLE_MISSING)
    cluster.entry()
