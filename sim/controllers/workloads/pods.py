"""Making pods from templates and ranking them for deletion.

Models: pkg/controller/controller_utils.go (GetPodFromTemplate, ActivePodsWithRanks).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sim.api import objects, times
from sim.api.client import Object, Reader


def pod_from_template(owner: Object, template: Object, **spec: Any) -> Object:
    """Make the pod that an owner wants."""
    metadata = dict(template.get("metadata") or {})
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": f"{objects.name(owner)}-", "namespace": objects.namespace(owner),
            **{name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)},
            "ownerReferences": [objects.controller_reference(owner)],
        },
        "spec": {**(template.get("spec") or {}), **spec},
    }


def owned_pods(reader: Reader, owner: Object) -> list[Object]:
    """Give the pods that the owner controls, in order of creation."""
    uid = objects.uid(owner)
    return [pod for pod in reader.by_index("pods", "owner", uid) if objects.controller_uid(pod) == uid]


def active(pods: list[Object]) -> list[Object]:
    """Leave out pods that have finished or are going."""
    return [pod for pod in pods if not objects.pod_finished(pod) and not objects.deleting(pod)]


def available(pod: Object, min_ready_seconds: int, now_us: int) -> bool:
    """Tell whether the pod has been ready for long enough; now_us is microseconds since 1970."""
    return objects.pod_ready(pod) and available_in_us(pod, min_ready_seconds, now_us) == 0


def available_in_us(pod: Object, min_ready_seconds: int, now_us: int) -> int:
    """Tell how long a ready pod must still be ready before it counts as available."""
    if min_ready_seconds == 0:
        return 0
    ready = objects.condition(pod, "Ready") or {}
    return max(0, times.parse(ready["lastTransitionTime"]) + min_ready_seconds * 1_000_000 - now_us)


def restarts(pod: Object) -> int:
    """Give the largest restart count of the pod's containers."""
    return max((c.get("restartCount", 0) for c in objects.dig(pod, "status.containerStatuses", [])), default=0)


def _log2_bucket(seconds: int) -> int:
    return max(seconds, 0).bit_length()


def deletion_order(pods: list[Object], related: list[Object], now_us: int) -> list[Object]:
    """Rank pods for scale-down, first to go first. related: active pods of all sets of the same owner.

    Models: ActivePodsWithRanks.Less: unassigned, phase, not ready, deletion cost, doubled up on a node, ready for
    a shorter time (log2 buckets), more restarts, created later (log2 buckets), uid.
    """
    on_node = Counter(objects.dig(pod, "spec.nodeName", "") for pod in related)
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}

    def rank(pod: Object) -> tuple[Any, ...]:
        node = objects.dig(pod, "spec.nodeName", "")
        ready = objects.condition(pod, "Ready")
        is_ready = ready is not None and ready.get("status") == "True"
        cost = int(objects.annotations(pod).get("controller.kubernetes.io/pod-deletion-cost", "0"))
        ready_for = (now_us - times.parse(ready["lastTransitionTime"])) // 1_000_000 if ready and is_ready else 0
        age = (now_us - times.parse(pod["metadata"]["creationTimestamp"])) // 1_000_000
        return (
            bool(node), phases.get(objects.dig(pod, "status.phase", "Unknown"), 1), is_ready, cost,
            -on_node[node], _log2_bucket(ready_for) if is_ready else 0, -restarts(pod), _log2_bucket(age),
            objects.uid(pod),
        )

    return sorted(pods, key=rank)
