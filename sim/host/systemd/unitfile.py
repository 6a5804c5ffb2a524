"""Unit files: what systemd reads of them.

Models: systemd's load-fragment.c for services, as far as labs write them. Unknown keys are ignored with systemd's own
line; keys that only tune (limits, cgroups, sandboxing) are known and have no effect here.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import lru_cache

SECTIONS: dict[str, frozenset[str]] = {
    "Unit": frozenset("""Description Documentation Wants After Before Requires BindsTo PartOf Conflicts Requisite
        StartLimitInterval StartLimitIntervalSec StartLimitBurst ConditionPathExists ConditionFileNotEmpty AssertPathExists
        DefaultDependencies OnFailure RefuseManualStart RefuseManualStop""".split()),
    "Service": frozenset("""Type ExecStart ExecStartPre ExecStartPost ExecStop ExecStopPost ExecReload Restart RestartSec
        Environment EnvironmentFile User Group WorkingDirectory TimeoutStartSec TimeoutStopSec TimeoutSec KillMode
        KillSignal Delegate LimitNOFILE LimitNPROC LimitCORE LimitMEMLOCK TasksMax OOMScoreAdjust StartLimitInterval
        StartLimitBurst RemainAfterExit PIDFile NotifyAccess StandardOutput StandardError SyslogIdentifier Slice
        CPUAccounting MemoryAccounting MemoryMax MemoryLimit CPUQuota Nice PrivateTmp ProtectSystem ProtectHome
        NoNewPrivileges SuccessExitStatus RestartPreventExitStatus GuessMainPID CapabilityBoundingSet
        AmbientCapabilities RuntimeDirectory StateDirectory WatchdogSec BusName""".split()),
    "Install": frozenset("WantedBy RequiredBy Alias Also DefaultInstance".split()),
}
RESTARTS = ("no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog")
SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "": 1.0}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a unit's fragment and drop-ins say together.

    problems: what systemd logs when it reads them; bad: whether it refuses the unit.
    """

    name: str
    description: str = ""
    documentation: tuple[str, ...] = ()
    kind: str = "simple"
    exec_start: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    environment_files: tuple[str, ...] = ()
    restart: str = "no"
    restart_seconds: float = 0.1
    limit_seconds: float = 10.0
    limit_burst: int = 5
    stop_seconds: float = 90.0
    wanted_by: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    installable: bool = False
    condition_paths: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    bad: bool = False
    values: dict[str, list[str]] = field(default_factory=dict, hash=False)


def seconds_of(text: str) -> float | None:
    """Read a time span (`10`, `5s`, `1min 30s`, `100ms`, `infinity`), None when it is none."""
    if text.strip() == "infinity":
        return float("inf")
    total, number, unit = 0.0, "", ""
    for char in f"{text.strip()} ":
        if char.isdigit() or char == ".":
            if unit:
                total, number, unit = total + float(number) * SECONDS[unit], "", ""
            number += char
        elif char.isalpha():
            unit += char
            if not any(known.startswith(unit) for known in SECONDS):
                return None
        elif number:
            if unit not in SECONDS:
                return None
            total, number, unit = total + float(number) * SECONDS[unit], "", ""
    return total if not number and not unit and text.strip() else None


@lru_cache(maxsize=256)
def assignments(text: str) -> tuple[tuple[int, str, str, str], ...]:
    """Split a file into (line number, section, key, value); continued lines are joined. Bad lines have key ""."""
    found, section, held, first = [], "", "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = held + raw.strip()
        start = first or number
        if line.startswith(("#", ";")) or not line:
            continue
        if line.endswith("\\"):
            held, first = line[:-1].rstrip() + " ", start
            continue
        held, first = "", 0
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line:
            key, _, value = line.partition("=")
            found.append((start, section, key.strip(), value.strip()))
        else:
            found.append((start, section, "", line))
    return tuple(found)


