"""Makes authorities, certificates and kubeconfigs on a host.

Models: kubeadm/app/phases/certs (certs.go, certlist.go), phases/kubeconfig/kubeconfig.go, pkiutil (alternative names).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Any

from sim.api import documents
from sim.host.files import DIRECTORY, FILE, FileError, View
from sim.host.kubelet.certificates import store
from sim.host.machine import Host
from sim.kubeadm.certs.table import AUTHORITIES, CERTIFICATES, KUBELET_CLIENT, KUBERNETES, PKI, Authority, Leaf, Minor
from sim.pki import Certificate, PkiError, PrivateKey, SigningRequest, issue, load, load_certificates, load_key, pem
from sim.pki.records import YEAR_S, PublicKey, Record, expired

SERVICE_ADDRESS = "10.96.0.1"
SHARED = ("ca.crt", "ca.key", "sa.key", "sa.pub", "front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key")
"""What every control-plane host has the same of (phases/copycerts)."""


def new_key(host: Host) -> str:
    """Make a key; gives its id."""
    return host.engine.stream("pki").text("0123456789abcdef", 40)


def now_s(host: Host) -> int:
    """Give the simulated moment in seconds since 1970."""
    return host.engine.unix_us // 1_000_000


def write(host: Host, path: str, *records: Record, mode: int = 0o644) -> None:
    """Write records as a PEM file of root's."""
    root = host.files.view()
    root.make_dir(path.rpartition("/")[0], parents=True)
    root.write(path, pem(*records))
    root.chmod(path, mode)


def authority(host: Host, name: str, folder: str = PKI) -> tuple[Certificate, bool]:
    """Read an authority's certificate, and whether its key is there. Raises FileError, PkiError."""
    row = next(each for each in AUTHORITIES if each.name == name)
    view = host.files.view()
    certificate = load_certificates(view.read(f"{folder}/{row.path}.crt"))[0]
    try:
        return certificate, load_key(view.read(f"{folder}/{row.path}.key")).key_id == certificate.key_id
    except (FileError, PkiError):
        return certificate, False


def authority_of(host: Host, name: str, folder: str = PKI) -> Certificate | None:
    """Give an authority that can sign here: its certificate and key are on the host and belong together."""
    try:
        found, signs = authority(host, name, folder)
    except (FileError, PkiError):
        return None
    return found if signs else None


def make_authority(host: Host, row: Authority, folder: str = PKI) -> Certificate:
    """Make an authority that signs itself, for ten years."""
    key = new_key(host)
    made = issue(SigningRequest(row.subject, key, dns=(row.subject,)), None, now_s=now_s(host), lasts_s=10 * YEAR_S,
                 authority=True)
    write(host, f"{folder}/{row.path}.crt", made)
    write(host, f"{folder}/{row.path}.key", PrivateKey(key), mode=0o600)
    return made


def make_service_account_keys(host: Host, folder: str = PKI) -> None:
    """Make the pair with which tokens of service accounts are signed."""
    key = new_key(host)
    write(host, f"{folder}/sa.key", PrivateKey(key), mode=0o600)
    write(host, f"{folder}/sa.pub", PublicKey(key))


