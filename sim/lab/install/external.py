"""What lies outside a cluster's nodes: an etcd on hosts of its own, and the workstation of who looks after the clusters.

Models: the documents "Set up a High Availability etcd Cluster" and "Installing Kubernetes the hard way" (unit, user,
paths of their files). No kubelet runs on these hosts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.api import documents
from sim.components import API_PORT, ETCD_PORT
from sim.host.network import Host, Network
from sim.kubeadm.certs import make
from sim.kubeadm.certs.table import PKI
from sim.lab.install import files
from sim.lab.install.spec import ClusterSpec
from sim.pki import PrivateKey, SigningRequest, issue, load_certificates
from sim.pki.records import YEAR_S
from sim.versions import catalogue

USER, FOLDER, DATA = "etcd", "/etc/etcd/pki", "/var/lib/etcd-data"
CLIENT = f"{PKI}/etcd"
PEER_PORT, VELERO = 2380, "1.16.2"
UNIT = """[Unit]
Description=etcd key-value store
Documentation=https://github.com/etcd-io/etcd
After=network.target

[Service]
User={user}
Type=notify
ExecStart=/usr/local/bin/etcd \\
  {flags}
Restart=always
RestartSec=5
LimitNOFILE=40000

[Install]
WantedBy=multi-user.target
"""


def external_etcd(network: Network, members: Sequence[str], version: str, etcd: str = "") -> None:
    """Make hosts that stand already the members of an etcd, as units of the user etcd, and start them.

    members: host names. version: of the Kubernetes that it will serve. etcd: its own version, "" for the one that
    kubeadm would take.
    """
    peers = ",".join(f"{name}=https://{network.hosts[name].address}:{PEER_PORT}" for name in members)
    tag = etcd or catalogue.images(version).etcd.partition("-")[0]
    for name in members:
        host = network.hosts[name]
        root, uid = host.files.view(), host.users[USER]
        for program in ("etcd", "etcdctl", "etcdutl"):
            files.executable(host, f"/usr/local/bin/{program}", tag)
        _certificates(host, FOLDER, host.name, network.hosts[members[0]])
        for file in ("ca.pem", "etcd.pem", "etcd-key.pem"):
            root.chown(f"{FOLDER}/{file}", uid, uid)
        root.make_dir(DATA, parents=True)
        root.chown(DATA, uid, uid)
        root.chmod(DATA, 0o700)
        flags = " \\\n  ".join(f"--{flag}={value}" for flag, value in _flags(host, peers).items())
        files.unit(host, "etcd", UNIT.format(user=USER, flags=flags), vendor=False, enable=True)
        host.systemd.reload()
        unit = host.unit("etcd")
        assert unit is not None
        unit.start()


def _certificates(host: Host, folder: str, subject: str, first: Host) -> None:
    """Write the files by which a host speaks to an etcd outside the cluster: its authority, a certificate, its key.

    first: the member that has the authority, or is given it now.
    """
    path = f"{FOLDER}/ca.pem"
    if not first.files.view().exists(path):
        made = SigningRequest("etcd-ca", make.new_key(first))
        make.write(first, path, issue(made, None, now_s=make.now_s(first), lasts_s=10 * YEAR_S, authority=True))
    authority = load_certificates(first.files.view().read(path))[0]
    make.write(host, f"{folder}/ca.pem", authority)
    key = make.new_key(host)
    wanted = SigningRequest(subject, key, dns=(host.name, "localhost"), ips=(host.address, "127.0.0.1"))
    make.write(host, f"{folder}/etcd.pem", issue(wanted, authority, now_s=make.now_s(host), usages=("server", "client")))
    make.write(host, f"{folder}/etcd-key.pem", PrivateKey(key), mode=0o600)


def _flags(host: Host, peers: str) -> dict[str, str]:
    client, peer = f"https://{host.address}:{ETCD_PORT}", f"https://{host.address}:{PEER_PORT}"
    pem = {"cert-file": f"{FOLDER}/etcd.pem", "key-file": f"{FOLDER}/etcd-key.pem", "trusted-ca-file": f"{FOLDER}/ca.pem"}
    return {"name": host.name, **pem, **{f"peer-{flag}": path for flag, path in pem.items()},
            "peer-client-cert-auth": "true", "client-cert-auth": "true", "initial-advertise-peer-urls": peer,
            "listen-peer-urls": peer, "advertise-client-urls": client,
            "listen-client-urls": f"{client},https://127.0.0.1:{ETCD_PORT}", "initial-cluster-token": "etcd-cluster-1",
            "initial-cluster": peers, "initial-cluster-state": "new", "data-dir": DATA}


def use(host: Host, cluster: ClusterSpec, lines: dict[str, tuple[str, list[str]]]) -> None:
    """Let a control-plane host's API server speak to the etcd outside, and run none itself."""
    _certificates(host, CLIENT, "kube-apiserver-etcd-client", host.network.hosts[cluster.etcd[0]])
    own = {"etcd-cafile": f"{CLIENT}/ca.pem", "etcd-certfile": f"{CLIENT}/etcd.pem", "etcd-keyfile": f"{CLIENT}/etcd-key.pem",
           "etcd-servers": ",".join(f"https://{host.network.hosts[name].address}:{ETCD_PORT}" for name in cluster.etcd)}
    del lines["etcd"]
    image, words = lines["kube-apiserver"]
    lines["kube-apiserver"] = image, [
        f"--{flag}={own[flag]}" if (flag := word.removeprefix("--").partition("=")[0]) in own else word for word in words]


def workstation(host: Host, clusters: Mapping[str, Host]) -> None:
    """Give the administrator of a host the kubeconfigs of all clusters in one, and velero's command. clusters: name -> its first control plane."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "preferences": {}, "clusters": [], "contexts": [], "users": []}
    for name, plane in clusters.items():
        found = documents.load(plane.files.view().read("/etc/kubernetes/admin.conf"))
        cluster, user = dict(found["clusters"][0]["cluster"]), found["users"][0]["user"]
        if cluster["server"] == f"https://{plane.address}:{API_PORT}":
            cluster["server"] = f"https://{plane.name}:{API_PORT}"
        merged["clusters"].append({"name": name, "cluster": cluster})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        merged["users"].append({"name": name, "user": user})
    merged["current-context"] = next(iter(clusters))
    root = host.files.view()
    root.make_dir("/root/.kube", parents=True)
    root.write("/root/.kube/config", documents.dump(merged).encode())
    root.chmod("/root/.kube/config", 0o600)
    files.executable(host, "/usr/local/bin/velero", VELERO)
