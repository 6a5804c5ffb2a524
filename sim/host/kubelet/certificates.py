"""How a kubelet comes by its client certificate: at first with a bootstrap token, later by asking anew before it ends.

A request is made in the API, whoever may approves it, the controller manager signs it; the kubelet writes what it gets
into /var/lib/kubelet/pki and goes on with it. Rotation is one timer a year.

Models: pkg/kubelet/certificate/bootstrap/bootstrap.go, client-go/util/certificate/certificate_manager.go (between 70 and
90 % of a certificate's life). Left out: serving certificates, requests that are withdrawn.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sim.api import documents, objects
from sim.api.client import WHOEVER, Change, Client, Watch
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Timer
from sim.host import tls
from sim.host.files import FileError, View
from sim.host.kubelet.config import quoted
from sim.pki import PrivateKey, SigningRequest, load_certificates, pem

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet
    from sim.host.machine import Host

FOLDER = "/var/lib/kubelet/pki"
CURRENT = f"{FOLDER}/kubelet-client-current.pem"
SERVING = f"{FOLDER}/kubelet.crt"
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
EARLIEST, LATEST = 70, 90
NAME = "abcdefghijklmnopqrstuvwxyz0123456789"
RETRY_US = 15 * SECOND_US


class ClientCertificate:
    """The certificate with which one kubelet speaks to the API server. ready: called when there is a new one."""

    def __init__(self, kubelet: Kubelet, ready: Callable[[], None]) -> None:
        self.kubelet = kubelet
        self.engine = kubelet.engine
        self.ready = ready
        self._key = ""
        self._watch: Watch | None = None
        self._timer: Timer | None = None
        self._asked = ""

    def plan(self) -> None:
        """Set the timer of the next rotation, if the kubelet rotates and its certificate is a file of its own."""
        self.stop()
        mine = self.kubelet.settings.credentials.certificate
        if mine is None or not self.kubelet.settings.rotates:
            return
        percent = self.engine.stream(f"rotation.{self.kubelet.name}").uniform(EARLIEST, LATEST)
        at_s = mine.not_before + (mine.not_after - mine.not_before) * percent // 100
        if at_s * SECOND_US > self.engine.unix_us:
            self._timer = self.engine.after(at_s * SECOND_US - self.engine.unix_us, self.ask)

    def stop(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.stop()
        self._timer = self._watch = None

    def ask(self) -> None:
        """Make a request, and wait for its answer."""
        kubelet = self.kubelet
        if not kubelet.acts or self._watch is not None:
            return
        try:
            server = kubelet.connection.server()
            client = Client(kubelet.connection, server.reader, agent="kubelet", user=WHOEVER)  # type: ignore[attr-defined]
            stream = self.engine.stream(f"certificates.{kubelet.name}")
            self._key = stream.text("0123456789abcdef", 40)
            wanted = SigningRequest(f"system:node:{kubelet.name}", self._key, ("system:nodes",))
            self._asked = f"csr-{stream.text(NAME, 5)}"
            self._watch = client.watch("certificatesigningrequests", self._seen, closed=self._again)
            client.create("certificatesigningrequests", {
                "metadata": {"name": self._asked}, "spec": {
                    "request": base64.b64encode(pem(wanted)).decode(), "signerName": SIGNER,
                    "usages": ["digital signature", "client auth"]}}, because=f"the kubelet of {kubelet.name} wants a certificate")
        except (TransportError, StatusError) as error:
            kubelet.klog("E", "certificate_manager.go:562",
                         f'"Failed while requesting a signed certificate from the control plane" err="cannot create certificate '
                         f'signing request: {error}"')
            self._again()

    def _again(self) -> None:
        self.stop()
        self._timer = self.engine.after(RETRY_US, self.ask)

    def _seen(self, change: Change) -> None:
        found = change.new
        data = objects.dig(found, "status.certificate", "") if found is not None and change.key.name == self._asked else ""
        if data:
            self.engine.after(10_000, self._got, base64.b64decode(data))

    def _got(self, data: bytes) -> None:
        if self._watch is None or not self.kubelet.running:
            return
        self.stop()
        store(self.kubelet.host.files.view(), data + pem(PrivateKey(self._key), kind="EC PRIVATE KEY"), self.engine.unix_us)
        self.ready()


def store(view: View, data: bytes, unix_us: int) -> None:
    """Write a certificate with its key under its date, and let `current` lead there."""
    load_certificates(data)
    dated = f"{FOLDER}/kubelet-client-{datetime.fromtimestamp(unix_us // SECOND_US, UTC):%Y-%m-%d-%H-%M-%S}.pem"
    view.make_dir(FOLDER, parents=True)
    view.write(dated, data)
    view.chmod(dated, 0o600)
    with suppress(FileError):
        view.remove(CURRENT)
    view.symlink(dated, CURRENT)


def kubeconfig_of(bootstrap: bytes) -> bytes:
    """Write the kubeconfig that follows a bootstrap kubeconfig: the same server, the certificate in its file."""
    loaded = documents.load(bootstrap)
    context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
    cluster = next(c["cluster"] for c in loaded["clusters"] if c["name"] == context["cluster"])
    return documents.dump({
        "apiVersion": "v1", "clusters": [{"cluster": cluster, "name": "default-cluster"}],
        "contexts": [{"context": {"cluster": "default-cluster", "namespace": "default", "user": "default-auth"},
                      "name": "default-context"}],
        "current-context": "default-context", "kind": "Config", "preferences": {},
        "users": [{"name": "default-auth", "user": {"client-certificate": CURRENT, "client-key": CURRENT}}]}).encode()


def serving(host: Host, authority: str) -> tls.Serving:
    """Show a certificate of the kubelet's own making; who may ask is whom --client-ca-file signed."""
    read = host.files.view().read
    return tls.Serving(lambda: next(iter(tls.try_certificates(read, SERVING)), None), lambda: tls.try_certificates(read, authority))


def unheard(error: TransportError | StatusError, url: str, name: str, *, known: bool) -> list[tuple[str, str]]:
    """Say that the server cannot be reached or does not know this kubelet: places and texts of the log. known: it did once."""
    shown = quoted(name)
    path = f"{url}/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}?timeout=10s"

    def of(request: str) -> str:
        return error.message if isinstance(error, StatusError) else f"{request}: {error.message}"

    status = of(f"Get {quoted(f'{url}/api/v1/nodes/{name}?timeout=10s')}")
    first = (("kubelet_node_status.go:549", '"Error updating node status, will retry" err='
              + quoted(f"error getting node {shown}: {status}")) if known else
             ("kubelet_node_status.go:106", '"Unable to register node with API server" err='
              + quoted(of(f"Post {quoted(f'{url}/api/v1/nodes')}")) + f" node={shown}"))
    return [first, ("controller.go:145", '"Failed to ensure lease exists, will retry" err=' + quoted(of(f"Get {quoted(path)}"))
                    + ' interval="7s"')]


__all__ = ["CURRENT", "FOLDER", "ClientCertificate", "kubeconfig_of", "serving", "store", "unheard"]
