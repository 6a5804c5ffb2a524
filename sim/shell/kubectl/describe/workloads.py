"""Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs, CronJobs, HorizontalPodAutoscalers.

Models: kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.api import objects, times
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, controlled_by, head, labels, selector, when
from sim.shell.kubectl.describe.pod.pods import template
from sim.shell.kubectl.describe.writer import Writer

REVISION = "deployment.kubernetes.io/revision"


def deployment(w: Writer, obj: Object, replica_sets: Sequence[Object], version: tuple[int, int]) -> None:
    """Write a Deployment and its ReplicaSets."""
    spec, status = obj["spec"], obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    w.line("CreationTimestamp:", when(obj["metadata"].get("creationTimestamp")))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Selector:", selector(spec.get("selector")))
    w.line("Replicas:", f"{spec.get('replicas', 1)} desired | {status.get('updatedReplicas', 0)} updated | "
           f"{status.get('replicas', 0)} total | {status.get('availableReplicas', 0)} available | "
           f"{status.get('unavailableReplicas', 0)} unavailable")
    strategy = spec.get("strategy") or {}
    w.line("StrategyType:", strategy.get("type", ""))
    w.line("MinReadySeconds:", spec.get("minReadySeconds", 0))
    if strategy.get("rollingUpdate"):
        rolling = strategy["rollingUpdate"]
        w.line("RollingUpdateStrategy:", f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max "
               "surge")
    template(w, spec["template"], version)
    _conditions(w, status)
    new = [rs for rs in replica_sets if objects.annotations(rs).get(REVISION) == objects.annotations(obj).get(REVISION)]
    old = [rs for rs in replica_sets if rs not in new]
    w.line("OldReplicaSets:", ", ".join(_made(rs) for rs in old) or "<none>")
    w.line("NewReplicaSet:", ", ".join(_made(rs) for rs in new) or "<none>")


def _made(rs: Object) -> str:
    made, wanted = objects.dig(rs, "status.replicas", 0), objects.dig(rs, "spec.replicas", 0)
    return f"{objects.name(rs)} ({made}/{wanted} replicas created)"


def _conditions(w: Writer, status: Object) -> None:
    if not status.get("conditions"):
        return
    w.write("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n")
    for each in status["conditions"]:
        w.write(f"  {each['type']} \t{each['status']}\t{each.get('reason', '')}\n")


def pod_counts(pods: Sequence[Object]) -> str:
    """Count pods by phase."""
    phases = [objects.dig(pod, "status.phase", "") for pod in pods]
    counts = [phases.count(phase) for phase in ("Running", "Pending", "Succeeded", "Failed")]
    return "{} Running / {} Waiting / {} Succeeded / {} Failed".format(*counts)


def replica_set(w: Writer, obj: Object, pods: Sequence[Object], version: tuple[int, int]) -> None:
    """Write a ReplicaSet or a ReplicationController."""
    spec, status = obj["spec"], obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    w.line("Selector:", selector(spec.get("selector")))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    controlled_by(w, obj)
    w.line("Replicas:", f"{status.get('replicas', 0)} current / {spec.get('replicas', 1)} desired")
    w.line("Pods Status:", pod_counts(pods))
    template(w, spec["template"], version)
    _conditions(w, status)


NAMESPACE_OF_DAEMON_SETS_SINCE = (1, 30)


def daemon_set(w: Writer, obj: Object, pods: Sequence[Object], version: tuple[int, int]) -> None:
    """Write a DaemonSet."""
    spec, status = obj["spec"], obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    if version >= NAMESPACE_OF_DAEMON_SETS_SINCE:
        w.line("Namespace:", objects.namespace(obj))
    w.line("Selector:", selector(spec.get("selector")))
    w.line("Node-Selector:", selector(objects.dig(spec, "template.spec.nodeSelector")))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    for title, key in (("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
                       ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
                       ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
                       ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
                       ("Number of Nodes Misscheduled", "numberMisscheduled")):
        w.write(f"{title}: {status.get(key, 0)}\n")
    w.line("Pods Status:", pod_counts(pods))
    template(w, spec["template"], version)


def stateful_set(w: Writer, obj: Object, pods: Sequence[Object], version: tuple[int, int]) -> None:
    """Write a StatefulSet."""
    spec, status = obj["spec"], obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    w.line("CreationTimestamp:", when(obj["metadata"].get("creationTimestamp")))
    w.line("Selector:", selector(spec.get("selector")))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Replicas:", f"{spec.get('replicas', 1)} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    w.line("Update Strategy:", strategy.get("type", ""))
    if strategy.get("rollingUpdate") is not None:
        if strategy["rollingUpdate"].get("partition") is not None:
            w.line("  Partition:", strategy["rollingUpdate"]["partition"])
        if strategy["rollingUpdate"].get("maxUnavailable") is not None:
            w.line("  MaxUnavailable:", strategy["rollingUpdate"]["maxUnavailable"])
    w.line("Pods Status:", pod_counts(pods))
    template(w, spec["template"], version)
    _claims(w, spec.get("volumeClaimTemplates") or [])


def _claims(w: Writer, found: Sequence[Object]) -> None:
    if not found:
        w.line("Volume Claims:", "<none>")
        return
    w.write("Volume Claims:\n")
    for claim in found:
        w.line("  Name:", objects.name(claim))
        w.line("  StorageClass:", objects.dig(claim, "spec.storageClassName", ""))
        labels(w, "  Labels", objects.labels(claim))
        annotated(w, objects.annotations(claim), "  Annotations")
        w.line("  Capacity:", objects.dig(claim, "spec.resources.requests.storage", ""))
        w.line("  Access Modes:", "[" + " ".join(objects.dig(claim, "spec.accessModes", [])) + "]")


JOB_DETAILS_SINCE = (1, 29)


def job(w: Writer, obj: Object, version: tuple[int, int]) -> None:
    """Write a Job."""
    spec, status = obj["spec"], obj.get("status") or {}
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    if spec.get("selector"):
        w.line("Selector:", selector(spec["selector"]))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    controlled_by(w, obj)
    if spec.get("parallelism") is not None:
        w.line("Parallelism:", spec["parallelism"])
    w.line("Completions:", spec.get("completions", "<unset>"))
    if spec.get("completionMode"):
        w.line("Completion Mode:", spec["completionMode"])
    if version >= JOB_DETAILS_SINCE:
        w.line("Suspend:", "true" if spec.get("suspend") else "false")
        w.line("Backoff Limit:", spec.get("backoffLimit", 6))
        if spec.get("ttlSecondsAfterFinished") is not None:
            w.line("TTL Seconds After Finished:", spec["ttlSecondsAfterFinished"])
    if status.get("startTime"):
        w.line("Start Time:", when(status["startTime"]))
    if status.get("completionTime"):
        w.line("Completed At:", when(status["completionTime"]))
        seconds = (times.parse(status["completionTime"]) - times.parse(status["startTime"])) // 1_000_000
        w.line("Duration:", times.age(seconds))
    if spec.get("activeDeadlineSeconds") is not None:
        w.line("Active Deadline Seconds:", f"{spec['activeDeadlineSeconds']}s")
    ready = f" ({status['ready']} Ready)" if status.get("ready") is not None else ""
    w.line("Pods Statuses:", f"{status.get('active', 0)} Active{ready} / {status.get('succeeded', 0)} Succeeded / "
           f"{status.get('failed', 0)} Failed")
    if spec.get("completionMode") == "Indexed":
        w.line("Completed Indexes:", status.get("completedIndexes") or "<none>")
    template(w, spec["template"], version)


TIME_ZONE_SINCE = (1, 34)


def cron_job(w: Writer, obj: Object, version: tuple[int, int]) -> None:
    """Write a CronJob."""
    spec, status = obj["spec"], obj.get("status") or {}
    head(w, obj)
    w.line("Schedule:", spec.get("schedule", ""))
    w.line("Concurrency Policy:", spec.get("concurrencyPolicy", ""))
    w.line("Suspend:", "True" if spec.get("suspend") else "False")
    if version >= TIME_ZONE_SINCE:
        w.line("Time Zone:", spec.get("timeZone", "<unset>"))
    w.line("Successful Job History Limit:", spec.get("successfulJobsHistoryLimit", "<unset>"))
    w.line("Failed Job History Limit:", spec.get("failedJobsHistoryLimit", "<unset>"))
    late = spec.get("startingDeadlineSeconds")
    w.line("Starting Deadline Seconds:", f"{late}s" if late is not None else "<unset>")
    made = objects.dig(spec, "jobTemplate.spec", {})
    w.line("Selector:", selector(made["selector"]) if made.get("selector") else "<unset>")
    w.line("Parallelism:", made.get("parallelism", "<unset>"))
    w.line("Completions:", made.get("completions", "<unset>"))
    if made.get("activeDeadlineSeconds") is not None:
        w.line("Active Deadline Seconds:", f"{made['activeDeadlineSeconds']}s")
    template(w, made.get("template") or {}, version)
    w.line("Last Schedule Time:", when(status.get("lastScheduleTime")))
    w.line("Active Jobs:", ", ".join(ref.get("name", "") for ref in status.get("active") or []) or "<none>")


def autoscaler(w: Writer, obj: Object) -> None:
    """Write a HorizontalPodAutoscaler."""
    spec, status = obj["spec"], obj.get("status") or {}
    head(w, obj)
    w.line("CreationTimestamp:", when(obj["metadata"].get("creationTimestamp")))
    target = spec.get("scaleTargetRef") or {}
    w.line("Reference:", f"{target.get('kind')}/{target.get('name')}")
    w.write("Metrics:\t( current / target )\n")
    current = {objects.dig(m, "resource.name"): m["resource"].get("current") or {}
               for m in status.get("currentMetrics") or [] if m.get("resource")}
    for metric in spec.get("metrics") or []:
        resource = metric.get("resource")
        if not resource:
            w.write(f"  <unknown metric type {metric.get('type', '')!r}>\n".replace("'", '"'))
            continue
        now: Any = current.get(resource["name"]) or {}
        if objects.dig(resource, "target.averageUtilization") is not None:
            used = f"{now['averageUtilization']}% ({now.get('averageValue')})" if now else "<unknown>"
            w.write(f"  resource {resource['name']} on pods  (as a percentage of request):\t{used} / "
                    f"{resource['target']['averageUtilization']}%\n")
        else:
            w.write(f"  resource {resource['name']} on pods:\t{now.get('averageValue', '<unknown>')} / "
                    f"{objects.dig(resource, 'target.averageValue', '<auto>')}\n")
    w.line("Min replicas:", spec.get("minReplicas", "<unset>"))
    w.line("Max replicas:", spec.get("maxReplicas"))
    w.line(f"{target.get('kind')} pods:", f"{status.get('currentReplicas', 0)} current / {status.get('desiredReplicas', 0)} "
           "desired")
    if status.get("conditions"):
        w.write("Conditions:\n  Type\tStatus\tReason\tMessage\n  ----\t------\t------\t-------\n")
        for each in status["conditions"]:
            w.write(f"  {each['type']}\t{each['status']}\t{each.get('reason', '')}\t{each.get('message', '')}\n")
