"""What an installer is told: clusters and their nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.api.client import Object


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a scenario. taints: `key[=value]:effect` texts; None is the installer's default.

    system: the distribution (`jammy`, `noble`, `bookworm`); kubelet: its version where it is not the cluster's;
    present False: a machine that is off and has never registered.
    """

    name: str
    role: str = "worker"
    zone: str = ""
    cpu: str = "2"
    memory: str = "4Gi"
    pods: int = 110
    taints: tuple[str, ...] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""
    kubelet: str = ""
    present: bool = True
    system: str = ""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster of a scenario. extra_args: component name -> flags.

    number: which of the lab's clusters it is, from 0; addresses follow from it. endpoint: the address before several
    control-plane hosts, "" for the first host's own. etcd: hosts of an etcd outside the cluster; none: it is stacked.
    """

    name: str = "kubernetes"
    nodes: tuple[NodeSpec, ...] = ()
    addons: tuple[str, ...] = ("flannel", "coredns")
    installer: str = "kubeadm"
    extra_args: dict[str, dict[str, str]] = field(default_factory=dict)
    number: int = 0
    endpoint: str = ""
    etcd: tuple[str, ...] = ()

    @property
    def planes(self) -> tuple[NodeSpec, ...]:
        """Give the control-plane nodes."""
        return tuple(node for node in self.nodes if node.role == "control-plane")


def taint_of(text: str) -> Object:
    """Read `key=value:effect`."""
    head, _, effect = text.rpartition(":")
    key, _, value = head.partition("=")
    return {"key": key, **({"value": value} if value else {}), "effect": effect}
