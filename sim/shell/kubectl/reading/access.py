"""kubectl auth can-i and whoami.

Models: kubectl/pkg/cmd/auth/{cani,whoami}.go, kubectl/pkg/util/rbac.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.api.client import Key, Object
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.forms import Form
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing import rules
from sim.shell.kubectl.printing.tables import layout
from sim.shell.kubectl.words.verbs import PRINTING, Verb

TWO = "you must specify two arguments: verb resource or verb resource/resourceName."


def _review(inv: Invocation, kind: str, resource: str, group: str, spec: Object | None) -> Steps[Object]:
    body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, **({"spec": spec} if spec is not None else {})}
    made: Object = yield from inv.send("create", Key(resource, "", ""), body=body)
    return made


def can_i(inv: Invocation) -> Steps[int]:
    """Run `kubectl auth can-i`."""
    if inv.flags["list"]:
        return (yield from _list(inv))
    if inv.flags["quiet"] and inv.flags["list"]:
        raise UsageError("--list and --quiet are mutually exclusive")
    if len(inv.args) != 2:
        raise UsageError(f"{TWO}\nSee 'kubectl auth can-i -h' for help and examples.")
    verb, word = inv.args
    namespace = "" if inv.flags["all-namespaces"] else inv.namespace
    if word.startswith("/"):
        spec: Object = {"nonResourceAttributes": {"path": word, "verb": verb}}
    else:
        spec = {"resourceAttributes": (yield from _attributes(inv, verb, word, namespace))}
    answer = yield from _review(inv, "SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io", spec)
    status: dict[str, Any] = answer.get("status") or {}
    if not inv.flags["quiet"]:
        if status.get("allowed"):
            inv.out("yes")
        else:
            text = "no"
            text += f" - {status['reason']}" if status.get("reason") else ""
            text += f" - {status['evaluationError']}" if status.get("evaluationError") else ""
            inv.out(text)
    return 0 if status.get("allowed") else 1


def _attributes(inv: Invocation, verb: str, word: str, namespace: str) -> Steps[Object]:
    kind, _, name = word.partition("/")
    found = None
    if kind == "*":
        resource, group = "*", ""
    else:
        for mapping in (yield from inv.mappings()):
            if mapping.answers_to(kind):
                found = mapping
                break
        if found is None:
            resource, _, group = kind.partition(".")
            if group:
                inv.err(f"Warning: the server doesn't have a resource type '{resource}' in group '{group}'\n")
            else:
                inv.err(f"Warning: the server doesn't have a resource type '{resource}'\n")
        else:
            resource, group = found.plural, found.group
            if not found.namespaced and namespace:
                where = f" in group '{group}'" if group else ""
                inv.err(f"Warning: resource '{resource}' is not namespace scoped{where}\n")
    attributes = {"namespace": namespace, "verb": verb, "group": "*" if kind == "*" else group, "resource": resource,
                  "subresource": inv.flags["subresource"] or "", "name": name}
    return {key: value for key, value in attributes.items() if value}


def _list(inv: Invocation) -> Steps[int]:
    """Run `kubectl auth can-i --list`."""
    if inv.args:
        raise UsageError("list option must be specified with no arguments")
    answer = yield from _review(inv, "SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io", {
        "namespace": inv.namespace})
    status: dict[str, Any] = answer.get("status") or {}
    found: Sequence[Object] = [*(status.get("resourceRules") or []), *(status.get("nonResourceRules") or [])]
    rows = rules.rows(found)
    if not inv.flags["no-headers"]:
        rows.insert(0, ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"])
    for line in layout(rows):
        inv.out(line)
    return 0


def whoami(inv: Invocation) -> Steps[int]:
    """Run `kubectl auth whoami`."""
    form = Form(inv)
    answer = yield from _review(inv, "SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io", None)
    if form.kind:
        form.write(None, answer)
        return 0
    info: dict[str, Any] = (answer.get("status") or {}).get("userInfo") or {}
    rows = [["ATTRIBUTE", "VALUE"]]
    if info.get("username"):
        rows.append(["Username", info["username"]])
    if info.get("uid"):
        rows.append(["UID", info["uid"]])
    if info.get("groups"):
        rows.append(["Groups", f"[{' '.join(info['groups'])}]"])
    for key in sorted(info.get("extra") or {}):
        rows.append([f"Extra: {key}", f"[{' '.join(info['extra'][key])}]"])
    for line in layout(rows):
        inv.out(line)
    return 0



VERBS = {
    "auth can-i": Verb(can_i, ("all-namespaces", "quiet", "subresource", "list", "no-headers")),
    "auth whoami": Verb(whoami, PRINTING),
}
