"""Roles, bindings, reviews and certificate requests.

Models: pkg/apis/{rbac,certificates,authorization}/validation, printers.go. Left out: escalation
checks.
"""

from __future__ import annotations

from sim.api import objects, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds.columns import AGE, CREATED_AT, NAME, at
from sim.apiserver.kinds.row import Cell, Columns, Resource, Strategy, listed

RBAC = "rbac.authorization.k8s.io"
SUBJECT_GROUPS = {"User": RBAC, "Group": RBAC, "ServiceAccount": ""}


def _validate_role(obj: Object, faults: Faults) -> None:
    cluster = obj["kind"] == "ClusterRole"
    for number, rule in enumerate(obj.get("rules") or []):
        path = f"rules[{number}]"
        if not rule.get("verbs"):
            faults.required(f"{path}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            if not cluster:
                faults.invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"],
                               "namespaced rules cannot apply to non-resource URLs")
            elif rule.get("apiGroups") or rule.get("resources"):
                faults.invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"],
                               "rules cannot apply to both regular resources and non-resource URLs")
            continue
        if rule.get("apiGroups") is None:
            faults.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            faults.required(f"{path}.resources", "resource rules must supply at least one resource")


def _binding(obj: Object) -> Object:
    out = obj
    if isinstance(obj.get("roleRef"), dict) and not obj["roleRef"].get("apiGroup"):
        out = {**out, "roleRef": {**obj["roleRef"], "apiGroup": RBAC}}
    return listed(out, "subjects", _subject)


def _subject(subject: Object) -> Object:
    group = SUBJECT_GROUPS.get(subject.get("kind", ""))
    return {**subject, "apiGroup": group} if group and not subject.get("apiGroup") else subject


def _validate_binding(obj: Object, faults: Faults) -> None:
    role = obj.get("roleRef") or {}
    if role.get("apiGroup") != RBAC:
        faults.unsupported("roleRef.apiGroup", role.get("apiGroup", ""), (RBAC,))
    kinds = ("ClusterRole",) if obj["kind"] == "ClusterRoleBinding" else ("ClusterRole", "Role")
    if role.get("kind") not in kinds:
        faults.unsupported("roleRef.kind", role.get("kind", ""), kinds)
    if not role.get("name"):
        faults.required("roleRef.name")
    for number, subject in enumerate(obj.get("subjects") or []):
        path = f"subjects[{number}]"
        if not subject.get("name"):
            faults.required(f"{path}.name")
        if subject.get("kind") not in SUBJECT_GROUPS:
            faults.unsupported(f"{path}.kind", subject.get("kind", ""), sorted(SUBJECT_GROUPS))
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            faults.required(f"{path}.namespace")


def _update_binding(new: Object, old: Object, faults: Faults) -> None:
    if new.get("roleRef") != old.get("roleRef"):
        role = new.get("roleRef") or {}
        faults.invalid("roleRef", {"APIGroup": role.get("apiGroup", ""), "Kind": role.get("kind", ""),
                                   "Name": role.get("name", "")}, "cannot change roleRef")


def _role(obj: Object, _: int) -> str:
    return f"{objects.dig(obj, 'roleRef.kind', '')}/{objects.dig(obj, 'roleRef.name', '')}"


def _subjects(kind: str) -> Cell:
    def cell(obj: Object, _: int) -> str:
        found = [s for s in obj.get("subjects") or [] if s.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{s.get('namespace', '')}/{s['name']}" for s in found)
        return ", ".join(s["name"] for s in found)

    return cell


BINDING_COLUMNS: Columns = (
    NAME, ("Role", 0, _role), AGE, ("Users", 1, _subjects("User")), ("Groups", 1, _subjects("Group")),
    ("ServiceAccounts", 1, _subjects("ServiceAccount")))
ROLE = Strategy(validate=_validate_role, name_rule=validation.path_segment)
BINDING = Strategy(_binding, validate=_validate_binding, validate_update=_update_binding,
                   name_rule=validation.path_segment)
ROLES = (
    Resource("clusterrolebindings", "ClusterRoleBinding", RBAC, namespaced=False, strategy=BINDING,
             columns=BINDING_COLUMNS),
    Resource("clusterroles", "ClusterRole", RBAC, namespaced=False, strategy=ROLE, columns=CREATED_AT),
    Resource("rolebindings", "RoleBinding", RBAC, strategy=BINDING, columns=BINDING_COLUMNS),
    Resource("roles", "Role", RBAC, strategy=ROLE, columns=CREATED_AT),
)


def _csr_condition(obj: Object, _: int) -> str:
    words = {c.get("type", "") for c in objects.dig(obj, "status.conditions", [])}
    found = [word for word in ("Denied", "Approved", "Failed") if word in words][:1] or ["Pending"]
    if "Failed" in words and found != ["Failed"]:
        found.append("Failed")
    if objects.dig(obj, "status.certificate"):
        found.append("Issued")
    return ",".join(found)


def _validate_csr(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    if not spec.get("usages"):
        faults.required("spec.usages", "usages must be provided")
    if not spec.get("signerName"):
        faults.required("spec.signerName")
    if not spec.get("request"):
        faults.invalid("spec.request", spec.get("request"), "PEM block type must be CERTIFICATE REQUEST")


CSR = Resource(
    "certificatesigningrequests", "CertificateSigningRequest", "certificates.k8s.io", namespaced=False,
    short_names=("csr",), subresources=("status", "approval"),
    strategy=Strategy(validate=_validate_csr, fields=("spec.signerName",), status={}, name_rule=validation.path_segment),
    columns=(
        NAME, AGE, ("SignerName", 0, at("spec.signerName", "<none>")), ("Requestor", 0, at("spec.username", "")),
        ("RequestedDuration", 0, lambda o, _: _lasting(objects.dig(o, "spec.expirationSeconds"))),
        ("Condition", 0, _csr_condition)))


def _lasting(seconds: int | None) -> str:
    from sim.api import times

    return times.age(seconds) if seconds is not None else "<none>"


REVIEW = ("create",)
AUTHENTICATION, AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
REVIEWS = (
    Resource("selfsubjectreviews", "SelfSubjectReview", AUTHENTICATION, namespaced=False, verbs=REVIEW, since=28),
    Resource("tokenreviews", "TokenReview", AUTHENTICATION, namespaced=False, verbs=REVIEW, modelled=False),
    Resource("localsubjectaccessreviews", "LocalSubjectAccessReview", AUTHORIZATION, verbs=REVIEW, modelled=False),
    Resource("selfsubjectaccessreviews", "SelfSubjectAccessReview", AUTHORIZATION, namespaced=False, verbs=REVIEW),
    Resource("selfsubjectrulesreviews", "SelfSubjectRulesReview", AUTHORIZATION, namespaced=False, verbs=REVIEW),
    Resource("subjectaccessreviews", "SubjectAccessReview", AUTHORIZATION, namespaced=False, verbs=REVIEW),
)
