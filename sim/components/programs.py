"""The four control-plane programs. Each is started on a host with its command line, and stopped cleanly or killed.

Models: cmd/kube-*/app and etcd's start-up, as far as a lab sees them. Latencies: facts/latencies.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sim.api.client import Client, Key, User
from sim.api.errors import StatusError, TransportError
from sim.apiserver import bootstrap
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.controllers.manager import LeaderElection, Loop, controllers
from sim.controllers.scheduler.scheduler import Scheduler
from sim.engine import SECOND_US, Timer, microseconds
from sim.etcd.store import Store
from sim.host.network import Connection, Host
from sim.versions.catalogue import Version

API_PORT, ETCD_PORT = 6443, 2379
ETCD_GONE_SECONDS = 20
"""facts/latencies.yaml, kube_apiserver (golden)."""
RENEW_DEADLINE_US = 10 * SECOND_US
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def flags_of(argv: Sequence[str]) -> dict[str, str]:
    """Read `--name=value` words."""
    return {word[2:].partition("=")[0]: word.partition("=")[2] for word in argv if word.startswith("--")}


def full_version(text: str) -> tuple[int, ...]:
    """Read `1.34.2` as numbers; what follows a dash or plus is left out."""
    return tuple(int(part) for part in re.split(r"[-+]", text)[0].split(".") if part.isdigit())


class Program:
    """A running control-plane program. version: of its image, without `v`."""

    name = ""
    start_seconds = 1.0

    def __init__(self, host: Host, argv: Sequence[str], version: str) -> None:
        self.host = host
        self.engine = host.engine
        self.argv = list(argv)
        self.flags = flags_of(argv)
        self.version = version
        self.minor = Version.parse(version)[:2]
        self.alive = False
        self.ready = False
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin; it is ready some time later."""
        self.alive = True
        self._again(self.start_seconds)

    def _again(self, seconds: float) -> None:
        self._timer = self.engine.after(microseconds(seconds), self._begin)

    def _begin(self) -> None:
        if self.alive:
            self.begin()

    def begin(self) -> None:
        """Do what the program does once it is up."""
        raise NotImplementedError

    def end(self, *, kill: bool) -> None:
        """Undo it."""
        raise NotImplementedError

    def stop(self, *, kill: bool) -> None:
        """End the program: SIGTERM, or SIGKILL."""
        if self._timer:
            self._timer.cancel()
        if self.alive:
            self.alive = self.ready = False
            self.end(kill=kill)


class Etcd(Program):
    """Serves the store that lies in its data directory."""

    name = "etcd"
    start_seconds = 1.0

    def begin(self) -> None:
        """Open the data directory and listen."""
        folder = self.flags.get("data-dir", "/var/lib/etcd")
        store = self.host.disks.setdefault(folder, None)
        if store is None:
            store = self.host.disks[folder] = Store(self.engine, INDEXES)
        self.ready = True
        self.host.log("etcd", "ready to serve client requests")
        self.host.network.listen(self.host, ETCD_PORT, store)

    def end(self, *, kill: bool) -> None:
        """Close the port."""
        self.host.network.close(self.host, ETCD_PORT)


