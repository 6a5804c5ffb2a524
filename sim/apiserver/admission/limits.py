"""LimitRanges: defaults for containers, and bounds. Models: plugin/pkg/admission/limitranger."""

from __future__ import annotations

from sim.api import errors, objects, quantity, quota
from sim.api.client import Object, Reader
from sim.apiserver.kinds.row import Resource

LIMIT_NOTE = "kubernetes.io/limit-ranger"


def with_limits(pod: Object, reader: Reader) -> Object:
    """Give containers the defaults of the namespace's LimitRanges. Models: limitranger mergePodResourceRequirements."""
    notes: list[str] = []
    for limits in reader.list("limitranges", objects.namespace(pod)):
        for item in objects.dig(limits, "spec.limits", []):
            if item.get("type") == "Container":
                pod = _with_defaults(pod, item, notes)
    if not notes:
        return pod
    annotations = {**objects.annotations(pod), LIMIT_NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return objects.put(pod, "metadata.annotations", annotations)


def _with_defaults(pod: Object, item: Object, notes: list[str]) -> Object:
    spec = dict(pod["spec"])
    for group, what in (("containers", "container"), ("initContainers", "init container")):
        changed = []
        for each in spec.get(group) or []:
            resources = each.get("resources") or {}
            merged = dict(resources)
            for kind, source in (("requests", "defaultRequest"), ("limits", "default")):
                present = resources.get(kind) or {}
                added = {name: text for name, text in (item.get(source) or {}).items() if name not in present}
                if added:
                    merged[kind] = {**present, **added}
                    notes.append(f"{', '.join(sorted(added))} {kind[:-1]} for {what} {each['name']}")
            changed.append(each if merged == resources else {**each, "resources": merged})
        if changed:
            spec[group] = changed
    return {**pod, "spec": spec}


def check_limits(row: Resource, obj: Object, reader: Reader) -> None:
    """Hold an object against the namespace's LimitRanges. Raises StatusError 403 with every fault."""
    if row.resource not in ("pods", "persistentvolumeclaims"):
        return
    faults: list[str] = []
    for limits in reader.list("limitranges", objects.namespace(obj)):
        for item in objects.dig(limits, "spec.limits", []):
            if row.resource == "persistentvolumeclaims" and item.get("type") == "PersistentVolumeClaim":
                _bounded(item, "PersistentVolumeClaim", objects.dig(obj, "spec.resources.requests", {}), {}, faults)
            elif row.resource == "pods" and item.get("type") == "Container":
                for each in [*objects.dig(obj, "spec.containers", []), *objects.dig(obj, "spec.initContainers", [])]:
                    _bounded(item, "Container", objects.dig(each, "resources.requests", {}),
                             objects.dig(each, "resources.limits", {}), faults)
            elif row.resource == "pods" and item.get("type") == "Pod":
                used = quota.usage("pods", "", obj)
                sums = {group: {name.partition(".")[2]: quota.text(name, amount) for name, amount in used.items()
                                if name.startswith(f"{group}.")} for group in ("requests", "limits")}
                _bounded(item, "Pod", sums["requests"], sums["limits"], faults)
    if faults:
        text = faults[0] if len(faults) == 1 else f"[{', '.join(dict.fromkeys(faults))}]"
        raise errors.forbidden(row.plural, objects.name(obj), text, row.group)


def _bounded(item: Object, kind: str, requests: Object, limits: Object, faults: list[str]) -> None:
    for name, low in sorted((item.get("min") or {}).items()):
        asked = requests.get(name)
        if asked is None:
            faults.append(f"minimum {name} usage per {kind} is {low}.  No request is specified")
        elif quantity.parse(asked) < quantity.parse(low):
            faults.append(f"minimum {name} usage per {kind} is {low}, but request is {asked}")
    for name, high in sorted((item.get("max") or {}).items()):
        limit, asked = limits.get(name), requests.get(name)
        if limit is None and kind != "PersistentVolumeClaim":
            faults.append(f"maximum {name} usage per {kind} is {high}.  No limit is specified")
        elif limit is not None and quantity.parse(limit) > quantity.parse(high):
            faults.append(f"maximum {name} usage per {kind} is {high}, but limit is {limit}")
        elif asked is not None and quantity.parse(asked) > quantity.parse(high):
            faults.append(f"maximum {name} usage per {kind} is {high}, but request is {asked}")
    for name, ratio in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        limit, asked = limits.get(name), requests.get(name)
        if limit and asked and quantity.parse(limit) / quantity.parse(asked) > quantity.parse(ratio):
            found = float(quantity.parse(limit) / quantity.parse(asked))
            faults.append(f"{name} max limit to request ratio per {kind} is {ratio}, but provided ratio is {found:.6f}")
