"""What systemctl prints of units: status, show, cat, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from sim.host.files import FileError
from sim.host.systemd.unit import SIGNALS, Unit
from sim.shell.pipes import Call
from sim.shell.system.host.journalctl import short

DOTS = {"active": "●", "activating": "●", "deactivating": "●", "reloading": "●", "failed": "×"}
TASKS_LIMIT = 4558
SHOWN = ("Restart", "RestartUSec", "MainPID", "Result", "NRestarts", "ExecMainStatus", "ExecStart", "Environment", "Id", "Names",
         "Description", "LoadState", "ActiveState", "SubState", "FragmentPath", "DropInPaths", "UnitFileState",
         "UnitFilePreset", "NeedDaemonReload")
"""Properties in systemd's own order, which is what `show` prints whatever the order of -p."""


def moment(at_us: int) -> str:
    """Write a moment as systemd does: `Mon 2026-11-23 10:54:44 UTC`."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us):%a %Y-%m-%d %H:%M:%S} UTC"


def span(us: int) -> str:
    """Write a time span as systemd does, two units at most: `4s`, `2min 5s`, `1h 3min`, `20ms`."""
    if us < 1_000_000:
        return f"{us // 1000}ms" if us >= 1000 else f"{us}us"
    seconds = us // 1_000_000
    if seconds < 60 and us % 1_000_000 and seconds < 1:
        return f"{us / 1_000_000:.3f}s"
    parts = []
    for size, name in ((31_557_600, "y"), (2_629_800, "month"), (604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"),
                       (1, "s")):
        if seconds >= size:
            parts.append(f"{seconds // size}{name}")
            seconds %= size
    return " ".join(parts[:2])


def age(us: int) -> str:
    """Write how long ago: `4s ago`, `2min 5s ago`, `1h 3min ago`, `3 days ago`."""
    seconds = us // 1_000_000
    if seconds >= 86_400 * 2:
        return f"{seconds // 86_400} days ago"
    if seconds >= 86_400:
        return f"1 day {seconds % 86_400 // 3600}h ago"
    return f"{span(us)} ago"


def status(
    call: Call, options: Mapping[str, str], names: list[str], warn: Callable[[Call, Unit], None]
) -> int:
    """Print the status of units."""
    systemd, result, first = call.host.systemd, 0, True
    for name in names:
        unit = systemd.unit(name)
        if unit is None:
            call.write(f"Unit {systemd.full(name)} could not be found.\n", "stderr")
            result = result or 4
            continue
        warn(call, unit)
        if not first:
            call.write("\n")
        first = False
        _status(call, unit, options)
        if unit.active not in ("active", "reloading") and not (unit.active == "inactive" and unit.definition is None):
            result = result or 3
    return result


def _status(call: Call, unit: Unit, options: Mapping[str, str]) -> None:
    host, systemd = call.host, call.host.systemd
    definition = unit.definition
    title = f"{unit.name} - {definition.description}" if definition and not systemd.masked(unit.name) else unit.name
    call.write(f"{DOTS.get(unit.active, '○')} {title}\n     Loaded: {_loaded(unit)}\n")
    if unit.drop_ins:
        folders: dict[str, list[str]] = {}
        for path in unit.drop_ins:
            folders.setdefault(path.rpartition("/")[0], []).append(path.rpartition("/")[2])
        head = "    Drop-In: "
        for folder, names in folders.items():
            call.write(f"{head}{folder}\n             └─{', '.join(names)}\n")
            head = "             "
    call.write(f"     Active: {_active(unit)}\n")
    if host.os.systemd >= 252 and unit.active in ("inactive", "failed") and unit.ended_us and unit.started_us:
        call.write(f"   Duration: {_duration(unit.ended_us - unit.started_us)}\n")
    if definition and definition.documentation:
        call.write(f"       Docs: {definition.documentation[0]}\n")
        for each in definition.documentation[1:]:
            call.write(f"             {each}\n")
    _process_rows(call, unit)
    lines = options.get("lines", "10")
    if lines == "0" or call.login.uid != 0:
        return
    wanted = int(lines) if lines.isdigit() else 10
    since = unit.first_entry if unit.active in ("active", "activating") else 0
    entries = [entry for entry in host.journal.entries[since:] if entry.unit == unit.name and entry.boot == host.boots]
    if unit.active == "activating" and host.os.systemd >= 254:
        entries = []
    if entries:
        call.write("\n" + "".join(short(host, entry) + "\n" for entry in entries[-wanted:]))


def _loaded(unit: Unit) -> str:
    systemd = unit.systemd
    if systemd.masked(unit.name):
        return f"masked (Reason: Unit {unit.name} is masked.)"
    if unit.definition is None:
        return f"not-found (Reason: Unit {unit.name} not found.)"
    if unit.definition.bad:
        return f"bad-setting (Reason: Unit {unit.name} has a bad unit file setting.)"
    preset = "vendor preset" if unit.host.os.systemd < 252 else "preset"
    return f"loaded ({unit.fragment}; {systemd.enabled(unit.name) or 'bad'}; {preset}: enabled)"


def _active(unit: Unit) -> str:
    now = unit.host.engine.unix_us
    reason = f" (Result: {unit.result})" if unit.result != "success" and unit.active in ("failed", "activating") else ""
    text = f"{unit.active} ({unit.sub})" if unit.active != "failed" else "failed"
    if not unit.since_us:
        return text + reason
    return f"{text}{reason} since {moment(unit.since_us)}; {age(now - unit.since_us)}"


def _duration(us: int) -> str:
    if us < 60_000_000:
        return f"{us / 1_000_000:.3f}s" if us >= 1_000_000 else f"{us // 1000}ms"
    minutes, rest = divmod(us, 60_000_000)
    if minutes < 60:
        return f"{minutes}min {rest / 1_000_000:.3f}s"
    return span(us)


def _process_rows(call: Call, unit: Unit) -> None:
    if unit.running:
        program = unit.argv[0].rpartition("/")[2] if unit.argv else unit.short
        tasks, kib = measures(unit)
        call.write(f"   Main PID: {unit.pid} ({program[:15]})\n      Tasks: {tasks} (limit: {TASKS_LIMIT})\n")
        mib = f"{kib / 1024:.1f}M"
        call.write(f"     Memory: {mib}" + (f" (peak: {mib})" if unit.host.os.systemd >= 254 else "") + "\n")
        call.write(f"        CPU: {cpu_of(unit)}\n     CGroup: /system.slice/{unit.name}\n"
                   f"             └─{unit.pid} {' '.join(unit.argv)}\n")
    elif unit.exit_code is not None and unit.last_pid and (unit.exit_code or unit.signal or unit.active != "active"):
        if unit.signal:
            code = f"code=killed, signal={SIGNALS.get(unit.signal, unit.signal)}"
        else:
            shown = {0: "0/SUCCESS", 1: "1/FAILURE", 2: "2", 203: "203/EXEC"}.get(unit.exit_code, str(unit.exit_code))
            code = f"code=exited, status={shown}"
        call.write(f"    Process: {unit.last_pid} ExecStart={' '.join(unit.argv)} ({code})\n"
                   f"   Main PID: {unit.last_pid} ({code})\n")


def measures(unit: Unit) -> tuple[int, int]:
    """Give tasks and KiB of a unit's program: typical values of a small node."""
    return {"kubelet": (12, 38_912), "containerd": (44, 62_464), "etcd": (10, 51_200), "kube-apiserver": (9, 261_120),
            "kube-controller-manager": (7, 51_200), "kube-scheduler": (9, 24_576)}.get(unit.short, (1, 3_072))


