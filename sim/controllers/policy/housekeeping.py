"""Garbage collection, pods of vanished nodes, namespaces and their default service account.

Models: pkg/controller/{garbagecollector,podgc,namespace,serviceaccount}. Left out: terminated-pod-gc-threshold,
dangling owner references next to living ones.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.engine import SECOND_US

PODGC_PERIOD_US = 20 * SECOND_US
QUARANTINE_US = 40 * SECOND_US
OWNED = ("pods", "replicasets", "endpointslices", "controllerrevisions", "jobs")
OWNERS = ("deployments", "replicasets", "daemonsets", "statefulsets", "jobs", "replicationcontrollers", "services")
CONTENT = ("deployments", "daemonsets", "statefulsets", "jobs", "replicasets", "replicationcontrollers", "pods",
           "services", "endpoints", "endpointslices", "configmaps", "secrets", "serviceaccounts",
           "poddisruptionbudgets", "leases", "events", "controllerrevisions")


class GarbageCollector(Controller):
    """Deletes what no longer has an owner; frees or waits for dependents as the deletion said."""

    name = "garbage-collector-controller"
    watches = OWNERS + tuple(r for r in OWNED if r not in OWNERS)

    def changed(self, change: Change) -> None:
        """Queue owners that go, and what they leave behind."""
        if change.new is None:
            for resource in OWNED:
                for child in self.reader.by_index(resource, "owner", objects.uid(change.object)):
                    self.enqueue(objects.key(resource, child))
            for owner in objects.owners(change.object):
                resource = f"{owner['kind'].lower()}s"
                self.enqueue(Key(resource, change.key.namespace, owner["name"]))
        elif objects.deleting(change.new):
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Settle one object that is going, or that has lost its owner."""
        obj = self.reader.get(key)
        if obj is None:
            return None
        finalizers = obj["metadata"].get("finalizers") or []
        children = [(r, c) for r in OWNED for c in self.reader.by_index(r, "owner", objects.uid(obj))]
        if objects.deleting(obj) and "orphan" in finalizers:
            for resource, child in children:
                kept = [o for o in objects.owners(child) if o["uid"] != objects.uid(obj)]
                self.client.patch(objects.key(resource, child), {"metadata": {"ownerReferences": kept or None}})
            self._release(key, finalizers, "orphan")
        elif objects.deleting(obj) and "foregroundDeletion" in finalizers:
            for resource, child in children:
                if not objects.deleting(child):
                    self.client.delete(objects.key(resource, child), propagation="Foreground",
                                       because=f"its owner {objects.name(obj)} is being deleted in the foreground")
            if not children:
                self._release(key, finalizers, "foregroundDeletion")
        elif not objects.deleting(obj) and objects.owners(obj) and not any(
            self._alive(owner, key.namespace) for owner in objects.owners(obj)
        ):
            names = ", ".join(f"{o['kind']} {o['name']}" for o in objects.owners(obj))
            self.client.delete(key, propagation="Background", because=f"its owner {names} is gone")
        return None

    def _release(self, key: Key, finalizers: list[str], done: str) -> None:
        left = [f for f in finalizers if f != done]
        self.client.patch(key, {"metadata": {"finalizers": left or None}})

    def _alive(self, owner: Object, namespace: str) -> bool:
        resource = f"{owner['kind'].lower()}s"
        space = "" if owner["kind"] == "Node" else namespace
        found = self.reader.get(Key(resource, space, owner["name"]))
        return found is not None and objects.uid(found) == owner["uid"]


class PodGarbageCollector(Controller):
    """Removes pods of nodes that are gone, 40 s later and on a 20-s grid."""

    name = "pod-garbage-collector-controller"
    watches = ("nodes", "pods")

    def changed(self, change: Change) -> None:
        """Look again when a node is gone or a pod is bound to one that is not there."""
        if change.key.resource == "nodes" and change.new is None:
            self._collect_later(change.key.name)
        elif change.key.resource == "pods" and change.new is not None:
            node = objects.dig(change.new, "spec.nodeName")
            if node and self.reader.get(Key("nodes", "", node)) is None:
                self._collect_later(node)

    def _collect_later(self, node: str) -> None:
        ready_us = self.engine.now_us + QUARANTINE_US
        at_us = -(-ready_us // PODGC_PERIOD_US) * PODGC_PERIOD_US
        self.enqueue_at(Key("nodes", "", node), at_us, f"pods of the deleted node {node} are collected")

    def reconcile(self, key: Key) -> float | None:
        """Force-delete the pods of a node that is still gone."""
        if key.resource != "nodes" or self.reader.get(key) is not None:
            return None
        for pod in self.reader.by_index("pods", "node", key.name):
            self.client.delete(objects.key("pods", pod), grace_seconds=0, because=f"node {key.name} is gone")
        return None


class NamespaceController(Controller):
    """Empties namespaces that are going; gives each its default account and CA."""

    name = "namespace-controller"
    watches = ("namespaces",)

    def changed(self, change: Change) -> None:
        """Queue the namespace."""
        self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Delete the contents and then let go, or make sure of the account."""
        space = self.reader.get(key)
        if space is None:
            return None
        if not objects.deleting(space):
            if self.reader.get(Key("serviceaccounts", key.name, "default")) is None:
                self.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": key.name}})
            if self.reader.get(Key("configmaps", key.name, "kube-root-ca.crt")) is None:
                self.client.create("configmaps", {"metadata": {"name": "kube-root-ca.crt", "namespace": key.name},
                                                  "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\n"}})
            return None
        left = False
        for resource in CONTENT:
            for obj in self.reader.list(resource, key.name):
                left = True
                if not objects.deleting(obj):
                    self.client.delete(objects.key(resource, obj), because=f"namespace {key.name} is being deleted")
        if left:
            return 1.0
        self.client.update(key, objects.put(space, "spec.finalizers", []), subresource="finalize")
        return None
