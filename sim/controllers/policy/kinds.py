"""What the collectors know of kinds: which resource holds them, and whether they live in namespaces.

A real one asks discovery; here built-in kinds stand in a table, and custom ones are read from their definitions.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.api import objects
from sim.api.client import Object, Reader

DEFINITIONS = "customresourcedefinitions"


class Kind(NamedTuple):
    """One kind: its resource, and whether it lives in namespaces."""

    resource: str
    namespaced: bool


_NAMESPACED = {
    "Pod": "pods", "Service": "services", "Endpoints": "endpoints", "ConfigMap": "configmaps", "Secret": "secrets",
    "ServiceAccount": "serviceaccounts", "PersistentVolumeClaim": "persistentvolumeclaims",
    "ReplicationController": "replicationcontrollers", "ResourceQuota": "resourcequotas", "LimitRange": "limitranges",
    "PodTemplate": "podtemplates", "Deployment": "deployments", "ReplicaSet": "replicasets", "DaemonSet": "daemonsets",
    "StatefulSet": "statefulsets", "ControllerRevision": "controllerrevisions", "CronJob": "cronjobs", "Job": "jobs",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers", "Ingress": "ingresses", "NetworkPolicy": "networkpolicies",
    "EndpointSlice": "endpointslices", "PodDisruptionBudget": "poddisruptionbudgets", "Role": "roles",
    "RoleBinding": "rolebindings", "Lease": "leases", "Event": "events",
}
_CLUSTER = {
    "Node": "nodes", "Namespace": "namespaces", "PersistentVolume": "persistentvolumes",
    "StorageClass": "storageclasses", "ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings",
    "PriorityClass": "priorityclasses", "CustomResourceDefinition": DEFINITIONS,
}
BUILT_IN: dict[str, Kind] = {
    **{kind: Kind(resource, True) for kind, resource in _NAMESPACED.items()},
    **{kind: Kind(resource, False) for kind, resource in _CLUSTER.items()},
}
COLLECTED = tuple(kind.resource for kind in BUILT_IN.values() if kind.resource not in ("events", "namespaces"))
"""What the garbage collector watches; upstream leaves events out too."""
CONTENT = tuple(kind.resource for name, kind in BUILT_IN.items() if kind.namespaced and name != "Event") + ("events",)
"""What a namespace holds, in the order in which it is emptied."""


def custom(definition: Object) -> tuple[str, Kind]:
    """Read a definition: the kind's name, and where its objects are."""
    spec = definition.get("spec") or {}
    return str(objects.dig(spec, "names.kind", "")), Kind(objects.name(definition), spec.get("scope") != "Cluster")


def find(kind: str, reader: Reader) -> Kind | None:
    """Give what is known of a kind by its name, None where nobody serves it."""
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    return next((found for name, found in map(custom, reader.list(DEFINITIONS)) if name == kind), None)
