"""What all controllers share: a queue of keys with their causes, and a recorder of Events.

One key is reconciled per simulation event, a sync latency after it was queued, so that changes coalesce.
Models: client-go/util/workqueue, client-go/util/flowcontrol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Reader, Transport, User
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Cause, Engine, Timer
from sim.recorder import Recorder

SYNC_LOW_US, SYNC_TYPICAL_US, SYNC_HIGH_US = 10_000, 15_000, 30_000
"""facts/latencies.yaml: sync of a changed key, golden runs."""
RETRY_FIRST_US, RETRY_MOST_US = 5_000, 1000 * SECOND_US

Turns = Generator[int, None, "float | None"]
"""A reconcile that must wait for its client's limiter in between: it yields microseconds."""


class Limiter:
    """A client's token bucket: so many requests a second, and a burst. Models: flowcontrol.NewTokenBucketRateLimiter."""

    def __init__(self, engine: Engine, qps: float, burst: int) -> None:
        self.engine = engine
        self.period_us = round(SECOND_US / qps)
        self.burst_us = burst * self.period_us
        self._paid_us = -self.burst_us

    def take(self) -> None:
        """Count a request; one that could not wait goes into debt, and the next one waits for both."""
        self._paid_us = max(self._paid_us, self.engine.now_us - self.burst_us) + self.period_us

    def wait_us(self) -> int:
        """Tell how long a request must wait now."""
        return max(0, self._paid_us + self.period_us - self.engine.now_us)


class LimitedClient(Client):
    """A client whose requests are counted by a limiter of its own, as each controller's is (--kube-api-qps)."""

    def __init__(self, transport: Transport, reader: Reader, *, agent: str, user: User, limiter: Limiter) -> None:
        super().__init__(transport, reader, agent=agent, user=user)
        self.limiter = limiter

    def _send(self, verb: str, key: Key, **more: Any) -> Any:
        self.limiter.take()
        return super()._send(verb, key, **more)


def unlimited(client: Client) -> Client:
    """Give the same client without its limiter, for Events: golden/scale-timing shows that they cost a controller nothing."""
    return Client(client.transport, client.reader, agent=client.agent, user=client.user)


