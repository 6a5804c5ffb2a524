"""etcdctl auth, user and role. Models: etcdctl/ctlv3/command/{auth,user,role}_command.go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.engine import Steps
from sim.etcd import accounts
from sim.etcd.cluster import Cluster
from sim.etcd.requests import EtcdError
from sim.shell.etcd.frame import shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.keys import prefix_end


def _act(run: Run, method: str, deed: Callable[[Cluster], Any], text: Callable[[Any], str]) -> Steps[int]:
    member, found = yield from run.client().act(f"/etcdserverpb.Auth/{method}", lambda member: deed(member.cluster))
    return shapes.show(run, simple=lambda: text(found), data=lambda: {"header": shapes.header(member)},
                       rows=lambda: shapes.header_fields(member))


def _need(run: Run, count: int, text: str) -> None:
    if len(run.words) != count:
        raise Failure(text, 128)


@verb("auth enable")
def auth_enable(run: Run) -> Steps[int]:
    """Check users from now on."""
    _need(run, 0, "auth enable command does not accept any arguments")

    def deed(cluster: Cluster) -> None:
        found = accounts.book(cluster)
        if accounts.ROOT in found["users"] and accounts.ROOT not in found["users"][accounts.ROOT]["roles"]:
            found["roles"].setdefault(accounts.ROOT, [])  # etcdctl grants the root role itself
            found["users"][accounts.ROOT]["roles"].append(accounts.ROOT)
        accounts.enable(cluster)

    return (yield from _act(run, "AuthEnable", deed, lambda _: "Authentication Enabled\n"))


@verb("auth disable")
def auth_disable(run: Run) -> Steps[int]:
    """Check users no longer."""
    _need(run, 0, "auth disable command does not accept any arguments")
    return (yield from _act(run, "AuthDisable", lambda cluster: accounts.book(cluster).update(enabled=False),
                            lambda _: "Authentication Disabled\n"))


@verb("auth status")
def auth_status(run: Run) -> Steps[int]:
    """Tell whether users are checked."""
    return (yield from _act(run, "AuthStatus", lambda cluster: accounts.book(cluster)["enabled"],
                            lambda on: f"Authentication Status: {str(on).lower()}\nAuthRevision: 1\n"))


@verb("user add")
def user_add(run: Run) -> Steps[int]:
    """Add a user; the password stands behind a colon, in a flag, or on standard input."""
    _need(run, 1, "user add command requires user name as its argument")
    name, colon, password = run.words[0].partition(":")
    if not colon:
        password = run.given.values.get("new-user-password", "")
        if not password and not run.given.on("no-password"):
            password = (yield from run.call.input()).decode().partition("\n")[0]
    if not name:
        raise Failure("empty user name is not allowed", 128)
    return (yield from _act(run, "UserAdd", lambda cluster: accounts.add(
        cluster, "users", name, {"password": password, "roles": []}), lambda _: f"User {name} created\n"))


@verb("user delete")
def user_delete(run: Run) -> Steps[int]:
    """Remove a user."""
    _need(run, 1, "user delete command requires user name as its argument")
    return (yield from _act(run, "UserDelete", lambda cluster: accounts.remove(cluster, "users", run.words[0]),
                            lambda _: f"User {run.words[0]} deleted\n"))


@verb("user get")
def user_get(run: Run) -> Steps[int]:
    """Show a user's roles."""
    _need(run, 1, "user get command requires user name as its argument")
    return (yield from _act(
        run, "UserGet", lambda cluster: accounts.user_of(cluster, run.words[0])["roles"],
        lambda roles: f"User: {run.words[0]}\nRoles:" + "".join(f" {role}" for role in roles) + "\n"))


@verb("user list")
def user_list(run: Run) -> Steps[int]:
    """List the users."""
    return (yield from _act(run, "UserList", lambda cluster: sorted(accounts.book(cluster)["users"]),
                            lambda names: "".join(f"{name}\n" for name in names)))


@verb("user passwd")
def user_passwd(run: Run) -> Steps[int]:
    """Change a password, read from standard input."""
    _need(run, 1, "user passwd command requires user name as its argument")
    password = (yield from run.call.input()).decode().partition("\n")[0]
    return (yield from _act(run, "UserChangePassword", lambda cluster: accounts.user_of(cluster, run.words[0]).update(
        password=password), lambda _: "Password updated\n"))


@verb("user grant-role")
def user_grant(run: Run) -> Steps[int]:
    """Give a user a role."""
    _need(run, 2, "user grant command requires user name and role name as its argument")
    user, role = run.words

    def deed(cluster: Cluster) -> None:
        if role != accounts.ROOT and role not in accounts.book(cluster)["roles"]:
            raise EtcdError(accounts.ROLE_MISSING)
        found = accounts.user_of(cluster, user)
        found["roles"] = sorted({*found["roles"], role})

    return (yield from _act(run, "UserGrantRole", deed, lambda _: f"Role {role} is granted to user {user}\n"))


