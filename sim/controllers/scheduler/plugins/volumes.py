"""Volumes of a pod as the scheduler sees them: claims that must be there, and nodes from which their volumes are reached.

What a pod's claims say is no part of its class (two pods of one template may have different claims), so it is asked for
each pod that has claims, after the class's own filters and before those that look across nodes.

Models: framework/plugins/{volumebinding,volumezone,volumerestrictions,nodevolumelimits}. Left out: storage capacity,
in-tree disks that only one pod may use, migration of in-tree volumes.
"""

from __future__ import annotations

from sim.api import objects, scheduling
from sim.api.client import Client, Key, Object, Reader
from sim.controllers.scheduler.nodeinfo import NodeInfo
from sim.controllers.scheduler.plugins.filters import Refusal, Version
from sim.controllers.storage.binder import fits, size

RESOURCES = ("persistentvolumeclaims", "persistentvolumes", "storageclasses", "csinodes")
CLAIMS, VOLUMES, CLASSES = RESOURCES[:3]
SELECTED = "volume.kubernetes.io/selected-node"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
ZONES = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
         "failure-domain.beta.kubernetes.io/region")
NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
NO_SUCH_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NO_ZONE = "node(s) had no available volume zone"
TOO_MANY = "node(s) exceed max volume count"
ALONE = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
PV_AFFINITY_SINCE = (1, 34)


def conflict_text(version: Version) -> str:
    """Give the reason of a node that a bound volume's node affinity leaves out (PR 129887)."""
    if version >= PV_AFFINITY_SINCE:
        return "node(s) didn't match PersistentVolume's node affinity"
    return "node(s) had volume node affinity conflict"


def claims_of(pod: Object) -> list[str]:
    """Name the pod's claims, those of generic ephemeral volumes too."""
    return [each["persistentVolumeClaim"]["claimName"] if each.get("persistentVolumeClaim") else
            f"{objects.name(pod)}-{each['name']}" for each in pod["spec"].get("volumes") or ()
            if each.get("persistentVolumeClaim") or each.get("ephemeral")]


def class_of(claim: Object, reader: Reader) -> Object | None:
    """Give the claim's storage class."""
    return reader.get(Key(CLASSES, "", str(objects.dig(claim, "spec.storageClassName") or "")))


