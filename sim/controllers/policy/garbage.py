"""Garbage collection: what has lost all its owners goes; deletions in the foreground wait, orphaning ones let go.

Models: pkg/controller/garbagecollector (garbagecollector.go, graph_builder.go). The graph is the store's index by owner.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.policy import kinds

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Owners(NamedTuple):
    """An object's owner references by what became of the owners."""

    solid: list[Object]
    dangling: list[Object]
    waiting: list[Object]


class Ruling(NamedTuple):
    """What is done with an object: delete it with a policy, and strip references to owners of these classes."""

    action: str
    policy: str
    strip: tuple[str, ...]


def finalizers(obj: Object) -> list[str]:
    """Give metadata.finalizers."""
    return obj["metadata"].get("finalizers") or []


def waits(obj: Object) -> bool:
    """Tell whether the object is deleted in the foreground: it waits for its dependents."""
    return objects.deleting(obj) and FOREGROUND in finalizers(obj)


def rule(obj: Object, owners: Owners, dependents: int) -> Ruling:
    """Decide what becomes of an object that is not itself waiting. Models: attemptToDeleteItem."""
    if objects.deleting(obj) or not any(owners):
        return Ruling("keep", "", ())
    if owners.solid:
        strip = tuple(name for name in ("dangling", "waiting") if getattr(owners, name))
        return Ruling("keep", "", strip)
    if owners.waiting and dependents:
        return Ruling("delete", "Foreground", ())
    own = "Orphan" if ORPHAN in finalizers(obj) else "Foreground" if FOREGROUND in finalizers(obj) else "Background"
    return Ruling("delete", own, ())


def unblocked(references: list[Object]) -> list[Object]:
    """Give owner references that no longer hold up their owners' deletion."""
    return [{**each, "blockOwnerDeletion": False} if each.get("blockOwnerDeletion") else each for each in references]


