"""ssh, scp, ping, ssh-keygen: other hosts, as the network lets one reach them. Models: OpenSSH 8.9, iputils.

Every host of a lab trusts the keys of the others: no host key is asked about, no password either.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import DIRECTORY, FileError, Inode
from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.files.moving import release
from sim.shell.system.options import BadUsage, Given, read

SSH_SECONDS = 0.3
METER_SECONDS, METER_BYTES_PER_SECOND = 0.01, 120_000_000
"""How long a copy takes beside its bytes, and how many of them pass in a second: what the line of progress says."""
NO_ROUTE_SECONDS = 3.1
TIMEOUT_SECONDS = 130.0
SSH_VALUES = "BbcDEeFIiJLlmOopQRSWw"
BANNER = """Welcome to {pretty} (GNU/Linux {kernel} x86_64)

 * Documentation:  https://help.ubuntu.com
 * Management:     https://landscape.canonical.com
 * Support:        https://ubuntu.com/pro
"""
SSH_USAGE = """usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]
           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]
           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]
           [-i identity_file] [-J [user@]host[:port]] [-L address]
           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]
           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]
           [-w local_tun[:remote_tun]] destination [command [argument ...]]
"""
SCP_USAGE = """usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]
           [-i identity_file] [-J destination] [-l limit]
           [-o ssh_option] [-P port] [-S program] source ... target
