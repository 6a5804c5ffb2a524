"""systemctl and service, as systemd 249, 252 and 255 print without a terminal.

Models: systemctl(1) for services. Left out: `edit`, units that are no services, jobs that wait. Texts: golden
host-systemd runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from fnmatch import fnmatchcase

from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.host.systemd.manager import Systemd, UnitError
from sim.host.systemd.unit import Unit
from sim.host.systemd.unitfile import load
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.host import units

ACT_SECONDS, ASK_SECONDS = 0.2, 0.02
"""Latency table: systemctl restart of a unit; questions are fast."""
RELOAD_SECONDS = 0.4
OPTIONS_WITH_VALUE = {"-n": "lines", "--lines": "lines", "-p": "property", "--property": "property", "-t": "type",
                      "--type": "type", "-o": "output", "--output": "output", "--state": "state", "-s": "signal",
                      "--signal": "signal", "--job-mode": "job-mode", "--kill-whom": "kill-whom"}
PLAIN = {"--no-pager", "-l", "--full", "-q", "--quiet", "--now", "-a", "--all", "--no-legend", "--failed", "--value",
         "--no-block", "-f", "--force", "--no-ask-password", "--runtime", "--plain", "--system", "--global", "-r",
         "--recursive", "--no-wall", "--user", "--version", "--help", "-h"}
ACTIONS = ("start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "kill", "reset-failed", "condrestart",
           "force-reload")
FILE_VERBS = ("enable", "disable", "mask", "unmask", "reenable", "preset", "revert")
ASKS = ("status", "is-active", "is-enabled", "is-failed", "show", "cat", "list-units", "list-unit-files",
        "list-dependencies", "is-system-running", "get-default")
WHOLE = ("daemon-reload", "daemon-reexec", "reboot", "poweroff", "halt", "rescue", "list-timers", "list-sockets",
         "list-jobs", "edit", "set-default", "isolate", "kexec", "suspend", "help", "add-wants", "set-property")
VERBS = (*ACTIONS, *FILE_VERBS, *ASKS, *WHOLE)


class Asked:
    """A parsed command line: verb, names, options."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.options: dict[str, str] = {}
        self.properties: list[str] = []
        self.words: list[str] = []
        self.problem = ""
        words = list(call.argv)
        while words:
            word = words.pop(0)
            name, equal, value = word.partition("=")
            if not word.startswith("-") or word == "-":
                self.words.append(word)
            elif name in OPTIONS_WITH_VALUE or (len(word) > 2 and word[:2] in OPTIONS_WITH_VALUE and word[1] != "-"):
                if not equal and word[:2] in OPTIONS_WITH_VALUE and word[1] != "-" and len(word) > 2:
                    name, value = word[:2], word[2:]
                elif not equal:
                    if not words:
                        self.problem = f"systemctl: option requires an argument -- '{name[-1]}'"
                        return
                    value = words.pop(0)
                self._set(OPTIONS_WITH_VALUE[name], value)
            elif word in PLAIN:
                self.options[{"-q": "quiet", "-a": "all", "-l": "full", "-h": "help", "-f": "force"}.get(
                    word, word.lstrip("-"))] = "yes"
            elif word.startswith("--"):
                self.problem = f"systemctl: unrecognized option '{word}'"
                return
            else:
                self.problem = f"systemctl: invalid option -- '{word[1]}'"
                return

    def _set(self, name: str, value: str) -> None:
        if name == "property":
            self.properties += value.split(",")
        self.options[name] = value

    def on(self, name: str) -> bool:
        """Tell whether an option was given."""
        return name in self.options


NO_BUS = ("$DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined (consider using --machine=<user>@.host --user to connect to "
          "bus of other user)\n")


