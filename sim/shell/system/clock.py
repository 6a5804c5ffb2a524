"""sleep, date, timeout, watch: tools that live by the clock, which is the simulated one. Models: GNU coreutils, procps."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from sim.engine import SECOND_US, Steps, microseconds
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.options import HINT, BadUsage, complain, missing, read

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = {name[:3].lower(): number for number, name in enumerate(calendar.month_name) if name}
DAYS = [name[:3].lower() for name in calendar.day_name]
STEPS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "fortnight": 1209600}
SIGNALS = {"HUP": 129, "INT": 130, "KILL": 137, "TERM": 143}


class Unreadable(Exception):
    """A text that is no date."""


def _seconds(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", text)
    return float(found[1]) * UNITS[found[2] or "s"] if found else 86400.0 * 36500 if text in ("infinity", "inf") else None


def sleep(call: Call) -> Steps[int]:
    """Wait for simulated seconds."""
    if not call.argv:
        return complain(call, missing(call, "missing operand"))
    total = 0.0
    for word in call.argv:
        seconds = _seconds(word)
        if seconds is None:
            return complain(call, missing(call, f"invalid time interval ‘{word}’"))
        total += seconds
    yield call.engine.sleep(microseconds(total))
    return 0


# ---- date ----------------------------------------------------------------------------------------------------------
def moment_of(text: str, now_us: int) -> int:
    """Read a date as `date -d` does; gives microseconds since 1970. Raises Unreadable.

    Models: gnulib's parse_datetime, as far as people type it. The zone is UTC.
    """
    words = text.strip().lower()
    if found := re.fullmatch(r"@(-?\d+)(?:\.(\d+))?", words):
        return int(found[1]) * SECOND_US + int((found[2] or "0").ljust(6, "0")[:6])
    now = EPOCH + timedelta(microseconds=now_us)
    moment, rest = _absolute(words, now)
    try:
        moment = _moved(moment, rest)
    except (ValueError, OverflowError):
        raise Unreadable(text) from None
    return (moment - EPOCH) // timedelta(microseconds=1)


Triple = tuple[int, int, int]
DATES: tuple[tuple[str, Callable[[re.Match[str]], Triple]], ...] = (
    (r"(\d{4})-(\d{1,2})-(\d{1,2})(?=t|\b)", lambda f: (int(f[1]), int(f[2]), int(f[3]))),
    (r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b", lambda f: (int(f[3]), int(f[1]), int(f[2]))),
    (r"\b(\d{4})(\d\d)(\d\d)\b", lambda f: (int(f[1]), int(f[2]), int(f[3]))),
    (r"\b(\d{1,2})[ -]([a-z]{3,9})\.?[ -](\d{4})\b", lambda f: (int(f[3]), _month(f[2]), int(f[1]))),
)
TIME = re.compile(r"(?:t|\b)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(am|pm)\b)?(?: ?(z|utc|gmt|[-+]\d\d:?\d\d))?", re.IGNORECASE)


def _month(name: str) -> int:
    if name[:3] not in MONTHS:
        raise Unreadable(name)
    return MONTHS[name[:3]]


def _absolute(text: str, now: datetime) -> tuple[datetime, str]:
    """Take date and time of day out of a text; gives the moment and what is left."""
    date: Triple | None = None
    for pattern, make in DATES:
        if found := re.search(pattern, text):
            date, text = make(found), text[:found.start()] + " " + text[found.end():]
            break
    named = re.search(rf"\b({'|'.join(MONTHS)})[a-z]*\.? (\d{{1,2}})\b(?!:)", text)
    if date is None and named:
        text = text[:named.start()] + " " + text[named.end():]
        year = re.search(r"\b(\d{4})\b(?!:)", text)
        date = (int(year[1]) if year else now.year, MONTHS[named[1]], int(named[2]))
        text = re.sub(r"\b\d{4}\b(?!:)", " ", text, count=1) if year else text
    hour = minute = second = micro = 0
    zone = UTC
    found = TIME.search(text)
    if found:
        text = text[:found.start()] + " " + text[found.end():]
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        micro = int((found[4] or "0").ljust(6, "0")[:6])
        hour = hour % 12 + (12 if found[5] == "pm" else 0) if found[5] else hour
        if found[6] and found[6][0] in "+-":
            sign, digits = (-1 if found[6][0] == "-" else 1), found[6][1:].replace(":", "")
            zone = timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    text = re.sub(rf"\b(utc|gmt|z|({'|'.join(DAYS)})[a-z]*,?)(?= |$)", " ", text).strip(" ,")
    try:
        if date is not None:
            return datetime(*date, hour, minute, second, micro, tzinfo=zone), text
        if found:
            return now.replace(hour=hour, minute=minute, second=second, microsecond=micro, tzinfo=zone), text
    except ValueError:
        raise Unreadable(text) from None
    return now, text


def _moved(moment: datetime, text: str) -> datetime:
    """Apply `+1 day`, `2 hours ago`, `tomorrow`, `next month`. Raises Unreadable."""
    text = re.sub(r"\b(now|today)\b", " ", text)
    text = text.replace("yesterday", "-1 day").replace("tomorrow", "+1 day")
    text = re.sub(r"\bnext\b", "+1", text)
    text = re.sub(r"\blast\b", "-1", text)
    pattern = re.compile(r"\s*([-+]?)\s*(\d*)\s*([a-z]+?)s?(\s+ago)?(?=\s|[-+]|$)")
    at = 0
    text = text.strip()
    while at < len(text):
        found = pattern.match(text, at)
        if not found or not (found[3] in STEPS or found[3] in ("month", "year")):
            raise Unreadable(text)
        count = int(found[2] or 1) * (-1 if (found[1] == "-") != bool(found[4]) else 1)
        if found[3] in STEPS:
            moment += timedelta(seconds=count * STEPS[found[3]])
        else:
            months = moment.year * 12 + moment.month - 1 + count * (12 if found[3] == "year" else 1)
            first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
            moment = first + timedelta(days=moment.day - 1)
        at = found.end()
    return moment


def formatted(moment: datetime, shape: str) -> str:
    """Write a moment by a `date` format."""

    def field(found: re.Match[str]) -> str:
        flag, width, letter = found[1], found[2], found[3]
        if letter == "N":
            return f"{moment.microsecond:06}000"[:int(width or 9)]
        text = _field(moment, letter)
        if flag == "-":
            text = text.lstrip("0 ") or "0"
        elif flag == "_":
            text = (text.lstrip("0") or "0").rjust(len(text))
        elif flag == "^":
            text = text.upper()
        return text.rjust(int(width), "0" if text.isdigit() else " ") if width else text

    return re.sub(r"%([-_^0]?)(\d*)(:?:?[a-zA-Z%+])", field, shape)


def _field(moment: datetime, letter: str) -> str:
    year, week, day = moment.isocalendar()
    own = {"s": str(int(moment.timestamp())), "n": "\n", "t": "\t", "%": "%", "Z": "UTC", "z": "+0000", ":z": "+00:00", "P": f"{moment:%p}".lower(),
           "k": f"{moment.hour:2}", "l": f"{(moment.hour + 11) % 12 + 1:2}", "e": f"{moment.day:2}", "F": f"{moment:%Y-%m-%d}",
           "T": f"{moment:%H:%M:%S}", "R": f"{moment:%H:%M}", "D": f"{moment:%m/%d/%y}", "r": f"{moment:%I:%M:%S %p}",
           "c": f"{moment:%a %b} {moment.day:2} {moment:%H:%M:%S %Y}", "x": f"{moment:%m/%d/%y}", "X": f"{moment:%H:%M:%S}",
           "C": f"{moment.year // 100:02}", "G": f"{year}", "g": f"{year % 100:02}", "V": f"{week:02}", "u": str(day), "h": f"{moment:%b}",
           "Y": str(moment.year), "q": str((moment.month + 2) // 3)}
    if letter in own:
        return own[letter]
    return moment.strftime(f"%{letter}") if letter in "aAbBdHIjmMpSUwWy" else f"%{letter}"


ISO = {"date": "%F", "hours": "%FT%H%:z", "minutes": "%FT%R%:z", "seconds": "%FT%T%:z", "ns": "%FT%T,%N%:z"}


def date(call: Call) -> int:
    """Print the simulated date (-u -d -r -R -I --rfc-3339 +FORMAT); setting it is refused."""
    try:
        words = [f"--iso-8601={word[2:]}" if re.match(r"-I\w+", word) else word for word in call.argv]
        call.argv = words
        given = read(call, "ud:Rr:Is:j:3:", {"utc": "u", "universal": "u", "date": "d", "rfc-email": "R", "reference": "r",
                                            "iso-8601": "I", "set": "s", "rfc-3339": "3", "debug": "D"})
    except BadUsage as error:
        return complain(call, error)
    if "s" in given or (given.operands and not given.operands[0].startswith("+")):
        if "s" not in given and not re.fullmatch(r"[\d.]+", given.operands[0]):
            return call.fail(f"invalid date ‘{given.operands[0]}’")
        return call.refuse("date --set")
    at_us = call.engine.unix_us
    if "d" in given:
        try:
            at_us = moment_of(given.get("d"), at_us)
        except Unreadable:
            return call.fail(f"invalid date ‘{given.get('d')}’")
    if "r" in given:
        if not call.files.exists(call.path(given.get("r"))):
            return call.fail(f"{given.get('r')}: No such file or directory")
        at_us = call.files.find(call.path(given.get("r"))).mtime_us
    shape = "%a %b %e %H:%M:%S %Z %Y"
    if given.operands:
        shape = given.operands[0][1:]
    elif "R" in given:
        shape = "%a, %d %b %Y %H:%M:%S %z"
    elif "I" in given or "3" in given:
        shape = ISO.get(given.get("I") or given.get("3") or "date", "%F")
        shape = shape.replace("T", " ", 1).replace(" ", " %T", 1) if "3" in given and "date" not in given.get("3") else shape
        shape = "%F %T%:z" if given.get("3") == "seconds" else shape
    call.write(formatted(EPOCH + timedelta(microseconds=at_us), shape) + "\n")
    return 0


# ---- timeout and watch ---------------------------------------------------------------------------------------------
def timeout(call: Call) -> Steps[int]:
    """Run a command for at most so long: status 124 when it had to be ended (-s -k --preserve-status --foreground)."""
    try:
        given = read(call, "s:k:v", {"signal": "s", "kill-after": "k", "foreground": "v", "preserve-status": "P", "verbose": "v"},
                     status=125, mixed=False)
        if len(given.operands) < 2:
            raise BadUsage(HINT.format(name=call.name), 125)
    except BadUsage as error:
        return complain(call, error)
    word, *words = given.operands
    seconds = _seconds(word)
    if seconds is None:
        return complain(call, missing(call, f"invalid time interval ‘{word}’", status=125))
    if not call.shell.finds(words[0]):
        return call.fail(f"failed to run command ‘{words[0]}’: No such file or directory", 127)
    job = call.shell.job
    before = list(job.processes) if job else []
    process = call.login.spawn(call.run(words), job)
    if not seconds:
        yield process
        return int(process.value or 0)
    yield call.engine.any_of([process, call.engine.sleep(microseconds(seconds))])
    if process.is_alive:
        for child in reversed([each for each in job.processes if each not in before] if job else [process]):
            if child.is_alive:
                child.interrupt()
        name = given.get("s", "TERM").upper().removeprefix("SIG")
        status = SIGNALS.get(name, 137 if name == "9" else 143)
        return status if "P" in given or status == SIGNALS["KILL"] else 124
    return int(process.value or 0)


def watch(call: Call) -> Steps[int]:
    """Run a command again and again until Ctrl-C; each round is printed below the last one, not over it.

    Models: procps watch, options -n, -t, -x and -d (which marks nothing).
    """
    try:
        given = read(call, "n:tdxbecgp", {"interval": "n", "no-title": "t", "differences": "d", "exec": "x", "color": "c"}, mixed=False)
    except BadUsage as error:
        return complain(call, error)
    if odd := set(given.letters) & set("begp"):
        return call.refuse(f"watch -{min(odd)}")
    words = given.operands
    if not words:
        call.write("Usage:\n watch [options] command\n", "stderr")
        return 1
    try:
        period_seconds = max(0.1, float(given.get("n", "2")))
    except ValueError:
        return call.fail(f"failed to parse argument: '{given.get('n')}'")
    command = " ".join(words)
    while True:
        if "t" not in given:
            now = EPOCH + timedelta(microseconds=call.engine.unix_us)
            head = f"Every {period_seconds:.1f}s: {command}"
            tail = f"{call.host.name}: {formatted(now, '%a %b %e %H:%M:%S %Y')}"
            call.write(f"{head}{tail:>{max(len(tail) + 1, 80 - len(head))}}\n\n")
        if "x" in given:
            yield from call.run(words)
        else:
            yield from call.shell.apart(command, call.env, call.streams, name="sh")
        call.write("\n")
        yield call.engine.sleep(microseconds(period_seconds))


COMMANDS.update({"sleep": sleep, "date": date, "timeout": timeout, "watch": watch})
