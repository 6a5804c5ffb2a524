"""useradd, adduser, userdel, usermod, groupadd: users and groups of a host, in /etc/passwd and /etc/group.

Models: shadow and Debian's adduser. Passwords are not modelled: `passwd` refuses, keys let everybody in.
"""

from __future__ import annotations

from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.options import BadUsage, complain, read

FIRST_UID = 1000


def _append(host: Host, path: str, row: str) -> None:
    view = host.files.view()
    before = view.read(path) if view.exists(path) else b""
    view.write(path, before + row.encode() + b"\n")


def _rows(host: Host, path: str) -> list[list[str]]:
    view = host.files.view()
    return [line.split(":") for line in (view.read(path).decode(errors="replace").splitlines() if view.exists(path) else [])]


def _put(host: Host, path: str, rows: list[list[str]]) -> None:
    host.files.view().write(path, "".join(":".join(row) + "\n" for row in rows).encode())


def _denied(call: Call) -> int:
    call.write(f"{call.name}: Permission denied.\n{call.name}: cannot lock /etc/passwd; try again later.\n", "stderr")
    return 1


def _made(call: Call, name: str, *, home: bool, program: str, comment: str = "") -> int:
    host = call.host
    uid = max([FIRST_UID - 1, *(each for each in host.users.values() if each < 60_000)]) + 1
    host.users[name] = uid
    _append(host, "/etc/passwd", f"{name}:x:{uid}:{uid}:{comment}:/home/{name}:{program}")
    _append(host, "/etc/group", f"{name}:x:{uid}:")
    if home:
        view = host.files.view()
        view.make_dir(f"/home/{name}", parents=True)
        view.chmod(f"/home/{name}", 0o750)
        view.chown(f"/home/{name}", uid, uid)
    return uid


def useradd(call: Call) -> int:
    """Add a user (-m -s -G -d -u -c)."""
    try:
        given = read(call, "mMrNUs:G:g:d:u:c:e:k:p:", {"create-home": "m", "shell": "s", "groups": "G", "home-dir": "d",
                                                       "uid": "u", "comment": "c", "system": "r"})
    except BadUsage as error:
        return complain(call, error)
    if call.login.uid != 0:
        return _denied(call)
    if odd := set(given.letters) & set("grdukep"):
        return call.refuse(f"useradd -{min(odd)}")
    if len(given.operands) != 1:
        call.write("Usage: useradd [options] LOGIN\n", "stderr")
        return 2
    name = given.operands[0]
    if name in call.host.users:
        return call.fail(f"user '{name}' already exists", 9)
    for group in given.get("G").split(",") if "G" in given else []:
        if group not in [row[0] for row in _rows(call.host, "/etc/group")]:
            return call.fail(f"group '{group}' does not exist", 6)
    _made(call, name, home="m" in given, program=given.get("s") or "/bin/sh", comment=given.get("c"))
    _joined(call.host, name, given.get("G").split(",") if "G" in given else [])
    return 0


def _joined(host: Host, name: str, groups: list[str]) -> None:
    rows = _rows(host, "/etc/group")
    for row in rows:
        if row[0] in groups and name not in row[3].split(","):
            row[3] = ",".join(filter(None, [*row[3].split(","), name]))
    _put(host, "/etc/group", rows)


def adduser(call: Call) -> int:
    """Add a user as Debian's adduser does with --disabled-password; a user to a group."""
    words = [word for word in call.argv if not word.startswith("-")]
    flags = [word.partition("=")[0] for word in call.argv if word.startswith("-")]
    if call.login.uid != 0:
        return call.fail("Only root may add a user or group to the system.")
    if len(words) == 2 and "--gecos" not in flags:
        name, group = words
        if name not in call.host.users:
            return call.fail(f"The user `{name}' does not exist.")
        if group not in [row[0] for row in _rows(call.host, "/etc/group")]:
            return call.fail(f"The group `{group}' does not exist.")
        _joined(call.host, name, [group])
        call.write(f"Adding user `{name}' to group `{group}' ...\nAdding user {name} to group {group}\nDone.\n")
        return 0
    if "--disabled-password" not in flags:
        return call.refuse("adduser without --disabled-password: it asks for one")
    name = words[-1] if words else ""
    if not name:
        return call.fail("Only one or two names allowed.")
    if name in call.host.users:
        return call.fail(f"The user `{name}' already exists.")
    uid = _made(call, name, home=True, program="/bin/bash", comment=",,,")
    call.write(f"Adding user `{name}' ...\nAdding new group `{name}' ({uid}) ...\nAdding new user `{name}' ({uid}) with group `{name}' ...\n"
               f"Creating home directory `/home/{name}' ...\nCopying files from `/etc/skel' ...\n")
    return 0


def usermod(call: Call) -> int:
    """Put a user into more groups (-a -G), or give another shell (-s)."""
    try:
        given = read(call, "aG:s:l:d:mLUc:", {"append": "a", "groups": "G", "shell": "s"})
    except BadUsage as error:
        return complain(call, error)
    if call.login.uid != 0:
        return _denied(call)
    if (odd := set(given.letters) - set("aGs")) or ("G" in given and "a" not in given):
        return call.refuse(f"usermod -{min(odd or set('G'))}")
    name = given.operands[-1] if given.operands else ""
    if name not in call.host.users:
        return call.fail(f"user '{name}' does not exist", 6)
    for group in given.get("G").split(",") if "G" in given else []:
        if group not in [row[0] for row in _rows(call.host, "/etc/group")]:
            return call.fail(f"group '{group}' does not exist", 6)
    _joined(call.host, name, given.get("G").split(",") if "G" in given else [])
    if "s" in given:
        rows = _rows(call.host, "/etc/passwd")
        _put(call.host, "/etc/passwd", [[*row[:6], given.get("s")] if row[0] == name else row for row in rows])
    return 0


def userdel(call: Call) -> int:
    """Remove a user, with its home (-r)."""
    words = [word for word in call.argv if not word.startswith("-")]
    if call.login.uid != 0:
        return _denied(call)
    if len(words) != 1 or set(call.argv) - {"-r", "--remove", "-f", *words}:
        return call.refuse(f"userdel {' '.join(call.argv)}")
    name = words[0]
    if name not in call.host.users:
        return call.fail(f"user '{name}' does not exist", 6)
    del call.host.users[name]
    for path in ("/etc/passwd", "/etc/group"):
        _put(call.host, path, [row for row in _rows(call.host, path) if row[0] != name])
    home = f"/home/{name}"
    if {"-r", "--remove"} & set(call.argv) and call.host.files.view().exists(home):
        call.host.files.view().remove(home, recursive=True)
    return 0


def groupadd(call: Call) -> int:
    """Add a group."""
    words = [word for word in call.argv if not word.startswith("-")]
    if call.login.uid != 0:
        call.write("groupadd: Permission denied.\ngroupadd: cannot lock /etc/group; try again later.\n", "stderr")
        return 10
    if len(words) != 1 or len(call.argv) != 1:
        return call.refuse(f"groupadd {' '.join(call.argv)}")
    rows = _rows(call.host, "/etc/group")
    if words[0] in [row[0] for row in rows]:
        return call.fail(f"group '{words[0]}' already exists", 9)
    number = max([FIRST_UID - 1, *(int(row[2]) for row in rows if row[2].isdigit() and int(row[2]) < 60_000)]) + 1
    _append(call.host, "/etc/group", f"{words[0]}:x:{number}:")
    return 0


COMMANDS.update({"useradd": useradd, "adduser": adduser, "usermod": usermod, "userdel": userdel, "groupadd": groupadd})
