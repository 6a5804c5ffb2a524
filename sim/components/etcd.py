"""etcd as a program: serves the store that lies under its data directory.

Models: etcdmain and embed, as far as a lab sees them. Left out: Raft messages, TLS; snapshots are another issue's.
"""

from __future__ import annotations

import json

from sim.api import times
from sim.api.errors import TransportError
from sim.apiserver.resources import INDEXES
from sim.components.base import ETCD_PORT, Fatal, Program, address_of
from sim.etcd.store import Store
from sim.host.files import FileError
from sim.host.network import Deaf
from sim.program import Start

FILES = ("cert-file", "key-file", "trusted-ca-file", "peer-cert-file", "peer-key-file", "peer-trusted-ca-file")


class Members:
    """The members of one etcd cluster: a store that is served while most of them run.

    Left out: the log of each member; a member that was away has everything when it is back.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.store: Store | None = None
        self.running: dict[Etcd, None] = {}

    def changed(self) -> None:
        """Serve, or stop serving: without a leader requests run into their time-out."""
        quorum = len(self.running) > self.size // 2
        for member in list(self.running):
            service = self.store if quorum else Deaf(TransportError("timeout", "etcdserver: no leader", 5.0))
            for port in member.ports:
                member.host.network.listen(member.host, port, service)


class Etcd(Program):
    """One etcd member."""

    name = "etcd"
    start_seconds = 1.0
    usage_status = 2
    health_ports = (2381, 2379)

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.ports: list[int] = []

    def unknown_flag(self, name: str) -> str:
        """Say it as Go's flag package does."""
        return f"flag provided but not defined: -{name}\nUsage:"

    def unexpected(self, word: str) -> str:
        """Say it as etcd does."""
        return f"'{word}' is not a valid flag"

    def _line(self, level: str, caller: str, message: str, **more: str) -> str:
        return json.dumps({"level": level, "ts": times.stamp_micro(self.engine.unix_us), "caller": caller, "msg": message,
                           **more}, separators=(",", ":"))

    def check(self) -> None:
        """Check certificates where URLs are https. Raises Fatal."""
        urls = self.flags.get("listen-client-urls", "http://localhost:2379")
        peers = self.flags.get("listen-peer-urls", "http://localhost:2380")
        for flag in FILES:
            path = self.flags.get(flag)
            if not path or "https" not in (peers if flag.startswith("peer") else urls):
                continue
            try:
                self.read_file(path)
            except FileError as error:
                text = f"open {path}: {str(error).lower()}"
                raise Fatal(self._line("fatal", "etcdmain/etcd.go:204", "discovery failed", error=text)) from None
        if "https" in urls and not (self.flags.get("cert-file") and self.flags.get("key-file")) and (
                self.flags.get("auto-tls") != "true" and self.start_.mounts is not None):
            raise Fatal(self._line("fatal", "etcdmain/etcd.go:204", "discovery failed",
                                   error="cannot listen on TLS for 127.0.0.1:2379: KeyFile and CertFile are not presented"))

    def begin(self) -> None:
        """Open the data directory and listen."""
        wanted = self.flags.get("data-dir") or f"{self.flags.get('name', 'default')}.etcd"
        folder = self.start_.path(wanted) if wanted.startswith("/") else wanted
        if not folder:
            # Not on a volume: what is written is gone with the container, so it begins empty every time.
            folder = f"{wanted} in a container that was started at {self.engine.now_us}"
        store = self.host.disks.get(folder)
        if store is None:
            store = self.host.disks[folder] = Store(
                self.engine, INDEXES, keep_history=self.host.network.keep_history)
        members = self._members()
        if members is not None and members.store is None:
            members.store = store
        urls = self.flags.get("listen-client-urls", f"http://localhost:{ETCD_PORT}")
        self.ports = sorted({address_of(url, ETCD_PORT)[1] for url in urls.split(",")})
        self.owner.wrote(self._line("info", "embed/serve.go:210", "ready to serve client requests"))
        if members is None:
            for port in self.ports:
                self.host.network.listen(self.host, port, store)
        else:
            self.host.disks[folder] = members.store
            members.running[self] = None
            members.changed()
        self.set_ready(ready=True)

    def _members(self) -> Members | None:
        """Give the cluster that --initial-cluster names, None where it has one member."""
        cluster = ",".join(sorted(self.flags.get("initial-cluster", "").split(",")))
        size = cluster.count(",") + 1
        if size == 1:
            return None
        found: Members = self.host.network.etcds.setdefault(cluster, Members(size))
        return found

    def end(self, *, kill: bool) -> None:
        """Close the ports."""
        members = self._members()
        for port in self.ports:
            self.host.network.close(self.host, port)
        self.ports = []
        if members is not None and members.running.pop(self, 0) is None:
            members.changed()