def systemctl(call: Call) -> Steps[int]:
    """Ask or command the units of the host."""
    asked = Asked(call)
    systemd = call.host.systemd
    if asked.problem:
        call.write(asked.problem + "\n", "stderr")
        return 1
    if asked.on("version"):
        call.write(f"systemd {call.host.os.systemd} ({call.host.os.systemd_package})\n{call.host.os.systemd_features}\n")
        return 0
    if asked.on("user"):
        call.write("Failed to connect to bus: " + ("No medium found\n" if call.host.os.systemd >= 250 else NO_BUS), "stderr")
        return 1
    if asked.on("help"):
        return call.refuse("systemctl --help")
    verb = asked.words[0] if asked.words else "list-units"
    names = asked.words[1:]
    if verb not in VERBS:
        call.write(_unknown(systemd, verb) + "\n", "stderr")
        return 1
    if verb in ACTIONS or verb in FILE_VERBS or verb in ("is-active", "is-enabled", "is-failed", "cat"):
        if not names:
            call.write("Too few arguments.\n", "stderr")
            return 1
    if verb in ("daemon-reload", "daemon-reexec"):
        return (yield from _reload(call, verb, names))
    if verb in ("reboot", "poweroff", "halt"):
        from sim.shell.system.host.power import go_down

        return (yield from go_down(call, again=verb == "reboot"))
    if verb in ACTIONS:
        return (yield from _act(call, asked, verb, names))
    yield call.engine.sleep(microseconds(ASK_SECONDS))
    if verb in FILE_VERBS:
        return (yield from _files(call, asked, verb, names))
    return _ask(call, asked, verb, names)


def _denied(call: Call) -> str:
    """Say why an ordinary user may not: polkit would ask for a password, where it is installed."""
    return "Interactive authentication required." if call.host.os.polkit else "Access denied"


def _unknown(systemd: Systemd, verb: str) -> str:
    if systemd.host.os.systemd < 254:
        return f"Unknown command verb {verb}."
    near = difflib.get_close_matches(verb, VERBS, 1, 0.4)
    return f"Unknown command verb '{verb}'" + (f", did you mean '{near[0]}'?" if near else ".")


def _reload(call: Call, verb: str, names: list[str]) -> Steps[int]:
    if names:
        call.write("Too many arguments.\n", "stderr")
        return 1
    if call.login.uid != 0:
        what = "Failed to reload daemon" if call.host.os.systemd < 250 else "Reload daemon failed"
        call.write(f"{what}: {_denied(call)}\n", "stderr")
        return 1
    yield call.engine.sleep(microseconds(RELOAD_SECONDS))
    call.host.systemd.reload()
    return 0


def _warn(call: Call, unit: Unit) -> None:
    if unit.changed_on_disk:
        call.write(f"Warning: The unit file, source configuration file or drop-ins of {unit.name} changed on disk. Run "
                   "'systemctl daemon-reload' to reload units.\n", "stderr")


def expand(systemd: Systemd, names: list[str]) -> list[str]:
    """Put loaded units in for patterns."""
    out: list[str] = []
    for name in names:
        if any(char in name for char in "*?["):
            shape = systemd.full(name) if not name.endswith("*") else name
            out += [known for known in systemd.names() if fnmatchcase(known, shape) and systemd.unit(known) is not None]
        else:
            out.append(name)
    return out


# ---- acting on units ----------------------------------------------------------------------------------------------
def _act(call: Call, asked: Asked, verb: str, names: list[str]) -> Steps[int]:
    systemd, status = call.host.systemd, 0
    for name in expand(systemd, names):
        full = systemd.full(name)
        try:
            takes = _one(call, asked, verb, full)
        except UnitError as error:
            call.write(f"{error}\n", "stderr")
            status = error.status
            continue
        yield call.engine.sleep(microseconds(ACT_SECONDS + takes))
        if verb in ("restart", "reload-or-restart", "try-restart", "start", "condrestart", "force-reload"):
            unit = systemd.unit(full)
            if unit is not None and verb != "start" and not unit.running and unit.active != "activating":
                unit.start()
            if unit is not None and unit.active == "failed":
                call.write(f"Job for {full} failed because the control process exited with error code.\n"
                           f'See "systemctl status {full}" and "journalctl -xeu {full}" for details.\n', "stderr")
                status = 1
    return status


