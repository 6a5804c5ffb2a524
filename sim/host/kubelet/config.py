"""What a kubelet reads before it runs: its flags, its configuration file, its kubeconfig.

Models: cmd/kubelet/app/server.go. Each fault ends the program with upstream's own line, as far as labs meet it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from sim.api import documents, quantity
from sim.api.times import parse_duration
from sim.host import tls
from sim.host.files import FileError, View
from sim.pki import PkiError, load_certificates

FLAGS = frozenset("""address allowed-unsafe-sysctls anonymous-auth authentication-token-webhook authorization-mode
    bootstrap-kubeconfig cert-dir cgroup-driver cgroup-root cgroups-per-qos client-ca-file cloud-config cloud-provider
    cluster-dns cluster-domain config config-dir container-log-max-files container-log-max-size container-runtime-endpoint
    cpu-manager-policy enable-controller-attach-detach enable-debugging-handlers enable-server enforce-node-allocatable
    event-burst event-qps eviction-hard eviction-max-pod-grace-period eviction-minimum-reclaim
    eviction-pressure-transition-period eviction-soft eviction-soft-grace-period exit-on-lock-contention fail-swap-on
    feature-gates file-check-frequency hairpin-mode healthz-bind-address healthz-port hostname-override
    image-credential-provider-bin-dir image-credential-provider-config image-gc-high-threshold image-gc-low-threshold
    image-service-endpoint kube-api-burst kube-api-qps kube-reserved kube-reserved-cgroup kubeconfig kubelet-cgroups
    local-storage-capacity-isolation log-flush-frequency logging-format make-iptables-util-chains manifest-url
    max-open-files max-pods memory-manager-policy minimum-container-ttl-duration node-ip node-labels
    node-status-max-images node-status-update-frequency oom-score-adj pod-cidr pod-infra-container-image pod-manifest-path
    pod-max-pids pods-per-core port protect-kernel-defaults provider-id read-only-port register-node register-schedulable
    register-with-taints registry-burst registry-qps resolv-conf root-dir rotate-certificates rotate-server-certificates
    runonce runtime-cgroups runtime-request-timeout seccomp-default serialize-image-pulls streaming-connection-idle-timeout
    sync-frequency system-cgroups system-reserved system-reserved-cgroup tls-cert-file tls-cipher-suites tls-min-version
    tls-private-key-file topology-manager-policy v version vmodule volume-plugin-dir volume-stats-agg-period""".split())
GONE_IN: dict[str, tuple[int, int]] = {
    "network-plugin": (1, 24), "cni-bin-dir": (1, 24), "cni-conf-dir": (1, 24), "container-runtime": (1, 27),
    "docker-endpoint": (1, 24), "image-pull-progress-deadline": (1, 24), "dynamic-config-dir": (1, 24),
    "pod-infra-container-image": (1, 35)}
"""Flags that a version no longer has; before it they are known."""


class Fatal(Exception):
    """The program cannot go on; the text is what `err=` says."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the flags and files say. server: (address, port) of the API server; authority: the file of whom it lets in.

    bootstraps: the kubeconfig with which it must ask for a certificate first, "" for none; kubeconfig: the one it then writes.
    """

    server: tuple[str, int]
    url: str
    credentials: tls.Credentials
    authority: str = ""
    bootstraps: str = ""
    kubeconfig: str = ""
    rotates: bool = False
    manifests: str = ""
    scan_seconds: float = 20.0
    lease_seconds: int = 10
    memory_threshold: int = 100 << 20
    disk_threshold: float = 0.10
    transition_seconds: float = 300.0
    reserved: dict[str, int] = field(default_factory=dict)
    max_pods: int | None = None
    hostname: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    cni: str = "/etc/cni/net.d"


def quoted(text: str) -> str:
    """Quote a text as Go's %q and klog do."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def flags_of(argv: list[str], version: tuple[int, int]) -> dict[str, str]:
    """Read the command line. Raises Fatal."""
    found: dict[str, str] = {}
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        name, equal, value = word.lstrip("-").partition("=")
        gone = GONE_IN.get(name)
        if not word.startswith("-"):
            raise Fatal(f"unknown command {word}")
        if (gone and version >= gone) or (name not in FLAGS and gone is None):
            raise Fatal(f"failed to parse kubelet flag: unknown flag: --{name}")
        if not equal and words and not words[0].startswith("-"):
            value = words.pop(0)
        found[name] = value if equal or value else "true"
    return found


