"""kube-apiserver as a program: finds its etcd, then serves.

Models: cmd/kube-apiserver/app, pkg/controlplane (what every server makes at its start). Timing: golden
apiserver-without-etcd, apiserver-etcd-outage.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from sim.api import times
from sim.api.client import Change, Client, Key, User
from sim.api.errors import StatusError, TransportError
from sim.apiserver import bootstrap
from sim.apiserver.server import ApiServer
from sim.components import tokens
from sim.components.advertise import LEASE_SECONDS, advertise, serving
from sim.components.base import API_PORT, ETCD_PORT, GO_SETTINGS, Fatal, Program, address_of
from sim.engine import SECOND_US, Timer, microseconds
from sim.etcd.store import Store
from sim.host import tls
from sim.host.files import FileError
from sim.host.network import Connection, Deaf
from sim.pki import Certificate, PkiError, Problem, SigningRequest, issue
from sim.program import SIGKILL, Start

PATIENCE_SECONDS = 22.0
"""How long it waits for etcd at its start (golden: exits after 20 to 23 s)."""
LISTENS_AFTER_SECONDS = 3.0
DRAIN_SECONDS = 60.0
"""Open watches keep an ending server for up to its request timeout (golden: more than 30 s)."""
RECONNECT = (15, 35)
"""Percent of an outage after which the connection to etcd is tried again (gRPC's growing back-off; golden: 24 to 48 s
after 137 s)."""
LAST_SEEN = "kube-apiserver's cache"
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
ITSELF = Key("services", "default", "kubernetes")
SERVICE_LOOKS_SECONDS = 10
FILES = ("tls-cert-file", "tls-private-key-file", "etcd-cafile", "etcd-certfile", "etcd-keyfile",
         "service-account-key-file", "service-account-signing-key-file", "kubelet-client-certificate",
         "kubelet-client-key", "proxy-client-cert-file", "proxy-client-key-file")
PAIRS = (("tls-cert-file", "tls-private-key-file"), ("etcd-certfile", "etcd-keyfile"),
         ("kubelet-client-certificate", "kubelet-client-key"), ("proxy-client-cert-file", "proxy-client-key-file"))


class KubeApiserver(Program):
    """One API server."""

    name = "kube-apiserver"
    start_seconds = 2.0

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.server: ApiServer | None = None
        self.port = API_PORT
        self._etcds: list[Connection] = []
        self._shown: Certificate | None = None
        self._away_us = 0
        self._back: Timer | None = None
        self._advertised: list[str] = []
        self._forgets: Timer | None = None
        self._stop_looking: Callable[[], None] = lambda: None
        self._deadline_us = 0
        self._open = False
        self._ending = False

    def check(self) -> None:
        """Check what it cannot start without. Raises Fatal."""
        if not self.flags.get("etcd-servers"):
            raise Fatal(f"{self._stamped('E', 'run.go:72')} \"command failed\" err=\"--etcd-servers must be specified\"")
        port = self.flags.get("secure-port", str(API_PORT))
        if not port.isdigit():
            raise Fatal(f'Error: invalid argument "{port}" for "--secure-port" flag: strconv.ParseInt: parsing "{port}": '
                        "invalid syntax")
        self.port = int(port)
        self.klog("I", "options.go:249", f"external host was not specified, using {self.host.address}")
        self.klog("I", "server.go:147", f"Version: v{self.version}")
        self.klog("I", "server.go:149", GO_SETTINGS)
        self.need_file("client-ca-file", "unable to load client CA provider: open {path}: {error}")
        for flag in FILES:
            self.need_file(flag)
        if self.flags.get("client-ca-file") and not self._authorities():
            raise self.failed("unable to load client CA provider: missing content for CA bundle "
                              f'"client-ca-bundle::{self.flags["client-ca-file"]}"')
        for certificate, key in PAIRS:
            self.need_pair(certificate, key)
        self._etcds = [Connection(self.host.network, self.host, *address_of(url.strip(), ETCD_PORT), self._etcd_credentials(url),
                                  once=True) for url in self.flags["etcd-servers"].split(",")]
        self._deadline_us = self.engine.now_us + microseconds(PATIENCE_SECONDS)

    # ---- its start --------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Connect, serve, and make what every server makes at its start; give up after 22 s without etcd."""
        try:
            store = self._reach_etcd()
        except TransportError as error:
            self._wait_for_etcd(self._etcds[0].address, self._etcds[0].port, error)
            return
        self._compare(store)
        self.server = ApiServer(self.engine, store, version=self.version, flags=self.flags)
        self.server.dial = self._dial_node
        self._stop_looking = self.host.network.on_change(self._look)
        self._bootstrap()
        self._open = True
        self.klog("I", "secure_serving.go:211", f"Serving securely on [::]:{self.port}")
        self.klog("I", "tlsconfig.go:243", '"Starting DynamicServingCertificateController"')
        self.host.network.listen(self.host, self.port, self.server, self._serving())
        self._advertise()
        self.set_ready(ready=True)

    def _reach_etcd(self) -> Store:
        """Give the store of the first etcd server that can serve. Raises TransportError, that of the first."""
        first: TransportError | None = None
        for each in self._etcds:
            try:
                member: Any = each.server()
                store: Store = member.store
            except TransportError as error:
                first = first or error
            else:
                return store
        assert first is not None
        raise first

    def _compare(self, store: Store) -> None:
        """Note for those who watch the lab what this server's clients will find changed: its etcd holds another state."""
        before = self.host.disks.get(LAST_SEEN)
        if before is not None and before is not store and not store.arrived:
            store.arrived = before.differences(store)
        self.host.disks[LAST_SEEN] = store

    def _advertise(self) -> None:
        """Put this server's address, and those of its peers, behind the service `kubernetes`."""
        self._forgets = None
        if self.server is None or self.host.catalogue.stand_in:
            return  # the recorded runs' control plane tells nobody its address
        self._advertised = serving(self.host.network, self.server.store, self.port)
        advertise(Client(self.server, self.server.reader, agent="kube-apiserver"), self._advertised, self.port)

    def _peers(self) -> None:
        """Notice that a peer has come or ended: its lease runs out some seconds later."""
        if self.server is None or self._forgets is not None or self.server.away or not self._advertised:
            return
        if serving(self.host.network, self.server.store, self.port) != self._advertised:
            self._forgets = self.engine.after(microseconds(LEASE_SECONDS), self._advertise)

    def _wait_for_etcd(self, address: str, port: int, error: TransportError) -> None:
        if self.engine.now_us >= self._deadline_us:
            self.klog("E", "run.go:72", '"command failed" err="context deadline exceeded"')
            self.exit(1)
            return
        step = ("error reading server preface" if error.kind == "preface" or error.message.startswith("remote error") else
                "transport: authentication handshake failed" if error.kind == "tls" else "transport: Error while dialing")
        self.klog("W", "logging.go:55", f'[core] [Channel #1 SubChannel #2] grpc: addrConn.createTransport failed to connect '
                  f'to {{Addr: "{address}:{port}", ServerName: "{address}:{port}", }}. Err: connection error: desc = '
                  f'"{step}: {error.message}"')
        if not self._open:
            # The port opens before etcd is there; a handshake is then never finished.
            self._open = True
            self.host.network.listen(self.host, self.port, Deaf(
                TransportError("tls", "net/http: TLS handshake timeout", 10.0)))
        left = (self._deadline_us - self.engine.now_us) / SECOND_US
        self.later(min(1.0 if left > PATIENCE_SECONDS - 6 else 5.0, max(left, 0.001)))

    def _bootstrap(self) -> None:
        """Models: pkg/controlplane (system namespaces, priority classes, the service `kubernetes`)."""
        assert self.server is not None
        client = Client(self.server, self.server.reader, agent="kube-apiserver")
        for name in SYSTEM_NAMESPACES:
            if self.server.reader.get(Key("namespaces", "", name)) is None:
                client.create("namespaces", {"metadata": {"name": name}})
        bootstrap.install(client, self.minor[1])
        for name, value, said in (("system-cluster-critical", 2000000000, "run in the cluster, but can be moved to another node if necessary"),
                                  ("system-node-critical", 2000001000, "not be moved from their current node")):
            if self.server.reader.get(Key("priorityclasses", "", name)) is None:
                client.create("priorityclasses", {"metadata": {"name": name}, "value": value,
                                                  "description": f"Used for system critical pods that must {said}."})
        self._serve_itself()
        client.watch("services", self._services_changed)
        self._identify(client)

    def _serve_itself(self) -> None:
        """Make the service `kubernetes` where it is missing. Models: pkg/controlplane/controller/kubernetesservice."""
        if self.server is None or self.server.away or self.server.reader.get(ITSELF) is not None:
            return
        client = Client(self.server, self.server.reader, agent="kube-apiserver")
        client.create("services", {
            "metadata": {"name": ITSELF.name, "namespace": ITSELF.namespace, "labels": {
                "component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": "10.96.0.1", "ports": [
                {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]}})
        self._advertise()

    def _services_changed(self, change: Change) -> None:
        """Put the service back at the next look, one every ten seconds: only a look that finds something is an event."""
        if change.key == ITSELF and change.type == "DELETED":
            looks_us = SERVICE_LOOKS_SECONDS * SECOND_US
            self.engine.after(looks_us - self.engine.now_us % looks_us, self._serve_itself)

    def _identify(self, client: Client) -> None:
        """Hold the Lease by which a server says that it is there. Models: pkg/controlplane, APIServerIdentity (1.26)."""
        if self.minor < (1, 26):
            return
        digest = hashlib.sha256(self.host.name.encode()).digest()[:16]
        name = f"apiserver-{base64.b32encode(digest).decode().rstrip('=').lower()}"
        key = Key("leases", "kube-system", name)
        unique = self.engine.stream("identity.kube-apiserver").text("0123456789abcdef", 8)
        now = times.stamp_micro(self.engine.unix_us)
        spec = {"holderIdentity": f"{name}_{unique}", "leaseDurationSeconds": 3600, "renewTime": now}
        found = client.find(key)
        if found is None:
            client.create("leases", {"metadata": {"name": name, "namespace": "kube-system", "labels": {
                "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": self.host.name}}, "spec": spec})
        else:
            client.update(key, {**found, "spec": spec})
        client.update(key, {"beating": True, "period_s": 10}, subresource="heartbeat")

    # ---- certificates -----------------------------------------------------------------------------------------
    def _etcd_credentials(self, url: str) -> tls.Credentials:
        if not url.startswith("https"):
            return tls.NOBODY
        roots = tls.try_certificates(self.read_file, self.flags.get("etcd-cafile", ""))
        mine = tls.try_certificates(self.read_file, self.flags.get("etcd-certfile", ""))
        return tls.Credentials(roots, mine[0] if mine else None, prefix=tls.prefix_of(self.minor))

    def _authorities(self) -> tuple[Certificate, ...]:
        return tls.try_certificates(self.read_file, self.flags.get("client-ca-file", ""))

    def _serving(self) -> tls.Serving:
        """Show the certificate that lies in its file now; one that is spoilt there is not taken up."""
        made = issue(SigningRequest(f"{self.host.address}@{self.engine.unix_us // SECOND_US}", "", ips=(self.host.address,)),
                     None, now_s=self.engine.unix_us // SECOND_US, usages=("server",))

        def certificate() -> Certificate | None:
            if not self.flags.get("tls-cert-file"):
                return made  # one that it has made itself
            try:
                self._shown = tls.pair(self.read_file, self.flags["tls-cert-file"], self.flags["tls-private-key-file"])
            except (FileError, PkiError, KeyError):
                return self._shown
            return self._shown

        return tls.Serving(certificate, self._authorities, said=self._refused, token=self._token)

    def _refused(self, certificate: Certificate, problem: Problem) -> None:
        """Log whose certificate was not accepted. Models: authentication/request/x509/x509.go."""
        issuer = ":".join(certificate.issuer_key[at:at + 2] for at in range(0, 40, 2)).upper()
        text = f"verifying certificate SN={certificate.serial}, SKID=, AKID={issuer} failed: {problem}"
        both = f"[{problem}, {text}]" if problem.kind == "expired" else text
        self.klog("E", "authentication.go:73", f'"Unable to authenticate the request" err="{both}"')

    def _token(self, token: str) -> User | None:
        """Tell whose a bearer token is: a bootstrap token, or a service account's."""
        if self.server is None:
            return None
        return tokens.user_of(self.server.reader, token, self.engine.unix_us)

    def _dial_node(self, address: str, port: int) -> Any:
        """Reach a kubelet, and show it who asks. Raises TransportError, StatusError 401."""
        found = self.host.dial(address, port)
        serving = self.host.network.serving(self.host, address, port)
        mine = tls.try_certificates(self.read_file, self.flags.get("kubelet-client-certificate", ""))
        if serving is not None:
            user = tls.check_client(serving, tls.Credentials(None, mine[0] if mine else None),
                                    self.engine.unix_us // SECOND_US, self.host.network.clock)
            if user == tls.ANONYMOUS:
                raise StatusError(401, tls.UNAUTHORIZED, tls.UNAUTHORIZED)
        return found

    # ---- etcd goes and comes ----------------------------------------------------------------------------------
    def _look(self) -> None:
        """Notice that etcd is gone or back: requests hang meanwhile; the server stays."""
        server = self.server
        if server is None or not self.host.powered:
            return
        self._peers()
        try:
            self._reach_etcd()
            away = False
        except TransportError:
            away = True
        if away and self._back is not None:
            self._back.cancel()
            self._back = None
        if not away and not server.away and self._reach_etcd() is not server.store:
            away = True  # another etcd answers there at once: the connection to the old one has broken
        if away and not server.away:
            server.set_away(away=True)
            self._away_us = self.engine.now_us
            self._tell()
        elif not away and server.away and self._back is None:
            out_us = self.engine.now_us - self._away_us
            percent = self.engine.stream("apiserver.reconnect").uniform(*RECONNECT)
            self._back = self.engine.after(
                min(out_us * percent // 100, 120 * SECOND_US), self._etcd_back,
                label="kube-apiserver tries its etcd again", about=self.host.name)

    def _etcd_back(self) -> None:
        self._back = None
        if self.server is None:
            return
        try:
            store = self._reach_etcd()
        except TransportError:
            return  # it went again; its next return is news
        if store is not self.server.store:
            self.server.rebase(store)
        self.server.set_away(away=False)
        self._tell()

    def _tell(self) -> None:
        self.owner.health_changed()
        self.engine.after(0, self.host.network.changed)

    def healthy(self, path: str, port: int) -> str:
        """Answer a probe: /livez and /healthz ask etcd, /readyz does too."""
        if port != self.port or not self._open:
            return "connection refused"
        if self.server is None or self.server.away:
            return "500"
        return "404" if path.strip("/").partition("?")[0].partition("/")[0] not in ("livez", "readyz", "healthz") else ""

    # ---- its end ----------------------------------------------------------------------------------------------
    def stop(self, signal: int) -> float:
        """SIGTERM: the port closes at once, open watches keep the process."""
        if signal == SIGKILL:
            return 0.0
        watched = self.server is not None and bool(self.server.watches)
        self._ending = True
        self.end(kill=False)
        return DRAIN_SECONDS if watched else 0.5

    def end(self, *, kill: bool) -> None:
        """Close the port and every watch."""
        self._stop_looking()
        if self._back is not None:
            self._back.cancel()
            self._back = None
        if self._forgets is not None:
            self._forgets.cancel()
            self._forgets = None
        server, self.server = self.server, None
        if server is not None:
            self.host.disks[LAST_SEEN] = server.cache
            server.stop()
        if self._open:
            self._open = False
            self.host.network.close(self.host, self.port)
