"""A further control plane: an etcd member that is announced, certificates and manifests.

Models: cmd/kubeadm/app/cmd/phases/join (controlplaneprepare.go, etcdjoin.go, controlplanejoin.go).
"""

from __future__ import annotations

from typing import Any

from sim.api.errors import TransportError
from sim.components import ETCD_PORT
from sim.engine import Steps
from sim.etcd.requests import EtcdError
from sim.host.etcd import changes
from sim.kubeadm.certs.table import PKI
from sim.kubeadm.frame.session import ADMIN_CONF, KubeadmError, Session
from sim.kubeadm.nodes import init
from sim.kubeadm.nodes.plan import Plan
from sim.kubeadm.phases import manifests
from sim.kubeadm.upgrade import etcd as etcds

DONE = """
This node has joined the cluster and a new control plane instance was created:

* Certificate signing request was sent to apiserver and approval was received.
* The Kubelet was informed of the new secure connection details.
* Control plane label and taint were applied to the new node.
* The Kubernetes control plane instances scaled up.
* A new etcd member was added to the local/stacked etcd cluster.

To start administering your cluster from this node, you need to run the following as a regular user:

\tmkdir -p $HOME/.kube
\tsudo cp -i /etc/kubernetes/admin.conf $HOME/.kube/config
\tsudo chown $(id -u):$(id -g) $HOME/.kube/config

Run 'kubectl get nodes' to see this node join the cluster.
"""


def check(session: Session, plan: Plan) -> None:
    """Check that a further control plane can be here at all. Raises KubeadmError."""
    lacking = [path for name in ("ca.crt", "sa.key", "front-proxy-ca.crt", "etcd/ca.crt")
               if not session.files.exists(path := f"{PKI}/{name}")]
    problems = [] if plan.config.endpoint else ["unable to add a new control plane instance to a cluster that doesn't have a stable "
                                                "controlPlaneEndpoint address"]
    if lacking:
        what = {"ca.crt": "CA", "sa.key": "service account", "front-proxy-ca.crt": "front-proxy CA", "etcd/ca.crt": "etcd CA"}
        problems.append("[" + ", ".join(f"failure loading {'key' if path.endswith('key') else 'certificate'} for "
                                        f"{what[path.removeprefix(f'{PKI}/')]}: couldn't load the certificate file {path}: open {path}: "
                                        "no such file or directory" for path in lacking) + "]")
    if problems:
        raise KubeadmError("\nOne or more conditions for hosting a new control plane instance is not satisfied.\n\n"
                           + "\n".join(problems) + "\n\nPlease ensure that:\n* The cluster has a stable controlPlaneEndpoint address.\n"
                           "* The certificates that must be shared among control plane instances are provided.\n\n")


def prepare(session: Session, plan: Plan) -> Steps[None]:
    """Make certificates, kubeconfigs and manifests but etcd's."""
    yield from init.certs(session, plan)
    yield from init.kubeconfigs(session, plan, kubelet=False)
    yield from init.control_plane(session, plan)


def join_etcd(session: Session, plan: Plan) -> Steps[None]:
    """Announce a member of etcd and start it. Raises KubeadmError."""
    host = session.host
    server: Any = None
    for other in host.network.hosts.values():
        found = host.network.listeners.get((other.name, ETCD_PORT))
        if other is not host and found is not None and _ours(session, other.name):
            server = server or found
    if server is None:
        raise KubeadmError("error creating local etcd static pod manifest file: etcdclient: no available endpoints")
    peer = f"https://{host.address}:2380"
    try:
        changes.add(server, (peer,), learner=False, at_s=session.engine.unix_us // 1_000_000)
    except (EtcdError, TransportError) as error:
        raise KubeadmError(f"error creating local etcd static pod manifest file: etcdserver: {error}") from None
    session.out("[etcd] Announced new etcd member joining to the existing etcd cluster")
    session.out('[etcd] Creating static Pod manifest for "etcd"')
    members = {each.name or host.name: each.peer_urls[0].rpartition("//")[2].partition(":")[0]
               for each in server.cluster.members.values()}
    lines = manifests.commands(host, plan.config, members)
    image, words = lines["etcd"]
    manifests.write(host, "etcd", image, [*words, "--initial-cluster-state=existing"], session.minor)
    session.out("[etcd] Waiting for the new etcd member to join the cluster. This can take up to 40s" if session.minor < (1, 30) else
                "[etcd] Waiting for the new etcd member to join the cluster. This can take up to 4m0s")
    if not (yield from etcds.available(session)):
        raise KubeadmError("error creating local etcd static pod manifest file: timeout waiting for etcd cluster to be available")


def _ours(session: Session, name: str) -> bool:
    """Tell whether a host's etcd is signed by the authority that this host has."""
    return session.host.network.hosts[name].files.view().exists(f"{PKI}/etcd/ca.crt") and session.host.network.hosts[
        name].files.view().read(f"{PKI}/etcd/ca.crt") == session.files.read(f"{PKI}/etcd/ca.crt")


def finish(session: Session, plan: Plan) -> Steps[None]:
    """Join the others behind their address, and be marked."""
    host, before = session.host, plan.config.endpoint.partition(":")[0]
    behind = host.network.addresses.get(before)
    if behind is not None and host.name not in behind:
        behind.append(host.name)
    session.connect(ADMIN_CONF)
    yield from init.mark(session, plan)


__all__ = ["DONE", "check", "finish", "join_etcd", "prepare"]
