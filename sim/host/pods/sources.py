"""What a pod needs besides its images: ConfigMaps, Secrets, claims. Says what is missing, in the kubelet's words.

Models: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables), pkg/volume/{configmap,secret} for their errors.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects
from sim.api.client import Key, Object, Reader

KINDS = (("configMapKeyRef", "configMapRef", "configmaps", "configmap", "ConfigMap"),
         ("secretKeyRef", "secretRef", "secrets", "secret", "Secret"))


def missing_key(container: Object, pod: Object, reader: Reader | None) -> str:
    """Say which ConfigMap, Secret or key a container's environment lacks; "" when nothing."""
    if reader is None or not (container.get("env") or container.get("envFrom")):
        return ""
    namespace = objects.namespace(pod)
    for entry in container.get("envFrom") or ():
        for _, whole, resource, word, _ in KINDS:
            ref: Any = entry.get(whole)
            if ref and not ref.get("optional") and reader.get(Key(resource, namespace, ref["name"])) is None:
                return f'{word} "{ref["name"]}" not found'
    for entry in container.get("env") or ():
        for one, _, resource, word, kind in KINDS:
            ref = (entry.get("valueFrom") or {}).get(one)
            if not ref or ref.get("optional"):
                continue
            found = reader.get(Key(resource, namespace, ref["name"]))
            if found is None:
                return f'{word} "{ref["name"]}" not found'
            if ref["key"] not in {**(found.get("data") or {}), **(found.get("stringData") or {}), **(
                    found.get("binaryData") or {})}:
                return f"couldn't find key {ref['key']} in {kind} {namespace}/{ref['name']}"
    return ""


def missing_volume(pod: Object, reader: Reader | None) -> str:
    """Say which volume of the pod cannot be mounted; "" when all can."""
    if reader is None:
        return ""
    namespace = objects.namespace(pod)
    for volume in pod["spec"].get("volumes") or ():
        for source, resource, word, field in (("configMap", "configmaps", "configmap", "name"),
                                              ("secret", "secrets", "secret", "secretName")):
            ref = volume.get(source)
            if ref and not ref.get("optional") and reader.get(Key(resource, namespace, ref.get(field, ""))) is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {word} "{ref.get(field, "")}" not found'
    return ""
