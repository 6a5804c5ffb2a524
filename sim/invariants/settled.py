"""Properties of a cluster at rest: faults healed, nodes open, time given."""

from __future__ import annotations

from collections.abc import Iterator

from sim.api import cron, objects, times
from sim.api.client import Key, Object
from sim.engine import SECOND_US
from sim.etcd.store import Store

WORKLOADS = {"deployments": ("spec.replicas", "status.availableReplicas"),
             "replicasets": ("spec.replicas", "status.availableReplicas"),
             "statefulsets": ("spec.replicas", "status.readyReplicas"),
             "daemonsets": ("status.desiredNumberScheduled", "status.numberAvailable")}

NO_ROOM = ("Insufficient", "Too many pods", "unbound immediate PersistentVolumeClaims", "persistentvolumeclaim", "volume node affinity", "PersistentVolume's node affinity",
           "persistent volumes to bind", "volume zone", "max volume count", "ReadWriteOncePod",
           "didn't match Pod's node affinity/selector", "topology spread", "anti-affinity", "free ports", "untolerated taint")
"""What the scheduler says where a pod fits nowhere for good reasons."""
TICK_US = 10 * SECOND_US


def owners_exist(store: Store) -> Iterator[str]:
    """Every object that has owners has a living one, or it is on its way out."""
    alive = {objects.uid(obj) for resource in store.resources() for obj in store.list(resource)}
    for resource in store.resources():
        for obj in store.list(resource):
            owners = objects.owners(obj)
            if owners and not objects.deleting(obj) and not any(owner["uid"] in alive for owner in owners):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)}: its owner {owners[0]['name']} is gone"


def workloads_whole(store: Store) -> Iterator[str]:
    """Every workload has as many available pods as it wants, unless the cluster has no room for them."""
    for resource, (wanted_at, actual_at) in WORKLOADS.items():
        for obj in store.list(resource):
            wanted, actual = objects.dig(obj, wanted_at, 0), objects.dig(obj, actual_at, 0)
            if wanted != actual and not objects.deleting(obj) and not _too_big(store, obj):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)}: {actual} of {wanted} are available"


def _too_big(store: Store, owner: Object) -> bool:
    for child in store.by_index("pods", "owner", objects.uid(owner)):
        message = (objects.condition(child, "PodScheduled") or {}).get("message") or ""
        if any(words in message for words in NO_ROOM):
            return True
    return any(_too_big(store, child) for child in store.by_index("replicasets", "owner", objects.uid(owner)))


def rollouts_end(store: Store) -> Iterator[str]:
    """Every workload's controller has seen its latest spec, and every pod is of it, unless it is held or has no room."""
    for resource in ("deployments", "statefulsets", "daemonsets"):
        for obj in store.list(resource):
            if objects.deleting(obj) or objects.dig(obj, "spec.paused") or _too_big(store, obj):
                continue
            name = f"{resource} {objects.namespace(obj)}/{objects.name(obj)}"
            if objects.dig(obj, "status.observedGeneration") != obj["metadata"].get("generation"):
                yield f"{name}: its latest spec was not seen"
            elif resource == "deployments":
                wanted, updated = objects.dig(obj, "spec.replicas", 1), objects.dig(obj, "status.updatedReplicas", 0)
                if wanted != updated or objects.dig(obj, "status.replicas", 0) != wanted:
                    yield f"{name}: {updated} of {wanted} are of its latest template"
            elif objects.dig(obj, "spec.updateStrategy.type") == "RollingUpdate" and not objects.dig(
                    obj, "spec.updateStrategy.rollingUpdate.partition"):
                wanted = objects.dig(obj, "spec.replicas" if resource == "statefulsets" else "status.desiredNumberScheduled", 0)
                updated = objects.dig(obj, "status.updatedReplicas" if resource == "statefulsets" else "status.updatedNumberScheduled", 0)
                if wanted != updated:
                    yield f"{name}: {updated} of {wanted} are of its latest template"


