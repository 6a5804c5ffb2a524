"""The table of resources: one row per kind. A new kind joins as a row.

Models: what discovery (`/apis`) says of an upstream server, and pkg/registry/*/storage for indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sim.api import objects
from sim.api.client import Object

Index = Callable[[Object], Iterable[str]]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One row: names, group and version, scope, subresources.

    spec_fields: fields whose change raises metadata.generation; () for kinds without a generation.
    """

    resource: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    spec_fields: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """Give `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """Give the kind in lower case, as discovery does."""
        return self.kind.lower()


S, ALL = ("status",), ("all",)
SCALED = ("status", "scale")
SPEC = ("spec",)
ROWS = (
    Resource("componentstatuses", "ComponentStatus", namespaced=False, short_names=("cs",)),
    Resource("configmaps", "ConfigMap", short_names=("cm",)),
    Resource("endpoints", "Endpoints", short_names=("ep",)),
    Resource("events", "Event", short_names=("ev",)),
    Resource("limitranges", "LimitRange", short_names=("limits",)),
    Resource("namespaces", "Namespace", namespaced=False, short_names=("ns",), subresources=("status", "finalize")),
    Resource("nodes", "Node", namespaced=False, short_names=("no",), subresources=S),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",), subresources=S),
    Resource("persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",), subresources=S),
    Resource("pods", "Pod", short_names=("po",), categories=ALL, spec_fields=SPEC,
             subresources=("status", "binding", "eviction", "log")),
    Resource("replicationcontrollers", "ReplicationController", short_names=("rc",), categories=ALL,
             subresources=SCALED, spec_fields=SPEC),
    Resource("resourcequotas", "ResourceQuota", short_names=("quota",), subresources=S),
    Resource("secrets", "Secret"),
    Resource("serviceaccounts", "ServiceAccount", short_names=("sa",)),
    Resource("services", "Service", short_names=("svc",), categories=ALL, subresources=S),
    Resource("controllerrevisions", "ControllerRevision", "apps"),
    Resource("daemonsets", "DaemonSet", "apps", short_names=("ds",), categories=ALL, subresources=S, spec_fields=SPEC),
    Resource("deployments", "Deployment", "apps", short_names=("deploy",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC),
    Resource("replicasets", "ReplicaSet", "apps", short_names=("rs",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC),
    Resource("statefulsets", "StatefulSet", "apps", short_names=("sts",), categories=ALL, subresources=SCALED,
             spec_fields=SPEC),
    Resource("jobs", "Job", "batch", categories=ALL, subresources=S, spec_fields=SPEC),
    Resource("leases", "Lease", "coordination.k8s.io", subresources=("heartbeat",)),
    Resource("endpointslices", "EndpointSlice", "discovery.k8s.io"),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", short_names=("pdb",), subresources=S,
             spec_fields=SPEC),
    Resource("priorityclasses", "PriorityClass", "scheduling.k8s.io", namespaced=False, short_names=("pc",)),
)
RESOURCES: dict[str, Resource] = {row.resource: row for row in ROWS}


def _owners(obj: Object) -> list[str]:
    return [owner["uid"] for owner in objects.owners(obj)]


def _orphan(obj: Object) -> list[str]:
    return [] if objects.controller_of(obj) else [objects.namespace(obj)]


INDEXES: dict[str, dict[str, Index]] = {
    "*": {"owner": _owners},
    "pods": {"node": lambda pod: (objects.dig(pod, "spec.nodeName", ""),), "orphan": _orphan},
    "replicasets": {"orphan": _orphan},
    "controllerrevisions": {"orphan": _orphan},
    "events": {"about": lambda event: (objects.dig(event, "involvedObject.uid", ""),)},
    "endpointslices": {"service": lambda s: (objects.labels(s).get("kubernetes.io/service-name", ""),)},
}
"""What the store keeps indexed: any list inside a reconcile must be one of these."""
