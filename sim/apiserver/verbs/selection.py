"""Reading: get, list in chunks, watch with selectors.

Models: apiserver/pkg/registry/generic/registry/store.go, apiserver/pkg/storage/{etcd3,cacher}. Left out: the cacher's
own window of events (a watch may start at any revision that is not compacted), bookmarks on a timer.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.api import errors, objects, selectors
from sim.api.client import Change, Key, Object, Request, Watcher
from sim.api.errors import StatusError
from sim.api.selectors import Selector
from sim.apiserver.kinds.row import Resource
from sim.apiserver.verbs import options
from sim.etcd.store import Compacted, Store

META_FIELDS = ("metadata.name", "metadata.namespace")
TOO_OLD = ("The provided continue parameter is too old to display a consistent list result. You can start a new list "
           "without the continue parameter.")
BAD_TOKEN = "continue key is not valid"


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a list or watch selects."""

    namespace: str
    labels: Selector | None
    fields: tuple[tuple[str, str, str], ...]
    name: str = ""

    def matches(self, obj: Object) -> bool:
        """Tell whether an object is selected."""
        if self.namespace and objects.namespace(obj) != self.namespace:
            return False
        if self.name and objects.name(obj) != self.name:
            return False
        if any((field_of(obj, path) == value) != (operator == "=") for path, operator, value in self.fields):
            return False
        return self.labels is None or self.labels.matches(objects.labels(obj))

    @property
    def everything(self) -> bool:
        """Tell whether nothing is filtered out."""
        return not (self.namespace or self.name or self.fields or self.labels is not None)


def field_of(obj: Object, path: str) -> str:
    """Give the text of a field as field selectors compare it."""
    found = objects.dig(obj, path, "")
    if path == "source" and isinstance(found, dict):
        found = found.get("component", "")
    if path == "status.successful":
        found = objects.dig(obj, "status.succeeded", 0)
    if found == "" and path in ("spec.unschedulable", "spec.hostNetwork"):
        found = False
    if found == "" and path == "status.replicas":
        found = 0
    return str(found).lower() if isinstance(found, bool) else str(found)