class GarbageCollector(Controller):
    """Deletes what no longer has an owner; frees or waits for dependents as the deletion said."""

    name = "garbage-collector-controller"
    watches = kinds.COLLECTED

    def start(self) -> None:
        """Begin, and watch custom kinds as they come."""
        self._custom: dict[str, None] = {}
        super().start()
        for definition in self.reader.list(kinds.DEFINITIONS):
            self._watch_custom(definition)

    def _watch_custom(self, definition: Object) -> None:
        _, kind = kinds.custom(definition)
        if kind.resource in self._custom:
            return
        try:
            self._open.append(self.client.watch(kind.resource, self.changed).stop)
        except StatusError:
            return
        self._custom[kind.resource] = None
        for obj in self.reader.list(kind.resource):
            self.changed(Change(0, "ADDED", objects.key(kind.resource, obj), None, obj, self.engine.now_us))

    def changed(self, change: Change) -> None:
        """Queue objects that lost an owner, owners that wait, and what begins to go."""
        new, old = change.new, change.old
        if change.key.resource == kinds.DEFINITIONS and new is not None:
            self._watch_custom(new)
        if new is None:
            for key, _ in self.dependents(change.object):
                self.enqueue(key)
            self._queue_owners(change.object)
            return
        begins = objects.deleting(new) and not (old is not None and objects.deleting(old))
        if begins and (FOREGROUND in finalizers(new) or ORPHAN in finalizers(new)):
            self.enqueue(change.key)
        if begins:
            self._queue_owners(new)
        references = objects.owners(new)
        if old is None:
            if references and self._doubtful(new):
                self.enqueue(change.key)
        elif objects.owners(old) != references:
            if references and self._doubtful(new):
                self.enqueue(change.key)
            self._queue_owners(old)

    def _queue_owners(self, obj: Object) -> None:
        """Owners that wait for their dependents have one less."""
        for reference in objects.owners(obj):
            found = self._owner(obj, reference)
            if found is not None and waits(found[1]):
                self.enqueue(found[0])

    def _doubtful(self, obj: Object) -> bool:
        """Tell whether some owner is not plainly there."""
        return any((found := self._owner(obj, each)) is None or waits(found[1]) for each in objects.owners(obj))

    # ---- the graph --------------------------------------------------------------------------------------------
    def _resources(self) -> tuple[str, ...]:
        return (*self.watches, *self._custom)

    def dependents(self, owner: Object) -> list[tuple[Key, Object]]:
        """Give the objects that name the owner."""
        uid = objects.uid(owner)
        return [(objects.key(resource, child), child) for resource in self._resources()
                for child in self.reader.by_index(resource, "owner", uid)]

    def _owner(self, obj: Object, reference: Object) -> tuple[Key, Object] | None:
        """Give the owner that a reference means, where it is there (same uid, and the object's own namespace)."""
        kind = kinds.find(str(reference.get("kind", "")), self.reader)
        if kind is None:
            return None
        space = objects.namespace(obj) if kind.namespaced else ""
        key = Key(kind.resource, space, str(reference.get("name", "")))
        found = self.reader.get(key)
        return (key, found) if found is not None and objects.uid(found) == reference.get("uid") else None

    def classify(self, obj: Object) -> Owners | None:
        """Sort the owner references; None where one cannot be resolved (a namespaced owner of a cluster-wide object)."""
        sorted_ = Owners([], [], [])
        for reference in objects.owners(obj):
            kind = kinds.find(str(reference.get("kind", "")), self.reader)
            if kind is not None and kind.namespaced and not objects.namespace(obj):
                return None
            found = self._owner(obj, reference)
            group = sorted_.dangling if found is None else sorted_.waiting if waits(found[1]) else sorted_.solid
            group.append(reference)
        return sorted_

    # ---- settling one object ----------------------------------------------------------------------------------
    def reconcile(self, key: Key) -> float | None:
        """Settle one object that is going, or that may have lost its owners."""
        obj = self.reader.get(key)
        if obj is None:
            return None
        if objects.deleting(obj) and ORPHAN in finalizers(obj):
            self._orphan(key, obj)
        elif waits(obj):
            self._wait(key, obj)
        elif objects.owners(obj) and not objects.deleting(obj):
            self._settle(key, obj)
        return None

    def _orphan(self, key: Key, obj: Object) -> None:
        for child_key, child in self.dependents(obj):
            kept = [each for each in objects.owners(child) if each["uid"] != objects.uid(obj)]
            self.client.patch(child_key, {"metadata": {"ownerReferences": kept or None}},
                              because=f"its owner {objects.name(obj)} was deleted without it")
        self._release(key, obj, ORPHAN)

    def _wait(self, key: Key, obj: Object) -> None:
        """Go on with a deletion in the foreground: dependents first, those that block."""
        blocking = [(k, child) for k, child in self.dependents(obj) if any(
            each["uid"] == objects.uid(obj) and each.get("blockOwnerDeletion") for each in objects.owners(child))]
        if not blocking:
            for child_key, _ in self.dependents(obj):
                self.enqueue(child_key)
            self._release(key, obj, FOREGROUND)
            return
        for child_key, child in self.dependents(obj):
            if not objects.deleting(child):
                self._settle(child_key, child)

    def _release(self, key: Key, obj: Object, done: str) -> None:
        left = [each for each in finalizers(obj) if each != done]
        self.client.patch(key, {"metadata": {"finalizers": left or None}}, because=f"finalizer {done} is done")

    def _settle(self, key: Key, obj: Object) -> None:
        owners = self.classify(obj)
        self._report_invalid(obj)
        if owners is None:
            return
        children = self.dependents(obj)
        ruling = rule(obj, owners, len(children))
        if ruling.strip:
            gone = {each["uid"] for name in ruling.strip for each in getattr(owners, name)}
            kept = [each for each in objects.owners(obj) if each["uid"] not in gone]
            self.client.patch(key, {"metadata": {"ownerReferences": kept or None}},
                              because="owners that are gone are no longer named")
        elif ruling.action == "delete":
            if ruling.policy == "Foreground" and any(waits(child) for _, child in children):
                self._unblock(key, obj)
            names = ", ".join(f"{each['kind']} {each['name']}" for each in objects.owners(obj))
            self.client.delete(key, propagation=ruling.policy, uid=objects.uid(obj), because=f"its owner {names} is gone")

    def _unblock(self, key: Key, obj: Object) -> None:
        """Break a circle of objects that wait for each other."""
        freed = unblocked(objects.owners(obj))
        if freed != objects.owners(obj):
            self.client.patch(key, {"metadata": {"ownerReferences": freed}}, because="its dependents wait for it too")

    def _report_invalid(self, obj: Object) -> None:
        """Say so where an owner is named that lies in another namespace."""
        for reference in objects.owners(obj):
            kind = kinds.find(str(reference.get("kind", "")), self.reader)
            if kind is None or not kind.namespaced or self._owner(obj, reference) is not None:
                continue
            elsewhere = any(objects.uid(each) == reference.get("uid") for each in self._named(kind, reference))
            if elsewhere or not objects.namespace(obj):
                space = objects.namespace(obj)
                shown = (f"[{reference.get('apiVersion')}/{reference['kind']}, namespace: {space}, "
                         f"name: {reference['name']}, uid: {reference['uid']}]")
                text = f'ownerRef {shown} does not exist in namespace "{space}"'
                self.recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", text)

    def _named(self, kind: kinds.Kind, reference: Object) -> list[Object]:
        return [found for space in self.reader.list("namespaces") if (found := self.reader.get(
            Key(kind.resource, objects.name(space), str(reference.get("name", ""))))) is not None]
