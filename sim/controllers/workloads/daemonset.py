"""The DaemonSet controller: one pod on each node that it may run on.

Models: pkg/controller/daemon/daemon_controller.go. Left out: rolling update of templates, surge, back-off of failed pods.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, scheduling
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.controllers.workloads.hashing import compute_hash
from sim.controllers.workloads.pods import owned_pods, pod_from_template

TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"), ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"), ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


def daemon_spec(daemon: Object, node: str) -> dict[str, Any]:
    """Give what a daemon pod has beside its template: its node by affinity, and its tolerations."""
    spec = objects.dig(daemon, "spec.template.spec", {})
    tolerated = list(TOLERATED)
    if spec.get("hostNetwork"):
        tolerated.append(("node.kubernetes.io/network-unavailable", "NoSchedule"))
    extra = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in tolerated]
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    affinity = {**(spec.get("affinity") or {}), "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    return {"tolerations": [*(spec.get("tolerations") or []), *extra], "affinity": affinity}


class DaemonSetController(Controller):
    """Keeps a daemon's pods where they belong, and counts them."""

    name = "daemonset-controller"
    watches = ("daemonsets", "pods", "nodes")

    def changed(self, change: Change) -> None:
        """Queue the set; a node whose labels, taints or existence changed queues all sets."""
        resource = change.key.resource
        if resource == "daemonsets":
            self.enqueue(change.key)
        elif resource == "pods":
            owner = objects.controller_of(change.object)
            if owner and owner["kind"] == "DaemonSet":
                self.enqueue(Key("daemonsets", change.key.namespace, owner["name"]))
        elif change.old is None or change.new is None or self._matters(change.old, change.new):
            for daemon in self.reader.list("daemonsets"):
                self.enqueue(objects.key("daemonsets", daemon))

    @staticmethod
    def _matters(old: Object, new: Object) -> bool:
        return objects.labels(old) != objects.labels(new) or old.get("spec") != new.get("spec")

    def reconcile(self, key: Key) -> float | None:
        """Create and delete, then write the status."""
        daemon = self.reader.get(key)
        if daemon is None or objects.deleting(daemon):
            return None
        pods = owned_pods(self.reader, daemon)
        on_node: dict[str, list[Object]] = {}
        for pod in pods:
            on_node.setdefault(_node_of(pod), []).append(pod)
        wanted = 0
        for node in self.reader.list("nodes"):
            name = objects.name(node)
            should_run, should_stay = self.verdict(daemon, node)
            wanted += should_run
            here = [pod for pod in on_node.pop(name, []) if not objects.deleting(pod)]
            failed = [pod for pod in here if objects.pod_finished(pod)]
            for pod in failed:
                self.client.delete(objects.key("pods", pod), because="the daemon pod has failed")
            here = [pod for pod in here if pod not in failed]
            if should_run and not here:
                self._create(daemon, name)
            for pod in here[1 if should_stay else 0:]:
                self.client.delete(objects.key("pods", pod), because=f"{name} should not run it")
                self.recorder.event(daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")
        for pods_left in on_node.values():
            for pod in pods_left:
                if not objects.deleting(pod) and not objects.dig(pod, "spec.nodeName"):
                    self.client.delete(objects.key("pods", pod), because="its node is gone")
        self._status(key, daemon, wanted)
        return None

    @staticmethod
    def verdict(daemon: Object, node: Object) -> tuple[bool, bool]:
        """Tell (should run there, may stay there). Models: NodeShouldRunDaemonPod."""
        template = objects.dig(daemon, "spec.template.spec", {})
        pod = {"metadata": {}, "spec": {**template, "tolerations": daemon_spec(daemon, "")["tolerations"]}}
        if not scheduling.matches_node_affinity(pod, node):
            return False, False
        taints = objects.dig(node, "spec.taints", [])
        bad = [t for t in taints if not scheduling.tolerates(pod, t)]
        if any(t["effect"] == "NoExecute" for t in bad):
            return False, False
        return not any(t["effect"] == "NoSchedule" for t in bad), True

    def _create(self, daemon: Object, node: str) -> None:
        template = objects.dig(daemon, "spec.template", {})
        marks = {"controller-revision-hash": compute_hash(template),
                 "pod-template-generation": str(daemon["metadata"].get("generation", 1))}
        template = objects.put(template, "metadata.labels", {**objects.dig(template, "metadata.labels", {}), **marks})
        pod = pod_from_template(daemon, template, **daemon_spec(daemon, node))
        made = self.client.create("pods", pod, because=f"{node} has no pod of DaemonSet {objects.name(daemon)}")
        self.recorder.event(daemon, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(made)}")

    def _status(self, key: Key, daemon: Object, wanted: int) -> None:
        pods = [p for p in owned_pods(self.reader, daemon) if not objects.deleting(p)]
        placed = {_node_of(pod): pod for pod in pods}
        nodes = {objects.name(node): node for node in self.reader.list("nodes")}
        right = {name: pod for name, pod in placed.items() if name in nodes and self.verdict(daemon, nodes[name])[1]}
        ready = sum(1 for pod in right.values() if objects.pod_ready(pod))
        status = {
            "currentNumberScheduled": len(right), "desiredNumberScheduled": wanted, "numberAvailable": ready,
            "numberMisscheduled": len(placed) - len(right), "numberReady": ready,
            "numberUnavailable": max(0, wanted - ready), "updatedNumberScheduled": len(right),
            "observedGeneration": daemon["metadata"].get("generation", 1),
        }
        status = {n: v for n, v in status.items() if v or n not in (
            "numberAvailable", "numberUnavailable", "updatedNumberScheduled")}
        if status != daemon.get("status"):
            self.client.update(key, {**daemon, "status": status}, subresource="status")


def _node_of(pod: Object) -> str:
    bound = objects.dig(pod, "spec.nodeName", "")
    if bound:
        return str(bound)
    terms = objects.dig(
        pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", [])
    for term in terms:
        for field in term.get("matchFields") or []:
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""
