"""How fast simulated time goes while a program runs in the foreground and a learner looks on. Real time lives here.

By itself it goes `WAITING_RATE` times as fast as real time, rests at each new line of output so that a learner sees it
come, and stands still when no key was pressed for `UNATTENDED_SECONDS`. A speed that the learner chose is obeyed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.lab.lab import Lab

WAITING_RATE = 60.0
REST_SECONDS = 0.3
UNATTENDED_SECONDS = 300
"""Of simulated time."""


class Pace:
    """The pace of one front end's foreground program."""

    def __init__(self) -> None:
        self._key_us: int | None = None
        self._rest_until = 0.0
        self._lines = 0

    def key(self) -> None:
        """Say that somebody pressed a key."""
        self._key_us = None

    def line(self) -> None:
        """Say that a line of output came: rest."""
        self._lines += 1
        self._rest_until = time.monotonic() + REST_SECONDS

    def go_on(self) -> None:
        """End the rest: a new line was typed."""
        self._rest_until = 0.0

    @staticmethod
    def rate(lab: Lab, *, waiting: bool) -> float:
        """Give the simulated seconds that a real second brings."""
        if lab.paused:
            return 0.0
        return WAITING_RATE if waiting and not lab.rate_chosen else lab.rate

    def _left_us(self, lab: Lab) -> int:
        """Give how long time may go on without a key."""
        if self._key_us is None or lab.now_us < self._key_us:
            self._key_us = lab.now_us
        return self._key_us + UNATTENDED_SECONDS * 1_000_000 - lab.now_us

    def unattended(self, lab: Lab) -> bool:
        """Tell whether time stands still until a key is pressed."""
        return self._left_us(lab) <= 0

    def pass_time(self, lab: Lab, terminal: str, real_seconds: float, events: int) -> None:
        """Let a slice of time pass, no further than the next line of output. events: the most simulation events."""
        waiting = lab.busy(terminal) and lab.screen(terminal) is None  # an editor waits for the learner, not the other way round
        rate = self.rate(lab, waiting=waiting)
        if rate == 0 or time.monotonic() < self._rest_until:
            return
        if waiting:
            real_seconds = min(real_seconds, max(self._left_us(lab), 0) / 1_000_000 / rate)
        lines = self._lines
        lab.pass_time(real_seconds, rate, terminal, events, stop=lambda: self._lines > lines)
