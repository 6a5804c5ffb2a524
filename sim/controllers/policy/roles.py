"""Cluster roles that are made of others: their rules are those of all roles that their selectors choose.

Models: pkg/controller/clusterroleaggregation. Left out: the apply patch by which upstream writes.
"""

from __future__ import annotations

from sim.api import objects, selectors
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller

ROLES = "clusterroles"


class ClusterRoleAggregationController(Controller):
    """Keeps the rules of aggregated roles."""

    name = "clusterrole-aggregation-controller"
    watches = (ROLES,)

    def changed(self, change: Change) -> None:
        """Queue the aggregated roles when any role changes: there are few, and one may be made of another."""
        if change.old is not None and change.new is not None and all(
                objects.dig(change.old, path) == objects.dig(change.new, path) for path in (
                    "rules", "metadata.labels", "aggregationRule")):
            return
        for role in self.reader.list(ROLES):
            if role.get("aggregationRule"):
                self.enqueue(objects.key(ROLES, role))

    def reconcile(self, key: Key) -> float | None:
        """Write the rules where they are others."""
        role = self.reader.get(key)
        if role is None or not role.get("aggregationRule"):
            return None
        rules: list[Object] = []
        for chosen in role["aggregationRule"].get("clusterRoleSelectors") or []:
            selector = selectors.from_object(chosen)
            for other in self.reader.list(ROLES):
                if objects.name(other) != key.name and selector.matches(objects.labels(other)):
                    rules += [rule for rule in other.get("rules") or [] if rule not in rules]
        present = role.get("rules") or []
        if len(present) != len(rules) or any(rule not in present for rule in rules):
            self.client.update(key, {**role, "rules": rules}, because="a role that it is made of has changed")
        return None
