"""Admission: what the server adds to, or holds against, an object, in the order of upstream's plugins.

It imports `sim.api` and the kinds. Models: plugin/pkg/admission, namespace/lifecycle. Left out: webhooks, pod security.
"""

from __future__ import annotations

from sim.api import errors, objects
from sim.api.client import Key, Object, Reader, Request
from sim.apiserver.admission.limits import check_limits, with_limits
from sim.apiserver.admission.pods import MIRROR, with_account, with_priority, with_tolerations
from sim.apiserver.admission.quotas import charge
from sim.apiserver.kinds.row import Resource
from sim.apiserver.kinds.storage import is_default_class
from sim.engine import Stream

__all__ = ["admit", "charge", "check_deletion", "check_limits", "check_namespace", "restrict_node"]
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
NODES_OWN = frozenset({"nodes", "pods", "leases"})
PROTECTION = {"persistentvolumes": "kubernetes.io/pv-protection", "persistentvolumeclaims": "kubernetes.io/pvc-protection"}


def admit(row: Resource, obj: Object, request: Request, reader: Reader, stream: Stream) -> Object:
    """Complete a new object. Raises StatusError 403 or 404."""
    name = objects.name(obj)
    if row.namespaced:
        check_namespace(row, name, objects.namespace(obj), reader)
    restrict_node(row, request, name, obj)
    if row.resource == "pods":
        obj = with_limits(obj, reader)
        obj = with_account(obj, reader, stream)
        obj = with_tolerations(with_priority(obj, reader))
    if row.resource in PROTECTION:
        held = obj["metadata"].get("finalizers") or []
        if PROTECTION[row.resource] not in held:
            obj = objects.put(obj, "metadata.finalizers", [*held, PROTECTION[row.resource]])
    if row.resource == "persistentvolumeclaims" and objects.dig(obj, "spec.storageClassName") is None:
        chosen = [each for each in reader.list("storageclasses") if is_default_class(each)]
        chosen.sort(key=lambda each: (each["metadata"].get("creationTimestamp", ""), objects.name(each)))
        if chosen:
            obj = objects.put(obj, "spec.storageClassName", objects.name(chosen[-1]))
    return obj


def check_namespace(row: Resource, name: str, namespace: str, reader: Reader) -> None:
    """Refuse what is created in a namespace that is missing or going. Raises StatusError 404 or 403."""
    found = reader.get(Key("namespaces", "", namespace))
    if found is None:
        raise errors.not_found("namespaces", namespace)
    if objects.deleting(found):
        refusal = errors.forbidden(
            row.plural, name,
            f"unable to create new content in namespace {namespace} because it is being terminated", row.group)
        refusal.details["causes"] = [{"reason": "NamespaceTerminating", "field": "metadata.namespace",
                                      "message": f"namespace {namespace} is being terminated"}]
        raise refusal


def check_deletion(row: Resource, name: str) -> None:
    """Refuse to delete a namespace that must be. Raises StatusError 403."""
    if row.resource == "namespaces" and name in IMMORTAL:
        raise errors.forbidden("namespaces", name, "this namespace may not be deleted")


def restrict_node(row: Resource, request: Request, name: str, obj: Object | None) -> None:
    """Hold a kubelet to its own node and pods. Raises StatusError 403. Models: plugin/pkg/admission/noderestriction."""
    user = request.user.name
    if row.resource not in NODES_OWN or "system:nodes" not in request.user.groups or not user.startswith("system:node:"):
        return
    node = user.removeprefix("system:node:")
    if row.resource == "nodes" and name != node:
        raise errors.forbidden("nodes", name, f'node "{node}" is not allowed to modify node "{name}"')
    if row.resource == "pods" and obj is not None:
        if request.verb == "create" and not request.subresource and MIRROR not in objects.annotations(obj):
            raise errors.forbidden("pods", name, f'pod does not have "{MIRROR}" annotation, node "{node}" can only '
                                   "create mirror pods")
        if objects.dig(obj, "spec.nodeName", "") != node:
            deed = {"create": "create", "delete": "delete", "patch": "update", "update": "update"}[request.verb]
            raise errors.forbidden("pods", name, f'node "{node}" can only {deed} pods with spec.nodeName set to itself')
    if row.resource == "leases" and objects.namespace(obj or {"metadata": {}}) == "kube-node-lease" and name != node:
        raise errors.forbidden("leases", name, f'node "{node}" can only access node lease with the same name as the '
                               "requesting node", row.group)