@verb("user revoke-role")
def user_revoke(run: Run) -> Steps[int]:
    """Take a role from a user."""
    _need(run, 2, "user revoke-role requires user name and role name as its argument")
    user, role = run.words

    def deed(cluster: Cluster) -> None:
        found = accounts.user_of(cluster, user)
        if role not in found["roles"]:
            raise EtcdError(accounts.NOT_GRANTED)
        found["roles"].remove(role)

    return (yield from _act(run, "UserRevokeRole", deed, lambda _: f"Role {role} is revoked from user {user}\n"))


@verb("role add")
def role_add(run: Run) -> Steps[int]:
    """Add a role."""
    _need(run, 1, "role add command requires role name as its argument")
    return (yield from _act(run, "RoleAdd", lambda cluster: accounts.add(cluster, "roles", run.words[0], []),
                            lambda _: f"Role {run.words[0]} created\n"))


@verb("role delete")
def role_delete(run: Run) -> Steps[int]:
    """Remove a role."""
    _need(run, 1, "role delete command requires role name as its argument")
    return (yield from _act(run, "RoleDelete", lambda cluster: accounts.remove(cluster, "roles", run.words[0]),
                            lambda _: f"Role {run.words[0]} deleted\n"))


@verb("role list")
def role_list(run: Run) -> Steps[int]:
    """List the roles."""
    return (yield from _act(run, "RoleList", lambda cluster: sorted(accounts.book(cluster)["roles"]),
                            lambda names: "".join(f"{name}\n" for name in names)))


def _role(cluster: Cluster, name: str) -> list[Any]:
    found: list[Any] | None = accounts.book(cluster)["roles"].get(name)
    if found is None:
        raise EtcdError(accounts.ROLE_MISSING)
    return found


def _range(start: str, stop: str) -> str:
    if not stop:
        return f"\t{start}\n"
    prefix = f" (prefix {start})" if prefix_end(start.encode("latin-1")) == stop.encode("latin-1") else ""
    return f"\t[{start}, <open ended>{prefix}\n" if stop == "\0" else f"\t[{start}, {stop}){prefix}\n"


@verb("role get")
def role_get(run: Run) -> Steps[int]:
    """Show what a role may do."""
    _need(run, 1, "role get command requires role name as its argument")

    def text(rows: list[Any]) -> str:
        parts = [f"Role {run.words[0]}\n"]
        for title, kinds in (("KV Read:", ("read", "readwrite")), ("KV Write:", ("write", "readwrite"))):
            parts += [f"{title}\n", *(_range(start, stop) for kind, start, stop in rows if kind in kinds)]
        return "".join(parts)

    return (yield from _act(run, "RoleGet", lambda cluster: _role(cluster, run.words[0]), text))


@verb("role grant-permission")
def role_grant(run: Run) -> Steps[int]:
    """Let a role read or write keys."""
    if not 3 <= len(run.words) <= 4:
        raise Failure("role grant command requires role name, permission type, and key [endkey] as its argument", 128)
    role, kind, key = run.words[:3]
    if kind.lower() not in ("read", "write", "readwrite"):
        raise Failure("invalid permission type", 128)
    end = prefix_end(key.encode()).decode("latin-1") if run.given.on("prefix") else "\0" if run.given.on("from-key") else (
        run.words[3] if len(run.words) > 3 else "")

    def deed(cluster: Cluster) -> None:
        rows = _role(cluster, role)
        rows[:] = [row for row in rows if tuple(row[1:]) != (key, end)] + [[kind.lower(), key, end]]

    return (yield from _act(run, "RoleGrantPermission", deed, lambda _: f"Role {role} updated\n"))


@verb("role revoke-permission")
def role_revoke(run: Run) -> Steps[int]:
    """Take a permission back."""
    if not 2 <= len(run.words) <= 3:
        raise Failure("role revoke-permission command requires role name and key [endkey] as its argument", 128)
    role, key = run.words[:2]
    end = prefix_end(key.encode()).decode("latin-1") if run.given.on("prefix") else "\0" if run.given.on("from-key") else (
        run.words[2] if len(run.words) > 2 else "")

    def deed(cluster: Cluster) -> None:
        rows = _role(cluster, role)
        if not any(tuple(row[1:]) == (key, end) for row in rows):
            raise EtcdError("etcdserver: permission is not granted to the role")
        rows[:] = [row for row in rows if tuple(row[1:]) != (key, end)]

    shown = f"key {key}" if not end else f"range [{key}, <open ended>" if end == "\0" else f"range [{key}, {end})"
    return (yield from _act(run, "RoleRevokePermission", deed, lambda _: f"Permission of {shown} is revoked from role {role}\n"))
