"""The addons that kubeadm applies: kube-proxy and CoreDNS (kube-dns up to 1.10), as objects of the version.

Models: cmd/kubeadm/app/phases/addons. Left out: service accounts' RBAC.
"""

from __future__ import annotations

from sim.api import documents, objects
from sim.api.client import Key, Object
from sim.engine import Steps
from sim.kubeadm.frame.session import Session
from sim.kubeadm.phases.config import Configuration
from sim.versions import catalogue, defaults

COREDNS = Key("deployments", "kube-system", "coredns")
KUBE_DNS = Key("deployments", "kube-system", "kube-dns")
KUBE_DNS_TAG, COREDNS_SINCE = "1.14.8", (1, 11)
LABELS = {"k8s-app": "kube-dns"}
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


def dns(config: Configuration, replicas: int = 0) -> list[tuple[Key, Object]]:
    """Give the objects of the cluster's DNS. replicas: 0 for what kubeadm makes."""
    service = (Key("services", "kube-system", "kube-dns"), {
        "metadata": {"labels": LABELS}, "spec": {"clusterIP": "10.96.0.10", "selector": LABELS, "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}, {"name": "metrics", "port": 9153}]}})
    if config.minor < COREDNS_SINCE:
        containers = [{"name": name, "image": f"{config.images}/k8s-dns-{image}-amd64:{KUBE_DNS_TAG}"} for name, image in (
            ("kubedns", "kube-dns"), ("dnsmasq", "dnsmasq-nanny"), ("sidecar", "sidecar"))]
        return [(KUBE_DNS, _deployment(config, replicas or 1, containers)), service]
    container = {"name": "coredns", "image": coredns_image(config), "resources": {
        "limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}}}
    return [(Key("configmaps", "kube-system", "coredns"), {"data": {"Corefile": COREFILE.format(domain=config.dns_domain)}}),
            (COREDNS, _deployment(config, replicas or 2, [container])), service]


def _deployment(config: Configuration, replicas: int, containers: list[Object]) -> Object:
    taints = defaults.names("control-plane-taints", config.version)
    return {
        "metadata": {"labels": LABELS},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": LABELS}, "spec": {
                "priorityClassName": "system-cluster-critical",
                "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"},
                                *({"key": key, "effect": "NoSchedule"} for key in taints)],
                "containers": containers}}}}


def dns_version(session: Session) -> Steps[str]:
    """Give the version of the DNS that is deployed, "" without one. Raises KubeadmError."""
    found = (yield from session.get(COREDNS)) or (yield from session.get(KUBE_DNS))
    return "" if found is None else str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


def apply(session: Session, config: Configuration) -> Steps[None]:
    """Apply both; CoreDNS keeps its number of replicas, its settings and its service. Raises KubeadmError."""
    found, old = (yield from session.get(COREDNS)), (yield from session.get(KUBE_DNS))
    because = f"kubeadm applies the addons of v{config.version}"
    if found is not None or old is not None:
        for key, body in dns(config, int(objects.dig(found, "spec.replicas", 2)) if found else 0):
            if key.resource == "deployments" or (found is None and key.resource == "configmaps"):
                yield from session.put(key, body, because=because)
        if found is None and config.minor >= COREDNS_SINCE:
            yield from session.send("delete", KUBE_DNS, query={"propagationPolicy": "Foreground"}, because="CoreDNS takes its place")
        session.say("addons.applied", name="CoreDNS" if config.minor >= COREDNS_SINCE else "kube-dns")
    yield from session.takes(0.25, 0.5, 2.0)
    for key, body in kube_proxy(config):
        if key.resource == "daemonsets":
            yield from session.put(key, body, because=because)
    session.say("addons.applied", name="kube-proxy")
    yield from session.takes(0.25, 0.5, 2.0)