"""


class Unreachable(Exception):
    """A host cannot be reached: what ssh says."""


def _options(given: Given, call: Call) -> dict[str, str]:
    """Give the -o options by lower-case name; only the last of a kind is known."""
    pairs = [word.partition("=") for word in call.argv if re.fullmatch(r"\w+=\S+", word)]
    return {name.removeprefix("-o").lower(): value.lower() for name, _, value in pairs}


def _reach(call: Call, name: str, port: str, options: dict[str, str]) -> Steps[Host]:
    """Find a host and connect. Raises Unreachable."""
    host = call.host.network.find(name, call.host)
    if host is None:
        if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
            yield call.engine.sleep(microseconds(float(options.get("connecttimeout", "130"))))
            raise Unreachable(f"connect to host {name} port {port}: Connection timed out")
        raise Unreachable(f"Could not resolve hostname {name}: Temporary failure in name resolution")
    yield call.engine.sleep(microseconds(SSH_SECONDS))
    if not host.powered:
        limit = float(options["connecttimeout"]) if options.get("connecttimeout", "").isdigit() else NO_ROUTE_SECONDS
        yield call.engine.sleep(microseconds(min(limit, NO_ROUTE_SECONDS)))
        said = "Connection timed out" if limit < NO_ROUTE_SECONDS else "No route to host"
        raise Unreachable(f"connect to host {name} port {port}: {said}")
    if call.host.network.is_cut(call.host, host):
        wanted = options.get("connecttimeout", "")
        yield call.engine.sleep(microseconds(float(wanted) if wanted.isdigit() else TIMEOUT_SECONDS))
        raise Unreachable(f"connect to host {name} port {port}: Connection timed out")
    if port != "22":
        raise Unreachable(f"connect to host {name} port {port}: Connection refused")
    return host


def ssh(call: Call) -> Steps[int]:
    """Log in on another host, or run a command there."""
    try:
        given = read(call, "46AaCfGgKkMNnqsTtVvXxYy" + "".join(letter + ":" for letter in SSH_VALUES), mixed=False)
    except BadUsage:
        call.write(SSH_USAGE, "stderr")
        return 255
    if "V" in given:
        call.write("OpenSSH_8.9p1 Ubuntu-3ubuntu0.7, OpenSSL 3.0.2 15 Mar 2022\n", "stderr")
        return 0
    if odd := set(given.letters) & set("DLRWNJMOS"):
        return call.refuse(f"ssh -{min(odd)}")
    if not given.operands:
        call.write(SSH_USAGE, "stderr")
        return 255
    target, *words = given.operands
    words = words[1:] if words[:1] == ["--"] else words
    user, _, name = target.removeprefix("ssh://").rpartition("@")
    user = user or given.get("l") or call.login.user
    for key in [given.get("i")] if "i" in given else []:
        if not call.files.exists(call.path(key)):
            call.write(f"Warning: Identity file {key} not accessible: No such file or directory.\n", "stderr")
    if not words and (call.streams.stdin is not None or call.streams.keyboard is None):
        call.write("Pseudo-terminal will not be allocated because stdin is not a terminal.\n", "stderr")
    try:
        host = yield from _reach(call, name, given.get("p", "22"), _options(given, call))
    except Unreachable as error:
        return call.fail(str(error), 255)
    if user not in host.users:
        call.write(f"{user}@{name}: Permission denied (publickey,password).\n", "stderr")
        return 255
    return (yield from _there(call, host, user, name, words))


def _there(call: Call, host: Host, user: str, name: str, words: list[str]) -> Steps[int]:
    """Be on the other host: run words there, or standard input, or show its prompt."""
    from sim.shell.login import Login

    login = Login(call.login.terminal, host, user, farewell=f"logout\nConnection to {name} closed.")
    if not words and call.streams.stdin is None and call.streams.keyboard is not None:
        call.write(_banner(host))
        assert call.shell.job is not None
        return (yield from call.login.terminal.enter(login, call.shell.job))
    text = " ".join(words)
    if not words:
        text = (yield from call.streams.stdin.rest()).decode(errors="replace") if call.streams.stdin is not None else ""
    login.sink, login.job = call.login.sink, call.login.job
    login.shell.job = call.shell.job
    return (yield from login.shell.apart(text, {}, call.streams, name="bash", is_text=bool(words)))


def _banner(host: Host) -> str:
    return BANNER.format(pretty=host.os.pretty, kernel=host.os.kernel) if host.os.name == "Ubuntu" else ""


# ---- scp -----------------------------------------------------------------------------------------------------------
@dataclass
class Place:
    """One side of a copy: a path, on this host or another."""

    path: str
    host: str = ""
    user: str = ""


def _place(word: str) -> Place:
    found = re.fullmatch(r"(?:([^@/:]+)@)?([^/:@]+):(.*)", word)
    return Place(found[3] or ".", found[2], found[1] or "") if found else Place(word)


def scp(call: Call) -> Steps[int]:
    """Copy files between hosts (-r -p -q -P PORT -i KEY -o OPTION)."""
    try:
        given = read(call, "346ABCOpqRrsTvc:D:F:i:J:l:o:P:S:")
    except BadUsage as error:
        call.write(str(error).partition("\n")[0] + "\n" + SCP_USAGE, "stderr")
        return 1
    if len(given.operands) < 2:
        call.write(SCP_USAGE, "stderr")
        return 1
    *sources, target = [_place(word) for word in given.operands]
    status, failed = 0, 1 if _old(call) else 255
    try:
        new = yield from _side(call, target, given)  # one connection for all files
    except Unreachable as error:
        return _lost(call, error, failed)
    for source in sources:
        try:
            old = yield from _side(call, source, given)
        except Unreachable as error:
            status = max(status, _lost(call, error, failed, fetching=True))
        else:
            status = max(status, _scp(call, old, new, source, target, given))
    return status


def _lost(call: Call, error: Unreachable, status: int, *, fetching: bool = False) -> int:
    """Say what ssh says, and what scp makes of it; the old scp has no word for it when it fetches."""
    said = "" if _old(call) and fetching else "lost connection\n" if _old(call) else "scp: Connection closed\n"
    call.write(f"{error}\n{said}", "stderr")
    return status


def _side(call: Call, place: Place, given: Given) -> Steps[Call]:
    """Give a call in whose eyes the place's path is seen. Raises Unreachable."""
    if not place.host:
        return call
    from sim.shell.login import Login

    try:
        host = yield from _reach(call, place.host, given.get("P", "22"), _options(given, call))
    except Unreachable as error:
        raise Unreachable(f"ssh: {error}") from None
    user = place.user or call.login.user
    if user not in host.users:
        raise Unreachable(f"{user}@{place.host}: Permission denied (publickey,password).")
    login = Login(call.login.terminal, host, user)
    login.sink = call.login.sink
    place.path = re.sub(r"^~(?=/|$)", login.home, place.path)  # the other side's shell, or its server, knows whose home that is
    return Call(login.shell, "scp", [], call.env, call.streams)


def _old(call: Call) -> bool:
    """Tell whether scp still speaks its own protocol, as before OpenSSH 9."""
    return release(call) in ("jammy", "focal", "bullseye")


def _scp(call: Call, old: Call, new: Call, source: Place, target: Place, given: Given) -> int:
    failed = 1 if _old(call) else 255
    old_path, new_path = old.path(source.path), new.path(target.path)
    try:
        node = old.files.find(old_path)
    except FileError as error:
        local = f"{source.path}: {error}" if _old(call) else f'scp: stat local "{source.path}": {error}'
        call.write(f"scp: {source.path}: {error}\n" if source.host else f"{local}\n", "stderr")
        return 1 if source.host else failed
    if node.kind == DIRECTORY and "r" not in given:
        call.write(f"{source.path}: not a regular file\n" if _old(call) else
                   f'scp: local "{source.path}" is not a regular file\nscp: failed to upload file {source.path} to {target.path}\n', "stderr")
        return 1
    folder = new.files.is_dir(new_path)
    if folder:
        new_path = posixpath.join(new_path, posixpath.basename(source.path.rstrip("/")))
    shown = f"{target.path}/{posixpath.basename(source.path)}" if folder else target.path
    try:
        if target.path.endswith("/") and not folder:
            raise FileError(1)
        _put(old, new, old_path, new_path, keep="p" in given)
        _meter(call, posixpath.basename(source.path.rstrip("/")), node, given)
    except FileError as error:
        place = shown.replace("//", "/") if not _old(call) else shown
        call.write(f"scp: {shown}: {error}\n" if _old(call) or not target.host else
                   f'scp: dest open "{place}": {error}\nscp: failed to upload file {source.path} to {target.path}\n', "stderr")
        return 1
    return 0


