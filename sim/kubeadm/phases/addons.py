"""The addons that kubeadm applies: kube-proxy and CoreDNS, as objects of the version.

Models: cmd/kubeadm/app/phases/addons. Left out: kube-dns of 1.10 (CoreDNS stands for it), service accounts' RBAC.
"""

from __future__ import annotations

from sim.api import documents, objects
from sim.api.client import Key, Object
from sim.engine import Steps
from sim.kubeadm.frame.session import Session
from sim.kubeadm.phases.config import Configuration
from sim.versions import catalogue, defaults

COREDNS = Key("deployments", "kube-system", "coredns")
PROXY = Key("daemonsets", "kube-system", "kube-proxy")
COREFILE = """.:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30
    loop
    reload
    loadbalance
}}
"""


def daemon(name: str, namespace: str, labels: dict[str, str], image: str, command: list[str],
           resources: Object | None = None) -> Object:
    """Make a DaemonSet that runs on every node and in its network."""
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "hostNetwork": True, "tolerations": [{"operator": "Exists"}], "priorityClassName": "system-node-critical",
            "containers": [{"name": name.removesuffix("-ds"), "image": image, "command": command,
                            "resources": resources or {}}]}}}}


def kube_proxy(config: Configuration) -> list[tuple[Key, Object]]:
    """Give kube-proxy's objects."""
    settings = documents.dump({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "bindAddress": "0.0.0.0", "clientConnection": {
            "kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf"}, "clusterCIDR": config.pod_subnet,
        "kind": "KubeProxyConfiguration", "mode": ""}, sort_keys=True)
    return [
        (Key("configmaps", "kube-system", "kube-proxy"), {
            "metadata": {"labels": {"app": "kube-proxy"}}, "data": {"config.conf": settings}}),
        (PROXY, daemon(
            "kube-proxy", "kube-system", {"k8s-app": "kube-proxy"}, f"{config.images}/kube-proxy:v{config.version}",
            ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"]))]


def coredns_image(config: Configuration) -> str:
    """Give CoreDNS' image."""
    path = catalogue.minor_of(config.version).coredns_path
    return f"{config.images}/{path}:{catalogue.images(config.version).coredns}"


def coredns(config: Configuration, replicas: int = 2) -> list[tuple[Key, Object]]:
    """Give CoreDNS' objects."""
    labels = {"k8s-app": "kube-dns"}
    taints = defaults.names("control-plane-taints", config.version)
    return [
        (Key("configmaps", "kube-system", "coredns"), {"data": {"Corefile": COREFILE.format(domain=config.dns_domain)}}),
        (COREDNS, {
            "metadata": {"name": "coredns", "namespace": "kube-system", "labels": labels},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "priorityClassName": "system-cluster-critical",
                    "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"},
                                    *({"key": key, "effect": "NoSchedule"} for key in taints)],
                    "containers": [{"name": "coredns", "image": coredns_image(config), "resources": {
                        "limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}}}]}}}}),
        (Key("services", "kube-system", "kube-dns"), {
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {"clusterIP": "10.96.0.10", "selector": labels, "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53},
                {"name": "metrics", "port": 9153}]}})]


def dns_version(session: Session) -> Steps[str]:
    """Give the version of the CoreDNS that is deployed, "" without one. Raises KubeadmError."""
    found = yield from session.get(COREDNS)
    return "" if found is None else str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


def apply(session: Session, config: Configuration) -> Steps[None]:
    """Apply both; CoreDNS keeps its number of replicas, its settings and its service. Raises KubeadmError."""
    found = yield from session.get(COREDNS)
    because = f"kubeadm applies the addons of v{config.version}"
    if found is not None and catalogue.images(config.version).coredns:
        for key, body in coredns(config, int(objects.dig(found, "spec.replicas", 2))):
            if key.resource == "deployments":
                yield from session.put(key, body, because=because)
        session.say("addons.applied", name="CoreDNS")
    yield from session.takes(0.25, 0.5, 2.0)
    for key, body in kube_proxy(config):
        if key.resource == "daemonsets":
            yield from session.put(key, body, because=because)
    session.say("addons.applied", name="kube-proxy")
    yield from session.takes(0.25, 0.5, 2.0)
