"""One cluster of a lab behind HTTP, without sockets: an `Ask` goes in, an `Answer` or a `Stream` comes out.

Models: apiserver/pkg/endpoints (handlers, filters). Writes are recorded as inputs of the lab, so that undo and replay know
them. Left out: upgrades of the connection (exec, attach, port-forward), audit, flow control, CORS.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api import objects
from sim.api.client import ADMIN, Change, Key, Object, Request, Response, User
from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.apiserver.kinds.row import Resource
from sim.apiserver.server import ApiServer
from sim.engine import SECOND_US
from sim.http import documents, negotiation, urls
from sim.http.negotiation import JSON_TYPE, Refused, Wanted
from sim.lab.lab import Lab

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
BOOKMARK_US = 60 * SECOND_US
MOST_PENDING_BYTES = 16 << 20
"""A watch whose reader is so far behind is ended, as the API server's cacher ends slow watchers."""
MOST_WATCHES = 2000
CLUSTER_ADMINS_SINCE = 29
"""Since when kubeadm's admin.conf is in this group (kubeadm 1.29) and no longer in system:masters."""
REASONS = {401: "Unauthorized", 404: "NotFound", 405: "MethodNotAllowed", 501: "NotImplemented"}
NOT_FOUND = StatusError(404, "NotFound", "the server could not find the requested resource")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as HTTP has it. headers: names in lower case. user: who the connection says it is; None for
    the cluster's administrator.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. after_us: how much simulated time the server takes before it says so."""

    code: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    after_us: int = 0


class Stream:
    """An answer without end: a watch, or a log that is followed. `wake` is called when there is something to take."""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        self.headers: tuple[tuple[str, str], ...] = ()
        self.closed = False
        self.wake: Callable[[], None] = lambda: None
        self.stop: Callable[[], None] = lambda: None
        self.ends_us: int | None = None
        self.bookmark: Callable[[], bytes] | None = None
        self.bookmark_us = 0
        self._chunks: deque[bytes] = deque()
        self._pending = 0

    def put(self, chunk: bytes) -> None:
        """Append what the client is to read; a reader who is too far behind is cut off."""
        if self.closed:
            return
        self._chunks.append(chunk)
        self._pending += len(chunk)
        if self._pending > MOST_PENDING_BYTES:
            self.end()
        self.wake()

    def take(self) -> bytes:
        """Take all that waits."""
        out = b"".join(self._chunks)
        self._chunks.clear()
        self._pending = 0
        return out

    def end(self) -> None:
        """End the stream; nothing more is put."""
        if not self.closed:
            self.closed = True
            self.stop()
            self.wake()


