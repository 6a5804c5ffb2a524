"""Who may do what: RBAC over the stored roles and bindings, and the reviews that tell.

Models: plugin/pkg/auth/authorizer/{rbac,node}, apiserver/pkg/endpoints/filters. Left out: the node authorizer's graph
(what a pod of the node names is looked up when it is asked for), authentication by anything but client certificates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from sim.api import errors, objects
from sim.api.client import Key, Object, Reader, Request, User
from sim.api.errors import StatusError
from sim.apiserver.kinds.row import Resource

MASTERS, NODES, NODE = "system:masters", "system:nodes", "system:node:"
SELECTING_SINCE = 32
"""AuthorizeNodeWithSelectors is on since 1.32: a kubelet reads its own Node and its own pods only."""
_READ = ["get", "list", "watch"]
WRITES = frozenset({"create", "update", "patch"})
NODE_RULES: list[Object] = [{"apiGroups": [group], "resources": resources, "verbs": verbs} for group, resources, verbs in (
    ("authentication.k8s.io", ["tokenreviews"], ["create"]),
    ("authorization.k8s.io", ["subjectaccessreviews", "localsubjectaccessreviews"], ["create"]),
    ("", ["services"], _READ), ("", ["nodes"], [*_READ, "create", "update", "patch"]),
    ("", ["nodes/status", "pods/status"], ["update", "patch"]), ("", ["pods"], [*_READ, "create", "delete"]),
    ("", ["events"], ["create", "update", "patch"]), ("events.k8s.io", ["events"], ["create", "update", "patch"]),
    ("", ["pods/eviction", "serviceaccounts/token"], ["create"]),
    ("", ["persistentvolumeclaims", "persistentvolumes", "endpoints"], ["get"]),
    ("certificates.k8s.io", ["certificatesigningrequests"], [*_READ, "create"]),
    ("coordination.k8s.io", ["leases"], ["get", "create", "update", "patch", "delete"]),
    ("storage.k8s.io", ["volumeattachments"], ["get"]), ("storage.k8s.io", ["csidrivers"], _READ),
    ("storage.k8s.io", ["csinodes"], ["get", "create", "update", "patch", "delete"]),
    ("node.k8s.io", ["runtimeclasses"], _READ))]
"""What every node may. Models: bootstrappolicy/policy.go (NodeRules)."""
ANONYMOUS, ACCOUNT = "system:anonymous", "system:serviceaccount:"


class Attributes(NamedTuple):
    """What is asked for: verb on a resource (with subresource) in a group, a namespace and of a name; or a path."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Rights:
    """The rules that hold in a cluster, read from its store."""

    def __init__(self, reader: Reader, minor: int = 36) -> None:
        self.reader = reader
        self.minor = minor

    def allows(self, user: User, wanted: Attributes) -> bool:
        """Tell whether the user may."""
        return self.decide(user, wanted)[0]

    def decide(self, user: User, wanted: Attributes, query: Mapping[str, str] | None = None) -> tuple[bool, str]:
        """Tell whether the user may, and what an authorizer has to say if not. query: as in the request."""
        if MASTERS in user.groups:
            return True, ""
        allowed, reason = False, ""
        if NODES in user.groups and user.name.startswith(NODE):
            allowed, reason = self._node(user.name.removeprefix(NODE), wanted, query or {})
        return allowed or any(_covers(rule, wanted) for rule in self.rules(user, wanted.namespace)), reason

    # ---- nodes ------------------------------------------------------------------------------------------------
    def _node(self, node: str, wanted: Attributes, query: Mapping[str, str]) -> tuple[bool, str]:
        """Decide for a kubelet. Models: plugin/pkg/auth/authorizer/node/node_authorizer.go."""
        reads = wanted.verb in ("get", "list", "watch")
        if not wanted.group and wanted.resource in ("secrets", "configmaps"):
            if not reads:
                return False, "can only read resources of this type"
            if not wanted.name:
                return False, "No Object name found"
            return (True, "") if self._named_by_pod(node, wanted) else (
                False, f"no relationship found between node '{node}' and this object")
        if self.minor >= SELECTING_SINCE and not wanted.group and reads:
            if wanted.resource == "nodes" and wanted.name != node:
                what = f"'{wanted.name}'" if wanted.name else "all nodes"
                return False, f"node '{node}' cannot read {what}, only its own Node object"
            if wanted.resource == "pods":
                return self._pods(node, wanted, query)
        return _every_node_may(wanted.verb, wanted.group, wanted.resource), ""

    def _pods(self, node: str, wanted: Attributes, query: Mapping[str, str]) -> tuple[bool, str]:
        if wanted.name:
            pod = self.reader.get(Key("pods", wanted.namespace, wanted.name))
            there = pod is not None and objects.dig(pod, "spec.nodeName") == node
            return there, "" if there else f"no relationship found between node '{node}' and this object"
        chosen = (query.get("fieldSelector") or "").replace("==", "=").split(",")
        if f"spec.nodeName={node}" in chosen or (query.get("index"), query.get("value")) == ("node", node):
            return True, ""
        return False, "can only list/watch pods with spec.nodeName field selector"

    def _named_by_pod(self, node: str, wanted: Attributes) -> bool:
        """Tell whether a pod of the node names a Secret or ConfigMap."""
        return any(objects.namespace(pod) == wanted.namespace and wanted.name in _names(pod["spec"], wanted.resource)
                   for pod in self.reader.by_index("pods", "node", node))

    def rules(self, user: User, namespace: str) -> Iterator[Object]:
        """Give the rules that bind the user, in a namespace and cluster-wide."""
        user = authenticated(user)
        for binding in self.reader.list("clusterrolebindings"):
            if any(_is(subject, user, "") for subject in binding.get("subjects") or []):
                yield from self._rules_of(binding, "")
        if namespace:
            for binding in self.reader.list("rolebindings", namespace):
                if any(_is(subject, user, namespace) for subject in binding.get("subjects") or []):
                    yield from self._rules_of(binding, namespace)

    def _rules_of(self, binding: Object, namespace: str) -> list[Object]:
        ref = binding.get("roleRef") or {}
        cluster = ref.get("kind") == "ClusterRole"
        key = Key("clusterroles" if cluster else "roles", "" if cluster else namespace, str(ref.get("name", "")))
        role = self.reader.get(key)
        return (role or {}).get("rules") or []