def _meter(call: Call, name: str, node: Inode, given: Given) -> None:
    """Write the line of progress that a terminal sees of a file. Models: OpenSSH progressmeter.c."""
    terminal = call.login.terminal
    looks_on = any(call.streams.stdout is each.stdout for each in terminal.logins)
    if "q" in given or not looks_on or terminal.columns is None or node.kind == DIRECTORY:
        return
    size = len(node.data)
    seconds = METER_SECONDS + size / METER_BYTES_PER_SECOND
    width = max(terminal.columns - 36, 10)
    whole, unit = size, 0
    while whole >= 10_000 and unit < 4:
        whole, unit = (whole + 512) // 1024, unit + 1
    rate, step = round(size / seconds) * 100, 0
    while (rate >= 100_000 or step == 0) and step < 4:
        rate, step = (rate + 512) // 1024, step + 1
    call.write(f"{name:<{width}.{width}} 100% {whole:4}{' KMGT'[unit]}{'B' if unit else ' '} "
               f"{(rate + 5) // 100:3}.{(rate + 5) // 10 % 10}{' KMGT'[step]}B/s   {int(seconds) // 60:02}:{int(seconds) % 60:02}    \n")


def _put(old: Call, new: Call, source: str, target: str, *, keep: bool) -> None:
    """Copy a file or a tree from one host to another. Raises FileError."""
    node = old.files.find(source)
    if node.kind == DIRECTORY:
        new.files.make_dir(target, parents=True)
        for name, _ in old.files.entries(source):
            _put(old, new, f"{source}/{name}", f"{target}/{name}", keep=keep)
        return
    made = not new.files.exists(target)
    new.files.open(target, keep=False).write(old.files.read(source))
    if made or keep:
        new.files.chmod(target, node.mode if keep else node.mode & ~0o022)
    if keep:
        new.files.set_times(target, node.mtime_us)


# ---- ping ----------------------------------------------------------------------------------------------------------
def ping(call: Call) -> Steps[int]:
    """Ask a host whether it is there (-c -i -W -w -q -n)."""
    try:
        given = read(call, "c:i:W:w:s:qn46")
    except BadUsage as error:
        call.write(str(error), "stderr")
        return 2
    if not given.operands:
        call.write("ping: usage error: Destination address required\n", "stderr")
        return 1
    name = given.operands[-1]
    host = call.host.network.find(name, call.host)
    if host is None and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        return call.fail(f"{name}: Temporary failure in name resolution", 2)
    address = host.address if host else name
    if name in ("localhost", "127.0.0.1"):
        address = "127.0.0.1"
    call.write(f"PING {name} ({address}) 56(84) bytes of data.\n")
    wanted = int(given.get("c")) if given.get("c").isdigit() else None
    gap = float(given.get("i", "1")) if re.fullmatch(r"[\d.]+", given.get("i", "1")) else 1.0
    sent = got = 0
    began_us = call.engine.now_us
    limit_us = began_us + microseconds(float(given.get("w"))) if given.get("w").isdigit() else None
    while (wanted is None or sent < wanted) and (limit_us is None or call.engine.now_us < limit_us):
        sent += 1
        if host is not None and host.powered and not call.host.network.is_cut(call.host, host):
            got += 1
            millis = call.engine.stream("shell.ping").uniform(30, 900) / 1000
            if "q" not in given:
                call.write(f"64 bytes from {name if name == address else f'{name} ({address})'}: icmp_seq={sent} ttl=64 time={millis:.3f} ms\n")
        elif "q" not in given and (host is None or not host.powered) and sent % 3 == 0:
            call.write(f"From {call.host.address} icmp_seq={sent} Destination Host Unreachable\n")
        if wanted is None or sent < wanted:
            yield call.engine.sleep(microseconds(gap))
    if not got:
        yield call.engine.sleep(microseconds(float(given.get("W")) if given.get("W").isdigit() else 10.0))
    lost = 100 * (sent - got) // max(1, sent)
    millis_all = (call.engine.now_us - began_us) * 1000 // SECOND_US
    call.write(f"\n--- {name} ping statistics ---\n{sent} packets transmitted, {got} received, {lost}% packet loss, time {millis_all}ms\n")
    return 0 if got else 1


COMMANDS.update({"ssh": ssh, "scp": scp, "ping": ping})