def read(argv: list[str], files: View, version: tuple[int, int], now_s: int = 0) -> Settings:
    """Read everything. now_s: seconds since 1970. Raises Fatal."""
    flags = flags_of(argv, version)
    config = _config(flags["config"], files) if "config" in flags else {}
    authority = flags.get("client-ca-file") or _dig(config, "authentication", "x509", "clientCAFile")
    server, url, credentials, bootstraps = _kubeconfig(flags, files, version, now_s)
    if authority:
        head = f"failed to construct kubelet dependencies: unable to load client CA file {authority}: "
        try:
            load_certificates(files.read(authority))
        except FileError as error:
            raise Fatal(f"{head}open {authority}: {str(error).lower()}") from None
        except PkiError:
            raise Fatal(f"{head}error creating pool from {authority}: data does not contain any valid RSA or ECDSA "
                        "certificates") from None
    hard = config.get("evictionHard") or {}
    reserved: dict[str, int] = {}
    for group in ("systemReserved", "kubeReserved"):
        for name, text in (config.get(group) or {}).items():
            scale = 1000 if name == "cpu" else 1
            reserved[name] = reserved.get(name, 0) + int(quantity.parse(str(text)) * scale)
    return Settings(
        server, url, credentials, authority, bootstraps, flags.get("kubeconfig", ""),
        rotates=str(flags.get("rotate-certificates") or config.get("rotateCertificates") or "false").lower() == "true", manifests=str(flags.get("pod-manifest-path") or config.get("staticPodPath") or ""),
        scan_seconds=parse_duration(str(config.get("fileCheckFrequency") or "20s")) or 20.0,
        memory_threshold=_bytes(hard.get("memory.available", "100Mi"), 100 << 20),
        disk_threshold=float(str(hard.get("nodefs.available", "10%")).rstrip("%") or 0) / 100,
        transition_seconds=parse_duration(str(config.get("evictionPressureTransitionPeriod") or "5m0s")) or 300.0,
        reserved=reserved, max_pods=int(flags.get("max-pods") or config.get("maxPods") or 0) or None,
        hostname=flags.get("hostname-override", ""),
        labels=dict(part.partition("=")[::2] for part in flags.get("node-labels", "").split(",") if part))


def _bytes(text: Any, default: int) -> int:
    try:
        return int(quantity.parse(str(text)))
    except ValueError:
        return default


def _dig(config: Any, *path: str) -> str:
    for part in path:
        config = config.get(part) if isinstance(config, dict) else None
    return str(config or "")


def _config(path: str, files: View) -> dict[str, Any]:
    head = f"failed to load kubelet config file, path: {path}, error: failed to load Kubelet config file {path}, error "
    try:
        loaded = documents.load(files.read(path))
    except FileError as error:
        raise Fatal(f"{head}failed to read kubelet config file {quoted(path)}, error: open {path}: "
                    f"{str(error).lower()}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise Fatal(f"{head}failed to decode: {documents.fault(files.read(path)) or 'yaml: invalid leading UTF-8 octet'}") from None
    if not isinstance(loaded, dict) or loaded.get("kind") != "KubeletConfiguration":
        raise Fatal(f"{head}failed to decode: Object 'Kind' is missing in '{_shown(loaded)}'")
    return loaded


def _shown(loaded: Any) -> str:
    return "" if loaded is None else str(loaded)[:200]


def _kubeconfig(
    flags: dict[str, str], files: View, version: tuple[int, int], now_s: int
) -> tuple[tuple[str, int], str, tls.Credentials, str]:
    path, bootstrap, used = flags.get("kubeconfig", ""), flags.get("bootstrap-kubeconfig", ""), ""
    if path and bootstrap and not _still_valid(path, files, version, now_s):
        if not files.exists(bootstrap):
            raise Fatal("failed to run Kubelet: unable to load bootstrap kubeconfig: stat "
                        f"{bootstrap}: no such file or directory")
        path, used = bootstrap, bootstrap
    try:
        loaded: Any = documents.load(files.read(path)) if path else None
        cluster, user = _chosen(loaded)
        url = str(cluster["server"])
        credentials = tls.credentials_of(cluster, user, files.read, version)
    except FileError as error:
        raise Fatal(f"failed to run Kubelet: failed to load kubeconfig: open {path}: {str(error).lower()}") from None
    except PkiError as error:
        raise Fatal(f"failed to run Kubelet: {error}") from None
    except (yaml.YAMLError, TypeError, KeyError, StopIteration, UnicodeDecodeError):
        raise Fatal("failed to run Kubelet: invalid kubeconfig: invalid configuration: no configuration has been "
                    "provided, try setting KUBERNETES_MASTER environment variable") from None
    where = url.partition("://")[2].rstrip("/")
    host, _, port = where.partition(":")
    return (host, int(port) if port.isdigit() else 443), url, credentials, used


def _chosen(loaded: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the cluster and the user of the current context. Raises KeyError, TypeError, StopIteration."""
    context = next(c["context"] for c in loaded["contexts"] if c["name"] == loaded["current-context"])
    cluster = next(c["cluster"] for c in loaded["clusters"] if c["name"] == context["cluster"])
    user = next((u["user"] for u in loaded.get("users") or [] if u["name"] == context.get("user")), None)
    return cluster, user or {}


def _still_valid(path: str, files: View, version: tuple[int, int], now_s: int) -> bool:
    """Tell whether a kubeconfig can be used, so that there is no need to ask for a certificate.

    Models: pkg/kubelet/certificate/bootstrap (isClientConfigStillValid).
    """
    try:
        cluster, user = _chosen(documents.load(files.read(path)))
        found = tls.credentials_of(cluster, user, files.read, version).certificate
    except (FileError, PkiError, yaml.YAMLError, TypeError, KeyError, StopIteration, UnicodeDecodeError):
        return False
    return found is None or now_s <= found.not_after
