"""What is created through the API on a fresh cluster: kube-proxy, flannel, coredns, metrics-server.

Models: kubeadm's addon phases, and its user's `kubectl apply -f kube-flannel.yml`.
"""

from __future__ import annotations

from typing import Any

from sim.api.client import Client, Key, Object
from sim.components import API_PORT
from sim.host.network import Connection, Network
from sim.kubeadm.certs.table import ADMINS_SINCE, PKI
from sim.kubeadm.nodes import discovery
from sim.kubeadm.phases import addons as phases
from sim.kubeadm.phases import bootstrap, kubelet
from sim.kubeadm.phases.config import CONFIG_MAP, ROLE, Configuration
from sim.lab.install import files
from sim.lab.install.spec import ClusterSpec

RBAC = "rbac.authorization.k8s.io"
METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server:v0.8.0"
CRI_SOCKET = "unix:///var/run/containerd/containerd.sock"


def addons(network: Network, cluster: ClusterSpec, version: str) -> None:
    """Create kube-proxy, flannel and coredns through the API, as kubeadm and its user would."""
    plane = next(node.name for node in cluster.nodes if node.role == "control-plane")
    connection = Connection(network, network.hosts[plane], "127.0.0.1", API_PORT)
    server: Any = connection.server()
    client = Client(connection, server.reader, agent="kubeadm")
    if cluster.installer == "kubeadm":
        name = "kubeadm:cluster-admins"
        if files.minor(version) >= ADMINS_SINCE and client.find(Key("clusterrolebindings", "", name)) is None:
            client.create("clusterrolebindings", {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": name}]})
        for node in cluster.nodes:
            if client.find(Key("nodes", "", node.name)) is not None:
                client.patch(Key("nodes", "", node.name), {"metadata": {"annotations": {
                    "kubeadm.alpha.kubernetes.io/cri-socket": CRI_SOCKET}}}, because="kubeadm join")
    config, objects = files.configuration(cluster, version), list[tuple[Key, Object]]()
    if "coredns" in cluster.addons or "flannel" in cluster.addons:
        objects += phases.kube_proxy(config)
    if "flannel" in cluster.addons:
        client.create("namespaces", {"metadata": {"name": "kube-flannel"}})
        client.create("daemonsets", phases.daemon(
            "kube-flannel-ds", "kube-flannel", {"app": "flannel"}, "ghcr.io/flannel-io/flannel:v0.26.1",
            ["/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr"], {"requests": {"cpu": "100m", "memory": "50Mi"}}))
    if "coredns" in cluster.addons:
        objects += phases.dns(config)
    if cluster.installer == "kubeadm":
        objects += _kept(cluster, config, network)
    for key, body in objects:
        client.create(key.resource, {**body, "metadata": {**body.get("metadata", {}), "name": key.name, "namespace": key.namespace}})
    if "metrics-server" in cluster.addons:
        metrics_server(client)


def metrics_server(client: Client) -> None:
    """Create what metrics-server's components.yaml holds, with --kubelet-insecure-tls as labs set it."""
    labels = {"k8s-app": "metrics-server"}
    about: Object = {"name": "metrics-server", "namespace": "kube-system", "labels": labels}
    client.create("serviceaccounts", {"metadata": about})
    client.create("clusterroles", {"metadata": {"name": "system:aggregated-metrics-reader", "labels": {**labels, **{
        f"{RBAC}/aggregate-to-{role}": "true" for role in ("admin", "edit", "view")}}}, "rules": [
        {"apiGroups": ["metrics.k8s.io"], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}]})
    client.create("clusterroles", {"metadata": {"name": "system:metrics-server", "labels": labels}, "rules": [
        {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}]})
    client.create("clusterrolebindings", {
        "metadata": {"name": "system:metrics-server", "labels": labels},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:metrics-server"},
        "subjects": [{"kind": "ServiceAccount", "name": "metrics-server", "namespace": "kube-system"}]})
    client.create("services", {"metadata": about, "spec": {"selector": labels, "ports": [
        {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"}]}})
    client.create("deployments", {"metadata": about, "spec": {
        "replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
        "template": {"metadata": {"labels": labels}, "spec": {
            "serviceAccountName": "metrics-server", "priorityClassName": "system-cluster-critical",
            "volumes": [{"name": "tmp-dir", "emptyDir": {}}], "containers": [{
                "name": "metrics-server", "image": METRICS_SERVER, "imagePullPolicy": "IfNotPresent",
                "args": ["--cert-dir=/tmp", "--secure-port=10250", "--kubelet-insecure-tls",
                         "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
                         "--kubelet-use-node-status-port", "--metric-resolution=15s"],
                "ports": [{"name": "https", "containerPort": 10250, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": "https", "scheme": "HTTPS"},
                                   "initialDelaySeconds": 20, "periodSeconds": 10, "failureThreshold": 3},
                "livenessProbe": {"httpGet": {"path": "/livez", "port": "https", "scheme": "HTTPS"},
                                  "periodSeconds": 10, "failureThreshold": 3},
                "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}},
                "volumeMounts": [{"name": "tmp-dir", "mountPath": "/tmp"}]}]}}}})
    client.create("apiservices", {"metadata": {"name": "v1beta1.metrics.k8s.io", "labels": labels}, "spec": {
        "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "insecureSkipTLSVerify": True, "service": {"name": "metrics-server", "namespace": "kube-system"}}})


def _kept(cluster: ClusterSpec, config: Configuration, network: Network) -> list[tuple[Key, Object]]:
    """Give the ConfigMaps in which kubeadm keeps what it was told."""
    addresses = {node.name: network.hosts[node.name].address for node in cluster.planes}
    plane = network.hosts[cluster.planes[0].name]
    server = f"https://{cluster.endpoint or plane.address}:{API_PORT}"
    minor, kubelets = config.minor, kubelet.config_map_key(config.minor)
    return [(CONFIG_MAP, config.config_map(minor, addresses)), (kubelets, {"data": {"kubelet": kubelet.config_file().decode()}}),
            *discovery.cluster_info(server, plane.files.view().read(f"{PKI}/ca.crt")), *bootstrap.readers(CONFIG_MAP, ROLE), *bootstrap.readers(kubelets, kubelet.role(minor)),
            *(rule for _, rules in bootstrap.rules(minor) for rule in rules)]