def _one(call: Call, asked: Asked, verb: str, full: str) -> float:
    """Do a verb to a unit; gives the seconds to wait. Raises UnitError."""
    systemd = call.host.systemd
    plain = {"condrestart": "try-restart", "force-reload": "restart"}.get(verb, verb)
    unit = systemd.unit(full)
    if call.login.uid != 0:
        raise UnitError(f"Failed to {plain} {full}: {_denied(call)}\nSee system logs and "
                        f"'systemctl status {full}' for details.", 1 if call.host.os.polkit else 4)
    if unit is None or (unit.definition is None and plain not in ("stop", "kill")):
        if plain in ("kill", "reset-failed"):
            what = "kill unit" if plain == "kill" else "reset failed state of unit"
            raise UnitError(f"Failed to {what} {full}: Unit {full} not loaded.", 1)
        raise UnitError(f"Failed to {plain} {full}: Unit {full} {'not loaded' if plain == 'stop' else 'not found'}.", 5)
    if systemd.masked(full) and plain not in ("stop", "kill", "reset-failed"):
        raise UnitError(f"Failed to {plain} {full}: Unit {full} is masked.", 1)
    if unit.definition is not None and unit.definition.bad and plain not in ("stop", "kill", "reset-failed"):
        raise UnitError(f"Failed to {plain} {full}: Unit {full} has a bad unit file setting.\nSee system logs and "
                        f"'systemctl status {full}' for details.", 1)
    if plain not in ("kill", "reset-failed"):
        _warn(call, unit)
    if plain == "start":
        unit.start()
    elif plain == "stop":
        return unit.stop()
    elif plain in ("restart", "reload-or-restart") or (plain == "try-restart" and unit.running):
        takes = unit.stop()
        if takes == 0:
            unit.start()
        return takes
    elif plain == "reload":
        if unit.definition is None or "ExecReload" not in unit.definition.values:
            raise UnitError(f"Failed to reload {full}: Job type reload is not applicable for unit {full}.", 3)
    elif plain == "kill":
        text = asked.options.get("signal", "TERM").upper().removeprefix("SIG")
        unit.kill({"KILL": 9, "9": 9}.get(text, 15))
    elif plain == "reset-failed":
        if unit.active == "failed":
            unit.become("inactive", "dead")
            unit.result = "success"
        unit.clear_starts()
    return 0.0


# ---- files of units -----------------------------------------------------------------------------------------------
def _files(call: Call, asked: Asked, verb: str, names: list[str]) -> Steps[int]:
    systemd = call.host.systemd
    acts: dict[str, Callable[[str], list[str]]] = {
        "enable": systemd.enable, "disable": systemd.disable, "mask": systemd.mask, "unmask": systemd.unmask,
        "reenable": lambda name: [*systemd.disable(name), *systemd.enable(name)]}
    if verb not in acts:
        return call.refuse(f"systemctl {verb}")
    if call.login.uid != 0:
        what = "unmask unit" if verb == "unmask" else f"{verb} unit"
        call.write(f"Failed to {what}: {_denied(call)}\n", "stderr")
        return 1
    status = 0
    for name in names:
        full = systemd.full(name)
        try:
            for line in acts[verb](full):
                call.write(line + "\n", "stderr")
        except UnitError as error:
            call.write(f"{error}\n", "stderr")
            return error.status
    if asked.on("now") and verb in ("enable", "disable", "mask"):
        status = yield from _act(call, asked, "start" if verb == "enable" else "stop", names)
    return status


