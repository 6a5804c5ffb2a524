"""The certificates that control planes share, handed on through a Secret.

Models: cmd/kubeadm/app/phases/copycerts. The Secret is not encrypted here: it keeps a digest of the key, and who has
another key reads nothing.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from sim.api.client import Key
from sim.engine import Steps
from sim.kubeadm.certs.commands import new_certificate_key
from sim.kubeadm.certs.make import SHARED
from sim.kubeadm.certs.table import PKI
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.nodes import discovery

SECRET, ROLE = Key("secrets", "kube-system", "kubeadm-certs"), "kubeadm:kubeadm-certs"
RBAC = "rbac.authorization.k8s.io"
SEALED = "sealed-with"


def _seal(key: str) -> str:
    return base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()


def upload(session: Session, key: str = "") -> Steps[str]:
    """Put the shared certificates into a Secret; gives the key. Raises KubeadmError."""
    session.out('[upload-certs] Storing the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
    key = key or new_certificate_key(session)
    data = {name.replace("/", "-"): base64.b64encode(session.files.read(f"{PKI}/{name}")).decode()
            for name in SHARED if session.files.exists(f"{PKI}/{name}")}
    yield from session.put(SECRET, {"type": "Opaque", "data": {**data, SEALED: _seal(key)}}, because="kubeadm upload-certs")
    space = SECRET.namespace
    for at, body in ((Key("roles", space, ROLE), {"rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET.name], "verbs": ["get"]}]}),
            (Key("rolebindings", space, ROLE), {
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ROLE},
                "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": discovery.GROUP}]})):
        yield from session.put(at, body)
    session.out(f"[upload-certs] Using certificate key:\n{key}")
    return key


def download(session: Session, secret: dict[str, Any] | None, key: str) -> None:
    """Write the shared certificates that a Secret holds. Raises KubeadmError."""
    session.out('[download-certs] Downloading the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
    if secret is None:
        raise KubeadmError('error downloading certs: error downloading the secret: Secret "kubeadm-certs" was not found in the '
                           '"kube-system" Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs '
                           "--upload-certs` on a control plane to generate a new one")
    if secret["data"].get(SEALED) != _seal(key):
        raise KubeadmError("error downloading certs: error decoding secret data with provided key: cipher: message authentication "
                           "failed")
    session.out(f'[download-certs] Saving the certificates to the folder: "{PKI}"')
    session.files.make_dir(f"{PKI}/etcd", parents=True)
    for name in SHARED:
        text = secret["data"].get(name.replace("/", "-"))
        if text:
            session.files.write(f"{PKI}/{name}", base64.b64decode(text))
            session.files.chmod(f"{PKI}/{name}", 0o600 if name.endswith(".key") else 0o644)
