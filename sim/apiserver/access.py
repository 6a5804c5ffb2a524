"""Who may do what: RBAC over the stored roles and bindings, and the reviews that tell.

Models: plugin/pkg/auth/authorizer/{rbac,node}, apiserver/pkg/endpoints/filters. Left out: the node authorizer's graph
(kubelets are trusted as a group), aggregated roles, authentication by anything but client certificates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sim.api import errors, objects
from sim.api.client import Key, Object, Reader, Request, User
from sim.api.errors import StatusError
from sim.apiserver.kinds.row import Resource

MASTERS, NODES = "system:masters", "system:nodes"
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

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def allows(self, user: User, wanted: Attributes) -> bool:
        """Tell whether the user may."""
        if MASTERS in user.groups or (NODES in user.groups and user.name.startswith("system:node:")):
            return True
        return any(_covers(rule, wanted) for rule in self.rules(user, wanted.namespace))

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
    wanted = attributes(request, row)
    if request.subresource == "heartbeat" or rights.allows(request.user, wanted):
        return
    raise refusal(request.user, wanted, row)


def refusal(user: User, wanted: Attributes, row: Resource) -> StatusError:
    """403 in the authorizer's words."""
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    base = wanted.resource.partition("/")[0]
    return errors.forbidden(
        base, wanted.name,
        f'User "{user.name}" cannot {wanted.verb} resource "{wanted.resource}" in API group "{wanted.group}" {where}',
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
