"""`:timers`: what will happen by itself, when, and by which setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.lab.telling.clock import clock, span

if TYPE_CHECKING:
    from sim.lab.lab import Lab

SHOWN_MOST = 20


def text(lab: Lab) -> str:
    """List the timers, earliest first."""
    found = lab.engine.timers()
    if not found:
        return "no timers: nothing is waiting to happen"
    lines = [f"in {span((timer.at_us - lab.now_us) / 1e6):>9} (at {clock(lab, timer.at_us)})  {timer.label}"
             for timer in found[:SHOWN_MOST]]
    if len(found) > SHOWN_MOST:
        lines.append(f"and {len(found) - SHOWN_MOST} more")
    return "\n".join(lines)
