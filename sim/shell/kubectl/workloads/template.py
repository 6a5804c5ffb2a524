"""A pod template as `rollout history --revision` prints it: describe's lines, with tabs that nobody lays out.

Models: kubectl/pkg/describe/describe.go (DescribePodTemplate, describeContainers, describeVolumes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sim.api import objects
from sim.api.client import Object

RESOURCES = (("limits", "Limits"), ("requests", "Requests"))
PROBES = (("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"), ("startupProbe", "Startup"))


def template_lines(template: Object) -> list[str]:
    """Give the lines of a pod template."""
    return ["Pod Template:", *(f"  {line}" if not line.startswith("\t") else line for line in _lines(template))]


def _pairs(title: str, pairs: dict[str, str], join: str) -> Iterator[str]:
    shown = [f"{key}{join}{value}" for key, value in sorted(pairs.items())] or ["<none>"]
    yield f"{title}:\t{shown[0]}"
    yield from (f"\t{each}" for each in shown[1:])


def _lines(template: Object) -> Iterator[str]:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    yield from _pairs("Labels", metadata.get("labels") or {}, "=")
    if metadata.get("annotations"):
        yield from _pairs("Annotations", metadata["annotations"], ": ")
    if spec.get("serviceAccountName"):
        yield f"Service Account:\t{spec['serviceAccountName']}"
    for field, title in (("initContainers", "Init Containers"), ("containers", "Containers")):
        if spec.get(field) or field == "containers":
            yield f"{title}:" + ("" if spec.get(field) else "\t<none>")
        for container in spec.get(field) or []:
            yield f" {container['name']}:"
            yield from (f"  {line}" for line in _container(container))
    yield from _volumes(spec.get("volumes") or [])
    if spec.get("priorityClassName"):
        yield f"Priority Class Name:\t{spec['priorityClassName']}"
    yield from _pairs("Node-Selectors", spec.get("nodeSelector") or {}, "=")
    tolerations = [_toleration(each) for each in spec.get("tolerations") or []] or ["<none>"]
    yield f"Tolerations:\t{tolerations[0]}"
    yield from (f"\t{each}" for each in tolerations[1:])


def _container(container: Object) -> Iterator[str]:
    ports = container.get("ports") or []
    plural = "s" if len(ports) > 1 else ""
    yield f"Image:\t{container.get('image', '')}"
    shown = [f"{p['containerPort']}/{p.get('protocol', 'TCP')}" + (f" ({p['name']})" if p.get("name") else "") for p in ports]
    yield f"Port{plural}:\t{', '.join(shown) or '<none>'}"
    hosts = [f"{p.get('hostPort', 0)}/{p.get('protocol', 'TCP')}" + (f" ({p['name']})" if p.get("name") else "") for p in ports]
    yield f"Host Port{plural}:\t{', '.join(hosts) or '<none>'}"
    for field, title in (("command", "Command"), ("args", "Args")):
        if container.get(field):
            yield f"{title}:"
            yield from (f"  {line}" for word in container[field] for line in str(word).split("\n"))
    for field, title in RESOURCES:
        if amounts := objects.dig(container, f"resources.{field}", {}):
            yield f"{title}:"
            yield from (f"  {name}:\t{value}" for name, value in sorted(amounts.items()))
    for field, title in PROBES:
        if container.get(field):
            yield f"{title}:\t{_probe(container[field])}"
    yield from _environment(container)
    mounts = sorted(container.get("volumeMounts") or [], key=lambda mount: str(mount["mountPath"]))
    yield "Mounts:" + ("" if mounts else "\t<none>")
    for mount in mounts:
        flags = ",".join(["ro" if mount.get("readOnly") else "rw",
                          *([f"path=\"{mount['subPath']}\""] if mount.get("subPath") else [])])
        yield f"  {mount['mountPath']} from {mount['name']} ({flags})"


def _environment(container: Object) -> Iterator[str]:
    sources = container.get("envFrom") or []
    if sources:
        yield "Environment Variables from:"
        for each in sources:
            kind, where = ("ConfigMap", each["configMapRef"]) if each.get("configMapRef") else ("Secret", each["secretRef"])
            yield f"  {where['name']}\t{kind}\tOptional: {str(bool(where.get('optional'))).lower()}"
    env = container.get("env") or []
    yield "Environment:" + ("" if env else "\t<none>")
    for each in env:
        yield f"  {each['name']}:\t{_value(each)}"


def _value(variable: Object) -> str:
    source: Any = variable.get("valueFrom") or {}
    if "fieldRef" in source:
        return f" ({source['fieldRef'].get('apiVersion', 'v1')}:{source['fieldRef']['fieldPath']})"
    for field, kind in (("secretKeyRef", "secret"), ("configMapKeyRef", "config map")):
        if field in source:
            ref = source[field]
            return f"<set to the key '{ref['key']}' of {kind} '{ref['name']}'>\tOptional: {str(bool(ref.get('optional'))).lower()}"
    if "resourceFieldRef" in source:
        return f" ({source['resourceFieldRef']['resource']})"
    return str(variable.get("value", ""))


def _probe(probe: Object) -> str:
    seconds = [f"{word}={probe.get(field, default)}{unit}" for word, field, default, unit in (
        ("delay", "initialDelaySeconds", 0, "s"), ("timeout", "timeoutSeconds", 1, "s"), ("period", "periodSeconds", 10, "s"),
        ("#success", "successThreshold", 1, ""), ("#failure", "failureThreshold", 3, ""))]
    tail = " ".join(seconds)
    if "exec" in probe:
        return f"exec [{' '.join(probe['exec'].get('command') or [])}] {tail}"
    if "httpGet" in probe:
        get = probe["httpGet"]
        scheme = get.get("scheme", "HTTP").lower()
        return f"{scheme}-get {scheme}://{get.get('host', '')}:{get['port']}{get.get('path', '')} {tail}"
    if "tcpSocket" in probe:
        return f"tcp-socket {probe['tcpSocket'].get('host', '')}:{probe['tcpSocket']['port']} {tail}"
    return f"unknown {tail}"


VOLUMES: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path", ""), ("HostPathType", "type", ""))),
    "emptyDir": ("EmptyDir (a temporary directory that shares a pod's lifetime)",
                 (("Medium", "medium", ""), ("SizeLimit", "sizeLimit", "<unset>"))),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)", (("Name", "name", ""), ("Optional", "optional", "false"))),
    "secret": ("Secret (a volume populated by a Secret)", (("SecretName", "secretName", ""), ("Optional", "optional", "false"))),
    "persistentVolumeClaim": ("PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
                              (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", "false"))),
}


def _volumes(volumes: list[Object]) -> Iterator[str]:
    yield "Volumes:" + ("" if volumes else "\t<none>")
    for volume in volumes:
        yield f" {volume['name']}:"
        kind = next((field for field in VOLUMES if field in volume), "")
        if not kind:
            yield "  <unknown>"
            continue
        text, fields = VOLUMES[kind]
        yield f"  Type:\t{text}"
        for title, field, default in fields:
            value = (volume[kind] or {}).get(field, default)
            yield f"  {title}:\t{str(value).lower() if isinstance(value, bool) else value}"


def _toleration(toleration: Object) -> str:
    text = str(toleration.get("key", ""))
    if toleration.get("value"):
        text += f"={toleration['value']}"
    if toleration.get("effect"):
        text += f":{toleration['effect']}"
    if toleration.get("operator") == "Exists" and not toleration.get("value"):
        text += " op=Exists" if text else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text
