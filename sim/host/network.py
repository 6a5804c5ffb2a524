"""Hosts, and the network between them: who listens, who can reach whom.

Models: what a client sees of TCP: refused, no route, timed out. Packets are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api.client import Request, Response, Transport
from sim.api.errors import TransportError
from sim.engine import Engine
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
    """A way to an API server that is tried anew at every request."""

    def __init__(self, network: Network, client: Host, address: str, port: int) -> None:
        self.network = network
        self.client = client
        self.address = address
        self.port = port

    def server(self) -> Transport:
        """Give the server that listens there now. Raises TransportError."""
        found: Transport = self.network.dial(self.client, self.address, self.port)
        return found

    def handle(self, request: Request) -> Response:
        """Pass a request on. Raises TransportError or StatusError."""
        return self.server().handle(request)


class Network:
    """All hosts of a lab, their listeners, and which links are cut."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.hosts: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self.listeners: dict[tuple[str, int], Any] = {}
        self.cuts: dict[frozenset[str], None] = {}
        self.slow_images: dict[str, float] = {}
        self.mirrors = Mirrors()
        self.addresses: dict[str, list[str]] = {}
        """Shared addresses (a load balancer's) -> the hosts behind them."""
        self.etcds: dict[int, Any] = {}
        """etcd clusters of several members, by their ids."""
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

    def listen(self, host: Host, port: int, service: Any) -> None:
        """Open a port."""
        self.listeners[host.name, port] = service
        self.changed(port)

    def close(self, host: Host, port: int) -> None:
        """Close a port."""
        self.listeners.pop((host.name, port), None)
        self.changed(port)

    def cut(self, one: str, other: str) -> None:
        """Lose every packet between two hosts."""
        self.cuts[frozenset((one, other))] = None
        self.changed()

    def heal(self, one: str, other: str) -> None:
        """Let packets through again."""
        self.cuts.pop(frozenset((one, other)), None)
        self.changed()
