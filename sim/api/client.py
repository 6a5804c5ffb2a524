"""Requests, answers, and the one door: `Transport.handle`.

The simulated kubectl, controllers, kubelets, the grader, the HTTP front and the tests all speak through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sim.api.errors import StatusError

if TYPE_CHECKING:
    from sim.engine import Cause

Object = dict[str, Any]
"""A Kubernetes object in wire form. Replaced, NEVER changed after it was committed or received."""


Objects = list[dict[str, Any]]


class Key(NamedTuple):
    """Which object: resource is the plural (`pods`, `deployments`; `widgets.example.com` for custom ones)."""

    resource: str
    namespace: str
    name: str


# Not frozen: a frozen one takes three times as long to make, and a large run makes millions. Nobody changes them.
@dataclass(slots=True)
class Change:
    """A committed write. `type` is ADDED, MODIFIED or DELETED; old and new are the objects around it.

    causes: at most four, oldest first; because: the writer's own words; by: the writer (user agent).
    """

    revision: int
    type: str
    key: Key
    old: Object | None
    new: Object | None
    at_us: int
    causes: tuple[Cause, ...] = ()
    because: str = ""
    by: str = ""

    @property
    def object(self) -> Object:
        """Give the object as it is now, or as it last was."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found


class User(NamedTuple):
    """Who asks, as a client certificate says: CN and O."""

    name: str = "kubernetes-admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")


ADMIN = User()
ANY_VERSION = 1
"""For a canonical body that is the same in every version of Kubernetes 1."""
WHOEVER = User("", ())
"""Whoever the credentials of the connection say."""
Watcher = Callable[[Change], None]


@dataclass(slots=True)
class Request:
    """One request to the API server.

    verb: get, list, watch, create, update, patch, delete, deletecollection.
    key: name is "" for a collection; namespace is "" for all namespaces or a cluster-scoped kind.
    query: as in the URL (labelSelector, fieldSelector, limit, continue, resourceVersion, dryRun, fieldManager,
        fieldValidation, force, propagationPolicy, gracePeriodSeconds), and `patchType` (json, merge, strategic,
        apply), `as: Table`, `index`/`value` (an indexed list, for controllers).
    watcher, closed: for watch: called at each change; called once when the server ends the watch.
    agent: who writes, for the history. because: in the writer's own words.
    canonical: the body was made from objects that the server gave, by code of this minor version (0: by hand): a server
        that is as new need not read it anew.
    """

    verb: str
    key: Key
    subresource: str = ""
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    user: User = ADMIN
    agent: str = ""
    because: str = ""
    watcher: Watcher | None = None
    closed: Callable[[], None] | None = None
    canonical: int = 0


class Watch(Protocol):
    """An open watch."""

    def stop(self) -> None:
        """End it; the watcher is not called again."""


@dataclass(slots=True)
class Response:
    """An answer: a body in wire form (an object, a List, a Table, a Status), and for watch the open watch.

    The body of a watch that asks for Tables (`as: Table`) makes the Table of an object: Object -> Table.

    warnings: texts of Warning headers; kubectl prints them on stderr as `Warning: …`.
    """

    code: int = 200
    body: Any = None
    watch: Watch | None = None
    warnings: tuple[str, ...] = ()


class Heartbeat(NamedTuple):
    """What is known of a node's Lease: when it was last renewed, and whether renewals still come."""

    renewed_us: int
    beating: bool


class Reader(Protocol):
    """Read access to a cache of objects, cheap: no copies, no requests. What is read must not be changed."""

    def get(self, key: Key) -> Object | None:
        """Give the object, or None."""

    def list(self, resource: str, namespace: str = "") -> Objects:
        """Give all objects of the resource, in order of (namespace, name)."""

    def by_index(self, resource: str, index: str, value: str) -> Objects:
        """Give the objects that have the value in the index (`node`, `owner`, …), in order of creation."""

    def count(self, resource: str) -> int:
        """Tell how many objects of the resource there are."""

    def heartbeat(self, node: str) -> Heartbeat | None:
        """Tell what is known of the node's heartbeats; None without a Lease."""


