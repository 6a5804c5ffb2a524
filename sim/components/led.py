"""kube-controller-manager and kube-scheduler: programs that work only while they hold a leader lease.

Models: cmd/kube-controller-manager/app, cmd/kube-scheduler/app, client-go/tools/leaderelection. Timing: golden
component-down and apiserver-etcd-outage (both exit 12 to 15 s after they lose the API server; the controller manager
cannot start without it, the scheduler waits inside).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from sim.api import documents
from sim.api.client import Change, Client, User
from sim.api.errors import StatusError, TransportError
from sim.components.base import API_PORT, GO_SETTINGS, Program, address_of
from sim.controllers.election import LeaderElection
from sim.controllers.manager import Loop, controllers
from sim.controllers.scheduler.scheduler import Scheduler
from sim.engine import SECOND_US, Timer
from sim.host import tls
from sim.host.files import FileError
from sim.host.network import Connection
from sim.pki import Certificate, PkiError
from sim.program import Start

HANGS = "context deadline exceeded"
GIVES_UP_LOW_US, GIVES_UP_HIGH_US = 12 * SECOND_US, 15 * SECOND_US


def full_version(text: str) -> tuple[int, ...]:
    """Read `1.34.2` as numbers; what follows a dash or plus is left out."""
    return tuple(int(part) for part in re.split(r"[-+]", text)[0].split(".") if part.isdigit())


class Led(Program):
    """A program with a leader lease of its own name. waits: whether it can start before the API server is there."""

    waits = True
    starting = ("", "", "")  # what it says first: the file, its lines, the words
    start_seconds = 1.2  # golden: the first binding comes 1.8 s after the start where no lease must run out

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.loops: list[Loop] = []
        self.election: LeaderElection | None = None
        self.connection = Connection(self.host.network, self.host, "127.0.0.1", API_PORT)
        self.url = f"https://127.0.0.1:{API_PORT}"
        self._gone: Timer | None = None
        self._server: Any = None
        self._last: Any = None
        self._reader: Any = None
        self._stop_looking: Callable[[], None] = lambda: None

    def check(self) -> None:
        """Read the kubeconfig, if a flag names one. Raises Fatal."""
        self.klog("I", "serving.go:386", "Generated self-signed cert in-memory")
        for flag in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"):
            self.need_file(flag, "stat {path}: {error}")
        for flag in ("root-ca-file", "service-account-private-key-file", "cluster-signing-cert-file",
                     "cluster-signing-key-file", "client-ca-file", "requestheader-client-ca-file", "config"):
            self.need_file(flag)
        url, credentials = self._server_of(self.flags.get("kubeconfig", ""))
        self.url = url or self.flags.get("master", "") or self.url
        address, port = address_of(self.url, 443)
        self.connection = Connection(self.host.network, self.host, address, port, credentials, lasting=True)

    def _server_of(self, path: str) -> tuple[str, tls.Credentials | None]:
        """Read the kubeconfig: the server's URL, and what is trusted and shown. Raises Fatal."""
        if not path:
            return "", None
        try:
            loaded: Any = documents.load(self.read_file(path))
            context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
            cluster = next(c["cluster"] for c in loaded["clusters"] if c["name"] == context["cluster"])
            user: dict[str, Any] = next((u["user"] for u in loaded.get("users") or [] if u["name"] == context["user"]), {})
            return str(cluster["server"]), tls.credentials_of(cluster, user or {}, self.read_file, self.minor)
        except PkiError as error:
            raise self.failed(str(error)) from None
        except (FileError, yaml.YAMLError, TypeError, KeyError, StopIteration, UnicodeDecodeError):
            raise self.failed("invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER "
                              "environment variable") from None

    def make(self, client: Client) -> list[Loop]:
        """Make what runs while leading."""
        raise NotImplementedError

    # ---- coming up --------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Serve health, and look for the API server."""
        self._stop_looking = self.host.network.on_change(self._look)
        self._said_hello()
        self.set_ready(ready=True)
        error = self._connect()
        if error and self.waits:
            self._cannot(error)
        if error and not self.waits and error != HANGS:
            self.klog("E", "run.go:72", '"command failed" err="unable to load configmap based request-header-client-ca-file: '
                      + (error if error == tls.UNAUTHORIZED else f'Get \\"{self.url}/api/v1/namespaces/kube-system/configmaps/'
                         f'extension-apiserver-authentication\\": {error}') + '"')
            self.exit(1)

    def _said_hello(self) -> None:
        where, settings, words = self.starting
        self.klog("I", where, f'{words} version="v{self.version}"')
        self.klog("I", settings, GO_SETTINGS)
        address = self.flags.get("bind-address", "0.0.0.0").replace("0.0.0.0", "[::]")
        self.klog("I", "secure_serving.go:211", f"Serving securely on {address}:{self.health_ports[0]}")
        self.klog("I", "tlsconfig.go:243", '"Starting DynamicServingCertificateController"')

    def _cannot(self, error: str) -> None:
        """Say that its Lease cannot be read; once for each outage, where the program says it at every try."""
        path = f"{self.url}/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{self.name}?timeout=5s"
        self.klog("E", "leaderelection.go:436",
                  f'error retrieving resource lock kube-system/{self.name}: '
                  + (error if error == tls.UNAUTHORIZED else f'Get "{path}": {error}'))

    def _answers(self) -> tuple[Any, str]:
        """Give the server that answers now, or why none does."""
        try:
            server: Any = self.connection.server()
        except (TransportError, StatusError) as error:
            return None, error.message
        return (None, HANGS) if server.away else (server, "")

    def _connect(self) -> str:
        server, error = self._answers()
        if server is None:
            return error
        self._server = self._last = server
        self._reader = server.reader if self._reader is None else self._reader.resumed(server.reader)
        client = Client(self.connection, self._reader, agent=self.name, user=self._user())
        try:
            client.watch("leases", self._lease_changed, closed=self._look)
            if self.election is not None and self.election.leading:
                self.election.resume(client)
                self._lead(client)
            else:
                self.klog("I", "leaderelection.go:257", f"attempting to acquire leader lease kube-system/{self.name}...")
                unique = self.engine.stream(f"identity.{self.name}").text("0123456789abcdef", 8)
                self.election = LeaderElection(
                    self.engine, client, self.name, f"{self.host.name}_{unique}", lambda: self._won(client))
                self.election.start()
        except (StatusError, TransportError) as failure:
            self._server = None
            return str(failure)
        return ""

    def _user(self) -> User:
        """Give who the kubeconfig makes it. Its own name may do everything: the roles of the controllers are left out."""
        own = User(f"system:{self.name}")
        found = self.connection.user if self.connection.credentials is not None else own
        return own if found.name == own.name else found

    def _lease_changed(self, change: Change) -> None:
        if self.election is not None:
            self.election.changed(change)

    def _won(self, client: Client) -> None:
        self.klog("I", "leaderelection.go:271", f"successfully acquired lease kube-system/{self.name}")
        self._lead(client)

    def _lead(self, client: Client) -> None:
        self.loops = self.make(client)
        for loop in self.loops:
            loop.start()

    # ---- losing it --------------------------------------------------------------------------------------------
    def _look(self) -> None:
        """Notice that the API server is gone, or back in time."""
        if not self.alive or not self.host.powered:
            return
        server, _ = self._answers()
        if self._server is not None and server is not self._server:
            self._lost()
        elif server is not None and self.election is not None and not self.election.leading:
            self.election.look()
        if server is not None and self._server is None:
            if self._gone is not None:
                self._gone.cancel()
                self._gone = None
            self.engine.after(SECOND_US // 5, self._again)

    def _again(self) -> None:
        if self.alive and self._server is None:
            self._connect()

    def _lost(self) -> None:
        self._server = None
        self._stop_loops()
        _, error = self._answers()
        if error:
            self._cannot(error)
        if self.election is not None and not self.election.leading:
            self.election.stop(release=False)
            self.election = None
            return  # who does not lead has nothing to lose: it waits
        delay = self.engine.stream(f"leader.{self.name}").uniform(GIVES_UP_LOW_US, GIVES_UP_HIGH_US)
        self._gone = self.engine.after(
            delay, self._give_up, label=f"{self.name} exits: leader-elect-renew-deadline 10s", about=self.host.name)

    def _give_up(self) -> None:
        self.klog("E", "leaderelection.go:429", f'"Failed to renew lease" lease="kube-system/{self.name}" err="context '
                  'deadline exceeded"')
        self.klog("E", "controllermanager.go:353" if self.name.endswith("manager") else "server.go:268",
                  '"leaderelection lost"' if self.name.endswith("manager") else '"Leaderelection lost"')
        self.exit(1)

    def _stop_loops(self) -> None:
        for loop in self.loops:
            loop.stop()
        self.loops = []

    def end(self, *, kill: bool) -> None:
        """Stop working; a clean end gives the lease back."""
        self._stop_looking()
        self._stop_loops()
        if self._gone is not None:
            self._gone.cancel()
            self._gone = None
        election, self.election = self.election, None
        if election is not None:
            if self._last is not None and self._last.running and (kill or self._server is None):
                # Not a message when it was killed: the promise of renewals no longer holds.
                election.client = Client(self._last, self._last.reader, agent=self.name)
            try:
                election.stop(release=not kill)
            except (StatusError, TransportError):
                return


class KubeControllerManager(Led):
    """Runs the controllers."""

    name = "kube-controller-manager"
    waits = False
    starting = ("controllermanager.go:188", "controllermanager.go:190", '"Starting"')
    health_ports = (10257,)

    def make(self, client: Client) -> list[Loop]:
        """Make the controllers."""
        return controllers(self.engine, client, version=self.minor, flags=self.flags, authority=self._authority)

    def _authority(self) -> Certificate | None:
        """Give what it signs requests with, None without the files."""
        try:
            return tls.pair(self.read_file, self.flags["cluster-signing-cert-file"], self.flags["cluster-signing-key-file"])
        except (FileError, PkiError, KeyError):
            return None


class KubeScheduler(Led):
    """Runs the scheduler."""

    name = "kube-scheduler"
    starting = ("server.go:171", "server.go:173", '"Starting Kubernetes Scheduler"')
    health_ports = (10259,)

    def make(self, client: Client) -> list[Loop]:
        """Make the scheduler; `host.disks` may hold a `scheduler.pick` for replays; `:why` asks `scheduler.explain`."""
        scheduler = Scheduler(self.engine, client, version=full_version(self.version), host=self.host.name)
        scheduler.pick = lambda pod, nodes: (
            self.host.disks["scheduler.pick"](pod, nodes) if self.host.disks.get("scheduler.pick") else None)
        self.host.disks["scheduler.explain"] = scheduler.why
        return [scheduler]


__all__ = ["KubeControllerManager", "KubeScheduler", "Led"]
