"""Simulated time: integer microseconds, named random streams, causes, and the one way to make time pass.

The only module that imports simpy. It knows nothing of Kubernetes. Ties in time are broken by the order of
scheduling (SimPy's counter), so a run depends only on the seed and on what was asked, never on hashes or
addresses. Real time is an outer skin's business: it calls `Engine.advance` as often as it likes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import simpy
from simpy.events import NORMAL, Event, Initialize, Process
from simpy.exceptions import Interrupt

__all__ = ["SECOND_US", "Cause", "Engine", "Event", "Interrupt", "Process", "Steps", "Stream", "Timer", "microseconds"]

SECOND_US = 1_000_000
CAUSES_MAX = 4

_sha256 = hashlib.sha256
_at_us = itemgetter(1)
T = TypeVar("T")
Steps = Generator[Event, Any, T]
"""What a process is: a generator that yields engine events and returns a value."""


def microseconds(seconds: float) -> int:
    """Turn seconds, as they stand in texts and settings, into the engine's integer microseconds."""
    return round(seconds * SECOND_US)


class Cause(NamedTuple):
    """Why something happened: a link that `:why` follows.

    kind: `line` (something typed), `fault`, `timer` (a setting ran out), `change` (a committed write) or `start`.
    """

    kind: str
    at_us: int
    text: str
    revision: int = 0


@cache
def _letters(alphabet: str) -> bytes:
    """Give the table that turns a byte into a letter of the (ASCII) alphabet."""
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))


