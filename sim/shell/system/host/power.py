"""reboot, shutdown, poweroff, uptime: the host's power, in order.

Models: systemd's `reboot` and `shutdown` (now, +M, hh:mm, -c, -r, -h), procps uptime.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sim.engine import SECOND_US, Steps, microseconds
from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call

LET_GO_SECONDS = 1.0
SHUTDOWN = "shutdown"


def bring_down(host: Host, *, again: bool) -> None:
    """Stop everything in order, then lose power; come up again if so wished."""
    if not host.powered:
        return
    host.log("systemd-logind", 1, "System is rebooting." if again else "System is powering down.")
    takes = host.shut_down()

    def off() -> None:
        host.power_off()
        if again:
            host.power_on(label=f"{host.name} comes back from its reboot")

    host.engine.after(round(min(takes, 90.0) * SECOND_US), off)


def go_down(call: Call, *, again: bool) -> Steps[int]:
    """Reboot or power off from a login, which ends with it."""
    if call.login.uid != 0:
        call.write("Failed to set wall message, ignoring: Interactive authentication required.\n"
                   f"Failed to {'reboot' if again else 'power off'} system via logind: Interactive authentication "
                   "required.\n", "stderr")
        return 1
    bring_down(call.host, again=again)
    yield call.engine.sleep(microseconds(LET_GO_SECONDS))
    return (yield from call.login.cut_off())


def reboot(call: Call) -> Steps[int]:
    """Reboot the host."""
    if [word for word in call.argv if word not in ("-f", "--force", "now")]:
        return call.refuse(f"{call.name} {' '.join(call.argv)}")
    return (yield from go_down(call, again=True))


def poweroff(call: Call) -> Steps[int]:
    """Switch the host off."""
    if [word for word in call.argv if word not in ("-f", "--force", "-p", "now")]:
        return call.refuse(f"{call.name} {' '.join(call.argv)}")
    return (yield from go_down(call, again=False))


def shutdown(call: Call) -> Steps[int]:
    """Go down now or later; -r reboots, -c takes it back."""
    words = list(call.argv)
    options = [word for word in words if word.startswith("-")]
    when = next((word for word in words if not word.startswith("-")), "+1")
    if set(options) - {"-r", "-h", "-P", "-c", "-H", "--reboot", "--poweroff", "--no-wall"}:
        return call.refuse(f"shutdown {' '.join(words)}")
    plans: dict[str, Any] = call.host.disks
    if "-c" in options:
        timer = plans.pop(SHUTDOWN, None)
        if timer is not None:
            timer.cancel()
        return 0
    if call.login.uid != 0:
        call.write("Failed to set wall message, ignoring: Interactive authentication required.\nFailed to schedule shutdown: "
                   "Interactive authentication required.\n", "stderr")
        return 1
    again = "-r" in options or "--reboot" in options
    if when in ("now", "+0"):
        return (yield from go_down(call, again=again))
    wait_us = _wait_us(when, call.engine.unix_us)
    if wait_us is None:
        call.write(f"Failed to parse time specification: {when}\n", "stderr")
        return 1
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us + wait_us)
    word = "Reboot" if again else "Shutdown"
    call.write(f"{word} scheduled for {at:%a %Y-%m-%d %H:%M:%S} UTC, use 'shutdown -c' to cancel.\n", "stderr")
    plans[SHUTDOWN] = call.engine.after(
        wait_us, lambda: bring_down(call.host, again=again), label=f"{call.host.name}: shutdown {when}", about=call.host.name)
    return 0


def _wait_us(when: str, now_us: int) -> int | None:
    if when.lstrip("+").isdigit() and ":" not in when:
        return int(when.lstrip("+")) * 60 * SECOND_US
    hour, colon, minute = when.partition(":")
    if not colon or not hour.isdigit() or not minute.isdigit() or int(hour) > 23 or int(minute) > 59:
        return None
    day_us = 86_400 * SECOND_US
    wanted = (int(hour) * 60 + int(minute)) * 60 * SECOND_US
    return (wanted - now_us % day_us) % day_us


def uptime(call: Call) -> int:
    """Say how long the host is up, how many are logged in, and its load."""
    seconds = (call.engine.unix_us - call.host.booted_us) // SECOND_US
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.host.booted_us)
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us)
    if "-s" in call.argv or "--since" in call.argv:
        call.write(f"{since:%Y-%m-%d %H:%M:%S}\n")
        return 0
    if "-p" in call.argv or "--pretty" in call.argv:
        parts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((days, "day"), (hours, "hour"), (minutes, "minute")) if n]
        call.write(f"up {', '.join(parts) or '0 minutes'}\n")
        return 0
    if call.argv:
        return call.refuse(f"uptime {' '.join(call.argv)}")
    up = (f"{days} day{'' if days == 1 else 's'}, " if days else "") + (
        f"{hours:2}:{minutes:02}" if hours else f"{minutes} min")
    here = sum(1 for login in call.login.terminal.logins if login.host is call.host)
    load = load_of(call.host)
    call.write(f" {now:%H:%M:%S} up {up},  {here} user{'' if here == 1 else 's'},  load average: "
               f"{load:.2f}, {load * 0.9:.2f}, {load * 0.8:.2f}\n")
    return 0


def load_of(host: Host) -> float:
    """Give the load average that follows from what runs: a little for each program and container."""
    containers = sum(1 for sandbox in host.runtime.sandboxes.values() for each in sandbox.all() if each.running)
    services = sum(1 for sandbox in host.runtime.sandboxes.values() for each in sandbox.all() if each.service is not None)
    return 0.03 + 0.01 * containers + 0.08 * services


COMMANDS.update({"reboot": reboot, "poweroff": poweroff, "halt": poweroff, "shutdown": shutdown, "uptime": uptime})
