"""Histories of templates as ControllerRevisions: what DaemonSets and StatefulSets roll back to.

Models: pkg/controller/history/controller_history.go.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, selectors
from sim.api.client import Client, Key, Object
from sim.controllers.workloads.claims import claim
from sim.controllers.workloads.hashing import compute_hash

HASH = "controller.kubernetes.io/hash"
REVISIONS = "controllerrevisions"


def history_of(client: Client, owner: Object) -> list[Object]:
    """Give the owner's revisions, oldest first."""
    selector = selectors.from_object(objects.dig(owner, "spec.selector"))
    return sorted(claim(client, owner, REVISIONS, selector), key=lambda each: (each["revision"], objects.name(each)))


def data_of(owner: Object) -> dict[str, Any]:
    """Give what a revision keeps: the template, as a patch that replaces it."""
    return {"spec": {"template": {**objects.dig(owner, "spec.template", {}), "$patch": "replace"}}}


def latest(client: Client, owner: Object, history: list[Object], *, label: str) -> Object:
    """Give the revision of the owner's present template; make it, or raise an older equal one to the newest.

    label: the label that holds the hash on the revision (each kind has its own beside the common one).
    """
    data, number = data_of(owner), max((each["revision"] for each in history), default=0) + 1
    for found in reversed(history):
        if found["data"] == data:
            if found["revision"] == number - 1:
                return found
            return client.update(objects.key(REVISIONS, found), {**found, "revision": number},
                                 because="its template is wanted again")
    collisions = objects.dig(owner, "status.collisionCount", 0)
    while True:
        mark = compute_hash(data, collisions)
        name = f"{objects.name(owner)}-{mark}"
        there = client.reader.get(Key(REVISIONS, objects.namespace(owner), name))
        if there is None:
            break
        collisions += 1
    labels = {**objects.dig(owner, "spec.template.metadata.labels", {}), label: mark}
    return client.create(REVISIONS, {
        "metadata": {"name": name, "namespace": objects.namespace(owner), "labels": labels,
                     "annotations": {n: v for n, v in objects.annotations(owner).items()
                                     if n != "kubectl.kubernetes.io/last-applied-configuration"} or None,
                     "ownerReferences": [objects.controller_reference(owner)]},
        "data": data, "revision": number,
    }, because=f"the pod template of {owner['kind']} {objects.name(owner)} is new")


def truncate(client: Client, owner: Object, history: list[Object], live: set[str]) -> None:
    """Delete the oldest revisions that no pod uses, beyond revisionHistoryLimit."""
    limit = objects.dig(owner, "spec.revisionHistoryLimit", 10)
    idle = [each for each in history if objects.name(each) not in live]
    for each in idle[: max(0, len(idle) - limit)]:
        client.delete(objects.key(REVISIONS, each), because=f"revisionHistoryLimit {limit}")
