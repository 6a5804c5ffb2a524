"""Renews certificates with the authority on the host, as `certs renew` and upgrades do.

Models: phases/certs/renewal (manager.go, readwriter.go). A renewed certificate has a new key and the old names.
"""

from __future__ import annotations

import base64
from typing import Any

from sim.api import documents
from sim.host.machine import Host
from sim.kubeadm.certs import make
from sim.kubeadm.certs.table import CERTIFICATES, KUBECONFIGS, KUBERNETES, PKI, Leaf
from sim.pki import Certificate, PrivateKey
from sim.pki.records import renewed

BY_COMPONENT = {
    "etcd": ("etcd-server", "etcd-peer", "etcd-healthcheck-client"),
    "kube-apiserver": ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"),
    "kube-controller-manager": ("controller-manager.conf",), "kube-scheduler": ("scheduler.conf",)}
"""Program -> the certificates that it uses, in kubeadm's order."""
LEAVES = {leaf.name: leaf for leaf in (*CERTIFICATES, *KUBECONFIGS)}


def path_of(leaf: Leaf, folder: str = PKI) -> str:
    """Give the file that holds a certificate."""
    return f"{KUBERNETES}/{leaf.path}" if leaf.file else f"{folder}/{leaf.path}.crt"


def renew(host: Host, name: str, folder: str = PKI) -> bool:
    """Renew a certificate or the one in a kubeconfig; False where it or its authority's key is not on the host."""
    leaf = LEAVES[name]
    old = make.in_file(host, path_of(leaf, folder))
    found = make.authority_of(host, leaf.authority, folder)
    if old is None or found is None:
        return False
    key = make.new_key(host)
    made = renewed(old, found, key, now_s=make.now_s(host))
    if leaf.file:
        _embed(host, path_of(leaf), made, PrivateKey(key))
    else:
        make.write(host, f"{folder}/{leaf.path}.crt", made)
        make.write(host, f"{folder}/{leaf.path}.key", PrivateKey(key), mode=0o600)
    return True


def _embed(host: Host, path: str, certificate: Certificate, key: PrivateKey) -> None:
    """Put a certificate into a kubeconfig; all else in it stays."""
    view = host.files.view()
    loaded: Any = documents.load(view.read(path))
    context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
    user = next(u["user"] for u in loaded["users"] if u["name"] == context["user"])
    user.update({field: base64.b64encode(text).decode() for field, text in make.encoded(certificate, key).items()})
    view.write(path, documents.dump(loaded).encode())
