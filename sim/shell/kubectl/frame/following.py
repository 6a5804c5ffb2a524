"""A watch of kubectl: the changes of a resource, one after another, in simulated time.

Models: client-go/tools/watch (UntilWithSync). A watch that the server cuts is opened anew.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from sim.api.client import Change, Key, Request, Watch
from sim.engine import Event, Steps
from sim.shell.kubectl.frame.invocation import Invocation


class Follow:
    """The changes of a resource from the moment it is opened; a context manager that ends the watch.

    concerns: which changes matter.
    """

    def __init__(self, inv: Invocation, resource: str, concerns: Callable[[Change], bool]) -> None:
        self.inv = inv
        self.resource = resource
        self.concerns = concerns
        self.cut = False
        self._pending: list[Change] = []
        self._bell: Event = inv.engine.event()
        self._watch: Watch | None = None

    def open(self) -> Steps[None]:
        """Ask the server for changes. Raises StatusError, TransportError."""
        self.cut = False
        response = yield from self.inv.request(Request(
            "watch", Key(self.resource, "", ""), watcher=self._seen, closed=self._closed, agent="kubectl"))
        self._watch = response.watch

    def _seen(self, change: Change) -> None:
        if self.concerns(change):
            self._pending.append(change)
            self._ring()

    def _closed(self) -> None:
        self.cut = True
        self._ring()

    def _ring(self) -> None:
        if not self._bell.triggered:
            self._bell.succeed()

    def next(self, until_us: int | None = None) -> Steps[Change | None]:
        """Wait for a change that matters: None when the time has come, or when the watch was cut (then `cut`)."""
        engine = self.inv.engine
        while not self._pending and not self.cut:
            if self._bell.triggered:
                self._bell = engine.event()
            if until_us is None:
                yield self._bell
            elif engine.now_us >= until_us:
                return None
            else:
                yield engine.any_of([self._bell, engine.sleep(until_us - engine.now_us)])
        return self._pending.pop(0) if self._pending else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._watch is not None:
            self._watch.stop()