class Transport(Protocol):
    """The way to an API server. One method."""

    def handle(self, request: Request) -> Response:
        """Answer the request. Raises StatusError (the server's refusal) or TransportError (no answer)."""


class Client:
    """A component's way to talk to the API server: short forms of `Transport.handle`.

    transport: from the network (a connection) or the server itself.
    agent: the component's name, kept in the history as the writer.
    reader: the component's cache.
    """

    def __init__(self, transport: Transport, reader: Reader, *, agent: str, user: User = ADMIN) -> None:
        self.transport = transport
        self.reader = reader
        self.agent = agent
        self.user = user

    def _send(self, verb: str, key: Key, **more: Any) -> Any:
        return self.transport.handle(Request(verb, key, user=self.user, agent=self.agent, **more)).body

    def get(self, key: Key) -> Object:
        """Read one object from the server. Raises StatusError 404."""
        body: Object = self._send("get", key)
        return body

    def find(self, key: Key) -> Object | None:
        """Read one object from the server, None when it is not there."""
        try:
            return self.get(key)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def list(self, resource: str, namespace: str = "") -> Objects:
        """List objects from the server, not from a cache. Raises StatusError."""
        items: Objects = self._send("list", Key(resource, namespace, ""))["items"]
        return items

    def create(self, resource: str, body: Object, *, because: str = "", canonical: int = 0) -> Object:
        """Create an object in the namespace that it names. canonical: as in Request."""
        metadata = body["metadata"]
        key = Key(resource, metadata.get("namespace", ""), metadata.get("name", ""))
        created: Object = self._send("create", key, body=body, because=because, canonical=canonical)
        return created

    def update(
        self, key: Key, body: Object, *, subresource: str = "", because: str = "", canonical: int = 0
    ) -> Object:
        """Replace an object; its resourceVersion, if set, must still be the latest (409). canonical: as in Request."""
        updated: Object = self._send(
            "update", key, body=body, subresource=subresource, because=because, canonical=canonical)
        return updated

    def patch(
        self, key: Key, body: Any, *, kind: str = "merge", subresource: str = "", because: str = ""
    ) -> Object:
        """Patch an object; kind is merge, strategic, json or apply."""
        patched: Object = self._send(
            "patch", key, body=body, subresource=subresource, because=because, query={"patchType": kind}
        )
        return patched

    def delete(
        self, key: Key, *, grace_seconds: int | None = None, propagation: str = "", uid: str = "", because: str = ""
    ) -> Object:
        """Delete an object. uid: only if it is still that one (409)."""
        query = {}
        if grace_seconds is not None:
            query["gracePeriodSeconds"] = str(grace_seconds)
        if propagation:
            query["propagationPolicy"] = propagation
        body = {"preconditions": {"uid": uid}} if uid else None
        deleted: Object = self._send("delete", key, body=body, query=query, because=because)
        return deleted

    def bind(self, key: Key, binding: Object, *, because: str = "") -> None:
        """Bind a pod to a node through its binding subresource."""
        self._send("create", key, subresource="binding", body=binding, because=because)

    def watch(
        self,
        resource: str,
        watcher: Watcher,
        *,
        closed: Callable[[], None] | None = None,
        index: str = "",
        value: str = "",
    ) -> Watch:
        """Have `watcher` called at each change of the resource, from now on; with an index only where it matches."""
        query = {"index": index, "value": value} if index else {}
        since, tell = getattr(self.reader, "since", 0), watcher
        if since:
            def watcher(change: Change) -> None:
                if change.revision > since:
                    tell(change)

        response = self.transport.handle(
            Request(
                "watch", Key(resource, "", ""), query=query, user=self.user, agent=self.agent, watcher=watcher,
                closed=closed,
            )
        )
        assert response.watch is not None
        return response.watch
