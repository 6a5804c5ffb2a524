"""Writes what kubeadm would have written, and starts the kubelets.

Models: kubeadm init and join with flannel. Left out: certificates, tokens, the bootstrap of each component's identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from sim.api.client import Client, Object
from sim.components.programs import API_PORT, ETCD_PORT, PROGRAMS
from sim.components.statics import StaticPods
from sim.engine import SECOND_US
from sim.host.kubelet import Kubelet
from sim.host.network import Connection, Host, Network
from sim.versions import catalogue, defaults

READY_LIMIT_US = 180 * SECOND_US


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node of a scenario. taints: `key[=value]:effect` texts; None is the installer's default."""

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


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster of a scenario. extra_args: component name -> flags."""

    name: str = "kubernetes"
    nodes: tuple[NodeSpec, ...] = ()
    addons: tuple[str, ...] = ("flannel", "coredns")
    installer: str = "kubeadm"
    extra_args: dict[str, dict[str, str]] = field(default_factory=dict)


def taint_of(text: str) -> Object:
    """Read `key=value:effect`."""
    head, _, effect = text.rpartition(":")
    key, _, value = head.partition("=")
    return {"key": key, **({"value": value} if value else {}), "effect": effect}


def install(network: Network, cluster: ClusterSpec, version: str, images: dict[str, dict[str, Any]]) -> list[Kubelet]:
    """Build the cluster's hosts and start it; gives the kubelets. The caller lets time pass."""
    kubelets: list[Kubelet] = []
    plane = next(node for node in cluster.nodes if node.role == "control-plane")
    address = plane.address or "172.30.1.2"
    for number, node in enumerate(cluster.nodes):
        where = node.address or (address if node is plane else f"172.30.2.{number + 1}")
        host = network.add(node.name, where)
        base_files(host, version)
        spec = _node(node, number, version)
        kubelet = Kubelet(host, network, spec=spec, version=node.kubelet or version, server=(address, API_PORT),
                          images=images,
                          statics=_run_static_pods if node.role == "control-plane" and cluster.installer == "kubeadm" else None)
        host.units["kubelet"] = kubelet
        kubelets.append(kubelet)
        if node.role == "control-plane":
            if cluster.installer == "kubeadm":
                _manifests(host, version, cluster)
            else:
                _units(host, version, cluster)
        _kubeconfig(host, address, cluster.name, admin=node.role == "control-plane")
    for kubelet, node in zip(kubelets, cluster.nodes, strict=True):
        if node.present:
            kubelet.start()
        else:
            kubelet.host.powered = False
    return kubelets


def _run_static_pods(kubelet: Kubelet) -> None:
    known = kubelet.host.units.get("static-pods")
    if known is None:
        StaticPods(kubelet)
    else:
        known.rescan()


def base_files(host: Host, version: str) -> None:
    root = host.files.view()
    release = ('PRETTY_NAME="Ubuntu 22.04.4 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\n'
               'VERSION="22.04.4 LTS (Jammy Jellyfish)"\nID=ubuntu\nID_LIKE=debian\n')
    root.write("/etc/os-release", release.encode())
    root.write("/usr/bin/kubectl", f"#!simulated kubectl v{version}\n".encode())
    root.chmod("/usr/bin/kubectl", 0o755)


