"""The static pods of the control plane: image, command line, probes and volumes of each program, by version.

Models: cmd/kubeadm/app/phases/controlplane, phases/etcd, util/staticpod. Left out: patches, env of proxies, IPv6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.api import documents
from sim.components import API_PORT, ETCD_PORT
from sim.host.network import Host
from sim.kubeadm.phases.config import Configuration
from sim.versions import catalogue

PKI = "/etc/kubernetes/pki"
FOLDER = "/etc/kubernetes/manifests"
PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
PROGRAMS = ("etcd", *PLANE)
Minor = tuple[int, int]
BY_VERSION: tuple[tuple[str, str, str, Minor, Minor], ...] = (
    ("etcd", "experimental-initial-corrupt-check", "true", (1, 22), (1, 34)),
    ("etcd", "experimental-watch-progress-notify-interval", "5s", (1, 26), (1, 34)),
    ("etcd", "feature-gates", "InitialCorruptCheck=true", (1, 34), (9, 0)),
    ("etcd", "watch-progress-notify-interval", "5s", (1, 34), (9, 0)),
    ("etcd", "listen-metrics-urls", "http://127.0.0.1:2381", (1, 16), (9, 0)),
    ("kube-apiserver", "insecure-port", "0", (1, 0), (1, 24)),
    ("kube-apiserver", "service-account-issuer", "https://kubernetes.default.svc.{domain}", (1, 20), (9, 0)),
    ("kube-apiserver", "service-account-signing-key-file", f"{PKI}/sa.key", (1, 20), (9, 0)),
    ("kube-controller-manager", "port", "0", (1, 19), (1, 24)),
    ("kube-scheduler", "port", "0", (1, 19), (1, 24)),
)
"""Flags that only some versions of kubeadm write: program, flag, value, first minor, first minor without it."""
CPU = {"etcd": "100m", "kube-apiserver": "250m", "kube-controller-manager": "200m", "kube-scheduler": "100m"}
MOUNTS = {
    "etcd": {"etcd-data": ("/var/lib/etcd", "DirectoryOrCreate"), "etcd-certs": (f"{PKI}/etcd", "DirectoryOrCreate")},
    "kube-apiserver": {"ca-certs": ("/etc/ssl/certs", "DirectoryOrCreate"), "k8s-certs": (PKI, "DirectoryOrCreate")},
    "kube-controller-manager": {
        "ca-certs": ("/etc/ssl/certs", "DirectoryOrCreate"), "k8s-certs": (PKI, "DirectoryOrCreate"),
        "kubeconfig": ("/etc/kubernetes/controller-manager.conf", "FileOrCreate")},
    "kube-scheduler": {"kubeconfig": ("/etc/kubernetes/scheduler.conf", "FileOrCreate")},
}


def images(config: Configuration) -> dict[str, str]:
    """Give the images of the control plane's programs."""
    registry, version = config.images, config.version
    return {"etcd": f"{registry}/etcd:{catalogue.images(version).etcd}", **{name: f"{registry}/{name}:v{version}" for name in PLANE}}


