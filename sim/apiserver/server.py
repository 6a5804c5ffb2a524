"""`ApiServer.handle`: authenticate, authorize, admit, default and validate, commit. Always in that order.

Models: apiserver/pkg/endpoints/handlers and apiserver/pkg/registry/generic/registry/store.go. Left out: audit,
flow control, API versions other than the preferred one of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sim.api import errors, objects, patch, times
from sim.api.client import Change, Key, Object, Reader, Request, Response, Watch
from sim.api.errors import StatusError
from sim.api.validation import Faults
from sim.apiserver import (
    admission,
    aggregation,
    decode,
    deletion,
    managed,
    options,
    outage,
    reading,
    subresources,
    tables,
)
from sim.apiserver.access import Rights, authorize, review
from sim.apiserver.admission import allocation
from sim.apiserver.heartbeats import CacheReader, Heartbeats
from sim.apiserver.kinds.networking import custom
from sim.apiserver.resources import RESOURCES, Resource, served
from sim.engine import SECOND_US, Engine
from sim.etcd.store import Store

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
HEX = "0123456789abcdef"
COMPACTION_US = 300 * SECOND_US
EVENT_TTL_SECONDS = 3600
"""kube-apiserver --event-ttl 1h0m0s."""
NAME_TRIES = 8
SYSTEM_METADATA = ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp",
                   "deletionGracePeriodSeconds", "resourceVersion")
DEPRECATED = {"componentstatuses": (19, "v1 ComponentStatus is deprecated in v1.19+"),
              "endpoints": (33, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")}

DERIVED: Mapping[str, Callable[[ApiServer], list[Object]]] = {
    "componentstatuses": subresources.components, "apiservices": aggregation.services}
"""Kinds that are made up when somebody reads them."""


class ServerWatch:
    """An open watch of this server; it ends with the server."""

    def __init__(self, server: ApiServer, inner: Watch, closed: Callable[[], None] | None) -> None:
        self.server = server
        self.inner = inner
        self.closed = closed
        server.watches[self] = None

    def stop(self) -> None:
        """End the watch at the client's wish."""
        self.inner.stop()
        self.server.watches.pop(self, None)

    def expire(self) -> None:
        """End the watch because its timeoutSeconds ran out."""
        if self in self.server.watches:
            self.stop()
            if self.closed:
                self.closed()