def alternative_names(leaf: Leaf, host: Host, more: Iterable[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give names and addresses of a server's certificate. more: the endpoint, and what a configuration adds."""
    if "server" not in leaf.usages:
        return (), ()
    if leaf.name == "apiserver":
        names = [host.name, "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                 "kubernetes.default.svc.cluster.local"]
        addresses = [SERVICE_ADDRESS, host.address]
    else:
        names, addresses = [host.name, "localhost"], [host.address, "127.0.0.1", "::1"]
        more = ()
    for each in more:
        try:
            ip_address(each)
            addresses.append(each)
        except ValueError:
            names.append(each)
    return tuple(sorted(dict.fromkeys(names))), tuple(dict.fromkeys(addresses))


def make_leaf(host: Host, leaf: Leaf, version: Minor, more: Iterable[str] = (), folder: str = PKI) -> Certificate:
    """Make a certificate with its key. more: further names of the API server. Raises FileError, PkiError."""
    issuer, _ = authority(host, leaf.authority, folder)
    key = new_key(host)
    names, addresses = alternative_names(leaf, host, more)
    wanted = SigningRequest(leaf.subject or host.name, key, leaf.organizations(version), names, addresses)
    made = issue(wanted, issuer, now_s=now_s(host), usages=leaf.usages)
    write(host, f"{folder}/{leaf.path}.crt", made)
    write(host, f"{folder}/{leaf.path}.key", PrivateKey(key), mode=0o600)
    return made


def make_pki(host: Host, version: Minor, more: Iterable[str] = (), folder: str = PKI, *, etcd: bool = True) -> None:
    """Make everything of the pki folder that is not there. etcd: whether it is on this host."""
    view = host.files.view()
    for row in AUTHORITIES:
        if not etcd and row.name == "etcd-ca":
            continue
        if not view.exists(f"{folder}/{row.path}.crt"):
            make_authority(host, row, folder)
    for leaf in CERTIFICATES:
        if not etcd and leaf.authority == "etcd-ca":
            continue
        if not view.exists(f"{folder}/{leaf.path}.crt"):
            make_leaf(host, leaf, version, more, folder)
    if not view.exists(f"{folder}/sa.key"):
        make_service_account_keys(host, folder)


def copy_shared(source: Host, target: Host) -> None:
    """Give another control-plane host what all have the same of."""
    view, root = source.files.view(), target.files.view()
    root.make_dir(f"{PKI}/etcd", parents=True)
    for name in SHARED:
        path = f"{PKI}/{name}"
        if view.exists(path) and not root.exists(path):
            root.write(path, view.read(path))
            root.chmod(path, view.find(path).mode)


# ---- kubeconfigs --------------------------------------------------------------------------------------------------
def client(host: Host, name: str, groups: tuple[str, ...], lasts_s: int = YEAR_S) -> tuple[Certificate, PrivateKey]:
    """Make a client certificate of the cluster's authority. Raises FileError, PkiError."""
    issuer, _ = authority(host, "ca")
    key = new_key(host)
    return issue(SigningRequest(name, key, groups), issuer, now_s=now_s(host), lasts_s=lasts_s, usages=("client",)), PrivateKey(key)


def shown(certificate: Certificate, key: PrivateKey) -> dict[str, str]:
    """Give a client certificate and its key as a kubeconfig carries them."""
    return {field: base64.b64encode(text).decode() for field, text in encoded(certificate, key).items()}


def encoded(certificate: Certificate, key: PrivateKey) -> dict[str, bytes]:
    """Give the fields of a kubeconfig's user, before they are coded."""
    return {"client-certificate-data": pem(certificate), "client-key-data": pem(key)}


def kubeconfig(cluster: str, server: str, user: str, credentials: dict[str, str], authority_pem: bytes) -> bytes:
    """Write a kubeconfig. credentials: what its user shows."""
    trusted = {"certificate-authority-data": base64.b64encode(authority_pem).decode()} if authority_pem else {}
    config = {
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": cluster, "cluster": {**trusted, "server": server}}],
        "users": [{"name": user, "user": dict(credentials)}],
        "contexts": [{"name": f"{user}@{cluster}", "context": {"cluster": cluster, "user": user}}],
        "current-context": f"{user}@{cluster}"}
    return documents.dump(config).encode()


def make_kubeconfig(host: Host, leaf: Leaf, version: Minor, cluster: str, server: str) -> None:
    """Make one of kubeadm's kubeconfigs. Raises FileError, PkiError."""
    root = host.files.view()
    path = f"{KUBERNETES}/{leaf.path}"
    made = client(host, leaf.subject, leaf.organizations(version))
    root.write(path, kubeconfig(cluster, server, leaf.subject, shown(*made), root.read(f"{PKI}/ca.crt")))
    root.chmod(path, 0o600)


def rotatable(host: Host, path: str) -> None:
    """Move the certificate of a kubelet's kubeconfig into the file that its rotation renews."""
    view = host.files.view()
    loaded: Any = documents.load(view.read(path))
    user = loaded["users"][0]["user"]
    data = b"".join(base64.b64decode(str(user.get(f"client-{part}-data", ""))) for part in ("certificate", "key"))
    if data:
        store(view, data, host.engine.unix_us)
        loaded["users"][0]["user"] = {"client-certificate": KUBELET_CLIENT, "client-key": KUBELET_CLIENT}
        view.write(path, documents.dump(loaded).encode())


def embedded(data: bytes) -> Certificate | None:
    """Give the client certificate in a kubeconfig, None where it has none."""
    try:
        loaded: Any = documents.load(data)
        context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
        user = next(u["user"] for u in loaded["users"] if u["name"] == context["user"])
        found = load(base64.b64decode(str(user["client-certificate-data"])))
    except Exception:  # noqa: BLE001
        return None
    return next((each for each in found if isinstance(each, Certificate)), None)


# ---- reading ------------------------------------------------------------------------------------------------------
HOLDING = (KUBERNETES, "/root/.kube", "/var/lib/kubelet")


def in_file(host: Host, path: str) -> Certificate | None:
    """Give the certificate of a PEM file or a kubeconfig, with the dates that hold; None where there is none."""
    try:
        data = host.files.view().read(path)
    except FileError:
        return None
    found = next((each for each in load(data) if isinstance(each, Certificate)), None) or embedded(data)
    return host.network.clock.as_now(found) if found is not None else None


def end_in_files(host: Host, certificates: Iterable[Certificate]) -> None:
    """Write certificates as ended wherever the host's files hold them, in PEM or in a kubeconfig."""
    view, at_s = host.files.view(), now_s(host)
    pairs = []
    for each in certificates:
        old, new = pem(each), pem(expired(each, at_s))
        pairs += [(old, new), (base64.b64encode(old), base64.b64encode(new))]
    for folder in HOLDING:
        for path in _files(view, folder):
            data = changed = view.read(path)
            for old, new in pairs:
                changed = changed.replace(old, new)
            if changed != data:
                view.write(path, changed)


def _files(view: View, folder: str) -> Iterator[str]:
    for name, node in view.entries(folder) if view.is_dir(folder) else ():
        path = f"{folder}/{name}"
        if node.kind == DIRECTORY:
            yield from _files(view, path)
        elif node.kind == FILE:
            yield path
