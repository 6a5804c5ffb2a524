"""The version skew policy: which versions may run together, and which single upgrade step is legal now.

Models: kubernetes.io/releases/version-skew-policy, kubeadm's own kubelet skew. Only minors are compared, as upstream does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.versions import defaults
from sim.versions.catalogue import Version, VersionError

NODE_COMPONENTS = ("kubelet", "kube-proxy")
MANAGERS = ("kube-controller-manager", "kube-scheduler", "cloud-controller-manager")
COMPONENTS = ("kube-apiserver", *MANAGERS, *NODE_COMPONENTS, "kubectl")
WIDE_SINCE = (1, 25)
"""From this minor of their own on, kubelet and kube-proxy may be three minors older, not two."""


def _behind(older: Version, newer: Version) -> int:
    """Give by how many minors `older` is behind; negative when it is ahead."""
    return newer.minor - older.minor if newer.major == older.major else 1000 * (newer.major - older.major)


def _allowed_behind(version: Version) -> int:
    return int(defaults.number("kubelet-skew", "1.28")) if version[:2] >= WIDE_SINCE else int(
        defaults.number("kubelet-skew", "1.27"))


def servers_fault(servers: Sequence[Version]) -> str:
    """Say why API servers may not form one cluster; "" when they may."""
    apart = _behind(min(servers), max(servers))
    return f"kube-apiservers {min(servers).line} and {max(servers).line} are {apart} minors apart; at most 1" if apart > 1 else ""


def fault(component: str, version: Version, servers: Sequence[Version]) -> str:
    """Say why a component may not run with API servers it may reach; "" when it may. VersionError: no such component."""
    if component not in COMPONENTS:
        raise VersionError(f"no such component: {component}; they are {', '.join(COMPONENTS)}")
    oldest, newest = min(servers), max(servers)
    if component == "kube-apiserver":
        return servers_fault([*servers, version])
    if component == "kubectl":
        off = max(abs(_behind(version, server)) for server in servers)
        return f"kubectl {version.line} is {off} minors from a kube-apiserver; at most 1 either way" if off > 1 else ""
    ahead = _behind(oldest, version)
    if ahead > 0:
        return f"{component} {version.line} is newer than kube-apiserver {oldest.line}"
    most = 1 if component in MANAGERS else _allowed_behind(version)
    behind = _behind(version, newest)
    if behind > most:
        return f"{component} {version.line} is {behind} minors older than kube-apiserver {newest.line}; at most {most}"
    return ""


def proxy_fault(proxy: Version, kubelet: Version) -> str:
    """Say why kube-proxy and the kubelet of its node may not run together; "" when they may."""
    most, apart = _allowed_behind(proxy), abs(_behind(proxy, kubelet))
    return f"kube-proxy {proxy.line} is {apart} minors from kubelet {kubelet.line}; at most {most}" if apart > most else ""


def kubeadm_fault(kubeadm: Version, kubelet: Version) -> str:
    """Say why kubeadm refuses a kubelet; "" when it does not."""
    behind, most = _behind(kubelet, kubeadm), int(defaults.number("kubeadm-kubelet-skew", kubeadm))
    if behind < 0:
        return f"kubelet {kubelet.line} is newer than kubeadm {kubeadm.line}"
    return f"kubelet {kubelet.line} is {behind} minors older than kubeadm {kubeadm.line}; at most {most}" if behind > most else ""


@dataclass(frozen=True, slots=True)
class State:
    """Which versions run. managers: component name -> version. behind_balancer: they may reach any API server."""

    servers: tuple[Version, ...]
    managers: Mapping[str, Version] = field(default_factory=dict)
    kubelets: tuple[Version, ...] = ()
    drained: bool = True
    behind_balancer: bool = False


def step_fault(component: str, old: Version, new: Version, state: State) -> str:
    """Say why one step of one component is not legal in a state; "" when it is.

    state: before the step. An API server's step is judged with the others that it leaves behind.
    """
    if _behind(old, new) < 0:
        return f"{component} would go back from {old.line} to {new.line}; there is no downgrade"
    if component == "kube-apiserver":
        return _server_step_fault(old, new, state)
    servers = state.servers
    if component in MANAGERS and not state.behind_balancer:
        servers = (max(servers),)
    found = fault(component, new, servers)
    if not found and component == "kubelet" and _behind(old, new) > 0 and not state.drained:
        return f"the node must be drained before its kubelet goes from {old.line} to {new.line}"
    return found


def _server_step_fault(old: Version, new: Version, state: State) -> str:
    if _behind(old, new) > 1:
        return f"kube-apiserver may not skip minors: {old.line} to {new.line} goes over {_behind(old, new) - 1}"
    others = list(state.servers)
    if old in others:
        others.remove(old)
    after = [*others, new]
    found = servers_fault(after)
    rest = [*state.managers.items(), *(("kubelet", version) for version in state.kubelets)]
    for component, version in rest:
        reached = after if component == "kubelet" or state.behind_balancer else [new]
        behind, most = _behind(version, max(reached)), 1 if component in MANAGERS else _allowed_behind(version)
        if not found and behind > most:
            found = f"{component} {version.line} would be {behind} minors older than kube-apiserver {new.line}; at most {most}"
    return found


def violations(cluster: Mapping[str, Any]) -> list[str]:
    """Judge a whole cluster: component name -> a version, a list, or a map of places to versions.

    kubelet and kube-proxy of the same place are judged together; kubeadm with every kubelet. VersionError: bad input.
    """
    found = {name: _places(name, value) for name, value in cluster.items()}
    servers = list(found.get("kube-apiserver", {}).values())
    if not servers:
        raise VersionError("no kube-apiserver is named; write kube-apiserver: [1.33.1]")
    said = [text for text in [servers_fault(servers)] if text]
    for name, places in found.items():
        for place, version in places.items():
            where = f"{place}: " if place else ""
            if name == "kubeadm":
                said += [where + text for kubelet in found.get("kubelet", {}).values() if (text := kubeadm_fault(version, kubelet))]
            elif name != "kube-apiserver" and (text := fault(name, version, servers)):
                said.append(where + text)
    for place, kubelet in found.get("kubelet", {}).items():
        proxy = found.get("kube-proxy", {}).get(place)
        if proxy is not None and (text := proxy_fault(proxy, kubelet)):
            said.append(f"{place}: {text}" if place else text)
    return list(dict.fromkeys(said))


def _places(name: str, value: Any) -> dict[str, Version]:
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[str, Any]] = value.items()
    elif isinstance(value, list):
        pairs = ((str(number + 1) if len(value) > 1 else "", each) for number, each in enumerate(value))
    else:
        pairs = [("", value)]
    out = {}
    for place, version in pairs:
        if not isinstance(version, str):
            raise VersionError(f"{name}: {version} is not a version in quotes (write \"1.33.1\")")
        out[str(place)] = Version.parse(version)
    return out


def cluster_of(dump: Any) -> dict[str, Any]:
    """Read what `violations` wants from a file: itself, or the List that `kubectl get nodes,pods -A -o yaml` prints."""
    if not isinstance(dump, dict):
        raise VersionError("the file is not a map of components to versions")
    if dump.get("kind") not in ("List", "NodeList"):
        return dump
    found: dict[str, dict[str, str]] = {}
    for item in dump.get("items") or []:
        metadata, status = item.get("metadata") or {}, item.get("status") or {}
        if item.get("kind") == "Node":
            info = status.get("nodeInfo") or {}
            for component, key in (("kubelet", "kubeletVersion"), ("kube-proxy", "kubeProxyVersion")):
                if info.get(key):
                    found.setdefault(component, {})[metadata.get("name", "")] = info[key]
        component = (metadata.get("labels") or {}).get("component", "")
        if item.get("kind") == "Pod" and component in COMPONENTS:
            image = item["spec"]["containers"][0]["image"]
            found.setdefault(component, {})[item["spec"].get("nodeName", "")] = image.rpartition(":")[2]
    return dict(found)
