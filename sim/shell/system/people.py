"""id, whoami, groups, su, sudo: who one is. Models: coreutils, sudo, util-linux."""

from __future__ import annotations

import re

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.pipes import BUILTINS, COMMANDS, Call
from sim.shell.system.options import BadUsage, complain, read
from sim.shell.system.running import as_user, enter

SUDO_USAGE = """usage: sudo -h | -K | -k | -V
usage: sudo -v [-ABknS] [-g group] [-h host] [-p prompt] [-u user]
usage: sudo -l [-ABknS] [-g group] [-h host] [-p prompt] [-U user] [-u user]
            [command]
usage: sudo [-ABbEHknPS] [-r role] [-t type] [-C num] [-D directory] [-g group]
            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user]
            [VAR=value] [-i|-s] [<command>]
usage: sudo -e [-ABknS] [-r role] [-t type] [-C num] [-D directory] [-g group]
            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...
"""
SUDO_BUILTIN = """sudo: {0}: command not found
sudo: "{0}" is a shell built-in command, it cannot be run directly.
sudo: the -s option may be used to run a privileged shell.
sudo: the -D option may be used to run a command in a specific directory.
"""
KEPT = ("TERM", "LANG", "DISPLAY")
SHELL_ONLY = ("cd", "export", "source", "alias", "set", "unset", "ulimit", "umask", "read", "type", "history", "jobs", "exit")


def whoami(call: Call) -> int:
    """Print the user's name."""
    call.write(f"{call.login.user}\n")
    return 0


def identity(call: Call) -> int:
    """Print the user's numbers (-u -g -G -n -r), or another user's."""
    try:
        given = read(call, "ugGnra", {"user": "u", "group": "g", "groups": "G", "name": "n", "real": "r"})
    except BadUsage as error:
        return complain(call, error)
    name = given.operands[0] if given.operands else call.login.user
    if name not in call.host.users:
        return call.fail(f"‘{name}’: no such user")
    number = call.host.users[name]
    if set(given.letters) & set("ugG"):
        call.write(f"{name if 'n' in given else number}\n")
    else:
        call.write(f"uid={number}({name}) gid={number}({name}) groups={number}({name})\n")
    return 0


def groups(call: Call) -> int:
    """Print the user's groups."""
    name = call.argv[0] if call.argv else call.login.user
    if name not in call.host.users:
        return call.fail(f"‘{name}’: no such user")
    call.write(f"{name} : {name}\n" if call.argv else f"{name}\n")
    return 0


# ---- sudo and su ---------------------------------------------------------------------------------------------------
def sudo(call: Call) -> Steps[int]:
    """Run a command as root or another user; in these labs everybody may, without a password.

    Models: sudo with -i -s -u -E -H -n -k -v -l and VAR=value; the environment is reset but for -E.
    """
    try:
        given = read(call, "isu:EHnkvlSbAKg:p:P", {"login": "i", "shell": "s", "user": "u", "preserve-env": "E", "set-home": "H",
                                                "non-interactive": "n", "validate": "v", "list": "l", "stdin": "S"}, mixed=False)
    except BadUsage as error:
        call.write(str(error).partition("\n")[0] + "\n" + SUDO_USAGE, "stderr")
        return 1
    user, words = given.get("u", "root").removeprefix("#"), list(given.operands)
    if user not in call.host.users:
        call.write(f"sudo: unknown user {user}\nsudo: error initializing audit plugin sudoers_audit\n", "stderr")
        return 1
    if "l" in given:
        return _rights(call)
    env: dict[str, str] = {name: value for name, value in call.env.items() if "E" in given or name in KEPT}
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
    env.update({"SUDO_USER": call.login.user, "SUDO_UID": str(call.login.uid), "SUDO_GID": str(call.login.uid)})
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        name, _, env[name] = words.pop(0).partition("=")
        del name
    if not words and not set(given.letters) & set("is"):
        if set(given.letters) & set("vkK"):
            return 0
        call.write(SUDO_USAGE, "stderr")
        return 1
    if not words:
        login = "i" in given
        return (yield from enter(call, user, farewell="logout" if login else "exit", name="-bash" if login else "bash", home=login))
    return (yield from _run_as(call, user, words, env, home="i" in given))


