"""Which version may be gone to: the checks of `kubeadm upgrade apply`, and two of kubeadm's preflight checks.

Models: cmd/kubeadm/app/phases/upgrade/policy.go, preflight/checks.go. Only minors are compared, as upstream does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.versions import defaults
from sim.versions.catalogue import Version

MINORS_AT_ONCE = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks against a version: errors that nothing skips, and those that --force skips."""

    mandatory: tuple[str, ...] = ()
    skippable: tuple[str, ...] = ()


def judge(
    new: str, cluster: str, kubeadm: str, kubelets: Iterable[str], *, minimum: str = "", experimental: bool = False,
    candidates: bool = False, kubelet_skew: int = 0,
) -> Verdict:
    """Judge the upgrade of a cluster to a version. Texts show versions as they are given.

    minimum: the oldest control plane that this kubeadm knows, "" for its own minor less one. kubelet_skew: by how many
    minors kubelets may be behind, 0 for what this kubeadm allows.
    """
    wanted, now, tool = (Version.parse(text) for text in (new, cluster, kubeadm))
    least = Version.parse(minimum) if minimum else Version(tool.major, tool.minor - 1)
    skew = kubelet_skew or int(defaults.number("kubeadm-kubelet-skew", tool))
    mandatory: list[str] = []
    skippable: list[str] = []

    def hard(text: str) -> None:
        (skippable if not wanted.released else mandatory).append(text)

    if wanted < least:
        mandatory.append(f'Specified version to upgrade to "{new}" is equal to or lower than the minimum supported version '
                         f'"{cluster}". Please specify a higher version to upgrade to')
    if wanted.minor > now.minor + MINORS_AT_ONCE:
        hard(f'Specified version to upgrade to "{new}" is too high; kubeadm can upgrade only {MINORS_AT_ONCE} minor version at a time')
    if wanted.minor < now.minor - MINORS_AT_ONCE:
        hard(f'Specified version to downgrade to "{new}" is too low; kubeadm can downgrade only {MINORS_AT_ONCE} minor version at '
             "a time")
    if tool < wanted:
        if wanted.minor > tool.minor:
            hard(f'Specified version to upgrade to "{new}" is at least one minor release higher than the kubeadm minor release '
                 f"({wanted.minor} > {tool.minor}). Such an upgrade is not supported")
        else:
            skippable.append(f'Specified version to upgrade to "{new}" is higher than the kubeadm version "{kubeadm}". Upgrade '
                             "kubeadm first using the tool you used to install kubeadm")
    if (tool.major, tool.minor) > (wanted.major, wanted.minor):
        skippable.append(f"Kubeadm version {kubeadm} can only be used to upgrade to Kubernetes version {tool.line}")
    if not wanted.released and not experimental and not (candidates and _candidate(new)):
        skippable.append(f'Specified version to upgrade to "{new}" is an unstable version and such upgrades weren\'t allowed via '
                         "setting the --allow-*-upgrades flags")
    old = [text for text in dict.fromkeys(kubelets) if wanted.minor > Version.parse(text).minor + skew]
    if old:
        skippable.append(f"There are kubelets in this cluster that are too old that have these versions [{' '.join(sorted(old))}]")
    return Verdict(tuple(mandatory), tuple(skippable))


def _candidate(version: str) -> bool:
    return version.partition("-")[2].startswith("rc")


def kubelet_fault(kubelet: str, cluster: str, minimum: str) -> str:
    """Say why init or join refuses the kubelet on the host (check KubeletVersion); "" when it does not.

    cluster: the control plane's version, "" when it is not known.
    """
    found = Version.parse(kubelet)
    if found < Version.parse(minimum):
        return f'Kubelet version "{found}" is lower than kubeadm can support. Please upgrade kubelet'
    if cluster and found[:2] > (wanted := Version.parse(cluster))[:2]:
        return (f'the kubelet version is higher than the control plane version. This is not a supported version skew and may '
                f'lead to a malfunctional cluster. Kubelet version: "{found}" Control plane version: "{wanted}"')
    return ""


def kubernetes_warning(kubeadm: str, cluster: str) -> str:
    """Say what init warns of a control plane newer than kubeadm (check KubernetesVersion); "" when it does not."""
    tool, wanted = Version.parse(kubeadm), Version.parse(cluster)
    if wanted[:2] <= tool[:2]:
        return ""
    return ("Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes version: "
            f"{wanted}. Kubeadm version: {tool.line}.x")


def ignored(names: Sequence[str], name: str) -> bool:
    """Tell whether --ignore-preflight-errors covers a check."""
    lower = {each.lower() for each in names}
    return "all" in lower or name.lower() in lower