def cpu_of(unit: Unit) -> str:
    """Give the processor time: what such a program uses while it rests."""
    percent = {"kubelet": 18, "containerd": 6, "kube-apiserver": 30, "etcd": 15}.get(unit.short, 2)
    used_us = (unit.host.engine.unix_us - unit.started_us) * percent // 1000
    return f"{used_us / 1_000_000:.3f}s" if 1_000_000 <= used_us < 60_000_000 else span(used_us)


# ---- show, cat ----------------------------------------------------------------------------------------------------
def show(call: Call, names: list[str], properties: list[str], *, value: bool) -> int:
    """Print properties of units."""
    systemd = call.host.systemd
    if not names:
        return call.refuse("systemctl show without a unit")
    for name in names:
        unit = systemd.unit(name)
        rows = _properties(call, systemd.full(name), unit)
        for known in SHOWN:
            if (not properties or known in properties) and known in rows:
                call.write(f"{rows[known]}\n" if value else f"{known}={rows[known]}\n")
    return 0


def _properties(call: Call, name: str, unit: Unit | None) -> dict[str, str]:
    if unit is None or unit.definition is None:
        return {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead", "Id": name, "Names": name,
                "Description": name, "MainPID": "0"}
    definition = unit.definition
    words = definition.exec_start
    return {
        "Id": unit.name, "Names": unit.name, "Description": definition.description, "LoadState": "loaded",
        "ActiveState": unit.active, "SubState": unit.sub, "MainPID": str(unit.pid), "FragmentPath": unit.fragment,
        "DropInPaths": " ".join(unit.drop_ins), "UnitFileState": unit.systemd.enabled(unit.name),
        "UnitFilePreset": "enabled", "NeedDaemonReload": "yes" if unit.changed_on_disk else "no",
        "Restart": definition.restart, "RestartUSec": span(round(definition.restart_seconds * 1_000_000)),
        "NRestarts": str(unit.restarts), "Result": unit.result, "ExecMainStatus": str(unit.exit_code or 0),
        "Environment": " ".join(f'"{k}={v}"' if " " in v else f"{k}={v}" for k, v in definition.environment),
        "ExecStart": f"{{ path={words.split(' ')[0]} ; argv[]={words} ; ignore_errors=no ; start_time=[{moment(unit.started_us)}] ; "
                     f"stop_time=[n/a] ; pid={unit.pid} ; code=(null) ; status=0/0 }}"}


