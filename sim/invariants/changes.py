"""Properties of single changes: (the change, the world before it) -> what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from sim.api import objects, selectors, times
from sim.api.client import Change, Key, Object
from sim.api.quantity import parse as quantity
from sim.engine import SECOND_US

if TYPE_CHECKING:
    from sim.invariants.judge import World

EVICTED = "EvictionByEvictionAPI"
STALE_US = 2 * SECOND_US
"""How long a budget's status may lag behind its pods: the disruption controller is a loop, not a lock."""


def node_of(pod: Object) -> str:
    """Give the node a pod is bound to, "" for none."""
    return str(objects.dig(pod, "spec.nodeName", ""))


def namespace_of(pod: Object) -> str:
    """Give a pod's namespace."""
    return objects.namespace(pod)


def _same(change: Change) -> bool:
    return (change.old is not None and change.new is not None
            and objects.uid(change.old) == objects.uid(change.new))


def revisions_rise(change: Change, world: World) -> Iterator[str]:
    """Each change has the next revision, its object carries it, and what it replaces is what was there."""
    if change.new is not None and change.new["metadata"].get("resourceVersion") != str(change.revision):
        yield f"{change.key} of revision {change.revision} says {change.new['metadata'].get('resourceVersion')}"
    before = world.objects.get(change.key)
    if before is not change.old:
        yield f"{change.key}: revision {change.revision} replaces something that was not the latest"


def identity_stays(change: Change, world: World) -> Iterator[str]:
    """An update keeps uid, creation time and a generation that does not fall."""
    if change.type != "MODIFIED" or change.old is None or change.new is None:
        return
    old, new = change.old["metadata"], change.new["metadata"]
    for word in ("uid", "creationTimestamp", "name", "namespace"):
        if old.get(word) != new.get(word):
            yield f"{change.key}: {word} went from {old.get(word)} to {new.get(word)}"
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        yield f"{change.key}: generation fell"


def deletion_is_final(change: Change, world: World) -> Iterator[str]:
    """An object that is being deleted is never taken back."""
    if _same(change) and objects.deleting(change.old or {}) and not objects.deleting(change.new or {}):
        yield f"{change.key} lost its deletionTimestamp"


def bound_once(change: Change, world: World) -> Iterator[str]:
    """A pod that has a node keeps it."""
    if change.key.resource == "pods" and _same(change):
        before, after = node_of(change.old or {}), node_of(change.new or {})
        if before and before != after:
            yield f"{change.key} went from {before} to {after or 'nowhere'}"


def finished_stays(change: Change, world: World) -> Iterator[str]:
    """Succeeded and Failed are final."""
    if change.key.resource == "pods" and _same(change) and objects.pod_finished(change.old or {}):
        before, after = objects.dig(change.old, "status.phase"), objects.dig(change.new, "status.phase")
        if before != after:
            yield f"{change.key} went from {before} to {after}"


def note_loss(world: World, change: Change, old: Object | None) -> None:
    """Remember when a pod stopped counting as healthy for another reason than an eviction."""
    was = old is not None and objects.pod_ready(old) and not objects.deleting(old)
    new = change.new
    now = new is not None and objects.pod_ready(new) and not objects.deleting(new)
    if was and not now and not _evicted(change):
        world.lost_us[change.key.namespace] = change.at_us


def _evicted(change: Change) -> bool:
    """Tell whether this change is the moment the eviction API took a pod."""
    if change.key.resource != "pods" or change.old is None or objects.deleting(change.old):
        return False
    if change.new is not None and not objects.deleting(change.new):
        return False
    target = objects.condition(change.object, "DisruptionTarget")
    return target is not None and target.get("reason") == EVICTED and target.get("status") == "True"


def budgets_kept(change: Change, world: World) -> Iterator[str]:
    """A ready pod that the eviction API takes leaves its budget's pods at or above what the budget wants."""
    if not _evicted(change) or change.old is None or not objects.pod_ready(change.old):
        return
    namespace, labels = change.key.namespace, objects.labels(change.old)
    for key, budget in world.objects.items():
        if key.resource != "poddisruptionbudgets" or key.namespace != namespace:
            continue
        selector = objects.dig(budget, "spec.selector")
        wanted = objects.dig(budget, "status.desiredHealthy")
        if selector is None or wanted is None or not selectors.from_object(selector).matches(labels):
            continue
        if change.at_us - world.lost_us.get(namespace, -STALE_US - 1) <= STALE_US:
            continue
        healthy = sum(
            objects.pod_ready(pod) and not objects.deleting(pod) and selectors.from_object(selector).matches(objects.labels(pod))
            for pod in world.pods_in.get(namespace, {}).values())
        if healthy - 1 < wanted:
            yield f"{change.key} was evicted with {healthy} healthy pods, {key.name} wants {wanted}"


def capacity_kept(change: Change, world: World) -> Iterator[str]:
    """At the moment the scheduler binds a pod, the node's pods together ask for no more than it has."""
    new = change.new
    if change.key.resource != "pods" or new is None or change.old is None or node_of(change.old) or not node_of(new):
        return
    node = world.objects.get(Key("nodes", "", node_of(new)))
    if node is None:
        return
    there = [pod for key, pod in world.pods_on.get(node_of(new), {}).items()
             if key != change.key and not objects.pod_finished(pod)]
    allocatable = objects.dig(node, "status.allocatable", {})
    for what in ("cpu", "memory"):
        asked = sum((_asked(pod, what) for pod in [*there, new]), start=Fraction())
        if _asked(new, what) and what in allocatable and asked > quantity(allocatable[what]):
            yield f"{change.key}: {what} on {node_of(new)} is overcommitted ({asked} of {allocatable[what]})"
    if "pods" in allocatable and len(there) + 1 > quantity(allocatable["pods"]):
        yield f"{change.key}: {node_of(new)} has more than {allocatable['pods']} pods"


def _asked(pod: Object, what: str) -> Fraction:
    return sum((quantity(objects.dig(container, f"resources.requests.{what}", "0"))
                for container in objects.dig(pod, "spec.containers", [])), start=Fraction())


def one_leader(change: Change, world: World) -> Iterator[str]:
    """A leader's lease passes on only when it was released or has run out."""
    if change.key.resource != "leases" or change.key.namespace != "kube-system" or not _same(change):
        return
    old, new = objects.dig(change.old, "spec", {}), objects.dig(change.new, "spec", {})
    before, after = old.get("holderIdentity"), new.get("holderIdentity")
    if not before or not after or before == after or not old.get("renewTime") or not new.get("acquireTime"):
        return
    waited_us = times.parse(new["acquireTime"]) - times.parse(old["renewTime"])
    if waited_us < int(old.get("leaseDurationSeconds") or 15) * SECOND_US:
        yield f"{change.key.name} went from {before} to {after} after {waited_us / 1e6:.1f} s"
