"""How etcdctl reaches a member: endpoints, certificates, and what goes wrong with them.

A connection that cannot be made is tried again until the command's time is over: 5 s, or for ever (snapshot save).
Models: client/v3, grpc's dialling, etcdctl/ctlv3/command/global.go. Texts: golden etcd-backup-restore.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sim.api import times
from sim.api.errors import TransportError
from sim.engine import SECOND_US, Steps, microseconds
from sim.etcd import accounts, requests, rules, upgrade
from sim.etcd.requests import EtcdError
from sim.host import tls
from sim.host.etcd import MemberServer
from sim.host.files import FileError
from sim.pki import Certificate, PkiError
from sim.shell.etcd.frame.printing import zap_json
from sim.shell.pipes import Call

DEADLINE = "context deadline exceeded"
CONNECT_SECONDS = 0.02
SLOW_SECONDS = 1.4
"""What a commit takes on a disk that is too slow."""
CODES = {
    requests.COMPACTED: "OutOfRange", requests.FUTURE: "OutOfRange", requests.NO_LEASE: "NotFound",
    requests.LEASE_EXISTS: "FailedPrecondition", requests.NO_SPACE: "ResourceExhausted",
    **dict.fromkeys((requests.NO_KEY, requests.DUPLICATE, requests.TOO_MANY, requests.KEY_NOT_FOUND, requests.VALUE_PROVIDED,
                     requests.LEASE_PROVIDED), "InvalidArgument"),
    rules.NOT_FOUND: "NotFound", rules.UNHEALTHY: "Unavailable",
    **dict.fromkeys((rules.NOT_ENOUGH, rules.ID_EXISTS, rules.URLS_EXIST, rules.NO_LEARNER, rules.TOO_MANY_LEARNERS,
                     rules.NOT_IN_SYNC), "FailedPrecondition"),
    upgrade.BAD_TARGET: "InvalidArgument", upgrade.BAD_FORMAT: "InvalidArgument", upgrade.IN_PROGRESS: "FailedPrecondition",
    upgrade.NO_JOB: "FailedPrecondition", accounts.NO_USER: "InvalidArgument", accounts.DENIED: "PermissionDenied",
    accounts.BAD_PASSWORD: "InvalidArgument", accounts.ROOT_MISSING: "FailedPrecondition",
    accounts.USER_MISSING: "FailedPrecondition", accounts.ROLE_MISSING: "FailedPrecondition",
    accounts.USER_EXISTS: "FailedPrecondition", accounts.ROLE_EXISTS: "FailedPrecondition"}
"""gRPC's code of what etcd refuses. Models: api/v3rpc/rpctypes/error.go."""
T = TypeVar("T")


