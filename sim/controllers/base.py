"""What all controllers share: a queue of keys with their causes.

One key is reconciled per simulation event, a sync latency after it was queued, so that changes coalesce.
Models: client-go/util/workqueue. Left out: client rate limits of controllers.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.api import objects, times
from sim.api.client import Change, Client, Key
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Cause, Engine, Timer
from sim.recorder import Recorder

SYNC_LOW_US, SYNC_TYPICAL_US, SYNC_HIGH_US = 10_000, 15_000, 30_000
"""facts/latencies.yaml: sync of a changed key, golden runs."""
RETRY_FIRST_US, RETRY_MOST_US = 5_000, 1000 * SECOND_US


def cause_of(change: Change) -> Cause:
    """Make the cause that a change is for what follows from it."""
    verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}[change.type]
    name = "/".join(filter(None, (change.key.namespace, change.key.name)))
    why = f": {change.because}" if change.because else ""
    return Cause("change", change.at_us, f"{change.object.get('kind', '')} {name} {verb}{why}", change.revision)


class Controller:
    """A loop: watches queue keys, `reconcile` makes one of them true.

    A subclass names itself, says what it watches, and reconciles.
    """

    name = ""
    watches: tuple[str, ...] = ()

    def __init__(self, engine: Engine, client: Client) -> None:
        self.engine = engine
        self.client = client
        self.reader = client.reader
        self.recorder = Recorder(engine, client, self.name)
        self._latency = engine.stream(f"controller.{self.name}")
        self._queue: dict[Key, tuple[Cause, ...]] = {}
        self._retries: dict[Key, int] = {}
        self._later: dict[Key, Timer] = {}
        self._open: list[Callable[[], None]] = []
        self.running = False

    def start(self) -> None:
        """Begin to watch, and queue everything that is there."""
        self.running = True
        for resource in self.watches:
            self._open.append(self.client.watch(resource, self._seen).stop)
        for resource in self.watches:
            for obj in self.reader.list(resource):
                self.changed(Change(0, "ADDED", objects.key(resource, obj), None, obj, self.engine.now_us))

    def stop(self) -> None:
        """Stop at once: what is queued is forgotten."""
        self.running = False
        for stop in self._open:
            stop()
        self._open.clear()
        self._queue.clear()
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    def _seen(self, change: Change) -> None:
        with self.engine.because(self.engine.join_causes(change.causes, (cause_of(change),))):
            self.changed(change)

    def changed(self, change: Change) -> None:
        """Queue what a change concerns. Must not write."""
        raise NotImplementedError

    def reconcile(self, key: Key) -> float | None:
        """Make one key true; give seconds after which to look again, if so."""
        raise NotImplementedError

    # ---- the queue --------------------------------------------------------------------------------------------
    def enqueue(self, key: Key) -> None:
        """Queue a key, with the present causes; a key that is queued already keeps its place."""
        if not self.running:
            return
        before = self._queue.get(key)
        if before is not None:
            self._queue[key] = self.engine.join_causes(before, self.engine.causes)
            return
        self._queue[key] = self.engine.causes
        self.engine.after(self._latency.latency_us(SYNC_LOW_US, SYNC_TYPICAL_US, SYNC_HIGH_US), self._work, key)

    def enqueue_at(self, key: Key, at_us: int, label: str = "") -> None:
        """Queue a key at a moment; an earlier wish for the same key wins."""
        old = self._later.get(key)
        if old is not None and old.pending and old.at_us <= at_us:
            return
        if old is not None:
            old.cancel()
        self._later[key] = self.engine.at(at_us, self.enqueue, key, label=label, about=key)

    def _work(self, key: Key) -> None:
        causes = self._queue.pop(key, None)
        if causes is None or not self.running:
            return
        with self.engine.because(causes):
            try:
                again = self.reconcile(key)
            except (StatusError, TransportError):
                tries = self._retries[key] = self._retries.get(key, 0) + 1
                self._queue[key] = causes
                self.engine.after(min(RETRY_FIRST_US << min(tries, 20), RETRY_MOST_US), self._work, key)
                return
            self._retries.pop(key, None)
            if again is not None:
                self.enqueue_at(key, self.engine.now_us + round(again * SECOND_US))

    def now(self) -> str:
        """Give the present as a stamp."""
        return times.stamp(self.engine.unix_us)
