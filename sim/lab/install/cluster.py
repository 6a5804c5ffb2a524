"""Builds the hosts of a cluster and switches them on.

Several clusters stand on one network; several control-plane hosts stand behind one address (kubeadm's
controlPlaneEndpoint), which leads to whichever of them answers.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources
from typing import Any

from sim.api import quantity
from sim.components import API_PORT, PROGRAMS
from sim.host.images import Catalogue, Image, read
from sim.host.kubelet.node import NodeFacts
from sim.host.network import Host, Network
from sim.kubeadm.certs import make
from sim.kubeadm.phases import manifests
from sim.lab.install import external, files
from sim.lab.install.spec import ClusterSpec, NodeSpec, taint_of
from sim.versions import defaults

KERNEL_KEEPS = 0.043
"""The part of the memory that the kernel keeps: MemTotal is what a kubelet reports."""
LATER = ("kube-controller-manager", "kube-scheduler")
"""Their manifests come once the API server answers, as on a fresh cluster whose components show no restarts."""
_KNOWN: dict[str, Image] = {}


def known_images() -> dict[str, Image]:
    """Read the catalogue of images (once)."""
    if not _KNOWN:
        _KNOWN.update(read(resources.files("scenarios").joinpath("images.yaml").read_text(encoding="utf-8")))
    return _KNOWN


def install(network: Network, cluster: ClusterSpec, version: str, images: dict[str, dict[str, Any]]) -> list[Host]:
    """Build the cluster's hosts and switch them on; gives them. The caller lets time pass.

    version: of Kubernetes. images: the scenario's own behaviours, by name.
    """
    catalogue = Catalogue(known_images(), images)
    first = cluster.planes[0]
    addresses = _addresses(cluster)
    endpoint = cluster.endpoint or addresses[first.name]
    server = f"https://{endpoint}:{API_PORT}"
    if cluster.endpoint:
        network.addresses[cluster.endpoint] = [node.name for node in cluster.planes]
    hosts = [_host(network, cluster, node, number, version, catalogue, addresses[node.name])
             for number, node in enumerate(cluster.nodes)]
    network.name_hosts()
    plane = network.hosts[first.name]
    for host, node in zip(hosts, cluster.nodes, strict=True):
        if node.role == "control-plane":
            make.copy_shared(plane, host)
            make.make_pki(host, _minor(version), [cluster.endpoint] if cluster.endpoint else [], etcd=not cluster.etcd)
    for host, node in zip(hosts, cluster.nodes, strict=True):
        files.node(host, node.kubelet or version, cluster, server, plane)
        if not catalogue.stand_in and "flannel" not in cluster.addons:
            host.files.view().write("/etc/cni/net.d/10-bridge.conf", b'{"cniVersion": "0.4.0", "type": "bridge"}\n')
        if node.role == "control-plane":
            _control_plane(host, version, cluster, server, {each.name: addresses[each.name] for each in cluster.planes})
    for host, node in zip(hosts, cluster.nodes, strict=True):
        if node.present:
            host.boot()
        else:
            host.powered = False
    return hosts


def _addresses(cluster: ClusterSpec) -> dict[str, str]:
    """Give each node its address: the first control-plane host 172.30.1.2, the others 172.30.2.N."""
    found, second = {}, 10 * cluster.number
    for number, node in enumerate(cluster.nodes):
        first = node is cluster.planes[0]
        found[node.name] = node.address or (
            f"172.30.{second + 1}.2" if first else f"172.30.{second + 2}.{number + 1}")
    return found


def _host(
    network: Network, cluster: ClusterSpec, node: NodeSpec, number: int, version: str, catalogue: Catalogue, address: str
) -> Host:
    built_in = int(quantity.parse(node.memory))
    cpu = max(1, int(quantity.parse(str(node.cpu))))
    host = network.add(node.name, address, system=node.system or ("jammy" if _minor(version) < (1, 36) else "noble"),
                       cpu=cpu, memory_bytes=(built_in - int(built_in * KERNEL_KEEPS)) // 4096 * 4096)
    host.programs = PROGRAMS
    host.catalogue = catalogue
    labels = dict(node.labels)
    if node.role == "control-plane":
        labels |= dict.fromkeys(defaults.names("control-plane-labels", version), "")
    if node.zone:
        labels["topology.kubernetes.io/zone"] = node.zone
    if node.taints is None:
        keys = defaults.names("control-plane-taints", version) if node.role == "control-plane" else ()
        taints = tuple({"key": key, "effect": "NoSchedule"} for key in keys)
    else:
        taints = tuple(taint_of(text) for text in node.taints)
    host.facts = NodeFacts(
        labels, taints, str(node.cpu), node.memory, node.pods, f"10.{244 + cluster.number}.{number % 256}.0/24",
        exact=catalogue.stand_in)
    files.base(host, version)
    return host


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _control_plane(host: Host, version: str, cluster: ClusterSpec, server: str, peers: dict[str, str]) -> None:
    files.admin_kubeconfigs(host, version, cluster, server)
    if not cluster.etcd:
        files.etcd_tools(host, version)
    hard_way = cluster.installer != "kubeadm"
    lines = manifests.commands(host, files.configuration(cluster, version), peers)
    if cluster.etcd:
        external.use(host, cluster, lines)
    elif host.catalogue.stand_in and len(peers) == 1:
        # The recorded runs' machines were one: their etcd knew itself by its local address.
        image, words = lines["etcd"]
        lines["etcd"] = image, [word.replace(f"//{host.address}:", "//127.0.0.1:") for word in words]
    if hard_way:
        files.units(host, cluster, lines, LATER)
    else:
        for name, (image, words) in lines.items():
            host.runtime.images[image] = 60.0
            if name not in LATER:
                manifests.write(host, name, image, words, _minor(version))

    def answers() -> None:
        if (host.name, API_PORT) not in host.network.listeners:
            return
        stop()
        for name in LATER:
            if hard_way:
                host.systemd.enable(f"{name}.service")
                unit = host.unit(name)
                assert unit is not None
                unit.start()
            else:
                manifests.write(host, name, *lines[name], _minor(version))

    stop = host.network.on_change(answers)


def plain_hosts(network: Network, hosts: dict[str, dict[str, Any]], version: str) -> list[Host]:
    """Build hosts that belong to no cluster (a student's machine, an etcd server), and switch them on.

    hosts: name -> {address, users, system}.
    """
    built = []
    for number, (name, row) in enumerate(hosts.items()):
        host = network.add(name, row.get("address") or f"172.30.0.{number + 10}", users=tuple(row.get("users") or ()),
                           system=row.get("system") or "jammy")
        host.programs = PROGRAMS
        files.base(host, version)
        built.append(host)
    network.name_hosts()
    for host in built:
        host.boot()
    return built


def server_of(network: Network, hosts: Collection[str] | None = None) -> Any:
    """Give the first API server that answers now, None when there is none. hosts: on one of these only."""
    return next((s for (host, port), s in network.listeners.items()
                 if port == API_PORT and hasattr(s, "handle") and (hosts is None or host in hosts)), None)
