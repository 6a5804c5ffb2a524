"""Certificates, keys and signing requests as records, and their PEM clothes.

A file looks like PEM. Its body is the record in JSON behind the four bytes with which a DER sequence of its length
begins, so that it starts with `MII` as people know it. Key ids stand for keys: whoever names the same one has it.

Models: crypto/x509 (what is in a certificate), encoding/pem. Left out: algorithms, curves, sizes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

DAY_S = 24 * 3600
YEAR_S = 365 * DAY_S
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s+(.*?)-----END \1-----", re.DOTALL)
KEY_KINDS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")


class PkiError(Exception):
    """A file that holds no such record; the text is what Go's tls or x509 package says."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate. not_before, not_after: seconds since 1970. issuer_key: the key id that signed it.

    subject, issuer: common names; organizations: of the subject. dns, ips: alternative names. usages: `server`, `client`.
    typed, issuer_typed: the whole names as openssl writes them, where somebody typed them in an order of his own.
    """

    subject: str
    issuer: str
    key_id: str
    issuer_key: str
    serial: int
    not_before: int
    not_after: int
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    authority: bool = False
    usages: tuple[str, ...] = ()
    typed: str = ""
    issuer_typed: str = ""

    kind = "CERTIFICATE"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key."""

    key_id: str

    kind = "RSA PRIVATE KEY"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key."""

    key_id: str

    kind = "PUBLIC KEY"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What somebody asks an authority to sign."""

    subject: str
    key_id: str
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    typed: str = ""

    kind = "CERTIFICATE REQUEST"


Record = Certificate | PrivateKey | PublicKey | SigningRequest
KINDS: dict[str, type[Record]] = {
    "CERTIFICATE": Certificate, "CERTIFICATE REQUEST": SigningRequest, "NEW CERTIFICATE REQUEST": SigningRequest,
    "PUBLIC KEY": PublicKey, **dict.fromkeys(KEY_KINDS, PrivateKey)}


def fingerprint(*parts: object) -> str:
    """Give 40 hexadecimal digits that follow from the parts: a key id, or what a serial number is made of."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:40]


def issue(
    wanted: SigningRequest, issuer: Certificate | None, *, now_s: int, lasts_s: int = YEAR_S, usages: Iterable[str] = (),
    authority: bool = False,
) -> Certificate:
    """Sign a request; without an issuer it signs itself. lasts_s: how many seconds it is valid."""
    by = issuer or Certificate(wanted.subject, wanted.subject, wanted.key_id, wanted.key_id, 0, 0, 0)
    serial = int(fingerprint("serial", wanted.key_id, by.key_id, now_s, wanted.subject)[:16], 16) >> 1
    return Certificate(
        wanted.subject, by.subject, wanted.key_id, by.key_id, serial, now_s, now_s + lasts_s, wanted.organizations,
        wanted.dns, wanted.ips, authority, tuple(usages), wanted.typed, issuer.typed if issuer else wanted.typed)


def renewed(old: Certificate, issuer: Certificate, key_id: str, *, now_s: int, lasts_s: int = YEAR_S) -> Certificate:
    """Give the same certificate anew: a new key and time, everything else as it was."""
    wanted = SigningRequest(old.subject, key_id, old.organizations, old.dns, old.ips, old.typed)
    return issue(wanted, issuer, now_s=now_s, lasts_s=lasts_s, usages=old.usages, authority=old.authority)


def expired(old: Certificate, now_s: int) -> Certificate:
    """Give a certificate as if its time had run out at this moment: the same record with earlier dates."""
    lasted = old.not_after - old.not_before
    return replace(old, not_before=now_s - lasted, not_after=now_s)


# ---- files --------------------------------------------------------------------------------------------------------
NAMES = (("subject", "subject"), ("issuer", "issuer"), ("key_id", "keyId"), ("issuer_key", "issuerKeyId"), ("serial", "serial"),
         ("not_before", "notBefore"), ("not_after", "notAfter"), ("organizations", "organizations"), ("dns", "dnsNames"),
         ("ips", "ipAddresses"), ("authority", "authority"), ("usages", "usages"),
         ("typed", "typed"), ("issuer_typed", "issuerTyped"))


def pem(*records: Record, kind: str = "") -> bytes:
    """Write records one after another. kind: the words of the first line where they are not the usual ones."""
    return b"".join(_block(kind or record.kind, record) for record in records)


def _block(kind: str, record: Record) -> bytes:
    found = {name: getattr(record, own) for own, name in NAMES if getattr(record, own, None)}
    data = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    data += b" " * max(0, 256 - len(data))
    text = base64.b64encode(b"0\x82" + len(data).to_bytes(2, "big") + data).decode()
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]).encode()


@lru_cache(maxsize=512)
def load(data: bytes) -> tuple[Record, ...]:
    """Read every record of a PEM file in its order; blocks that hold none are left out."""
    found = []
    for block in BLOCK.finditer(data.decode(errors="replace")):
        record = _record(block[1], block[2])
        if record is not None:
            found.append(record)
    return tuple(found)


def _record(kind: str, body: str) -> Record | None:
    made: Any = KINDS.get(kind)
    if made is None:
        return None
    try:
        read: Any = json.loads(base64.b64decode("".join(body.split()), validate=True)[4:])
        values = {own: tuple(read[name]) if isinstance(read[name], list) else read[name]
                  for own, name in NAMES if name in read and own in made.__dataclass_fields__}
        found: Record = made(**values)
        return found
    except (ValueError, TypeError, KeyError, binascii.Error, UnicodeDecodeError):
        return None


def load_certificates(data: bytes) -> tuple[Certificate, ...]:
    """Read the certificates of a file. Raises PkiError when there is none."""
    found = tuple(each for each in load(data) if isinstance(each, Certificate))
    if not found:
        raise PkiError(_nothing(data, "certificate", "CERTIFICATE"))
    return found


def load_key(data: bytes) -> PrivateKey:
    """Read the first private key of a file. Raises PkiError when there is none."""
    for each in load(data):
        if isinstance(each, PrivateKey):
            return each
    raise PkiError(_nothing(data, "key", *KEY_KINDS))


def _nothing(data: bytes, what: str, *wanted: str) -> str:
    """Say why a file holds no such record. Models: crypto/tls, X509KeyPair."""
    kinds = [block[1] for block in BLOCK.finditer(data.decode(errors="replace"))]
    if not kinds:
        return f"tls: failed to find any PEM data in {what} input"
    if set(wanted) & set(kinds):
        return "x509: malformed certificate" if what == "certificate" else "tls: failed to parse private key"
    if what == "certificate" and len(kinds) == 1 and kinds[0] in KEY_KINDS:
        return ("tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have "
                "been switched")
    if what == "key" and kinds == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    sought = '"CERTIFICATE" PEM block' if what == "certificate" else 'PEM block with type ending in "PRIVATE KEY"'
    return f"tls: failed to find {sought} in {what} input after skipping PEM blocks of the following types: [{' '.join(kinds)}]"


def public_der(key_id: str) -> bytes:
    """Give the bytes that stand for a public key in DER, of which discovery hashes are made."""
    return b"0\x82\x01\x22" + hashlib.shake_256(key_id.encode()).digest(290)
