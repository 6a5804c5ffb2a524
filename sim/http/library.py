"""A cluster for your own tests: behind a socket in a thread, or in your process without one. The test drives the clock.

`with sim.serve("first-steps") as cluster:` serves real clients; `in_process(lab, httpx)` is a transport for Python clients
that are built on httpx (or its successor): a watch that is read lets simulated time pass, as far as its own time-out.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from sim.engine import SECOND_US, microseconds
from sim.http.front import Answer, Ask, Front
from sim.http.serve import Clock, kubeconfig, running
from sim.lab.lab import Lab

T = TypeVar("T")
NOBODY = "connect: connection refused"
WATCH_SECONDS = 300.0
"""How long a watch without a time-out of its own is read before it ends."""
LOOK_SECONDS = 1.0


class Served:
    """A lab behind sockets. urls: the address of each cluster, by name."""

    def __init__(self, lab: Lab, clock: Clock, urls: Mapping[str, str], loop: asyncio.AbstractEventLoop) -> None:
        self.lab = lab
        self.urls = urls
        self._clock = clock
        self._loop = loop

    @property
    def url(self) -> str:
        """Give the address of the first cluster."""
        return next(iter(self.urls.values()))

    def write_kubeconfig(self, path: str | Path) -> None:
        """Write a kubeconfig with a context for each cluster."""
        Path(path).write_text(kubeconfig(self.urls), encoding="utf-8")

    def call(self, function: Callable[[Lab], T]) -> T:
        """Do something with the lab between two requests (it belongs to the server's thread), and give what it gives."""

        async def play() -> T:
            return function(self.lab)

        return self._run(play())

    def advance(self, seconds: float) -> None:
        """Let simulated time pass at once."""
        self.call(lambda lab: lab.wait(seconds))

    def run(self, line: str) -> tuple[int, str, str]:
        """Type a line at the lab's main terminal: its status, what it printed, what it complained of."""
        found = self.call(lambda lab: lab.run(line))
        return found.status, found.stdout, found.stderr

    def _run(self, play: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(play, self._loop).result()


@contextmanager
def serve(lab: Lab, *, speed: float = 0.0, port: int = 0) -> Iterator[Served]:
    """Serve a lab on loopback while the block runs. speed: simulated seconds a second; 0: the test alone lets time pass."""
    loop = asyncio.new_event_loop()
    ready: asyncio.Future[tuple[Clock, Mapping[str, str]]] = loop.create_future()
    over = asyncio.Event()

    async def play() -> None:
        try:
            async with running(lab, port=port, speed=speed) as found:
                ready.set_result(found)
                await over.wait()
        except OSError as error:
            ready.set_exception(error)

    async def wait() -> tuple[Clock, Mapping[str, str]]:
        return await ready

    thread = threading.Thread(target=lambda: loop.run_until_complete(play()), daemon=True)
    thread.start()
    try:
        clock, urls = asyncio.run_coroutine_threadsafe(wait(), loop).result()
        yield Served(lab, clock, urls, loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def in_process(lab: Lab, library: ModuleType, cluster: str = "") -> Any:
    """Make a transport for a client that is built on httpx.

    library: the module whose `BaseTransport` the client wants (`httpx`). Each request costs no simulated time; reading a
    watch or a followed log lets it pass.
    """
    front = Front(lab, cluster)

    class InProcess(library.BaseTransport):  # type: ignore[misc, name-defined]  # the module is the caller's
        """Answers from the lab, without sockets."""

        def handle_request(self, request: Any) -> Any:
            """Answer a request."""
            from sim.api.errors import TransportError

            ask = Ask(request.method, request.url.path, dict(request.url.params),
                      {name.lower(): value for name, value in request.headers.items()}, request.read())
            try:
                found = front.answer(ask)
            except TransportError:
                raise library.ConnectError(NOBODY, request=request) from None
            if isinstance(found, Answer):
                if found.after_us:
                    lab.advance(lab.now_us + found.after_us)
                return library.Response(found.code, headers=[("Content-Type", found.content_type), *found.headers],
                                        content=found.body)
            return library.Response(200, headers=[("Content-Type", found.content_type), *found.headers], stream=Body(found))

    class Body(library.SyncByteStream):  # type: ignore[misc, name-defined]
        """What a stream gives, while simulated time passes."""

        def __init__(self, stream: Any) -> None:
            self.stream = stream
            self.until_us = stream.ends_us or lab.now_us + microseconds(WATCH_SECONDS)

        def __iter__(self) -> Iterator[bytes]:
            while True:
                if chunk := self.stream.take():
                    yield chunk
                elif self.stream.closed or lab.now_us >= self.until_us:
                    return
                else:
                    lab.advance(min(self.until_us, lab.now_us + round(LOOK_SECONDS * SECOND_US)))
                    front.pass_time()

        def close(self) -> None:
            self.stream.end()

    return InProcess()
