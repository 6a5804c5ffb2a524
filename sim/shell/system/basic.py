"""The smallest set: time, identity, ssh, wrappers.

Models: coreutils, openssh, as far as labs type them. What is missing here refuses, it does not pretend.
"""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta

from sim.api.errors import TransportError
from sim.api.times import parse_duration
from sim.engine import Steps, microseconds
from sim.shell.pipes import COMMANDS, Call

SSH_SECONDS = 0.3
REFUSED = ["uuidgen", "shuf", "mktemp", "who", "w", "last",
    "apt", "apt-get", "apt-mark", "apt-cache", "dpkg", "kubeadm", "etcdctl", "etcdutl", "docker", "vi", "vim", "nano", "less", "more", "man", "top", "htop", "curl", "wget", "scp", "tmux", "ping", "du", "lsmod", "modprobe", "helm", "git", "python", "python3", "openssl", "gpg", "timedatectl", "mount", "umount"]


def sleep(call: Call) -> Steps[int]:
    """Wait for simulated seconds."""
    try:
        seconds = sum(float(a[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[a[-1]] if a[-1:].isalpha() else float(a)
                      for a in call.argv)
    except (ValueError, KeyError):
        call.write(f"sleep: invalid time interval ‘{call.argv[0]}’\nTry 'sleep --help' for more information.\n", "stderr")
        return 1
    if not call.argv:
        call.write("sleep: missing operand\nTry 'sleep --help' for more information.\n", "stderr")
        return 1
    yield call.engine.sleep(microseconds(seconds))
    return 0


def date(call: Call) -> int:
    """Print the simulated date; `+FORMAT` and -u."""
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us)
    words, shape = list(call.argv), None
    while words:
        word = words.pop(0)
        if word.startswith("+"):
            shape = word[1:]
        elif word in ("-d", "--date") and words and re.fullmatch(r"@\d+", words[0]):
            now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(words.pop(0)[1:]))
        elif word not in ("-u", "--utc"):
            return call.refuse(f"date {word}")
    if shape is None:
        call.write(now.strftime("%a %b %e %H:%M:%S UTC %Y\n"))
        return 0
    shape = shape.replace("%s", str(int(now.timestamp()))).replace("%N", f"{now.microsecond:06}000")
    call.write(now.strftime(shape) + "\n")
    return 0


def whoami(call: Call) -> int:
    """Print the user's name."""
    call.write(f"{call.login.user}\n")
    return 0


def identity(call: Call) -> int:
    """Print the user's numbers."""
    login = call.login
    if "-u" in call.argv:
        call.write(f"{login.user if '-n' in call.argv else login.uid}\n")
        return 0
    call.write(f"uid={login.uid}({login.user}) gid={login.uid}({login.user}) groups={login.uid}({login.user})\n")
    return 0


def sudo(call: Call) -> Steps[int]:
    """Run a command; in these labs everybody may, and root stays root."""
    words = [word for word in call.argv if word not in ("-E", "-n", "-H")]
    if not words:
        call.write("usage: sudo -h | -K | -k | -V\n", "stderr")
        return 1
    if words[0] in ("-i", "-s", "su") or call.login.uid != 0:
        return call.refuse("sudo as another user")
    return (yield from call.run(words))


