"""kubeadm upgrade plan: what runs, what is published, and the tables.

Models: cmd/kubeadm/app/cmd/upgrade/plan.go. The forms of the tables are those of 1.10 to 1.17, 1.18 to 1.29, and since 1.30.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.api import documents, objects
from sim.api.client import Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import Steps
from sim.kubeadm import releases
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.frame.table import columns
from sim.kubeadm.phases import addons
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.upgrade import checks
from sim.kubeadm.upgrade.compute import Allowed, Nodes, Now, Upgrade, available, kubelets_behind
from sim.versions import catalogue, labels
from sim.versions.catalogue import Version, VersionError

Minor = tuple[int, int]
Config = tuple[str, str, str, bool]
"""API group, version in the cluster, version that kubeadm wants, whether somebody must convert it."""
BY_NODE_SINCE, PLAIN_NAMES_SINCE, CONFIGS_SINCE, TARGET_SINCE = (1, 30), (1, 18), (1, 19), (1, 22)
LINE = "_" * 69
CONFIGS: tuple[Config, ...] = (("kubeproxy.config.k8s.io", "v1alpha1", "v1alpha1", False), ("kubelet.config.k8s.io", "v1beta1", "v1beta1", False))
CONFIGS_HEAD = """
The table below shows the current state of component configs as understood by this version of kubeadm.
Configs that have a "yes" mark in the "MANUAL UPGRADE REQUIRED" column require manual config upgrade or
resetting to kubeadm defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the "PREFERRED VERSION" column.
"""
FETCH_SECONDS = (0.2, 0.6, 1.5)


@dataclass(frozen=True, slots=True)
class Form:
    """How a version prints the plan."""

    by_node: bool
    plain_names: bool
    target: str
    configs: bool

    @classmethod
    def of(cls, minor: Minor) -> Form:
        """Give the form of a version."""
        return cls(minor >= BY_NODE_SINCE, minor >= PLAIN_NAMES_SINCE, "TARGET" if minor >= TARGET_SINCE else "AVAILABLE",
                   minor >= CONFIGS_SINCE)


NEWEST = Form(by_node=True, plain_names=True, target="TARGET", configs=True)


def run(session: Session, flags: Any, words: list[str]) -> Steps[None]:
    """Check the cluster, and say which upgrades there are. For machines nothing else goes to standard output."""
    form, write = flags["output"], session.write
    if form not in ("text", "json", "yaml"):
        raise KubeadmError(f'could not construct output printer: unknown output format: "{form}"')
    if form != "text":
        session.write = lambda text, stream: write(text, stream) if stream == "stderr" else None
    config = yield from checks.requirements(session, flags, apply=False)
    asked = words[0] if words else ""
    wanted = releases.target_of(session, asked) if asked else ""
    session.say("plan.fetching")
    now = yield from state(session, config)
    upgrades = yield from _upgrades(session, flags, now, wanted)
    if flags["print-config"]:
        _print_config(session, config)
    pairs = [(now, upgrade) for upgrade in upgrades]
    if form != "text":
        write(structured(pairs, CONFIGS, form), "stdout")
    elif not pairs:
        session.say("plan.up-to-date")
    else:
        shape = Form.of(session.minor)
        session.write(offers(pairs, shape) + (config_states(CONFIGS) if shape.configs else ""), "stdout")


def _print_config(session: Session, config: Configuration) -> None:
    session.out("[upgrade/config] Configuration used:")
    for line in documents.dump(config.document(session.minor), sort_keys=True).splitlines():
        session.out(f"\t{line}")


# ---- what runs ----------------------------------------------------------------------------------------------------
def tags(pods: Sequence[Object], component: str) -> dict[str, tuple[str, ...]]:
    """Give the versions of a control-plane program by the tags of its pods' images: version -> nodes."""
    found: dict[str, tuple[str, ...]] = {}
    for pod in pods:
        if objects.labels(pod).get("component") == component:
            version = str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2]
            found[version] = (*found.get(version, ()), str(pod["spec"].get("nodeName", "")))
    return found


