"""Registry strategies: what each kind gets by default and what it must look like.

Models: pkg/apis/*/v1/defaults.go and pkg/apis/*/validation/validation.go, for the fields that the modelled kinds
act on. Left out: validation of fields that nothing here reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sim.api import objects, quantity, selectors
from sim.api.client import Object
from sim.api.errors import FieldError

Validate = Callable[[Object], list[FieldError]]
ValidateUpdate = Callable[[Object, Object], list[FieldError]]

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def defaulted(obj: Object, defaults: dict[str, Any]) -> Object:
    """Give the object with defaults where it has nothing; nested dicts are merged."""
    out = dict(obj)
    for name, value in defaults.items():
        if name not in out or out[name] is None:
            out[name] = value
        elif isinstance(value, dict) and isinstance(out[name], dict):
            out[name] = defaulted(out[name], value)
    return out


# ---- defaults -----------------------------------------------------------------------------------------------------
POD_SPEC: dict[str, Any] = {
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
    "securityContext": {}, "schedulerName": "default-scheduler",
}
CONTAINER: dict[str, Any] = {
    "resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def container(spec: Object) -> Object:
    """Default one container; the pull policy follows the tag."""
    out = defaulted(spec, CONTAINER)
    image = str(out.get("image", ""))
    latest = "@" not in image and (":" not in image.rpartition("/")[2] or image.endswith(":latest"))
    out.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    if out.get("ports"):
        out["ports"] = [defaulted(port, {"protocol": "TCP"}) for port in out["ports"]]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if out.get(probe):
            out[probe] = defaulted(out[probe], PROBE)
    resources = out["resources"]
    requests = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    if requests:
        resources = {**resources, "requests": {name: _canonical(text) for name, text in requests.items()}}
        if resources.get("limits"):
            resources["limits"] = {name: _canonical(text) for name, text in resources["limits"].items()}
        out["resources"] = resources
    return out


def _canonical(text: Any) -> str:
    try:
        return quantity.canonical(str(text))
    except ValueError:
        return str(text)  # validation says what is wrong with it


def pod_spec(spec: Object) -> Object:
    """Default a pod's spec or a template's."""
    out = defaulted(spec, POD_SPEC)
    for name in ("containers", "initContainers"):
        if out.get(name):
            out[name] = [container(each) for each in out[name]]
    return out


def pod(obj: Object) -> Object:
    """Default a pod."""
    spec = {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0}
    out = {**obj, "spec": defaulted(pod_spec(obj.get("spec") or {}), spec)}
    return {**out, "status": {"phase": "Pending", "qosClass": qos_class(out), **(obj.get("status") or {})}}


def qos_class(pod_object: Object) -> str:
    """Tell the quality of service class from requests and limits. Models: pkg/apis/core/v1/helper/qos."""
    containers = objects.dig(pod_object, "spec.containers", [])
    seen = [(objects.dig(c, "resources.requests", {}), objects.dig(c, "resources.limits", {})) for c in containers]
    if not any(requests or limits for requests, limits in seen):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(limits) and requests == limits for requests, limits in seen)
    return "Guaranteed" if full else "Burstable"


def _template(obj: Object) -> Object:
    template = objects.dig(obj, "spec.template", {})
    template = {**template, "metadata": template.get("metadata") or {}, "spec": pod_spec(template.get("spec") or {})}
    return objects.put(obj, "spec.template", template)


def _workload(**spec: Any) -> Callable[[Object], Object]:
    def default(obj: Object) -> Object:
        return _template({**obj, "spec": defaulted(obj.get("spec") or {}, spec), "status": obj.get("status") or {}})

    return default


def _deployment(obj: Object) -> Object:
    spec = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
    out = _workload(**spec)(obj)
    strategy = objects.dig(out, "spec.strategy", {})
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        strategy = defaulted(strategy, ROLLING)
    return objects.put(out, "spec.strategy", strategy)


def _service(obj: Object) -> Object:
    spec = defaulted(
        obj.get("spec") or {},
        {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
         "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
    )
    if spec.get("ports"):
        spec["ports"] = [
            defaulted(port, {"protocol": "TCP", "targetPort": port.get("port")}) for port in spec["ports"]
        ]
    return {**obj, "spec": spec, "status": obj.get("status") or {"loadBalancer": {}}}


def _namespace(obj: Object) -> Object:
    labels = {**objects.labels(obj), "kubernetes.io/metadata.name": objects.name(obj)}
    out = objects.put(obj, "metadata.labels", labels)
    return {**out, "spec": defaulted(obj.get("spec") or {}, {"finalizers": ["kubernetes"]}),
            "status": obj.get("status") or {"phase": "Active"}}


def _labelled(obj: Object) -> Object:
    """Give the labels of the template to an object that has none."""
    labels = objects.dig(obj, "spec.template.metadata.labels")
    return objects.put(obj, "metadata.labels", labels) if labels and not objects.labels(obj) else obj


def _replication_controller(obj: Object) -> Object:
    out = _labelled(_workload(replicas=1)(obj))
    labels = objects.dig(out, "spec.template.metadata.labels")
    return objects.put(out, "spec.selector", labels) if labels and not objects.dig(out, "spec.selector") else out


def _job(obj: Object) -> Object:
    """Default a job; without its own selector it gets one over its uid. Models: pkg/registry/batch/job/strategy.go."""
    spec = obj.get("spec") or {}
    counts: Object = {"parallelism": 1}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        counts["completions"] = 1
    out = _labelled(_workload(
        **counts, backoffLimit=6, completionMode="NonIndexed", suspend=False, manualSelector=False,
        podReplacementPolicy="Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed",
    )(obj))
    if objects.dig(out, "spec.selector") or objects.dig(out, "spec.manualSelector"):
        return out
    uid = objects.uid(out)
    mark = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": objects.name(out),
            "controller-uid": uid, "job-name": objects.name(out)}
    labels = {**objects.dig(out, "spec.template.metadata.labels", {}), **mark}
    out = objects.put(out, "spec.template.metadata.labels", labels)
    return objects.put(out, "spec.selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


DEFAULTS: dict[str, Callable[[Object], Object]] = {
    "pods": pod,
    "deployments": _deployment,
    "replicasets": _workload(replicas=1),
    "replicationcontrollers": _replication_controller,
    "daemonsets": _workload(
        revisionHistoryLimit=10,
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
    ),
    "statefulsets": _workload(
        replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", serviceName="",
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
    ),
    "jobs": _job,
    "services": _service,
    "namespaces": _namespace,
    "secrets": lambda obj: defaulted(obj, {"type": "Opaque"}),
    "nodes": lambda obj: defaulted(obj, {"spec": {}, "status": {}}),
    "priorityclasses": lambda obj: defaulted(obj, {"preemptionPolicy": "PreemptLowerPriority", "globalDefault": False}),
    "poddisruptionbudgets": lambda obj: {**obj, "status": obj.get("status") or {
        "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}},
}


PERCENT = re.compile(r"[0-9]+%")
PERCENT_TEXT = ("a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                "regex used for validation is '[0-9]+%')")


# ---- validation ---------------------------------------------------------------------------------------------------
def _required(obj: Object, path: str, text: str = "") -> list[FieldError]:
    if objects.dig(obj, path) in (None, "", []):
        return [FieldError(path, "Required value" + (f": {text}" if text else ""), "FieldValueRequired")]
    return []


def _validate_name(obj: Object) -> list[FieldError]:
    name = objects.name(obj)
    if not name:
        return [FieldError("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")]
    if len(name) > 253 or not SUBDOMAIN.fullmatch(name):
        return [FieldError("metadata.name", f'Invalid value: "{name}": {SUBDOMAIN_TEXT}')]
    return []


def _validate_pod_spec(spec: Object, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    containers = spec.get("containers") or []
    if not containers:
        faults.append(FieldError(f"{path}.containers", "Required value", "FieldValueRequired"))
    for number, each in enumerate(containers):
        here = f"{path}.containers[{number}]"
        if not each.get("name"):
            faults.append(FieldError(f"{here}.name", "Required value", "FieldValueRequired"))
        if not each.get("image"):
            faults.append(FieldError(f"{here}.image", "Required value", "FieldValueRequired"))
        for group in ("limits", "requests"):
            for name, text in (objects.dig(each, f"resources.{group}", {})).items():
                try:
                    quantity.parse(str(text))
                except ValueError as error:
                    faults.append(FieldError(f"{here}.resources.{group}[{name}]", f'Invalid value: "{text}": {error}'))
    policy = spec.get("restartPolicy", "Always")
    if policy not in ("Always", "OnFailure", "Never"):
        faults.append(FieldError(
            f"{path}.restartPolicy",
            f'Unsupported value: "{policy}": supported values: "Always", "OnFailure", "Never"', "FieldValueNotSupported",
        ))
    return faults


def _validate_pod(obj: Object) -> list[FieldError]:
    return _validate_pod_spec(objects.dig(obj, "spec", {}), "spec")


def _validate_workload(obj: Object) -> list[FieldError]:
    faults = _required(obj, "spec.selector") if obj["kind"] not in ("ReplicationController", "Job") else []
    labels = objects.dig(obj, "spec.template.metadata.labels", {})
    selector = objects.dig(obj, "spec.selector")
    replicas = objects.dig(obj, "spec.replicas", 0)
    if isinstance(replicas, int) and replicas < 0:
        faults.append(FieldError(
            "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0"))
    if selector is not None and obj["kind"] not in ("ReplicationController", "Job"):
        if not selectors.from_object(selector).matches(labels):
            shown = "{" + ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items())) + "}"
            faults.append(FieldError(
                "spec.template.metadata.labels",
                f"Invalid value: {shown}: `selector` does not match template `labels`"))
    for name in ("maxUnavailable", "maxSurge"):
        faults += _amount(obj, f"spec.strategy.rollingUpdate.{name}") + _amount(obj, f"spec.updateStrategy.rollingUpdate.{name}")
    return faults + _validate_pod_spec(objects.dig(obj, "spec.template.spec", {}), "spec.template.spec")


def _validate_replication_controller(obj: Object) -> list[FieldError]:
    selector, labels = objects.dig(obj, "spec.selector", {}), objects.dig(obj, "spec.template.metadata.labels", {})
    faults = _required(obj, "spec.selector") + _required(obj, "spec.template")
    if not faults and any(labels.get(key) != value for key, value in selector.items()):
        shown = "{" + ",".join(f'"{key}":"{value}"' for key, value in sorted(labels.items())) + "}"
        faults.append(FieldError("spec.template.metadata.labels",
                                 f"Invalid value: {shown}: `selector` does not match template `labels`"))
    return faults or _validate_workload(obj)


def _validate_job(obj: Object) -> list[FieldError]:
    faults = [
        FieldError(f"spec.{name}", f"Invalid value: {value}: must be greater than or equal to 0")
        for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
        if (value := objects.dig(obj, f"spec.{name}", 0)) < 0
    ]
    faults += _validate_workload(obj)
    policy = objects.dig(obj, "spec.template.spec.restartPolicy")
    if policy == "Always":
        faults.append(FieldError(
            "spec.template.spec.restartPolicy",
            'Unsupported value: "Always": supported values: "OnFailure", "Never"', "FieldValueNotSupported"))
    return faults


def _validate_slice(obj: Object) -> list[FieldError]:
    faults = _required(obj, "addressType")
    for number, endpoint in enumerate(obj.get("endpoints") or []):
        if not endpoint.get("addresses"):
            faults.append(FieldError(f"endpoints[{number}].addresses",
                                     "Required value: must contain at least 1 address", "FieldValueRequired"))
    return faults


def _amount(obj: Object, path: str) -> list[FieldError]:
    """Judge a number of pods or a percentage of them."""
    value = objects.dig(obj, path)
    if isinstance(value, str) and not PERCENT.fullmatch(value):
        return [FieldError(path, f'Invalid value: "{value}": {PERCENT_TEXT}')]
    if isinstance(value, int) and value < 0:
        return [FieldError(path, f"Invalid value: {value}: must be greater than or equal to 0")]
    if isinstance(value, str) and int(value[:-1]) > 100:
        return [FieldError(path, f'Invalid value: "{value}": must not be greater than 100%')]
    return []


def _validate_budget(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        return [FieldError("spec", f"Invalid value: {spec}: minAvailable and maxUnavailable cannot be both set")]
    return _amount(obj, "spec.minAvailable") + _amount(obj, "spec.maxUnavailable")


def _validate_service(obj: Object) -> list[FieldError]:
    if objects.dig(obj, "spec.type") == "ExternalName" or objects.dig(obj, "spec.clusterIP") == "None":
        return []
    return _required(obj, "spec.ports")


VALIDATE: dict[str, Validate] = {
    "pods": _validate_pod,
    **dict.fromkeys(
        ("deployments", "replicasets", "daemonsets", "statefulsets"), _validate_workload,
    ),
    "replicationcontrollers": _validate_replication_controller,
    "jobs": _validate_job,
    "endpointslices": _validate_slice,
    "poddisruptionbudgets": _validate_budget,
    "services": _validate_service,
}
IMMUTABLE: dict[str, tuple[str, ...]] = {
    "deployments": ("spec.selector",), "replicasets": ("spec.selector",), "daemonsets": ("spec.selector",),
    "jobs": ("spec.selector", "spec.template", "spec.completionMode"), "priorityclasses": ("value",),
    "controllerrevisions": ("data",),
}
POD_UPDATE_TEXT = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


SET_FIELDS = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
              "persistentVolumeClaimRetentionPolicy", "minReadySeconds")
SET_UPDATE_TEXT = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def validate(resource: str, obj: Object) -> list[FieldError]:
    """List the faults of a new object."""
    check = VALIDATE.get(resource)
    return _validate_name(obj) + (check(obj) if check else [])


def validate_update(resource: str, new: Object, old: Object) -> list[FieldError]:
    """List the faults of a change: the new object's own, and immutable fields."""
    check = VALIDATE.get(resource)
    faults = list(check(new)) if check else []
    for path in IMMUTABLE.get(resource, ()):
        if objects.dig(new, path) != objects.dig(old, path):
            faults.append(FieldError(path, f"Invalid value: {objects.dig(new, path)}: field is immutable"))
    if resource == "statefulsets" and _set_core(new) != _set_core(old):
        faults.append(FieldError("spec", SET_UPDATE_TEXT, "FieldValueForbidden"))
    if resource == "pods" and _pod_core(new) != _pod_core(old):
        faults.append(FieldError("spec", POD_UPDATE_TEXT, "FieldValueForbidden"))
    return faults


def _set_core(obj: Object) -> Object:
    return {name: value for name, value in (obj.get("spec") or {}).items() if name not in SET_FIELDS}


def _pod_core(obj: Object) -> Object:
    spec = {k: v for k, v in obj["spec"].items() if k not in ("tolerations", "activeDeadlineSeconds")}
    for name in ("containers", "initContainers"):
        spec[name] = [{k: v for k, v in each.items() if k != "image"} for each in spec.get(name) or []]
    return spec
