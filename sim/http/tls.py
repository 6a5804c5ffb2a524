"""TLS for `serve`: a certificate authority made for this run, a server certificate, and an administrator's client certificate.

Needs the extra `tls` (trustme). Who a client is, its certificate says: CN is the user, O the groups, as Kubernetes reads them.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.api.client import ADMIN, User
from sim.api.errors import KubedrillError

ADMINS = "system:masters"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a kubeconfig embeds, in base64: the authority, and an administrator's certificate and key."""

    authority: str
    certificate: str
    key: str


def prepare(host: str) -> tuple[ssl.SSLContext, Identity]:
    """Make what a server at `host` needs. Raises KubedrillError without the extra."""
    try:
        import trustme
    except ImportError:
        raise KubedrillError("TLS needs the extra `tls`: pip install 'kubedrill[tls]'") from None
    authority = trustme.CA(organization_name="kubernetes")
    server = authority.issue_cert(host, "localhost")
    admin = authority.issue_cert("admin.invalid", common_name=ADMIN.name, organization_name=ADMINS)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context, Identity(_text(authority.cert_pem.bytes()), _text(admin.cert_chain_pems[0].bytes()),
                             _text(admin.private_key_pem.bytes()))


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def user_of(certificate: Mapping[str, Any] | None) -> User:
    """Give who a verified client certificate names; nobody in particular without one."""
    names = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    common = next((value for name, value in names if name == "commonName"), "")
    if not common:
        return User("system:anonymous", ("system:unauthenticated",))
    groups = [value for name, value in names if name == "organizationName"]
    return User(common, (*groups, "system:authenticated"))
