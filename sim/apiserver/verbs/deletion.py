"""Deletion: graceful, held by finalizers, and what becomes of dependents.

Models: apiserver/pkg/registry/rest/delete.go, registry/generic/registry/store.go (Delete), pkg/registry/core/pod
CheckGracefulDelete. What follows from it is the garbage collector's.
"""

from __future__ import annotations

from sim.api import errors, objects, times
from sim.api.client import Object
from sim.apiserver.kinds.row import Resource
from sim.apiserver.verbs.options import Deletion
from sim.engine import SECOND_US

OWN = ("orphan", "foregroundDeletion")
RETRY_FORCED = 1


def check(row: Resource, obj: Object, wanted: Deletion) -> None:
    """Refuse to delete another object than the one that was meant. Raises StatusError 409."""
    uid, version = objects.uid(obj), obj["metadata"].get("resourceVersion", "")
    if wanted.uid and wanted.uid != uid:
        raise errors.conflict(
            row.plural, objects.name(obj), row.group,
            f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated")
    if wanted.resource_version and wanted.resource_version != version:
        raise errors.conflict(
            row.plural, objects.name(obj), row.group,
            f"the ResourceVersion in the precondition ({wanted.resource_version}) does not match the ResourceVersion "
            f"in record ({version}). The object might have been modified")


def grace_seconds(row: Resource, obj: Object, wanted: Deletion) -> int:
    """Tell how long the object may go on: pods alone may, and only those that run."""
    if row.resource != "pods":
        return 0
    if not objects.dig(obj, "spec.nodeName") or objects.pod_finished(obj):
        return 0
    grace = wanted.grace_seconds
    if grace is None:
        grace = int(objects.dig(obj, "spec.terminationGracePeriodSeconds", 30))
    return RETRY_FORCED if grace < 0 else grace


def finalizers(row: Resource, obj: Object, wanted: Deletion) -> list[str]:
    """Give the finalizers that the object is to have: its own and those that the propagation asks for."""
    present = list(obj["metadata"].get("finalizers") or [])
    if not wanted.propagation:
        return present
    kept = [name for name in present if name not in OWN]
    added = {"Orphan": ["orphan"], "Foreground": ["foregroundDeletion"]}.get(wanted.propagation, [])
    return [*kept, *added]


def next_state(row: Resource, obj: Object, wanted: Deletion, unix_us: int) -> Object | None:
    """Give the object as the deletion leaves it: None when it goes at once, itself when nothing changes."""
    held = finalizers(row, obj, wanted)
    grace = grace_seconds(row, obj, wanted)
    metadata = dict(obj["metadata"])
    waits = grace > 0 or bool(held) or (row.resource == "namespaces" and objects.dig(obj, "spec.finalizers"))
    if not waits:
        return None
    if held != (metadata.get("finalizers") or []):
        metadata["finalizers"] = held
    if not objects.deleting(obj):
        metadata["deletionTimestamp"] = times.stamp(unix_us + grace * SECOND_US)
        if row.resource != "namespaces":  # their storage writes the time only
            metadata["deletionGracePeriodSeconds"] = grace
        if metadata.get("generation") is not None:
            metadata["generation"] += 1
    elif row.resource == "pods" and grace < metadata.get("deletionGracePeriodSeconds", 0):
        # A shorter grace counts from the moment of the first deletion.
        began_us = times.parse(metadata["deletionTimestamp"]) - metadata["deletionGracePeriodSeconds"] * SECOND_US
        if grace == 0 and not held:
            return None
        metadata["deletionTimestamp"] = times.stamp(began_us + grace * SECOND_US)
        metadata["deletionGracePeriodSeconds"] = grace
    elif metadata == obj["metadata"]:
        return obj
    new = {**obj, "metadata": metadata}
    if row.resource == "namespaces":
        new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
    return new


def released(row: Resource, obj: Object) -> bool:
    """Tell whether nothing holds a deleted object any longer, so that it goes."""
    if not objects.deleting(obj) or obj["metadata"].get("finalizers"):
        return False
    if row.resource == "namespaces" and objects.dig(obj, "spec.finalizers"):
        return False
    return not (row.resource == "pods" and obj["metadata"].get("deletionGracePeriodSeconds"))
