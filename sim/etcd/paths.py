"""Where the API server keeps its objects: `/registry/minions/node01`, `/registry/services/specs/default/web`.

Models: the storage prefixes of pkg/kubeapiserver/default_storage_factory_builder.go and of apiextensions.
"""

from __future__ import annotations

from sim.api.client import Key

REGISTRY = "/registry/"
PREFIXES = {
    "nodes": "minions", "services": "services/specs", "endpoints": "services/endpoints", "ingresses": "ingress",
    "replicationcontrollers": "controllers", "podsecuritypolicies": "podsecuritypolicy",
    "customresourcedefinitions": "apiextensions.k8s.io/customresourcedefinitions",
    "apiservices": "apiregistration.k8s.io/apiservices",
}
"""Plural -> prefix where they differ."""
RESOURCES = {prefix: plural for plural, prefix in PREFIXES.items()}
_LONG = ("services", "apiextensions.k8s.io", "apiregistration.k8s.io")


def path_of(key: Key) -> bytes:
    """Give the key under which an object is kept."""
    resource = PREFIXES.get(key.resource, key.resource)
    if "." in resource and key.resource not in PREFIXES:
        plural, _, group = resource.partition(".")
        resource = f"{group}/{plural}"
    return (REGISTRY + "/".join(filter(None, (resource, key.namespace, key.name)))).encode()


def key_of(path: bytes) -> Key | None:
    """Give the object that is kept under a key, None for keys of another kind."""
    try:
        parts = path.decode().removeprefix(REGISTRY).split("/")
    except UnicodeDecodeError:
        return None
    if not path.startswith(REGISTRY.encode()) or len(parts) < 2 or not all(parts):
        return None
    if parts[0] in _LONG or ("." in parts[0] and len(parts) > 2):
        prefix, rest = "/".join(parts[:2]), parts[2:]
        resource = RESOURCES.get(prefix) or f"{parts[1]}.{parts[0]}"
    else:
        resource, rest = RESOURCES.get(parts[0], parts[0]), parts[1:]
    return Key(resource, *(("", rest[0]) if len(rest) == 1 else (rest[0], "/".join(rest[1:])))) if rest else None
