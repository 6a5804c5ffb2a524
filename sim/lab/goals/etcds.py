"""Goals about etcd: a snapshot file, the members that run, whether an object is the one that was there before.

Whose data a file holds and whether something was restored or made anew is told by identities: the uid of the namespace
kube-system, cluster ids, uids of objects. Names alone cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change, Key, Object
from sim.components.etcd import Etcd
from sim.etcd import snapshot
from sim.etcd.snapshot import Damaged, Image
from sim.host.files import FileError
from sim.host.runtime import Container
from sim.host.systemd.unit import Unit
from sim.lab.goals.objects import Selection
from sim.lab.telling.clock import clock

if TYPE_CHECKING:
    from sim.lab.lab import Entry, Lab
    from sim.lab.scenario.model import EtcdGoal, Goal, SnapshotGoal

IDENTITY = Key("namespaces", "", "kube-system")
"""By the uid of this object a cluster is told from others: it is made once, and a restore brings it back."""


# ---- snapshots ----------------------------------------------------------------------------------------------------
def snapshot_fault(goal: SnapshotGoal, lab: Lab) -> str:
    """Say what is wrong with a snapshot, "" when it is as wanted."""
    host = lab.network.hosts[goal.host]
    try:
        data = host.files.view().read(goal.path)
    except FileError as error:
        return f"{goal.path} on {goal.host}: {error}"
    try:
        image = snapshot.decode(data)
    except Damaged:
        return f"{goal.path} on {goal.host} is no snapshot of etcd"
    if goal.valid and not (snapshot.has_digest(data) and len(set(snapshot.digests(data))) == 1):
        return f"{goal.path} on {goal.host} is damaged, or was copied from a data directory: its digest is not right"
    owner = _owner(image, lab)
    if goal.of and owner != goal.of:
        return f"{goal.path} on {goal.host} holds the data of {owner or 'another cluster'}, not of {goal.of}"
    return _taken(goal, image, lab, goal.of or owner) if goal.taken_in else ""


def _owner(image: Image, lab: Lab) -> str:
    """Name the cluster whose data a snapshot holds, "" for one that the lab does not have."""
    uids = {objects.uid(value) for record in image.records if isinstance(value := record.value, dict)
            and value.get("kind") == "Namespace" and objects.name(value) == IDENTITY.name}
    return next((name for name in lab.world.clusters if any(
        change.key == IDENTITY and objects.uid(change.object) in uids for change in lab.world.changes(name))), "")


def _taken(goal: SnapshotGoal, image: Image, lab: Lab, cluster: str) -> str:
    """Say that a snapshot is from another time than a task: its newest record is not of then."""
    entry, left_us = lab.progress.entered.get(goal.taken_in), lab.progress.left_us.get(goal.taken_in)
    if entry is None:
        return f"task {goal.taken_in} was not entered"
    newest_us = max((record.at_us for record in image.records), default=0)
    after = [change.at_us for change in lab.world.changes(cluster) if change.at_us > newest_us]
    if after and after[0] <= entry.position.at_us:
        return f"{goal.path} was taken before {clock(lab, after[0])}: it lacks what came since"
    if left_us is not None and newest_us > left_us:
        return f"{goal.path} was taken too late: it holds what happened until {clock(lab, newest_us)}"
    return ""


# ---- members ------------------------------------------------------------------------------------------------------
def members(lab: Lab, cluster: str) -> list[Etcd]:
    """Give the etcd programs that serve on a cluster's hosts."""
    return [program for name in lab.world.cluster(cluster).etcd_hosts
            for program in _programs(lab, name) if program.server is not None]


def _programs(lab: Lab, name: str) -> Iterator[Etcd]:
    host = lab.network.hosts[name]
    owners: list[Unit | Container] = [] if not host.powered else [
        unit for each in host.systemd.names() if (unit := host.unit(each)) is not None]
    owners += [container for sandbox in host.runtime.sandboxes.values() for container in sandbox.all() if container.running]
    for owner in owners:
        if isinstance(owner.service, Etcd):
            yield owner.service


def cluster_id(lab: Lab, cluster: str) -> int:
    """Give the id of a cluster's etcd, 0 while none runs."""
    return next((program.server.cluster.id for program in members(lab, cluster) if program.server is not None), 0)


def etcd_fault(goal: EtcdGoal, lab: Lab, entry: Entry | None) -> str:
    """Say what is wrong with a cluster's etcd, "" when it is as wanted."""
    running = members(lab, goal.cluster)
    if not running or running[0].server is None:
        return "no etcd of the cluster runs"
    its = running[0].server.cluster
    if goal.members is not None and len(its.members) != goal.members:
        return f"etcd has {len(its.members)} members, not {goal.members}"
    folders = [program.folder for program in running]
    if goal.data_dir and any(folder != goal.data_dir for folder in folders):
        return f"etcd keeps its data in {', '.join(folder or 'a place that is no volume' for folder in folders)} on its host"
    if goal.cluster_id is not None and entry is not None:
        before = entry.etcds.get(goal.cluster or next(iter(lab.world.clusters)), 0)
        if (before != its.id) != (goal.cluster_id == "changed"):
            return "etcd is another cluster now" if before != its.id else "etcd is still the same cluster: nothing was restored"
    return ""


# ---- the same object ----------------------------------------------------------------------------------------------
def strangers(goal: Goal, found: list[Object], lab: Lab) -> list[str]:
    """Say which objects are not those that were there when a task was entered: gone, or made anew under their names."""
    entry = lab.progress.entered.get(goal.same_as)
    if entry is None:
        return [f"task {goal.same_as} was not entered"]
    then = _at(lab.world.changes(goal.cluster), Selection.parse(str(goal.object)), goal.namespace, entry.position.at_us)
    now = {(objects.namespace(obj), objects.name(obj)): objects.uid(obj) for obj in found}
    said = []
    for place, uid in then.items():
        if place not in now:
            said.append(f"{place[1]} is gone")
        elif now[place] != uid:
            said.append(f"{place[1]} was made anew: its uid is another than when task {goal.same_as} began")
    return said or ([] if then else [f"there was none when task {goal.same_as} began"])


def _at(changes: list[Change], chosen: Selection, namespace: str, at_us: int) -> dict[tuple[str, str], str]:
    """Give the uids of the objects meant at a moment."""
    found: dict[tuple[str, str], str] = {}
    for change in changes:
        if change.at_us > at_us:
            break
        if change.key.resource == chosen.resource:
            place = (change.key.namespace, change.key.name)
            if change.new is not None and chosen.covers(change.new, namespace):
                found[place] = objects.uid(change.new)
            else:
                found.pop(place, None)
    return found
