"""What a server says of itself: discovery, aggregated and plain, and OpenAPI v3.

Models: apiserver/pkg/endpoints/discovery{,/aggregated}, kube-openapi. OpenAPI tells kinds, fields and the parameters that
kubectl looks for; responses and other parameters are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sim.api.client import Object
from sim.apiserver.kinds.row import Resource
from sim.shell.kubectl.reading.explain import schemas

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
PART_VERBS = ("get", "patch", "update")
PARTS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "eviction": ("policy", "v1", "Eviction", ("create",)), "binding": ("", "v1", "Binding", ("create",)),
    "scale": ("autoscaling", "v1", "Scale", PART_VERBS), "log": ("", "v1", "Pod", ("get",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")), "attach": ("", "v1", "PodAttachOptions", ("create", "get")),
    "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get"))}
"""Subresources that are not parts of the object itself: group, version and kind of what is sent, and the verbs."""
HIDDEN = frozenset({"heartbeat"})
"""Subresources of this simulator's own components."""
KIND = "x-kubernetes-group-version-kind"
REF = "#/components/schemas/"
WORDS = {"map": "additionalProperties"}


def groups_of(rows: Iterable[Resource]) -> dict[str, dict[str, list[Resource]]]:
    """Sort rows by group and version, in the order in which they come."""
    found: dict[str, dict[str, list[Resource]]] = {}
    for row in rows:
        found.setdefault(row.group, {}).setdefault(row.version, []).append(row)
    return found


def _parts(row: Resource) -> Iterator[tuple[str, tuple[str, str, str, tuple[str, ...]]]]:
    for name in sorted(set(row.subresources) - HIDDEN):
        yield name, PARTS.get(name, (row.group, row.version, row.kind, PART_VERBS))


# ---- discovery ----------------------------------------------------------------------------------------------------
def aggregated(rows: Iterable[Resource], version: str, *, core: bool) -> Object:
    """Give the APIGroupDiscoveryList of `/api` (core) or `/apis`; version is `v2` or `v2beta1`."""
    items = []
    for group, versions in groups_of(rows).items():
        if (group == "") == core:
            items.append({"metadata": {"name": group} if group else {"creationTimestamp": None}, "versions": [
                {"version": each, "resources": [_discovered(row) for row in found], "freshness": "Current"}
                for each, found in versions.items()]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}


def _discovered(row: Resource) -> Object:
    found: Object = {
        "resource": row.plural, "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster", "singularResource": row.singular, "verbs": list(row.verbs)}
    if row.short_names:
        found["shortNames"] = list(row.short_names)
    if row.categories:
        found["categories"] = list(row.categories)
    parts = [{"subresource": name, "responseKind": {"group": group, "version": version, "kind": kind}, "verbs": list(verbs)}
             for name, (group, version, kind, verbs) in _parts(row)]
    return {**found, "subresources": parts} if parts else found


def api_versions(address: str) -> Object:
    """Give the answer of `/api` to a client that does not know aggregated discovery."""
    return {"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]}


def group_list(rows: Iterable[Resource]) -> Object:
    """Give the answer of `/apis` to such a client."""
    return {"kind": "APIGroupList", "apiVersion": "v1",
            "groups": [group(name, versions) for name, versions in groups_of(rows).items() if name]}


def group(name: str, versions: Iterable[str]) -> Object:
    """Give an APIGroup."""
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def resource_list(rows: Iterable[Resource], group_version: str) -> Object:
    """Give the APIResourceList of a group and version."""
    found: list[Object] = []
    for row in rows:
        one: Object = {"name": row.plural, "singularName": row.singular, "namespaced": row.namespaced, "kind": row.kind,
                       "verbs": list(row.verbs)}
        one |= {key: list(words) for key, words in (("shortNames", row.short_names), ("categories", row.categories)) if words}
        found.append(one)
        for name, (group_, version, kind, verbs) in _parts(row):
            found.append({"name": f"{row.plural}/{name}", "singularName": "", "namespaced": row.namespaced,
                          "group": group_, "version": version, "kind": kind, "verbs": list(verbs)})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": found}


# ---- OpenAPI v3 ---------------------------------------------------------------------------------------------------
def root_of(group_: str, version: str) -> str:
    """Give `api/v1` or `apis/apps/v1`."""
    return f"apis/{group_}/{version}" if group_ else f"api/{version}"


def openapi_index(rows: Iterable[Resource], minor: int) -> Object:
    """Give `/openapi/v3`: where the documents are."""
    return {"paths": {
        root_of(name, version): {"serverRelativeURL": f"/openapi/v3/{root_of(name, version)}?hash={_hash(name, version, minor)}"}
        for name, versions in groups_of(rows).items() for version in versions}}


def _hash(group_: str, version: str, minor: int) -> str:
    return hashlib.sha512(f"{group_}/{version}/{minor}".encode()).hexdigest().upper()


def openapi(rows: Iterable[Resource], minor: int) -> Object:
    """Give the OpenAPI v3 document of the rows of a group and version."""
    found, paths = dict[str, Any](), dict[str, Any]()
    known = schemas(minor)
    names = {tuple(kind): name for name, schema in known.items() for kind in schema.get("kinds", ())}
    for row in rows:
        name = names.get((row.group, row.version, row.kind), "")
        _collect(name, known, found)
        paths |= _paths(row, name)
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": f"v1.{minor}"}, "paths": paths,
            "components": {"schemas": found}}


def _paths(row: Resource, name: str) -> Object:
    kind = {"group": row.group, "kind": row.kind, "version": row.version}
    space = "/namespaces/{namespace}" if row.namespaced else ""
    root = f"/{root_of(row.group, row.version)}{space}/{row.plural}"
    checked = [{"name": each, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
               for each in ("dryRun", "fieldManager", "fieldValidation")]
    body = {"content": {"application/json": {"schema": {"$ref": REF + name}}}} if name else {}

    def operation(action: str, *, write: bool) -> Object:
        return {KIND: kind, "x-kubernetes-action": action, "responses": {"200": {"description": "OK", **body}},
                **({"parameters": checked} if write else {})}

    return {root: {"get": operation("list", write=False), "post": operation("post", write=True)},
            root + "/{name}": {"get": operation("get", write=False), "put": operation("put", write=True),
                               "patch": operation("patch", write=True), "delete": operation("delete", write=False)}}


def _collect(name: str, known: Object, found: Object) -> None:
    if name in found or name not in known:
        return
    found[name] = {}
    found[name] = _written(known[name], known, found)


def _written(schema: Object, known: Object, found: Object) -> Object:
    """Write a schema of our compact data as OpenAPI does, and collect those that it names."""
    out: Object = {}
    for word, value in schema.items():
        if word == "ref":
            _collect(value, known, found)
            out["allOf"] = [{"$ref": REF + value}]
        elif word == "kinds":
            out[KIND] = [dict(zip(("group", "version", "kind"), each, strict=True)) for each in value]
        elif word == "properties":
            out[word] = {each: _written(inner, known, found) for each, inner in value.items()}
        elif word in ("map", "items"):
            out[WORDS.get(word, word)] = _written(value, known, found)
        else:
            out[word] = value
    return out