class Front:
    """The API of one cluster of a lab.

    cluster: its name, "" for the first. token: what `Authorization: Bearer` must say; "" lets everybody in.
    """

    def __init__(self, lab: Lab, cluster: str = "", *, token: str = "") -> None:
        self.lab = lab
        self.cluster = cluster
        self.token = token
        self.streams: dict[Stream, None] = {}

    # ---- the door ---------------------------------------------------------------------------------------------
    def answer(self, ask: Ask) -> Answer | Stream:
        """Answer a request. Raises TransportError where no API server listens."""
        server = self.lab.world.server(self.cluster)
        if server is None:
            raise TransportError("refused", "connect: connection refused")
        try:
            if self.token and ask.headers.get("authorization") != f"Bearer {self.token}":
                raise StatusError(401, "Unauthorized", "Unauthorized")
            where = urls.target(ask.path)
            if where is None:
                return self._document(server, ask)
            return self._resource(server, where, ask)
        except StatusError as error:
            return _refusal(error.code, error.status(), round(error.after_seconds * SECOND_US))
        except Refused as error:
            return _refusal(error.code, StatusError(error.code, error.reason, error.message).status())
        except NotSimulated as error:
            return _refusal(501, StatusError(501, REASONS[501], str(error)).status())

    def pass_time(self) -> None:
        """Do what time brings to open watches: their end, bookmarks. Called after simulated time has passed."""
        now_us = self.lab.now_us
        for stream in list(self.streams):
            if stream.ends_us is not None and now_us >= stream.ends_us:
                stream.end()
            elif stream.bookmark is not None and now_us >= stream.bookmark_us:
                stream.bookmark_us = now_us + BOOKMARK_US
                stream.put(stream.bookmark())

    # ---- what is no resource ----------------------------------------------------------------------------------
    def _document(self, server: ApiServer, ask: Ask) -> Answer:
        path, rows = ask.path.rstrip("/"), [row for row in server.rows() if row.verbs]
        if ask.method not in ("GET", "HEAD"):
            raise StatusError(405, REASONS[405], "the server does not allow this method on the requested resource")
        if path.startswith(("/healthz", "/livez", "/readyz")) or path == "/version":
            body = server.handle(Request("get", Key("", "", path), query=ask.query, user=_user(ask, server))).body
            if isinstance(body, str):
                return Answer(200, body.encode(), "text/plain; charset=utf-8")
            return Answer(200, _json(body))
        if path in ("/api", "/apis"):
            return self._roots(path, rows, negotiation.accepted(ask.headers.get("accept", "")))
        if path == "/openapi/v3":
            return Answer(200, _json(documents.openapi_index(rows, server.minor)))
        for group, versions in documents.groups_of(rows).items():
            if group and path == f"/apis/{group}":
                return Answer(200, _json({"kind": "APIGroup", "apiVersion": "v1", **documents.group(group, versions)}))
            for version, found in versions.items():
                root = documents.root_of(group, version)
                if path == f"/{root}":
                    name = f"{group}/{version}" if group else version
                    return Answer(200, _json(documents.resource_list(found, name)))
                if path == f"/openapi/v3/{root}":
                    return Answer(200, _json(documents.openapi(found, server.minor)))
        if path in ("", "/metrics") or path.startswith("/logs"):
            raise NotSimulated(f"GET {path or '/'}")
        raise NOT_FOUND

    @staticmethod
    def _roots(path: str, rows: list[Resource], wanted: list[Wanted]) -> Answer:
        for form in wanted:
            if form.kind == "APIGroupDiscoveryList" and form.version in ("v2", "v2beta1"):
                return Answer(200, _json(documents.aggregated(rows, form.version, core=path == "/api")),
                              documents.AGGREGATED_TYPE.format(version=form.version))
            if not form.kind:
                break
        return Answer(200, _json(documents.api_versions("127.0.0.1") if path == "/api" else documents.group_list(rows)))

    # ---- resources --------------------------------------------------------------------------------------------
    def _resource(self, server: ApiServer, where: urls.Target, ask: Ask) -> Answer | Stream:
        row = next((each for each in server.rows() if (each.group, each.version, each.plural) == where[:2] + where[3:4]), None)
        if row is None:
            raise NOT_FOUND
        verb = urls.verb(ask.method, where, ask.query)
        if verb is None:
            raise StatusError(405, REASONS[405], "the server does not allow this method on the requested resource")
        form = self._form(ask, verb, where)
        query = dict(ask.query)
        if form.kind == "Table":
            query["as"] = "Table"
        body = None
        if verb in WRITES:
            kind = ask.headers.get("content-type", "")
            if verb == "patch":
                query["patchType"] = negotiation.patch_type(kind)
            body = negotiation.body_of(kind, ask.body)
        resource = row.resource
        request = Request(verb, Key(resource, where.namespace, where.name), where.subresource, body, query, _user(ask, server),
                          agent=_agent(ask))
        if verb == "watch" or (where.subresource == "log" and query.get("follow", "") in ("true", "1")):
            return self._stream(server, row, request)
        response = self.lab.request(request, self.cluster) if verb in WRITES else server.handle(request)
        return _written(response, form)

    @staticmethod
    def _form(ask: Ask, verb: str, where: urls.Target) -> Wanted:
        if where.subresource == "log":
            return Wanted()
        for form in negotiation.accepted(ask.headers.get("accept", "")):
            if form.kind in ("", "PartialObjectMetadata", "PartialObjectMetadataList"):
                return form
            if form.kind == "Table" and form.version in ("v1", "v1beta1") and verb in ("get", "list", "watch"):
                return form
        return Wanted()

    # ---- streams ----------------------------------------------------------------------------------------------
    def _stream(self, server: ApiServer, row: Resource, request: Request) -> Stream:
        if len(self.streams) >= MOST_WATCHES:
            raise StatusError(429, "TooManyRequests", "too many open watches, please try again later")
        stream = Stream(JSON_TYPE if request.verb == "watch" else "text/plain")
        if request.verb == "watch":
            self._watch(server, row, request, stream)
        else:
            self._follow(server, request, stream)
        self.streams[stream] = None
        if stream.closed:
            self._close(stream)
        return stream

    def _close(self, stream: Stream) -> None:
        self.streams.pop(stream, None)

    def _opened(self, stream: Stream, response: Response) -> None:
        watch = response.watch
        assert watch is not None

        def stop() -> None:
            watch.stop()
            self._close(stream)

        stream.stop = stop
        stream.headers = _warning_headers(response)

    def _watch(self, server: ApiServer, row: Resource, request: Request, stream: Stream) -> None:
        printed: Callable[[Object], Object] | None = None
        early: list[Change] = []
        first = True

        def write(change: Change) -> None:
            nonlocal first
            obj = change.object
            if change.type == "DELETED":
                obj = objects.put(obj, "metadata.resourceVersion", str(change.revision))
            if printed is not None:
                obj = printed(obj)
                if not first:
                    obj = {**obj, "columnDefinitions": None}
                first = False
            stream.put(_json({"type": change.type, "object": obj}) + b"\n")

        def tell(change: Change) -> None:
            if opened:
                write(change)
            else:
                early.append(change)

        opened = False
        query = dict(request.query)
        seconds = query.pop("timeoutSeconds", "")
        asked = Request("watch", request.key, request.subresource, None, query, request.user, request.agent,
                        watcher=tell, closed=stream.end)
        response = server.handle(asked)
        printed = response.body
        if seconds.isdecimal():
            stream.ends_us = self.lab.now_us + int(seconds) * SECOND_US
        opened = True
        for change in early:
            write(change)
        self._opened(stream, response)
        if query.get("allowWatchBookmarks", "").lower() in ("true", "1"):
            stream.bookmark_us = self.lab.now_us + BOOKMARK_US
            stream.bookmark = lambda: _json({"type": "BOOKMARK", "object": {
                "kind": row.kind, "apiVersion": row.api_version,
                "metadata": {"resourceVersion": str(server.store.revision), "creationTimestamp": None}}}) + b"\n"

    def _follow(self, server: ApiServer, request: Request, stream: Stream) -> None:
        def tell(text: Any) -> None:
            stream.put(str(text).encode())

        asked = Request("get", request.key, "log", None, request.query, request.user, request.agent,
                        watcher=tell, closed=stream.end)
        response = server.handle(asked)
        stream.put(response.body.encode())
        if response.watch is None:
            stream.end()
        else:
            self._opened(stream, response)


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _refusal(code: int, status: Object, after_us: int = 0) -> Answer:
    retry = status.get("details", {}).get("retryAfterSeconds")
    headers = (("Retry-After", str(retry)),) if retry else ()
    return Answer(code, _json(status), headers=headers, after_us=after_us)


