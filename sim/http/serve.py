"""The sockets: an aiohttp server before a lab's clusters, and the wall clock that drives them.

The only module of the package with I/O and wall time. One event loop, one thread: a request is answered between two steps
of simulated time, never within one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sim.api import documents, times
from sim.api.errors import KubedrillError, TransportError
from sim.engine import microseconds
from sim.http.front import Answer, Ask, Front, Stream
from sim.http.negotiation import MOST_BYTES
from sim.http.tls import Identity, user_of
from sim.lab.lab import Lab
from sim.lab.lines import seconds_of

TICK_SECONDS = 0.02
EVENTS_PER_TICK = 4000
CLOCK = "/kubedrill/clock"
MOST_SPEED = 100_000.0


@dataclass(slots=True)
class Clock:
    """How simulated time follows real time. speed: simulated seconds a second."""

    lab: Lab
    speed: float = 1.0
    paused: bool = False

    def pass_time(self, real_seconds: float) -> None:
        """Let the lab's time pass as much as real time and the speed say."""
        if not self.paused:
            self.lab.advance(self.lab.now_us + microseconds(real_seconds * self.speed), max_events=EVENTS_PER_TICK)

    def described(self) -> dict[str, Any]:
        """Tell the present moment and the speed."""
        return {"now": times.stamp_micro(self.lab.engine.unix_us), "speed": self.speed, "paused": self.paused}


class Site:
    """A server for one cluster at one port, driven by a clock that several sites may share."""

    def __init__(self, front: Front, clock: Clock) -> None:
        self.front = front
        self.clock = clock
        self.app = web.Application(client_max_size=MOST_BYTES + 1024)
        self.app.router.add_get(CLOCK, self._clock)
        self.app.router.add_post(CLOCK, self._set_clock)
        self.app.router.add_route("*", "/{path:.*}", self._handle)

    async def _clock(self, _: web.Request) -> web.Response:
        return web.json_response(self.clock.described())

    async def _set_clock(self, request: web.Request) -> web.Response:
        """Set `speed`, `paused`; let `wait` pass at once (`5m`)."""
        try:
            wanted = await request.json()
            speed, paused, wait = (wanted.get(name) for name in ("speed", "paused", "wait"))
            if speed is not None:
                self.clock.speed = min(max(0.0, float(speed)), MOST_SPEED)
            if paused is not None:
                self.clock.paused = bool(paused)
            if wait is not None:
                self.clock.lab.wait(seconds_of(str(wait)))
                self.front.pass_time()
        except (ValueError, TypeError, AttributeError, KubedrillError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.clock.described())

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        secure = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
        ask = Ask(request.method, request.path, dict(request.query),
                  {name.lower(): value for name, value in request.headers.items()}, await request.read(),
                  user_of(secure.getpeercert()) if secure is not None else None)
        try:
            found = self.front.answer(ask)
        except TransportError:
            if request.transport is not None:
                request.transport.abort()  # nobody listens there now: the nearest that an open port can do
            raise asyncio.CancelledError from None
        if isinstance(found, Stream):
            return await self._stream(request, found)
        if found.after_us:
            await self._until(self.clock.lab.now_us + found.after_us)
        return _response(found)

    async def _until(self, at_us: int) -> None:
        """Wait until simulated time has come so far: asked at each tick, for a waiting client must be no simulation event."""
        while self.clock.lab.now_us < at_us:  # noqa: ASYNC110 (the lab's clock has nothing to wait for)
            await asyncio.sleep(TICK_SECONDS)

    @staticmethod
    async def _stream(request: web.Request, stream: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": stream.content_type})
        for name, value in stream.headers:
            response.headers.add(name, value)
        response.enable_chunked_encoding()
        woken = asyncio.Event()
        stream.wake = woken.set
        try:
            with contextlib.suppress(ConnectionResetError):  # the client has what it wanted
                await response.prepare(request)
                while True:
                    woken.clear()
                    chunk = stream.take()
                    if chunk:
                        await response.write(chunk)
                    elif stream.closed:
                        break
                    else:
                        await woken.wait()
                await response.write_eof()
        finally:
            stream.end()
        return response


def _response(found: Answer) -> web.Response:
    response = web.Response(status=found.code, body=found.body, headers={"Content-Type": found.content_type})
    for name, value in found.headers:
        response.headers.add(name, value)
    return response


@contextlib.asynccontextmanager
async def running(
    lab: Lab, *, host: str = "127.0.0.1", port: int = 0, speed: float = 1.0, token: str = "",
    secured: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[Clock, Mapping[str, str]]]:
    """Serve every cluster of a lab, the first at `port` (0: any), the others at the following ones.

    Yields the clock and the address of each cluster. Raises OSError where a port is taken.
    """
    clock = Clock(lab, speed)
    sites = [Site(Front(lab, cluster.name, token=token), clock) for cluster in lab.scenario.spec.clusters]
    runners, urls = [], {}
    try:
        for number, site in enumerate(sites):
            runner = web.AppRunner(site.app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            runners.append(runner)
            listener = web.TCPSite(runner, host, port + number if port else 0, ssl_context=secured)
            await listener.start()
            urls[site.front.cluster] = f"{'https' if secured else 'http'}://{host}:{runner.addresses[0][1]}"
        ticking = asyncio.create_task(_tick(clock, sites))
        try:
            yield clock, urls
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
    finally:
        for site in sites:
            for stream in list(site.front.streams):
                stream.end()
        for runner in runners:
            await runner.cleanup()


def forever(lab: Lab, ready: Callable[[Mapping[str, str]], None], **options: Any) -> None:
    """Serve until the process is interrupted; `ready` is told the addresses. options: as for `running`."""

    async def play() -> None:
        async with running(lab, **options) as (_, urls):
            ready(urls)
            await asyncio.Event().wait()

    asyncio.run(play())


async def _tick(clock: Clock, sites: list[Site]) -> None:
    last = time.monotonic()
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = time.monotonic()
        clock.pass_time(min(now - last, 0.25))
        last = now
        for site in sites:
            site.front.pass_time()


def kubeconfig(urls: Mapping[str, str], token: str = "", identity: Identity | None = None) -> str:
    """Write a kubeconfig with a context for each cluster; the first is the current one."""
    user, trust = ({"token": token} if token else {}), {}
    if identity is not None:
        user |= {"client-certificate-data": identity.certificate, "client-key-data": identity.key}
        trust = {"certificate-authority-data": identity.authority}
    names = list(urls)
    return documents.dump({
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": name, "cluster": {**trust, "server": url}} for name, url in urls.items()],
        "users": [{"name": "kubedrill", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "kubedrill"}} for name in names],
        "current-context": names[0]})
