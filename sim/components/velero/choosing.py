"""Which objects a backup takes and a restore brings back, in which order, and what is left off them.

Models: pkg/backup/item_collector.go, pkg/restore/{restore,prioritize}.go and their built-in item actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sim.api import objects, selectors
from sim.api.client import Key, Object
from sim.apiserver.resources import Resource

NOT_RESTORED = frozenset((
    "nodes", "events", "backups.velero.io", "restores.velero.io", "csinodes", "volumeattachments",
    "backuprepositories.velero.io", "leases", "podmetrics", "nodemetrics"))
FIRST = ("customresourcedefinitions", "namespaces", "storageclasses", "persistentvolumes", "persistentvolumeclaims",
         "serviceaccounts", "secrets", "configmaps", "limitranges", "pods", "replicasets")
"""--restore-resource-priorities; all others follow by name."""
EXCLUDED_LABEL = "velero.io/exclude-from-backup"
SYSTEM_FIELDS = ("generateName", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
                 "deletionGracePeriodSeconds", "ownerReferences", "managedFields", "finalizers")


def names_of(row: Resource) -> tuple[str, ...]:
    """Give the words by which --include-resources may name a kind."""
    plural = row.resource.partition(".")[0]
    return (row.resource, plural, row.singular, f"{plural}.{row.group}" if row.group else plural, *row.short_names)


def wanted(row: Resource, spec: Object) -> bool:
    """Tell whether a backup's or restore's spec includes a kind."""
    words = names_of(row)
    included, excluded = spec.get("includedResources") or ["*"], spec.get("excludedResources") or []
    return ("*" in included or any(word in included for word in words)) and not any(word in excluded for word in words)


def in_namespaces(namespace: str, spec: Object) -> bool:
    """Tell whether a spec includes a namespace."""
    included, excluded = spec.get("includedNamespaces") or ["*"], spec.get("excludedNamespaces") or []
    return ("*" in included or namespace in included) and namespace not in excluded


def all_namespaces(spec: Object) -> bool:
    """Tell whether a spec is about all namespaces; then objects of the cluster itself are, too."""
    return "*" in (spec.get("includedNamespaces") or ["*"]) and not spec.get("excludedNamespaces")


def labelled(obj: Object, spec: Object) -> bool:
    """Tell whether an object fits a spec's selector and does not exclude itself."""
    labels = objects.labels(obj)
    selector = spec.get("labelSelector")
    return labels.get(EXCLUDED_LABEL) != "true" and (not selector or selectors.from_object(selector).matches(labels))


def in_order(rows: Iterable[Resource]) -> list[Resource]:
    """Put kinds into the order in which they are restored."""
    def place(row: Resource) -> tuple[int, str]:
        return (FIRST.index(row.resource), "") if row.resource in FIRST else (len(FIRST), row.resource)

    return sorted(rows, key=place)


def prepared(key: Key, obj: Object, restore: Object, namespace: str) -> Object | None:
    """Give an object as it is made anew; None for one that a restore leaves out."""
    if "kubernetes.io/config.mirror" in objects.annotations(obj):
        return None
    if key.resource == "pods" and objects.dig(obj, "status.phase") in ("Succeeded", "Failed"):
        return None
    metadata = {name: value for name, value in obj["metadata"].items() if name not in SYSTEM_FIELDS}
    if namespace:
        metadata["namespace"] = namespace
    spec = restore["spec"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "velero.io/backup-name": spec["backupName"],
                          "velero.io/restore-name": objects.name(restore)}
    made: Object = {name: value for name, value in obj.items() if name != "status"}
    made["metadata"] = metadata
    change = ACTIONS.get(key.resource)
    return change(made, spec) if change is not None else made


def _pod(pod: Object, spec: Object) -> Object:
    kept = {name: value for name, value in pod["spec"].items() if name not in ("nodeName", "priority")}
    return {**pod, "spec": kept}


def _service(service: Object, spec: Object) -> Object:
    inner: dict[str, Any] = dict(service["spec"])
    if inner.get("clusterIP") != "None":
        inner.pop("clusterIP", None)
        inner.pop("clusterIPs", None)
    if not spec.get("preserveNodePorts"):
        inner["ports"] = [{name: value for name, value in port.items() if name != "nodePort"} for port in inner.get("ports") or []]
    return {**service, "spec": inner}


ACTIONS = {"pods": _pod, "services": _service}
