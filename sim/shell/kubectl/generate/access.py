"""create serviceaccount, token, role, clusterrole, rolebinding, clusterrolebinding.

Models: kubectl/pkg/cmd/create/create_{serviceaccount,token,role,clusterrole,rolebinding,clusterrolebinding}.go.
"""

from __future__ import annotations

import json

from sim.api.client import Key, Object
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import finish, mapping, metadata, name_of
from sim.shell.kubectl.printing.yaml import to_yaml
from sim.shell.kubectl.words.verbs import Verb

RBAC = "rbac.authorization.k8s.io"
SERVICE_ACCOUNT = mapping("serviceaccounts", "ServiceAccount")
ROLE, ROLE_BINDING = mapping("roles", "Role", RBAC), mapping("rolebindings", "RoleBinding", RBAC)
CLUSTER_ROLE = mapping("clusterroles", "ClusterRole", RBAC, namespaced=False)
CLUSTER_ROLE_BINDING = mapping("clusterrolebindings", "ClusterRoleBinding", RBAC, namespaced=False)
STANDARD_VERBS = frozenset((
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "bind", "impersonate",
    "escalate", "proxy", "*", "approve", "sign", "attest", "head", "post", "put", "options"))


def service_account(inv: Invocation) -> Steps[int]:
    """Run `kubectl create serviceaccount`."""
    obj = {"metadata": metadata(inv, SERVICE_ACCOUNT, name_of(inv))}
    return (yield from finish(inv, SERVICE_ACCOUNT, obj, wrapped="serviceaccount"))


def token(inv: Invocation) -> Steps[int]:
    """Run `kubectl create token`."""
    name, duration = name_of(inv), float(inv.flags["duration"] or 0)
    if inv.flags["bound-object-kind"]:
        raise NotSimulated("kubectl create token --bound-object-kind")
    spec: Object = {"audiences": list(inv.flags["audience"] or [])}
    if duration:
        if duration % 1:
            raise UsageError("--duration cannot be expressed in units less than seconds")
        if duration < 0:
            raise UsageError("--duration must be greater than or equal to 0")
        spec["expirationSeconds"] = int(duration)
    key = Key("serviceaccounts", inv.namespace, name)
    try:
        made = yield from inv.send("create", key, subresource="token", body={"spec": spec})
    except StatusError as error:
        raise UsageError(f"failed to create token: {error.message}") from None
    form = inv.flags["output"] or ""
    if form not in ("", "json", "yaml"):
        raise NotSimulated(f"kubectl create token -o {form}")
    inv.call.write(to_yaml(made) if form == "yaml" else json.dumps(made, indent=4) + "\n" if form == "json" else made["status"]["token"] + "\n")
    return 0