def cluster_version(session: Session) -> Steps[str]:
    """Give the API server's version, without v. Raises KubeadmError."""
    try:
        body = yield from session.send("get", Key("", "", "/version"))
    except (StatusError, TransportError) as error:
        raise KubeadmError(f"Couldn't fetch cluster version from the API Server: {error.message}") from None
    return str(body["gitVersion"]).removeprefix("v")


def kubelet_versions(session: Session) -> Steps[dict[str, tuple[str, ...]]]:
    """Give the kubelets' versions: version with v -> nodes. Raises KubeadmError."""
    found: dict[str, tuple[str, ...]] = {}
    for node in (yield from session.list("nodes")):
        version = str(objects.dig(node, "status.nodeInfo.kubeletVersion", ""))
        found[version] = (*found.get(version, ()), objects.name(node))
    return found


def state(session: Session, config: Configuration) -> Steps[Now]:
    """Ask the cluster what runs in it. Raises KubeadmError."""
    pods = yield from session.list("pods", "kube-system", labelSelector="tier=control-plane")
    servers = tags(pods, "kube-apiserver")
    kube = yield from cluster_version(session)
    if session.minor >= BY_NODE_SINCE and servers:
        kube = str(max(Version.parse(version) for version in servers))
    kubelets = yield from kubelet_versions(session)
    dns = yield from addons.dns_version(session)
    return Now(
        f"v{kube}", f"v{session.version}", dns, {} if config.external_etcd else tags(pods, "etcd"), kubelets, servers,
        tags(pods, "kube-controller-manager"), tags(pods, "kube-scheduler"))


def etcd_of(version: str) -> str:
    """Give the etcd that goes with a version, of the nearest known minor where the catalogue ends."""
    try:
        return catalogue.images(version).etcd
    except VersionError:
        return catalogue.images(list(catalogue.minors().values())[-1].latest()).etcd


def _upgrades(session: Session, flags: Any, now: Now, wanted: str) -> Steps[list[Upgrade]]:
    """Announce versions, and compute what can be had."""
    known = releases.published(session)
    kube = now.kube.removeprefix("v") if session.minor >= BY_NODE_SINCE else now.kube
    session.say("versions.cluster", version=kube)
    session.say("versions.kubeadm", version=session.version)
    yield from session.takes(*FETCH_SECONDS)

    def published(label: str, words: str) -> str | None:
        if label == "stable":
            found = wanted or releases.newest(session)
            session.say("versions.target", version=found)
        else:
            found = wanted or (labels.resolve(label, known, f"v{session.version}").removeprefix("v") if label in known else "")
            if not found:
                return None
            if words:
                session.out(f"[upgrade/versions] Latest {words}: v{found}")
        return f"v{found}"

    found = available(now, published, etcd_of, catalogue.images(session.version).coredns,
                      Allowed(flags["allow-experimental-upgrades"], flags["allow-release-candidate-upgrades"]))
    session.out()
    return found


# ---- the tables ---------------------------------------------------------------------------------------------------
def offers(upgrades: Sequence[tuple[Now, Upgrade]], form: Form) -> str:
    """Write the tables of all upgrades, each with what runs now."""
    return "".join(_manual(now, upgrade, form) + _offer(now, upgrade, form) for now, upgrade in upgrades)


def config_states(configs: Sequence[Config]) -> str:
    """Write the table of component configs."""
    return CONFIGS_HEAD + "\n" + columns([
        ("API GROUP", "CURRENT VERSION", "PREFERRED VERSION", "MANUAL UPGRADE REQUIRED"),
        *((group, current, preferred, "yes" if manual else "no") for group, current, preferred, manual in configs)]) + f"{LINE}\n\n"


def structured(upgrades: Sequence[tuple[Now, Upgrade]], configs: Sequence[Config], form: str) -> str:
    """Write the plan for machines; form is json or yaml."""
    found = {
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "availableUpgrades": [{"components": _components(now, upgrade), "description": upgrade.what} for now, upgrade in upgrades],
        "configVersions": [{"currentVersion": current, "group": group, "manualUpgradeRequired": manual,
                            "preferredVersion": preferred} for group, current, preferred, manual in configs],
        "kind": "UpgradePlan"}
    return f"{json.dumps(found, indent=4)}\n" if form == "json" else documents.dump(found, sort_keys=True)


