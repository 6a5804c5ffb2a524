"""The cluster's configuration as kubeadm keeps it: the ConfigMap kubeadm-config, in the form of each version.

Models: cmd/kubeadm/app/apis/kubeadm (v1alpha1 to v1beta4), phases/uploadconfig. Left out: patches, feature gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api import documents
from sim.api.client import Key, Object
from sim.versions import catalogue
from sim.versions.catalogue import Version

CONFIG_MAP = Key("configmaps", "kube-system", "kubeadm-config")
FORMS = (((1, 31), "v1beta4"), ((1, 22), "v1beta3"), ((1, 15), "v1beta2"), ((1, 13), "v1beta1"), ((1, 12), "v1alpha3"),
         ((1, 11), "v1alpha2"), ((1, 0), "v1alpha1"))
ROLE = "kubeadm:nodes-kubeadm-config"
OLD_REGISTRIES = ("k8s.gcr.io", "registry.k8s.io")
PARTS = {"apiServer": "kube-apiserver", "controllerManager": "kube-controller-manager", "scheduler": "kube-scheduler"}
PATIENCE = "4m0s"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a cluster was made with. version: without v; registry: "" for the default of the version.

    extra_args: program -> flags. external_etcd: URLs, none for etcd on the control-plane hosts. endpoint: `host:port`
    before several API servers.
    """

    version: str
    cluster_name: str = "kubernetes"
    endpoint: str = ""
    registry: str = ""
    pod_subnet: str = "10.244.0.0/16"
    service_subnet: str = "10.96.0.0/12"
    dns_domain: str = "cluster.local"
    data_dir: str = "/var/lib/etcd"
    extra_args: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    external_etcd: tuple[str, ...] = ()

    @property
    def minor(self) -> tuple[int, int]:
        """Give major and minor version."""
        return Version.parse(self.version)[:2]

    @property
    def images(self) -> str:
        """Give where images come from."""
        return self.registry or catalogue.registry(self.version)

    def document(self, kubeadm: tuple[int, int]) -> Object:
        """Write it as a kubeadm of that minor does."""
        form = form_of(kubeadm)
        if form in ("v1alpha1", "v1alpha2"):
            return self._master(form)
        listed = form == "v1beta4"
        parts = {part: _extra(self.extra_args.get(name, {}), listed=listed) for part, name in PARTS.items()}
        if not listed:
            parts["apiServer"]["timeoutForControlPlane"] = PATIENCE
        etcd: Object = ({"external": {"caFile": "", "certFile": "", "endpoints": list(self.external_etcd), "keyFile": ""}}
                        if self.external_etcd else {"local": {"dataDir": self.data_dir,
                                                              **_extra(self.extra_args.get("etcd", {}), listed=listed)}})
        return {
            **parts, "apiVersion": f"kubeadm.k8s.io/{form}",
            **({"caCertificateValidityPeriod": "87600h0m0s", "certificateValidityPeriod": "8760h0m0s",
                "encryptionAlgorithm": "RSA-2048", "proxy": {}} if listed else {}),
            "certificatesDir": "/etc/kubernetes/pki", "clusterName": self.cluster_name,
            **({"controlPlaneEndpoint": self.endpoint} if self.endpoint else {}),
            "dns": {} if form >= "v1beta3" else {"type": "CoreDNS"}, "etcd": etcd,
            "imageRepository": self.images, "kind": "ClusterConfiguration", "kubernetesVersion": f"v{self.version}",
            "networking": {"dnsDomain": self.dns_domain, "podSubnet": self.pod_subnet, "serviceSubnet": self.service_subnet}}

    def _master(self, form: str) -> Object:
        """Write the form of 1.10 and 1.11: one MasterConfiguration."""
        return {
            "api": {"advertiseAddress": "", "bindPort": 6443, "controlPlaneEndpoint": self.endpoint},
            "apiVersion": f"kubeadm.k8s.io/{form}", "kind": "MasterConfiguration",
            **{f"{part}ExtraArgs": dict(args) for part, name in PARTS.items() if (args := self.extra_args.get(name))},
            "certificatesDir": "/etc/kubernetes/pki", "clusterName": self.cluster_name,
            "etcd": {"local": {"dataDir": self.data_dir, "image": ""}} if form == "v1alpha2" else {"dataDir": self.data_dir},
            "imageRepository": self.images, "kubernetesVersion": f"v{self.version}",
            "networking": {"dnsDomain": self.dns_domain, "podSubnet": self.pod_subnet, "serviceSubnet": self.service_subnet}}

    def config_map(self, kubeadm: tuple[int, int], nodes: Mapping[str, str]) -> Object:
        """Write the ConfigMap. nodes: control-plane node -> address (the ClusterStatus of 1.12 to 1.21)."""
        text = documents.dump(self.document(kubeadm), sort_keys=True)
        if form_of(kubeadm) in ("v1alpha1", "v1alpha2"):
            return {"data": {"MasterConfiguration": text}}
        status = documents.dump({"apiEndpoints": {name: {"advertiseAddress": address, "bindPort": 6443}
                                                  for name, address in nodes.items()},
                                 "apiVersion": f"kubeadm.k8s.io/{form_of(kubeadm)}", "kind": "ClusterStatus"}, sort_keys=True)
        return {"data": {"ClusterConfiguration": text, **({"ClusterStatus": status} if kubeadm < (1, 22) else {})}}


def form_of(kubeadm: tuple[int, int]) -> str:
    """Give the API version in which a kubeadm of that minor writes."""
    return next(form for since, form in FORMS if kubeadm >= since)


def _extra(args: Mapping[str, str], *, listed: bool) -> Object:
    if not args:
        return {}
    return {"extraArgs": [{"name": name, "value": value} for name, value in args.items()] if listed else dict(args)}


def read(config_map: Object) -> Configuration:
    """Read the ConfigMap, whichever version wrote it. Raises ValueError, KeyError or TypeError where it is broken."""
    data = config_map["data"]
    loaded: Any = documents.load(data.get("ClusterConfiguration") or data["MasterConfiguration"])
    networking, etcd = loaded.get("networking") or {}, loaded.get("etcd") or {}
    extra = {}
    for part, name in {**PARTS, "etcd": "etcd"}.items():
        section = (etcd.get("local") or {}) if part == "etcd" else loaded.get(part) or {}
        args = section.get("extraArgs") or loaded.get(f"{part}ExtraArgs") or {}
        flags = {row["name"]: str(row["value"]) for row in args} if isinstance(args, list) else {k: str(v) for k, v in args.items()}
        if flags:
            extra[name] = flags
    version = str(loaded["kubernetesVersion"]).removeprefix("v")
    registry = str(loaded.get("imageRepository") or "")
    return Configuration(
        str(Version.parse(version)), str(loaded.get("clusterName") or "kubernetes"),
        str(loaded.get("controlPlaneEndpoint") or (loaded.get("api") or {}).get("controlPlaneEndpoint") or ""),
        "" if registry in OLD_REGISTRIES else registry, str(networking.get("podSubnet") or ""),
        str(networking.get("serviceSubnet") or "10.96.0.0/12"), str(networking.get("dnsDomain") or "cluster.local"),
        str((etcd.get("local") or etcd).get("dataDir") or "/var/lib/etcd"), extra,
        tuple(map(str, (etcd.get("external") or {}).get("endpoints") or ())))