def predicate(row: Resource, request: Request) -> Predicate:
    """Read the selectors of a request. Raises StatusError 400."""
    query = request.query
    try:
        fields = selectors.parse_field(query.get("fieldSelector") or "")
        labels = selectors.parse(query["labelSelector"]) if query.get("labelSelector") else None
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    for path, _, _ in fields:
        if path not in META_FIELDS and path not in row.strategy.fields:
            raise errors.bad_request(
                f"field label not supported: {path}" if row.strategy.fields or row.resource == "nodes" else
                f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return Predicate(request.key.namespace if row.namespaced else "", labels, tuple(fields), request.key.name)


def selected(store: Store, row: Resource, wanted: Predicate) -> list[Object]:
    """List what is selected now, in order of (namespace, name); pods of a node through the index."""
    node = next((value for path, op, value in wanted.fields if path == "spec.nodeName" and op == "="), None)
    if node is not None and row.resource == "pods":
        items = sorted(store.by_index("pods", "node", node), key=place)
    else:
        items = store.list(row.resource, wanted.namespace)
    if wanted.everything:
        return items
    return [item for item in items if wanted.matches(item)]


def place(obj: Object) -> tuple[str, str]:
    """Give where an object stands in a list."""
    return objects.namespace(obj), objects.name(obj)


# ---- chunks -------------------------------------------------------------------------------------------------------
def chunk(store: Store, row: Resource, request: Request, compacted: int) -> tuple[list[Object], Object]:
    """List a chunk, and give the list's metadata (resourceVersion, continue). Raises StatusError 400 or 410."""
    wanted = predicate(row, request)
    limit = options.number(request.query, "limit") or 0
    token = request.query.get("continue") or ""
    at, start = _read_token(token) if token else (store.revision, ("", ""))
    exact = options.revision(request.query)
    if exact and exact > store.revision:
        raise _too_large(exact, store.revision)
    if token:
        if exact:
            raise errors.bad_request("resourceVersion: Forbidden: resourceVersion is forbidden for continue")
        if at < compacted:
            raise errors.expired(TOO_OLD)
        items = [obj for obj in _as_of(store, row, at) if place(obj) > start and wanted.matches(obj)]
    else:
        items = selected(store, row, wanted)
    metadata: Object = {"resourceVersion": str(at)}
    if 0 < limit < len(items):
        rest = len(items) - limit
        items = items[:limit]
        metadata["continue"] = _token(at, items[-1])
        if wanted.labels is None and not wanted.fields:
            metadata["remainingItemCount"] = rest
    return items, metadata


def _too_large(wanted: int, present: int) -> StatusError:
    late = StatusError(504, "Timeout", f"Timeout: Too large resource version: {wanted}, current: {present}")
    late.after_seconds = 3.0
    return late


def _as_of(store: Store, row: Resource, revision: int) -> list[Object]:
    """List the resource as it was at a revision: the later changes are taken back."""
    found = {place(obj): obj for obj in store.list(row.resource)}
    for change in reversed(store.changes_since(revision) if revision < store.revision else []):
        if change.key.resource != row.resource:
            continue
        where = (change.key.namespace, change.key.name)
        if change.old is None:
            found.pop(where, None)
        else:
            found[where] = change.old
    return [found[where] for where in sorted(found)]


def _token(revision: int, last: Object) -> str:
    namespace, name = place(last)
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": f"{namespace}/{name}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(text: str) -> tuple[int, tuple[str, str]]:
    try:
        raw = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        namespace, name = raw["start"].removesuffix("\0").split("/")
        if raw["v"] != "meta.k8s.io/v1":
            raise ValueError(raw["v"])
        return int(raw["rv"]), (namespace, name)
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise errors.bad_request(BAD_TOKEN) from None


# ---- watches ------------------------------------------------------------------------------------------------------
def filtered(wanted: Predicate, watcher: Watcher) -> Watcher:
    """Make a watcher that is told of what is selected: what stops to match is DELETED, what begins to is ADDED."""
    if wanted.everything:
        return watcher

    def tell(change: Change) -> None:
        was = change.old is not None and wanted.matches(change.old)
        is_ = change.new is not None and wanted.matches(change.new)
        if was and is_:
            watcher(change)
        elif is_:
            watcher(change if change.type == "ADDED" else replace(change, type="ADDED", old=None))
        elif was:
            watcher(change if change.type == "DELETED" else _left(change))

    return tell


def _left(change: Change) -> Change:
    """Make the DELETED of an object that is still there: as it was, at the new revision."""
    assert change.old is not None
    gone = objects.put(change.old, "metadata.resourceVersion", str(change.revision))
    return replace(change, type="DELETED", old=gone, new=None)


def missed(store: Store, row: Resource, request: Request, compacted: int, tell: Watcher) -> None:
    """Tell what happened since the watch's resourceVersion. Raises StatusError 410, 400."""
    since = options.revision(request.query)
    if since is None:
        return
    if since == 0:
        for obj in store.list(row.resource):
            tell(Change(int(obj["metadata"]["resourceVersion"]), "ADDED", objects.key(row.resource, obj), None, obj,
                        store.engine.now_us))
        return
    if since > store.revision:
        raise _too_large(since, store.revision)
    try:
        if since < compacted:
            raise Compacted(since)
        changes = store.changes_since(since)
    except Compacted:
        raise errors.expired(f"too old resource version: {since} ({max(compacted, store.compacted_revision)})") from None
    for change in changes:
        if change.key.resource == row.resource:
            tell(change)


def bookmark(store: Store, row: Resource, tell: Callable[[Change], None]) -> None:
    """Send the bookmark that ends the initial events."""
    body = {"kind": row.kind, "apiVersion": row.api_version, "metadata": {
        "resourceVersion": str(store.revision), "annotations": {"k8s.io/initial-events-end": "true"}}}
    tell(Change(store.revision, "BOOKMARK", Key(row.resource, "", ""), None, body, store.engine.now_us))
