"""Cron schedules: five fields or a macro, in UTC. Models: robfig/cron's standard parser (`@every` and names included)."""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import times
from sim.engine import SECOND_US

MINUTE_US, DAY_US = 60 * SECOND_US, 86_400 * SECOND_US
MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}
MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = ((0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, MONTHS), (0, 6, DAYS))
SEARCH_DAYS = 5 * 366


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due: minutes, hours, days of the month, months, days of the week; or every so often."""

    fields: tuple[frozenset[int], ...] = ()
    any_day: tuple[bool, bool] = (True, True)
    every_us: int = 0

    def next_us(self, after_us: int) -> int | None:
        """Give the first due moment after one, both microseconds since 1970; None when there is none in five years."""
        if self.every_us:
            return after_us + self.every_us - after_us % SECOND_US
        minutes, hours, _, _, _ = self.fields
        at_us = (after_us // MINUTE_US + 1) * MINUTE_US
        for _ in range(SEARCH_DAYS):
            day_us = at_us // DAY_US * DAY_US
            if self._day(day_us):
                for hour in sorted(hours):
                    for minute in sorted(minutes):
                        found = day_us + (hour * 60 + minute) * MINUTE_US
                        if found >= at_us:
                            return found
            at_us = day_us + DAY_US
        return None

    def _day(self, day_us: int) -> bool:
        """Tell whether the day fits; where both kinds of days are given one of them is enough."""
        _, month, day = (int(part) for part in times.stamp(day_us)[:10].split("-"))
        weekday = (day_us // DAY_US + 4) % 7
        _, _, days, months, weekdays = self.fields
        if month not in months:
            return False
        if any(self.any_day):
            return day in days and weekday in weekdays
        return day in days or weekday in weekdays


def parse(text: str) -> Schedule:
    """Read a schedule. Raises ValueError."""
    text = text.strip()
    if text.startswith("@every "):
        seconds = times.parse_duration(text.removeprefix("@every ").strip())
        return Schedule(every_us=max(1, round(seconds)) * SECOND_US)
    words = MACROS.get(text.lower(), text).split()
    if len(words) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{text}]")
    fields = tuple(_field(word, *bounds) for word, bounds in zip(words, BOUNDS, strict=True))
    return Schedule(fields, (words[2][0] in "*?", words[4][0] in "*?"))


def _field(word: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, _, end = span.partition("-")
            first = _number(start, names)
            last = _number(end, names) if end else high if step else first
        if not low <= first <= last <= high + (high == 6):
            raise ValueError(f"beginning of range ({first}) or end ({last}) out of bounds: {part}")
        found.update(number % 7 if high == 6 else number for number in range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdigit():
        raise ValueError(f"failed to parse int from {text}")
    return int(text)