def _warning_headers(response: Response) -> tuple[tuple[str, str], ...]:
    return tuple(("Warning", f"299 - {json.dumps(text, ensure_ascii=False)}") for text in response.warnings)


def _written(response: Response, form: Wanted) -> Answer:
    body = response.body
    if isinstance(body, str):
        return Answer(response.code, body.encode(), "text/plain")
    if form.kind.startswith("PartialObjectMetadata") and isinstance(body, dict):
        body = _metadata_only(body, form)
    return Answer(response.code, _json(body), headers=_warning_headers(response))


def _metadata_only(body: Object, form: Wanted) -> Object:
    version = f"{form.group}/{form.version}"
    if "items" in body:
        return {"kind": "PartialObjectMetadataList", "apiVersion": version, "metadata": body["metadata"],
                "items": [_metadata_only(each, form) for each in body["items"]]}
    return {"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": body.get("metadata", {})}


def _user(ask: Ask, server: ApiServer) -> User:
    """Give who asks: whom the connection says, or whom it impersonates; else whom kubeadm's admin.conf names."""
    name = ask.headers.get("impersonate-user")
    if not name:
        admins = "kubeadm:cluster-admins" if server.minor >= CLUSTER_ADMINS_SINCE else "system:masters"
        return ask.user or User(ADMIN.name, (admins, "system:authenticated"))
    groups = [each.strip() for each in ask.headers.get("impersonate-group", "").split(",") if each.strip()]
    return User(name, (*groups, "system:authenticated"))


def _agent(ask: Ask) -> str:
    """Give the writer's name: `kubectl` of `kubectl/v1.33.1 (linux/amd64) …`; a field manager's default is that, too."""
    return ask.headers.get("user-agent", "unknown").partition("/")[0]