class Stream:
    """A named source of chance, the same on every Python and platform.

    Draws integers only, from SHA-256 of (seed, name, counter): `random`'s float methods differ between versions.
    """

    __slots__ = ("_count", "_prefix")

    def __init__(self, seed: int, name: str) -> None:
        self._prefix = f"{seed}/{name}/".encode()
        self._count = 0

    def uniform(self, low: int, high: int) -> int:
        """Draw an integer from low to high, both included."""
        self._count += 1
        digest = _sha256(self._prefix + str(self._count).encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of the options."""
        return options[self.uniform(0, len(options) - 1)]

    def text(self, alphabet: str, length: int) -> str:
        """Draw a text of `length` letters of the alphabet (generated names, uids, tokens)."""
        self._count += 1
        digest = hashlib.sha512(self._prefix + str(self._count).encode()).digest()
        return digest[:length].translate(_letters(alphabet)).decode()

    def latency_us(self, low_us: int, typical_us: int, high_us: int) -> int:
        """Draw a duration from low to high, most often near typical (a triangle of integers)."""
        if low_us >= high_us:
            return low_us
        if self.uniform(0, high_us - low_us - 1) < typical_us - low_us:
            span = typical_us - low_us
            return low_us + max(self.uniform(0, span), self.uniform(0, span))
        span = high_us - typical_us
        return typical_us + min(self.uniform(0, span), self.uniform(0, span))


class Timer(Event):
    """A call at a moment of simulated time. With a label it is shown to people (`:timers`).

    label: what will happen and by which setting (`tolerationSeconds 300 of Pod default/web-1 runs out`).
    about: what it concerns, an `api.Key` or a host's name; for searching.
    """

    __slots__ = ("_args", "_call", "about", "at_us", "cancelled", "causes", "label")

    def __init__(self, engine: Engine, at_us: int, call: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.env = engine._env
        self.callbacks = [engine._fire]
        self.at_us = at_us
        self.label = ""
        self.about: Any = None
        self.causes = engine.causes
        self.cancelled = False
        self._call = call
        self._args = args
        self._ok = True
        self._value = None

    def cancel(self) -> None:
        """Take the timer back; nothing will happen. Harmless when it has fired."""
        self.cancelled = True

    @property
    def pending(self) -> bool:
        """Tell whether the timer will still fire."""
        return self.callbacks is not None and not self.cancelled


class Engine:
    """The clock of a lab, its queue of simulation events and its sources of chance.

    seed: everything random follows from it.
    epoch_s: Unix time in seconds at which simulated time 0 lies.
    """

    def __init__(self, *, seed: int = 0, epoch_s: int = 1_750_000_000) -> None:
        self._env = simpy.Environment(initial_time=0)
        self.seed = seed
        self.epoch_s = epoch_s
        self.now_us = 0
        """The simulated time in microseconds since the lab began. Only `step` and `advance` set it."""
        self._epoch_us = epoch_s * SECOND_US
        self.causes: tuple[Cause, ...] = ()
        self.events_processed = 0
        self._streams: dict[str, Stream] = {}
        self._labelled: dict[Timer, None] = {}

    @property
    def unix_us(self) -> int:
        """Give the simulated date as microseconds since 1970."""
        return self._epoch_us + self.now_us

    def stream(self, name: str) -> Stream:
        """Give the random stream of that name; the same name is the same stream."""
        if name not in self._streams:
            self._streams[name] = Stream(self.seed, name)
        return self._streams[name]

    # ---- scheduling -------------------------------------------------------------------------------------------
    def after(
        self, delay_us: int, call: Callable[..., object], *args: Any, label: str = "", about: Any = None
    ) -> Timer:
        """Call `call(*args)` after a delay, with the present causes (and, if labelled, the timer as one of them)."""
        timer = Timer(self, self.now_us + delay_us, call, args)
        if label:
            timer.label = label
            self._labelled[timer] = None
        timer.about = about
        self._env.schedule(timer, NORMAL, max(0, delay_us))
        return timer

    def at(self, at_us: int, call: Callable[..., object], *args: Any, label: str = "", about: Any = None) -> Timer:
        """Call `call(*args)` at a moment; one that has passed means now."""
        return self.after(max(0, at_us - self.now_us), call, *args, label=label, about=about)

    def _fire(self, timer: Event) -> None:
        assert isinstance(timer, Timer)
        if timer.label:
            self._labelled.pop(timer, None)
        if timer.cancelled:
            return
        causes = timer.causes
        if timer.label:
            causes = self.join_causes(causes, (Cause("timer", timer.at_us, timer.label),))
        outer = self.causes
        self.causes = causes
        try:
            timer._call(*timer._args)
        finally:
            self.causes = outer

    def event(self) -> Event:
        """Make an event that somebody will trigger with `succeed(value)`."""
        return self._env.event()

    def sleep(self, delay_us: int) -> Event:
        """Make an event that happens after a delay; a process yields it."""
        return self._env.timeout(max(0, delay_us))

    def any_of(self, events: Sequence[Event]) -> Event:
        """Make an event that happens with the first of the events."""
        return self._env.any_of(events)

    def process(self, steps: Steps[Any], causes: tuple[Cause, ...] | None = None) -> Process:
        """Start a generator as a process; what it does carries the causes (those of the caller if not given)."""
        return self._env.process(self._carry(steps, self.causes if causes is None else causes))

    def stop(self, process: Process) -> bool:
        """Interrupt a process; one that is about to begin is interrupted when it has. False: it is the one that asks."""
        if process is self._env.active_process:
            return False
        if process.is_alive and isinstance(process.target, Initialize):
            self.after(0, self.stop, process)
        elif process.is_alive:
            process.interrupt()
        return True

    def _carry(self, steps: Steps[T], causes: tuple[Cause, ...]) -> Steps[T]:
        """Run the steps so that each of them sees its own causes, whoever else ran in between."""
        value: Any = None
        failure: BaseException | None = None
        while True:
            outer, self.causes = self.causes, causes
            try:
                event = steps.send(value) if failure is None else steps.throw(failure)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            finally:
                causes, self.causes = self.causes, outer
            value, failure = None, None
            try:
                value = yield event
            except BaseException as error:  # noqa: BLE001  (an Interrupt or a failed event: the steps' own to handle)
                failure = error

    # ---- causes -----------------------------------------------------------------------------------------------
    def because(self, causes: tuple[Cause, ...]) -> _Because:
        """Give a context in which everything done carries these causes."""
        return _Because(self, causes)

    @staticmethod
    def join_causes(first: tuple[Cause, ...], second: tuple[Cause, ...]) -> tuple[Cause, ...]:
        """Join two lists of causes, oldest first, at most four: the first and the latest three are kept."""
        if first is second or not second:
            return first
        if len(second) == 1 and first and first[-1].at_us <= second[0].at_us:
            if second[0] in first:
                return first
            return (*first, *second) if len(first) < CAUSES_MAX else (first[0], *first[2 - CAUSES_MAX:], *second)
        joined = list(dict.fromkeys((*first, *second)))
        joined.sort(key=_at_us)
        if len(joined) > CAUSES_MAX:
            joined = [joined[0], *joined[-(CAUSES_MAX - 1) :]]
        return tuple(joined)

    # ---- letting time pass ------------------------------------------------------------------------------------
    def peek_us(self) -> int | None:
        """Tell when the next simulation event is, None when there is none."""
        when = self._env.peek()
        return None if when == float("inf") else int(when)

    def step(self) -> None:
        """Process one simulation event. Raises IndexError when there is none."""
        env = self._env
        if not env._queue:
            raise IndexError("no simulation event")
        self.now_us = int(env._queue[0][0])
        env.step()
        self.events_processed += 1

    def advance(
        self, until_us: int, *, max_events: int | None = None, stop: Callable[[], bool] | None = None
    ) -> int:
        """Let simulated time pass: the only thing that does.

        until_us: the moment to stop at; events at that very moment still happen.
        max_events: at most so many simulation events (the screen must stay alive); time then stands at the last.
        stop: asked after each event; True ends the advance there.

        Returns the moment reached, in microseconds.
        """
        done, queue = 0, self._env._queue
        while queue and queue[0][0] <= until_us:
            if max_events is not None and done >= max_events:
                return self.now_us
            self.step()
            done += 1
            if stop is not None and stop():
                return self.now_us
        if until_us > self.now_us:
            self._env._now = self.now_us = until_us
        return self.now_us

    def timers(self) -> list[Timer]:
        """List the labelled timers that are still to fire, earliest first."""
        for timer in [t for t in self._labelled if not t.pending]:
            del self._labelled[timer]
        return sorted(self._labelled, key=lambda timer: timer.at_us)


class _Because:
    """The context of `Engine.because`; a class because it is on the hot path."""

    __slots__ = ("_causes", "_engine", "_outer")

    def __init__(self, engine: Engine, causes: tuple[Cause, ...]) -> None:
        self._engine = engine
        self._causes = causes

    def __enter__(self) -> None:
        self._outer = self._engine.causes
        self._engine.causes = self._causes

    def __exit__(self, *error: object) -> None:
        self._engine.causes = self._outer
