"""One run of kubeadm on a host: what it writes, what it asks, and how it speaks with the API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import yaml

from sim.api import documents, times
from sim.api.client import WHOEVER, Key, Object, Request
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps, Stream, microseconds
from sim.host import tls
from sim.host.files import FileError, View
from sim.host.network import Connection, Host
from sim.kubeadm.frame.messages import say
from sim.pki import PkiError
from sim.versions.catalogue import Version

REQUEST_SECONDS = 0.01
"""Latency table: one request of a client."""
POLL_SECONDS = 0.5
"""How often kubeadm asks again (constants.KubernetesAPICallRetryInterval)."""
PREFLIGHT_EXIT, VALIDATION_EXIT = 2, 3
ERROR_SINCE = (1, 34)
"""From here on errors begin with `error: `, and failed checks are listed before the error (seen from 1.34 or 1.35 on)."""
ADMIN_CONF = "/etc/kubernetes/admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
DIGITS = "0123456789"


class KubeadmError(Exception):
    """The run ends: what is printed, and the exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status

    def wrap(self, head: str) -> KubeadmError:
        """Put words before the text, as errors.Wrap does."""
        return KubeadmError(f"{head}: {self}", self.status)


class Session:
    """One run of kubeadm.

    files: the host's as the user sees them. version: of the installed program, without v. write(text, stream) and
    ask() -> a typed line come from whoever runs it: a login, or the lab's installer.
    """

    def __init__(
        self, host: Host, files: View, version: str, *, write: Callable[[str, str], None],
        ask: Callable[[], Steps[str]], uid: int = 0, pid: int = 0, home: str = "/root",
    ) -> None:
        self.host, self.files, self.version, self.uid, self.pid, self.home = host, files, version, uid, pid, home
        self.engine = host.engine
        self.write = write
        self._ask = ask
        self.minor = minor_of(version)
        self.numbers = tuple(Version.parse(version)[:3])
        self.dry_run = False
        self.path: Callable[[str], str] = str
        """Makes a path absolute, from where kubeadm was typed."""
        self.uploaded = ""
        """The key with which certificates were handed on in this run."""
        self._connection: Connection | None = None

    # ---- writing ----------------------------------------------------------------------------------------------
    def out(self, text: str = "") -> None:
        """Write a line on standard output."""
        self.write(text + "\n", "stdout")

    def err(self, text: str) -> None:
        """Write a line on standard error."""
        self.write(text + "\n", "stderr")

    def say(self, name: str, /, **values: Any) -> None:
        """Write the text of that name in this version; nothing where this version says nothing."""
        text = say(name, self.numbers, **values)
        if text is not None:
            self.out(text)

    def text(self, name: str, /, **values: Any) -> str:
        """Give the text of that name in this version, "" where it has none."""
        return say(name, self.numbers, **values) or ""

    def fail(self, name: str, /, **values: Any) -> NoReturn:
        """End with the text of that name. Raises KubeadmError."""
        raise KubeadmError(self.text(name, **values))

    def klog(self, level: str, where: str, text: str) -> None:
        """Write a line on standard error as klog does."""
        stamp = times.stamp_micro(self.engine.unix_us)
        self.err(f"{level}{stamp[5:7]}{stamp[8:10]} {stamp[11:26]} {self.pid:7d} {where}] {text}")

    def ask(self, question: str) -> Steps[str]:
        """Put a question and give the line that is typed."""
        self.write(question, "stdout")
        return (yield from self._ask())

    # ---- chance, names and time -------------------------------------------------------------------------------
    @property
    def stream(self) -> Stream:
        """Give this host's stream of chance."""
        return self.engine.stream(f"kubeadm.{self.host.name}")

    def digits(self) -> str:
        """Give the random number at the end of a temporary folder's name (Go's os.MkdirTemp)."""
        return self.stream.text("123456789", 1) + self.stream.text(DIGITS, self.stream.uniform(7, 9))

    def stamp(self) -> str:
        """Give the moment as it stands in backup folders' names."""
        stamp = times.stamp(self.engine.unix_us)
        return f"{stamp[:10]}-{stamp[11:13]}-{stamp[14:16]}-{stamp[17:19]}"

    def pause(self, seconds: float) -> Steps[None]:
        """Let time pass."""
        yield self.engine.sleep(microseconds(seconds))

    def takes(self, low: float, typical: float, high: float) -> Steps[None]:
        """Let as much time pass as the latency table says."""
        yield self.engine.sleep(self.stream.latency_us(*(microseconds(each) for each in (low, typical, high))))

    @property
    def connected(self) -> bool:
        """Tell whether a kubeconfig was chosen."""
        return self._connection is not None

    # ---- the API server ---------------------------------------------------------------------------------------
    def connect(self, path: str = ADMIN_CONF) -> None:
        """Use a kubeconfig of the host. Raises KubeadmError."""
        try:
            loaded: Any = documents.load(self.files.read(path))
            context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
            cluster = next(c["cluster"] for c in loaded["clusters"] if c["name"] == context["cluster"])
            user = next((u["user"] for u in loaded.get("users") or [] if u["name"] == context.get("user")), None) or {}
            server, credentials = cluster["server"], tls.credentials_of(cluster, user, self.files.read, self.minor)
        except FileError as error:
            problem = "no such file or directory" if not self.files.exists(path) else str(error).lower()
            self.fail("client.no-kubeconfig", path=path, problem=f"open {path}: {problem}")
        except (yaml.YAMLError, TypeError, KeyError, StopIteration, UnicodeDecodeError, PkiError):
            self.fail("client.no-kubeconfig", path=path, problem="invalid configuration: no configuration has been provided, "
                      "try setting KUBERNETES_MASTER environment variable")
        address, _, port = str(server).rpartition("//")[2].partition(":")
        self.server_url = str(server)
        self._connection = Connection(
            self.host.network, self.host, address, int(port) if port.isdigit() else 443, credentials)

    def send(self, verb: str, key: Key, **more: Any) -> Steps[Any]:
        """Send a request and give the answer's body; waits as long as the answer takes. Raises StatusError, TransportError."""
        if self._connection is None:
            self.connect()
        assert self._connection is not None
        yield self.engine.sleep(microseconds(REQUEST_SECONDS))
        more.setdefault("agent", "kubeadm")
        try:
            return self._connection.handle(Request(verb, key, user=WHOEVER, **more)).body
        except (StatusError, TransportError) as error:
            if error.after_seconds:
                over = self.engine.sleep(microseconds(min(error.after_seconds, 30.0)))
                yield over if error.until is None else self.engine.any_of([over, error.until])
            raise

    def get(self, key: Key) -> Steps[Object | None]:
        """Get an object, None when it is not there. Raises KubeadmError when the server does not answer."""
        try:
            return (yield from self.send("get", key))  # type: ignore[no-any-return]
        except StatusError as error:
            if error.code == 404:
                return None
            raise KubeadmError(error.message) from None
        except TransportError as error:
            raise KubeadmError(self.unanswered("Get", key, error)) from None

    def list(self, resource: str, namespace: str = "", **query: str) -> Steps[list[Object]]:
        """List objects. Raises KubeadmError."""
        key = Key(resource, namespace, "")
        try:
            return list((yield from self.send("list", key, query=query))["items"])
        except StatusError as error:
            raise KubeadmError(error.message) from None
        except TransportError as error:
            raise KubeadmError(self.unanswered("Get", key, error)) from None

    def put(self, key: Key, body: Object, *, because: str = "") -> Steps[None]:
        """Create an object or replace it. Raises KubeadmError."""
        body = {**body, "metadata": {**body.get("metadata", {}), "name": key.name,
                                     **({"namespace": key.namespace} if key.namespace else {})}}
        try:
            found = yield from self.get(key)
            if found is None:
                yield from self.send("create", key, body=body, because=because)
                return
            kept = {name: value for name, value in found["metadata"].items() if name not in ("labels", "annotations")}
            merged = {**body, "metadata": {**body["metadata"], **kept}}
            for part in ("labels", "annotations"):
                merged["metadata"][part] = {**(found["metadata"].get(part) or {}), **(body["metadata"].get(part) or {})}
            yield from self.send("update", key, body=merged, because=because)
        except StatusError as error:
            raise KubeadmError(error.message) from None
        except TransportError as error:
            raise KubeadmError(self.unanswered("Put", key, error)) from None

    def unanswered(self, method: str, key: Key, error: TransportError) -> str:
        """Say as client-go does that a request got no answer."""
        group = {"nodes": "api/v1", "configmaps": "api/v1", "pods": "api/v1", "jobs": "apis/batch/v1"}.get(key.resource, "apis")
        space = f"/namespaces/{key.namespace}" if key.namespace else ""
        name = f"/{key.name}" if key.name else ""
        return f'{method} "{self.server_url}/{group}{space}/{key.resource}{name}?timeout=10s": {error.message}'

    def until(self, seconds: float, look: Callable[[], Steps[bool]], every: float = POLL_SECONDS) -> Steps[bool]:
        """Look again and again until it is so; False when the time is over."""
        end_us = self.engine.now_us + microseconds(seconds)
        while True:
            if (yield from look()):
                return True
            if self.engine.now_us + microseconds(every) > end_us:
                yield self.engine.sleep(max(0, end_us - self.engine.now_us))
                return False
            yield self.engine.sleep(microseconds(every))


def minor_of(version: str) -> tuple[int, int]:
    """Give major and minor version."""
    first, second = version.split(".")[:2]
    return int(first), int(second)


