"""Volumes, claims and storage classes. Models: pkg/apis/{core,storage}/validation, printers.go."""

from __future__ import annotations

from sim.api import objects, quantity
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds.apps import immutable
from sim.apiserver.kinds.columns import AGE, CREATED_AT, NAME, UNSET, at
from sim.apiserver.kinds.row import Resource, Strategy, defaulted

MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
PV_SOURCES = frozenset({
    "hostPath", "nfs", "local", "csi", "iscsi", "fc", "awsElasticBlockStore", "gcePersistentDisk", "azureDisk",
    "azureFile", "cephfs", "rbd", "glusterfs", "vsphereVolume", "cinder", "flexVolume", "portworxVolume", "scaleIO",
    "storageos", "quobyte", "photonPersistentDisk", "flocker"})
POLICIES = ("Delete", "Recycle", "Retain")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def access_modes(obj: Object, _: int = 0) -> str:
    """Give the access modes of a volume or claim, short: `RWO,RWX`."""
    spec = objects.dig(obj, "spec.accessModes", [])
    return ",".join(short for mode, short in MODES.items() if mode in spec)


def _claim_modes(obj: Object, _: int) -> str:
    if objects.dig(obj, "status.phase") != "Bound":
        return ""
    given = objects.dig(obj, "status.accessModes", [])
    return ",".join(short for mode, short in MODES.items() if mode in given)


def _claim_capacity(obj: Object, _: int) -> str:
    return str(objects.dig(obj, "status.capacity.storage", "")) if objects.dig(obj, "spec.volumeName") else ""


def _phase(obj: Object, _: int) -> str:
    return "Terminating" if objects.deleting(obj) else str(objects.dig(obj, "status.phase", ""))


def _bound_to(obj: Object, _: int) -> str:
    claim = objects.dig(obj, "spec.claimRef", {})
    return f"{claim.get('namespace', '')}/{claim['name']}" if claim else ""


def _modes(obj: Object, faults: Faults) -> None:
    modes = objects.dig(obj, "spec.accessModes", [])
    if not modes:
        faults.required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        if mode not in MODES:
            faults.unsupported("spec.accessModes", mode, sorted(MODES))


def _validate_claim(obj: Object, faults: Faults) -> None:
    _modes(obj, faults)
    storage = objects.dig(obj, "spec.resources.requests.storage")
    if storage is None:
        faults.required("spec.resources[storage]")
    elif quantity.parse(storage) <= 0:
        faults.invalid("spec.resources[storage]", storage, "must be greater than zero")


def _update_claim(new: Object, old: Object, faults: Faults) -> None:
    def core(obj: Object) -> Object:
        spec = dict(obj.get("spec") or {})
        spec.pop("resources", None)
        if not objects.dig(old, "spec.volumeName"):
            spec.pop("volumeName", None)
        return spec

    if core(new) != core(old):
        faults.forbidden("spec", "spec is immutable after creation except resources.requests and "
                         "volumeAttributesClassName for bound claims")
    before = objects.dig(old, "spec.resources.requests.storage", "0")
    after = objects.dig(new, "spec.resources.requests.storage", "0")
    if quantity.parse(after) < quantity.parse(before):
        faults.forbidden("spec.resources.requests.storage",
                         "field can not be less than status.capacity")


def _validate_volume(obj: Object, faults: Faults) -> None:
    spec = obj.get("spec") or {}
    _modes(obj, faults)
    capacity = spec.get("capacity") or {}
    if not capacity:
        faults.required("spec.capacity")
    elif "storage" not in capacity or len(capacity) > 1:
        faults.unsupported("spec.capacity", capacity, ("storage",))
    elif quantity.parse(capacity["storage"]) <= 0:
        faults.invalid("spec.capacity[storage]", capacity["storage"], "must be greater than zero")
    faults.one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), POLICIES)
    sources = [name for name in spec if name in PV_SOURCES]
    if not sources:
        faults.required("spec", "must specify a volume type")
    for extra in sources[1:]:
        faults.forbidden(f"spec.{extra}", "may not specify more than 1 volume type")
    if "local" in sources and not objects.dig(spec, "nodeAffinity"):
        faults.required("spec.nodeAffinity", "Local volume requires node affinity")


