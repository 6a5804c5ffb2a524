"""The arithmetic of Deployments: how large each ReplicaSet may be while one takes over from the others.

Models: pkg/controller/deployment/util/deployment_util.go. Pure: objects in, numbers out.
"""

from __future__ import annotations

import re
from math import ceil, floor

from sim.api import objects, times
from sim.api.client import Object
from sim.engine import SECOND_US

DESIRED, MAXIMUM = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
REVISION = "deployment.kubernetes.io/revision"
NO_LIMIT = 2147483647
NEW_AVAILABLE, TIMED_OUT, PAUSED = "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused"


def resolve(value: int | str | None, total: int, *, up: bool) -> int:
    """Resolve a number or percentage of total. Raises ValueError for any other text."""
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]+%", value):
            raise ValueError(f'invalid value for IntOrString: invalid type: string is not a percentage "{value}"')
        share = int(value[:-1]) * total / 100
        return ceil(share) if up else floor(share)
    return int(value or 0)


def size(obj: Object) -> int:
    """Give spec.replicas."""
    return int(objects.dig(obj, "spec.replicas", 0))


def available(replicaset: Object) -> int:
    """Give status.availableReplicas."""
    return int(objects.dig(replicaset, "status.availableReplicas", 0))


def rolls(deployment: Object) -> bool:
    """Tell whether pods are replaced a few at a time (and not all at once: Recreate)."""
    return bool(objects.dig(deployment, "spec.strategy.type", "RollingUpdate") == "RollingUpdate")


def fenceposts(surge: int | str | None, unavailable: int | str | None, wanted: int) -> tuple[int, int]:
    """Give (maxSurge, maxUnavailable) in pods; both zero makes unavailable one. Raises ValueError."""
    up, down = resolve(surge, wanted, up=True), resolve(unavailable, wanted, up=False)
    return up, 1 if up == 0 and down == 0 else down


def _fenceposts(deployment: Object) -> tuple[int, int]:
    rolling = objects.dig(deployment, "spec.strategy.rollingUpdate", {})
    return fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), size(deployment))


def max_surge(deployment: Object) -> int:
    """Give how many pods there may be beyond the wanted ones."""
    return _fenceposts(deployment)[0] if rolls(deployment) else 0


def max_unavailable(deployment: Object) -> int:
    """Give how many of the wanted pods may be missing."""
    if not rolls(deployment) or size(deployment) == 0:
        return 0
    return min(_fenceposts(deployment)[1], size(deployment))


def min_available(deployment: Object) -> int:
    """Give how many pods must stay available."""
    return size(deployment) - max_unavailable(deployment) if rolls(deployment) else 0


def new_size(deployment: Object, new: Object, everyone: list[Object]) -> int:
    """Give the size that the new ReplicaSet gets in one step."""
    wanted, present = size(deployment), size(new)
    if not rolls(deployment) or present > wanted:
        return wanted
    room = wanted + max_surge(deployment) - sum(map(size, everyone))
    return present + max(0, min(room, wanted - present))


def unhealthy_cuts(old: list[Object], most: int) -> dict[str, int]:
    """Give new sizes of old ReplicaSets that lose pods which are not available anyway, at most so many, oldest first."""
    cuts: dict[str, int] = {}
    for each in sorted(old, key=_age):
        cut = min(most, size(each) - available(each))
        if cut > 0:
            cuts[objects.name(each)] = size(each) - cut
            most -= cut
    return cuts


def available_cuts(old: list[Object], spare: int) -> dict[str, int]:
    """Give new sizes of old ReplicaSets that lose so many pods in all, oldest first."""
    cuts: dict[str, int] = {}
    for each in sorted(old, key=_age):
        cut = min(spare, size(each))
        if cut > 0:
            cuts[objects.name(each)] = size(each) - cut
            spare -= cut
    return cuts


def _age(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("creationTimestamp", ""), objects.name(obj)


def fraction(deployment: Object, replicaset: Object) -> int:
    """Give the ReplicaSet's share of a change of size, which may be negative. Models: getReplicaSetFraction."""
    if size(deployment) == 0:
        return -size(replicaset)
    before = int(objects.annotations(replicaset).get(MAXIMUM, "0")) or objects.dig(deployment, "status.replicas", 0)
    if not before:
        return 0
    share = size(replicaset) * (size(deployment) + max_surge(deployment)) / before
    return floor(share + 0.5) - size(replicaset)


def proportional_sizes(deployment: Object, active: list[Object]) -> dict[str, int]:
    """Spread a change of size over all active ReplicaSets; what is left over goes to the largest."""
    total = sum(map(size, active))
    allowed = size(deployment) + max_surge(deployment) if size(deployment) else 0
    change, done = allowed - total, 0
    order = sorted(active, key=_age, reverse=change > 0)
    order.sort(key=lambda each: -size(each))
    sizes: dict[str, int] = {}
    for each in order:
        part = 0
        if change and size(each) and done != change:
            part = fraction(deployment, each)
            part = min(part, change - done) if change > 0 else max(part, change - done)
        sizes[objects.name(each)] = size(each) + part
        done += part
    if order and change:
        first = objects.name(order[0])
        sizes[first] = max(0, sizes[first] + change - done)
    return sizes


# ---- progress -----------------------------------------------------------------------------------------------------
def complete(deployment: Object, status: Object) -> bool:
    """Tell whether every pod is of the new template, available, and nothing old is left."""
    wanted = size(deployment)
    return bool(
        status.get("updatedReplicas", 0) == wanted and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0))


def progressing(before: Object, after: Object) -> bool:
    """Tell whether a change of status counts as progress."""
    def old(status: Object) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return bool(after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0) or old(after) < old(before) or any(
        after.get(word, 0) > before.get(word, 0) for word in ("readyReplicas", "availableReplicas")))


def deadline_of(deployment: Object) -> int | None:
    """Give spec.progressDeadlineSeconds, None where there is no deadline."""
    seconds = objects.dig(deployment, "spec.progressDeadlineSeconds")
    return None if seconds in (None, NO_LIMIT) else int(seconds)


def timed_out(deployment: Object, condition: Object | None, now_us: int) -> bool:
    """Tell whether the progress deadline has passed. now_us: microseconds since 1970."""
    seconds = deadline_of(deployment)
    if seconds is None or condition is None or condition.get("reason") == NEW_AVAILABLE:
        return False
    if condition.get("reason") == TIMED_OUT:
        return True
    return times.parse(condition["lastUpdateTime"]) + seconds * SECOND_US < now_us
