"""Which version kubeadm lets one go to, and what its preflight says of versions."""

from sim.kubeadm.upgrade import policy
from sim.versions.catalogue import Version

KUBELET_SKEW = 3  # the tables are those of 1.36; older kubeadms allow one minor
GIVEN = {"op", "new_version", "cluster_version", "kubeadm_version", "kubelet_versions", "minimum_control_plane_version",
         "allow_experimental_upgrades", "allow_release_candidate_upgrades", "kubelet_version", "kubernetes_version",
         "minimum_kubelet_version", "ignore_set", "name"}
EXPECT = {"mandatory_errors", "skippable_errors", "mandatory_messages", "skippable_messages", "error", "error_message", "warning",
          "warning_message", "ignored", "detail"}


def least(text, given_as):
    return given_as or str(Version(1, Version.parse(text).minor - KUBELET_SKEW))


def version_policy(given):
    found = policy.judge(
        given["new_version"], given["cluster_version"], given["kubeadm_version"], given["kubelet_versions"],
        minimum=given.get("minimum_control_plane_version", ""), experimental=given.get("allow_experimental_upgrades", False),
        candidates=given.get("allow_release_candidate_upgrades", False), kubelet_skew=KUBELET_SKEW)
    return {"mandatory_errors": len(found.mandatory), "skippable_errors": len(found.skippable),
            "mandatory_messages": list(found.mandatory), "skippable_messages": list(found.skippable)}


def kubelet_version(given):
    minimum = given.get("minimum_kubelet_version") or least(given["kubernetes_version"] or given["kubelet_version"], "")
    found = policy.kubelet_fault(given["kubelet_version"], given["kubernetes_version"], minimum)
    return {"error": bool(found), "error_message": found or None, "warning": False}


def kubernetes_version(given):
    found = policy.kubernetes_warning(given["kubeadm_version"], given["kubernetes_version"])
    return {"warning": bool(found), "warning_message": found or None}


OPS = {
    "version_policy": version_policy, "preflight_kubelet_version": kubelet_version,
    "preflight_kubernetes_version": kubernetes_version,
    "preflight_error_ignored": lambda given: {"ignored": policy.ignored(given.get("ignore_set", []), given["name"])},
}


def judge(given, expect):
    for unknown in (set(given) - GIVEN) | (set(expect) - EXPECT):
        raise KeyError(unknown)
    found = OPS[given["op"]](given)
    return [f"{word}: {found[word]!r}, should be {wanted!r}" for word, wanted in expect.items()
            if word != "detail" and found[word] != wanted]
