"""One request for an address: outside the lab, or to a health port of one of its hosts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sim.api.client import Key, Request
from sim.api.errors import TransportError
from sim.engine import Steps, microseconds
from sim.host.machine import Host
from sim.host.packages.cache import today
from sim.host.packages.repositories import REFUSED, UNRESOLVED
from sim.host.web import pages
from sim.host.web.pages import Page
from sim.shell.pipes import Call
from sim.shell.system.web import cluster

HEALTH = ("healthz", "livez", "readyz", "health", "metrics")
KUBELET_HEALTH_PORT = 10248
NO_SUCH_NAME, NO_CONNECTION, TIMED_OUT = "name", "connection", "time"
SECONDS = 0.15
MEGABYTES_A_SECOND = (8, 25, 60)


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def text(self) -> str:
        """Write it again."""
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.host}{'' if self.port == usual else f':{self.port}'}{self.path}"


class Failed(Exception):
    """No answer came: kind is one of the constants above, or `refused` where the address is not modelled."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind


def read(word: str) -> Address | None:
    """Read an address; `http` where it has no scheme."""
    match = re.fullmatch(r"(?:(https?)://)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(/[^#]*|\?[^#]*)?(?:#.*)?", word)
    if match is None:
        return None
    scheme = match[1] or "http"
    return Address(scheme, match[2], int(match[3] or {"http": 80, "https": 443}[scheme]), match[4] or "/")


def fetch(call: Call, address: Address) -> Steps[Page]:
    """Fetch an address. Raises Failed."""
    yield call.engine.sleep(microseconds(SECONDS))
    try:
        behind = cluster.answer(call, address.host, address.port, address.path)
    except cluster.Unreachable as error:
        raise Failed({"refused": NO_CONNECTION, "timeout": TIMED_OUT}.get(error.kind, "refused"), str(error) or address.host) from None
    if behind is not None:
        return behind
    host = call.host.network.find(address.host, call.host, address.port)
    if host is not None:
        return _inside(call, address, host)
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", address.host):
        raise Failed("refused", f"{call.name} {address.text}")
    found = pages.get(call.host.network.mirrors, address.text, today(call.host))
    if isinstance(found, Page):
        rate = call.engine.stream(f"web.{call.host.name}").latency_us(*MEGABYTES_A_SECOND)
        yield call.engine.sleep(found.length // rate)
        return found
    if found == UNRESOLVED:
        raise Failed(NO_SUCH_NAME, address.host)
    if found == REFUSED:
        raise Failed(NO_CONNECTION, address.host)
    raise Failed("refused", f"{call.name} {address.text}")


def _inside(call: Call, address: Address, host: Host) -> Page:
    """Ask a program of the lab."""
    path = address.path.strip("/").partition("?")[0]
    try:
        service = call.host.network.dial(call.host, address.host, address.port)
        if path == "version" and hasattr(service, "handle"):
            body = service.handle(Request("get", Key("", "", "/version"), agent=call.name)).body
            return Page(200, json.dumps(body, indent=2).encode(), kind="application/json")
    except TransportError as error:
        if error.kind not in ("refused", "timeout"):
            raise Failed("refused", f"{call.name} {address.text}") from None
        if error.kind == "timeout":
            raise Failed(TIMED_OUT, address.host) from None
        if not host.powered:
            raise Failed(TIMED_OUT, address.host) from None
    answers = [service.healthy(f"/{path}", address.port) for service in _services(host, address.port)]
    said = [each for each in answers if each != "connection refused"]
    if address.port == KUBELET_HEALTH_PORT:
        said = [""] if host.kubelet is not None and address.host in ("localhost", "127.0.0.1") else []
    if not said:
        raise Failed(NO_CONNECTION, address.host)
    if path.partition("/")[0] not in HEALTH or path == "metrics":
        raise Failed("refused", f"{call.name} {address.text}")
    if said[0].isdigit():
        return Page(int(said[0]), kind="text/plain; charset=utf-8")
    if path == "health":
        return Page(200, b'{"health":"true","reason":""}', kind="application/json")
    return Page(200, b"ok", kind="text/plain; charset=utf-8")


def _services(host: Host, port: int) -> list:  # type: ignore[type-arg]
    found = [unit.service for unit in host.systemd.units.values() if unit.service is not None and unit.short != "kubelet"]
    for sandbox in host.runtime.sandboxes.values():
        found += [container.service for container in sandbox.all() if container.running and container.service is not None]
    return found
