"""The roles and bindings that a new cluster has. Data.

Models: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,namespace_policy}.go. Left out: the roles of single
controllers (here they act as system:masters) and of addons.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.api.client import Client, Key, Object
from sim.apiserver.kinds.access import RBAC

READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
MARKS: dict[str, dict[str, str]] = {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
         "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
WORKLOADS = ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
             "statefulsets/scale"]
HEALTH = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
DISCOVERY = ["/.well-known", "/.well-known/*", "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
             "/openapi/*", "/readyz", "/version", "/version/"]


def _rule(group: str, resources: list[str], verbs: list[str], *names: str) -> Object:
    rule: Object = {"verbs": verbs, "apiGroups": [group], "resources": resources}
    return {**rule, "resourceNames": list(names)} if names else rule


def _paths(paths: list[str]) -> Object:
    return {"verbs": ["get"], "nonResourceURLs": paths}


def _with_status(*resources: str) -> list[str]:
    return [part for resource in resources for part in (resource, f"{resource}/status")]


VIEW = [
    _rule("", ["configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods",
               "replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts", "services",
               "services/status"], READ),
    _rule("", ["bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status",
               "replicationcontrollers/status", "resourcequotas", "resourcequotas/status"], READ),
    _rule("", ["namespaces"], READ),
    _rule("discovery.k8s.io", ["endpointslices"], READ),
    _rule("apps", sorted([*WORKLOADS, "controllerrevisions", "daemonsets/status", "deployments/status",
                          "replicasets/status", "statefulsets/status"]), READ),
    _rule("autoscaling", _with_status("horizontalpodautoscalers"), READ),
    _rule("batch", _with_status("cronjobs", "jobs"), READ),
    _rule("policy", _with_status("poddisruptionbudgets"), READ),
    _rule("networking.k8s.io", ["ingresses", "ingresses/status", "networkpolicies"], READ),
]
OLD = ["daemonsets", "deployments", "deployments/scale", "ingresses", "networkpolicies", "replicasets", "replicasets/scale",
       "replicationcontrollers/scale"]
"""What roles still name in the group `extensions`, which no server serves any more."""
VIEW += [_rule("extensions", sorted([*OLD, "daemonsets/status", "deployments/status", "ingresses/status", "replicasets/status"]), READ)]
VIEW_LATER = [_rule("events.k8s.io", ["events"], READ),
              _rule("resource.k8s.io", ["resourceclaims", "resourceclaims/status", "resourceclaimtemplates"], READ)]
VIEW_LATER_SINCE = 34
EDIT = [
    _rule("", ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"], READ),
    _rule("", ["serviceaccounts"], ["impersonate"]),
    _rule("", ["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"], WRITE),
    _rule("", ["pods/eviction"], ["create"]),
    _rule("", ["configmaps", "events", "persistentvolumeclaims", "replicationcontrollers",
               "replicationcontrollers/scale", "secrets", "serviceaccounts", "services", "services/proxy"], WRITE),
    _rule("", ["serviceaccounts/token"], ["create"]),
    _rule("apps", sorted([*WORKLOADS, "deployments/rollback"]), WRITE),
    _rule("autoscaling", ["horizontalpodautoscalers"], WRITE),
    _rule("batch", ["cronjobs", "jobs"], WRITE),
    _rule("policy", ["poddisruptionbudgets"], WRITE),
    _rule("networking.k8s.io", ["ingresses", "networkpolicies"], WRITE),
    _rule("extensions", sorted([*OLD, "deployments/rollback"]), WRITE),
    _rule("coordination.k8s.io", ["leases"], [*WRITE, *READ]),
]
ADMIN = [
    _rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"]),
    _rule(RBAC, ["rolebindings", "roles"], [*WRITE, *READ]),
]
CLUSTER_ROLES: dict[str, list[Object]] = {
    "cluster-admin": [_rule("*", ["*"], ["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "admin": [*ADMIN, *EDIT, *VIEW], "edit": [*EDIT, *VIEW], "view": VIEW,
    "system:aggregate-to-admin": ADMIN, "system:aggregate-to-edit": EDIT, "system:aggregate-to-view": VIEW,
    "system:basic-user": [
        _rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
        _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"])],
    "system:discovery": [_paths(DISCOVERY)],
    "system:public-info-viewer": [_paths(HEALTH)],
    "system:monitoring": [_paths(["/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz",
                                  "/readyz/*"])],
    "system:service-account-issuer-discovery": [_paths(["/.well-known/openid-configuration",
                                                        "/.well-known/openid-configuration/", "/openid/v1/jwks",
                                                        "/openid/v1/jwks/"])],
    "system:node-bootstrapper": [
        _rule("certificates.k8s.io", ["certificatesigningrequests"], ["create", *READ])],
    **{f"system:certificates.k8s.io:certificatesigningrequests:{kind}": [
        _rule("certificates.k8s.io", [f"certificatesigningrequests/{kind}"], ["create"])] for kind in ("nodeclient", "selfnodeclient")},
    "system:node-proxier": [
        _rule("", ["endpoints", "services"], ["list", "watch"]), _rule("", ["nodes"], READ),
        _rule("events.k8s.io", ["events"], ["create", "patch", "update"]),
        _rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"])],
}
CLUSTER_BINDINGS = {
    "cluster-admin": ["system:masters"], "system:basic-user": ["system:authenticated"],
    "system:discovery": ["system:authenticated"],
    "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
    "system:monitoring": ["system:monitoring"],
    "system:service-account-issuer-discovery": ["system:serviceaccounts"],
}
ROLES: tuple[tuple[str, str, list[Object]], ...] = (
    ("kube-system", "extension-apiserver-authentication-reader",
     [_rule("", ["configmaps"], READ, "extension-apiserver-authentication")]),
    ("kube-system", "system:controller:bootstrap-signer", [_rule("", ["secrets"], READ)]),
    ("kube-system", "system:controller:cloud-provider",
     [_rule("", ["configmaps"], ["create", "get", "list", "watch"])]),
    ("kube-system", "system:controller:token-cleaner",
     [_rule("", ["secrets"], ["delete", *READ]), _rule("", ["events"], ["create", "patch", "update"])]),
    *(("kube-system", f"system::leader-locking-{name}", [
        _rule("", ["configmaps"], ["watch"]), _rule("", ["configmaps"], ["get", "update"], name)])
      for name in ("kube-controller-manager", "kube-scheduler")),
    ("kube-public", "system:controller:bootstrap-signer",
     [_rule("", ["configmaps"], READ), _rule("", ["configmaps"], ["update"], "cluster-info"),
      _rule("", ["events"], ["create", "patch", "update"])]),
)
AUTHENTICATION_READER = "extension-apiserver-authentication-reader"


AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
AGGREGATED = {"admin": "", "edit": "admin", "view": "edit", "system:aggregate-to-admin": "admin", "system:aggregate-to-edit": "edit",
              "system:aggregate-to-view": "view"}
"""Into which of the three roles for users a role's rules go."""


