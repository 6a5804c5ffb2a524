"""What an object is like now, in a student's words, and what is in its way: the head of a `:why` story."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.lab.telling.clock import clock, span

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def headline(lab: Lab, key: Key, last: Change) -> str:
    """Say in a sentence what the object is like now."""
    kind = last.object.get("kind", key.resource)
    name = f"{kind} {'/'.join(filter(None, (key.namespace, key.name)))}"
    if last.new is None:
        return f"{name} is gone since {clock(lab, last.at_us)}."
    state = STATES.get(key.resource)
    return f"{name} {state(last.new) if state else 'is there'}."


def _pod(pod: Object) -> str:
    node = objects.dig(pod, "spec.nodeName", "")
    phase = objects.dig(pod, "status.phase", "Pending")
    if objects.deleting(pod):
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        return f"is on its way out{' on ' + node if node else ''}: told to stop, with {grace} s of grace"
    if not node:
        return "waits for a node: the scheduler has not placed it"
    if phase == "Running":
        return f"runs on {node} and is {'' if objects.pod_ready(pod) else 'not '}ready"
    return f"is {phase} on {node}"


def _node(node: Object) -> str:
    ready = objects.condition(node, "Ready") or {}
    words = {"True": "is Ready", "False": "is NotReady", "Unknown": "is NotReady: nobody has heard of its kubelet"}
    state = words.get(str(ready.get("status")), "has not reported yet")
    return state + (", and cordoned (no new pods)" if objects.dig(node, "spec.unschedulable") else "")


def _workload(obj: Object) -> str:
    wanted = objects.dig(obj, "spec.replicas", objects.dig(obj, "status.desiredNumberScheduled", 0))
    ready = objects.dig(obj, "status.readyReplicas", objects.dig(obj, "status.numberReady", 0))
    return f"wants {wanted} pod{'' if wanted == 1 else 's'} and has {ready} ready"


def _budget(pdb: Object) -> str:
    status = pdb.get("status") or {}
    allowed = status.get("disruptionsAllowed", 0)
    return (f"allows {allowed} eviction{'' if allowed == 1 else 's'} now: {status.get('currentHealthy', 0)} healthy pods, "
            f"at least {status.get('desiredHealthy', 0)} must stay, {status.get('expectedPods', 0)} expected")


STATES: dict[str, Callable[[Object], str]] = {
    "pods": _pod, "nodes": _node, "deployments": _workload, "replicasets": _workload, "statefulsets": _workload,
    "daemonsets": _workload, "poddisruptionbudgets": _budget}


# ---- what is in the way -------------------------------------------------------------------------------------------
def details(lab: Lab, key: Key, last: Change, cluster: str = "") -> list[str]:
    """Say what is in the way of an object of a cluster, each in a line."""
    if last.new is None:
        return []
    more = DETAILS.get(key.resource)
    return [*_timers(lab, key), *(more(lab, last.new, cluster) if more else [])]


def _timers(lab: Lab, key: Key) -> list[str]:
    """Name the timers that are about this object."""
    name = f"{key.namespace}/{key.name}" if key.namespace else key.name
    return [f"in {span((timer.at_us - lab.now_us) / 1e6)}: {timer.label}" for timer in lab.engine.timers()
            if timer.about in (key, key.name, name) or name in timer.label.split()][:4]


def _pod_details(lab: Lab, pod: Object, cluster: str) -> list[str]:
    found = []
    scheduled = objects.condition(pod, "PodScheduled") or {}
    if scheduled.get("status") == "False":
        found.append(f"the scheduler says: {scheduled.get('message', scheduled.get('reason', ''))}")
        found += placement(lab, pod, cluster)
    for status in objects.dig(pod, "status.containerStatuses", []):
        waiting = objects.dig(status, "state.waiting")
        if waiting:
            text = f": {waiting['message']}" if waiting.get("message") else ""
            found.append(f"container {status['name']} waits: {waiting.get('reason', '')}{text}")
        ended = objects.dig(status, "lastState.terminated") or objects.dig(status, "state.terminated")
        if ended:
            found.append(f"container {status['name']} ended with exit code {ended.get('exitCode')} ({ended.get('reason', '')}), "
                         f"restarted {status.get('restartCount', 0)} times")
    if objects.deleting(pod):
        node = objects.dig(pod, "spec.nodeName", "")
        store = lab.store(cluster)
        silent = store.get(Key("nodes", "", node)) if node and store is not None else None
        if silent is not None and objects.condition_status(silent, "Ready") != "True":
            found.append(f"it stays Terminating because the kubelet of {node} does not answer: only that kubelet can say that the "
                         "containers have ended (or somebody deletes the pod by force)")
        if pod["metadata"].get("finalizers"):
            found.append(f"it stays because of its finalizers: {', '.join(pod['metadata']['finalizers'])}")
    return found


def placement(lab: Lab, pod: Object, cluster: str = "") -> list[str]:
    """Say per node which of the scheduler's filters refused the pod; nothing while no scheduler can tell."""
    for name in lab.world.cluster(cluster).hosts:
        explain = lab.network.hosts[name].disks.get("scheduler.explain")
        if explain is not None:
            return [f"  {node}: {reason}" for node, reason in explain(pod)]
    return []


