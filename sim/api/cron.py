"""Cron schedules: five fields, names of months and days, `@daily`, `@every 5m`; in UTC.

Models: github.com/robfig/cron/v3 (ParseStandard, SpecSchedule.Next, its error texts). Left out: seconds, time zones.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.api import times

SECOND_US = 1_000_000
MINUTE_US, DAY_US = 60 * SECOND_US, 86_400 * SECOND_US
SEARCH_DAYS = 5 * 366
EVERY = "@every "
MONTHS = {name: n + 1 for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])}
DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, MONTHS), (0, 6, DAYS))
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}


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
    """Read a schedule. Raises ValueError in the words of the API server."""
    if not text:
        raise ValueError("empty spec string")
    if text.startswith(EVERY):
        try:
            seconds = times.parse_duration(text.removeprefix(EVERY))
        except ValueError as error:
            raise ValueError(f"failed to parse duration {text}: {error}") from None
        return Schedule(every_us=max(1, int(seconds)) * SECOND_US)
    if text.startswith("@"):
        if text not in DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = DESCRIPTORS[text]
    parts = text.split()
    if len(parts) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    fields = tuple(_field(part, *bounds) for part, bounds in zip(parts, BOUNDS, strict=True))
    stars = [any(term.split("/")[0] in ("*", "?") for term in part.split(",")) for part in parts]
    return Schedule(fields, (stars[2], stars[4]))


def _field(text: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for term in text.split(","):
        found |= _range(term, low, high, names)
    return frozenset(found)


def _range(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    span, *steps = text.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        start, end = low, high
    else:
        start = _number(ends[0], names)
        if len(ends) > 2:
            raise ValueError(f"too many hyphens: {text}")
        end = _number(ends[1], names) if len(ends) == 2 else start
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    if steps:
        step = _number(steps[0], {})
        if len(ends) == 1 and ends[0] not in ("*", "?"):
            end = high
    if start < low:
        raise ValueError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise ValueError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return set(range(start, end + 1, step))


def _number(text: str, names: dict[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if not text.lstrip("+-").isdecimal() or not text.isascii():
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    value = int(text)
    if value < 0:
        raise ValueError(f"negative number ({value}) not allowed: {text}")
    return value
