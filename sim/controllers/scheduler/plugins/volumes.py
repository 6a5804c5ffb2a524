"""Volumes of a pod as the scheduler sees them: claims that must be there and bound.

Models: framework/plugins/volumebinding. Left out: zones and limits of volumes (nodes here have no CSI limits).
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Client, Key, Object, Reader

RESOURCES = ("persistentvolumeclaims", "persistentvolumes", "storageclasses")
SELECTED = "volume.kubernetes.io/selected-node"


def claims_of(pod: Object) -> list[str]:
    """Name the pod's claims."""
    return [each["persistentVolumeClaim"]["claimName"] for each in objects.dig(pod, "spec.volumes", [])
            if each.get("persistentVolumeClaim")]


def _waits(claim: Object, reader: Reader) -> bool:
    """Tell whether the claim is bound only once its pod has a node."""
    found = reader.get(Key("storageclasses", "", str(objects.dig(claim, "spec.storageClassName", ""))))
    return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"


def missing(pod: Object, reader: Reader) -> tuple[str, bool]:
    """Say which claim keeps the pod from every node, and that preemption would not help; "" when none does."""
    for name in claims_of(pod):
        claim = reader.get(Key("persistentvolumeclaims", objects.namespace(pod), name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found', True
        if objects.deleting(claim):
            return f'persistentvolumeclaim "{name}" is being deleted', True
        if objects.dig(claim, "status.phase") != "Bound" and not _waits(claim, reader):
            return "pod has unbound immediate PersistentVolumeClaims", True
    return "", False


def reserve(client: Client, pod: Object, node: str) -> None:
    """Tell the provisioner for which node a claim that waited is wanted."""
    for name in claims_of(pod):
        key = Key("persistentvolumeclaims", objects.namespace(pod), name)
        claim = client.reader.get(key)
        if claim is not None and objects.dig(claim, "status.phase") != "Bound" and (
                objects.annotations(claim).get(SELECTED) != node):
            client.patch(key, {"metadata": {"annotations": {SELECTED: node}}}, because=f"its pod goes to {node}")