def commands(host: Host, config: Configuration, peers: Mapping[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Give image and command line of each control-plane program. peers: control-plane host -> address, etcd's members."""
    etcd, client = f"{PKI}/etcd", f"https://127.0.0.1:{ETCD_PORT}"
    servers = ",".join(config.external_etcd) or client
    conf = "/etc/kubernetes/{}.conf".format
    manager, scheduler = conf("controller-manager"), conf("scheduler")
    flags: dict[str, dict[str, str]] = {
        "etcd": {
            "advertise-client-urls": f"https://{host.address}:{ETCD_PORT}", "cert-file": f"{etcd}/server.crt",
            "client-cert-auth": "true", "data-dir": config.data_dir,
            "initial-advertise-peer-urls": f"https://{host.address}:2380",
            "initial-cluster": ",".join(f"{name}=https://{address}:2380" for name, address in peers.items()),
            "key-file": f"{etcd}/server.key", "listen-client-urls": f"{client},https://{host.address}:{ETCD_PORT}",
            "listen-peer-urls": f"https://{host.address}:2380", "name": host.name, "peer-cert-file": f"{etcd}/peer.crt",
            "peer-client-cert-auth": "true", "peer-key-file": f"{etcd}/peer.key", "peer-trusted-ca-file": f"{etcd}/ca.crt",
            "snapshot-count": "10000", "trusted-ca-file": f"{etcd}/ca.crt"},
        "kube-apiserver": {
            "advertise-address": host.address, "allow-privileged": "true", "authorization-mode": "Node,RBAC",
            "client-ca-file": f"{PKI}/ca.crt", "enable-admission-plugins": "NodeRestriction",
            "enable-bootstrap-token-auth": "true", "etcd-cafile": f"{etcd}/ca.crt",
            "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt", "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
            "etcd-servers": servers, "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
            "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
            "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
            "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
            "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-", "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User", "secure-port": str(API_PORT),
            "service-account-key-file": f"{PKI}/sa.pub", "service-cluster-ip-range": config.service_subnet,
            "tls-cert-file": f"{PKI}/apiserver.crt", "tls-private-key-file": f"{PKI}/apiserver.key"},
        "kube-controller-manager": {
            **({"allocate-node-cidrs": "true", "cluster-cidr": config.pod_subnet} if config.pod_subnet else {}),
            "authentication-kubeconfig": manager, "authorization-kubeconfig": manager, "bind-address": "127.0.0.1",
            "client-ca-file": f"{PKI}/ca.crt", "cluster-name": config.cluster_name,
            "cluster-signing-cert-file": f"{PKI}/ca.crt", "cluster-signing-key-file": f"{PKI}/ca.key",
            "controllers": "*,bootstrapsigner,tokencleaner", "kubeconfig": manager,
            "leader-elect": "true", "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
            "root-ca-file": f"{PKI}/ca.crt", "service-account-private-key-file": f"{PKI}/sa.key",
            "service-cluster-ip-range": config.service_subnet, "use-service-account-credentials": "true"},
        "kube-scheduler": {
            "authentication-kubeconfig": scheduler, "authorization-kubeconfig": scheduler, "bind-address": "127.0.0.1",
            "kubeconfig": scheduler, "leader-elect": "true"},
    }
    for program, flag, value, since, until in BY_VERSION:
        if since <= config.minor < until:
            flags[program][flag] = value.format(domain=config.dns_domain)
    shown, local = images(config), not config.external_etcd
    return {name: (shown[name], [name, *(f"--{flag}={value}" for flag, value in sorted({
        **own, **config.extra_args.get(name, {})}.items()))]) for name, own in flags.items() if local or name != "etcd"}


def _probes(name: str, host: Host, minor: Minor) -> dict[str, Any]:
    def probe(path: str, port: int, address: str, scheme: str, failures: int, period: int, delay: int) -> dict[str, Any]:
        return {"failureThreshold": failures, "httpGet": {"host": address, "path": path, "port": port, "scheme": scheme},
                **({"initialDelaySeconds": delay} if delay else {}), "periodSeconds": period, "timeoutSeconds": 15}

    if name == "etcd":
        new = minor >= ETCD_READY_SINCE
        probes = {"livenessProbe": probe("/livez" if new else "/health?exclude=NOSPACE&serializable=true", 2381, "127.0.0.1",
                                         "HTTP", 8, 10, 10),
                  "readinessProbe": probe("/readyz", 2381, "127.0.0.1", "HTTP", 3, 1, 0),
                  "startupProbe": probe("/readyz" if new else "/health?serializable=false", 2381, "127.0.0.1", "HTTP", 24, 10, 10)}
        if not new:
            del probes["readinessProbe"]
    elif name == "kube-apiserver":
        probes = {"livenessProbe": probe("/livez", API_PORT, host.address, "HTTPS", 8, 10, 10),
                  "readinessProbe": probe("/readyz", API_PORT, host.address, "HTTPS", 3, 1, 0),
                  "startupProbe": probe("/livez", API_PORT, host.address, "HTTPS", 24, 10, 10)}
    else:
        port = 10257 if name == "kube-controller-manager" else 10259
        probes = {"livenessProbe": probe("/healthz", port, "127.0.0.1", "HTTPS", 8, 10, 10),
                  "startupProbe": probe("/healthz", port, "127.0.0.1", "HTTPS", 24, 10, 10)}
    if minor < STARTUP_PROBE_SINCE:
        del probes["startupProbe"]
    return probes


STARTUP_PROBE_SINCE, ETCD_READY_SINCE = (1, 20), (1, 34)


def manifest(host: Host, name: str, image: str, words: list[str], minor: Minor) -> bytes:
    """Write a static pod's manifest as kubeadm of that minor does."""
    mounts = MOUNTS[name]
    requests = {"cpu": CPU[name], **({"memory": "100Mi"} if name == "etcd" else {})}
    note = {"etcd": ("kubeadm.kubernetes.io/etcd.advertise-client-urls", f"https://{host.address}:{ETCD_PORT}"),
            "kube-apiserver": ("kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint",
                               f"{host.address}:{API_PORT}")}.get(name)
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {**({"annotations": dict([note])} if note else {}),
                     "labels": {"component": name, "tier": "control-plane"}, "name": name, "namespace": "kube-system"},
        "spec": {
            "containers": [{
                "command": words, "image": image, "imagePullPolicy": "IfNotPresent", **_probes(name, host, minor), "name": name,
                "resources": {"requests": requests},
                "volumeMounts": [{"mountPath": path, "name": volume, **({} if name == "etcd" else {"readOnly": True})}
                                 for volume, (path, _) in mounts.items()]}],
            "hostNetwork": True, "priority": 2000001000, "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"hostPath": {"path": path, "type": kind}, "name": volume}
                        for volume, (path, kind) in mounts.items()]},
        "status": {}}
    return documents.dump(pod).encode()


def write(host: Host, name: str, image: str, words: list[str], minor: Minor, *, folder: str = FOLDER) -> None:
    """Put a manifest into the kubelet's folder, or another."""
    root, path = host.files.view(), f"{folder}/{name}.yaml"
    root.write(path, manifest(host, name, image, words, minor))
    root.chmod(path, 0o600)
