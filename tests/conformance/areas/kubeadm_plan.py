"""What kubeadm upgrade plan offers, and how it prints it."""

from sim.api.errors import KubedrillError
from sim.kubeadm.upgrade import compute, plan
from sim.kubeadm.upgrade.compute import Allowed, Now, Upgrade
from sim.versions.catalogue import Version

GIVEN = {
    "available_upgrades": {"op", "apiserver_version", "kubelet_version", "kubeadm_version", "etcd", "coredns_version", "published",
                           "requested_version", "allow_experimental_upgrades", "allow_release_candidate_upgrades", "lookup_fails"},
    "can_upgrade_kubelets": {"op", "kubelet_versions", "target"},
    "print_plan": {"op", "etcd_upgrade_flag", "external_etcd", "upgrades", "component_configs"},
    "print_plan_structured": {"op", "output_format", "upgrades", "component_configs"},
    "sort_versions_as_strings": {"op", "versions_to_nodes"}, "kubelet_versions_of_cluster": {"op", "nodes"},
    "cluster_version": {"op", "input"}, "version_from_label": {"op", "input"}}
NODE = "node1"


class Failed(Exception):
    """kubeadm ends with an error."""


def available(given):
    fails = given.get("lookup_fails") or []
    servers = given["apiserver_version"]
    if "apiservers" in fails or "kubelets" in fails or "kubeadm" in fails or "coredns" in fails or not servers:
        return {"error": True, "upgrades": []}
    try:
        newest = max(servers.values(), key=Version.parse)
    except KubedrillError:
        return {"error": True, "upgrades": []}
    nodes = {version: tuple(node for node, each in servers.items() if each == version) for version in servers.values()}
    etcd = {} if given["etcd"] == "external" else {given["etcd"]: (NODE,)}
    now = Now(newest, given["kubeadm_version"], given["coredns_version"], etcd, {given["kubelet_version"]: (NODE,)}, nodes)
    asked, labels = given.get("requested_version") or "", given["published"]

    def published(label, words):
        if asked:
            return asked
        if labels is None or "published" in fails:
            if label not in ("stable", f"stable-{Version.parse(newest).line}"):
                raise Failed
            return None
        kind = {"stable": "stable", "latest": "latest"}.get(label)
        return labels[kind or ("stable_series" if label.startswith("stable") else "latest_previous_series")]

    try:
        found = compute.available(now, published, lambda _: "<builtin-etcd>", "<builtin-coredns>", Allowed(
            given.get("allow_experimental_upgrades", False), given.get("allow_release_candidate_upgrades", False)))
    except Failed:
        return {"error": True, "upgrades": []}
    lists = {name: {version: list(where) for version, where in getattr(now, name).items()} for name in ("kubelets", "apiservers")}
    current = {"kube": now.kube, "kubeadm": now.kubeadm, "dns": now.dns, "etcd": list(now.etcd), **lists}
    return {"error": False, "upgrades": [{
        "description": each.what, "current": current,
        "target": {"kube": each.kube, "kubeadm": each.kubeadm, "dns": each.dns, "etcd": each.etcd}} for each in found]}


def of_tables(given):
    """Make (what runs, upgrade) of each upgrade of a print case."""
    for row in given["upgrades"]:
        current, target = row["current"], row["target"]
        nodes = {name: {version: tuple(where) for version, where in (current.get(name) or {}).items()} for name in (
            "EtcdVersions", "KubeletVersions", "KubeAPIServerVersions", "KubeControllerManagerVersions", "KubeSchedulerVersions")}
        etcd = {} if given.get("external_etcd") else nodes["EtcdVersions"]
        now = Now(current["KubeVersion"], current["KubeadmVersion"], current["DNSVersion"], etcd, nodes["KubeletVersions"],
                  nodes["KubeAPIServerVersions"], nodes["KubeControllerManagerVersions"], nodes["KubeSchedulerVersions"])
        yield now, Upgrade(row["description"], target["KubeVersion"], target["KubeadmVersion"], target["DNSVersion"],
                           target.get("EtcdVersion", ""))


def print_plan(given):
    pairs = list(of_tables(given))
    configs = [(row["Group"], row["CurrentVersion"], row["PreferredVersion"], row["ManualUpgradeRequired"])
               for row in given["component_configs"]]
    return {"text": plan.offers(pairs, plan.NEWEST) + plan.config_states(configs)}


def structured(given):
    if given["output_format"] == "text":
        return print_plan(given)
    configs = [(row["Group"], row["CurrentVersion"], row["PreferredVersion"], row["ManualUpgradeRequired"])
               for row in given["component_configs"]]
    return {"text": plan.structured(list(of_tables(given)), configs, given["output_format"])}


def sorted_versions(given):
    return {"order": sorted(given["versions_to_nodes"])}


def kubelets(given):
    found = {}
    for node, version in (given.get("nodes") or {}).items():
        found.setdefault(version, []).append(node)
    return {"versions": found}


def parsed(given):
    try:
        return {"error": False, "version": str(Version.parse(given["input"]))}
    except KubedrillError:
        return {"error": True, "version": ""}


OPS = {
    "available_upgrades": available, "print_plan": print_plan, "print_plan_structured": structured,
    "can_upgrade_kubelets": lambda given: {"available": compute.kubelets_behind(given.get("kubelet_versions") or {}, given["target"])},
    "sort_versions_as_strings": sorted_versions, "kubelet_versions_of_cluster": kubelets, "cluster_version": parsed,
    "version_from_label": parsed}


def judge(given, expect):
    for unknown in set(given) - GIVEN[given["op"]]:
        raise KeyError(unknown)
    found = OPS[given["op"]](given)
    for unknown in set(expect) - set(found) - {"detail"}:
        raise KeyError(unknown)
    return [f"{word}: {found[word]!r}, should be {wanted!r}" for word, wanted in expect.items()
            if word != "detail" and found[word] != wanted]
