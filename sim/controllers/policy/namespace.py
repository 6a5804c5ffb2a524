"""Namespaces: emptied when they go; each gets its default service account and the cluster's CA.

Models: pkg/controller/namespace (namespace_controller.go, deletion/), pkg/controller/serviceaccount,
pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.api.errors import StatusError
from sim.controllers.base import Controller
from sim.controllers.policy import kinds

GRACE_SECONDS = 5.0
"""A namespace that goes is looked at this much later, so that every API server knows that it goes."""
CALM = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    ("NamespaceDeletionContentFailure", "ContentDeleted",
     "All content successfully deleted, may be waiting on finalization"),
)


class NamespaceController(Controller):
    """Empties namespaces that are going, then lets go of them."""

    name = "namespace-controller"
    watches = ("namespaces",)

    def changed(self, change: Change) -> None:
        """Queue a namespace that begins to go."""
        if change.new is not None and objects.deleting(change.new):
            at_us = self.engine.now_us + round(GRACE_SECONDS * 1_000_000)
            self.enqueue_at(change.key, at_us, f"namespace {change.key.name} is emptied")

    def reconcile(self, key: Key) -> float | None:
        """Delete the contents; when nothing is left, take the finalizer away."""
        space = self.reader.get(key)
        if space is None or not objects.deleting(space):
            return None
        if "kubernetes" not in objects.dig(space, "spec.finalizers", []):
            return None
        left: dict[str, int] = {}
        held: dict[str, int] = {}
        estimate = 0
        for resource in self._content():
            for obj in self.reader.list(resource, key.name):
                if not objects.deleting(obj):
                    self.client.delete(objects.key(resource, obj), propagation="Background",
                                       because=f"namespace {key.name} is being deleted")
            for obj in self.reader.list(resource, key.name):
                left[resource] = left.get(resource, 0) + 1
                for finalizer in obj["metadata"].get("finalizers") or []:
                    held[finalizer] = held.get(finalizer, 0) + 1
                wait = obj["metadata"].get("deletionGracePeriodSeconds", 0) if resource == "pods" else 0
                estimate = max(estimate, wait, 15 if obj["metadata"].get("finalizers") else 0)
        self._conditions(key, space, left, held)
        if left:
            return estimate / 2 + 1.0
        finalizers = [each for each in objects.dig(space, "spec.finalizers", []) if each != "kubernetes"]
        self.client.update(key, objects.put(self.reader.get(key) or space, "spec.finalizers", finalizers),
                           subresource="finalize")
        return None

    def _content(self) -> list[str]:
        custom = [kind.resource for _, kind in map(kinds.custom, self.reader.list(kinds.DEFINITIONS)) if kind.namespaced]
        return [*kinds.CONTENT, *custom]

    def _conditions(self, key: Key, space: Object, left: dict[str, int], held: dict[str, int]) -> None:
        rows = [(kind, "False", reason, text) for kind, reason, text in CALM]
        if left:
            shown = ", ".join(f"{name}. has {count} resource instances" for name, count in sorted(left.items()))
            rows.append(("NamespaceContentRemaining", "True", "SomeResourcesRemain", f"Some resources are remaining: {shown}"))
        else:
            rows.append(("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"))
        if held:
            shown = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(held.items()))
            rows.append(("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
                         f"Some content in the namespace has finalizers remaining: {shown}"))
        else:
            rows.append(("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
                         "All content-preserving finalizers finished"))
        conditions = objects.dig(space, "status.conditions", [])
        for kind, status, reason, message in rows:
            conditions = objects.with_condition(conditions, {
                "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": self.now()})
        if conditions != objects.dig(space, "status.conditions", []):
            self.client.update(key, objects.put(space, "status.conditions", conditions), subresource="status",
                               canonical=self.version[1])


class _PerNamespace(Controller):
    """Keeps one object in every namespace that is not going."""

    resource, object_name = "", ""

    def changed(self, change: Change) -> None:
        """Queue the namespace, also when its object is gone or changed."""
        if change.key.resource == "namespaces":
            if change.new is not None:
                self.enqueue(change.key)
        elif change.key.name == self.object_name:
            self.enqueue(Key("namespaces", "", change.key.namespace))

    def reconcile(self, key: Key) -> float | None:
        """Make the object where it is missing, mend it where it differs."""
        space = self.reader.get(key)
        if space is None or objects.deleting(space):
            return None
        place = Key(self.resource, key.name, self.object_name)
        found, content = self.reader.get(place), self.content()
        if found is None:
            body = {"metadata": {"name": place.name, "namespace": place.namespace, **self.metadata()}, **content}
            try:
                self.client.create(self.resource, body, because=f"namespace {key.name} has none")
            except StatusError as error:
                if error.reason not in ("AlreadyExists", "Forbidden"):
                    raise
        elif any(found.get(part) != value for part, value in content.items()):
            self.client.update(place, {**found, **content}, because="it was changed")
        return None

    def content(self) -> Object:
        """Give what the object holds."""
        return {}

    def metadata(self) -> Object:
        """Give further metadata of a new object."""
        return {}


class ServiceAccountController(_PerNamespace):
    """Makes the service account `default`."""

    name = "serviceaccount-controller"
    watches = ("namespaces", "serviceaccounts")
    resource, object_name = "serviceaccounts", "default"


class RootCAPublisher(_PerNamespace):
    """Makes the ConfigMap with the cluster's CA, which pods verify the API server by."""

    name = "root-ca-certificate-publisher-controller"
    watches = ("namespaces", "configmaps")
    resource, object_name = "configmaps", "kube-root-ca.crt"

    def content(self) -> Object:
        """Give the certificate."""
        return {"data": {"ca.crt": "-----BEGIN CERTIFICATE-----\n"}}

    def metadata(self) -> Object:
        """Give the note that upstream writes."""
        return {"annotations": {"kubernetes.io/description": (
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
            "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
            "Kubernetes clusters.")}}