def _node_details(lab: Lab, node: Object, cluster: str) -> list[str]:
    found = [f"{condition['type']} is {condition['status']} since {condition.get('lastTransitionTime', '?')}: "
             f"{condition.get('reason', '')} ({condition.get('message', '')})"
             for condition in objects.dig(node, "status.conditions", [])
             if (condition["type"] == "Ready") != (condition["status"] == "True")]
    taints = [f"{t['key']}:{t['effect']}" for t in objects.dig(node, "spec.taints", [])]
    return [*found, *([f"taints: {', '.join(taints)}"] if taints else [])]


def _workload_details(lab: Lab, obj: Object, cluster: str) -> list[str]:
    store = lab.store(cluster)
    if store is None:
        return []
    owners, pods = [objects.uid(obj)], []
    for owner in owners:
        owners += [objects.uid(each) for each in store.by_index("replicasets", "owner", owner)]
        pods += store.by_index("pods", "owner", owner)
    return [f"pod {objects.name(pod)} {_pod(pod)}" for pod in pods if not objects.pod_ready(pod) or objects.deleting(pod)][:6]


def _budget_details(lab: Lab, pdb: Object, cluster: str) -> list[str]:
    status = pdb.get("status") or {}
    if status.get("disruptionsAllowed", 0) > 0:
        return []
    return ["an eviction is refused (429) until more pods than must stay are healthy: add a replica, or wait until pods are ready"]


DETAILS: dict[str, Callable[[Lab, Object, str], list[str]]] = {
    "pods": _pod_details, "nodes": _node_details, "deployments": _workload_details, "replicasets": _workload_details,
    "statefulsets": _workload_details, "daemonsets": _workload_details, "poddisruptionbudgets": _budget_details}


# ---- what a change changed ----------------------------------------------------------------------------------------
def difference(change: Change) -> str:
    """Say what a change changed, "" when it is nothing that a story needs."""
    old, new = change.old or {}, change.new or {}
    said = []
    for path, text in WATCHED.get(change.key.resource, ()):
        before, after = objects.dig(old, path), objects.dig(new, path)
        if before != after:
            said.append(text.format(old=before if before is not None else "none", new=after if after is not None else "none"))
    if change.key.resource in ("pods", "nodes"):
        before, after = objects.condition_status(old, "Ready"), objects.condition_status(new, "Ready")
        if before != after and after:
            said.append({"True": "became ready", "False": "became not ready", "Unknown": "became NotReady (Unknown)"}.get(after, ""))
    if change.key.resource == "pods":
        chosen = objects.condition(new, "DisruptionTarget") or {}
        if chosen.get("status") == "True" and objects.condition_status(old, "DisruptionTarget") != "True":
            said.append(f"chosen to be taken down ({chosen.get('reason', '')})")
    if change.key.resource == "nodes":
        was, now = ({f"{t['key']}:{t['effect']}" for t in objects.dig(obj, "spec.taints", [])} for obj in (old, new))
        said += [f"tainted {taint}" for taint in sorted(now - was)] + [f"freed of the taint {taint}" for taint in sorted(was - now)]
    return ", ".join(filter(None, said))


WATCHED: dict[str, tuple[tuple[str, str], ...]] = {
    "pods": (("spec.nodeName", "placed on {new}"), ("status.phase", "went from {old} to {new}")),
    "nodes": (("spec.unschedulable", "unschedulable: {old} → {new}"),),
    "deployments": (("spec.replicas", "wanted replicas: {old} → {new}"), ("status.readyReplicas", "ready replicas: {old} → {new}")),
    "replicasets": (("spec.replicas", "wanted replicas: {old} → {new}"), ("status.readyReplicas", "ready replicas: {old} → {new}")),
    "statefulsets": (("spec.replicas", "wanted replicas: {old} → {new}"), ("status.readyReplicas", "ready replicas: {old} → {new}")),
    "daemonsets": (("status.numberReady", "ready pods: {old} → {new}"),),
    "poddisruptionbudgets": (("status.disruptionsAllowed", "allowed disruptions: {old} → {new}"),
                             ("spec.minAvailable", "minAvailable: {old} → {new}")),
    "namespaces": (("status.phase", "went from {old} to {new}"),),
}
