"""ResourceQuotas: the controller writes what a namespace uses; admission has charged most of it already.

Models: pkg/controller/resourcequota.
"""

from __future__ import annotations

from fractions import Fraction

from sim.api import objects, quota
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller

QUOTAS = "resourcequotas"
COUNTED = ("pods", "services", "persistentvolumeclaims", "configmaps", "secrets", "replicationcontrollers", "deployments",
           "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs", "resourcequotas")
GROUPS = {"deployments": "apps", "replicasets": "apps", "statefulsets": "apps", "daemonsets": "apps", "jobs": "batch",
          "cronjobs": "batch"}


class ResourceQuotaController(Controller):
    """Counts a namespace's objects for its quotas."""

    name = "resourcequota-controller"
    watches = COUNTED

    def changed(self, change: Change) -> None:
        """Queue a quota that changed; and those of a namespace where something has gone or has ended."""
        if change.key.resource == QUOTAS and change.new is not None:
            if change.old is None or change.old.get("spec") != change.new.get("spec"):
                self.enqueue(change.key)
            return
        if not self.reader.count(QUOTAS):
            return
        ended = change.key.resource == "pods" and change.new is not None and objects.pod_finished(change.new) and not (
            change.old is not None and objects.pod_finished(change.old))
        if change.new is None or ended:
            for found in self.reader.list(QUOTAS, change.key.namespace):
                self.enqueue(objects.key(QUOTAS, found))

    def reconcile(self, key: Key) -> float | None:
        """Count anew, and write what differs."""
        found = self.reader.get(key)
        if found is None:
            return None
        hard: Object = objects.dig(found, "spec.hard", {})
        totals: dict[str, Fraction] = {name: Fraction(0) for name in hard}
        for resource in COUNTED:
            if not any(self._asks(name, resource) for name in hard):
                continue
            for obj in self.reader.list(resource, key.namespace):
                if quota.in_scope(found, resource, obj):
                    for name, amount in quota.usage(resource, GROUPS.get(resource, ""), obj).items():
                        if name in totals:
                            totals[name] += amount
        status = {"hard": hard, "used": {name: quota.text(name, amount) for name, amount in totals.items()}}
        if status != found.get("status"):
            self.client.update(key, {**found, "status": status}, subresource="status", canonical=self.version[1])
        return None

    @staticmethod
    def _asks(name: str, resource: str) -> bool:
        """Tell whether objects of the resource count for a name of `hard`."""
        if name.startswith("count/"):
            return name == quota.count_name(resource, GROUPS.get(resource, ""))
        if resource == "pods":
            return name not in COUNTED or name == "pods"
        return name.split(".", maxsplit=1)[0] == resource or (resource == "persistentvolumeclaims" and name == "requests.storage")


