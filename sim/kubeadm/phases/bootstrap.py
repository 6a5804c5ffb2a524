"""What lets new nodes in: the RBAC rules of bootstrap tokens. Models: phases/bootstraptoken, phases/copycerts left out."""

from __future__ import annotations

from sim.api.client import Key, Object

GROUP = "rbac.authorization.k8s.io"
TOKENS, NODES = "system:bootstrappers:kubeadm:default-node-token", "system:nodes"
Minor = tuple[int, int]
GET_NODES_SINCE, KUBELET_CLIENT_SINCE = (1, 19), (1, 34)


def _binding(name: str, role: str, kind: str, subject: str) -> tuple[Key, Object]:
    return Key("clusterrolebindings", "", name), {
        "metadata": {"name": name}, "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": GROUP, "kind": kind, "name": subject}]}


def rules(minor: Minor) -> list[tuple[str, list[tuple[Key, Object]]]]:
    """Give the rules of a version in kubeadm's order: (name of the text that tells of it, objects)."""
    found: list[tuple[str, list[tuple[Key, Object]]]] = []
    if minor >= GET_NODES_SINCE:
        role = (Key("clusterroles", "", "kubeadm:get-nodes"), {
            "metadata": {"name": "kubeadm:get-nodes"},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]})
        found.append(("token.get", [role, _binding("kubeadm:get-nodes", "kubeadm:get-nodes", "Group", TOKENS)]))
    found += [
        ("token.post", [_binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", "Group", TOKENS)]),
        ("token.approve", [_binding("kubeadm:node-autoapprove-bootstrap",
                                    "system:certificates.k8s.io:certificatesigningrequests:nodeclient", "Group", TOKENS)]),
        ("token.rotate", [_binding("kubeadm:node-autoapprove-certificate-rotation",
                                   "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "Group", NODES)])]
    if minor >= KUBELET_CLIENT_SINCE:
        found.append(("token.kubelet-client", [_binding(
            "kubeadm:apiserver-kubelet-client", "system:kubelet-api-admin", "User", "kube-apiserver-kubelet-client")]))
    return found


def readers(config_map: Key, role: str) -> list[tuple[Key, Object]]:
    """Give the rules that let nodes, and those that want to be one, read a ConfigMap of kubeadm's."""
    space = config_map.namespace
    return [
        (Key("roles", space, role), {
            "metadata": {"name": role, "namespace": space},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [config_map.name], "verbs": ["get"]}]}),
        (Key("rolebindings", space, role), {
            "metadata": {"name": role, "namespace": space}, "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": role},
            "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in (NODES, TOKENS)]})]
