"""The table of resources and the store's indexes.

Models: what discovery (`/apis`) says of an upstream server, and pkg/registry/*/storage for indexes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from sim.api import objects
from sim.api.client import Object
from sim.apiserver.kinds import ROWS
from sim.apiserver.kinds.row import ALL_VERBS, Resource
from sim.etcd.store import Index

__all__ = ["ALL_VERBS", "INDEXES", "RESOURCES", "ROWS", "Index", "Resource"]
POD_GENERATION_SINCE = 34
"""Since when pods have a metadata.generation (feature PodObservedGenerationTracking)."""
RESOURCES: dict[str, Resource] = {row.resource: row for row in ROWS}


@cache
def served(minor: int) -> dict[str, Resource]:
    """Give the rows that Kubernetes 1.MINOR serves, some in an older version."""
    rows = (row if row.since <= minor else replace(row, version=row.older) if row.older else None for row in ROWS)
    found = {row.resource: row for row in rows if row is not None}
    if minor < POD_GENERATION_SINCE:
        found["pods"] = replace(found["pods"], spec_fields=())
    return found


NONE: list[str] = []


def _owners(obj: Object) -> list[str]:
    references = obj["metadata"].get("ownerReferences")
    return [owner["uid"] for owner in references] if references else NONE


def _orphan(obj: Object) -> list[str]:
    return [] if objects.controller_of(obj) else [objects.namespace(obj)]


def _node(pod: Object) -> tuple[str]:
    return ((pod.get("spec") or {}).get("nodeName") or "",)


def _controller(obj: Object) -> tuple[str]:
    owner = objects.controller_of(obj)
    return (owner["kind"] if owner else "",)


_LOOPS, _URL = ("while", "until", "for", "-z", "--vus", "-n"), re.compile(r"https?://([a-z0-9-]+)(?:\.([a-z0-9-]+))?")


def _calls(pod: Object) -> list[str]:
    """Name the services (`namespace/name`) that a pod's command line calls again and again."""
    found: dict[str, None] = {}
    for each in (pod.get("spec") or {}).get("containers") or ():
        if not each.get("command") and not each.get("args"):
            continue
        text = " ".join(str(word) for word in (*(each.get("command") or ()), *(each.get("args") or ())))
        if "://" in text and any(loop in text for loop in _LOOPS):
            for name, space in _URL.findall(text):
                found[f"{space or objects.namespace(pod)}/{name}"] = None
    return list(found)


def _about(event: Object) -> tuple[str]:
    return ((event.get("involvedObject") or {}).get("uid") or "",)


OWNERS, LABELS = ("metadata", "ownerReferences"), ("metadata", "labels")
INDEXES: dict[str, dict[str, Index]] = {
    "*": {"owner": Index(_owners, OWNERS)},
    "pods": {"node": Index(_node, ("spec",)), "orphan": Index(_orphan, OWNERS), "controller": Index(_controller, OWNERS),
             "calls": Index(_calls, ("spec",))},
    "replicasets": {"orphan": Index(_orphan, OWNERS)},
    "controllerrevisions": {"orphan": Index(_orphan, OWNERS)},
    "events": {"about": Index(_about, ("involvedObject",))},
    "endpointslices": {"service": Index(lambda s: (objects.labels(s).get("kubernetes.io/service-name", ""),), LABELS)},
}
"""What the store keeps indexed: any list inside a reconcile must be one of these."""
