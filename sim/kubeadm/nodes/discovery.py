"""How a machine comes to trust a cluster: the ConfigMap cluster-info, a bootstrap token, the hash of the authority's key.

Models: cmd/kubeadm/app/discovery/token, phases/bootstraptoken/{clusterinfo,node}. The token's signature of cluster-info
is not stored: whether the token is good is asked of the API server, and told as upstream tells a missing signature.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from sim.api import documents
from sim.api.client import WHOEVER, Key, Object, Request
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps, Stream
from sim.host import tls
from sim.host.network import Connection
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.pki import Certificate, load
from sim.pki.records import public_der

CLUSTER_INFO = Key("configmaps", "kube-public", "cluster-info")
ROLE = "kubeadm:bootstrap-signer-clusterinfo"
RBAC = "rbac.authorization.k8s.io"
GROUP = "system:bootstrappers:kubeadm:default-node-token"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SECRETS, PREFIX, TYPE = "kube-system", "bootstrap-token-", "bootstrap.kubernetes.io/token"
PATIENCE_SECONDS = 300.0


def new_token(stream: Stream) -> str:
    """Draw a token."""
    return f"{stream.text(LETTERS, 6)}.{stream.text(LETTERS, 16)}"


def hash_of(authority: Certificate) -> str:
    """Give what --discovery-token-ca-cert-hash wants."""
    return "sha256:" + hashlib.sha256(public_der(authority.key_id)).hexdigest()


def cluster_info(server: str, authority: bytes) -> list[tuple[Key, Object]]:
    """Give the ConfigMap that everybody may read, and the rules that let them."""
    config = documents.dump({
        "apiVersion": "v1", "clusters": [{"cluster": {
            "certificate-authority-data": base64.b64encode(authority).decode(), "server": server}, "name": ""}],
        "contexts": None, "current-context": "", "kind": "Config", "preferences": {}, "users": None})
    space = CLUSTER_INFO.namespace
    return [
        (CLUSTER_INFO, {"data": {"kubeconfig": config}}),
        (Key("roles", space, ROLE), {"rules": [
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["cluster-info"], "verbs": ["get"]}]}),
        (Key("rolebindings", space, ROLE), {
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": ROLE},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "system:anonymous"}]})]


def secret(token: str, *, expires_s: int | None, description: str, usages: tuple[str, ...], groups: tuple[str, ...]) -> Object:
    """Write the Secret of a token. expires_s: seconds since 1970, None for one that never ends."""
    name, _, value = token.partition(".")
    fields = {"token-id": name, "token-secret": value, **{f"usage-bootstrap-{each}": "true" for each in usages}}
    if description:
        fields["description"] = description
    if expires_s is not None:
        fields["expiration"] = f"{datetime.fromtimestamp(expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if groups:
        fields["auth-extra-groups"] = ",".join(groups)
    return {"metadata": {"name": f"{PREFIX}{name}", "namespace": SECRETS}, "type": TYPE,
            "data": {key: base64.b64encode(text.encode()).decode() for key, text in fields.items()}}


def join_command(session: Session, path: str, token: str) -> str:
    """Give `kubeadm join …` for the cluster of a kubeconfig. Raises KubeadmError."""
    try:
        loaded: Any = documents.load(session.files.read(path))
        cluster = loaded["clusters"][0]["cluster"]
        found = load(base64.b64decode(str(cluster["certificate-authority-data"])))
        authority = next(each for each in found if isinstance(each, Certificate))
    except (OSError, KeyError, TypeError, ValueError, StopIteration, IndexError) as error:
        raise KubeadmError(f"failed to get join command: {error}") from None
    address = str(cluster["server"]).rpartition("//")[2]
    return f"kubeadm join {address} --token {token} --discovery-token-ca-cert-hash {hash_of(authority)} "


# ---- the joining side ---------------------------------------------------------------------------------------------
class Found:
    """What discovery found: the cluster's server and authority, and a way to it with the token."""

    def __init__(self, server: str, authority: bytes, connection: Connection) -> None:
        self.server = server
        self.authority = authority
        self.connection = connection


def discover(session: Session, address: str, token: str, hashes: tuple[str, ...], *, unsafe: bool) -> Steps[Found]:
    """Find a cluster. Raises KubeadmError."""
    host, _, port = address.partition(":")
    number = int(port) if port.isdigit() else 6443
    open_one = Connection(session.host.network, session.host, host, number, tls.Credentials(None))
    url = f"https://{address}/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s"
    info = yield from _patiently(session, open_one, url)
    try:
        cluster = documents.load(info["data"]["kubeconfig"])["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"])
        certificate = next(each for each in load(authority) if isinstance(each, Certificate))
    except (KeyError, TypeError, ValueError, StopIteration, IndexError):
        raise KubeadmError(f"{HEAD}failed to parse the kubeconfig in cluster-info") from None
    pinned = hash_of(certificate)
    if not unsafe and pinned not in hashes:
        raise KubeadmError(f"{HEAD}cluster CA found in cluster-info ConfigMap is invalid: none of the public keys \"{pinned}\" "
                           "are pinned")
    server = str(cluster["server"])
    where, _, port = server.rpartition("//")[2].partition(":")
    mine = tls.Credentials((certificate,), token=token, prefix=tls.prefix_of(session.minor))
    connection = Connection(session.host.network, session.host, where, int(port or 443), mine)
    try:
        connection.server()
    except StatusError:
        yield from session.pause(PATIENCE_SECONDS)
        raise KubeadmError(f'{HEAD}could not find a JWS signature in the cluster-info ConfigMap for token ID '
                           f'"{token.partition(".")[0]}"') from None
    except TransportError as error:
        raise KubeadmError(f'{HEAD}failed to request the cluster-info ConfigMap: Get "{server}/api/v1/namespaces/kube-public/'
                           f'configmaps/cluster-info?timeout=10s": {error.message}') from None
    return Found(server, authority, connection)


HEAD = "couldn't validate the identity of the API Server: "


def _patiently(session: Session, connection: Connection, url: str) -> Steps[Object]:
    """Ask for cluster-info until it is there, for up to five minutes. Raises KubeadmError."""
    last = ""
    end_us = session.engine.now_us + round(PATIENCE_SECONDS * 1e6)
    while True:
        yield from session.pause(0.05)
        try:
            return connection.handle(Request("get", CLUSTER_INFO, user=WHOEVER, agent="kubeadm")).body  # type: ignore[no-any-return]
        except StatusError as error:
            last = error.message
        except TransportError as error:
            last = f'Get "{url}": {error.message}'
            yield from session.pause(min(10.0, error.after_seconds))
        if session.engine.now_us >= end_us:
            raise KubeadmError(f"{HEAD}failed to request the cluster-info ConfigMap: {last}")
        yield from session.pause(5.0)
