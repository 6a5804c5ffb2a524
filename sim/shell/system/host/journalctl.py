"""journalctl: reads the host's journal.

Models: journalctl(1), options -u -n -f -e -x -r -p -b -k -t -o -q -g --since --until --no-pager --list-boots
--disk-usage. Left out: cursors, fields other than _COMM and UNIT. Texts: golden host-systemd runs.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from sim.engine import Steps, microseconds
from sim.host.machine import Host
from sim.host.systemd.journal import Entry
from sim.host.systemd.unitfile import seconds_of
from sim.shell.pipes import COMMANDS, Call, Pipe

READ_SECONDS = 0.05
WITH_VALUE = {"-u": "unit", "--unit": "unit", "-n": "lines", "--lines": "lines", "-S": "since", "--since": "since",
              "-U": "until", "--until": "until", "-o": "output", "--output": "output", "-p": "priority",
              "--priority": "priority", "-t": "identifier", "--identifier": "identifier", "-g": "grep", "--grep": "grep"}
PLAIN = {"-f": "follow", "--follow": "follow", "-e": "end", "--pager-end": "end", "-x": "explain", "--catalog": "explain",
         "-r": "reverse", "--reverse": "reverse", "-k": "kernel", "--dmesg": "kernel", "-b": "boot", "--boot": "boot",
         "-l": "full", "--full": "full", "-a": "all", "--all": "all", "-q": "quiet", "--quiet": "quiet",
         "--no-pager": "no-pager", "--list-boots": "list-boots", "--disk-usage": "disk-usage", "--no-hostname": "no-host",
         "--no-tail": "no-tail", "--utc": "utc", "-m": "merge", "--merge": "merge", "--no-full": "no-full",
         "--system": "system"}
PRIORITIES = {"emerg": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4, "notice": 5, "info": 6,
              "debug": 7}
OUTPUTS = ("short", "short-iso", "short-full", "short-precise", "short-unix", "cat", "json", "json-pretty", "verbose",
           "with-unit", "export", "short-monotonic", "short-iso-precise")
SUPPORT = "http://www.ubuntu.com/support"
CATALOG = {
    "started": ("A start job for unit {unit} has finished successfully",
                "A start job for unit {unit} has finished successfully.\n\nThe job identifier is {job}."),
    "starting": ("A start job for unit {unit} has begun execution",
                 "A start job for unit {unit} has begun execution.\n\nThe job identifier is {job}."),
    "stopping": ("A stop job for unit {unit} has begun execution",
                 "A stop job for unit {unit} has begun execution.\n\nThe job identifier is {job}."),
    "stopped": ("A stop job for unit {unit} has finished",
                "A stop job for unit {unit} has finished.\n\nThe job identifier is {job} and the job result is done."),
    "exited": ("Unit process exited", "An ExecStart= process belonging to unit {unit} has exited.\n\nThe process' exit code "
               "is 'exited' and its exit status is 1."),
    "failed": ("Unit failed", "The unit {unit} has entered the 'failed' state with result 'exit-code'."),
    "restart": ("Automatic restarting of a unit has been scheduled",
                "Automatic restarting of the unit {unit} has been scheduled, as the result for\nthe configured Restart= "
                "setting for the unit."),
    "start-failed": ("A start job for unit {unit} has failed",
                     "A start job for unit {unit} has finished with a failure.\n\nThe job identifier is {job} and the job "
                     "result is failed."),
}


def _when(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def short(host: Host, entry: Entry, style: str = "short") -> str:
    """Write an entry in one of the short forms."""
    when = _when(entry.at_us)
    stamps = {"short": f"{when:%b %d %H:%M:%S}", "short-iso": f"{when:%Y-%m-%dT%H:%M:%S}+0000",
              "short-full": f"{when:%a %Y-%m-%d %H:%M:%S} UTC", "short-precise": f"{when:%b %d %H:%M:%S.%f}",
              "short-unix": f"{entry.at_us / 1_000_000:.6f}", "short-iso-precise": f"{when:%Y-%m-%dT%H:%M:%S.%f}+0000",
              "short-monotonic": f"[{(entry.at_us - host.booted_us) / 1_000_000:12.6f}]"}
    pid = f"[{entry.pid}]" if entry.pid else ""
    return f"{stamps.get(style, stamps['short'])} {host.name} {entry.identifier}{pid}: {entry.text}"


class Query:
    """What is asked of the journal."""

    def __init__(self, call: Call) -> None:
        self.options: dict[str, str] = {}
        self.units: list[str] = []
        self.identifiers: list[str] = []
        self.commands: list[str] = []
        self.problem = ""
        words = list(call.argv)
        while words and not self.problem:
            self._word(call, words)

    def _word(self, call: Call, words: list[str]) -> None:
        word = words.pop(0)
        if word.startswith("--"):
            name, equal, value = word.partition("=")
            if name in WITH_VALUE:
                if not equal and not words:
                    self.problem = f"journalctl: option '{name}' requires an argument"
                else:
                    self._set(call, WITH_VALUE[name], value if equal else words.pop(0))
            elif name in PLAIN:
                self.options[PLAIN[name]] = value
            else:
                self.problem = f"journalctl: unrecognized option '{word}'"
        elif word.startswith("-") and len(word) > 1:
            self._letters(call, word[1:], words)
        elif word.startswith(("_COMM=", "_SYSTEMD_UNIT=", "UNIT=", "SYSLOG_IDENTIFIER=")):
            name, _, value = word.partition("=")
            (self.commands if name in ("_COMM", "SYSLOG_IDENTIFIER") else self.units).append(value)
        elif word.startswith("/"):
            self.problem = f"Failed to add match '{word}': No such file or directory" if not call.files.exists(word) else (
                "Invalid argument")
        else:
            self.problem = f"Failed to add match '{word}': Invalid argument"

    def _letters(self, call: Call, letters: str, words: list[str]) -> None:
        while letters:
            flag, letters = f"-{letters[0]}", letters[1:]
            if flag in WITH_VALUE:
                value = letters.removeprefix("=")
                if not value and flag == "-n" and (not words or not words[0].isdigit()):
                    if words and not words[0].startswith("-"):
                        self.problem = f"Failed to add match '{words[0]}': Invalid argument"
                    value = "10"
                elif not value and not words:
                    self.problem = f"journalctl: option requires an argument -- '{flag[1]}'"
                    return
                self._set(call, WITH_VALUE[flag], value or words.pop(0))
                return
            if flag not in PLAIN:
                self.problem = f"journalctl: invalid option -- '{flag[1]}'"
                return
            self.options[PLAIN[flag]] = ""
            if flag == "-b" and (letters.lstrip("-").isdigit() or (not letters and words and re.fullmatch(r"-?\d+", words[0]))):
                self.options["boot"] = letters or words.pop(0)
                return

    def _set(self, call: Call, name: str, value: str) -> None:
        if name == "unit":
            self.units += [call.host.systemd.full(each) for each in value.split(",")]
        elif name == "identifier":
            self.identifiers.append(value)
        elif name == "priority" and value.partition("..")[0] not in PRIORITIES and not value.isdigit():
            self.problem = f"Unknown log level {value}"
        elif name == "output" and value not in OUTPUTS:
            self.problem = f"Unknown output format '{value}'."
        elif name in ("since", "until") and moment(value, call.engine.unix_us) is None:
            self.problem = f"Failed to parse timestamp: {value}"
        self.options[name] = value


def moment(text: str, now_us: int) -> int | None:
    """Read a moment as systemd does (`-5min`, `10 minutes ago`, `today`, `2026-11-23 10:00`), None when it is none."""
    text = text.strip()
    now = _when(now_us)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1), "tomorrow": midnight + timedelta(days=1)}
    if text in words:
        return _us(words[text])
    back = text.removesuffix("ago").strip() if text.endswith("ago") else text[1:] if text.startswith("-") else ""
    if back:
        plain = re.sub(r"\b(seconds?|secs?|minutes?|mins?|hours?|days?|weeks?)\b",
                       lambda m: {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w"}[m[0][0]], back)
        total = 0.0
        for number, unit in re.findall(r"([\d.]+)\s*(d|w|min|ms|m|h|s)?", plain):
            size = {"d": 86400.0, "w": 604800.0}.get(unit)
            amount = float(number) * size if size else seconds_of(f"{number}{unit}")
            if amount is None:
                return None
            total += amount
        return now_us - round(total * 1_000_000) if re.search(r"\d", plain) else None
    for shape in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"):
        try:
            found = datetime.strptime(text.removesuffix(" UTC"), shape).replace(tzinfo=UTC)
        except ValueError:
            continue
        if "%Y" not in shape:
            found = midnight.replace(hour=found.hour, minute=found.minute, second=found.second)
        return _us(found)
    return None


def _us(when: datetime) -> int:
    return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def _matches(query: Query, entry: Entry, boot: int | None) -> bool:
    if query.units and entry.unit not in query.units:
        return False
    if query.identifiers and entry.identifier not in query.identifiers:
        return False
    if query.commands and entry.identifier not in query.commands:
        return False
    if "kernel" in query.options and entry.identifier != "kernel":
        return False
    if boot is not None and entry.boot != boot:
        return False
    level = query.options.get("priority", "").rpartition("..")[2]
    if level and entry.priority > (int(level) if level.isdigit() else PRIORITIES.get(level, 7)):
        return False
    pattern = query.options.get("grep")
    return not pattern or re.search(pattern, entry.text, 0 if pattern.lower() != pattern else re.IGNORECASE) is not None


def journalctl(call: Call) -> Steps[int]:
    """Print entries of the journal."""
    query, host = Query(call), call.host
    yield call.engine.sleep(microseconds(READ_SECONDS))
    options = query.options
    if query.problem:
        call.write(query.problem + "\n", "stderr")
        return 1
    if call.login.uid != 0:
        call.write("Hint: You are currently not seeing messages from other users and the system.\n"
                   "      Users in groups 'adm', 'systemd-journal' can see all messages.\n"
                   "      Pass -q to turn off this notice.\n"
                   "No journal files were opened due to insufficient permissions.\n", "stderr")
        return 1
    if "disk-usage" in options:
        call.write("Archived and active journals take up 8.0M in the file system.\n")
        return 0
    if "list-boots" in options:
        _boots(call)
        return 0
    if options.get("output") in ("verbose", "export"):
        return call.refuse(f"journalctl -o {options['output']}")
    boot = None
    if "boot" in options or "kernel" in options:
        number = int(options.get("boot") or 0)
        boot = host.boots + number if number <= 0 else number - 1
    entries = [entry for entry in host.journal.entries if _matches(query, entry, boot)]
    for name in ("since", "until"):
        if name in options:
            limit = moment(options[name], call.engine.unix_us) or 0
            entries = [e for e in entries if (e.at_us >= limit if name == "since" else e.at_us <= limit)]
    lines = options.get("lines", "")
    if "follow" in options and not lines and "since" not in options and "no-tail" not in options:
        lines = "10"
    if "end" in options and not lines:
        lines = "1000"
    if lines.isdigit():
        entries = entries[len(entries) - int(lines):] if int(lines) < len(entries) else entries
    if "reverse" in options:
        entries = entries[::-1]
    if "follow" in options:
        return (yield from _follow(call, query, entries))
    if not entries:
        call.write("-- No entries --\n")
    previous: Entry | None = None
    for entry in entries:
        if previous is not None and previous.boot != entry.boot and "reverse" not in options:
            call.write(f"-- Boot {_boot_id(host, entry.boot)} --\n")
        call.write(_shown(host, entry, options))
        previous = entry
    return 0


def _boot_id(host: Host, boot: int) -> str:
    return host.boot_id.replace("-", "") if boot == host.boots else f"{boot:032x}"


def _boots(call: Call) -> None:
    host = call.host
    boots = list(dict.fromkeys(entry.boot for entry in host.journal.entries))
    for boot in boots:
        own = [entry for entry in host.journal.entries if entry.boot == boot]
        first, last = _when(own[0].at_us), _when(own[-1].at_us)
        call.write(f"{boot - boots[-1]:2} {_boot_id(host, boot)} {first:%a %Y-%m-%d %H:%M:%S} UTC—{last:%a %Y-%m-%d %H:%M:%S} UTC\n")


def _shown(host: Host, entry: Entry, options: dict[str, str]) -> str:
    style = options.get("output", "short")
    if style == "cat":
        return entry.text + "\n"
    if style.startswith("json"):
        row = {"__REALTIME_TIMESTAMP": str(entry.at_us), "_HOSTNAME": host.name, "PRIORITY": str(entry.priority),
               "SYSLOG_IDENTIFIER": entry.identifier, "_PID": str(entry.pid), "_SYSTEMD_UNIT": entry.unit,
               "_BOOT_ID": _boot_id(host, entry.boot), "MESSAGE": entry.text}
        return json.dumps(row, indent="\t" if style == "json-pretty" else None) + "\n"
    text = short(host, entry, style) + "\n"
    if "explain" in options and entry.catalog in CATALOG:
        subject, body = CATALOG[entry.catalog]
        words = {"unit": entry.unit, "job": 1000 + entry.pid % 1000 + entry.at_us // 1_000_000 % 4000}
        support = SUPPORT if host.os.name == "Ubuntu" else "https://www.debian.org/support"
        head = f"Subject: {subject}\nDefined-By: systemd\nSupport: {support}\n\n{body}"
        text += "".join(f"░░ {line}\n" for line in head.format(**words).split("\n"))
    return text


def _follow(call: Call, query: Query, entries: list[Entry]) -> Steps[int]:
    host = call.host
    for entry in entries:
        call.write(_shown(host, entry, query.options))
    pipe = Pipe(call.engine)

    def told(entry: Entry) -> None:
        if _matches(query, entry, None):
            pipe.write(_shown(host, entry, query.options).encode())

    stop = host.journal.follow(told)
    try:
        while True:
            chunk = yield from pipe.read()
            if chunk is None:
                return 0
            call.write(chunk)
    finally:
        stop()


COMMANDS["journalctl"] = journalctl