@lru_cache(maxsize=1024)
def load(name: str, files: tuple[tuple[str, str], ...], *, old_wording: bool) -> Definition:
    """Read a unit from its fragment and drop-ins, as (path, text) in their order.

    old_wording: how systemd before 252 or from 254 on speaks of unknown keys (`key name 'X' in section 'Y'`).
    """
    values: dict[str, list[str]] = {}
    problems: list[str] = []
    sections = set()
    for path, text in files:
        for number, section, key, value in assignments(text):
            where = f"{path}:{number}:"
            sections.add(section)
            if not key:
                problems.append(f"{where} Missing '=', ignoring line.")
            elif section not in SECTIONS and not section.startswith("X-"):
                problems.append(f"{where} Unknown section '{section}'. Ignoring.")
            elif key not in SECTIONS.get(section, ()):
                problems.append(f"{where} Unknown key name '{key}' in section '{section}', ignoring." if old_wording else
                                f"{where} Unknown key '{key}' in section [{section}], ignoring.")
            elif value:
                values.setdefault(key, []).append(value)
            else:
                values[key] = []
            if key == "Restart" and value and value not in RESTARTS:
                problems.append(f"{where} Failed to parse service restart specifier, ignoring: {value}")
    return _definition(name, values, problems, installable="Install" in sections)


def _definition(name: str, values: dict[str, list[str]], problems: list[str], *, installable: bool) -> Definition:
    def last(key: str, default: str = "") -> str:
        return values.get(key, [default])[-1] if values.get(key) else default

    starts = values.get("ExecStart", [])
    kind = last("Type", "simple")
    bad = False
    if not starts and not values.get("ExecStop") and not values.get("SuccessAction"):
        problems.append(f"{name}: Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.")
        bad = True
    elif len(starts) > 1 and kind != "oneshot":
        problems.append(f"{name}: Service has more than one ExecStart= setting, which is only allowed for Type=oneshot "
                        "services. Refusing.")
        bad = True
    environment: list[tuple[str, str]] = []
    for value in values.get("Environment", []):
        for word in _words(value):
            variable, equal, text = word.partition("=")
            if equal:
                environment.append((variable, text))
    interval = seconds_of(last("StartLimitIntervalSec") or last("StartLimitInterval", "10"))
    burst = last("StartLimitBurst", "5")
    restart = next((v for v in reversed(values.get("Restart", [])) if v in RESTARTS), "no")
    wait, stop = seconds_of(last("RestartSec", "100ms")), seconds_of(last("TimeoutStopSec") or last("TimeoutSec", "90"))
    return Definition(
        name, last("Description") or name, tuple(" ".join(values.get("Documentation", [])).split()), kind,
        starts[-1] if starts else "", tuple(environment), tuple(values.get("EnvironmentFile", [])), restart,
        0.1 if wait is None else wait, 10.0 if interval is None else interval, int(burst) if burst.isdigit() else 5,
        90.0 if stop is None else stop, tuple(" ".join(values.get("WantedBy", [])).split()),
        tuple(" ".join(values.get("Alias", [])).split()),
        installable and bool(values.get("WantedBy") or values.get("RequiredBy") or values.get("Alias")),
        tuple(values.get("ConditionPathExists", [])), tuple(problems), bad, values)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def command_line(text: str, env: dict[str, str]) -> tuple[list[str], list[str]]:
    """Split ExecStart into words with its variables put in; gives the words, and the variables that are not set."""
    words: list[str] = []
    unset: list[str] = []
    for raw in _words(text.lstrip("@-:+!")):
        if raw.startswith("$") and not raw.startswith(("$$", "${")) and raw[1:].replace("_", "a").isalnum():
            if raw[1:] not in env:
                unset.append(raw[1:])
            words += env.get(raw[1:], "").split()
            continue
        out, rest = "", raw
        while "${" in rest:
            head, _, tail = rest.partition("${")
            variable, _, rest = tail.partition("}")
            out += head + env.get(variable, "")
        words.append((out + rest).replace("$$", "$"))
    return words, unset
