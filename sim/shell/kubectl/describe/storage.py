"""Persistent volumes, claims and storage classes.

Models: kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.api import objects
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, head, labels, when
from sim.shell.kubectl.describe.pod.volumes import source
from sim.shell.kubectl.describe.settings import inline_annotations
from sim.shell.kubectl.describe.writer import Writer

MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
OTHER_FIELDS = ("accessModes", "capacity", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "volumeMode",
                "nodeAffinity", "mountOptions", "volumeAttributesClassName")


def _modes(found: Sequence[str] | None) -> str:
    return ",".join(short for mode, short in MODES.items() if mode in (found or ()))


def _phase(obj: Object) -> str:
    stamp = obj["metadata"].get("deletionTimestamp")
    return f"Terminating (lasts {stamp})" if stamp else str(objects.dig(obj, "status.phase", ""))


def volume(w: Writer, obj: Object, version: tuple[int, int]) -> None:
    """Write a PersistentVolume."""
    spec = obj["spec"]
    w.line("Name:", objects.name(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Finalizers:", "[" + " ".join(obj["metadata"].get("finalizers") or []) + "]")
    w.line("StorageClass:", spec.get("storageClassName", ""))
    w.line("Status:", _phase(obj))
    claim = spec.get("claimRef")
    w.line("Claim:", f"{claim.get('namespace')}/{claim.get('name')}" if claim else "")
    w.line("Reclaim Policy:", spec.get("persistentVolumeReclaimPolicy", ""))
    w.line("Access Modes:", _modes(spec.get("accessModes")))
    if spec.get("volumeMode"):
        w.line("VolumeMode:", spec["volumeMode"])
    w.line("Capacity:", objects.dig(spec, "capacity.storage", ""))
    _affinity(w, spec)
    w.line("Message:", objects.dig(obj, "status.message", ""))
    w.write("Source:\n")
    kind = next((key for key in spec if key not in OTHER_FIELDS), "")
    source(w, kind, spec.get(kind) or {}, version)


def _affinity(w: Writer, spec: Object) -> None:
    required = objects.dig(spec, "nodeAffinity.required")
    if not required:
        w.line("Node Affinity:", "<none>")
        return
    w.write("Node Affinity:\t\n  Required Terms:\t\n")
    for number, term in enumerate(required.get("nodeSelectorTerms") or []):
        texts = [f"{each['key']} {each['operator'].lower()}"
                 + (f" [{', '.join(each['values'])}]" if each.get("values") else "") for each in term.get("matchExpressions") or []]
        for at, text in enumerate(texts):
            w.write((f"    Term {number}:\t" if not at else "\t") + text + "\n")


def claim(w: Writer, obj: Object, users: Sequence[str]) -> None:
    """Write a PersistentVolumeClaim. users: the pods that mount it."""
    spec = obj["spec"]
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    w.line("StorageClass:", spec.get("storageClassName", ""))
    w.line("Status:", _phase(obj))
    w.line("Volume:", spec.get("volumeName", ""))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("Finalizers:", "[" + " ".join(obj["metadata"].get("finalizers") or []) + "]")
    bound = bool(spec.get("volumeName"))
    w.line("Capacity:", objects.dig(obj, "status.capacity.storage", "") if bound else "")
    w.line("Access Modes:", _modes(objects.dig(obj, "status.accessModes")) if bound else "")
    if spec.get("volumeMode"):
        w.line("VolumeMode:", spec["volumeMode"])
    if spec.get("dataSource"):
        w.write(f"DataSource:\n  Kind:\t{spec['dataSource'].get('kind')}\n  Name:\t{spec['dataSource'].get('name')}\n")
    w.write("Used By:\t")
    for number, name in enumerate(users or ["<none>"]):
        w.write(("\t" if number else "") + name + "\n")
    conditions = objects.dig(obj, "status.conditions", [])
    if conditions:
        w.write("Conditions:\n  Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage\n"
                "  ----\t------\t-----------------\t------------------\t------\t-------\n")
        for each in conditions:
            w.write(f"  {each['type']} \t{each['status']} \t{when(each.get('lastProbeTime'))} \t"
                    f"{when(each.get('lastTransitionTime'))} \t{each.get('reason', '')} \t{each.get('message', '')}\n")


def storage_class(w: Writer, obj: Object) -> None:
    """Write a StorageClass."""
    w.line("Name:", objects.name(obj))
    default = any(objects.annotations(obj).get(key) == "true" for key in DEFAULT_CLASS)
    w.line("IsDefaultClass:", "Yes" if default else "No")
    w.line("Annotations:", inline_annotations(objects.annotations(obj)))
    w.line("Provisioner:", obj.get("provisioner", ""))
    w.line("Parameters:", inline_annotations(obj.get("parameters")))
    grows = obj.get("allowVolumeExpansion")
    w.line("AllowVolumeExpansion:", "<unset>" if grows is None else "True" if grows else "False")
    options = obj.get("mountOptions") or []
    if not options:
        w.line("MountOptions:", "<none>")
    else:
        w.write("MountOptions:\n")
        for option in options:
            w.write(f"  {option}\n")
    w.line("ReclaimPolicy:", obj.get("reclaimPolicy", "Delete"))
    w.line("VolumeBindingMode:", obj.get("volumeBindingMode", "Immediate"))


__all__ = ["claim", "head", "storage_class", "volume"]
