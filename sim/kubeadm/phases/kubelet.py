"""The kubelet's files as kubeadm writes them: config.yaml, kubeadm-flags.env, and the ConfigMap that nodes read.

Models: cmd/kubeadm/app/phases/kubelet. Left out: patches, swap and resolver detection.
"""

from __future__ import annotations

from typing import Any

from sim.api import documents
from sim.api.client import Key, Object
from sim.kubeadm.phases.config import Configuration
from sim.versions import catalogue

CONFIG_FILE, FLAGS_FILE = "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"
SOCKET = "unix:///var/run/containerd/containerd.sock"
UNVERSIONED_SINCE = (1, 24)
Minor = tuple[int, int]


def config_map_key(minor: Minor) -> Key:
    """Give where the kubelets' configuration of a version lies; up to 1.23 each minor has its own ConfigMap."""
    return Key("configmaps", "kube-system", "kubelet-config" if minor >= UNVERSIONED_SINCE else f"kubelet-config-{minor[0]}.{minor[1]}")


def role(minor: Minor) -> str:
    """Give the name of the role that may read that ConfigMap."""
    return f"kubeadm:{config_map_key(minor).name}"


def configuration(dns: str = "10.96.0.10", domain: str = "cluster.local") -> dict[str, Any]:
    """Give the kubelet's configuration as kubeadm writes it."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"cacheTTL": "0s", "enabled": True},
                           "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
        "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"}},
        "cgroupDriver": "systemd", "clusterDNS": [dns], "clusterDomain": domain,
        "containerRuntimeEndpoint": "", "cpuManagerReconcilePeriod": "0s", "evictionPressureTransitionPeriod": "0s",
        "fileCheckFrequency": "0s", "healthzBindAddress": "127.0.0.1", "healthzPort": 10248, "httpCheckFrequency": "0s",
        "imageMinimumGCAge": "0s", "memorySwap": {}, "nodeStatusReportFrequency": "0s", "nodeStatusUpdateFrequency": "0s",
        "resolvConf": "/run/systemd/resolve/resolv.conf", "rotateCertificates": True, "runtimeRequestTimeout": "0s",
        "shutdownGracePeriod": "0s", "shutdownGracePeriodCriticalPods": "0s", "staticPodPath": "/etc/kubernetes/manifests",
        "streamingConnectionIdleTimeout": "0s", "syncFrequency": "0s", "volumeStatsAggPeriod": "0s",
    }


def config_file(found: Object | None = None) -> bytes:
    """Write config.yaml: what a ConfigMap holds, or the defaults."""
    if found is not None:
        return str(found["data"]["kubelet"]).encode()
    return documents.dump(configuration(), sort_keys=True).encode()


def flags_file(config: Configuration) -> bytes:
    """Write kubeadm-flags.env."""
    minor = config.minor
    flags = [*(["--container-runtime=remote"] if minor < (1, 24) else []), f"--container-runtime-endpoint={SOCKET}",
             *([f"--pod-infra-container-image={config.images}/pause:{catalogue.images(config.version).pause}"]
               if minor < (1, 35) else [])]
    return f'KUBELET_KUBEADM_ARGS="{" ".join(flags)}"\n'.encode()
