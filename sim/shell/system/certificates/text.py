"""How openssl 3.0 writes certificates and requests.

Models: apps/x509.c, crypto/x509/t_x509.c, v3_prn.c. Texts: golden host-jammy, host-noble, host-bookworm. Moduli and
signatures are digits that follow from the key's id.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from sim.pki import Certificate, SigningRequest

EXTENDED = {"server": "TLS Web Server Authentication", "client": "TLS Web Client Authentication"}
FOUR = {0: "", 4: "    "}


def name_of(common: str, organizations: tuple[str, ...], typed: str = "") -> str:
    """Write a distinguished name; as it was typed where openssl made it, else as Go orders it."""
    if typed:
        return typed
    return ", ".join([*(f"O = {each}" for each in organizations), *([f"CN = {common}"] if common else [])])


def subject(record: Certificate | SigningRequest) -> str:
    """Write the subject."""
    return name_of(record.subject, record.organizations, record.typed)


def issuer(certificate: Certificate) -> str:
    """Write the issuer."""
    return certificate.issuer_typed or name_of(certificate.issuer, ())


def date(unix_s: int) -> str:
    """Write a moment: `Nov 23 11:01:11 2026 GMT`."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%b %e %H:%M:%S %Y GMT")


def serial(certificate: Certificate) -> str:
    """Write the serial number in capital hexadecimal digits."""
    digits = f"{certificate.serial:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def octets(*parts: object, count: int = 256) -> bytes:
    """Give bytes that follow from the parts: what stands where a modulus or a signature would be."""
    found = hashlib.shake_256("\0".join(map(str, parts)).encode()).digest(count)
    return bytes([found[0] | 0x80]) + found[1:]


def colons(data: bytes) -> str:
    """Write bytes as `AA:BB`."""
    return ":".join(f"{byte:02X}" for byte in data)


def _rows(data: bytes, indent: int, each: int) -> list[str]:
    shown = [f"{byte:02x}" for byte in data]
    rows = [shown[at:at + each] for at in range(0, len(shown), each)]
    return [" " * indent + ":".join(row) + (":" if number < len(rows) - 1 else "") for number, row in enumerate(rows)]


def _public_key(key_id: str) -> list[str]:
    return ["        Subject Public Key Info:", "            Public Key Algorithm: rsaEncryption",
            "                Public-Key: (2048 bit)", "                Modulus:",
            *_rows(b"\0" + octets("modulus", key_id), 20, 15), "                Exponent: 65537 (0x10001)"]


def _signature(*parts: object) -> list[str]:
    return ["    Signature Algorithm: sha256WithRSAEncryption", "    Signature Value:",
            *_rows(octets("signature", *parts), 8, 18)]


def alternative_names(record: Certificate | SigningRequest) -> str:
    """Write the alternative names in a line."""
    return ", ".join([*(f"DNS:{name}" for name in record.dns),
                      *(f"IP Address:{'0:0:0:0:0:0:0:1' if ip == '::1' else ip}" for ip in record.ips)])


def extensions(certificate: Certificate) -> list[tuple[str, str]]:
    """Give the extensions: title and text."""
    found = []
    if certificate.authority:
        found.append(("X509v3 Key Usage: critical", "Digital Signature, Key Encipherment, Certificate Sign"))
    elif certificate.usages:
        found.append(("X509v3 Key Usage: critical", "Digital Signature, Key Encipherment"))
    if certificate.usages:
        found.append(("X509v3 Extended Key Usage: ", ", ".join(EXTENDED[each] for each in certificate.usages)))
    if certificate.authority or certificate.usages:
        found.append(("X509v3 Basic Constraints: critical", f"CA:{'TRUE' if certificate.authority else 'FALSE'}"))
    if certificate.authority:
        found.append(("X509v3 Subject Key Identifier: ", colons(bytes.fromhex(certificate.key_id or "00"))))
    elif certificate.usages and certificate.issuer_key != certificate.key_id:
        found.append(("X509v3 Authority Key Identifier: ", colons(bytes.fromhex(certificate.issuer_key or "00"))))
    if certificate.dns or certificate.ips:
        found.append(("X509v3 Subject Alternative Name: ", alternative_names(certificate)))
    return found


def certificate_text(certificate: Certificate) -> str:
    """Write all of a certificate."""
    digits = f"{certificate.serial} (0x{certificate.serial:x})"
    own = extensions(certificate)
    shown = [line for title, text in own for line in (" " * 12 + title, " " * 16 + text)]
    return "\n".join([
        "Certificate:", "    Data:", f"        Version: {'3 (0x2)' if own else '1 (0x0)'}", f"        Serial Number: {digits}",
        "        Signature Algorithm: sha256WithRSAEncryption", f"        Issuer: {issuer(certificate)}", "        Validity",
        f"            Not Before: {date(certificate.not_before)}", f"            Not After : {date(certificate.not_after)}",
        f"        Subject: {subject(certificate)}", *_public_key(certificate.key_id),
        *(["        X509v3 extensions:", *shown] if shown else []),
        *_signature(certificate.issuer_key, certificate.serial), ""])


def request_text(request: SigningRequest) -> str:
    """Write all of a request."""
    names = alternative_names(request)
    return "\n".join([
        "Certificate Request:", "    Data:", "        Version: 1 (0x0)", f"        Subject: {subject(request)}",
        *_public_key(request.key_id), "        Attributes:",
        *(["            Requested Extensions:", "                X509v3 Subject Alternative Name: ", " " * 20 + names] if names else
          ["            (none)", "            Requested Extensions:"]),
        *_signature(request.key_id, request.subject), ""])
