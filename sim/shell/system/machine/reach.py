"""nc, telnet, nslookup: whether a port answers, and what a name means. Models: OpenBSD's nc, netkit's telnet, bind9's nslookup.

Hosts' names are the lab's; a cluster's own names are known inside pods only.
"""

from __future__ import annotations

import re

from sim.api.errors import TransportError
from sim.engine import Steps, microseconds
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.host.processes import listening
from sim.shell.system.options import BadUsage, complain, read

REFUSED, TIMED_OUT, NO_ROUTE = "Connection refused", "Connection timed out", "No route to host"
TCP_TIMEOUT_SECONDS = 130.0


def _dialled(call: Call, name: str, port: int, limit_seconds: float) -> Steps[str]:
    """Try to connect; gives what was wrong, "" for nothing."""
    host = call.host.network.find(name, call.host, port)
    yield call.engine.sleep(microseconds(0.002))
    if host is None and not re.fullmatch(r"[\d.]+", name):
        return "Temporary failure in name resolution"
    if host is not None and host.powered and not call.host.network.is_cut(call.host, host):
        open_ports = [each.port for each in listening(host)]
        try:
            call.host.network.dial(call.host, name, port)
        except TransportError as error:
            return "" if port in open_ports or error.kind != "refused" else REFUSED
        return ""
    waits = TCP_TIMEOUT_SECONDS if host is not None and host.powered else 3.0
    yield call.engine.sleep(microseconds(min(waits, limit_seconds or waits)))
    return TIMED_OUT if host is not None and host.powered else NO_ROUTE


def nc(call: Call) -> Steps[int]:
    """Try a port (-z -v -w); talking through one is refused."""
    try:
        given = read(call, "zvnuw:4dlkp:q:NC")
    except BadUsage as error:
        return complain(call, error)
    if "z" not in given or "u" in given:
        return call.refuse("nc without -z")
    if len(given.operands) < 2:
        call.write("usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-w timeout] [destination] [port]\n", "stderr")
        return 1
    name, *ports = given.operands
    status = 1
    for word in ports:
        first, _, last = word.partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            return call.fail(f"port number invalid: {word}")
        for port in range(int(first), min(int(last or first), int(first) + 1000) + 1):
            problem = yield from _dialled(call, name, port, float(given.get("w")) if given.get("w").isdigit() else 0.0)
            if "resolution" in problem:
                return call.fail(f'getaddrinfo for host "{name}" port {word}: {problem}')
            host = call.host.network.find(name, call.host)
            shown = name if host is None or name == host.address else f"{name} ({host.address})"
            if problem and "v" in given:
                call.write(f"nc: connect to {shown} port {port} (tcp) failed: {problem}\n", "stderr")
            elif not problem:
                status = 0
                if "v" in given:
                    call.write(f"Connection to {shown} {port} port [tcp/*] succeeded!\n", "stderr")
    return status


def telnet(call: Call) -> Steps[int]:
    """Try a port as people do with telnet; one that answers is closed at once, which real ones are by Ctrl-]."""
    words = [word for word in call.argv if not word.startswith("-")]
    if len(words) != 2 or not words[1].isdigit():
        return call.refuse(f"telnet {' '.join(call.argv)}")
    name, port = words[0], int(words[1])
    host = call.host.network.find(name, call.host)
    if host is None and not re.fullmatch(r"[\d.]+", name):
        call.write(f"telnet: could not resolve {name}/{port}: Temporary failure in name resolution\n", "stderr")
        return 1
    address = host.address if host is not None and name not in ("127.0.0.1", "localhost") else "127.0.0.1" if host is not None else name
    call.write(f"Trying {address}...\n")
    problem = yield from _dialled(call, name, port, 0.0)
    if problem:
        call.write(f"telnet: Unable to connect to remote host: {problem}\n", "stderr")
        return 1
    call.write(f"Connected to {name}.\nEscape character is '^]'.\nConnection closed by foreign host.\n")
    return 1


def nslookup(call: Call) -> Steps[int]:
    """Ask what address a name has; outside pods only the lab's hosts have names."""
    words = [word for word in call.argv if not word.startswith("-")]
    if not words or len(words) > 2:
        return call.refuse(f"nslookup {' '.join(call.argv)}")
    yield call.engine.sleep(microseconds(0.02))
    server = words[1] if len(words) > 1 else "127.0.0.53"
    if len(words) > 1:
        return call.refuse("nslookup with a server")
    host = call.host.network.hosts.get(words[0])
    call.write(f"Server:\t\t{server}\nAddress:\t{server}#53\n\n")
    if host is None:
        call.write(f"** server can't find {words[0]}: NXDOMAIN\n\n")
        return 1
    call.write(f"Non-authoritative answer:\nName:\t{words[0]}\nAddress: {host.address}\n\n")
    return 0


COMMANDS.update({"nc": nc, "telnet": telnet, "nslookup": nslookup})
