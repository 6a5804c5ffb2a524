"""create: name, admit, default, validate, charge, store. Always in that order.

Models: apiserver/pkg/endpoints/handlers/create.go, registry/generic/registry/store.go (Create).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import errors, objects, validation
from sim.api.client import ANY_VERSION, Key, Object, Request, Response
from sim.api.errors import StatusError
from sim.api.validation import Faults
from sim.apiserver import admission, decode, managed, subresources
from sim.apiserver.access import review
from sim.apiserver.admission import allocation
from sim.apiserver.kinds.pods import default_beyond_template
from sim.apiserver.resources import Resource
from sim.apiserver.verbs import options

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

SUFFIX, HEX = "bcdfghjklmnpqrstvwxz2456789", "0123456789abcdef"
NAME_TRIES = 8
NOT_AT_CREATION = frozenset({"generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"})


def create(server: ApiServer, row: Resource, request: Request) -> Response:
    """Create an object; reviews are answered and not stored."""
    if request.subresource:
        return subresources.create(server, row, request)
    if not row.modelled:
        raise errors.NotSimulated(f"creating a {row.kind} ({row.api_version})")
    if request.canonical == ANY_VERSION and row.resource == "events" and not request.query and (
            not server.reader.count("resourcequotas")):
        return _record(server, row, request)
    options.check_write(request)
    like = decode.like(request, server.store.get)
    body, warnings = decode.body(row, request, server.minor, like)
    if row.verbs == ("create",):
        return Response(201, review(server.rights, row, request, {
            "apiVersion": row.api_version, "kind": row.kind, **body}), warnings=warnings)
    obj, sound = identified(server, row, request, body), is_sound(request, like)
    obj = default_beyond_template(obj) if sound else row.strategy.default(obj)
    if request.query.get("fieldManager"):
        obj = managed.updated(row, request, None, obj, decode.type_of(row), server.now())
    return store(server, row, request, obj, warnings, sound=sound)


def _record(server: ApiServer, row: Resource, request: Request) -> Response:
    """Store an Event of a component: the steps of every creation, without those that find nothing to do for it."""
    decode.body(row, request, server.minor)
    sent, key = request.body, request.key
    given = sent["metadata"]
    admission.check_namespace(row, key.name, key.namespace, server.reader)
    if wrong := row.strategy.name_rule(key.name):
        raise errors.invalid(row.kind, row.group, key.name, [errors.FieldError(
            "metadata.name", f"Invalid value: {validation.shown(key.name)}: {wrong}")])
    if server.store.get(key) is not None:
        raise errors.already_exists(row.plural, key.name, row.group)
    metadata = {**given, "uid": _uid(server), "creationTimestamp": server.now()}
    obj = {"kind": row.kind, "apiVersion": row.api_version, **sent, "metadata": metadata}
    return Response(201, server.commit(request, key, obj).new)


def is_sound(request: Request, like: Object | None) -> bool:
    """Tell whether a pod's spec is all its template's own, which was given defaults and validated when it came."""
    if request.canonical != ANY_VERSION or like is None:
        return False
    template = like["spec"]
    return all(template.get(name) is value for name, value in request.body["spec"].items())


def store(
    server: ApiServer, row: Resource, request: Request, obj: Object, warnings: tuple[str, ...], *, sound: bool = False
) -> Response:
    """Admit, validate and store a new object that has its defaults. sound: its spec is known to be valid."""
    obj = admission.admit(row, obj, request, server.reader, server.names)
    if row.strategy.status is not None:
        obj = {**obj, "status": dict(row.strategy.status)}
    obj = row.strategy.prepare(obj)
    faults = Faults()
    faults.metadata(obj["metadata"], row.strategy.name_rule)
    if not sound:
        row.strategy.validate(obj, faults)
    if faults:
        raise errors.invalid(row.kind, row.group, objects.name(obj), faults)
    admission.check_limits(row, obj, server.reader)
    charged = admission.charge(row, obj, None, server.reader)
    key = objects.key(row.resource, obj)
    if server.store.get(key) is not None:
        raise errors.already_exists(row.plural, key.name, row.group)
    if row.resource == "services":
        obj = allocation.allocate(obj, None, server.reader, server.names)
    if request.query.get("dryRun"):
        return Response(201, obj, warnings=warnings)
    charge(server, request, charged)
    return Response(201, server.commit(request, key, obj).new, warnings=warnings)


def charge(server: ApiServer, request: Request, charged: list[Object]) -> None:
    """Write what a quota is charged."""
    for each in charged:
        server.commit(request, objects.key("resourcequotas", each), each)


def identified(server: ApiServer, row: Resource, request: Request, body: Object) -> Object:
    """Give a new object its name, namespace, uid and moment of creation. Raises StatusError 400."""
    metadata = dict(body.get("metadata") or {})
    if not NOT_AT_CREATION.isdisjoint(metadata):
        metadata = {name: value for name, value in metadata.items() if name not in NOT_AT_CREATION}
    if metadata.pop("resourceVersion", "0") not in ("", "0"):
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
    space = request.key.namespace
    if row.namespaced:
        if space and metadata.get("namespace") not in (None, "", space):
            raise errors.bad_request("the namespace of the provided object does not match the namespace sent on "
                                     "the request")
        metadata["namespace"] = space or metadata.get("namespace") or "default"
    else:
        metadata.pop("namespace", None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated(server, row, metadata)
    metadata["uid"] = _uid(server)
    metadata["creationTimestamp"] = server.now()
    if row.spec_fields:
        metadata["generation"] = 1
    if row.resource == "certificatesigningrequests":
        user = request.user
        body = objects.put(objects.put(body, "spec.username", user.name), "spec.groups", list(user.groups))
    obj: Object = {"kind": row.kind, "apiVersion": row.api_version, "metadata": metadata}
    for name, value in body.items():
        if name not in obj:
            obj[name] = value
    return obj


def generated(server: ApiServer, row: Resource, metadata: Object) -> str:
    """Make a name that begins with generateName and is free."""
    name = ""
    for _ in range(NAME_TRIES):
        name = metadata["generateName"] + server.names.text(SUFFIX, 5)
        if server.store.get(Key(row.resource, metadata.get("namespace", ""), name)) is None:
            break
    return name


def _uid(server: ApiServer) -> str:
    text = server.uids.text(HEX, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
