"""`ApiServer.handle`: authenticate, authorize, admit, default and validate, commit. Always in that order.

Models: apiserver/pkg/endpoints/handlers and apiserver/pkg/registry/generic/registry/store.go. Left out: audit,
flow control, API versions other than the preferred one of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sim.api import errors, objects, times
from sim.api.client import Change, Key, Object, Request, Response, Watch
from sim.api.errors import StatusError
from sim.apiserver import aggregation, outage, tables
from sim.apiserver.access import Rights, authorize
from sim.apiserver.heartbeats import CacheReader, Heartbeats
from sim.apiserver.kinds.networking import custom
from sim.apiserver.resources import RESOURCES, Resource, served
from sim.apiserver.verbs import change, create, options, read, remove
from sim.engine import SECOND_US, Engine
from sim.etcd.requests import EtcdError
from sim.etcd.store import Store, StoreWatch

COMPACTION_US = 300 * SECOND_US
EVENT_TTL_SECONDS = 3600
"""kube-apiserver --event-ttl 1h0m0s."""


class ApiServer:
    """An API server over a store.

    version: the Kubernetes version without `v`. flags: as on its command line, without dashes.
    """

    def __init__(
        self, engine: Engine, store: Store, *, version: str, flags: Mapping[str, str] | None = None
    ) -> None:
        self.engine = engine
        self.store = store
        self.cache = store
        """What its watches have brought: the store itself, but for a server whose etcd was restored under it."""
        self._following: Watch | None = None
        store.compactor = self._compacts
        self.version = version
        self.minor = int(version.split(".")[1])
        self.flags = dict(flags or {})
        if store.heartbeats is None:
            store.heartbeats = Heartbeats(engine)
        self.heartbeats: Heartbeats = store.heartbeats
        self.promised: dict[Key, None] = {}
        """Whose renewals come through this server: they end with it."""
        self.reader = CacheReader(store, self.heartbeats)
        self.rights = Rights(self.reader, self.minor)
        self.watches: dict[read.ServerWatch, None] = {}
        self.running = True
        self.away = False
        self.back = engine.event()
        """Whether the store cannot be reached: requests then hang for a minute."""
        self.dial: Callable[[str, int], Any] | None = None
        """How the server reaches a kubelet: (address of the node, 10250) -> `program.NodeService`; set by its host."""
        self._served = served(self.minor)
        self.names = engine.stream("apiserver.names")
        self.uids = engine.stream("apiserver.uids")
        self._started_us = engine.now_us

    def stop(self) -> None:
        """End the server: watches are cut, promised heartbeats are no longer heard."""
        self.running = False
        for key in self.promised:
            renewed_us, lease = self.heartbeats.end(key), self.store.get(key)
            if renewed_us is not None and lease is not None and not self.away:
                stamp = times.stamp_micro(self.heartbeats.unix_us(renewed_us))
                self.store.commit(key, objects.put(lease, "spec.renewTime", stamp), because="its last renewal")
        self.promised.clear()
        if self._following is not None:
            self._following.stop()
        self.store.compact(self._compacts())
        if self.store.compactor == self._compacts:
            self.store.compactor = None
        for watch in list(self.watches):
            watch.inner.stop()
            if watch.closed:
                watch.closed()
        self.watches.clear()

    def rebase(self, store: Store) -> None:
        """Speak with an etcd that holds another store: restored, or begun anew. Writes and single reads go there.

        The watch cache asks for what comes after its own revision. A restored etcd is behind that and says nothing, so
        lists and watches go on showing what was; only one that has compacted it makes the cache list anew.

        Models: apiserver/pkg/storage/cacher and etcd's watchers of future revisions.
        """
        if self._following is not None:
            self._following.stop()
            self._following = None
        if store.heartbeats is None:
            store.heartbeats = self.heartbeats
        if self.store.compactor == self._compacts:
            self.store.compactor = None
        cache = self.cache.copy() if self.cache is self.store else self.cache
        self._use_cache(cache)
        self.store = store
        if store.compacted() > cache.revision:
            for change in cache.differences(store):
                cache.apply(change)
            self._use_cache(store)
        else:
            for change in store.changes_since(cache.revision) if store.revision > cache.revision else ():
                cache.apply(change)
            self._following = store.watch("*", self._follow)
        self._started_us = self.engine.now_us
        store.compactor = self._compacts

    def _use_cache(self, cache: Store) -> None:
        self.cache = cache
        self.reader.use(cache)
        for watch in self.watches:
            inner = watch.inner
            assert isinstance(inner, StoreWatch)
            inner.stop()
            resource, index, value = inner.place
            watch.inner = cache.watch(resource, inner.watcher, index=index, value=value)

    def _follow(self, change: Change) -> None:
        if change.revision > self.cache.revision:
            self.cache.apply(change)

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
        return VERBS[request.verb](self, row, request)

    def row(self, resource: str) -> Resource | None:
        """Give the row of a resource that this version serves; custom ones by their full name, or their plural."""
        found = self._served.get(resource)
        if found is not None or resource in RESOURCES:
            return found
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
        if not self.store.keep_history:
            return self.store.revision
        return max(self.store.compacted_revision, self._compacts())

    def _compacts(self) -> int:
        ticks = (self.engine.now_us - self._started_us) // COMPACTION_US
        return self.store.revision_at(self._started_us + (ticks - 1) * COMPACTION_US) if ticks > 1 else 0

    def now(self) -> str:
        """Give the present as a stamp."""
        return times.stamp(self.engine.unix_us)

    def existing(self, row: Resource, key: Key) -> Object:
        """Give a stored object. Raises StatusError 404."""
        found = self.store.get(key)
        if found is None:
            raise errors.not_found(row.plural, key.name, row.group)
        return found

    def commit(self, request: Request, key: Key, new: Object | None) -> Change:
        """Write an object (None: delete it) as the request's doing."""
        ttl_us = EVENT_TTL_SECONDS * SECOND_US if key.resource == "events" and new is not None else 0
        try:
            return self.store.commit(key, new, because=request.because, by=request.agent, ttl_us=ttl_us)
        except EtcdError as error:
            raise StatusError(500, "", str(error)) from None


VERBS: Mapping[str, Callable[[ApiServer, Resource, Request], Response]] = {
    "get": read.get, "list": read.list_, "watch": read.watch, "create": create.create, "update": change.update,
    "patch": change.patch_, "delete": remove.delete, "deletecollection": remove.delete_collection}
