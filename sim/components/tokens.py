"""Whose a bearer token is: a bootstrap token of kubeadm's, or a service account's.

Models: plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go. Left out: static files, OIDC.
"""

from __future__ import annotations

import base64
import re

from sim.api import times
from sim.api.client import Key, Object, Reader, User
from sim.apiserver.subresources import tokens as accounts

SHAPE = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
NAMESPACE, PREFIX = "kube-system", "bootstrap-token-"
BOOTSTRAPPERS = "system:bootstrappers"


def field(secret: Object, name: str) -> str:
    """Give a field of a Secret as text, "" where it is not there."""
    try:
        return base64.b64decode(str((secret.get("data") or {}).get(name, ""))).decode()
    except ValueError:
        return ""


def user_of(reader: Reader, token: str, now_us: int) -> User | None:
    """Give who a token is, None for one that is unknown, spoilt or out of date. now_us: microseconds since 1970."""
    shape = SHAPE.fullmatch(token)
    if shape is None:
        return accounts.user_of(reader, token, now_us)
    secret = reader.get(Key("secrets", NAMESPACE, f"{PREFIX}{shape[1]}"))
    if secret is None or "deletionTimestamp" in secret["metadata"] or field(secret, "token-secret") != shape[2]:
        return None
    ends = field(secret, "expiration")
    if (ends and times.parse(ends) <= now_us) or field(secret, "usage-bootstrap-authentication") != "true":
        return None
    extra = [group for group in field(secret, "auth-extra-groups").split(",") if group]
    return User(f"system:bootstrap:{shape[1]}", (BOOTSTRAPPERS, *extra, "system:authenticated"))
