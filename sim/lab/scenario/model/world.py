"""The world that a scenario describes: versions, clusters and their nodes, hosts, terminals, images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from sim.lab.scenario.model.words import ETCD_VERSION, VERSION, Model


class Versions(Model):
    """Versions that the lab is proven on; `to` and `etcd` where a lab moves between versions.

    extraArgs: flags of components on that version only, on top of the cluster's. date: the simulated start with that
    version. words: what `${name}` means with it; with `to` also `${kubernetes}`, `${minor}`, `${to}` and `${to_minor}`.
    """

    kubernetes: str
    to: str = ""
    etcd: str = ""
    date: str = ""
    words: dict[str, str] = {}
    extraArgs: dict[str, dict[str, str]] = {}

    @field_validator("kubernetes", "to")
    @classmethod
    def _full(cls, value: str) -> str:
        if value and not VERSION.fullmatch(value):
            raise ValueError(f"not a full patch version: {value} (write 1.33.1, in quotes)")
        return value

    @field_validator("etcd")
    @classmethod
    def _full_etcd(cls, value: str) -> str:
        if value and not ETCD_VERSION.fullmatch(value):
            raise ValueError(f"not a full etcd version: {value} (write 3.5.21, in quotes)")
        return value


class Param(Model):
    """A seeded variant: `${name}` becomes one of the values, chosen by the seed."""

    one_of: list[str] = Field(min_length=1)


class Node(Model):
    """A node of a cluster, and the host it runs on."""

    name: str
    role: Literal["control-plane", "worker"] = "worker"
    zone: str = ""
    cpu: int | str = 2
    memory: str = "4Gi"
    pods: int = 110
    taints: list[str] | None = None
    labels: dict[str, str] = {}
    address: str = ""
    kubelet: str = ""
    present: bool = True


class ExternalMember(Model):
    """A host that runs an etcd member of a cluster."""

    host: str


class ExternalEtcd(Model):
    """An etcd outside the cluster's nodes."""

    external: list[ExternalMember] = Field(min_length=1)


class Cluster(Model):
    """A cluster: who installed it, its nodes, its etcd, flags of its components, its add-ons.

    endpoint: the address before several control-plane nodes (kubeadm's controlPlaneEndpoint).
    """

    name: str = "kubernetes"
    installer: Literal["kubeadm", "systemd", "managed"] = "kubeadm"
    nodes: list[Node] = Field(min_length=1)
    etcd: Literal["stacked"] | ExternalEtcd = "stacked"
    endpoint: str = ""
    extraArgs: dict[str, dict[str, str]] = {}
    addons: list[str] = ["flannel", "coredns"]


class HostSpec(Model):
    """A host that is no node: a workstation, a bastion."""

    name: str
    address: str = ""


class TerminalSpec(Model):
    """A terminal: where its first login is."""

    name: str
    host: str
    user: str = "root"


class ImageSpec(Model):
    """How an image behaves, in seconds of simulated time."""

    pull_seconds: float | int = 0
    start_seconds: float | int = 1
    stop_seconds: float | int = 0.5
    run_seconds: float | int | None = None
    stops_on_term: bool = True
    exit_code: int | None = None
    ready: bool | None = None
    ready_after_seconds: float | int | None = None
    unhealthy_after_seconds: float | int | None = None
    logs: list[str] | None = None
    ports: list[int] | None = None
    memory_mib: float | int | None = None
    cpu_milli: float | int | None = None
    call_milli: float | int | None = None
    pull_error: Literal["", "not-found", "denied"] | None = None