def waits(claim: Object, reader: Reader) -> bool:
    """Tell whether the claim is bound only once its pod has a node."""
    return (class_of(claim, reader) or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


def bound(claim: Object) -> bool:
    """Tell whether the claim has its volume."""
    return bool(objects.dig(claim, "spec.volumeName")) and objects.dig(claim, "status.phase") == "Bound"


def missing(pod: Object, reader: Reader) -> tuple[str, bool]:
    """Say which claim keeps the pod from every node, and that preemption would not help; "" when none does."""
    for name in claims_of(pod):
        claim = reader.get(Key(CLAIMS, objects.namespace(pod), name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found', True
        if objects.dig(claim, "status.phase") == "Lost":
            return (f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume '
                    f'"{objects.dig(claim, "spec.volumeName", "")}"'), True
        if objects.deleting(claim):
            return f'persistentvolumeclaim "{name}" is being deleted', True
        if not bound(claim) and not waits(claim, reader):
            return "pod has unbound immediate PersistentVolumeClaims", True
    return "", False


def reaches(volume: Object, node: Object) -> bool:
    """Tell whether the volume's node affinity allows the node."""
    required = objects.dig(volume, "spec.nodeAffinity.required")
    return required is None or any(scheduling.matches_term(term, node) for term in required.get("nodeSelectorTerms") or [])


class VolumeFilter:
    """What the claims of one pod say of each node."""

    def __init__(self, pod: Object, reader: Reader, version: Version) -> None:
        self.pod, self.reader, self.version = pod, reader, version
        found = [reader.get(Key(CLAIMS, objects.namespace(pod), name)) for name in claims_of(pod)]
        claims = [claim for claim in found if claim is not None]
        self.bound = [(claim, reader.get(Key(VOLUMES, "", claim["spec"]["volumeName"]))) for claim in claims if bound(claim)]
        self.open = [claim for claim in claims if not bound(claim)]
        self.alone = {objects.name(claim) for claim in claims if "ReadWriteOncePod" in objects.dig(
            claim, "spec.accessModes", [])}

    def refusal(self, info: NodeInfo) -> Refusal | None:
        """Say why the pod's volumes keep it from a node, in the order of upstream's filters."""
        return self._restricted(info) or self._too_many(info) or self._unbindable(info) or self._elsewhere(info)

    def _restricted(self, info: NodeInfo) -> Refusal | None:
        space = objects.namespace(self.pod)
        taken = self.alone and any(objects.namespace(other) == space and self.alone & set(claims_of(other))
                                   for other in info.pods())
        return Refusal((ALONE,), False, "VolumeRestrictions") if taken else None

    def _too_many(self, info: NodeInfo) -> Refusal | None:
        """Count the volumes of each CSI driver that the node would have."""
        node = self.reader.get(Key("csinodes", "", objects.name(info.node)))
        limits = {each["name"]: objects.dig(each, "allocatable.count") for each in objects.dig(node, "spec.drivers", [])} if (
            node is not None) else {}
        limits = {driver: limit for driver, limit in limits.items() if limit is not None}
        mine = self._by_driver(self.pod) if limits else {}
        if not any(driver in limits for driver in mine):
            return None
        there: dict[str, set[str]] = {}
        for other in info.pods():
            for driver, handles in self._by_driver(other).items():
                there.setdefault(driver, set()).update(handles)
        for driver, handles in mine.items():
            used = there.get(driver, set())
            if driver in limits and handles - used and len(used | handles) > limits[driver]:
                return Refusal((TOO_MANY,), False, "NodeVolumeLimits")
        return None

    def _by_driver(self, pod: Object) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name in claims_of(pod):
            claim = self.reader.get(Key(CLAIMS, objects.namespace(pod), name)) or {}
            volume = self.reader.get(Key(VOLUMES, "", str(objects.dig(claim, "spec.volumeName", "")))) or {}
            driver = objects.dig(volume, "spec.csi.driver") or (class_of(claim, self.reader) or {}).get("provisioner", "")
            handle = objects.dig(volume, "spec.csi.volumeHandle") or f"{objects.namespace(pod)}/{name}"
            found.setdefault(str(driver), set()).add(str(handle))
        return found

    def _unbindable(self, info: NodeInfo) -> Refusal | None:
        for _, volume in self.bound:
            if volume is None:
                return Refusal((NO_SUCH_VOLUME,), True, "VolumeBinding")
            if not reaches(volume, info.node):
                return Refusal((conflict_text(self.version),), True, "VolumeBinding")
        if self.open and self.choice(info.node) is None:
            return Refusal((NO_VOLUME,), True, "VolumeBinding")
        return None

    def _elsewhere(self, info: NodeInfo) -> Refusal | None:
        labels = objects.labels(info.node)
        if not any(key in labels for key in ZONES):
            return None
        for _, volume in self.bound:
            marks = objects.labels(volume) if volume is not None else {}
            for key in ZONES:
                if key in marks and labels.get(key) not in marks[key].split("__"):
                    return Refusal((NO_ZONE,), True, "VolumeZone")
        return None

    def choice(self, node: Object) -> dict[str, str] | None:
        """Give the volume for each open claim on a node, "" for one that is to be made there; None where there is none."""
        taken: dict[str, str] = {}
        for claim in self.open:
            kind = class_of(claim, self.reader) or {}
            chosen = objects.annotations(claim).get(SELECTED)
            if chosen and chosen != objects.name(node):
                return None
            free = [each for each in self.reader.list(VOLUMES) if objects.name(each) not in taken.values()
                    and not objects.deleting(each)
                    and fits(claim, each) and reaches(each, node)]
            if free:
                taken[objects.name(claim)] = objects.name(min(free, key=lambda each: (size(each), objects.name(each))))
            elif kind.get("provisioner", NO_PROVISIONER) != NO_PROVISIONER and _allowed(kind, node):
                taken[objects.name(claim)] = ""
            else:
                return None
        return taken


def _allowed(kind: Object, node: Object) -> bool:
    """Tell whether the class's allowedTopologies take the node in."""
    terms, labels = kind.get("allowedTopologies") or [], objects.labels(node)
    return not terms or any(all(labels.get(part["key"]) in part.get("values", [])
                                for part in term.get("matchLabelExpressions") or []) for term in terms)


def reserve(client: Client, pod: Object, node: Object, wanted: VolumeFilter) -> bool:
    """Have the open claims bound on a node; tells whether there was anything to do."""
    choice = wanted.choice(node) or {}
    for claim in wanted.open:
        key, name, because = objects.key(CLAIMS, claim), choice.get(objects.name(claim), ""), (
            f"its pod goes to {objects.name(node)}")
        volume = client.reader.get(Key(VOLUMES, "", name)) if name else None
        if volume is not None:
            reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": key.name, "namespace": key.namespace,
                         "uid": objects.uid(claim), "resourceVersion": claim["metadata"].get("resourceVersion", "")}
            marks = {**objects.annotations(volume), "pv.kubernetes.io/bound-by-controller": "yes"}
            client.update(Key(VOLUMES, "", name), objects.put(
                objects.put(volume, "metadata.annotations", marks), "spec.claimRef", reference), because=because)
        elif objects.annotations(claim).get(SELECTED) != objects.name(node):
            client.patch(key, {"metadata": {"annotations": {SELECTED: objects.name(node)}}}, because=because)
    return bool(wanted.open)
