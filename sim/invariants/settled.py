"""Properties of a cluster at rest: faults healed, nodes open, time given."""

from __future__ import annotations

from collections.abc import Iterator

from sim.api import objects
from sim.api.client import Object
from sim.etcd.store import Store

WORKLOADS = {"deployments": ("spec.replicas", "status.availableReplicas"),
             "replicasets": ("spec.replicas", "status.availableReplicas"),
             "statefulsets": ("spec.replicas", "status.readyReplicas"),
             "daemonsets": ("status.desiredNumberScheduled", "status.numberAvailable")}


def owners_exist(store: Store) -> Iterator[str]:
    """Every object that has owners has a living one, or it is on its way out."""
    alive = {objects.uid(obj) for resource in store.resources() for obj in store.list(resource)}
    for resource in store.resources():
        for obj in store.list(resource):
            owners = objects.owners(obj)
            if owners and not objects.deleting(obj) and not any(owner["uid"] in alive for owner in owners):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)}: its owner {owners[0]['name']} is gone"


def workloads_whole(store: Store) -> Iterator[str]:
    """Every workload has as many available pods as it wants, unless the cluster has no room for them."""
    for resource, (wanted_at, actual_at) in WORKLOADS.items():
        for obj in store.list(resource):
            wanted, actual = objects.dig(obj, wanted_at, 0), objects.dig(obj, actual_at, 0)
            if wanted != actual and not objects.deleting(obj) and not _too_big(store, obj):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)}: {actual} of {wanted} are available"


def _too_big(store: Store, owner: Object) -> bool:
    for child in store.by_index("pods", "owner", objects.uid(owner)):
        scheduled = objects.condition(child, "PodScheduled")
        if scheduled is not None and "Insufficient" in (scheduled.get("message") or ""):
            return True
    return any(_too_big(store, child) for child in store.by_index("replicasets", "owner", objects.uid(owner)))


def nobody_lingers(store: Store) -> Iterator[str]:
    """Nothing is still being deleted unless a finalizer holds it."""
    for resource in store.resources():
        for obj in store.list(resource):
            if objects.deleting(obj) and not obj["metadata"].get("finalizers"):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)} is still being deleted"