class Failure(Exception):
    """The command ends: what follows `Error: `, and its exit status. said: lines before that."""

    def __init__(self, text: str, status: int = 1, said: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Config:
    """What the global flags say. ca: the authorities in --cacert; cert: the certificate in --cert."""

    endpoints: tuple[str, ...]
    secure: bool
    ca: tuple[Certificate, ...]
    cert: Certificate | None
    skip_verify: bool
    timeout_seconds: float
    user: str = ""
    password: str = ""


def address(endpoint: str) -> tuple[str, int]:
    """Give the host and port of an endpoint."""
    plain = endpoint.rpartition("://")[2].rstrip("/")
    host, colon, port = plain.rpartition(":")
    if not colon:
        host, port = plain, "2379"
    return host.strip("[]") or "127.0.0.1", int(port) if port.isdigit() else 2379


def configure(call: Call, flags: dict[str, str]) -> Config:
    """Read the files that the global flags name. Raises Failure."""
    cert, key, ca = (flags.get(name, "") for name in ("cert", "key", "cacert"))
    endpoints = tuple(each.strip() for each in flags["endpoints"].split(",") if each.strip())
    found = {}
    for name, path in (("cert", cert), ("key", key), ("cacert", ca)):
        if name in flags and not path and flags.get(f"{name} given"):
            raise Failure(f"empty string is passed to --{name} option", 128)
    if bool(cert) != bool(key):
        raise Failure(f"KeyFile and CertFile must both be present[key: {key}, cert: {cert}]", 128)
    for path in filter(None, (cert, key, ca)):
        try:
            found[path] = call.files.read(call.path(path))
        except FileError as error:
            raise Failure(f"open {path}: {str(error).lower()}", 128) from None
    try:
        mine = tls.pair(found.__getitem__, cert, key) if cert else None
    except PkiError as error:
        raise Failure(str(error), 128) from None
    trusted = tls.try_certificates(found.__getitem__, ca)
    return Config(
        endpoints, bool(cert or ca) or flags.get("insecure-transport") == "false", trusted, mine,
        flags.get("insecure-skip-tls-verify") == "true", times.parse_duration(flags["command-timeout"]),
        *(flags.get("user", "").partition(":")[::2]))


class Client:
    """A client of some endpoints."""

    def __init__(self, call: Call, config: Config, version: tuple[int, int]) -> None:
        self.call = call
        self.config = config
        self.version = version

    def reach(self, endpoint: str) -> MemberServer:
        """Give the member behind an endpoint. Raises TransportError with grpc's description."""
        host, port = address(endpoint)
        secure = endpoint.startswith("https://") or (not endpoint.startswith("http://") and self.config.secure)
        try:
            found = self.call.host.dial(host, port)
        except TransportError as error:
            raise TransportError(error.kind, f'connection error: desc = "transport: Error while dialing: {error.message}"',
                                 error.after_seconds) from None
        if not isinstance(found, MemberServer):
            raise TransportError("tls", 'connection error: desc = "error reading server preface: http2: frame too large"')
        self._shake(host, port, secure=secure)
        return found

    def _shake(self, address: str, port: int, *, secure: bool) -> None:
        """Exchange certificates. Raises TransportError."""
        network, config = self.call.host.network, self.config
        serving = network.serving(self.call.host, address, port)
        if not secure:
            if serving is not None:
                raise TransportError("tls", 'connection error: desc = "error reading server preface: EOF"')
            return
        if serving is None:
            raise TransportError("tls", 'connection error: desc = "transport: authentication handshake failed: tls: first record '
                                 'does not look like a TLS handshake"')
        mine = tls.Credentials(None if config.skip_verify else config.ca, config.cert,
                               prefix="tls: failed to verify certificate: " if self.version >= (3, 5) else "")
        now_s = self.call.engine.unix_us // SECOND_US
        step = "transport: authentication handshake failed"
        try:
            tls.check_server(serving, mine, address, now_s, network.clock)
            step = "error reading server preface"
            tls.check_client(serving, mine, now_s, network.clock)
        except TransportError as error:
            raise TransportError("tls", f'connection error: desc = "{step}: {error.message}"') from None

    def any(self, *, leader: bool = True) -> tuple[MemberServer | None, TransportError]:
        """Give the first member that can serve, and otherwise why the last could not. leader: it needs one."""
        failure = TransportError("refused", "")
        for endpoint in self.config.endpoints:
            try:
                found = self.reach(endpoint)
            except TransportError as error:
                failure = error
                continue
            if not leader or found.serves:
                return found, failure
            failure = TransportError("timeout", "", 5.0)
        return None, failure

    def serving(self, method: str, *, leader: bool = True, logger: str = "etcd-client") -> Steps[MemberServer]:
        """Give a member that serves, waiting for one until the time is over. Raises Failure."""
        engine = self.call.engine
        yield engine.sleep(microseconds(CONNECT_SECONDS))
        until_us = engine.now_us + microseconds(self.config.timeout_seconds)
        while True:
            found, failure = self.any(leader=leader)
            if found is not None:
                return found
            if engine.now_us >= until_us:
                raise Failure(DEADLINE, 1, self.retrying(method, self.config.endpoints[0], failure.message, logger))
            yield from self.wait(until_us)

    def wait(self, until_us: int) -> Steps[None]:
        """Wait until the network changes, or the moment comes."""
        engine = self.call.engine
        changed = engine.event()

        def notice() -> None:
            if not changed.triggered:
                changed.succeed()

        stop = self.call.host.network.on_change(notice)
        timer = engine.at(until_us, notice) if until_us else None
        try:
            yield changed
        finally:
            stop()
            if timer is not None:
                timer.cancel()

    def act(self, method: str, deed: Callable[[MemberServer], T], *, leader: bool = True) -> Steps[tuple[MemberServer, T]]:
        """Have a member do something; gives it and the result. Raises Failure with what etcd refuses."""
        member = yield from self.serving(method, leader=leader)
        if leader and any(server.slow for server in (member, member.cluster.running.get(member.cluster.leader)) if server):
            yield self.call.engine.sleep(microseconds(SLOW_SECONDS))
        try:
            accounts.check(member.cluster, self.config.user, self.config.password, method)
            return member, deed(member)
        except EtcdError as error:
            raise self.refused(method, str(error)) from None

    def refused(self, method: str, text: str, shape: str = "{}") -> Failure:
        """Make the end of a command whose request etcd refused."""
        code = CODES.get(text, "Unknown")
        if self.version < (3, 5) and "not enough started" in text:
            code = "Unknown"
        error = f"rpc error: code = {code} desc = {text}"
        return Failure(shape.format(text), 1, self._warning(method, self.config.endpoints[0], error, "etcd-client"))

    def retrying(self, method: str, endpoint: str, why: str, logger: str) -> str:
        """Write the warning that a call did not get through."""
        if self.version < (3, 5) and why and logger == "etcd-client":
            why = "all SubConns are in TransientFailure"
        tail = f" latest balancer error: {why}" if why else f" {DEADLINE}"
        error = f"rpc error: code = DeadlineExceeded desc ={tail}"
        if (3, 5) <= self.version < (3, 6) and why:
            error = error.replace("latest balancer error: connection error", "latest balancer error: last connection error: connection error")
        return self._warning(method, endpoint, error, logger)

    def _warning(self, method: str, endpoint: str, error: str, logger: str) -> str:
        host, port = address(endpoint)
        number = self.call.engine.stream("etcdctl.targets").uniform(1 << 40, 1 << 46)
        if self.version >= (3, 6):
            return zap_json(self.call.engine.unix_us, "warn", "v3/retry_interceptor.go:65", "retrying of unary invoker failed", {
                "target": f"etcd-endpoints://{number:#x}/{host}:{port}", "method": method, "attempt": 0, "error": error}, logger)
        if self.version >= (3, 5):
            return zap_json(self.call.engine.unix_us, "warn", "v3/retry_interceptor.go:62", "retrying of unary invoker failed", {
                "target": f"etcd-endpoints://{number:#x}/{host}:{port}", "attempt": 0, "error": error}, logger)
        return zap_json(self.call.engine.unix_us, "warn", "clientv3/retry_interceptor.go:62", "retrying of unary invoker failed", {
            "target": f"endpoint://client-{number:x}/{host}:{port}", "attempt": 0, "error": error})
