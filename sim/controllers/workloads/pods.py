"""Making pods from templates and ranking them for deletion.

Models: pkg/controller/controller_utils.go (GetPodFromTemplate, ActivePodsWithRanks).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sim.api import objects, times
from sim.api.client import Object, Reader


def pod_from_template(owner: Object, template: Object, references: list[Object] | None = None, **spec: Any) -> Object:
    """Make the pod that an owner wants. references: its owner references, where many pods are made."""
    metadata = dict(template.get("metadata") or {})
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": f"{objects.name(owner)}-", "namespace": objects.namespace(owner),
            **{name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)},
            "ownerReferences": references or [objects.controller_reference(owner)],
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
    since = (objects.condition(pod, "Ready") or {}).get("lastTransitionTime")
    return max(0, (times.parse(since) if since else now_us) + min_ready_seconds * 1_000_000 - now_us)


def restarts(pod: Object) -> tuple[int, int]:
    """Give the largest restart counts of the pod's containers and of its init containers and sidecars."""
    found = [max((c.get("restartCount", 0) for c in objects.dig(pod, f"status.{group}", [])), default=0)
             for group in ("containerStatuses", "initContainerStatuses")]
    return found[0], found[1]


def _log2_bucket(since_us: int, now_us: int) -> int:
    """Give the age's bucket: 0 s, 1 s, 2..3 s, 4..7 s and so on; ages in one bucket count as equal."""
    seconds = max(0, (now_us - since_us) // 1_000_000)
    return int(seconds).bit_length()


def deletion_rank(pod: Object, rank: int, now_us: int, *, by_cost: bool = True) -> tuple[Any, ...]:
    """Give a sort key: smaller goes first. rank: active pods of the related sets on its node.

    Models: ActivePodsWithRanks.Less: unassigned, phase, not ready, deletion cost, doubled up on a node, ready for
    a shorter time (log2 buckets), more restarts, created later (log2 buckets). Each rule counts only where both differ.
    """
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    ready = objects.condition(pod, "Ready")
    is_ready = ready is not None and ready.get("status") == "True"
    text = objects.annotations(pod).get("controller.kubernetes.io/pod-deletion-cost", "0")
    cost = int(text) if by_cost and text.removeprefix("-").isdigit() else 0
    since = ready.get("lastTransitionTime") if ready and is_ready else None
    ready_for = _log2_bucket(times.parse(since), now_us) if since else -1
    plain, other = restarts(pod)
    age = _log2_bucket(times.parse(pod["metadata"]["creationTimestamp"]), now_us)
    return (bool(objects.dig(pod, "spec.nodeName", "")), phases.get(objects.dig(pod, "status.phase", "Unknown"), 1),
            is_ready, cost, -rank, ready_for, -plain, -other, age)


def tie(pod: Object) -> Any:
    """Order pods that no rule tells apart. Upstream leaves it to chance; here it is their uid, which is chance too."""
    return objects.uid(pod)


def deletion_order(pods: list[Object], related: list[Object], now_us: int) -> list[Object]:
    """Rank pods for scale-down, first to go first. related: active pods of all sets of the same owner."""
    on_node = Counter(objects.dig(pod, "spec.nodeName", "") for pod in related)
    return sorted(pods, key=lambda pod: (
        *deletion_rank(pod, on_node[objects.dig(pod, "spec.nodeName", "")], now_us), tie(pod)))
