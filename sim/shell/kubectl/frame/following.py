"""A watch of kubectl: the changes of a resource, one after another, in simulated time.

Models: client-go/tools/watch (UntilWithSync). A watch that the server cuts is opened anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from sim.api.client import Change, Key, Request, Watch
from sim.engine import Event, Interrupt, Steps
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


def follow_log(inv: Invocation, key: Key, query: Mapping[str, str], show: Callable[[str], None]) -> Steps[int]:
    """Show a container's log and what it writes later, until it ends or Ctrl-C (130). Raises StatusError, TransportError."""
    pending: list[str] = []
    bell: list[Event] = [inv.engine.event()]
    over: list[bool] = []

    def ring() -> None:
        if not bell[0].triggered:
            bell[0].succeed()

    def seen(text: Any) -> None:
        pending.append(text)
        ring()

    def closed() -> None:
        over.append(True)
        ring()

    response = yield from inv.request(Request(
        "get", key, subresource="log", query={**query, "follow": "true"}, watcher=seen, closed=closed, user=inv.user,
        agent="kubectl"))
    show(response.body)
    try:
        while response.watch is not None and not (over and not pending):
            yield bell[0]
            bell[0] = inv.engine.event()
            while pending:
                show(pending.pop(0))
    except Interrupt:
        return 130
    finally:
        if response.watch is not None:
            response.watch.stop()
    return 0
