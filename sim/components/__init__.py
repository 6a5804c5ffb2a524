"""The programs of a control plane (and flanneld), as they run on hosts: in units or in containers.

Each checks its flags and the files it sees, logs upstream's line and exits where they are wrong, else it runs the layer
below. Left out: TLS itself, flags that nothing here reads.
"""

from sim.components.apiserver import KubeApiserver
from sim.components.base import API_PORT, ETCD_PORT
from sim.components.etcd import Etcd
from sim.components.flanneld import Flanneld
from sim.components.led import KubeControllerManager, KubeScheduler
from sim.components.velero import Velero
from sim.host.kubelet.kubelet import Kubelet
from sim.host.runtime import Containerd
from sim.program import ProgramKind

PROGRAMS: dict[str, ProgramKind] = {
    "etcd": Etcd, "kube-apiserver": KubeApiserver, "kube-controller-manager": KubeControllerManager,
    "kube-scheduler": KubeScheduler, "flanneld": Flanneld, "velero": Velero, "kubelet": Kubelet, "containerd": Containerd}
"""How executables run, by their name."""

__all__ = ["API_PORT", "ETCD_PORT", "PROGRAMS"]
