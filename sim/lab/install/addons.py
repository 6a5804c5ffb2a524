"""What is created through the API on a fresh cluster: kube-proxy, flannel, coredns, metrics-server.

Models: kubeadm's addon phases, and its user's `kubectl apply -f kube-flannel.yml`.
"""

from __future__ import annotations

from typing import Any

from sim.api.client import Client, Key, Object
from sim.components import API_PORT
from sim.host.network import Connection, Network
from sim.lab.install import files
from sim.lab.install.spec import ClusterSpec
from sim.versions import catalogue, defaults

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
        if files.minor(version) >= files.SUPER_ADMIN_SINCE and client.find(Key("clusterrolebindings", "", name)) is None:
            client.create("clusterrolebindings", {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": name}]})
        for node in cluster.nodes:
            if client.find(Key("nodes", "", node.name)) is not None:
                client.patch(Key("nodes", "", node.name), {"metadata": {"annotations": {
                    "kubeadm.alpha.kubernetes.io/cri-socket": CRI_SOCKET}}}, because="kubeadm join")
    if "coredns" in cluster.addons or "flannel" in cluster.addons:
        client.create("daemonsets", _daemon(
            "kube-proxy", "kube-system", {"k8s-app": "kube-proxy"}, f"{catalogue.registry(version)}/kube-proxy:v{version}",
            ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"]))
    if "flannel" in cluster.addons:
        client.create("namespaces", {"metadata": {"name": "kube-flannel"}})
        client.create("daemonsets", _daemon(
            "kube-flannel-ds", "kube-flannel", {"app": "flannel"}, "ghcr.io/flannel-io/flannel:v0.26.1",
            ["/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr"], {"requests": {"cpu": "100m", "memory": "50Mi"}}))
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
    if "metrics-server" in cluster.addons:
        _metrics_server(client)


def _metrics_server(client: Client) -> None:
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


def _coredns(version: str) -> str:
    return f"{catalogue.registry(version)}/{catalogue.minor_of(version).coredns_path}:{catalogue.images(version).coredns}"


def _daemon(name: str, namespace: str, labels: dict[str, str], image: str, command: list[str],
            resources: Object | None = None) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "hostNetwork": True, "tolerations": [{"operator": "Exists"}], "priorityClassName": "system-node-critical",
            "containers": [{"name": name.removesuffix("-ds"), "image": image, "command": command,
                            "resources": resources or {}}]}}}}