class KubeApiserver(Program):
    """Finds its etcd and listens on 6443."""

    name = "kube-apiserver"
    start_seconds = 2.0

    def __init__(self, host: Host, argv: Sequence[str], version: str) -> None:
        super().__init__(host, argv, version)
        self.server: ApiServer | None = None
        self._etcd: tuple[str, int, Store | None] = ("", 0, None)
        self._watching = False
        self._giving_up: Timer | None = None

    def begin(self) -> None:
        """Connect, serve, and make what every server makes at its start."""
        address = self.flags.get("etcd-servers", "https://127.0.0.1:2379").split(",")[0]
        where, _, port = address.rpartition("//")[2].rpartition(":")
        try:
            store = self.host.dial(where or "127.0.0.1", int(port))
        except TransportError:
            self._again(1.0)
            return
        self.server = ApiServer(self.engine, store, version=self.version, flags=self.flags)
        self.server.dial = self.host.dial
        self.ready = True
        self._etcd = (where or "127.0.0.1", int(port), store)
        if not self._watching:
            self._watching = True
            self.host.network.on_change(self._look)
        self._bootstrap()
        self.host.network.listen(self.host, API_PORT, self.server)

    def _look(self) -> None:
        """Notice that etcd is gone or back: requests hang meanwhile, and the server gives up after 20 s."""
        if self.server is None or not self.host.powered:
            return
        address, port, store = self._etcd
        try:
            away = self.host.dial(address, port) is not store
        except TransportError:
            away = True
        if away and not self.server.away:
            self._giving_up = self.engine.after(
                microseconds(ETCD_GONE_SECONDS), self._give_up, label="kube-apiserver exits: its etcd is gone")
        elif not away and self._giving_up is not None:
            self._giving_up.cancel()
        self.server.away = away

    def _give_up(self) -> None:
        if self.alive and self.server is not None and self.server.away:
            self.end(kill=True)
            self.ready = False
            self._again(self.start_seconds)

    def _bootstrap(self) -> None:
        """Models: pkg/controlplane (system namespaces, priority classes, the service `kubernetes`)."""
        assert self.server is not None
        client = Client(self.server, self.server.reader, agent="kube-apiserver")
        for name in SYSTEM_NAMESPACES:
            if self.server.reader.get(Key("namespaces", "", name)) is None:
                client.create("namespaces", {"metadata": {"name": name}})
        bootstrap.install(client)
        for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
            if self.server.reader.get(Key("priorityclasses", "", name)) is None:
                client.create("priorityclasses", {"metadata": {"name": name}, "value": value, "description":
                              "Used for system critical pods that must run in the cluster."})
        if self.server.reader.get(Key("services", "default", "kubernetes")) is None:
            client.create("services", {
                "metadata": {"name": "kubernetes", "namespace": "default", "labels": {
                    "component": "apiserver", "provider": "kubernetes"}},
                "spec": {"clusterIP": "10.96.0.1", "ports": [
                    {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]}})

    def end(self, *, kill: bool) -> None:
        """Close the port and every watch."""
        server, self.server = self.server, None
        if server is not None:
            server.stop()
        self.host.network.close(self.host, API_PORT)


class Led(Program):
    """A program that works only while it holds a leader lease, and dies when it loses the API server for 10 s."""

    lease = ""

    def __init__(self, host: Host, argv: Sequence[str], version: str) -> None:
        super().__init__(host, argv, version)
        self.loops: list[Loop] = []
        self.election: LeaderElection | None = None
        self._gone: Timer | None = None

    def make(self, client: Client) -> list[Loop]:
        """Make what runs while leading."""
        raise NotImplementedError

    def begin(self) -> None:
        """Wait for the API server, then for the lease."""
        connection = Connection(self.host.network, self.host, "127.0.0.1", API_PORT)
        try:
            server = connection.server()
        except TransportError:
            self._again(1.0)
            return
        client = Client(connection, server.reader, agent=self.name, user=User(f"system:{self.name}"))  # type: ignore[attr-defined]
        unique = self.engine.stream(f"identity.{self.name}").text("0123456789abcdef", 8)
        self.election = LeaderElection(
            self.engine, client, self.lease, f"{self.host.name}_{unique}", lambda: self._lead(client))
        client.watch("leases", lambda change: None, closed=self._cut)
        self.ready = True
        try:
            self.election.start()
        except (StatusError, TransportError):
            self._again(2.0)

    def _lead(self, client: Client) -> None:
        self.loops = self.make(client)
        for loop in self.loops:
            loop.start()

    def _cut(self) -> None:
        """The API server is gone: 10 s later the program gives up, and is started again."""
        self._stop_loops()
        if self.alive:
            self._gone = self.engine.after(
                RENEW_DEADLINE_US, self._restart, label=f"{self.name} gives up: leader-elect-renew-deadline 10s")

    def _restart(self) -> None:
        if self.alive:
            self.election = None
            self.ready = False
            self._again(self.start_seconds)

    def _stop_loops(self) -> None:
        for loop in self.loops:
            loop.stop()
        self.loops = []

    def end(self, *, kill: bool) -> None:
        """Stop working; a clean end gives the lease back."""
        self._stop_loops()
        if self._gone:
            self._gone.cancel()
        if self.election is not None:
            try:
                self.election.stop(release=not kill)
            except (StatusError, TransportError):
                return


class KubeControllerManager(Led):
    """Runs the controllers."""

    name = "kube-controller-manager"
    lease = "kube-controller-manager"

    def make(self, client: Client) -> list[Loop]:
        """Make the controllers."""
        return controllers(self.engine, client, version=self.minor, flags=self.flags)


class KubeScheduler(Led):
    """Runs the scheduler."""

    name = "kube-scheduler"
    lease = "kube-scheduler"

    def make(self, client: Client) -> list[Loop]:
        """Make the scheduler; `host.disks` may hold a `scheduler.pick` for replays."""
        scheduler = Scheduler(self.engine, client, version=full_version(self.version), host=self.host.name)
        scheduler.pick = lambda pod, nodes: (
            self.host.disks["scheduler.pick"](pod, nodes) if self.host.disks.get("scheduler.pick") else None)
        return [scheduler]


PROGRAMS: dict[str, type[Program]] = {
    kind.name: kind for kind in (Etcd, KubeApiserver, KubeControllerManager, KubeScheduler)}