class ApiServer:
    """An API server over a store.

    version: the Kubernetes version without `v`. flags: as on its command line, without dashes.
    """

    def __init__(
        self, engine: Engine, store: Store, *, version: str, flags: Mapping[str, str] | None = None
    ) -> None:
        self.engine = engine
        self.store = store
        self.version = version
        self.minor = int(version.split(".")[1])
        self.flags = dict(flags or {})
        if store.heartbeats is None:
            store.heartbeats = Heartbeats(engine)
        self.heartbeats: Heartbeats = store.heartbeats
        self.promised: dict[Key, None] = {}
        """Whose renewals come through this server: they end with it."""
        self.reader: Reader = CacheReader(store, self.heartbeats)
        self.rights = Rights(self.reader, self.minor)
        self.watches: dict[ServerWatch, None] = {}
        self.running = True
        self.away = False
        self.back = engine.event()
        """Whether the store cannot be reached: requests then hang for a minute."""
        self.dial: Callable[[str, int], Any] | None = None
        """How the server reaches a kubelet: (address of the node, 10250) -> `program.NodeService`; set by its host."""
        self._served = served(self.minor)
        self._names = engine.stream("apiserver.names")
        self._uids = engine.stream("apiserver.uids")
        self._started_us = engine.now_us
        self._verbs: dict[str, Callable[[Resource, Request], Response]] = {
            "get": self._get, "list": self._list, "watch": self._watch, "create": self._create,
            "update": self._update, "patch": self._patch, "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    def stop(self) -> None:
        """End the server: watches are cut, promised heartbeats are no longer heard."""
        self.running = False
        for key in self.promised:
            renewed_us, lease = self.heartbeats.end(key), self.store.get(key)
            if renewed_us is not None and lease is not None and not self.away:
                stamp = times.stamp_micro(self.heartbeats.unix_us(renewed_us))
                self.store.commit(key, objects.put(lease, "spec.renewTime", stamp), because="its last renewal")
        self.promised.clear()
        for watch in list(self.watches):
            watch.inner.stop()
            if watch.closed:
                watch.closed()
        self.watches.clear()

    def set_away(self, *, away: bool) -> None:
        """Note whether the store can be reached."""
        self.away = away
        if away:
            self.back = self.engine.event()
        elif not self.back.triggered:
            self.back.succeed()

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises StatusError, and NotSimulated for kinds and subresources that are not built."""
        key = request.key
        if not key.resource and key.name.startswith(("/healthz", "/livez", "/readyz")):
            return outage.health(key.name, away=self.away)
        if self.away and request.subresource == "heartbeat" and not request.body["beating"]:
            self.heartbeats.end(key)  # nobody renews any more; that cannot be written now, and is seen all the same
            return Response(200, {})
        if self.away and key.resource:
            raise outage.hang(request, self.back)
        if not key.resource:
            return tables.discovery(key.name, self.version, self.rows())
        row = self.row(key.resource)
        if row is None or (request.subresource and request.subresource not in row.subresources):
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        if row.resource != key.resource or (not row.namespaced and key.namespace):
            key = Key(row.resource, key.namespace if row.namespaced else "", key.name)
            request = replace(request, key=key)
        if row.namespaced and not key.namespace and key.name and request.verb != "create":
            raise errors.bad_request("an empty namespace may not be set when a resource name is provided")
        authorize(self.rights, request, row)
        if request.verb not in row.verbs and not request.subresource:
            raise options.refused_verb(request.verb)
        return self._verbs[request.verb](row, request)

    # ---- the table --------------------------------------------------------------------------------------------
    def row(self, resource: str) -> Resource | None:
        """Give the row of a resource that this version serves; custom ones by their full name, or their plural."""
        if resource in RESOURCES:
            return self._served.get(resource)
        if (found := aggregation.row(self, resource)) is not None:
            return found
        definition = self.store.get(Key("customresourcedefinitions", "", resource)) or next(
            (each for each in self.store.list("customresourcedefinitions")
             if objects.dig(each, "spec.names.plural") == resource), None)
        return custom(definition) if definition is not None else None

    def rows(self) -> list[Resource]:
        """List the rows that discovery shows, custom ones last."""
        return [*self._served.values(), *aggregation.rows(self),
                *(custom(each) for each in self.store.list("customresourcedefinitions"))]

    def compacted(self) -> int:
        """Give the revision up to which history is gone: every 5 minutes the one of 5 minutes before.

        Models: apiserver/pkg/storage/etcd3/compact.go. Derived when asked, so that it is no event.
        """
        ticks = (self.engine.now_us - self._started_us) // COMPACTION_US
        derived = self.store.revision_at(self._started_us + (ticks - 1) * COMPACTION_US) if ticks > 1 else 0
        return max(self.store.compacted_revision, derived)

    # ---- reading ----------------------------------------------------------------------------------------------
    def now(self) -> str:
        """Give the present as a stamp."""
        return times.stamp(self.engine.unix_us)

    def existing(self, row: Resource, key: Key) -> Object:
        """Give a stored object. Raises StatusError 404."""
        found = self.store.get(key)
        if found is None:
            raise errors.not_found(row.plural, key.name, row.group)
        return found

    def _fresh(self, row: Resource, obj: Object) -> Object:
        if row.resource == "nodes":
            return self.heartbeats.node_as_of_now(obj)
        if row.resource == "leases":
            return self.heartbeats.lease_as_of_now(objects.key("leases", obj), obj)
        return obj

    def _warned(self, row: Resource) -> tuple[str, ...]:
        since, text = DEPRECATED.get(row.resource, (0, ""))
        return (text,) if text and self.minor >= since else ()

    def _get(self, row: Resource, request: Request) -> Response:
        if request.subresource not in ("", "status", "scale", "approval"):
            return subresources.get(self, row, request)
        if row.group == aggregation.GROUP:
            return aggregation.answer(self, row, request)
        if row.resource in DERIVED:
            found = next((c for c in DERIVED[row.resource](self) if objects.name(c) == request.key.name), None)
            if found is None:
                raise errors.not_found(row.plural, request.key.name, row.group)
        else:
            found = self._fresh(row, self.existing(row, request.key))
        if request.subresource == "scale":
            row, found = tables.SCALE, subresources.scale_of(found)
        if request.query.get("as") == "Table":
            return Response(200, tables.table(row, [found], self.engine.unix_us, self.minor), warnings=self._warned(row))
        return Response(200, found, warnings=self._warned(row))

    def _list(self, row: Resource, request: Request) -> Response:
        if row.group == aggregation.GROUP:
            answer = aggregation.answer(self, row, request)
            table = request.query.get("as") == "Table"
            return replace(answer, body=tables.table(row, answer.body["items"], self.engine.unix_us, self.minor)) if (
                table) else answer
        query = request.query
        metadata: Object = {"resourceVersion": str(self.store.revision)}
        if query.get("index"):
            items = self.store.by_index(row.resource, query["index"], query["value"])
        elif row.resource in DERIVED:
            items = DERIVED[row.resource](self)
        else:
            items, metadata = reading.chunk(self.store, row, request, self.compacted())
        if row.resource in ("nodes", "leases"):
            items = [self._fresh(row, item) for item in items]
        if query.get("as") == "Table":
            body = tables.table(row, items, self.engine.unix_us, self.minor)
            return Response(200, {**body, "metadata": metadata}, warnings=self._warned(row))
        return Response(200, {"kind": f"{row.kind}List", "apiVersion": row.api_version, "metadata": metadata,
                              "items": items}, warnings=self._warned(row))

    def _watch(self, row: Resource, request: Request) -> Response:
        query = request.query
        if request.watcher is None:
            raise errors.bad_request("a watch needs somebody to watch")
        timeout = options.number(query, "timeoutSeconds")
        if query.get("index"):
            inner = self.store.watch(row.resource, request.watcher, index=query["index"], value=query["value"])
        else:
            tell = reading.filtered(reading.predicate(row, request), request.watcher)
            reading.missed(self.store, row, request, self.compacted(), tell)
            if options.truth(query, "sendInitialEvents"):
                reading.bookmark(self.store, row, request.watcher)
            inner = self.store.watch(row.resource, tell)
        watch = ServerWatch(self, inner, request.closed)
        if timeout:
            self.engine.after(timeout * SECOND_US, watch.expire)

        def printed(obj: Object) -> Object:
            return tables.table(row, [obj], self.engine.unix_us, self.minor)

        return Response(200, printed if query.get("as") == "Table" else None, watch=watch)

    # ---- writing ----------------------------------------------------------------------------------------------
    def commit(self, request: Request, key: Key, new: Object | None) -> Change:
        """Write an object (None: delete it) as the request's doing."""
        ttl_us = EVENT_TTL_SECONDS * SECOND_US if key.resource == "events" and new is not None else 0
        return self.store.commit(key, new, because=request.because, by=request.agent, ttl_us=ttl_us)

    def _create(self, row: Resource, request: Request) -> Response:
        if request.subresource:
            return subresources.create(self, row, request)
        if not row.modelled:
            raise errors.NotSimulated(f"creating a {row.kind} ({row.api_version})")
        options.check_write(request)
        body, warnings = decode.body(
            row, request, self.minor, None if request.canonical else decode.like(request, self.store.get))
        if row.verbs == ("create",):
            return Response(201, review(self.rights, row, request, {
                "apiVersion": row.api_version, "kind": row.kind, **body}), warnings=warnings)
        obj = row.strategy.default(self._identified(row, request, body))
        if request.query.get("fieldManager"):
            obj = managed.updated(row, request, None, obj, decode.type_of(row), self.now())
        return self._create_object(row, request, obj, warnings)

    def _create_object(self, row: Resource, request: Request, obj: Object, warnings: tuple[str, ...]) -> Response:
        """Admit, validate and store a new object that has its defaults."""
        obj = admission.admit(row, obj, request, self.reader, self._names)
        if row.strategy.status is not None:
            obj = {**obj, "status": dict(row.strategy.status)}
        obj = row.strategy.prepare(obj)
        faults = Faults()
        faults.metadata(obj["metadata"], row.strategy.name_rule)
        row.strategy.validate(obj, faults)
        if faults:
            raise errors.invalid(row.kind, row.group, objects.name(obj), faults)
        admission.check_limits(row, obj, self.reader)
        charged = admission.charge(row, obj, None, self.reader)
        key = objects.key(row.resource, obj)
        if self.store.get(key) is not None:
            raise errors.already_exists(row.plural, key.name, row.group)
        if row.resource == "services":
            obj = allocation.allocate(obj, None, self.reader, self._names)
        if request.query.get("dryRun"):
            return Response(201, obj, warnings=warnings)
        self._charge(request, charged)
        return Response(201, self.commit(request, key, obj).new, warnings=warnings)

    def _charge(self, request: Request, charged: list[Object]) -> None:
        for each in charged:
            self.commit(request, objects.key("resourcequotas", each), each)

    def _identified(self, row: Resource, request: Request, body: Object) -> Object:
        """Give a new object its name, namespace, uid and moment of creation. Raises StatusError 400."""
        metadata = {name: value for name, value in (body.get("metadata") or {}).items() if name not in (
            "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields")}
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
            metadata["name"] = self._generated(row, metadata)
        metadata["uid"] = self._uid()
        metadata["creationTimestamp"] = self.now()
        if row.spec_fields:
            metadata["generation"] = 1
        if row.resource == "certificatesigningrequests":
            user = request.user
            body = objects.put(objects.put(body, "spec.username", user.name), "spec.groups", list(user.groups))
        rest = {name: value for name, value in body.items() if name not in ("apiVersion", "kind", "metadata")}
        return {"kind": row.kind, "apiVersion": row.api_version, "metadata": metadata, **rest}

    def _generated(self, row: Resource, metadata: Object) -> str:
        name = ""
        for _ in range(NAME_TRIES):
            name = metadata["generateName"] + self._names.text(SUFFIX, 5)
            if self.store.get(Key(row.resource, metadata.get("namespace", ""), name)) is None:
                break
        return name

    def _uid(self) -> str:
        text = self._uids.text(HEX, 32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _update(self, row: Resource, request: Request) -> Response:
        if request.subresource == "heartbeat":
            return subresources.heartbeat(self, request)
        options.check_write(request)
        old = self.existing(row, request.key)
        new, warnings = decode.body(row, request, self.minor, old)
        changed = self._replace(row, request, old, new)
        return subresources.answer(request, changed, warnings) if warnings or request.subresource == "scale" else changed

    def _patch(self, row: Resource, request: Request) -> Response:
        options.check_write(request)
        if request.query.get("patchType") == "apply":
            return self._apply(row, request)
        old = self.existing(row, request.key)
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
        new, unknown = decode.read_patched(typed, new, base, minor=self.minor, patch=body, strategic=kind == "strategic")
        warnings = decode.strict(row, request, unknown)
        return subresources.answer(request, self._replace(row, request, old, new), warnings)

    def _apply(self, row: Resource, request: Request) -> Response:
        """Server-side apply: create what is not there, else merge what the manager wants. Raises StatusError 409."""
        if not isinstance(request.body, dict):
            raise decode.unreadable_patch(request.body)
        if request.subresource not in ("", "status"):
            raise errors.NotSimulated(f"server-side apply of {row.resource}/{request.subresource}")
        typed = decode.type_of(row)
        managed.check_config(row, request, request.body, typed)
        config, _ = decode.body(row, request, self.minor)
        old = self.store.get(request.key)
        if old is not None:
            new = managed.apply(row, request, old, config, typed, self.now())
            return self._replace(row, request, old, new, applied=True)
        if request.subresource:
            raise errors.not_found(row.plural, request.key.name, row.group)
        if not row.modelled:
            raise errors.NotSimulated(f"creating a {row.kind} ({row.api_version})")
        entries = managed.apply(row, request, None, config, typed, self.now())["metadata"]["managedFields"]
        config = objects.put(config, "metadata.name", request.key.name)
        obj = objects.put(self._identified(row, request, config), "metadata.managedFields", entries)
        return self._create_object(row, replace(request, verb="create"), row.strategy.default(obj), ())

    def _replace(
        self, row: Resource, request: Request, old: Object, new: Object, *, applied: bool = False
    ) -> Response:
        if request.subresource == "scale":
            subresources.check_scale(request, old, new)
            new = objects.put(old, "spec.replicas", objects.dig(new, "spec.replicas", 0))
        key, was = request.key, old["metadata"]
        if request.canonical and request.subresource == "status" and new["metadata"] is was and "managedFields" not in was:
            return self._write_status(row, request, old, new.get("status") or {})
        self._same_object(row, key, new, was)
        new = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": self._metadata(new, was)}
        admission.restrict_node(row, request, key.name, old)
        if not applied and new["metadata"].get("managedFields") != was.get("managedFields"):
            new = managed.kept(new, was)
        new = self._changed(row, request, new, old)
        if new == old:
            return Response(200, old)
        if not applied and (request.query.get("fieldManager") or was.get("managedFields")):
            new = managed.updated(row, request, old, new, decode.type_of(row), self.now())
        charged = admission.charge(row, new, old, self.reader) if row.resource in (
            "persistentvolumeclaims", "services") else []
        if request.query.get("dryRun"):
            return Response(200, new)
        self._charge(request, charged)
        if deletion.released(row, new):
            return Response(200, self.commit(request, key, None).old)
        return Response(200, self.commit(request, key, new).new)

    def _write_status(self, row: Resource, request: Request, old: Object, status: Object) -> Response:
        """Write the status of an object that is as its writer knows it: nothing else can differ."""
        admission.restrict_node(row, request, request.key.name, old)
        if status == old.get("status") or request.query.get("dryRun"):
            return Response(200, old)
        return Response(200, self.commit(request, request.key, {**old, "status": status}).new)

    @staticmethod
    def _metadata(new: Object, was: Object) -> Object:
        metadata = {**(new.get("metadata") or {})}
        for name in SYSTEM_METADATA:
            if name in was:
                metadata[name] = was[name]
            else:
                metadata.pop(name, None)
        return metadata

    @staticmethod
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

    def _changed(self, row: Resource, request: Request, new: Object, old: Object) -> Object:
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
            faults[:0] = self._metadata_faults(new, old)
        if faults:
            raise errors.invalid(row.kind, row.group, request.key.name, faults)
        if row.resource == "services" and "spec" in touched:
            new = allocation.allocate(new, old, self.reader, self._names)
        if row.spec_fields and any(new.get(field) != old.get(field) for field in row.spec_fields):
            generation = old["metadata"].get("generation", 1) + 1
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        return new

    @staticmethod
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

    # ---- deleting ---------------------------------------------------------------------------------------------
    def _delete(self, row: Resource, request: Request) -> Response:
        return self.delete(row, request, options.deletion(request))

    def delete(self, row: Resource, request: Request, wanted: options.Deletion) -> Response:
        """Delete one object. Raises StatusError 403, 404, 409."""
        admission.check_deletion(row, request.key.name)
        old = self.existing(row, request.key)
        admission.restrict_node(row, request, request.key.name, old)
        deletion.check(row, old, wanted)
        new = deletion.next_state(row, old, wanted, self.engine.unix_us)
        if wanted.dry_run or new is old:
            return Response(200, new or old)
        change = self.commit(request, request.key, new)
        return Response(200, change.new if change.new is not None else change.old)

    def _delete_collection(self, row: Resource, request: Request) -> Response:
        wanted = options.deletion(request)
        found = reading.selected(self.store, row, reading.predicate(row, request))
        for item in found:
            one = replace(request, verb="delete", key=objects.key(row.resource, item), body=None)
            self.delete(row, one, wanted)
        return Response(200, {"kind": f"{row.kind}List", "apiVersion": row.api_version,
                              "metadata": {"resourceVersion": str(self.store.revision)}, "items": found})