def ssh(call: Call) -> Steps[int]:
    """Log in on another host, or run a command there."""
    words = list(call.argv)
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag in ("-o", "-i", "-p", "-l") and words:
            words.pop(0)
    if not words:
        call.write("usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] destination [command [argument ...]]\n", "stderr")
        return 255
    user, _, name = words[0].rpartition("@")
    user = user or call.login.user
    host = call.host.network.find(name, call.host)
    if host is None:
        call.write(f"ssh: Could not resolve hostname {name}: Name or service not known\n", "stderr")
        return 255
    yield call.engine.sleep(microseconds(SSH_SECONDS))
    try:
        if not host.powered:
            raise TransportError("no-route", "No route to host")
        if call.host.network.is_cut(call.host, host):
            raise TransportError("timeout", "Connection timed out")
    except TransportError as error:
        yield call.engine.sleep(microseconds(3.0))
        call.write(f"ssh: connect to host {name} port 22: {error}\n", "stderr")
        return 255
    if user not in host.users:
        call.write(f"{user}@{name}: Permission denied (publickey,password).\n", "stderr")
        return 255
    from sim.shell.login import Login

    login = Login(call.login.terminal, host, user)
    if len(words) == 1:
        call.login.terminal.logins.append(login)
        login.sink = call.login.sink
        return 0
    login.sink, login.job = call.login.sink, call.login.job
    login.shell.job = call.shell.job
    return (yield from login.shell.source(" ".join(words[1:]), call.streams))


def timeout(call: Call) -> Steps[int]:
    """Run a command for at most so long: status 124 when it had to be ended."""
    words = list(call.argv)
    while words and words[0].startswith("-"):
        words.pop(0)
    if len(words) < 2:
        call.write("timeout: missing operand\nTry 'timeout --help' for more information.\n", "stderr")
        return 125
    try:
        seconds = float(words[0]) if words[0].replace(".", "", 1).isdigit() else parse_duration(words[0])
    except ValueError:
        call.write(f"timeout: invalid time interval ‘{words[0]}’\n", "stderr")
        return 125
    job = call.shell.job
    before = len(job.processes) if job else 0
    process = call.login.spawn(call.run(words[1:]), job)
    limit = call.engine.sleep(microseconds(seconds))
    yield call.engine.any_of([process, limit])
    if process.is_alive:
        for child in reversed(job.processes[before:] if job else [process]):
            if child.is_alive:
                child.interrupt()
        return 124
    return int(process.value or 0)


def env(call: Call) -> Steps[int]:
    """Print the environment, or run a command in another one."""
    words = list(call.argv)
    if not words:
        for name, value in sorted(call.env.items()):
            call.write(f"{name}={value}\n")
        return 0
    return (yield from call.shell.source(
        " ".join(w if "=" in w and not w.startswith("-") else shlex.quote(w) for w in words), call.streams))


def xargs(call: Call) -> Steps[int]:
    """Run a command with words from standard input (-n N, -I{}, -r)."""
    data = (yield from call.streams.stdin.rest()) if call.streams.stdin else b""
    words, count, mark = list(call.argv), 0, ""
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag == "-n":
            count = int(words.pop(0))
        elif flag.startswith("-n"):
            count = int(flag[2:])
        elif flag.startswith("-I"):
            mark = flag[2:] or words.pop(0)
    base = words or ["echo"]
    items = data.decode().split("\n") if mark else shlex.split(data.decode())
    items = [item.strip() for item in items if item.strip()]
    size = 1 if mark else count or len(items) or 1
    status = 0
    for at in range(0, max(len(items), 0 if mark or "-r" in call.argv else 1), size):
        chunk = items[at:at + size]
        argv = [w.replace(mark, chunk[0]) for w in base] if mark else [*base, *chunk]
        if (yield from call.run(argv)) != 0:
            status = 123
    return status


def history(call: Call) -> int:
    """List the lines typed at this login."""
    for number, line in enumerate(call.login.history, 1):
        call.write(f"{number:5}  {line}\n")
    return 0


def refuse(call: Call) -> int:
    """Say that a program is not modelled."""
    return call.refuse(f"{call.name}")


def kubectl(call: Call) -> Steps[int]:
    """Run kubectl, loaded when it is first typed."""
    from sim.shell.kubectl.frame.main import kubectl as run

    return (yield from run(call))


COMMANDS.update({
    "kubectl": kubectl,
    "sleep": sleep, "date": date, "whoami": whoami, "id": identity,
    "sudo": sudo, "ssh": ssh, "timeout": timeout, "env": env, "xargs": xargs, "history": history,
    **dict.fromkeys(REFUSED, refuse)})
