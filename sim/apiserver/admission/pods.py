"""What admission gives a pod: priority, service account, default tolerations.

Models: plugin/pkg/admission/{priority,serviceaccount,defaulttolerationseconds}.
"""

from __future__ import annotations

from sim.api import errors, objects
from sim.api.client import Key, Object, Reader
from sim.apiserver.kinds.policy import SYSTEM_PRIORITIES
from sim.engine import Stream

TOLERATION_SECONDS = 300
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
MIRROR = "kubernetes.io/config.mirror"


WAITS = {key: {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
         for key in (NOT_READY, UNREACHABLE)}
WAIT_BOTH = list(WAITS.values())
TOKEN_PLACE = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SOURCES: Object = {"sources": [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [
        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
], "defaultMode": 420}
"""What every pod gets is the same object in all of them: objects are never changed."""


def with_priority(pod: Object, reader: Reader) -> Object:
    """Resolve the pod's priority class. Raises StatusError 403."""
    spec, name = pod["spec"], pod["spec"].get("priorityClassName")
    policy = "PreemptLowerPriority"
    if name:
        found = reader.get(Key("priorityclasses", "", name))
        if found is None and name not in SYSTEM_PRIORITIES:
            raise errors.forbidden("pods", objects.name(pod), f"no PriorityClass with name {name} was found")
        value = found["value"] if found else SYSTEM_PRIORITIES[name]
        policy = (found or {}).get("preemptionPolicy") or policy
    else:
        chosen = [each for each in reader.list("priorityclasses") if each.get("globalDefault")]
        chosen.sort(key=lambda each: (each["value"], objects.name(each)))
        value = chosen[0]["value"] if chosen else 0
        if chosen:
            spec = {**spec, "priorityClassName": objects.name(chosen[0])}
            policy = chosen[0].get("preemptionPolicy") or policy
    given = pod["spec"].get("priority")
    if given is not None and given != value:
        raise errors.forbidden("pods", objects.name(pod), f"the integer value of priority ({given}) must not be provided "
                               f"in pod spec; priority admission controller computed {value} from the given "
                               "PriorityClass name")
    return {**pod, "spec": {**spec, "priority": value, "preemptionPolicy": policy}}


def with_account(pod: Object, reader: Reader, stream: Stream) -> Object:
    """Give the pod a service account and its token. Raises StatusError 403."""
    spec = pod["spec"]
    if MIRROR in objects.annotations(pod):
        return pod
    account = spec.get("serviceAccountName") or "default"
    namespace = objects.namespace(pod)
    if reader.get(Key("serviceaccounts", namespace, account)) is None and account != "default":
        raise errors.forbidden(
            "pods", objects.name(pod), f'error looking up service account {namespace}/{account}: '
            f'serviceaccount "{account}" not found')
    spec = {**spec, "serviceAccountName": account, "serviceAccount": account}
    if spec.get("automountServiceAccountToken", True):
        spec = _token_volume(spec, stream)
    return {**pod, "spec": spec}


def with_tolerations(pod: Object) -> Object:
    """Let the pod stay 300 s on a node that is not ready or unreachable, unless it says how long."""
    given = pod["spec"].get("tolerations")
    if not given:
        return {**pod, "spec": {**pod["spec"], "tolerations": WAIT_BOTH}}

    def tolerated(key: str) -> bool:
        return any(
            t.get("key") in (key, None, "") and t.get("effect") in ("NoExecute", None, "") for t in given
        )

    extra = [toleration for key, toleration in WAITS.items() if not tolerated(key)]
    return {**pod, "spec": {**pod["spec"], "tolerations": [*given, *extra]}}


def _token_volume(spec: Object, stream: Stream) -> Object:
    volumes = spec.get("volumes") or []
    if any(volume.get("name", "").startswith("kube-api-access-") for volume in volumes):
        return spec
    name = f"kube-api-access-{stream.text(SUFFIX, 5)}"
    mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PLACE}
    out = {**spec, "volumes": [*volumes, {"name": name, "projected": TOKEN_SOURCES}]}
    for group in ("containers", "initContainers"):
        if out.get(group):
            out[group] = [
                c if any(m.get("mountPath") == TOKEN_PLACE for m in c.get("volumeMounts") or [])
                else {**c, "volumeMounts": [*(c.get("volumeMounts") or []), mount]} for c in out[group]]
    return out
