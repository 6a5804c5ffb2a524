"""Decoding: does a body have the shape of its kind? What comes from a learner's file may be anything.

Models: the JSON decoder's type errors (`cannot unmarshal …`) for the fields that the simulator reads. Left out:
unknown and duplicate fields (strict decoding needs the whole schema), fields that nothing here reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api.errors import StatusError, bad_request

INT32, INT64, STRING, BOOL, MAP = "int32", "int64", "string", "bool", "map[string]string"


@dataclass(frozen=True, slots=True)
class Struct:
    """A Go struct: its name in error texts and the types of its fields.

    A field is a scalar's name, a Struct, or a list that holds its one element type.
    """

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    package: str = "v1"


OWNER = Struct("OwnerReference", {"uid": STRING, "name": STRING, "kind": STRING, "apiVersion": STRING,
                                  "controller": BOOL, "blockOwnerDeletion": BOOL})
META = Struct("ObjectMeta", {
    "name": STRING, "generateName": STRING, "namespace": STRING, "labels": MAP, "annotations": MAP,
    "finalizers": [STRING], "ownerReferences": [OWNER], "resourceVersion": STRING, "uid": STRING})
RESOURCE_NEEDS = Struct("ResourceRequirements", {"limits": Struct("ResourceList"), "requests": Struct("ResourceList")})
PORT = Struct("ContainerPort", {"name": STRING, "containerPort": INT32, "hostPort": INT32, "protocol": STRING})
PROBE = Struct("Probe", {"initialDelaySeconds": INT32, "periodSeconds": INT32, "timeoutSeconds": INT32,
                         "failureThreshold": INT32, "successThreshold": INT32})
ENV = Struct("EnvVar", {"name": STRING, "value": STRING})
CONTAINER = Struct("Container", {
    "name": STRING, "image": STRING, "command": [STRING], "args": [STRING], "imagePullPolicy": STRING,
    "ports": [PORT], "env": [ENV], "resources": RESOURCE_NEEDS, "volumeMounts": [Struct("VolumeMount")],
    "livenessProbe": PROBE, "readinessProbe": PROBE, "startupProbe": PROBE})
TOLERATION = Struct("Toleration", {"key": STRING, "operator": STRING, "value": STRING, "effect": STRING,
                                   "tolerationSeconds": INT64})
POD_SPEC = Struct("PodSpec", {
    "containers": [CONTAINER], "initContainers": [CONTAINER], "volumes": [Struct("Volume", {"name": STRING})],
    "nodeName": STRING, "nodeSelector": MAP, "tolerations": [TOLERATION], "priorityClassName": STRING,
    "serviceAccountName": STRING, "restartPolicy": STRING, "terminationGracePeriodSeconds": INT64,
    "schedulerName": STRING, "hostNetwork": BOOL, "automountServiceAccountToken": BOOL,
    "affinity": Struct("Affinity"), "topologySpreadConstraints": [Struct("TopologySpreadConstraint")]})
REQUIREMENT = Struct("LabelSelectorRequirement", {"key": STRING, "operator": STRING, "values": [STRING]})
SELECTOR = Struct("LabelSelector", {"matchLabels": MAP, "matchExpressions": [REQUIREMENT]})
TEMPLATE = Struct("PodTemplateSpec", {"metadata": META, "spec": POD_SPEC})


def _workload(name: str, **more: Any) -> Struct:
    return Struct(name, {"replicas": INT32, "selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": INT32,
                         "revisionHistoryLimit": INT32, **more})


STRATEGY = Struct("DeploymentStrategy", {"type": STRING, "rollingUpdate": Struct("RollingUpdateDeployment")})
TAINT = Struct("Taint", {"key": STRING, "value": STRING, "effect": STRING})
NODE_SPEC = Struct("NodeSpec", {"unschedulable": BOOL, "taints": [TAINT], "podCIDR": STRING})
SERVICE_SPEC = Struct("ServiceSpec", {
    "selector": MAP, "type": STRING, "clusterIP": STRING,
    "ports": [Struct("ServicePort", {"name": STRING, "port": INT32, "nodePort": INT32, "protocol": STRING})]})
SPECS: dict[str, Struct] = {
    "pods": POD_SPEC,
    "deployments": _workload("DeploymentSpec", strategy=STRATEGY, paused=BOOL, progressDeadlineSeconds=INT32),
    "replicasets": _workload("ReplicaSetSpec"),
    "daemonsets": _workload("DaemonSetSpec", updateStrategy=Struct("DaemonSetUpdateStrategy")),
    "statefulsets": _workload("StatefulSetSpec", serviceName=STRING, podManagementPolicy=STRING,
                              updateStrategy=Struct("StatefulSetUpdateStrategy")),
    "replicationcontrollers": _workload("ReplicationControllerSpec", selector=MAP),
    "jobs": _workload("JobSpec", completions=INT32, parallelism=INT32, backoffLimit=INT32, suspend=BOOL),
    "nodes": NODE_SPEC,
    "services": SERVICE_SPEC,
    "poddisruptionbudgets": Struct("PodDisruptionBudgetSpec", {"selector": SELECTOR,
                                                               "unhealthyPodEvictionPolicy": STRING}),
    "namespaces": Struct("NamespaceSpec", {"finalizers": [STRING]}),
}
TOPS: dict[str, dict[str, Any]] = {
    "configmaps": {"data": MAP, "binaryData": MAP, "immutable": BOOL},
    "secrets": {"data": MAP, "stringData": MAP, "type": STRING, "immutable": BOOL},
    "priorityclasses": {"value": INT32, "globalDefault": BOOL, "preemptionPolicy": STRING},
}


def check(resource: str, kind: str, version: str, body: Any) -> None:
    """Refuse a body that cannot be read as its kind. Raises StatusError 400 in the decoder's words."""
    spec = SPECS.get(resource, Struct(f"{kind}Spec"))
    top = Struct(kind, {"metadata": META, "spec": spec, "status": Struct(f"{kind}Status"), **TOPS.get(resource, {})})
    for text in _faults(top, body, (), kind):
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {text}')


