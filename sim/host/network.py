"""Hosts, and the network between them: who listens, who can reach whom.

Models: what a client sees of TCP: refused, no route, timed out. Packets are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.api.client import ADMIN, Request, Response, Transport, User
from sim.api.errors import TransportError
from sim.engine import SECOND_US, Engine, Timer
from sim.host import tls
from sim.host.machine import Host
from sim.host.packages.repositories import Mirrors

__all__ = ["Connection", "Deaf", "Host", "Network"]
TIMEOUT_SECONDS = 30.0
"""How long a client dials before it gives up (net.Dialer of client-go)."""


class Deaf:
    """A port that is open but does not answer yet: dialling it fails in its own way."""

    def __init__(self, error: TransportError) -> None:
        self.error = error


class Connection:
    """A way to an API server that is tried anew at every request.

    credentials: what its user trusts and shows; None for what is inside the simulator and needs none. lasting: it is told when
    what it shows runs out. once: the server looks at that when they meet, not at every request.
    """

    def __init__(
        self, network: Network, client: Host, address: str, port: int, credentials: tls.Credentials | None = None, *,
        lasting: bool = False, once: bool = False,
    ) -> None:
        self.network = network
        self.client = client
        self.address = address
        self.port = port
        self.credentials = credentials
        self.lasting = lasting
        self.once = once
        self.user: User = ADMIN
        self._met: Any = None
        self._epoch = self._until_s = 0

    def server(self) -> Transport:
        """Give the server that listens there now, if both accept each other. Raises TransportError, StatusError 401."""
        found: Transport = self.network.dial(self.client, self.address, self.port)
        if self.credentials is not None and (found is not self._met or not self.once and (
                self._epoch != self.network.clock.epoch or self.network.engine.unix_us >= self._until_s * SECOND_US)):
            self._meet(found, self.credentials)
        return found

    def _meet(self, found: Any, mine: tls.Credentials) -> None:
        """Shake hands with a server not met before; show the client's certificate again where time or a fault asks for it."""
        network = self.network
        serving = network.serving(self.client, self.address, self.port)
        if serving is None:
            return
        now_s = network.engine.unix_us // SECOND_US
        if found is not self._met:
            self._met = None
            tls.check_server(serving, mine, self.address, now_s, network.clock)
        self.user = tls.check_client(serving, mine, now_s, network.clock)
        self._met, self._epoch = found, network.clock.epoch
        self._until_s = mine.certificate.not_after if mine.certificate is not None else 1 << 60
        if self.lasting and mine.certificate is not None:
            network.ends(self._until_s)

    def handle(self, request: Request) -> Response:
        """Pass a request on; one of nobody's is of who the credentials say. Raises TransportError or StatusError."""
        server = self.server()
        if not request.user.name:
            request = replace(request, user=self.user)
        return server.handle(request)


