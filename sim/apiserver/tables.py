"""Server-side Tables and discovery: what `kubectl get` prints is decided here and in the kinds' columns, once.

Models: pkg/printers/internalversion/printers.go, apiserver/pkg/endpoints/discovery.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sim.api import objects
from sim.api.client import Object, Response
from sim.api.errors import StatusError
from sim.apiserver.kinds.columns import AGE, CREATED_AT, NAME, age_of, number
from sim.apiserver.kinds.core import node_roles, node_status
from sim.apiserver.kinds.pods import pod_status
from sim.apiserver.resources import Resource

__all__ = ["age_of", "discovery", "node_roles", "node_status", "pod_status", "table"]
METRICS = "metrics.k8s.io"
"""Its resources are named as those of the core group are, so that they are kept apart by their full names."""
COLUMN_SINCE = {("jobs", "Status"): 31, ("cronjobs", "Timezone"): 30, ("priorityclasses", "PreemptionPolicy"): 31, ("persistentvolumes", "VolumeAttributesClass"): 29,
                ("persistentvolumeclaims", "VolumeAttributesClass"): 29}
"""Columns that older servers do not send. Models: the history of printers.go."""
ARCHITECTURE_SINCE = 36
"""From then on `get nodes -o wide` shows `6.8.0-51-generic (amd64)`. golden/output-shapes."""


def table(row: Resource, items: Iterable[Object], now_us: int, minor: int) -> Object:
    """Make a meta.k8s.io/v1 Table of the objects; now_us is microseconds since 1970."""
    columns = [column for column in row.columns or CREATED_AT
               if COLUMN_SINCE.get((row.resource, column[0]), 0) <= minor]
    if row.resource == "nodes" and minor >= ARCHITECTURE_SINCE:
        columns = [(name, wide, _kernel if name == "Kernel-Version" else cell) for name, wide, cell in columns]
    return {
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [
            {"name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "", "priority": priority}
            for name, priority, _ in columns],
        "rows": [
            {"cells": [cell(item, now_us) for _, _, cell in columns],
             "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}}
            for item in items
        ],
    }


SCALE = Resource("scales", "Scale", "autoscaling", columns=(
    NAME, ("Desired", 0, number("spec.replicas")), ("Available", 0, number("status.replicas")), AGE))
"""How `kubectl get --subresource=scale` is shown. Models: printScale."""


def _kernel(node: Object, _: int) -> str:
    kernel = objects.dig(node, "status.nodeInfo.kernelVersion", "<unknown>")
    architecture = objects.dig(node, "status.nodeInfo.architecture")
    return f"{kernel} ({architecture})" if architecture else str(kernel)


def discovery(path: str, version: str, rows: Iterable[Resource]) -> Response:
    """Answer a URL that is not a resource: /api, /apis, /version, health. Raises StatusError 404."""
    path = path.split("?", maxsplit=1)[0]
    if path.rstrip("/") in ("/api", "/apis"):
        known = [_described(row) for row in rows]
        return Response(200, {"kind": "APIGroupDiscoveryList", "resources": known})
    if path == "/version":
        major, short, _ = version.split(".", 2)
        return Response(200, {"major": major, "minor": short, "gitVersion": f"v{version}", "platform": "linux/amd64"})
    raise StatusError(404, "NotFound", "the server could not find the requested resource")


def _described(row: Resource) -> dict[str, Any]:
    return {
        "resource": row.resource if row.group == METRICS else row.plural, "plural": row.plural, "kind": row.kind, "group": row.group, "version": row.version,
        "namespaced": row.namespaced, "singular": row.singular, "shortNames": list(row.short_names),
        "categories": list(row.categories), "verbs": list(row.verbs), "subresources": list(row.subresources),
    }