# ---- roles --------------------------------------------------------------------------------------------------------
def _once(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


def rules(inv: Invocation) -> Steps[list[Object]]:
    """Make the rules of --verb, --resource, --resource-name: one for each group. Raises UsageError."""
    verbs = _once(inv.flags["verb"])
    verbs = ["*"] if "*" in verbs else verbs
    for verb in verbs:
        if verb not in STANDARD_VERBS:
            inv.err(f"Warning: '{verb}' is not a standard resource verb")
    groups: dict[str, list[str]] = {}
    for word in _once(inv.flags["resource"]):
        plain, slash, sub = word.partition("/")
        if plain == "*":
            groups.setdefault("", []).append(word)
            continue
        try:
            found = yield from inv.resolve(plain)
        except UsageError as error:
            raise UsageError(error.text, prefix="") from None
        groups.setdefault(found.group, []).append(f"{found.plural}{slash}{sub}")
    names = _once(inv.flags["resource-name"] or [])
    return [{"verbs": verbs, "apiGroups": [group], "resources": resources, **({"resourceNames": names} if names else {})}
            for group, resources in groups.items()]


def role(inv: Invocation) -> Steps[int]:
    """Run `kubectl create role`."""
    name = name_of(inv)
    if not inv.flags["verb"]:
        raise UsageError("at least one verb must be specified")
    if not inv.flags["resource"]:
        raise UsageError("at least one resource must be specified")
    obj = {"metadata": metadata(inv, ROLE, name), "rules": (yield from rules(inv))}
    return (yield from finish(inv, ROLE, obj, wrapped="role"))


def cluster_role(inv: Invocation) -> Steps[int]:
    """Run `kubectl create clusterrole`."""
    name, urls, gathered = name_of(inv), inv.flags["non-resource-url"] or [], inv.flags["aggregation-rule"] or {}
    if gathered:
        if inv.flags["verb"] or urls or inv.flags["resource"] or inv.flags["resource-name"]:
            raise UsageError("aggregation rule must be specified without nonResourceURLs, resources or resourceNames")
        pairs = gathered if isinstance(gathered, list) else str(gathered).split(",")
        labels = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        obj: Object = {"metadata": metadata(inv, CLUSTER_ROLE, name), "rules": None,
                       "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}}
        return (yield from finish(inv, CLUSTER_ROLE, obj, wrapped="clusterrole"))
    if not inv.flags["verb"]:
        raise UsageError("at least one verb must be specified")
    if not inv.flags["resource"] and not urls:
        raise UsageError("one of resource or nonResourceURL must be specified")
    for url in urls:
        if url != "*" and not url.startswith("/"):
            raise UsageError("nonResourceURL should start with /")
    found = yield from rules(inv)
    if urls:
        found.append({"verbs": _once(inv.flags["verb"]), "nonResourceURLs": _once(urls)})
    obj = {"metadata": metadata(inv, CLUSTER_ROLE, name), "rules": found}
    return (yield from finish(inv, CLUSTER_ROLE, obj, wrapped="clusterrole"))


# ---- bindings -----------------------------------------------------------------------------------------------------
def subjects(inv: Invocation) -> list[Object]:
    """Make the subjects of --user, --group, --serviceaccount. Raises UsageError."""
    found: list[Object] = [{"kind": kind, "apiGroup": RBAC, "name": name} for kind, flag in (("User", "user"), ("Group", "group"))
                           for name in _once(inv.flags[flag] or [])]
    for text in _once(inv.flags["serviceaccount"] or []):
        parts = text.split(":")
        if len(parts) != 2 or not parts[1]:
            raise UsageError("serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": parts[1], "namespace": parts[0]})
    return found


def _binding(inv: Invocation, kind: str, name: str) -> Object:
    who = subjects(inv)
    return {**({"subjects": who} if who else {}), "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name}}


def role_binding(inv: Invocation) -> Steps[int]:
    """Run `kubectl create rolebinding`."""
    name = name_of(inv)
    if bool(inv.flags["clusterrole"]) == bool(inv.flags["role"]):
        raise UsageError("exactly one of clusterrole or role must be specified")
    kind = "Role" if inv.flags["role"] else "ClusterRole"
    obj = {"metadata": metadata(inv, ROLE_BINDING, name),
           **_binding(inv, kind, inv.flags["role"] or inv.flags["clusterrole"])}
    return (yield from finish(inv, ROLE_BINDING, obj, wrapped="rolebinding"))


def cluster_role_binding(inv: Invocation) -> Steps[int]:
    """Run `kubectl create clusterrolebinding`."""
    name = name_of(inv)
    obj = {"metadata": metadata(inv, CLUSTER_ROLE_BINDING, name), **_binding(inv, "ClusterRole", inv.flags["clusterrole"])}
    return (yield from finish(inv, CLUSTER_ROLE_BINDING, obj, wrapped="clusterrolebinding"))


COMMON = ("dry-run", "output", "save-config", "validate", "field-manager")
SUBJECTS = ("user", "group", "serviceaccount")
VERBS = {
    "create serviceaccount": Verb(service_account, COMMON),
    "create token": Verb(token, ("duration", "audience", "output", "bound-object-kind")),
    "create role": Verb(role, (*COMMON, "verb", "resource", "resource-name")),
    "create clusterrole": Verb(cluster_role, (
        *COMMON, "verb", "resource", "resource-name", "non-resource-url", "aggregation-rule")),
    "create rolebinding": Verb(role_binding, (*COMMON, *SUBJECTS, "role", "clusterrole")),
    "create clusterrolebinding": Verb(cluster_role_binding, (*COMMON, *SUBJECTS, "clusterrole"), required=("clusterrole",)),
}