def jobs_go_on(store: Store) -> Iterator[str]:
    """A finished Job has no pod at work; one that is not has some, unless it is suspended or waits after a failure."""
    for job in store.list("jobs"):
        if objects.deleting(job):
            continue
        there = list(store.by_index("pods", "owner", objects.uid(job)))
        pods = [pod for pod in there if not objects.pod_finished(pod)]
        over = any((objects.condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed"))
        idle = (over or objects.dig(job, "spec.suspend") or objects.dig(job, "spec.parallelism", 1) == 0
                or objects.dig(job, "status.failed", 0))
        name = f"jobs {objects.namespace(job)}/{objects.name(job)}"
        if over and pods:
            yield f"{name} is finished, {objects.name(pods[0])} is not"
        elif not idle and not pods and not any(_just_finished(store, pod) for pod in there):
            yield f"{name} is neither finished nor at work"


def _just_finished(store: Store, pod: Object) -> bool:
    """Tell whether the pod's Job may not have noticed yet."""
    ends = [objects.dig(each, "state.terminated.finishedAt") for each in objects.dig(pod, "status.containerStatuses", [])]
    return any(end and times.parse(end) + TICK_US > store.engine.unix_us for end in ends)


def schedules_kept(store: Store) -> Iterator[str]:
    """No CronJob has let its time pass, unless it is suspended or waits for the Job before."""
    for obj in store.list("cronjobs"):
        waits = objects.dig(obj, "spec.concurrencyPolicy") == "Forbid" and objects.dig(obj, "status.active")
        if objects.deleting(obj) or objects.dig(obj, "spec.suspend") or waits or objects.dig(obj, "spec.timeZone"):
            continue
        last = objects.dig(obj, "status.lastScheduleTime") or obj["metadata"]["creationTimestamp"]
        due_us = cron.parse(objects.dig(obj, "spec.schedule", "")).next_us(times.parse(last))
        if due_us is not None and due_us + TICK_US < store.engine.unix_us:
            yield f"cronjobs {objects.namespace(obj)}/{objects.name(obj)}: nothing was made since {last}"


def nodes_ready(store: Store) -> Iterator[str]:
    """Every node is Ready and carries no taint of the node lifecycle."""
    for node in store.list("nodes"):
        if (objects.condition(node, "Ready") or {}).get("status") != "True":
            yield f"nodes {objects.name(node)} is not Ready"
        for taint in objects.dig(node, "spec.taints", []):
            if taint["key"].startswith("node.kubernetes.io/") and taint["key"] != "node.kubernetes.io/unschedulable":
                yield f"nodes {objects.name(node)} is Ready and has the taint {taint['key']}"


def claims_agree(store: Store) -> Iterator[str]:
    """A bound claim and its volume name each other."""
    for claim in store.list("persistentvolumeclaims"):
        if objects.dig(claim, "status.phase") == "Bound":
            volume = store.get(Key("persistentvolumes", "", objects.dig(claim, "spec.volumeName", "")))
            if volume is not None and objects.dig(volume, "spec.claimRef.uid") != objects.uid(claim):
                yield f"persistentvolumeclaims {objects.namespace(claim)}/{objects.name(claim)}: its volume is another's"


def quotas_count(store: Store) -> Iterator[str]:
    """A quota on pods says as many as there are."""
    for quota in store.list("resourcequotas"):
        used = objects.dig(quota, "status.used", {}).get("pods")
        if used is not None and not objects.dig(quota, "spec.scopes") and not objects.dig(quota, "spec.scopeSelector"):
            there = sum(objects.namespace(pod) == objects.namespace(quota) and not objects.pod_finished(pod) for pod in store.list("pods"))
            if int(used) != there:
                yield f"resourcequotas {objects.namespace(quota)}/{objects.name(quota)}: {used} pods are said to be used, {there} are"


def nobody_lingers(store: Store) -> Iterator[str]:
    """Nothing is still being deleted unless a finalizer holds it."""
    for resource in store.resources():
        for obj in store.list(resource):
            if objects.deleting(obj) and not obj["metadata"].get("finalizers"):
                yield f"{resource} {objects.namespace(obj)}/{objects.name(obj)} is still being deleted"
