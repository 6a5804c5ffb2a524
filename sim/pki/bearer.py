"""Tokens of service accounts: three parts in base64url, as a JSON Web Token; whoever knows the key's name can sign.

Models: pkg/serviceaccount/{claims,jwt}.go. Left out: cryptography, audiences other than the server's.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sim.pki.records import fingerprint

HEADER = {"alg": "RS256"}


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _signature(head: str, body: str, key: str) -> str:
    return _part("".join(fingerprint(key, head, body, number) for number in range(7))[:256].encode())


def mint(claims: dict[str, Any], key: str) -> str:
    """Make a token. key: what signs it."""
    head = _part(json.dumps({**HEADER, "kid": _part(fingerprint("kid", key).encode())[:43]}, separators=(",", ":")).encode())
    body = _part(json.dumps(claims, separators=(",", ":")).encode())
    return f"{head}.{body}.{_signature(head, body, key)}"


def claims_of(token: str) -> dict[str, Any] | None:
    """Read what a token says of itself, None for what is none; nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def signed_by(token: str, key: str) -> bool:
    """Tell whether a key signed a token."""
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    return signature == _signature(head, body, key)
