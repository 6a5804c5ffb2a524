"""How moments are written: since the learner came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import times

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def clock(lab: Lab, at_us: int) -> str:
    """Write a moment as time since the learner came: `+3m20.5s`."""
    seconds = (at_us - lab.origin_us) / 1_000_000
    return f"{'-' if seconds < 0 else '+'}{times.duration(round(abs(seconds), 1))}"
