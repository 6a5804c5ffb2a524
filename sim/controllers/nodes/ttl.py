"""The node annotation that says how long kubelets may cache Secrets and ConfigMaps: it grows with the cluster.

Models: pkg/controller/ttl/ttl_controller.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key
from sim.controllers.base import Controller

ANNOTATION = "node.alpha.kubernetes.io/ttl"
BOUNDARIES = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 1 << 31, 300))
"""(from so many nodes, up to so many, seconds); they overlap so that the value does not flap."""


class TTLController(Controller):
    """Annotates nodes."""

    name = "ttl-controller"
    watches = ("nodes",)
    step = 0

    def changed(self, change: Change) -> None:
        """Queue a node that is new; all of them when the cluster has outgrown a boundary."""
        count = self.reader.count("nodes")
        before = self.step
        while count > BOUNDARIES[self.step][1]:
            self.step += 1
        while count < BOUNDARIES[self.step][0]:
            self.step -= 1
        if self.step != before:
            for node in self.reader.list("nodes"):
                self.enqueue(objects.key("nodes", node))
        elif change.new is not None and objects.annotations(change.new).get(ANNOTATION) is None:
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Write the annotation where it differs."""
        node, seconds = self.reader.get(key), str(BOUNDARIES[self.step][2])
        if node is not None and objects.annotations(node).get(ANNOTATION) != seconds:
            self.client.patch(key, {"metadata": {"annotations": {ANNOTATION: seconds}}},
                              because="the cluster's size sets it")
        return None
