"""Times as Kubernetes writes them: RFC 3339 in UTC, ages, durations. Pure: the present is always an argument.

Models: apimachinery/pkg/util/duration/duration.go (HumanDuration), Go's time.ParseDuration.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(unix_us: int) -> str:
    """Write a moment to the second: `2025-06-10T08:00:00Z`."""
    return _second(unix_us // 1_000_000)


@lru_cache(maxsize=4096)
def _second(unix_s: int) -> str:
    return (_EPOCH + timedelta(seconds=unix_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(unix_us: int) -> str:
    """Write a moment as HTTP's headers do: `Tue, 10 Jun 2025 08:00:00 GMT`."""
    at = datetime.fromtimestamp(unix_us // 1_000_000, UTC)
    return f"{'Mon Tue Wed Thu Fri Sat Sun'.split()[at.weekday()]}, {at.day:02} {'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()[at.month - 1]} {at:%Y %H:%M:%S} GMT"


def stamp_micro(unix_us: int) -> str:
    """Write a moment to the microsecond (Leases, Events): `2025-06-10T08:00:00.000000Z`."""
    return f"{_second(unix_us // 1_000_000)[:-1]}.{unix_us % 1_000_000:06d}Z"


def parse(text: str) -> int:
    """Read a moment as microseconds since 1970. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "ms": Decimal("1e-3"),
    "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600),
}


def parse_duration(text: str) -> float:
    """Read Go's durations (`1m30s`, `0`, `500ms`, `-1s`) as seconds. Raises ValueError."""
    body, sign = (text[1:], -1) if text[:1] == "-" else (text.removeprefix("+"), 1)
    if body == "0":
        return 0.0
    parts = _DURATION.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f'time: invalid duration "{text}"')
    return float(sign * sum(Decimal(number) * _UNIT_SECONDS[unit] for number, unit in parts))


def age(seconds: int) -> str:
    """Write an age as `kubectl get` does: `59s`, `2m5s`, `15m`, `3h20m`, `2d4h`, `8y`."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(0, seconds)
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = seconds // 3600
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        rest = hours % 24
        return f"{days}d{rest}h" if rest else f"{days}d"
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years = days // 365
    if hours < 24 * 365 * 8:
        rest = days % 365
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{years}y"


def since(stamp: str | None, now_us: int) -> str:
    """Write how long ago a stamp is; `<unknown>` without one. now_us: microseconds since 1970."""
    return age((now_us - parse(stamp)) // 1_000_000) if stamp else "<unknown>"


def duration(seconds: float) -> str:
    """Write a duration as Go's String does: `1m30s`, `500ms`, `0s`, `1h0m0s`."""
    if seconds == 0:
        return "0s"
    sign = "-" if seconds < 0 else ""
    micro = round(abs(seconds) * 1_000_000)
    if micro < 1000:
        return f"{sign}{micro}µs"
    if micro < 1_000_000:
        return f"{sign}{_plain(Decimal(micro) / 1000)}ms"
    whole, fraction = divmod(micro, 60_000_000)
    hours, minutes = divmod(whole, 60)
    text = f"{_plain(Decimal(fraction) / 1_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