def _names(spec: Any, resource: str) -> Iterator[str]:
    """Give the names of Secrets or ConfigMaps in any part of a pod's spec."""
    references = ("secret", "secretRef", "secretKeyRef", "imagePullSecrets") if resource == "secrets" else (
        "configMap", "configMapRef", "configMapKeyRef")
    for key, value in spec.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                if key in references:
                    yield str(each.get("name") or each.get("secretName") or "")
                yield from _names(each, resource)


def authenticated(user: User) -> User:
    """Give the user with the groups that its name alone brings: service accounts, the anonymous one."""
    if user.name == ANONYMOUS:
        return User(ANONYMOUS, ("system:unauthenticated",))
    if user.name.startswith(ACCOUNT):
        namespace = user.name.split(":")[2]
        extra = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(user.name, tuple(dict.fromkeys((*user.groups, *extra))))
    return user


def _is(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return bool(name == user.name)
    if kind == "Group":
        return name in user.groups
    return bool(user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}")


@cache
def _every_node_may(verb: str, group: str, resource: str) -> bool:
    """Tell whether the rules for all nodes, which name no objects, cover it."""
    return any(_covers(rule, Attributes(verb, group, resource)) for rule in NODE_RULES)


def _covers(rule: Object, wanted: Attributes) -> bool:
    verbs = rule.get("verbs") or []
    if "*" not in verbs and wanted.verb not in verbs:
        return False
    if wanted.path:
        paths = rule.get("nonResourceURLs") or []
        return any(p == "*" or p == wanted.path or (p.endswith("*") and wanted.path.startswith(p[:-1])) for p in paths)
    groups, resources, names = rule.get("apiGroups") or [], rule.get("resources") or [], rule.get("resourceNames") or []
    if "*" not in groups and wanted.group not in groups:
        return False
    _, slash, sub = wanted.resource.partition("/")
    if not ({"*", wanted.resource} & set(resources) or (slash and f"*/{sub}" in resources)):
        return False
    return not names or wanted.name in names


def attributes(request: Request, row: Resource) -> Attributes:
    """Say what a request asks for."""
    key = request.key
    resource = row.plural
    if request.subresource:
        resource += f"/{request.subresource}"
    name = key.name if request.verb != "create" or request.subresource else ""
    verb = request.verb
    return Attributes(verb, row.group, resource, key.namespace if row.namespaced else "", name)


def authorize(rights: Rights, request: Request, row: Resource) -> None:
    """Let the request pass. Raises StatusError 403."""
    if request.subresource == "heartbeat" or MASTERS in request.user.groups:
        return
    if request.verb in WRITES and NODES in request.user.groups and request.user.name.startswith(NODE) and (
            row.resource not in ("secrets", "configmaps")):
        whole = f"{row.plural}/{request.subresource}" if request.subresource else row.plural
        if _every_node_may(request.verb, row.group, whole):
            return
    wanted = attributes(request, row)
    allowed, reason = rights.decide(request.user, wanted, request.query)
    if not allowed:
        raise refusal(request.user, wanted, row, reason)


def refusal(user: User, wanted: Attributes, row: Resource, reason: str = "") -> StatusError:
    """403 in the authorizer's words."""
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    base = wanted.resource.partition("/")[0]
    return errors.forbidden(
        base, wanted.name,
        f'User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" in API group "{wanted.group}" {where}'
        + (f": {reason}" if reason else ""),
        row.group)


# ---- reviews ------------------------------------------------------------------------------------------------------
def review(rights: Rights, row: Resource, request: Request, body: Object) -> Object:
    """Answer one of the reviews; nothing is stored."""
    spec: dict[str, Any] = body.get("spec") or {}
    made = {**body, "metadata": body.get("metadata") or {}}
    if row.resource == "selfsubjectreviews":
        user = authenticated(request.user)
        return {**made, "status": {"userInfo": {"username": user.name, "groups": list(user.groups)}}}
    if row.resource == "selfsubjectrulesreviews":
        rules = list(rights.rules(request.user, str(spec.get("namespace") or "default")))
        return {**made, "status": {
            "resourceRules": [rule for rule in rules if not rule.get("nonResourceURLs")],
            "nonResourceRules": [{"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
                                 for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False}}
    user = request.user
    if row.resource == "subjectaccessreviews":
        user = User(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (asked is None) == (path is None):
        fault = errors.FieldError("spec.resourceAttributes", f"Invalid value: {asked or 'null'}: "
                                  "exactly one of nonResourceAttributes or resourceAttributes must be specified")
        raise errors.invalid(row.kind, row.group, "", [fault])
    if asked is not None:
        resource = str(asked.get("resource", ""))
        if asked.get("subresource"):
            resource += f"/{asked['subresource']}"
        wanted = Attributes(str(asked.get("verb", "")), str(asked.get("group", "")), resource,
                            str(asked.get("namespace", "")), str(asked.get("name", "")))
    else:
        wanted = Attributes(str((path or {}).get("verb", "")), path=str((path or {}).get("path", "")))
    allowed = rights.allows(user, wanted)
    status: dict[str, Any] = {"allowed": allowed}
    reason = _reason(rights, user, wanted) if allowed else ""
    return {**made, "status": {**status, "reason": reason} if reason else status}


def _reason(rights: Rights, user: User, wanted: Attributes) -> str:
    for binding in rights.reader.list("clusterrolebindings"):
        if any(_is(s, user, "") for s in binding.get("subjects") or []) and any(
            _covers(rule, wanted) for rule in rights._rules_of(binding, "")
        ):
            return (f'RBAC: allowed by ClusterRoleBinding "{objects.name(binding)}" of ClusterRole '
                    f'"{binding["roleRef"]["name"]}" to {_subject_text(binding, user)}')
    for binding in rights.reader.list("rolebindings", wanted.namespace) if wanted.namespace else []:
        if any(_is(s, user, wanted.namespace) for s in binding.get("subjects") or []) and any(
            _covers(rule, wanted) for rule in rights._rules_of(binding, wanted.namespace)
        ):
            return (f'RBAC: allowed by RoleBinding "{objects.name(binding)}/{wanted.namespace}" of '
                    f'{binding["roleRef"]["kind"]} "{binding["roleRef"]["name"]}" to {_subject_text(binding, user)}')
    return ""


def _subject_text(binding: Object, user: User) -> str:
    for subject in binding.get("subjects") or []:
        if _is(subject, user, str(binding["metadata"].get("namespace", ""))):
            return f'{subject["kind"]} "{subject["name"]}"'
    return ""
