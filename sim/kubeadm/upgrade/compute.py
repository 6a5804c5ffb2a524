"""Which upgrades there are: what runs now against what is published.

Models: cmd/kubeadm/app/phases/upgrade/compute.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sim.versions.catalogue import Version

Nodes = Mapping[str, tuple[str, ...]]
"""Version -> the nodes that have it."""


@dataclass(frozen=True, slots=True)
class Now:
    """What runs in a cluster, versions as they are shown. etcd: empty where it is external."""

    kube: str
    kubeadm: str
    dns: str
    etcd: Nodes = field(default_factory=dict)
    kubelets: Nodes = field(default_factory=dict)
    apiservers: Nodes = field(default_factory=dict)
    managers: Nodes = field(default_factory=dict)
    schedulers: Nodes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An upgrade that can be had. what: the words after `Upgrade to the latest`; kubeadm: which one it takes."""

    what: str
    kube: str
    kubeadm: str
    dns: str
    etcd: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which unfinished versions are offered, too."""

    experimental: bool = False
    candidates: bool = False


def available(
    now: Now, published: Callable[[str, str], str | None], etcd_of: Callable[[str], str], dns: str, allowed: Allowed,
) -> list[Upgrade]:
    """Give the upgrades, in kubeadm's order.

    published(label, words) gives the version of a label (words: how it is announced), None when it cannot be fetched.
    etcd_of: the etcd that goes with a version. dns: the CoreDNS that this kubeadm installs. Raises whatever published
    raises where kubeadm cannot go on without a label.
    """
    found: list[Upgrade] = []
    cluster, tool = Version.parse(now.kube), Version.parse(now.kubeadm)
    stable = published("stable", "stable version") or now.kubeadm

    def offer(what: str, version: str, kubeadm: str) -> None:
        found.append(Upgrade(what, version, kubeadm, dns, etcd_of(version) if now.etcd else ""))

    minor = cluster < Version.parse(stable)
    if Version.parse(stable) >= cluster:
        series = f"version in the v{cluster.line} series"
        patch = published(f"stable-{cluster.line}", series)
        if patch is not None:
            minor = Version.parse(patch) < Version.parse(stable)
            if cluster < Version.parse(patch):
                offer(series, patch, now.kubeadm if tool >= Version.parse(patch) else patch)
    if minor:
        offer("stable version", stable, stable)
    if allowed.experimental or allowed.candidates:
        latest = published("latest", "experimental version")
        if latest:
            _unfinished(cluster, latest, published, allowed, offer)
    return found


def _unfinished(
    cluster: Version, latest: str, published: Callable[[str, str], str | None], allowed: Allowed,
    offer: Callable[[str, str, str], None],
) -> None:
    newest = Version.parse(latest)
    before = published(f"latest-1.{newest.minor - 1}", "") or latest
    if allowed.candidates and before.partition("-")[2].startswith("rc") and cluster < Version.parse(before):
        offer("release candidate version", before, before)
    if allowed.experimental and cluster < newest:
        shown = before if latest.partition("-")[2] == "alpha.0" else latest
        offer("experimental version", shown, shown)


def kubelets_behind(kubelets: Nodes, target: str) -> bool:
    """Tell whether kubelets are to be upgraded: several versions, or one that is not the target."""
    return len(kubelets) > 1 or any(version != target for version in kubelets)
