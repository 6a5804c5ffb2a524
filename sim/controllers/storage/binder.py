"""The volume binder: claims find volumes, or have them provisioned; volumes whose claim is gone are released.

Models: pkg/controller/volume/persistentvolume (pv_controller.go), and an external provisioner that makes any volume a
moment later, where the pod goes. Left out: expansion, snapshots, attach and detach.
"""

from __future__ import annotations

from sim.api import objects, quantity, selectors
from sim.api.client import Change, Client, Key, Object
from sim.controllers.base import Controller
from sim.engine import SECOND_US, Engine
from sim.recorder import Recorder

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses"
BOUND_COMPLETED, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY, SELECTED = "pv.kubernetes.io/provisioned-by", "volume.kubernetes.io/selected-node"
BETA_PROVISIONER, PROVISIONER = (
    "volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
NO_PROVISIONER = "kubernetes.io/no-provisioner"
LOCAL_PATHS = {"rancher.io/local-path": "/opt/local-path-provisioner"}
"""Provisioners whose volumes are folders of the pod's node."""
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
SYNC_US = 15 * SECOND_US
"""Claims that found nothing are looked at again every 15 s (--pvclaimbinder-sync-period)."""
PROVISION_US = (700_000, 1_500_000, 4_000_000)
"""How long a provisioner takes; an estimate."""


def phase(obj: Object) -> str:
    """Give status.phase."""
    return str(objects.dig(obj, "status.phase", ""))


def claim_of(volume: Object) -> tuple[str, str, str]:
    """Give (namespace, name, uid) of the claim that a volume is reserved for."""
    found = objects.dig(volume, "spec.claimRef", {})
    return found.get("namespace", ""), found.get("name", ""), found.get("uid", "")


def fits(claim: Object, volume: Object) -> bool:
    """Tell whether a free volume satisfies a claim: class, modes, size, labels. Models: FindMatchingVolume."""
    reserved = claim_of(volume)
    if reserved[1] and (reserved[:2] != (objects.namespace(claim), objects.name(claim)) or reserved[2] not in (
            "", objects.uid(claim))):
        return False
    spec, wanted = volume.get("spec") or {}, claim.get("spec") or {}
    if not reserved[1] and phase(volume) not in ("Available", "Pending"):
        return False
    if (spec.get("storageClassName") or "") != (wanted.get("storageClassName") or ""):
        return False
    if spec.get("volumeMode", "Filesystem") != wanted.get("volumeMode", "Filesystem"):
        return False
    if not set(wanted.get("accessModes") or []) <= set(spec.get("accessModes") or []):
        return False
    if wanted.get("selector") and not selectors.from_object(wanted["selector"]).matches(objects.labels(volume)):
        return False
    return _size(spec.get("capacity")) >= _size(objects.dig(wanted, "resources.requests", {}))


def size(volume: Object) -> int:
    """Give a volume's capacity in bytes."""
    return _size(objects.dig(volume, "spec.capacity"))


def _size(amounts: Object | None) -> int:
    return quantity.value(str((amounts or {}).get("storage", "0")))


class PersistentVolumeController(Controller):
    """Binds, provisions, releases and reclaims."""

    name = "persistentvolume-controller"
    watches = (CLAIMS, VOLUMES, CLASSES)

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.provisioner = Recorder(engine, client, "external-provisioner")

    def changed(self, change: Change) -> None:
        """Queue the claim or volume; a volume also moves claims that wait for one."""
        if change.key.resource != CLASSES:
            self.enqueue(change.key)
        if change.key.resource == VOLUMES:
            namespace, name, _ = claim_of(change.object)
            if name:
                self.enqueue(Key(CLAIMS, namespace, name))
        if change.key.resource == CLAIMS and change.new is None:
            volume = objects.dig(change.object, "spec.volumeName")
            if volume:
                self.enqueue(Key(VOLUMES, "", volume))

    def reconcile(self, key: Key) -> float | None:
        """Settle one claim or volume."""
        found = self.reader.get(key)
        if found is None:
            return None
        return self._claim(key, found) if key.resource == CLAIMS else self._volume(key, found)

    # ---- claims -----------------------------------------------------------------------------------------------
    def _claim(self, key: Key, claim: Object) -> float | None:
        name = objects.dig(claim, "spec.volumeName", "")
        if phase(claim) == "Bound":
            volume = self.reader.get(Key(VOLUMES, "", name))
            if volume is None or claim_of(volume)[2] not in ("", objects.uid(claim)):
                self.recorder.event(claim, "Warning", "ClaimLost",
                                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
                self.client.update(key, objects.put(claim, "status.phase", "Lost"), subresource="status",
                                   canonical=self.version[1])
            return None
        if objects.deleting(claim) or phase(claim) == "Lost":
            return None
        if name:
            volume = self.reader.get(Key(VOLUMES, "", name))
            if volume is not None and fits(claim, volume):
                self._bind(key, claim, volume)
                return None
            return SYNC_US / SECOND_US
        volumes = [each for each in self.reader.list(VOLUMES) if not objects.deleting(each) and fits(claim, each)]
        mine = [each for each in volumes if claim_of(each)[1]]
        if self._postponed(claim) and not mine:
            self.recorder.event(claim, "Normal", "WaitForFirstConsumer",
                                "waiting for first consumer to be created before binding")
            return SYNC_US / SECOND_US
        if volumes:
            volumes.sort(key=lambda each: (not claim_of(each)[1], size(each), objects.name(each)))
            self._bind(key, claim, volumes[0])
            return None
        return self._unbound(key, claim)

    def _class(self, claim: Object) -> Object | None:
        return self.reader.get(Key(CLASSES, "", objects.dig(claim, "spec.storageClassName", "") or ""))

    def _postponed(self, claim: Object) -> bool:
        """Tell whether the claim waits until its pod has a node."""
        found = self._class(claim)
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer" and (
            SELECTED not in objects.annotations(claim))

    def _unbound(self, key: Key, claim: Object) -> float | None:
        """Have a volume made, or say why there is none."""
        wanted, found = objects.dig(claim, "spec.storageClassName", ""), self._class(claim)
        if not wanted:
            self.recorder.event(claim, "Normal", "FailedBinding",
                                "no persistent volumes available for this claim and no storage class is set")
            return SYNC_US / SECOND_US
        if found is None:
            self.recorder.event(claim, "Warning", "ProvisioningFailed",
                                f'storageclass.storage.k8s.io "{wanted}" not found')
            return SYNC_US / SECOND_US
        who = found["provisioner"]
        if who == NO_PROVISIONER:
            self.recorder.event(claim, "Normal", "FailedBinding",
                                "no persistent volumes available for this claim and no storage class is set")
            return SYNC_US / SECOND_US
        if objects.annotations(claim).get(PROVISIONER) == who:
            return None
        marks = {BETA_PROVISIONER: who, PROVISIONER: who}
        self.client.patch(key, {"metadata": {"annotations": marks}}, because=f"{who} shall make its volume")
        self.recorder.event(
            claim, "Normal", "ExternalProvisioning",
            f"Waiting for a volume to be created either by the external provisioner '{who}' or manually by the system "
            "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
            "registered.")
        self.engine.after(self._latency.latency_us(*PROVISION_US), self._provision, key, objects.uid(claim), self._era,
                          label=f"{who} provisions a volume for claim {key.namespace}/{key.name}", about=key)
        return None

    def _provision(self, key: Key, uid: str, era: int) -> None:
        """Make the volume: what an external provisioner does."""
        claim = self.reader.get(key)
        if era != self._era or claim is None or objects.uid(claim) != uid:
            return
        found = self._class(claim)
        if found is None:
            return
        self.provisioner.event(claim, "Normal", "Provisioning",
                               f'External provisioner is provisioning volume for claim "{key.namespace}/{key.name}"')
        name = f"pvc-{uid}"
        spec = claim["spec"]
        self.client.create(VOLUMES, {
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: found["provisioner"]}},
            "spec": {
                "capacity": {"storage": objects.dig(spec, "resources.requests.storage", "1Gi")},
                "accessModes": spec.get("accessModes") or ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": found.get("reclaimPolicy", "Delete"),
                "storageClassName": objects.name(found), "volumeMode": spec.get("volumeMode", "Filesystem"),
                "claimRef": _reference(claim), **self._place(claim, found["provisioner"], name)}},
            because=f"claim {key.namespace}/{key.name} wants a volume of class {objects.name(found)}")
        self.provisioner.event(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}")

    def _place(self, claim: Object, provisioner: str, name: str) -> Object:
        """Say where a new volume is: a path of the claim's node, or its zone; anywhere for a claim that did not wait."""
        node = self.reader.get(Key("nodes", "", objects.annotations(claim).get(SELECTED, "")))
        labels = objects.labels(node) if node is not None else {}
        path = LOCAL_PATHS.get(provisioner)
        key = HOSTNAME if path else ZONE
        affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": key, "operator": "In", "values": [labels[key]]}]}]}}} if key in labels else {}
        if path:
            folder = f"{path}/{name}_{objects.namespace(claim)}_{objects.name(claim)}"
            return {"hostPath": {"path": folder, "type": "DirectoryOrCreate"}, **affinity}
        return {"csi": {"driver": provisioner, "volumeHandle": name}, **affinity}

    def _bind(self, key: Key, claim: Object, volume: Object) -> None:
        place = objects.key(VOLUMES, volume)
        why = f"volume {place.name} fits claim {key.namespace}/{key.name}"
        if claim_of(volume)[2] != objects.uid(claim):
            marks = {**objects.annotations(volume), BY_CONTROLLER: "yes"}
            volume = objects.put(volume, "metadata.annotations", marks)
            volume = self.client.update(place, objects.put(volume, "spec.claimRef", _reference(claim)), because=why)
        if phase(volume) != "Bound":
            volume = self.client.update(place, objects.put(volume, "status.phase", "Bound"), subresource="status",
                                        canonical=self.version[1], because=why)
        marks = {**objects.annotations(claim), BOUND_COMPLETED: "yes"}
        if not objects.dig(claim, "spec.volumeName"):
            marks[BY_CONTROLLER] = "yes"
        claim = objects.put(objects.put(claim, "metadata.annotations", marks), "spec.volumeName", place.name)
        claim = self.client.update(key, claim, because=why)
        status = {"phase": "Bound", "accessModes": volume["spec"].get("accessModes"),
                  "capacity": volume["spec"].get("capacity")}
        self.client.update(key, {**claim, "status": status}, subresource="status",
                           canonical=self.version[1], because=why)

    # ---- volumes ----------------------------------------------------------------------------------------------
    def _volume(self, key: Key, volume: Object) -> float | None:
        namespace, name, uid = claim_of(volume)
        if not name or not uid:
            if phase(volume) != "Available":
                self.client.update(key, objects.put(volume, "status.phase", "Available"), subresource="status",
                                   canonical=self.version[1])
                for waiting in self.reader.list(CLAIMS):
                    if phase(waiting) == "Pending" and fits(waiting, volume):
                        self.enqueue(objects.key(CLAIMS, waiting))
            return None
        claim = self.reader.get(Key(CLAIMS, namespace, name))
        if claim is not None and objects.uid(claim) == uid:
            return None
        if phase(volume) != "Released":
            volume = self.client.update(key, objects.put(volume, "status.phase", "Released"), subresource="status",
                                        canonical=self.version[1],
                                        because=f"its claim {namespace}/{name} is gone")
        if objects.dig(volume, "spec.persistentVolumeReclaimPolicy") == "Delete" and not objects.deleting(volume):
            self.client.delete(key, because="its reclaim policy is Delete and its claim is gone")
        return None


def _reference(claim: Object) -> Object:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": objects.name(claim),
            "namespace": objects.namespace(claim), "uid": objects.uid(claim),
            "resourceVersion": claim["metadata"].get("resourceVersion", "")}