def _run_as(call: Call, user: str, words: list[str], env: dict[str, str], *, home: bool) -> Steps[int]:
    if not call.shell.finds(words[0]):
        shell_only = words[0] in SHELL_ONLY or (words[0] in BUILTINS and words[0] not in COMMANDS)
        call.write(SUDO_BUILTIN.format(words[0]) if shell_only else f"sudo: {words[0]}: command not found\n", "stderr")
        return 1
    env["SUDO_COMMAND"] = " ".join(words)
    if user == call.login.user and not home:
        return (yield from call.shell.invoke(words, {**env, "HOME": call.login.home, "USER": user, "LOGNAME": user}, call.streams))
    return (yield from as_user(call, user, words, env, home=home))


def _rights(call: Call) -> int:
    user, host = call.login.user, call.host.name
    call.write(f"Matching Defaults entries for {user} on {host}:\n    env_reset, mail_badpass,\n"
               "    secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin\\:/snap/bin,\n    use_pty\n\n"
               f"User {user} may run the following commands on {host}:\n    (ALL) NOPASSWD: ALL\n")
    return 0


def su(call: Call) -> Steps[int]:
    """Become another user (-, -l, -c TEXT, -s is refused); only root may without a password."""
    try:
        words = ["-l" if word == "-" else word for word in call.argv]
        kept, call.argv = call.argv, words
        given = read(call, "lc:s:mp", {"login": "l", "command": "c", "shell": "s", "preserve-environment": "m"})
        call.argv = kept
    except BadUsage as error:
        return complain(call, error)
    if "s" in given:
        return call.refuse("su -s")
    user = given.operands[0] if given.operands else "root"
    if user not in call.host.users:
        return call.fail(f"user {user} does not exist or the user entry does not contain all the required fields")
    if call.login.uid != 0:
        call.write("Password: ", "stderr")
        source = call.streams.stdin or call.streams.keyboard
        if source is not None:
            yield from source.read(b"\n")
            call.write("\n", "stderr")
        return call.fail("Authentication failure")
    home = "l" in given
    if "c" in given:
        return (yield from as_user(call, user, [], call.env, home=home, text=given.get("c")))
    if call.streams.stdin is not None:
        text = (yield from call.streams.stdin.rest()).decode(errors="replace")
        return (yield from as_user(call, user, [], call.env, home=home, text=text)) if text.strip() else 0
    return (yield from enter(call, user, farewell="logout" if home else "exit", name="-bash" if home else "bash", home=home))


def getent(call: Call) -> int:
    """Look names up (passwd, group, hosts)."""
    if not call.argv or call.argv[0] not in ("passwd", "group", "hosts"):
        return call.refuse(f"getent {' '.join(call.argv)}")
    place, *keys = call.argv
    try:
        rows = call.host.files.view().read(f"/etc/{place}").decode(errors="replace").splitlines()
    except FileError:
        return 2
    status = 0
    if not keys:
        call.write("".join(row + "\n" for row in rows))
    for key in keys:
        found = [row for row in rows if key in (row.split() if place == "hosts" else row.split(":")[0:3:2])]
        for row in found[:1]:
            call.write(f"{row.split()[0]:<15} {' '.join(row.split()[1:])}\n" if place == "hosts" else row + "\n")
        status = status if found else 2
    return status


def tty(call: Call) -> int:
    """Tell which terminal this is."""
    if call.streams.stdin is not None or call.streams.keyboard is None:
        call.write("not a tty\n")
        return 1
    call.write("/dev/pts/0\n")
    return 0


def clear(call: Call) -> int:
    """Clear the screen."""
    call.write("\x1b[H\x1b[2J\x1b[3J")
    return 0


def arch(call: Call) -> int:
    """Print the machine's kind."""
    call.write("x86_64\n")
    return 0


COMMANDS.update({
    "whoami": whoami, "id": identity, "groups": groups, "sudo": sudo, "su": su,
    "getent": getent, "logname": whoami, "tty": tty, "clear": clear, "reset": clear, "arch": arch})
