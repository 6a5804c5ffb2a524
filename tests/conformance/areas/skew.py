"""The skew policy's own examples."""

from sim.versions import skew
from sim.versions.catalogue import Version

GIVEN = {"op", "component", "component_version", "apiserver_versions", "versions", "kube_proxy", "kubelet", "kubeadm", "from",
         "to", "state"}
STATE = {"apiservers", "kcm", "scheduler", "kubelets", "node_drained", "via_load_balancer"}


def versions(texts):
    return tuple(Version.parse(text) for text in texts)


def step(given):
    component, old, new = given["component"], Version.parse(given["from"]), Version.parse(given["to"])
    said = given.get("state") or {}
    for unknown in set(said) - STATE:
        raise KeyError(unknown)
    servers = versions(said.get("apiservers") or [given["from"]])
    managers = {name: Version.parse(said[word]) for word, name in (
        ("kcm", "kube-controller-manager"), ("scheduler", "kube-scheduler")) if word in said}
    return skew.step_fault(component, old, new, skew.State(
        servers, managers, versions(said.get("kubelets") or ()), said.get("node_drained", True),
        said.get("via_load_balancer", False)))


OPS = {
    "supported": lambda g: skew.fault(
        g["component"], Version.parse(g["component_version"]), versions(g["apiserver_versions"])),
    "apiservers_supported": lambda g: skew.servers_fault(versions(g["versions"])),
    "kube_proxy_vs_kubelet": lambda g: skew.proxy_fault(Version.parse(g["kube_proxy"]), Version.parse(g["kubelet"])),
    "kubeadm_kubelet_skew": lambda g: skew.kubeadm_fault(Version.parse(g["kubeadm"]), Version.parse(g["kubelet"])),
    "upgrade_step_allowed": step,
}


def judge(given, expect):
    for unknown in (set(given) - GIVEN) | (set(expect) - {"supported", "allowed", "detail"}):
        raise KeyError(unknown)
    wanted = expect["allowed"] if "allowed" in expect else expect["supported"]
    fault = OPS[given["op"]](given)
    return [] if (not fault) == wanted else [f"{fault or 'no fault'}, should be {wanted}"]
