"""hostname, hostnamectl, timedatectl: what a machine is called, and its clock.

Models: coreutils' hostname, systemd-hostnamed, -timedated. A new name is in /etc/hostname and in what programs and new logins
show; it changes neither the network's name of the host nor that of its Node (a kubelet keeps the name it registered).
"""

from __future__ import annotations

import re

from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.host.facts import addresses

NAME = re.compile(r"[a-z0-9A-Z](?:[a-z0-9A-Z.-]{0,62}[a-z0-9A-Z])?")
DENIED = "Could not set static hostname: Interactive authentication required."


def name_of(host: Host) -> str:
    """Give what the machine is called now."""
    return str(host.disks.get("hostname", host.name))


def _named(host: Host, name: str, *, lasting: bool) -> None:
    host.disks["hostname"] = name
    view = host.files.view()
    if lasting:
        view.write("/etc/hostname", f"{name}\n".encode())
    if view.exists("/proc/sys/kernel/hostname"):
        view.write("/proc/sys/kernel/hostname", f"{name}\n".encode())


def hostname(call: Call) -> int:
    """Print the host's name or addresses; root may set the name until the next boot."""
    words = list(call.argv)
    host = call.host
    if not words or words in (["-s"], ["--short"], ["-f"], ["--fqdn"], ["--long"]):
        call.write(f"{name_of(host)}\n")
    elif words in (["-I"], ["--all-ip-addresses"]):
        call.write(" ".join(addresses(host)) + " \n")
    elif words in (["-i"], ["--ip-address"]):
        call.write(f"{host.address}\n")
    elif words in (["-d"], ["--domain"]):
        call.write("\n")
    elif len(words) == 1 and not words[0].startswith("-"):
        if call.login.uid != 0:
            return call.fail("you must be root to change the host name")
        if not NAME.fullmatch(words[0]):
            return call.fail("the specified hostname is invalid")
        _named(host, words[0], lasting=False)
    else:
        return call.refuse(f"hostname {' '.join(words)}")
    return 0


def hostnamectl(call: Call) -> int:
    """Describe the host, or name it."""
    words = [word for word in call.argv if not word.startswith("--") or word in ("--help", "--version")]
    if words[:1] in (["set-hostname"], ["hostname"]) and len(words) == 2:
        if call.login.uid != 0:
            call.write(f"{DENIED}\n", "stderr")
            return 1
        if not NAME.fullmatch(words[1]):
            call.write(f"Could not set static hostname: Invalid static hostname '{words[1]}'\n", "stderr")
            return 1
        _named(call.host, words[1].lower(), lasting=True)
        return 0
    if words == ["hostname"]:
        call.write(f"{name_of(call.host)}\n")
        return 0
    if words == ["set-hostname"]:
        call.write("Too few arguments.\n", "stderr")
        return 1
    if words not in ([], ["status"]):
        return call.refuse(f"hostnamectl {' '.join(words)}")
    host = call.host
    rows = (("Static hostname", name_of(host)), ("Icon name", "computer-vm"), ("Chassis", "vm"), ("Machine ID", host.machine_id),
            ("Boot ID", host.boot_id.replace("-", "")), ("Virtualization", "kvm"), ("Operating System", host.os.pretty),
            ("Kernel", f"Linux {host.os.kernel}"), ("Architecture", "x86-64"))
    call.write("".join(f"{name:>16}: {value}\n" for name, value in rows))
    return 0


def timedatectl(call: Call) -> int:
    """Tell the time and how it is kept; it cannot be set."""
    if call.argv not in ([], ["status"]):
        return call.refuse(f"timedatectl {' '.join(call.argv)}")
    from sim.shell.system.machine.small import moment

    now = moment(call.engine.unix_us)
    shown = f"{now:%a %Y-%m-%d %H:%M:%S}"
    rows = (("Local time", f"{shown} UTC"), ("Universal time", f"{shown} UTC"), ("RTC time", shown),
            ("Time zone", "Etc/UTC (UTC, +0000)"), ("System clock synchronized", "yes"), ("NTP service", "active"), ("RTC in local TZ", "no"))
    call.write("".join(f"{name:>25}: {value}\n" for name, value in rows))
    return 0


COMMANDS.update({"hostname": hostname, "hostnamectl": hostnamectl, "timedatectl": timedatectl})