class Controller:
    """A loop: watches queue keys, `reconcile` makes one of them true.

    A subclass names itself, says what it watches, and reconciles. version: of kube-controller-manager.
    pods_of: of which kinds' pods it wants to hear, if not of all ("" for those without a controller).
    """

    name = ""
    watches: tuple[str, ...] = ()
    pods_of: tuple[str, ...] | None = None

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        self.engine = engine
        self.client = client
        self.version = version
        self.reader = client.reader
        self.recorder = Recorder(engine, unlimited(client), self.name)
        self._latency = engine.stream(f"controller.{self.name}")
        self._queue: dict[Key, tuple[Cause, ...]] = {}
        self._retries: dict[Key, int] = {}
        self._later: dict[Key, Timer] = {}
        self._open: list[Callable[[], None]] = []
        self._busy: dict[Key, None] = {}
        self._held_back: deque[Key] = deque()
        self._era = 0
        self.limiter = client.limiter if isinstance(client, LimitedClient) else None
        self.running = False

    def start(self) -> None:
        """Begin to watch, and queue everything that is there."""
        self.running = True
        for resource in self.watches:
            try:
                if resource == "pods" and self.pods_of is not None:
                    self._open += [self.client.watch(resource, self.changed, index="controller", value=kind).stop
                                   for kind in self.pods_of]
                else:
                    self._open.append(self.client.watch(resource, self.changed).stop)
            except StatusError as error:
                if error.code != 404:
                    raise
                continue  # a kind that this version's server does not serve
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
        self._busy.clear()
        self._held_back.clear()
        self._era += 1
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    def changed(self, change: Change) -> None:
        """Queue what a change concerns. Must not write."""
        raise NotImplementedError

    def reconcile(self, key: Key) -> float | None | Turns:
        """Make one key true; give seconds after which to look again, if so. Many requests are made in `turn`s."""
        raise NotImplementedError

    def turn(self) -> Generator[int, None, None]:
        """Wait until the client's limiter lets the next request pass."""
        wait_us = self.limiter.wait_us() if self.limiter else 0
        while wait_us > 0:
            yield wait_us
            wait_us = self.limiter.wait_us() if self.limiter else 0

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
        if key not in self._busy:
            self._soon(key)

    def _soon(self, key: Key) -> None:
        self.engine.after(
            self._latency.latency_us(SYNC_LOW_US, SYNC_TYPICAL_US, SYNC_HIGH_US), self._work, key, self._era)

    def enqueue_at(self, key: Key, at_us: int, label: str = "") -> None:
        """Queue a key at a moment; an earlier wish for the same key wins."""
        old = self._later.get(key)
        if old is not None and old.pending and old.at_us <= at_us:
            return
        if old is not None:
            old.cancel()
        self._later[key] = self.engine.at(at_us, self._due, key, label=label, about=key)

    def _due(self, key: Key) -> None:
        """A planned moment has come: no need to wait for more changes."""
        if key in self._queue or key in self._busy or not self.running:
            self.enqueue(key)
            return
        self._queue[key] = self.engine.causes
        self._work(key, self._era)

    def _work(self, key: Key, era: int) -> None:
        if era != self._era or key not in self._queue:
            return
        wait_us = self.limiter.wait_us() if self.limiter else 0
        if wait_us > 0:
            self._held_back.append(key)
            if len(self._held_back) == 1:
                self.engine.after(wait_us, self._let_pass, era)
            return
        self._begin(key, era)

    def _let_pass(self, era: int) -> None:
        """Sync the keys that the limiter held back, in order, as far as it allows: one timer serves them all."""
        if era != self._era:
            return
        while self._held_back:
            wait_us = self.limiter.wait_us() if self.limiter else 0
            if wait_us > 0:
                self.engine.after(wait_us, self._let_pass, era)
                return
            key = self._held_back.popleft()
            if key in self._queue:
                self._begin(key, era)

    def _begin(self, key: Key, era: int) -> None:
        causes = self._queue.pop(key)
        with self.engine.because(causes):
            try:
                again = self.reconcile(key)
            except (StatusError, TransportError) as error:
                self._failed(key, causes, error)
                return
            if isinstance(again, Generator):
                self._busy[key] = None
                self._go_on(key, again, causes, era)
            else:
                self._done(key, again)

    def _go_on(self, key: Key, steps: Turns, causes: tuple[Cause, ...], era: int) -> None:
        """Take a reconcile's next step; meanwhile its key is not given to another."""
        if era != self._era:
            return
        with self.engine.because(causes):
            try:
                wait_us = next(steps)
            except StopIteration as end:
                del self._busy[key]
                self._done(key, end.value)
            except (StatusError, TransportError) as error:
                del self._busy[key]
                self._failed(key, causes, error)
            else:
                self.engine.after(wait_us, self._go_on, key, steps, causes, era)
                return
        if key in self._queue and key not in self._retries:
            self._soon(key)

    def _done(self, key: Key, again: float | None) -> None:
        self._retries.pop(key, None)
        if again is not None:
            self.enqueue_at(key, self.engine.now_us + round(again * SECOND_US))

    def _failed(self, key: Key, causes: tuple[Cause, ...], error: StatusError | TransportError) -> None:
        """Try again later, a little later each time."""
        tries = self._retries[key] = self._retries.get(key, 0) + 1
        self._queue[key] = self.engine.join_causes(self._queue.get(key, ()), causes)
        self.engine.after(min(RETRY_FIRST_US << min(tries, 20), RETRY_MOST_US), self._work, key, self._era)

    def now(self) -> str:
        """Give the present as a stamp."""
        return times.stamp(self.engine.unix_us)