def unreadable_patch(body: Any) -> StatusError:
    """400 for a patch that is no JSON object."""
    word = _word(body)
    return bad_request(f"json: cannot unmarshal {word} into Go value of type map[string]interface {{}}")


def _faults(kind: Any, value: Any, path: tuple[str, ...], owner: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(kind, Struct):
        if not isinstance(value, dict):
            yield _text(value, path, owner, f"{kind.package}.{kind.name}")
            return
        for name, inner in kind.fields.items():
            yield from _faults(inner, value.get(name), (*path, name), kind.name)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield _text(value, path, owner, _go(kind))
            return
        for item in value:
            yield from _faults(kind[0], item, path, owner)
    elif kind == MAP:
        if not isinstance(value, dict):
            yield _text(value, path, owner, MAP)
            return
        for item in value.values():
            yield from _faults(STRING, item, path, owner)
    elif not _fits(kind, value):
        yield _text(value, path, owner, kind)


def _fits(kind: str, value: Any) -> bool:
    if kind == STRING:
        return isinstance(value, str)
    if kind == BOOL:
        return isinstance(value, bool)
    bits = 31 if kind == INT32 else 63
    return isinstance(value, int) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits


def _go(kind: Any) -> str:
    if isinstance(kind, list):
        return f"[]{_go(kind[0])}"
    return f"{kind.package}.{kind.name}" if isinstance(kind, Struct) else str(kind)


def _word(value: Any) -> str:
    """Name a JSON value as Go's decoder does; a number that does not fit is quoted with its digits."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
    return "object"


def _text(value: Any, path: tuple[str, ...], owner: str, wanted: str) -> str:
    word = _word(value)
    if word == "number" and wanted in (INT32, INT64):
        word = f"number {value}"
    where = f"Go struct field {owner}.{'.'.join(path)}" if path else "Go value"
    return f"json: cannot unmarshal {word} into {where} of type {wanted}"
