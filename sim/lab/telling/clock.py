"""How moments and durations are written for people: to a tenth of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def span(seconds: float) -> str:
    """Write a duration: `0.4s`, `45.7s`, `5m`, `1h2m3s`."""
    tenths = round(abs(seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest // 10}.{rest % 10}s" if rest % 10 else f"{rest // 10}s" if rest or not (minutes or hours) else ""
    return ("-" if seconds < 0 and tenths else "") + (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + text


def clock(lab: Lab, at_us: int) -> str:
    """Write a moment as time since the learner came: `+3m20.5s`."""
    seconds = (at_us - lab.origin_us) / 1_000_000
    text = span(seconds)
    return text if text.startswith("-") else f"+{text}"
