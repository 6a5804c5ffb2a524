"""A host's journal: what systemd and its units wrote, oldest first.

Models: systemd-journald as `journalctl` shows it. Left out: rotation, fields beyond those shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6
BACKLOG_MOST = 20_000
"""Older entries are dropped, as SystemMaxUse would."""


class Entry(NamedTuple):
    """One entry. at_us: since 1970; boot: the number of the host's boot, from 0; catalog: what `-x` explains."""

    at_us: int
    identifier: str
    pid: int
    text: str
    unit: str = ""
    priority: int = INFO
    boot: int = 0
    catalog: str = ""


class Journal:
    """The entries of one host."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._followers: dict[Callable[[Entry], None], None] = {}

    def append(self, entry: Entry) -> None:
        """Write an entry and tell those who follow."""
        self.entries.append(entry)
        if len(self.entries) > BACKLOG_MOST:
            del self.entries[: BACKLOG_MOST // 10]
        for follower in list(self._followers):
            follower(entry)

    def follow(self, follower: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `follower` at each entry from now on; gives the way to stop."""
        self._followers[follower] = None
        return lambda: self._followers.pop(follower, None)  # type: ignore[func-returns-value]
