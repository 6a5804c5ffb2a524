"""What kubeadm init is told: flags, or a configuration file.

Models: cmd/kubeadm/app/cmd/init.go, util/config/initconfiguration.go. Left out: patches, feature gates, other sockets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any

import yaml

from sim.components.tokens import SHAPE
from sim.kubeadm.frame.command import Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases.config import PARTS, Configuration
from sim.kubeadm.releases import target_of

FORMS = ("kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta2", "kubeadm.k8s.io/v1beta1")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made. address: where the API server is told of; names: further names in its certificate."""

    config: Configuration
    address: str
    names: tuple[str, ...] = ()
    token: str = ""
    ttl: str = "24h0m0s"
    taints: tuple[str, ...] | None = None
    uploads: bool = False
    certificate_key: str = ""

    @property
    def endpoint(self) -> str:
        """Give the URL by which clients find the API server."""
        where = self.config.endpoint or f"{self.address}:6443"
        return f"https://{where if ':' in where else f'{where}:6443'}"

    @property
    def more_names(self) -> list[str]:
        """Give the names that the API server's certificate has besides the usual ones."""
        return [*([self.config.endpoint.partition(":")[0]] if self.config.endpoint else []), *self.names]


def plan_of(session: Session, flags: Values) -> Plan:
    """Read what is wanted. Raises KubeadmError."""
    if flags["config"]:
        return replace(_of_file(session, flags["config"]), uploads=flags["upload-certs"], certificate_key=flags["certificate-key"])
    for flag in ("pod-network-cidr", "service-cidr"):
        if flags[flag]:
            _network(flag, flags[flag])
    if flags["token"] and not SHAPE.fullmatch(flags["token"]):
        raise KubeadmError(f'the bootstrap token "{flags["token"]}" was not of the form "\\\\A([a-z0-9]{{6}})\\\\.([a-z0-9]{{16}})\\\\z"')
    address = flags["apiserver-advertise-address"] or session.host.address
    _address(session, address)
    registry = flags["image-repository"]
    config = Configuration(
        target_of(session, flags["kubernetes-version"]), endpoint=flags["control-plane-endpoint"],
        registry="" if registry in ("registry.k8s.io", "k8s.gcr.io") else registry, pod_subnet=flags["pod-network-cidr"],
        service_subnet=flags["service-cidr"], dns_domain=flags["service-dns-domain"])
    return Plan(config, address, flags["apiserver-cert-extra-sans"], flags["token"], flags["token-ttl"],
                uploads=flags["upload-certs"], certificate_key=flags["certificate-key"])


def _network(flag: str, text: str) -> None:
    field = "podSubnet" if flag.startswith("pod") else "serviceSubnet"
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise KubeadmError(f'networking.{field}: Invalid value: "{text}": couldn\'t parse subnet: invalid CIDR address: {text}') from None


def _address(session: Session, text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise KubeadmError(f"couldn't use \"{text}\" as \"apiserver-advertise-address\", must be ipv4 or ipv6 address") from None


def _of_file(session: Session, path: str) -> Plan:
    try:
        found = [each for each in yaml.safe_load_all(session.files.read(session.path(path))) if isinstance(each, dict)]
    except OSError as error:
        raise KubeadmError(f'unable to read config from "{path}": open {path}: {str(error).lower()}') from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise KubeadmError(f"error converting YAML to JSON: yaml: line {mark.line + 1 if mark else 0}: "
                           f"{getattr(error, 'problem', '')}") from None
    kinds = {str(each.get("kind")): each for each in found}
    if not {"InitConfiguration", "ClusterConfiguration"} & set(kinds):
        raise KubeadmError("no InitConfiguration or ClusterConfiguration kind was found in the YAML file")
    for each in found:
        form = str(each.get("apiVersion", ""))
        if form.startswith("kubeadm.k8s.io/") and form not in FORMS:
            raise KubeadmError(f'your configuration file uses an old API spec: "{form}" (kind: "{each.get("kind")}"). Please use '
                               f"kubeadm v1.{session.minor[1] - 1} instead and run 'kubeadm config migrate --old-config old.yaml "
                               "--new-config new.yaml', which will write the new, similar spec using a newer API version.")
    cluster, init = kinds.get("ClusterConfiguration", {}), kinds.get("InitConfiguration", {})
    networking, local = cluster.get("networking") or {}, init.get("localAPIEndpoint") or {}
    extra = {name: _args(cluster.get(part) or {}) for part, name in PARTS.items()}
    taints = (init.get("nodeRegistration") or {}).get("taints")
    address = str(local.get("advertiseAddress") or session.host.address)
    _address(session, address)
    token = next((str(row.get("token", "")) for row in init.get("bootstrapTokens") or []), "")
    registry = str(cluster.get("imageRepository") or "")
    config = Configuration(
        target_of(session, str(cluster.get("kubernetesVersion") or "stable-1")), str(cluster.get("clusterName") or "kubernetes"),
        str(cluster.get("controlPlaneEndpoint") or ""), "" if registry in ("registry.k8s.io", "k8s.gcr.io") else registry,
        str(networking.get("podSubnet") or ""), str(networking.get("serviceSubnet") or "10.96.0.0/12"),
        str(networking.get("dnsDomain") or "cluster.local"),
        str(((cluster.get("etcd") or {}).get("local") or {}).get("dataDir") or "/var/lib/etcd"),
        {name: args for name, args in extra.items() if args})
    names = tuple(map(str, (cluster.get("apiServer") or {}).get("certSANs") or ()))
    return Plan(config, address, names, "" if token == "abcdef.0123456789abcdef" and not init else token,
                taints=None if taints is None else tuple(f"{row['key']}:{row['effect']}" for row in taints))


def _args(part: dict[str, Any]) -> dict[str, str]:
    found = part.get("extraArgs") or {}
    return {str(row["name"]): str(row["value"]) for row in found} if isinstance(found, list) else {
        str(key): str(value) for key, value in found.items()}
