"""update, patch and apply: read what is wanted, merge, validate the change, store.

Models: apiserver/pkg/endpoints/handlers/{update,patch}.go, registry/generic/registry/store.go (Update).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.api import errors, objects, patch
from sim.api.client import Key, Object, Request, Response
from sim.api.errors import StatusError
from sim.api.validation import Faults
from sim.apiserver import admission, decode, managed, subresources
from sim.apiserver.admission import allocation
from sim.apiserver.resources import Resource
from sim.apiserver.verbs import create, deletion, options

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

SYSTEM_METADATA = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp",
                   "deletionGracePeriodSeconds", "resourceVersion")


def update(server: ApiServer, row: Resource, request: Request) -> Response:
    """Replace an object, or a part of it."""
    if request.subresource == "heartbeat":
        return subresources.heartbeat(server, request)
    options.check_write(request)
    if server.store.get(request.key) is None:
        decode.body(row, request, server.minor)  # a body that cannot be read is told before an object that is not there
    old = server.existing(row, request.key)
    new, warnings = decode.body(row, request, server.minor, old)
    changed = replace_(server, row, request, old, new)
    return subresources.answer(request, changed, warnings) if warnings or request.subresource == "scale" else changed


def patch_(server: ApiServer, row: Resource, request: Request) -> Response:
    """Change an object by a patch of one of four kinds."""
    options.check_write(request)
    if request.query.get("patchType") == "apply":
        return _apply(server, row, request)
    old = server.existing(row, request.key)
    base = subresources.scale_of(old) if request.subresource == "scale" else old
    typed = decode.type_of(row, request.subresource)
    kind, body = request.query.get("patchType", "merge"), request.body
    if kind != "json" and not isinstance(body, dict):
        raise decode.unreadable_patch(body)
    if kind == "json":
        new = patch.json_patch(base, body)
    elif kind == "strategic":
        if typed is None:
            raise StatusError(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted "
                              "media types include: application/json-patch+json, application/merge-patch+json, "
                              "application/apply-patch+yaml")
        new = patch.strategic_merge(base, body, typed)
    else:
        new = patch.merge_patch(base, body)
    new, unknown = decode.read_patched(typed, new, base, minor=server.minor, patch=body, strategic=kind == "strategic")
    warnings = decode.strict(row, request, unknown)
    return subresources.answer(request, replace_(server, row, request, old, new), warnings)


def _apply(server: ApiServer, row: Resource, request: Request) -> Response:
    """Server-side apply: create what is not there, else merge what the manager wants. Raises StatusError 409."""
    if not isinstance(request.body, dict):
        raise decode.unreadable_patch(request.body)
    if request.subresource not in ("", "status"):
        raise errors.NotSimulated(f"server-side apply of {row.resource}/{request.subresource}")
    typed = decode.type_of(row)
    managed.check_config(row, request, request.body, typed)
    config, _ = decode.body(row, request, server.minor)
    old = server.store.get(request.key)
    if old is not None:
        new = managed.apply(row, request, old, config, typed, server.now())
        return replace_(server, row, request, old, new, applied=True)
    if request.subresource:
        raise errors.not_found(row.plural, request.key.name, row.group)
    if not row.modelled:
        raise errors.NotSimulated(f"creating a {row.kind} ({row.api_version})")
    entries = managed.apply(row, request, None, config, typed, server.now())["metadata"]["managedFields"]
    config = objects.put(config, "metadata.name", request.key.name)
    obj = objects.put(create.identified(server, row, request, config), "metadata.managedFields", entries)
    return create.store(server, row, replace(request, verb="create"), row.strategy.default(obj), ())


def replace_(
    server: ApiServer, row: Resource, request: Request, old: Object, new: Object, *, applied: bool = False
) -> Response:
    """Store the next state of an object, if it is allowed. Raises StatusError 400, 409, 422."""
    if request.subresource == "scale":
        subresources.check_scale(request, old, new)
        new = objects.put(old, "spec.replicas", objects.dig(new, "spec.replicas", 0))
    key, was = request.key, old["metadata"]
    if request.canonical and request.subresource == "status" and new["metadata"] is was and "managedFields" not in was:
        return _write_status(server, row, request, old, new.get("status") or {})
    _same_object(row, key, new, was)
    new = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": _metadata(new, was)}
    admission.restrict_node(row, request, key.name, old)
    if not applied and new["metadata"].get("managedFields") != was.get("managedFields"):
        new = managed.kept(new, was)
    new = _changed(server, row, request, new, old)
    if new == old:
        return Response(200, old)
    if not applied and (request.query.get("fieldManager") or was.get("managedFields")):
        new = managed.updated(row, request, old, new, decode.type_of(row), server.now())
    charged = admission.charge(row, new, old, server.reader) if row.resource in (
        "persistentvolumeclaims", "services") else []
    if request.query.get("dryRun"):
        return Response(200, new)
    create.charge(server, request, charged)
    if deletion.released(row, new):
        return Response(200, server.commit(request, key, None).old)
    return Response(200, server.commit(request, key, new).new)


def _write_status(server: ApiServer, row: Resource, request: Request, old: Object, status: Object) -> Response:
    """Write the status of an object that is as its writer knows it: nothing else can differ."""
    admission.restrict_node(row, request, request.key.name, old)
    if status == old.get("status") or request.query.get("dryRun"):
        return Response(200, old)
    return Response(200, server.commit(request, request.key, {**old, "status": status}).new)


def _metadata(new: Object, was: Object) -> Object:
    metadata = {**(new.get("metadata") or {})}
    for name in SYSTEM_METADATA:
        if name in was:
            metadata[name] = was[name]
        else:
            metadata.pop(name, None)
    return metadata


def _same_object(row: Resource, key: Key, new: Object, was: Object) -> None:
    """Check that a write is meant for this object, as it is now. Raises StatusError 400 or 409."""
    given = new.get("metadata") or {}
    if given.get("name") not in (None, "", key.name):
        raise errors.bad_request(f"the name of the object ({given['name']}) does not match the name on the URL "
                                 f"({key.name})")
    if given.get("namespace") not in (None, "", key.namespace):
        raise errors.bad_request(f"the namespace of the object ({given['namespace']}) does not match the namespace on "
                                 f"the request ({key.namespace})")
    version, uid = given.get("resourceVersion"), given.get("uid")
    if uid and uid != was["uid"]:
        place = "/".join(filter(None, ("/registry", row.resource, key.namespace, key.name)))
        raise errors.conflict(row.plural, key.name, row.group, (
            f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {was['uid']}"))
    if version not in (None, "", "0", was["resourceVersion"]):
        raise errors.conflict(row.plural, key.name, row.group)


def _changed(server: ApiServer, row: Resource, request: Request, new: Object, old: Object) -> Object:
    """Default and validate a change. Raises StatusError 422."""
    if request.subresource in ("status", "approval"):
        metadata = {**old["metadata"], **{
            name: new["metadata"][name] for name in ("annotations", "labels", "managedFields") if name in new["metadata"]}}
        return {**old, "metadata": metadata, "status": new.get("status") or {}}
    if request.subresource == "finalize":
        return {**old, "spec": new.get("spec") or {}}
    if "status" in row.subresources:
        new = {name: value for name, value in new.items() if name != "status"}
        if "status" in old:
            new["status"] = old["status"]
    touched = {name for name in (*new, *old) if new.get(name) is not old.get(name)} - {"apiVersion", "kind"}
    faults = Faults()
    if touched - {"metadata", "status"}:
        new = row.strategy.prepare_update(row.strategy.default(new), old)
        row.strategy.validate(new, faults)
        row.strategy.validate_update(new, old, faults)
    if any(new["metadata"].get(name) is not old["metadata"].get(name) for name in (
        "labels", "annotations", "finalizers", "ownerReferences")
    ):
        faults[:0] = _metadata_faults(new, old)
    if faults:
        raise errors.invalid(row.kind, row.group, request.key.name, faults)
    if row.resource == "services" and "spec" in touched:
        new = allocation.allocate(new, old, server.reader, server.names)
    if row.spec_fields and any(new.get(field) != old.get(field) for field in row.spec_fields):
        generation = old["metadata"].get("generation", 1) + 1
        new = {**new, "metadata": {**new["metadata"], "generation": generation}}
    return new


def _metadata_faults(new: Object, old: Object) -> Faults:
    faults = Faults()
    faults.metadata(new["metadata"], lambda name: "")
    if objects.deleting(old):
        before = old["metadata"].get("finalizers") or []
        added = [name for name in new["metadata"].get("finalizers") or [] if name not in before]
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            faults.forbidden("metadata.finalizers", "no new finalizers can be added if the object is being deleted, "
                             f"found new finalizers []string{{{listed}}}")
    return faults
