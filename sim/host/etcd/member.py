"""A running member: what listens on its client and peer ports.

The API server takes the store from it; etcdctl asks it for everything else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.api.errors import TransportError
from sim.etcd.cluster import Cluster, DataDir, Server
from sim.etcd.snapshot import Member
from sim.etcd.store import Store

if TYPE_CHECKING:
    from sim.host.network import Host

REQUEST_SECONDS = 5.0


def certificate(data: bytes) -> dict[str, Any]:
    """Read a certificate's record out of its PEM, empty where it is none."""
    body = b"".join(line for line in data.split(b"\n") if line and not line.startswith(b"-----"))
    try:
        found = json.loads(base64.b64decode(body))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Tls:
    """How a port is secured. issuer: of its own certificate; trusted: whose certificates a client must show, "" none."""

    issuer: str = ""
    trusted: str = ""
    names: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        """Tell whether the port speaks TLS."""
        return bool(self.issuer)


class MemberServer:
    """A member that serves. quota_bytes: --quota-backend-bytes."""

    def __init__(self, host: Host, data: DataDir, version: str, *, tls: Tls, quota_bytes: int) -> None:
        self.host = host
        self.data = data
        self.version = version
        self.tls = tls
        self.quota_bytes = quota_bytes
        self.strict = True
        self.max_learners = 1
        self.ports: list[int] = []
        self.stops: list[Callable[[], None]] = []

    @property
    def cluster(self) -> Cluster:
        """Give the member's cluster."""
        return self.data.cluster

    @property
    def id(self) -> int:
        """Give the member's id."""
        return self.data.member

    @property
    def member(self) -> Member | None:
        """Give what the cluster knows of the member, None when it was removed."""
        return self.cluster.members.get(self.id)

    def reaches(self, other: Server) -> bool:
        """Tell whether packets pass between the two."""
        assert isinstance(other, MemberServer)
        mine, its = self.host, other.host
        return mine is its or (mine.powered and its.powered and not mine.network.is_cut(mine, its))

    @property
    def serves(self) -> bool:
        """Tell whether it can commit now."""
        return self.cluster.follows(self.id)

    @property
    def store(self) -> Store:
        """Give the store that it serves. Raises TransportError without a leader."""
        if not self.serves:
            raise TransportError("timeout", "etcdserver: no leader", REQUEST_SECONDS)
        return self.cluster.store
