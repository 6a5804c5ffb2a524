"""How large the controller of a pod wants to be: what a budget's percentages are taken of.

Models: pkg/controller/disruption/disruption.go (getPodReplicaSet, getPodStatefulSet, getPodDeployment,
getPodReplicationController, getScaleController).
"""

from __future__ import annotations

from typing import NamedTuple

from sim.api import objects
from sim.api.client import Key, Object, Reader
from sim.controllers.policy import kinds

GROUPS = {"ReplicaSet": ("apps", "extensions"), "Deployment": ("apps", "extensions"), "StatefulSet": ("apps",),
          "ReplicationController": ("",)}
"""Kinds that the controller reads itself, and the API groups under which it takes them for what they are."""


class ScaleUnknown(Exception):
    """A pod's controller has no scale: the budget cannot be computed."""


class Scale(NamedTuple):
    """A controller and how many pods it wants."""

    uid: str
    replicas: int


def is_a(reference: Object, kind: str) -> bool:
    """Tell whether a reference means this kind in one of its own groups."""
    group, slash, _ = str(reference.get("apiVersion", "")).partition("/")
    return bool(reference.get("kind") == kind) and (group if slash else "") in GROUPS[kind]


def of(reader: Reader, reference: Object, namespace: str) -> Scale | None:
    """Give the scale of the controller that a pod names, None where it is not there. Raises ScaleUnknown."""
    for kind in ("ReplicationController", "ReplicaSet", "StatefulSet"):
        if is_a(reference, kind):
            found = _referred(reader, reference, namespace)
            boss = objects.controller_of(found) if found is not None and kind == "ReplicaSet" else None
            if boss is not None and boss["kind"] == "Deployment":
                found = _referred(reader, boss, namespace) if is_a(boss, "Deployment") else None
            return None if found is None else Scale(objects.uid(found), int(objects.dig(found, "spec.replicas") or 0))
    return _scaled(reader, reference, namespace)


def _referred(reader: Reader, reference: Object, namespace: str) -> Object | None:
    kind = kinds.find(str(reference["kind"]), reader)
    found = reader.get(Key(kind.resource, namespace if kind.namespaced else "", reference["name"])) if kind else None
    return found if found is not None and objects.uid(found) == reference.get("uid") else None


def _scaled(reader: Reader, reference: Object, namespace: str) -> Scale | None:
    """Ask the scale subresource, which only custom kinds can have that are not listed above."""
    group, slash, _ = str(reference.get("apiVersion", "")).partition("/")
    group = group if slash else ""
    kind = kinds.find(str(reference["kind"]), reader)
    if kind is None or (reference["kind"] in GROUPS and not is_a(reference, reference["kind"])):
        raise ScaleUnknown(f'no matches for kind "{reference["kind"]}" in version "{reference.get("apiVersion", "")}"')
    path = _path(reader, kind)
    if path is None and reference["kind"] != "Deployment":
        plural = kind.resource if "." in kind.resource or not group else f"{kind.resource}.{group}"
        raise ScaleUnknown(f"{plural} does not implement the scale subresource")
    found = _referred(reader, reference, namespace)
    return None if found is None else Scale(objects.uid(found), int(objects.dig(found, path or "spec.replicas") or 0))


def _path(reader: Reader, kind: kinds.Kind) -> str | None:
    definition = reader.get(Key(kinds.DEFINITIONS, "", kind.resource))
    versions = objects.dig(definition, "spec.versions", []) if definition is not None else []
    paths = [objects.dig(each, "subresources.scale.specReplicasPath") for each in versions]
    return next((path.removeprefix(".") for path in paths if path), None)