# ---- asking -------------------------------------------------------------------------------------------------------
def _ask(call: Call, asked: Asked, verb: str, names: list[str]) -> int:
    systemd = call.host.systemd
    if "" in names:
        call.write("Failed to mangle name: Invalid argument\nFailed to expand names: Invalid argument\n", "stderr")
        return 1
    if verb == "status":
        return units.status(call, asked.options, expand(systemd, names), _warn) if names else call.refuse(
            "systemctl status without a unit")
    if verb in ("is-active", "is-failed"):
        return _states(call, asked, verb, names)
    if verb == "is-enabled":
        return _enabled(call, asked, names)
    if verb == "show":
        return units.show(call, names, asked.properties, value=asked.on("value"))
    if verb == "cat":
        return units.cat(call, names)
    if verb == "list-units":
        return units.list_units(call, names, asked.options)
    if verb == "list-unit-files":
        return units.list_files(call, names, asked.options)
    if verb == "is-system-running":
        failed = any(unit.active == "failed" for unit in systemd.units.values())
        call.write("degraded\n" if failed else "running\n")
        return 1 if failed else 0
    if verb == "get-default":
        call.write("graphical.target\n")
        return 0
    if verb == "edit" and call.streams.keyboard is None:
        call.write("Cannot edit units if not on a tty.\n", "stderr")
        return 1
    return call.refuse(f"systemctl {verb}")


def _states(call: Call, asked: Asked, verb: str, names: list[str]) -> int:
    systemd, good = call.host.systemd, False
    missing = True
    for name in names:
        unit = systemd.unit(name)
        missing = missing and unit is None
        state = unit.active if unit is not None else "inactive"
        if not asked.on("quiet"):
            call.write(state + "\n")
        good = good or (state == "failed" if verb == "is-failed" else state in ("active", "reloading"))
    if good:
        return 0
    if missing and systemd.host.os.systemd >= 254:
        return 4
    return 1 if verb == "is-failed" else 3


def _enabled(call: Call, asked: Asked, names: list[str]) -> int:
    systemd, status = call.host.systemd, 0
    for name in names:
        state = systemd.enabled(systemd.full(name))
        if not state:
            if systemd.host.os.systemd >= 254:
                call.write("not-found\n")
                return 4
            call.write(f"Failed to get unit file state for {systemd.full(name)}: No such file or directory\n", "stderr")
            return 1
        if not asked.on("quiet"):
            call.write(state + "\n")
        if state in ("disabled", "masked"):
            status = 1
    return status


def service(call: Call) -> Steps[int]:
    """Run System V's way of saying it: `service NAME ACTION`."""
    words = [word for word in call.argv if not word.startswith("--") or word == "--status-all"]
    if not words:
        call.write("Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n", "stderr")
        return 1
    if words[0] == "--status-all":
        return call.refuse("service --status-all")
    name, action = words[0], words[1] if len(words) > 1 else ""
    if action not in ("start", "stop", "restart", "status", "reload", "force-reload", "try-restart") or (
            action == "reload" and call.host.unit(name) is not None):
        call.write(f"{name}: unrecognized service\n", "stderr")
        return 1
    return (yield from systemctl(Call(call.shell, "systemctl", [action, name], call.env, call.streams)))


def analyze(call: Call) -> Steps[int]:
    """Look unit files over: `systemd-analyze verify FILE…`; its other verbs refuse."""
    verb, paths = (call.argv[0], call.argv[1:]) if call.argv else ("", [])
    if verb != "verify":
        return call.refuse(f"systemd-analyze {verb}".rstrip())
    yield call.engine.sleep(microseconds(ASK_SECONDS))
    status = 0
    for path in paths:
        name = path.rpartition("/")[2]
        try:
            text = call.files.read(call.path(path)).decode(errors="replace")
        except FileError as error:
            call.write(f"Failed to prepare filename {path}: {error}\n", "stderr")
            return 1
        definition = load(name, ((call.path(path), text),), old_wording=not 250 <= call.host.os.systemd < 254)
        for line in definition.problems:
            call.write(f"{line}\n", "stderr")
        if definition.bad:
            call.write(f"Unit {name} has a bad unit file setting.\n", "stderr")
        status = status or int(definition.bad)
    return status


COMMANDS.update({"systemctl": systemctl, "service": service, "systemd-analyze": analyze})
