"""Admission: what the server adds to, or holds against, a new object.

Models: plugin/pkg/admission/{defaulttolerationseconds,priority,serviceaccount,namespace/lifecycle}. Left out:
quotas and limit ranges (a later issue), webhooks.
"""

from __future__ import annotations

from sim.api import errors, objects
from sim.api.client import Key, Object, Reader
from sim.engine import Stream

TOLERATION_SECONDS = 300
SYSTEM_PRIORITIES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def admit_pod(pod: Object, reader: Reader, stream: Stream) -> Object:
    """Give the pod its default tolerations, priority and service account. Raises StatusError 403."""
    spec = dict(pod["spec"])
    spec["tolerations"] = _tolerations(spec.get("tolerations") or [])
    name = spec.get("priorityClassName")
    if name:
        found = reader.get(Key("priorityclasses", "", name))
        if found is None and name not in SYSTEM_PRIORITIES:
            raise errors.forbidden(
                "pods", objects.name(pod), f"no PriorityClass with name {name} was found")
        spec["priority"] = found["value"] if found else SYSTEM_PRIORITIES[name]
    account = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    namespace = objects.namespace(pod)
    mirror = "kubernetes.io/config.mirror" in objects.annotations(pod)
    if not mirror and reader.get(Key("serviceaccounts", namespace, account)) is None and account != "default":
        raise errors.forbidden(
            "pods", objects.name(pod), f'error looking up service account {namespace}/{account}: '
            f'serviceaccount "{account}" not found')
    if not mirror and spec.get("automountServiceAccountToken", True):
        spec = _token_volume(spec, stream)
    return {**pod, "spec": spec}


def _tolerations(given: list[Object]) -> list[Object]:
    def tolerated(key: str) -> bool:
        return any(
            t.get("key") in (key, None, "") and t.get("effect") in ("NoExecute", None, "") for t in given
        )

    extra = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
        for key in (NOT_READY, UNREACHABLE) if not tolerated(key)
    ]
    return [*given, *extra]


def _token_volume(spec: Object, stream: Stream) -> Object:
    volumes = spec.get("volumes") or []
    if any(volume.get("name", "").startswith("kube-api-access-") for volume in volumes):
        return spec
    name = f"kube-api-access-{stream.text(SUFFIX, 5)}"
    mount = {"name": name, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    out = {**spec, "volumes": [*volumes, {"name": name, "projected": {"sources": sources, "defaultMode": 420}}]}
    for group in ("containers", "initContainers"):
        if out.get(group):
            out[group] = [{**c, "volumeMounts": [*(c.get("volumeMounts") or []), mount]} for c in out[group]]
    return out


def check_namespace(resource: str, group: str, name: str, namespace: str, reader: Reader) -> None:
    """Refuse what is created in a namespace that is missing or going. Raises StatusError 404 or 403."""
    found = reader.get(Key("namespaces", "", namespace))
    if found is None:
        raise errors.not_found("namespaces", namespace)
    if objects.deleting(found):
        raise errors.forbidden(
            resource, name,
            f"unable to create new content in namespace {namespace} because it is being terminated", group)