def _objects(minor: int) -> Iterator[tuple[str, Object]]:
    for name, rules in CLUSTER_ROLES.items():
        labels: dict[str, str] = {**MARKS["labels"]}
        role: Object = {"rules": rules}
        if AGGREGATED.get(name):
            labels[f"{AGGREGATE}{AGGREGATED[name]}"] = "true"
        if rules[-len(VIEW):] == VIEW and minor >= VIEW_LATER_SINCE:
            role["rules"] = [*rules, *VIEW_LATER]
        if name in ("admin", "edit", "view"):
            role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {f"{AGGREGATE}{name}": "true"}}]}
        yield "clusterroles", {"metadata": {"name": name, **MARKS, "labels": labels}, **role}
    for name, groups in CLUSTER_BINDINGS.items():
        yield "clusterrolebindings", {
            "metadata": {"name": name, **MARKS}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group} for group in groups]}
    for namespace, name, rules in ROLES:
        yield "roles", {"metadata": {"name": name, "namespace": namespace, **MARKS}, "rules": rules}
        short = name.removeprefix("system::leader-locking-")
        subject: Object = {"kind": "ServiceAccount", "namespace": "kube-system", "name": name.rpartition(":")[2]}
        if short != name or name == AUTHENTICATION_READER:
            users = [short] if short != name else ["kube-controller-manager", "kube-scheduler"]
            subjects = [{"apiGroup": RBAC, "kind": "User", "name": f"system:{user}"} for user in users]
        else:
            subjects = [subject]
        bound = f"system::{name}" if name == AUTHENTICATION_READER else name
        yield "rolebindings", {
            "metadata": {"name": bound, "namespace": namespace, **MARKS}, "subjects": subjects,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name}}


def install(client: Client, minor: int) -> None:
    """Create the roles and bindings of Kubernetes 1.MINOR that are not there; the system namespaces must be."""
    for resource, obj in _objects(minor):
        metadata = obj["metadata"]
        if client.reader.get(Key(resource, metadata.get("namespace", ""), metadata["name"])) is None:
            client.create(resource, obj)