def _update_volume(new: Object, old: Object, faults: Faults) -> None:
    def source(obj: Object) -> Object:
        return {name: value for name, value in (obj.get("spec") or {}).items() if name in PV_SOURCES}

    if source(new) != source(old):
        faults.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")


def _validate_class(obj: Object, faults: Faults) -> None:
    if not obj.get("provisioner"):
        faults.required("provisioner")
    faults.one_of("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain"))
    faults.one_of("volumeBindingMode", obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"))


def is_default_class(obj: Object) -> bool:
    """Tell whether claims without a class get this one."""
    return objects.annotations(obj).get(DEFAULT_CLASS) == "true"


def _class_name(obj: Object, _: int) -> str:
    return objects.name(obj) + (" (default)" if is_default_class(obj) else "")


CLAIM = Resource(
    "persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",), subresources=("status",),
    strategy=Strategy(lambda obj: defaulted(obj, {"spec": {"volumeMode": "Filesystem"}}), validate=_validate_claim,
                      validate_update=_update_claim, status={"phase": "Pending"}),
    columns=(
        NAME, ("Status", 0, _phase), ("Volume", 0, at("spec.volumeName", "")), ("Capacity", 0, _claim_capacity),
        ("Access Modes", 0, _claim_modes), ("StorageClass", 0, at("spec.storageClassName", "")),
        ("VolumeAttributesClass", 0, at("spec.volumeAttributesClassName", UNSET)), AGE,
        ("VolumeMode", 1, at("spec.volumeMode", UNSET))))
VOLUME = Resource(
    "persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",), subresources=("status",),
    strategy=Strategy(
        lambda obj: defaulted(obj, {"spec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}}),
        validate=_validate_volume, validate_update=_update_volume, status={"phase": "Pending"}),
    columns=(
        NAME, ("Capacity", 0, at("spec.capacity.storage", "")), ("Access Modes", 0, access_modes),
        ("Reclaim Policy", 0, at("spec.persistentVolumeReclaimPolicy", "")), ("Status", 0, _phase),
        ("Claim", 0, _bound_to), ("StorageClass", 0, at("spec.storageClassName", "")),
        ("VolumeAttributesClass", 0, at("spec.volumeAttributesClassName", UNSET)), ("Reason", 0, at("status.reason", "")),
        AGE, ("VolumeMode", 1, at("spec.volumeMode", UNSET))))
STORAGE = "storage.k8s.io"
ROWS = (
    Resource("csidrivers", "CSIDriver", STORAGE, namespaced=False, modelled=False, columns=CREATED_AT),
    Resource("csinodes", "CSINode", STORAGE, namespaced=False, columns=(
        NAME, ("Drivers", 0, lambda o, _: len(objects.dig(o, "spec.drivers", []))), AGE)),
    Resource("csistoragecapacities", "CSIStorageCapacity", STORAGE, modelled=False, since=24),
    Resource("storageclasses", "StorageClass", STORAGE, namespaced=False, short_names=("sc",),
             strategy=Strategy(
                 lambda obj: defaulted(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
                 validate=_validate_class,
                 validate_update=immutable("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")),
             columns=(
                 ("Name", 0, _class_name), ("Provisioner", 0, at("provisioner", "")),
                 ("ReclaimPolicy", 0, at("reclaimPolicy", "Delete")),
                 ("VolumeBindingMode", 0, at("volumeBindingMode", "Immediate")),
                 ("AllowVolumeExpansion", 0, lambda o, _: "true" if o.get("allowVolumeExpansion") else "false"), AGE)),
    Resource("volumeattachments", "VolumeAttachment", STORAGE, namespaced=False, modelled=False),
    Resource("volumeattributesclasses", "VolumeAttributesClass", STORAGE, namespaced=False, short_names=("vac",),
             modelled=False, since=34),
)
