"""A running member: what listens on its client and peer ports.

The API server takes the store from it; etcdctl asks it for everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api.errors import TransportError
from sim.etcd.cluster import Cluster, DataDir, Server
from sim.etcd.requests import NO_SPACE, EtcdError
from sim.etcd.snapshot import Member
from sim.etcd.store import Store

if TYPE_CHECKING:
    from sim.host.network import Host

REQUEST_SECONDS = 5.0
QUOTA_BYTES = 2 * 1024 ** 3
"""--quota-backend-bytes where nothing else is said."""
MEASURED_EVERY = 10


class MemberServer:
    """A member that serves. quota_bytes: --quota-backend-bytes."""

    def __init__(self, host: Host, data: DataDir, version: str, *, quota_bytes: int) -> None:
        self.host = host
        self.data = data
        self.version = version
        self.quota_bytes = quota_bytes
        self.strict = True
        self.max_learners = 1
        self.ports: list[int] = []
        self._written = 0
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
    def slow(self) -> bool:
        """Tell whether its disk is so slow that it cannot keep up."""
        return "slow-disk" in self.host.faults

    def guard(self) -> None:
        """Watch the size of the database from now on, where --quota-backend-bytes was given."""
        if self.quota_bytes < QUOTA_BYTES:
            self.cluster.store.room = self.check_room

    def unguard(self) -> None:
        """Watch it no longer."""
        if self.cluster.store.room == self.check_room:
            self.cluster.store.room = None

    def check_room(self) -> None:
        """Raise EtcdError once the database has come to its quota; it is measured every few writes."""
        cluster = self.cluster
        self._written += 1
        alarm = (self.id, "NOSPACE")
        if alarm not in cluster.alarms and self._written % MEASURED_EVERY == 0 and cluster.size() >= self.quota_bytes:
            cluster.alarms[alarm] = None
            cluster.entry()
        if alarm in cluster.alarms:
            raise EtcdError(NO_SPACE)

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


class PeerPort:
    """What members speak to each other through. A client that comes there finds a server that speaks something else."""

    def __init__(self, server: MemberServer) -> None:
        self.server = server

    @property
    def store(self) -> Store:
        """Give no store. Raises TransportError, in grpc's words."""
        raise TransportError("preface", "http2: frame too large")