def _node(node: NodeSpec, number: int, version: str) -> Object:
    labels = {
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux", **node.labels}
    if node.role == "control-plane":
        labels |= dict.fromkeys(defaults.names("control-plane-labels", version), "")
    if node.zone:
        labels["topology.kubernetes.io/zone"] = node.zone
    if node.taints is None:
        keys = defaults.names("control-plane-taints", version) if node.role == "control-plane" else ()
        taints = [{"key": key, "effect": "NoSchedule"} for key in keys]
    else:
        taints = [taint_of(text) for text in node.taints]
    amounts = {"cpu": str(node.cpu), "memory": node.memory, "pods": str(node.pods), "hugepages-2Mi": "0"}
    return {
        "labels": labels, "taints": taints, "podCIDR": f"10.244.{number}.0/24",
        "resources": {"capacity": {**amounts, "ephemeral-storage": "20134592Ki"},
                      "allocatable": {**amounts, "ephemeral-storage": "18556040015"}},
        "nodeInfo": {
            "architecture": "amd64", "operatingSystem": "linux", "osImage": "Ubuntu 22.04.4 LTS",
            "kernelVersion": "5.15.0-113-generic", "containerRuntimeVersion": "containerd://1.7.27",
            "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""},
    }


def _commands(host: Host, version: str, cluster: ClusterSpec) -> dict[str, tuple[str, list[str]]]:
    """Give image and command line of each control-plane program."""
    client = f"https://127.0.0.1:{ETCD_PORT}"
    registry = catalogue.registry(version)
    extra = cluster.extra_args
    commands = {
        "etcd": (f"{registry}/etcd:{catalogue.images(version).etcd}", {
            "advertise-client-urls": f"https://{host.address}:{ETCD_PORT}", "data-dir": "/var/lib/etcd",
            "listen-client-urls": f"{client},https://{host.address}:{ETCD_PORT}", "name": host.name}),
        "kube-apiserver": (f"{registry}/kube-apiserver:v{version}", {
            "advertise-address": host.address, "etcd-servers": client, "secure-port": str(API_PORT),
            "service-cluster-ip-range": "10.96.0.0/12"}),
        "kube-controller-manager": (f"{registry}/kube-controller-manager:v{version}", {
            "allocate-node-cidrs": "true", "cluster-cidr": "10.244.0.0/16", "leader-elect": "true"}),
        "kube-scheduler": (f"{registry}/kube-scheduler:v{version}", {"leader-elect": "true"}),
    }
    return {name: (image, [name, *(f"--{flag}={value}" for flag, value in {**flags, **extra.get(name, {})}.items())])
            for name, (image, flags) in commands.items()}


def _units(host: Host, version: str, cluster: ClusterSpec) -> None:
    """Run the control plane "the hard way": a systemd unit each, nothing of it in the API."""
    root = host.files.view()
    for name, (image, words) in _commands(host, version, cluster).items():
        text = f"[Unit]\nDescription={name}\n\n[Service]\nExecStart=/usr/local/bin/{' '.join(words)}\n"
        root.write(f"/etc/systemd/system/{name}.service", text.encode())
        tag = image.rpartition(":")[2].removeprefix("v").partition("-")[0]
        program = host.units[name] = PROGRAMS[name](host, words, tag)
        program.start()


def _manifests(host: Host, version: str, cluster: ClusterSpec) -> None:
    root = host.files.view()
    for name, (image, words) in _commands(host, version, cluster).items():
        pod = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
            "spec": {"containers": [{"command": words, "image": image, "imagePullPolicy": "IfNotPresent", "name": name}],
                     "hostNetwork": True, "priorityClassName": "system-node-critical"}}
        path = f"/etc/kubernetes/manifests/{name}.yaml"
        root.write(path, yaml.safe_dump(pod, sort_keys=False).encode())
        root.chmod(path, 0o600)


def _kubeconfig(host: Host, address: str, name: str, *, admin: bool) -> None:
    config = {
        "apiVersion": "v1", "kind": "Config", "preferences": {},
        "clusters": [{"name": name, "cluster": {"server": f"https://{address}:{API_PORT}"}}],
        "users": [{"name": "kubernetes-admin", "user": {}}],
        "contexts": [{"name": f"kubernetes-admin@{name}", "context": {"cluster": name, "user": "kubernetes-admin"}}],
        "current-context": f"kubernetes-admin@{name}"}
    root = host.files.view()
    data = yaml.safe_dump(config, sort_keys=False).encode()
    root.write("/etc/kubernetes/kubelet.conf", data)
    if admin:
        root.make_dir("/root/.kube", parents=True)
        for path in ("/etc/kubernetes/admin.conf", "/root/.kube/config"):
            root.write(path, data)
            root.chmod(path, 0o600)


def server_of(network: Network) -> Any:
    """Give the API server that answers now, None when there is none."""
    return next((s for (_, port), s in network.listeners.items() if port == API_PORT), None)


def addons(network: Network, cluster: ClusterSpec, version: str) -> None:
    """Create kube-proxy, flannel and coredns through the API, as kubeadm and its user would."""
    plane = next(node.name for node in cluster.nodes if node.role == "control-plane")
    connection = Connection(network, network.hosts[plane], "127.0.0.1", API_PORT)
    server: Any = connection.server()
    client = Client(connection, server.reader, agent="kubeadm")
    if "coredns" in cluster.addons or "flannel" in cluster.addons:
        client.create("daemonsets", _daemon(
            "kube-proxy", "kube-system", {"k8s-app": "kube-proxy"}, f"{catalogue.registry(version)}/kube-proxy:v{version}"))
    if "flannel" in cluster.addons:
        client.create("namespaces", {"metadata": {"name": "kube-flannel"}})
        client.create("daemonsets", _daemon(
            "kube-flannel-ds", "kube-flannel", {"app": "flannel"}, "ghcr.io/flannel-io/flannel:v0.26.1"))
    if "coredns" in cluster.addons:
        client.create("deployments", {
            "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": {"k8s-app": "kube-dns"}}, "spec": {
                    "priorityClassName": "system-cluster-critical",
                    "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"},
                                    *({"key": key, "effect": "NoSchedule"}
                                      for key in defaults.names("control-plane-taints", version))],
                    "containers": [{"name": "coredns", "image": _coredns(version), "resources": {
                        "limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}}}]}}}})
        client.create("services", {
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"}, "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53},
                {"name": "metrics", "port": 9153}]}})


def _coredns(version: str) -> str:
    return f"{catalogue.registry(version)}/{catalogue.minor_of(version).coredns_path}:{catalogue.images(version).coredns}"


def _daemon(name: str, namespace: str, labels: dict[str, str], image: str) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "hostNetwork": True, "tolerations": [{"operator": "Exists"}], "priorityClassName": "system-node-critical",
            "containers": [{"name": name.removesuffix("-ds"), "image": image}]}}}}


__all__ = ["ClusterSpec", "NodeSpec", "addons", "base_files", "install", "server_of"]
