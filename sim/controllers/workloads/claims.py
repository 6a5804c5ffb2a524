"""Which objects a controller's object owns: adopts matching orphans, releases what no longer matches.

Models: pkg/controller/controller_ref_manager.go. Left out: the live read before an adoption (caches are never behind).
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Client, Object
from sim.api.selectors import Selector


def claim(client: Client, owner: Object, resource: str, selector: Selector) -> list[Object]:
    """Give the objects that the owner controls, in order of creation, after adopting and releasing."""
    uid, space = objects.uid(owner), objects.namespace(owner)
    reader, gone = client.reader, objects.deleting(owner)
    owned = []
    for found in reader.by_index(resource, "owner", uid):
        if objects.controller_uid(found) != uid:
            continue
        if selector.matches(objects.labels(found)):
            owned.append(found)
        elif not gone:
            left = [each for each in objects.owners(found) if each["uid"] != uid]
            client.patch(objects.key(resource, found), {"metadata": {"ownerReferences": left or None}},
                         because=f"its labels no longer match the selector of {owner['kind']} {objects.name(owner)}")
    if gone:
        return owned
    for found in reader.by_index(resource, "orphan", space):
        if not objects.deleting(found) and selector.matches(objects.labels(found)):
            references = [*objects.owners(found), objects.controller_reference(owner)]
            owned.append(client.patch(
                objects.key(resource, found), {"metadata": {"ownerReferences": references}},
                because=f"{owner['kind']} {objects.name(owner)} adopts it"))
    return owned


def would_adopt(client: Client, resource: str, orphan: Object, owners: str) -> list[Object]:
    """Give the objects of the resource `owners` in the orphan's namespace that would adopt it."""
    from sim.api import selectors

    return [owner for owner in client.reader.list(owners, objects.namespace(orphan))
            if selectors.from_object(objects.dig(owner, "spec.selector")).matches(objects.labels(orphan))]
