"""The spec of a pod, alone or in a template: defaults and validation.

Models: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go, in its order of checks. Left out: checks
of affinity terms beyond their operators, security contexts, Windows, device claims, ephemeral containers.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, quantity, validation
from sim.api.client import Object
from sim.api.validation import Faults
from sim.apiserver.kinds.row import defaulted, listed

POD_SPEC: dict[str, Any] = {
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
    "securityContext": {}, "schedulerName": "default-scheduler",
}
CONTAINER: dict[str, Any] = {
    "resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
PROBE: dict[str, Any] = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
HTTP_GET: dict[str, Any] = {"path": "/", "scheme": "HTTP"}
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
FIELD_REF: dict[str, Any] = {"fieldRef": {"apiVersion": "v1"}}
VOLUME_SOURCES: dict[str, dict[str, Any]] = {
    "secret": {"defaultMode": 420}, "configMap": {"defaultMode": 420}, "downwardAPI": {"defaultMode": 420},
    "projected": {"defaultMode": 420}, "hostPath": {"type": ""}, "iscsi": {"iscsiInterface": "default"},
}
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PROTOCOLS = ("SCTP", "TCP", "UDP")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


# ---- defaults -----------------------------------------------------------------------------------------------------
def default(spec: Object) -> Object:
    """Default a pod's spec or a template's."""
    out = defaulted(spec, POD_SPEC)
    for name in ("containers", "initContainers"):
        out = listed(out, name, _container)
    out = listed(out, "volumes", _volume)
    if out.get("serviceAccountName") and not out.get("serviceAccount"):
        out = {**out, "serviceAccount": out["serviceAccountName"]}
    elif out.get("serviceAccount") and not out.get("serviceAccountName"):
        out = {**out, "serviceAccountName": out["serviceAccount"]}
    if out.get("hostNetwork"):
        for name in ("containers", "initContainers"):
            out = listed(out, name, _host_ports)
    return out


def _container(spec: Object) -> Object:
    out = defaulted(spec, CONTAINER)
    if not out.get("imagePullPolicy"):
        image = str(out.get("image", ""))
        latest = "@" not in image and (":" not in image.rpartition("/")[2] or image.endswith(":latest"))
        out = {**out, "imagePullPolicy": "Always" if latest else "IfNotPresent"}
    out = listed(out, "ports", lambda port: defaulted(port, {"protocol": "TCP"}))
    out = listed(out, "env", _env)
    for name in PROBES:
        if out.get(name) and (probe := _probe(out[name])) is not out[name]:
            out = {**out, name: probe}
    for when, hook in (out.get("lifecycle") or {}).items():
        if hook.get("httpGet") and (get := defaulted(hook["httpGet"], HTTP_GET)) is not hook["httpGet"]:
            out = objects.put(out, f"lifecycle.{when}.httpGet", get)
    resources = out["resources"]
    missing = {name: value for name, value in (resources.get("limits") or {}).items()
               if name not in (resources.get("requests") or {})}
    if missing:
        out = {**out, "resources": {**resources, "requests": {**(resources.get("requests") or {}), **missing}}}
    return out


def _probe(probe: Object) -> Object:
    out = defaulted(probe, PROBE)
    if out.get("httpGet") and (get := defaulted(out["httpGet"], HTTP_GET)) is not out["httpGet"]:
        out = {**out, "httpGet": get}
    return defaulted(out, {"grpc": {"service": ""}}) if out.get("grpc") else out


def _env(env: Object) -> Object:
    if objects.dig(env, "valueFrom.fieldRef"):
        source = defaulted(env["valueFrom"], FIELD_REF)
        return env if source is env["valueFrom"] else {**env, "valueFrom": source}
    return env


def _host_ports(container: Object) -> Object:
    return listed(container, "ports", lambda port: defaulted(port, {"hostPort": port.get("containerPort")}))


def _volume(volume: Object) -> Object:
    sources = [name for name in volume if name != "name"]
    if not sources:
        return {**volume, "emptyDir": {}}
    for name in sources:
        if name in VOLUME_SOURCES and isinstance(volume[name], dict):
            source = defaulted(volume[name], VOLUME_SOURCES[name])
            return volume if source is volume[name] else {**volume, name: source}
    return volume


# ---- validation ---------------------------------------------------------------------------------------------------
def validate(spec: Object, path: str, faults: Faults) -> None:
    """List the faults of a pod's spec, in upstream's order."""
    volumes = _volumes(spec.get("volumes") or [], f"{path}.volumes", faults)
    containers = spec.get("containers") or []
    if not containers:
        faults.required(f"{path}.containers")
    seen: set[str] = set()
    ports: set[tuple[Any, ...]] = set()
    for number, each in enumerate(containers):
        _validate_container(each, f"{path}.containers[{number}]", volumes, seen, faults)
        _host_port_conflicts(each, f"{path}.containers[{number}]", ports, faults)
    for number, each in enumerate(spec.get("initContainers") or []):
        _validate_container(each, f"{path}.initContainers[{number}]", volumes, seen, faults, init=True)
    if spec.get("restartPolicy"):
        faults.one_of(f"{path}.restartPolicy", spec["restartPolicy"], RESTART_POLICIES)
    faults.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS_POLICIES)
    faults.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    _affinity(spec.get("affinity") or {}, f"{path}.affinity", faults)
    _spread(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints", faults)
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        if spec.get(name):
            faults.invalid(f"{path}.{name}", spec[name], validation.dns_subdomain(spec[name]))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        faults.invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")
    for name in ("hostname", "subdomain"):
        if spec.get(name):
            faults.invalid(f"{path}.{name}", spec[name], validation.dns_label(spec[name]))
    tolerations(spec.get("tolerations") or [], f"{path}.tolerations", faults)


def _volumes(volumes: list[Object], path: str, faults: Faults) -> set[str]:
    names: set[str] = set()
    for number, volume in enumerate(volumes):
        here, name = f"{path}[{number}]", volume.get("name", "")
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            for extra in sources[1:]:
                faults.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type")
        if not name:
            faults.required(f"{here}.name")
            continue
        wrong = validation.dns_label(name)
        faults.invalid(f"{here}.name", name, wrong)
        if not wrong and name in names:
            faults.duplicate(f"{here}.name", name)
        names.add(name)
        required = {"secret": "secretName", "configMap": "name", "hostPath": "path", "persistentVolumeClaim": "claimName"}
        for source in sources[:1]:
            part = required.get(source)
            if part and not objects.dig(volume, f"{source}.{part}"):
                faults.required(f"{here}.{source}.{part}")
    return names


def _validate_container(
    each: Object, path: str, volumes: set[str], seen: set[str], faults: Faults, *, init: bool = False
) -> None:
    name = each.get("name", "")
    if not name:
        faults.required(f"{path}.name")
    else:
        faults.invalid(f"{path}.name", name, validation.dns_label(name))
    image = each.get("image", "")
    if not image:
        faults.required(f"{path}.image")
    elif image != image.strip():
        faults.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    _ports(each.get("ports") or [], f"{path}.ports", faults)
    _envs(each, path, faults)
    _mounts(each.get("volumeMounts") or [], f"{path}.volumeMounts", volumes, faults)
    faults.one_of(f"{path}.imagePullPolicy", each.get("imagePullPolicy"), PULL_POLICIES)
    resources(each.get("resources") or {}, f"{path}.resources", faults)
    if name and name in seen:
        faults.duplicate(f"{path}.name", name)
    seen.add(name)
    sidecar = init and each.get("restartPolicy") == "Always"
    for probe in PROBES:
        if init and not sidecar and each.get(probe):
            faults.forbidden(f"{path}.{probe}", "may not be set for init containers without restartPolicy=Always")
        elif each.get(probe):
            _validate_probe(each[probe], probe, f"{path}.{probe}", faults)


def _ports(ports: list[Object], path: str, faults: Faults) -> None:
    names: set[str] = set()
    for number, port in enumerate(ports):
        here = f"{path}[{number}]"
        name = port.get("name")
        if name:
            wrong = validation.port_name(name)
            faults.invalid(f"{here}.name", name, wrong)
            if not wrong and name in names:
                faults.duplicate(f"{here}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            faults.required(f"{here}.containerPort")
        else:
            faults.port(f"{here}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            faults.port(f"{here}.hostPort", port["hostPort"])
        faults.one_of(f"{here}.protocol", port.get("protocol", "TCP"), PROTOCOLS)


def _host_port_conflicts(each: Object, path: str, used: set[tuple[Any, ...]], faults: Faults) -> None:
    for number, port in enumerate(each.get("ports") or []):
        if not port.get("hostPort"):
            continue
        place = (port["hostPort"], port.get("protocol", "TCP"), port.get("hostIP", ""))
        if place in used:
            faults.duplicate(f"{path}.ports[{number}].hostPort",
                             f"{place[2] or ''}{'/' if place[2] else ''}{place[1]}/{place[0]}" if place[2]
                             else f"{place[1]}//{place[0]}")
        used.add(place)


def _envs(each: Object, path: str, faults: Faults) -> None:
    for number, env in enumerate(each.get("env") or []):
        here = f"{path}.env[{number}]"
        if not env.get("name"):
            faults.required(f"{here}.name")
        source = env.get("valueFrom")
        if source is not None:
            if env.get("value"):
                faults.invalid(f"{here}.valueFrom", "", "may not be specified when `value` is not empty")
            elif len(source) != 1:
                faults.invalid(f"{here}.valueFrom", "", "must specify one of: `fieldRef`, `resourceFieldRef`, "
                               "`configMapKeyRef` or `secretKeyRef`" if not source else
                               "may not have more than one field specified at a time")
            for name in ("configMapKeyRef", "secretKeyRef"):
                if name in source and not source[name].get("key"):
                    faults.required(f"{here}.valueFrom.{name}.key")


def _mounts(mounts: list[Object], path: str, volumes: set[str], faults: Faults) -> None:
    places: set[str] = set()
    for number, mount in enumerate(mounts):
        here, name = f"{path}[{number}]", mount.get("name", "")
        if not name:
            faults.required(f"{here}.name")
        elif name not in volumes:
            faults.not_found(f"{here}.name", name)
        place = mount.get("mountPath", "")
        if not place:
            faults.required(f"{here}.mountPath")
        elif place in places:
            faults.invalid(f"{here}.mountPath", place, "must be unique")
        places.add(place)


def resources(given: Object, path: str, faults: Faults) -> None:
    """List the faults of requests and limits."""
    limits, requests = given.get("limits") or {}, given.get("requests") or {}
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, text in sorted(amounts.items()):
            here = f"{path}.{group}[{name}]"
            faults.invalid(here, name, validation.qualified_name(name))
            if "/" not in name and not _standard(name):
                faults.invalid(here, name, "must be a standard resource for containers")
            faults.resource(here, name, text)
            if group == "requests" and name in limits and quantity.parse(text) > quantity.parse(limits[name]):
                faults.invalid(f"{path}.requests", text, f"must be less than or equal to {name} limit of {limits[name]}")


def _standard(name: str) -> bool:
    return name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-")


def _validate_probe(probe: Object, kind: str, path: str, faults: Faults) -> None:
    handlers = [name for name in HANDLERS if probe.get(name) is not None]
    if not handlers:
        faults.required(path, "must specify a handler type")
    for extra in handlers[1:]:
        faults.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for name in handlers[:1]:
        if name in ("httpGet", "tcpSocket"):
            faults.port(f"{path}.{name}.port", probe[name].get("port", 0))
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        faults.not_negative(f"{path}.{name}", probe.get(name, 0))
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        faults.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _affinity(affinity: Object, path: str, faults: Faults) -> None:
    terms = objects.dig(affinity, "nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution")
    required = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    if terms is not None and not terms.get("nodeSelectorTerms"):
        faults.required(f"{required}.nodeSelectorTerms", "must have at least one node selector term")
    for number, term in enumerate((terms or {}).get("nodeSelectorTerms") or []):
        _node_term(term, f"{required}.nodeSelectorTerms[{number}]", faults)
    for number, wish in enumerate(objects.dig(affinity, "nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution", [])):
        here = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{number}]"
        if not 1 <= wish.get("weight", 0) <= 100:
            faults.invalid(f"{here}.weight", wish.get("weight", 0), "must be in the range 1-100")
        _node_term(wish.get("preference") or {}, f"{here}.preference", faults)
    for name in ("podAffinity", "podAntiAffinity"):
        for number, term in enumerate(objects.dig(affinity, f"{name}.requiredDuringSchedulingIgnoredDuringExecution", [])):
            here = f"{path}.{name}.requiredDuringSchedulingIgnoredDuringExecution[{number}]"
            faults.selector(f"{here}.labelSelector", term.get("labelSelector"))
            if not term.get("topologyKey"):
                faults.required(f"{here}.topologyKey", "can not be empty")


def _node_term(term: Object, path: str, faults: Faults) -> None:
    for number, part in enumerate(term.get("matchExpressions") or []):
        here, operator, values = f"{path}.matchExpressions[{number}]", part.get("operator"), part.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                faults.required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                faults.forbidden(f"{here}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                faults.required(f"{here}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
        else:
            faults.invalid(f"{here}.operator", operator or "", "not a valid selector operator")
        faults.invalid(f"{here}.key", part.get("key", ""), validation.qualified_name(part.get("key", "")))


def _spread(constraints: list[Object], path: str, faults: Faults) -> None:
    for number, each in enumerate(constraints):
        here = f"{path}[{number}]"
        if each.get("maxSkew", 0) <= 0:
            faults.invalid(f"{here}.maxSkew", each.get("maxSkew", 0), "must be greater than zero")
        if not each.get("topologyKey"):
            faults.required(f"{here}.topologyKey", "can not be empty")
        faults.one_of(f"{here}.whenUnsatisfiable", each.get("whenUnsatisfiable", ""), ("DoNotSchedule", "ScheduleAnyway"),
                      optional=False)
        faults.selector(f"{here}.labelSelector", each.get("labelSelector"))


def tolerations(given: list[Object], path: str, faults: Faults) -> None:
    """List the faults of tolerations."""
    for number, each in enumerate(given):
        here, operator = f"{path}[{number}]", each.get("operator") or "Equal"
        if each.get("key"):
            faults.invalid(f"{here}.key", each["key"], validation.qualified_name(each["key"]))
        elif operator != "Exists":
            faults.invalid(f"{here}.operator", each.get("operator", ""),
                           "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
        if each.get("tolerationSeconds") is not None and each.get("effect") != "NoExecute":
            faults.invalid(f"{here}.effect", each.get("effect", ""), "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator == "Equal":
            faults.invalid(f"{here}.operator", each.get("value", ""), validation.label_value(each.get("value", "")))
        elif operator == "Exists":
            if each.get("value"):
                faults.invalid(f"{here}.operator", each["value"], "value must be empty when `operator` is 'Exists'")
        else:
            faults.unsupported(f"{here}.operator", operator, ("Equal", "Exists"))
        if each.get("effect"):
            faults.one_of(f"{here}.effect", each["effect"], EFFECTS)
