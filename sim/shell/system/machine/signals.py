"""Signals to the programs of a host, by process number: what `kill`, `pkill` and `killall` do to units and containers.

SIGKILL and the signals that end a program end it, and whoever runs it (systemd, the kubelet) acts; others (HUP, USR1) change nothing here.
"""

from __future__ import annotations

import re

from sim.engine import SECOND_US
from sim.host.machine import Host
from sim.program import SIGKILL
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.host.processes import Running, running

ENDING = (1, 2, 3, 6, 9, 15)
NUMBERS = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "CONT": 18, "STOP": 19}
GRACE_US = 30 * SECOND_US


def send(host: Host, pid: int, signal: int) -> bool:
    """Send a signal to a process; False when there is none of that number."""
    for name in host.systemd.names():
        unit = host.unit(name)
        if unit is not None and unit.running and unit.pid == pid:
            if signal in ENDING:
                unit.kill(signal)
            return True
    for sandbox in host.runtime.sandboxes.values():
        for container in sandbox.all():
            if container.running and container.pid == pid:
                if signal == SIGKILL:
                    container.kill(128 + SIGKILL, "Error")
                elif signal in ENDING:
                    container.stop(GRACE_US)
                return True
    return any(row.pid == pid for row in running(host))


def _signal(word: str) -> int | None:
    name = word.upper().removeprefix("SIG")
    return int(name) if name.isdigit() else NUMBERS.get(name)


def _each(call: Call, chosen: list[Running], signal: int) -> int:
    for row in chosen:
        if call.login.uid != 0:
            return call.fail(f"killing pid {row.pid} failed: Operation not permitted")
        send(call.host, row.pid, signal)
    return 0 if chosen else 1


def pkill(call: Call) -> int:
    """Signal the processes of a name (-SIGNAL -f -x -9)."""
    signal, full, exact, names = 15, False, False, []
    for word in call.argv:
        if word in ("-f", "-x", "-e"):
            full, exact = full or word == "-f", exact or word == "-x"
        elif word.startswith("-") and _signal(word[1:]) is not None:
            signal = _signal(word[1:]) or 15
        elif word.startswith("-"):
            return call.refuse(f"pkill {word}")
        else:
            names.append(word)
    if len(names) != 1:
        call.write("pkill: no matching criteria specified\nTry `pkill --help' for more information.\n", "stderr")
        return 2
    try:
        rule = re.compile(names[0])
    except re.error:
        return call.fail("Invalid regular expression", 2)
    look = rule.fullmatch if exact else rule.search
    return _each(call, [row for row in running(call.host) if row.pid != 1 and look(" ".join(row.argv) if full else row.program[:15])], signal)


def killall(call: Call) -> int:
    """Signal all processes of a name (-SIGNAL -q)."""
    signal, names = 15, []
    for word in call.argv:
        if word.startswith("-") and _signal(word[1:]) is not None:
            signal = _signal(word[1:]) or 15
        elif word.startswith("-") and word not in ("-q", "-w", "-e"):
            return call.refuse(f"killall {word}")
        elif not word.startswith("-"):
            names.append(word)
    status = 0
    for name in names:
        chosen = [row for row in running(call.host) if row.program == name]
        if not chosen:
            call.write(f"{name}: no process found\n", "stderr")
        status = max(status, _each(call, chosen, signal))
    return status


COMMANDS.update({"pkill": pkill, "killall": killall})