def _components(now: Now, upgrade: Upgrade) -> list[dict[str, str]]:
    rows = [("kubelet", node, version, upgrade.kube) for version in sorted(now.kubelets) for node in now.kubelets[version]]
    rows += [(row[0], row[1], row[2], row[3]) for row in _rows(now, upgrade, NEWEST)]
    at = next(number for number, row in enumerate(rows) if row[0] == "CoreDNS") + 1
    rows.insert(at, ("kubeadm", "", now.kubeadm, upgrade.kubeadm))
    return [{"name": name, **({"nodeName": node} if node else {}), "currentVersion": current, "newVersion": new}
            for name, node, current, new in rows]


def _manual(now: Now, upgrade: Upgrade, form: Form) -> str:
    """Write the table of what is not upgraded by apply: the kubelets."""
    if not kubelets_behind(now.kubelets, upgrade.kube):
        return ""
    head = "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':\n"
    if form.by_node:
        rows = [("kubelet", node, version, upgrade.kube) for version in sorted(now.kubelets) for node in now.kubelets[version]]
        return head + columns([("COMPONENT", "NODE", "CURRENT", form.target), *rows]) + "\n"
    grouped = []
    for number, version in enumerate(sorted(now.kubelets)):
        name = ("kubelet" if form.plain_names else "Kubelet") if number == 0 else ""
        grouped.append((name, f"{len(now.kubelets[version])} x {version}", upgrade.kube))
    return head + columns([("COMPONENT", "CURRENT", form.target), *grouped]) + "\n"


OLD_NAMES = {"kube-apiserver": "API Server", "kube-controller-manager": "Controller Manager", "kube-scheduler": "Scheduler",
             "kube-proxy": "Kube Proxy", "etcd": "Etcd"}


def _rows(now: Now, upgrade: Upgrade, form: Form) -> list[tuple[str, ...]]:
    """Give the rows of an offer."""
    parts: tuple[tuple[str, Nodes], ...] = (
        ("kube-apiserver", now.apiservers), ("kube-controller-manager", now.managers), ("kube-scheduler", now.schedulers))
    if form.by_node:
        rows = [(name, node, version, upgrade.kube) for name, nodes in parts for version in sorted(nodes) for node in nodes[version]]
        rows += [("kube-proxy", "", now.kube, upgrade.kube), ("CoreDNS", "", now.dns, upgrade.dns)]
        return [*rows, *(("etcd", node, version, upgrade.etcd) for version in sorted(now.etcd) for node in now.etcd[version])]
    named = {name: name if form.plain_names else OLD_NAMES[name] for name in OLD_NAMES}
    flat = [(named[name], now.kube, upgrade.kube) for name in (*(name for name, _ in parts), "kube-proxy")]
    flat += [("CoreDNS", now.dns, upgrade.dns)] if upgrade.dns or now.dns else []
    return [*flat, *((named["etcd"], version, upgrade.etcd) for version in sorted(now.etcd))]


def _offer(now: Now, upgrade: Upgrade, form: Form) -> str:
    """Write an offer: its table, the command, and which kubeadm it takes."""
    head = ("COMPONENT", "NODE", "CURRENT", form.target) if form.by_node else ("COMPONENT", "CURRENT", form.target)
    kind = upgrade.kube.partition("-")[2]
    more = "" if not kind else f" --allow-{'release-candidate' if kind.startswith('rc') else 'experimental'}-upgrades"
    note = (f"Note: Before you can perform this upgrade, you have to update kubeadm to {upgrade.kubeadm}.\n\n"
            if upgrade.kubeadm != now.kubeadm else "")
    return (f"Upgrade to the latest {upgrade.what}:\n\n{columns([head, *_rows(now, upgrade, form)])}\n"
            "You can now apply the upgrade by executing the following command:\n\n"
            f"\tkubeadm upgrade apply {upgrade.kube}{more}\n\n{note}{LINE}\n\n")