def cat(call: Call, names: list[str]) -> int:
    """Print the files of units."""
    systemd, first = call.host.systemd, True
    for name in names:
        unit = systemd.unit(name)
        if unit is None or not unit.fragment:
            call.write(f"No files found for {systemd.full(name)}.\n", "stderr")
            return 1
        if unit.changed_on_disk:
            call.write(f"# Warning: {unit.name} changed on disk, the version systemd has loaded is outdated.\n"
                       "# This output shows the current version of the unit's original fragment and drop-in files.\n"
                       "# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"
                       "# Run 'systemctl daemon-reload' to reload units.\n", "stderr")
        for path in (unit.fragment, *unit.drop_ins):
            try:
                text = call.host.files.view().read(path).decode(errors="replace")
            except FileError:
                continue
            call.write(("" if first else "\n") + f"# {path}\n{text}")
            first = False
    return 0


# ---- lists --------------------------------------------------------------------------------------------------------
def list_units(call: Call, patterns: list[str], options: Mapping[str, str]) -> int:
    """Print the table of loaded units."""
    systemd, host = call.host.systemd, call.host
    if options.get("type", "service") not in ("service", "services"):
        return call.refuse(f"systemctl list-units --type={options['type']}")
    found = [unit for name in systemd.names() if (unit := systemd.unit(name)) is not None]
    state = "failed" if "failed" in options else options.get("state", "")
    if patterns:
        found = [unit for unit in found if any(fnmatchcase(unit.name, p) or unit.name == systemd.full(p) for p in patterns)]
    if state:
        found = [unit for unit in found if state in (unit.active, unit.sub)]
    elif "all" not in options:
        found = [unit for unit in found if unit.active != "inactive"]
    rows = [(unit.name, "loaded" if unit.definition and not unit.definition.bad else "bad-setting", unit.active, unit.sub,
             unit.definition.description if unit.definition else "") for unit in found]
    head = ("UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION")
    widths = [max([len(head[at]), *(len(row[at]) for row in rows)]) for at in range(5)]
    legend = "no-legend" not in options
    if legend:
        call.write("  " + " ".join(text.ljust(width) for text, width in zip(head, widths, strict=True)).rstrip() + "\n")
    for row in rows:
        dot = "●" if row[2] == "failed" else " "
        call.write(f"{dot} " + " ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n")
    if not legend:
        return 0
    if rows:
        new = host.os.systemd >= 254
        call.write("\n" + ("Legend: LOAD   → Reflects whether the unit definition was properly loaded.\n"
                           "        ACTIVE → The high-level unit activation state, i.e. generalization of SUB.\n"
                           "        SUB    → The low-level unit activation state, values depend on unit type.\n\n" if new else
                           "LOAD   = Reflects whether the unit definition was properly loaded.\n"
                           "ACTIVE = The high-level unit activation state, i.e. generalization of SUB.\n"
                           "SUB    = The low-level unit activation state, values depend on unit type.\n"))
    elif host.os.systemd >= 254:
        call.write("\n")
    hint = "" if "all" in options or state else " Pass --all to see loaded but inactive units, too."
    call.write(f"{len(rows)} loaded units listed.{hint}\n")
    if not state:
        call.write("To show all installed unit files use 'systemctl list-unit-files'.\n")
    return 0


def list_files(call: Call, patterns: list[str], options: Mapping[str, str]) -> int:
    """Print the table of unit files."""
    systemd = call.host.systemd
    names = [name for name in systemd.names() if not patterns or any(
        fnmatchcase(name, p) or name == systemd.full(p) for p in patterns)]
    preset = "VENDOR PRESET" if call.host.os.systemd < 252 else "PRESET"
    rows = [(name, systemd.enabled(name), "enabled") for name in names]
    if options.get("state"):
        rows = [row for row in rows if row[1] == options["state"]]
    widths = [max([len(head), *(len(row[at]) for row in rows)]) for at, head in enumerate(("UNIT FILE", "STATE"))]
    if "no-legend" not in options:
        call.write(f"{'UNIT FILE':{widths[0]}} {'STATE':{widths[1]}} {preset}\n")
    for row in rows:
        call.write(f"{row[0]:{widths[0]}} {row[1]:{widths[1]}} {row[2]}\n")
    if "no-legend" not in options:
        call.write(f"\n{len(rows)} unit files listed.\n")
    return 0 if rows or not patterns else 1
