"""What both ends of a connection show each other: a server its certificate, a client who it is.

A server's certificate is looked at when a connection is made; a client's at every request, as the API server does. Nothing
here is an event but one: the moment at which the first certificate of an open connection runs out.

Models: crypto/tls (handshake), apiserver/pkg/authentication/request/x509, client-go/transport. Left out: versions, ciphers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api.client import User
from sim.api.errors import StatusError, TransportError
from sim.host.files import FileError
from sim.pki import Certificate, PkiError, Problem, invalid, load, load_certificates, load_key
from sim.pki.records import expired
from sim.pki.verify import pair_problem

GO_1_20 = (1, 27)
"""Kubernetes' first minor whose clients say `tls: failed to verify certificate` before the reason."""
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
AUTHENTICATED = "system:authenticated"
UNAUTHORIZED = "Unauthorized"
Read = Callable[[str], bytes]


@dataclass(slots=True)
class Serving:
    """What a server shows and whom it lets in.

    certificate, authorities: read anew at each handshake; no authorities: it asks for nothing. requires: a client without a
    certificate is turned away. said: writes what it refused to its log. token: who a bearer token is.
    """

    certificate: Callable[[], Certificate | None]
    authorities: Callable[[], tuple[Certificate, ...]] = tuple
    requires: bool = False
    said: Callable[[Certificate, Problem], None] = lambda certificate, problem: None
    token: Callable[[str], User | None] = lambda token: None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client trusts and shows. roots None: it believes every server."""

    roots: tuple[Certificate, ...] | None = ()
    certificate: Certificate | None = None
    token: str = ""
    prefix: str = "tls: failed to verify certificate: "
    name: str = ""


NOBODY = Credentials(roots=None)


def prefix_of(version: tuple[int, int]) -> str:
    """Give what stands before a certificate's fault, by the Kubernetes minor that a client was built with."""
    return "tls: failed to verify certificate: " if version >= GO_1_20 else ""


def credentials_of(cluster: Mapping[str, Any], user: Mapping[str, Any], read: Read, version: tuple[int, int]) -> Credentials:
    """Read what a kubeconfig's cluster and user say. Raises FileError, PkiError."""
    roots: tuple[Certificate, ...] | None = None
    if not cluster.get("insecure-skip-tls-verify"):
        text = _bytes(cluster, "certificate-authority", read)
        roots = () if text is None else tuple(each for each in load(text) if isinstance(each, Certificate))
        if text is not None and not roots:
            raise PkiError("unable to load root certificates: unable to parse bytes as PEM block")
    shown, key = _bytes(user, "client-certificate", read), _bytes(user, "client-key", read)
    certificate = None
    if shown is not None and key is not None:
        found = load_certificates(shown)
        problem = pair_problem(found, load_key(key))
        if problem:
            raise PkiError(problem)
        certificate = found[0]
    token = str(user.get("token") or "")
    if not token and user.get("tokenFile"):
        token = read(str(user["tokenFile"])).decode(errors="replace").strip()
    return Credentials(roots, certificate, token, prefix_of(version), str(cluster.get("tls-server-name") or ""))


def _bytes(entry: Mapping[str, Any], name: str, read: Read) -> bytes | None:
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode(str(entry[f"{name}-data"]))
        except ValueError:
            raise PkiError(f"illegal base64 data at input byte {_first_bad(str(entry[f'{name}-data']))}") from None
    return read(str(entry[name])) if entry.get(name) else None


def _first_bad(text: str) -> int:
    return next((at for at, letter in enumerate(text) if not (letter.isalnum() or letter in "+/=\n")), 0)


def pair(read: Read, certificate: str, key: str) -> Certificate:
    """Read a certificate and its key, and check that they belong together. Raises FileError, PkiError."""
    found = load_certificates(read(certificate))
    problem = pair_problem(found, load_key(read(key)))
    if problem:
        raise PkiError(problem)
    return found[0]


def try_certificates(read: Read, path: str) -> tuple[Certificate, ...]:
    """Read what certificates a file holds, none where it is missing or spoilt."""
    try:
        return tuple(each for each in load(read(path)) if isinstance(each, Certificate)) if path else ()
    except FileError:
        return ()


@dataclass(slots=True)
class Clock:
    """What of a lab's certificates does not stand in files: those that a fault has ended before their time.

    ended: serial -> when, in seconds since 1970. epoch: counts those faults.
    """

    ended: dict[int, int] = field(default_factory=dict)
    epoch: int = 0

    def as_now(self, certificate: Certificate) -> Certificate:
        """Give the certificate with the dates that hold."""
        at_s = self.ended.get(certificate.serial)
        return certificate if at_s is None else expired(certificate, at_s)


def check_server(serving: Serving, mine: Credentials, address: str, now_s: int, clock: Clock) -> int:
    """Look at the server's certificate; gives until when it holds. Raises TransportError."""
    shown = serving.certificate()
    if shown is None:
        raise TransportError("tls", "remote error: tls: internal error")
    shown = clock.as_now(shown)
    if mine.roots is not None:
        problem = invalid(shown, mine.roots, now_s, usage="server", name=mine.name or address)
        if problem is not None:
            raise TransportError("tls", f"{mine.prefix}{problem}")
    return shown.not_after


def check_client(serving: Serving, mine: Credentials, now_s: int, clock: Clock) -> User:
    """Say who the client is for the server. Raises StatusError 401, or TransportError where it is turned away."""
    authorities = serving.authorities()
    if mine.certificate is not None and authorities:
        shown = clock.as_now(mine.certificate)
        problem = invalid(shown, authorities, now_s, usage="client")
        if problem is None:
            return User(shown.subject, (*shown.organizations, AUTHENTICATED))
        serving.said(shown, problem)
        if serving.requires:
            raise TransportError("tls", problem.alert)
        raise StatusError(401, UNAUTHORIZED, UNAUTHORIZED)
    if serving.requires:
        raise TransportError("tls", "remote error: tls: certificate required")
    if mine.token:
        user = serving.token(mine.token)
        if user is None:
            raise StatusError(401, UNAUTHORIZED, UNAUTHORIZED)
        return user
    return ANONYMOUS
