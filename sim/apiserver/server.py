"""`ApiServer.handle`: authenticate, authorize, admit, default and validate, commit. Always in that order.

Models: apiserver/pkg/endpoints/handlers and apiserver/pkg/registry/generic/registry/store.go. Left out: audit,
flow control, API versions other than the preferred one of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sim.api import errors, objects, patch, schema, selectors, times
from sim.api.client import Change, Heartbeat, Key, Object, Reader, Request, Response, Watch
from sim.api.errors import StatusError
from sim.api.schema import Type
from sim.apiserver import admission, decode, eviction, registry, tables
from sim.apiserver.heartbeats import NODE_LEASES, Heartbeats
from sim.apiserver.resources import RESOURCES, Resource
from sim.engine import SECOND_US, Engine
from sim.etcd.store import Compacted, Store

SCALE = Type("struct", "autoscaling/v1.Scale")
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
HEX = "0123456789abcdef"
AWAY = ("the server was unable to return a response in the time allotted, but may still be processing the request")
AWAY_SECONDS = 60.0
FIELD_PATHS = {"spec.nodeName", "status.phase", "metadata.name", "metadata.namespace", "spec.unschedulable",
               "type", "reason", "status.podIP", "spec.restartPolicy", "spec.serviceAccountName"}


class CacheReader:
    """The reader of a server: its store and its heartbeats."""

    def __init__(self, store: Store, heartbeats: Heartbeats) -> None:
        self.store = store
        self.heartbeats = heartbeats
        self.get = store.get
        self.list = store.list
        self.by_index = store.by_index
        self.count = store.count

    def heartbeat(self, node: str) -> Heartbeat | None:
        """Tell what is known of a node's heartbeats."""
        return self.heartbeats.of_node(node, self.store.get(Key("leases", NODE_LEASES, node)))


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
        self.heartbeats = Heartbeats(engine)
        self.reader: Reader = CacheReader(store, self.heartbeats)
        self.watches: dict[ServerWatch, None] = {}
        self.running = True
        self.away = False
        """Whether the store cannot be reached: requests then hang for a minute."""
        self.dial: Callable[[str, int], Any] | None = None
        """How the server reaches a kubelet: (address of the node, 10250) -> `program.NodeService`; set by its host."""
        self._names = engine.stream("apiserver.names")
        self._addresses = 0
        self._verbs: dict[str, Callable[[Resource, Request], Response]] = {
            "get": self._get, "list": self._list, "watch": self._watch, "create": self._create,
            "update": self._update, "patch": self._patch, "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    def stop(self) -> None:
        """End the server: watches are cut, promised heartbeats are no longer heard."""
        self.running = False
        self.heartbeats.promises.clear()
        for watch in list(self.watches):
            watch.inner.stop()
            if watch.closed:
                watch.closed()
        self.watches.clear()

    def handle(self, request: Request) -> Response:
        """Answer a request. Raises StatusError."""
        key = request.key
        if self.away:
            late = StatusError(504, "Timeout", AWAY)
            late.after_seconds = AWAY_SECONDS
            raise late
        if not key.resource:
            answer: Response = tables.discovery(key.name, self.version)
            return answer
        row = RESOURCES.get(key.resource)
        if row is None or (request.subresource and request.subresource not in row.subresources):
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        if row.namespaced and not key.namespace and key.name:
            raise errors.bad_request("an empty namespace may not be set when a resource name is provided")
        return self._verbs[request.verb](row, request)

    # ---- reading ----------------------------------------------------------------------------------------------
    def _now(self) -> str:
        return times.stamp(self.engine.unix_us)

    def _existing(self, row: Resource, key: Key) -> Object:
        found = self.store.get(key)
        if found is None:
            raise errors.not_found(row.resource, key.name, row.group)
        return found

    def _fresh(self, row: Resource, obj: Object) -> Object:
        if row.resource == "nodes":
            return self.heartbeats.node_as_of_now(obj)
        if row.resource == "leases":
            return self.heartbeats.lease_as_of_now(objects.key("leases", obj), obj)
        return obj

    def _get(self, row: Resource, request: Request) -> Response:
        found = self._fresh(row, self._existing(row, request.key))
        if request.subresource == "scale":
            return Response(200, _scale_of(found))
        if request.query.get("as") == "Table":
            return Response(200, tables.table(row, [found], self.engine.unix_us))
        return Response(200, found)

    def _list(self, row: Resource, request: Request) -> Response:
        query = request.query
        if query.get("index"):
            items = self.store.by_index(row.resource, query["index"], query["value"])
        else:
            items = self._selected(row, request)
        items = [self._fresh(row, item) for item in items]
        if query.get("as") == "Table":
            body = tables.table(row, items, self.engine.unix_us)
            body["metadata"]["resourceVersion"] = str(self.store.revision)
            return Response(200, body)
        return Response(200, {
            "apiVersion": row.api_version, "kind": f"{row.kind}List",
            "metadata": {"resourceVersion": str(self.store.revision)}, "items": items,
        })

    def _selected(self, row: Resource, request: Request) -> list[Object]:
        namespace, query = request.key.namespace, request.query
        try:
            fields = selectors.parse_field(query.get("fieldSelector", ""))
            labels = selectors.parse(query["labelSelector"]) if query.get("labelSelector") else None
        except ValueError as error:
            raise errors.bad_request(str(error)) from None
        node = next((value for path, op, value in fields if path == "spec.nodeName" and op == "="), None)
        if node is not None and row.resource == "pods":
            items = sorted(self.store.by_index("pods", "node", node), key=_place)
            items = [pod for pod in items if not namespace or objects.namespace(pod) == namespace]
        else:
            items = self.store.list(row.resource, namespace)
        for path, operator, value in fields:
            if path not in FIELD_PATHS and not (row.resource == "events" and path.startswith("involvedObject.")):
                raise errors.bad_request(f'field label not supported: {path}')
            items = [item for item in items if (_field(item, path) == value) == (operator == "=")]
        if labels is not None:
            items = [item for item in items if labels.matches(objects.labels(item))]
        return items

    def _watch(self, row: Resource, request: Request) -> Response:
        assert request.watcher is not None
        query, watcher = request.query, request.watcher
        if query.get("resourceVersion"):
            try:
                for change in self.store.changes_since(int(query["resourceVersion"])):
                    if change.key.resource == row.resource:
                        watcher(change)
            except Compacted:
                raise errors.expired(
                    f"too old resource version: {query['resourceVersion']} ({self.store.compacted_revision})"
                ) from None
        inner = self.store.watch(row.resource, watcher, index=query.get("index", ""), value=query.get("value", ""))
        return Response(200, watch=ServerWatch(self, inner, request.closed))

    # ---- writing ----------------------------------------------------------------------------------------------
    def _commit(self, request: Request, key: Key, new: Object | None) -> Change:
        return self.store.commit(key, new, because=request.because, by=request.agent)

    def _create(self, row: Resource, request: Request) -> Response:
        if request.subresource == "eviction":
            return self._evict(row, request)
        if request.subresource == "binding":
            return self._bind(row, request)
        body, warnings = self._read(row, request, request.body)
        metadata = dict(body.get("metadata") or {})
        if row.namespaced:
            metadata["namespace"] = request.key.namespace or metadata.get("namespace") or "default"
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self._names.text(SUFFIX, 5)
        name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
        if row.namespaced:
            admission.check_namespace(row.resource, row.group, name, namespace, self.reader)
        key = Key(row.resource, namespace, name)
        if name and self.store.get(key) is not None:
            raise errors.already_exists(row.resource, name, row.group)
        metadata["uid"] = self._uid()
        metadata["creationTimestamp"] = self._now()
        if row.spec_fields:
            metadata["generation"] = 1
        obj = {"apiVersion": row.api_version, "kind": row.kind, **body, "metadata": metadata}
        default = registry.DEFAULTS.get(row.resource)
        if default:
            obj = default(obj)
        faults = registry.validate(row.resource, obj)
        if faults:
            raise errors.invalid(row.kind, row.group, name, faults)
        if row.resource == "pods":
            obj = admission.admit_pod(obj, self.reader, self._names)
        if row.resource == "services":
            obj = self._address(obj)
        if request.query.get("dryRun"):
            return Response(201, obj, warnings=warnings)
        return Response(201, self._commit(request, key, obj).new, warnings=warnings)

    def _uid(self) -> str:
        text = self._names.text(HEX, 32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _address(self, service: Object) -> Object:
        spec = service["spec"]
        if spec.get("clusterIP") or spec.get("type") == "ExternalName":
            address = spec.get("clusterIP")
        else:
            self._addresses += 1
            number = 10 + self._names.uniform(0, 200) + 256 * (self._addresses % 250 + 1)
            address = f"10.96.{number // 256}.{number % 256}"
        return {**service, "spec": {**spec, "clusterIP": address, "clusterIPs": [address]}} if address else service

    def _update(self, row: Resource, request: Request) -> Response:
        if request.subresource == "heartbeat":
            return self._heartbeat(request)
        old = self._existing(row, request.key)
        new, warnings = self._read(row, request, request.body, old)
        return replace(self._replace(row, request, old, new), warnings=warnings)

    def _patch(self, row: Resource, request: Request) -> Response:
        old = self._existing(row, request.key)
        base = _scale_of(old) if request.subresource == "scale" else old
        kind, body = request.query.get("patchType", "merge"), request.body
        if kind != "json" and not isinstance(body, dict):
            raise decode.unreadable_patch(body)
        if kind == "json":
            new = patch.json_patch(base, body)
        elif kind == "strategic":
            new = patch.strategic_merge(base, body, self._type(row, request.subresource))
        elif kind == "apply":
            raise errors.NotSimulated("server-side apply")
        else:
            new = patch.merge_patch(base, body)
        new, unknown = decode.read_patched(
            self._type(row, request.subresource), new, base, minor=self.minor, patch=body, strategic=kind == "strategic")
        warnings = self._strict(row, request, unknown)
        if request.subresource == "scale":
            new = objects.put(old, "spec.replicas", objects.dig(new, "spec.replicas", 0))
            request = replace(request, subresource="")
        return replace(self._replace(row, request, old, new), warnings=warnings)

    @staticmethod
    def _type(row: Resource, subresource: str) -> Type | None:
        return SCALE if subresource == "scale" else schema.of_kind(row.api_version, row.kind)

    def _read(self, row: Resource, request: Request, body: Any, old: Object | None = None) -> (
        tuple[Object, tuple[str, ...]]
    ):
        """Decode a body; what nobody knows is an error, a warning or nothing, as fieldValidation says."""
        scale = request.subresource == "scale"
        kind, version = ("Scale", "v1") if scale else (row.kind, row.version)
        obj, unknown = decode.read(kind, version, self._type(row, request.subresource), body if body is not None else "",
                                   minor=self.minor, old=old)
        return obj, self._strict(row, request, unknown)

    @staticmethod
    def _strict(row: Resource, request: Request, unknown: list[str]) -> tuple[str, ...]:
        how = request.query.get("fieldValidation", "Warn")
        if unknown and how == "Strict":
            raise errors.bad_request(f'{row.kind} in version "{row.version}" cannot be handled as a {row.kind}: '
                                     f"strict decoding error: {', '.join(unknown)}")
        return tuple(unknown) if how == "Warn" else ()

    def _replace(self, row: Resource, request: Request, old: Object, new: Object) -> Response:
        if request.subresource == "scale":
            new = objects.put(old, "spec.replicas", objects.dig(new, "spec.replicas", 0))
        key, was = request.key, old["metadata"]
        version = (new.get("metadata") or {}).get("resourceVersion")
        if version and version != was["resourceVersion"]:
            raise errors.conflict(row.resource, key.name, row.group)
        metadata = {**(new.get("metadata") or {})}
        for name in ("name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp",
                     "deletionGracePeriodSeconds", "resourceVersion"):
            if name in was:
                metadata[name] = was[name]
            else:
                metadata.pop(name, None)
        new = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata}
        if request.subresource == "status":
            new = {**old, "metadata": {**was, **{
                n: metadata[n] for n in ("annotations", "labels") if n in metadata}}, "status": new.get("status") or {}}
        elif "status" in row.subresources:
            if "status" in old:
                new["status"] = old["status"]
            new = self._changed_spec(row, key, new, old)
        if new == old:
            return Response(200, old)
        if request.query.get("dryRun"):
            return Response(200, new)
        if objects.deleting(new) and not new["metadata"].get("finalizers") and not (
            row.resource == "namespaces" and objects.dig(new, "spec.finalizers")
        ) and not (row.resource == "pods" and metadata.get("deletionGracePeriodSeconds")):
            return Response(200, self._commit(request, key, None).old)
        return Response(200, self._commit(request, key, new).new)

    def _changed_spec(self, row: Resource, key: Key, new: Object, old: Object) -> Object:
        default = registry.DEFAULTS.get(row.resource)
        if default:
            new = default(new)
        faults = registry.validate_update(row.resource, new, old)
        if faults:
            raise errors.invalid(row.kind, row.group, key.name, faults)
        if row.resource == "daemonsets" and objects.dig(new, "spec.template") != objects.dig(old, "spec.template"):
            raise errors.NotSimulated("the rolling update of a DaemonSet")
        if row.spec_fields and any(new.get(field) != old.get(field) for field in row.spec_fields):
            generation = old["metadata"].get("generation", 1) + 1
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        return new

    def _heartbeat(self, request: Request) -> Response:
        key, body = request.key, request.body
        if body["beating"]:
            self.heartbeats.begin(key, round(body.get("period_s", 10) * SECOND_US))
            return Response(200, {})
        renewed_us = self.heartbeats.end(key)
        lease = self.store.get(key)
        if renewed_us is not None and lease is not None:
            text = times.stamp_micro(self.heartbeats.unix_us(renewed_us))
            self._commit(request, key, objects.put(lease, "spec.renewTime", text))
        return Response(200, {})

    # ---- pods' own subresources -------------------------------------------------------------------------------
    def _bind(self, row: Resource, request: Request) -> Response:
        pod = self._existing(row, request.key)
        node = request.body["target"]["name"]
        if objects.dig(pod, "spec.nodeName"):
            raise errors.conflict("pods", request.key.name, "", f"pod {request.key.name} is already assigned to node "
                                  f'"{objects.dig(pod, "spec.nodeName")}"')
        condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": self._now()}
        conditions = [c for c in objects.dig(pod, "status.conditions", []) if c["type"] != "PodScheduled"]
        new = objects.put(objects.put(pod, "spec.nodeName", node), "status.conditions", [*conditions, condition])
        return Response(201, self._commit(request, request.key, new).new)

    def _evict(self, row: Resource, request: Request) -> Response:
        named = ((request.body or {}).get("metadata") or {}).get("name", request.key.name)
        if named != request.key.name:
            raise errors.bad_request("name in URL does not match name in Eviction object")
        pod = self._existing(row, request.key)
        ruling = eviction.rule(pod, eviction.budgets_of(pod, self.reader), self._now())
        options = (request.body or {}).get("deleteOptions") or {}
        if request.query.get("dryRun") or options.get("dryRun"):
            return Response(201, _success())
        if ruling.budget is not None:
            self._commit(request, eviction.key_of(ruling.budget), ruling.budget)
        conditions = objects.with_condition(
            objects.dig(pod, "status.conditions", []),
            {**eviction.DISRUPTION_TARGET, "lastTransitionTime": self._now()})
        self._commit(request, request.key, objects.put(pod, "status.conditions", conditions))
        query = {}
        if options.get("gracePeriodSeconds") is not None:
            query["gracePeriodSeconds"] = str(options["gracePeriodSeconds"])
        self._delete(row, Request("delete", request.key, query=query, agent=request.agent,
                                  because=request.because or "evicted through the eviction API"))
        return Response(201, _success())

    # ---- deleting ---------------------------------------------------------------------------------------------
    def _delete(self, row: Resource, request: Request) -> Response:
        old = self._existing(row, request.key)
        wanted = ((request.body or {}).get("preconditions") or {}).get("uid")
        if wanted and wanted != objects.uid(old):
            raise errors.conflict(
                row.resource, request.key.name, row.group,
                f"the UID in the precondition ({wanted}) does not match the UID in record ({objects.uid(old)}). "
                "The object might have been deleted and then recreated")
        if request.query.get("dryRun"):
            return Response(200, old)
        metadata = dict(old["metadata"])
        finalizers = [f for f in metadata.get("finalizers") or [] if f not in ("orphan", "foregroundDeletion")]
        propagation = request.query.get("propagationPolicy", "")
        if propagation in ("Orphan", "Foreground") and not objects.deleting(old):
            finalizers.append("orphan" if propagation == "Orphan" else "foregroundDeletion")
        elif objects.deleting(old):
            finalizers = metadata.get("finalizers") or []
        grace = self._grace_seconds(row, old, request)
        waits = grace > 0 or finalizers or (row.resource == "namespaces" and objects.dig(old, "spec.finalizers"))
        if not waits:
            return Response(200, self._commit(request, request.key, None).old)
        stamp = times.stamp(self.engine.unix_us + grace * SECOND_US)
        if objects.deleting(old) and not (row.resource == "pods" and stamp < metadata["deletionTimestamp"]):
            return Response(200, old)
        metadata["deletionTimestamp"] = stamp
        metadata["deletionGracePeriodSeconds"] = grace
        if finalizers:
            metadata["finalizers"] = finalizers
        if row.spec_fields:
            metadata["generation"] = metadata.get("generation", 1) + 1
        new = {**old, "metadata": metadata}
        if row.resource == "namespaces":
            new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
        return Response(200, self._commit(request, request.key, new).new)

    @staticmethod
    def _grace_seconds(row: Resource, old: Object, request: Request) -> int:
        """Models: pkg/registry/core/pod/strategy.go CheckGracefulDelete."""
        if row.resource != "pods":
            return 0
        text = request.query.get("gracePeriodSeconds")
        grace = int(text) if text is not None else int(objects.dig(old, "spec.terminationGracePeriodSeconds", 30))
        if not objects.dig(old, "spec.nodeName") or objects.pod_finished(old):
            return 0
        return grace

    def _delete_collection(self, row: Resource, request: Request) -> Response:
        gone = self._selected(row, request)
        for item in gone:
            key = objects.key(row.resource, item)
            self._delete(row, Request("delete", key, query=request.query, agent=request.agent, because=request.because))
        return Response(200, {"apiVersion": row.api_version, "kind": f"{row.kind}List", "metadata": {}, "items": gone})


def _place(obj: Object) -> tuple[str, str]:
    return objects.namespace(obj), objects.name(obj)


def _field(obj: Object, path: str) -> str:
    found = objects.dig(obj, path, "")
    return str(found).lower() if isinstance(found, bool) else str(found)


def _success() -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _scale_of(obj: Object) -> Object:
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {n: obj["metadata"].get(n) for n in ("name", "namespace", "uid", "resourceVersion")},
        "spec": {"replicas": objects.dig(obj, "spec.replicas", 0)},
        "status": {"replicas": objects.dig(obj, "status.replicas", 0)},
    }
