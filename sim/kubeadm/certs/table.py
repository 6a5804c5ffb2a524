"""Which certificates and kubeconfigs kubeadm writes.

Models: kubeadm/app/phases/certs/certlist.go, phases/kubeconfig/kubeconfig.go, phases/certs/renewal/manager.go (the names
and the words that `certs check-expiration` and `certs renew` use).
"""

from __future__ import annotations

from dataclasses import dataclass

Minor = tuple[int, int]
KUBERNETES = "/etc/kubernetes"
PKI = f"{KUBERNETES}/pki"
KUBELET_CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
MASTERS, CLUSTER_ADMINS = "system:masters", "kubeadm:cluster-admins"
ADMINS_SINCE: Minor = (1, 29)
"""Since then the administrator's group is bound in the cluster, and `super-admin.conf` alone is above it."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority. path: under the pki folder, without `.crt`."""

    name: str
    path: str
    subject: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate. name: as `certs renew` takes it; subject "" is the node's name; long: what it is for.

    group: the organization before 1.29, `groups` since then. file: a kubeconfig under /etc/kubernetes holds it.
    """

    name: str
    path: str
    subject: str
    authority: str
    usages: tuple[str, ...]
    long: str
    group: str = ""
    groups: str = ""
    file: bool = False
    since: Minor = (1, 0)

    def organizations(self, version: Minor) -> tuple[str, ...]:
        """Give the subject's organizations."""
        group = self.groups if version >= ADMINS_SINCE else self.group
        return (group,) if group else ()

    @property
    def shown(self) -> str:
        """Give the file as kubeadm's texts name it."""
        return f"{KUBERNETES}/{self.path}" if self.file else f"{PKI}/{self.path}.crt"


CLIENT, SERVER, BOTH = ("client",), ("server",), ("server", "client")
AUTHORITIES = (Authority("ca", "ca", "kubernetes"), Authority("etcd-ca", "etcd/ca", "etcd-ca"),
               Authority("front-proxy-ca", "front-proxy-ca", "front-proxy-ca"))
CERTIFICATES = (
    Leaf("apiserver", "apiserver", "kube-apiserver", "ca", SERVER, "certificate for serving the Kubernetes API"),
    Leaf("apiserver-kubelet-client", "apiserver-kubelet-client", "kube-apiserver-kubelet-client", "ca", CLIENT,
         "certificate for the API server to connect to kubelet", MASTERS, CLUSTER_ADMINS),
    Leaf("front-proxy-client", "front-proxy-client", "front-proxy-client", "front-proxy-ca", CLIENT,
         "certificate for the front proxy client"),
    Leaf("etcd-server", "etcd/server", "", "etcd-ca", BOTH, "certificate for serving etcd"),
    Leaf("etcd-peer", "etcd/peer", "", "etcd-ca", BOTH, "certificate for etcd nodes to communicate with each other"),
    Leaf("etcd-healthcheck-client", "etcd/healthcheck-client", "kube-etcd-healthcheck-client", "etcd-ca", CLIENT,
         "certificate for liveness probes to healthcheck etcd", MASTERS),
    Leaf("apiserver-etcd-client", "apiserver-etcd-client", "kube-apiserver-etcd-client", "etcd-ca", CLIENT,
         "certificate the apiserver uses to access etcd", MASTERS),
)
KUBECONFIGS = (
    Leaf("admin.conf", "admin.conf", "kubernetes-admin", "ca", CLIENT,
         "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself", MASTERS, CLUSTER_ADMINS,
         file=True),
    Leaf("super-admin.conf", "super-admin.conf", "kubernetes-super-admin", "ca", CLIENT,
         "certificate embedded in the kubeconfig file for the super-admin", MASTERS, MASTERS, file=True, since=ADMINS_SINCE),
    Leaf("controller-manager.conf", "controller-manager.conf", "system:kube-controller-manager", "ca", CLIENT,
         "certificate embedded in the kubeconfig file for the controller manager to use", file=True),
    Leaf("scheduler.conf", "scheduler.conf", "system:kube-scheduler", "ca", CLIENT,
         "certificate embedded in the kubeconfig file for the scheduler manager to use", file=True),
)


def leaves(version: Minor) -> dict[str, Leaf]:
    """Give what a version renews, by name, sorted as its table is."""
    found = {leaf.name: leaf for leaf in (*CERTIFICATES, *KUBECONFIGS) if version >= leaf.since}
    return dict(sorted(found.items()))
