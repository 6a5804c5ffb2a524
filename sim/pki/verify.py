"""What a verifier says of a certificate, in the words of Go's crypto/x509.

Models: crypto/x509/verify.go (Certificate.Verify, isValid, VerifyHostname, the texts of its errors). The order of the
checks is upstream's: the leaf's time, then its names, then its chain, then what it may be used for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.api import times
from sim.pki.records import Certificate, PrivateKey

MISMATCH = "tls: private key does not match public key"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a certificate is not accepted. kind: `expired`, `authority`, `name`, `usage`; text: without `x509: `."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"x509: {self.text}"

    @property
    def alert(self) -> str:
        """Give what the other side is told. Models: crypto/tls/handshake_server.go (processCertsFromClient)."""
        words = {"expired": "expired certificate", "authority": "unknown certificate authority"}.get(self.kind, "bad certificate")
        return f"remote error: tls: {words}"


def within(certificate: Certificate, now_s: int) -> Problem | None:
    """Check the time."""
    now = times.stamp(now_s * 1_000_000)
    head = f"certificate has expired or is not yet valid: current time {now} is"
    if now_s < certificate.not_before:
        return Problem("expired", f"{head} before {times.stamp(certificate.not_before * 1_000_000)}")
    if now_s > certificate.not_after or certificate.not_after == now_s:
        return Problem("expired", f"{head} after {times.stamp(certificate.not_after * 1_000_000)}")
    return None


def matches(certificate: Certificate, name: str) -> Problem | None:
    """Check that the certificate is for a name or address. Models: Certificate.VerifyHostname, HostnameError."""
    if re.fullmatch(r"[0-9.]+|\[?[0-9a-fA-F:]*:[0-9a-fA-F:]*\]?", name):
        if not certificate.ips:
            return Problem("name", f"cannot validate certificate for {name} because it doesn't contain any IP SANs")
        shown, there = certificate.ips, name in certificate.ips
    else:
        shown, there = certificate.dns, any(_covers(pattern, name.lower()) for pattern in certificate.dns)
    if there:
        return None
    if not shown:
        return Problem("name", f"certificate is not valid for any names, but wanted to match {name}")
    return Problem("name", f"certificate is valid for {', '.join(shown)}, not {name}")


def _covers(pattern: str, name: str) -> bool:
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and bool(name.partition(".")[0])
    return pattern == name


def invalid(
    certificate: Certificate, roots: Sequence[Certificate], now_s: int, *, usage: str, name: str = ""
) -> Problem | None:
    """Give what is wrong with a certificate, None when it holds. name: what the client called the server."""
    problem = within(certificate, now_s) or (matches(certificate, name) if name else None) or _chain(certificate, roots, now_s)
    if problem is None and certificate.usages and usage not in certificate.usages:
        return Problem("usage", "certificate specifies an incompatible key usage")
    return problem


def _chain(certificate: Certificate, roots: Sequence[Certificate], now_s: int) -> Problem | None:
    hint = ""
    problem = None
    for root in roots:
        if root == certificate or (root.subject == certificate.issuer and root.key_id == certificate.issuer_key):
            problem = within(root, now_s)
            if problem is None:
                return None
        elif root.subject == certificate.issuer:
            hint = (' (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority '
                    f'certificate "{root.subject}")')
    return problem or Problem("authority", f"certificate signed by unknown authority{hint}")


def pair_problem(certificates: Sequence[Certificate], key: PrivateKey) -> str:
    """Check that a key is the certificate's; "" when it is. Models: crypto/tls.X509KeyPair."""
    return "" if certificates[0].key_id == key.key_id else MISMATCH
