"""etcd as a program: serves the store that lies under its data directory.

Models: etcdmain and embed, as far as a lab sees them. Left out: Raft messages, TLS; snapshots are another issue's.
"""

from __future__ import annotations

import json

from sim.api import times
from sim.apiserver.resources import INDEXES
from sim.components.base import ETCD_PORT, Fatal, Program, address_of
from sim.etcd.store import Store
from sim.host.files import FileError
from sim.program import Start

FILES = ("cert-file", "key-file", "trusted-ca-file", "peer-cert-file", "peer-key-file", "peer-trusted-ca-file")


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
            store = self.host.disks[folder] = Store(self.engine, INDEXES)
        urls = self.flags.get("listen-client-urls", f"http://localhost:{ETCD_PORT}")
        self.ports = sorted({address_of(url, ETCD_PORT)[1] for url in urls.split(",")})
        self.owner.wrote(self._line("info", "embed/serve.go:210", "ready to serve client requests"))
        for port in self.ports:
            self.host.network.listen(self.host, port, store)
        self.set_ready(ready=True)

    def end(self, *, kill: bool) -> None:
        """Close the ports."""
        for port in self.ports:
            self.host.network.close(self.host, port)
        self.ports = []