class Network:
    """All hosts of a lab, their listeners, and which links are cut."""

    def __init__(self, engine: Engine, *, keep_history: bool = True) -> None:
        self.engine = engine
        self.keep_history = keep_history
        """Whether the etcds of these hosts remember every change: for looking back, not for the cluster itself."""
        self.hosts: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self.listeners: dict[tuple[str, int], Any] = {}
        self.servings: dict[tuple[str, int], tls.Serving] = {}
        """What those of them show who speak TLS."""
        self.clock = tls.Clock()
        self._ends: Timer | None = None
        self.cuts: dict[frozenset[str], None] = {}
        self.slow_images: dict[str, float] = {}
        self.mirrors = Mirrors()
        self.addresses: dict[str, list[str]] = {}
        """Shared addresses (a load balancer's) -> the hosts behind them."""
        self.etcds: dict[int, Any] = {}
        """etcd clusters of several members, by their ids."""
        self.buckets: dict[str, Any] = {}
        """An object store outside all clusters: what lies in its buckets, by their names."""
        self._notices: dict[Callable[[], None], int] = {}

    def add(
        self, name: str, address: str, *, users: tuple[str, ...] = (), system: str = "jammy", cpu: int = 2,
        memory_bytes: int = 4 << 30,
    ) -> Host:
        """Add a host."""
        host = self.hosts[name] = Host(
            name, address, self, users=users, system=system, cpu=cpu, memory_bytes=memory_bytes)
        self._by_address.setdefault(address, host)
        host.files.view().write("/etc/hosts", f"127.0.0.1 localhost\n{address} {name}\n".encode())
        return host

    def name_hosts(self) -> None:
        """Write every host's /etc/hosts: once after all were added, for it grows with their square."""
        lines = ["127.0.0.1 localhost", *(f"{each.address} {each.name}" for each in self.hosts.values())]
        content = ("\n".join(lines) + "\n").encode()
        for each in self.hosts.values():
            each.files.view().write("/etc/hosts", content)

    def find(self, address: str, client: Host, port: int = 0) -> Host | None:
        """Give the host of a name or address, as the client sees it; behind a shared address the first that answers."""
        if address in self.addresses:
            behind = [self.hosts[name] for name in self.addresses[address] if self.hosts[name].powered]
            reached = [host for host in behind if not self.is_cut(client, host)]
            return next((host for host in reached if (host.name, port) in self.listeners), next(iter(reached or behind), None))
        if address in ("127.0.0.1", "localhost"):
            return client
        return self.hosts.get(address) or self._by_address.get(address)

    def dial(self, client: Host, address: str, port: int) -> Any:
        """Give the service that listens at an address. Raises TransportError."""
        host = self.find(address, client, port)
        if host is not None and host.powered and not (self.cuts and self.is_cut(client, host)):
            service = self.listeners.get((host.name, port))
            if service is not None and not isinstance(service, Deaf):
                return service
        shown = "127.0.0.1" if address == "localhost" else address
        if host is None:
            raise TransportError("no-route", f"dial tcp {shown}:{port}: connect: no route to host", 3.0)
        if not host.powered or self.is_cut(client, host):
            raise TransportError("timeout", f"dial tcp {shown}:{port}: i/o timeout", TIMEOUT_SECONDS)
        service = self.listeners.get((host.name, port))
        if service is None:
            raise TransportError("refused", f"dial tcp {shown}:{port}: connect: connection refused")
        if isinstance(service, Deaf):
            raise service.error
        return service

    def serving(self, client: Host, address: str, port: int) -> tls.Serving | None:
        """Give what the listener at an address shows, None where it speaks no TLS."""
        host = self.find(address, client, port)
        return self.servings.get((host.name, port)) if host is not None else None

    def is_cut(self, one: Host, other: Host) -> bool:
        """Tell whether packets between two hosts are lost."""
        return bool(self.cuts) and frozenset((one.name, other.name)) in self.cuts

    # ---- changes ----------------------------------------------------------------------------------------------
    def on_change(self, notice: Callable[[], None], port: int = 0) -> Callable[[], None]:
        """Be told whenever a listener, link or host comes or goes; gives the way to stop. port: of listeners only that."""
        self._notices[notice] = port

        def stop() -> None:
            self._notices.pop(notice, None)

        return stop

    def changed(self, port: int = 0) -> None:
        """Tell everybody; of a change of listeners only those whom the port concerns."""
        for notice in [each for each, asked in self._notices.items() if not port or asked in (0, port)]:
            notice()

    def listen(self, host: Host, port: int, service: Any, serving: tls.Serving | None = None) -> None:
        """Open a port. serving: what it shows where it speaks TLS."""
        self.listeners[host.name, port] = service
        if serving is not None:
            self.servings[host.name, port] = serving
        self.changed(port)

    def close(self, host: Host, port: int) -> None:
        """Close a port."""
        self.listeners.pop((host.name, port), None)
        self.servings.pop((host.name, port), None)
        self.changed(port)

    def ends(self, at_s: int) -> None:
        """Have everybody look again when a certificate that is in use ends (seconds since 1970): one timer for all."""
        at_us = at_s * SECOND_US - self.engine.epoch_s * SECOND_US
        if at_us <= self.engine.now_us or (self._ends is not None and self._ends.pending and self._ends.at_us <= at_us):
            return
        if self._ends is not None:
            self._ends.cancel()
        self._ends = self.engine.at(at_us, self.changed)

    def expire(self, serials: dict[int, None]) -> None:
        """End certificates now, in files and in memory alike."""
        self.clock.ended |= dict.fromkeys(serials, self.engine.unix_us // SECOND_US)
        self.clock.epoch += 1
        self.changed()

    def cut(self, one: str, other: str) -> None:
        """Lose every packet between two hosts."""
        self.cuts[frozenset((one, other))] = None
        self.changed()

    def heal(self, one: str, other: str) -> None:
        """Let packets through again."""
        self.cuts.pop(frozenset((one, other)), None)
        self.changed()
