"""kubectl events.

Models: kubectl/pkg/cmd/events/{events.go,event_printer.go}.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, times
from sim.api.client import Change, Key, Object, Request
from sim.engine import Event, Interrupt, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.forms import Form
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.tables import Columns
from sim.shell.kubectl.words.verbs import PRINTING, Verb

TYPES = ("Normal", "Warning")
EARLIEST = "0001-01-01T00:00:00Z"


def moment(event: Object) -> str:
    """Give when an event was last seen, for sorting. Models: SortableEvents."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or EARLIEST)


def seen(event: Object, now_us: int) -> str:
    """Write when an event was seen: `2s (x2 over 8s)`."""
    first = times.since(event.get("eventTime") or event.get("firstTimestamp"), now_us)
    series = event.get("series")
    if series:
        return f"{times.since(series.get('lastObservedTime'), now_us)} (x{series.get('count')} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{times.since(event.get('lastTimestamp'), now_us)} (x{event['count']} over {first})"
    return first


class Events:
    """One `kubectl events`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        if inv.args:
            raise UsageError(f'unknown command "{inv.args[0]}" for "kubectl events"')
        self.form = Form(inv)
        self.everywhere = bool(inv.flags["all-namespaces"])
        self.types = [word.lower() for word in inv.flags["types"]]
        if any(word not in ("normal", "warning") for word in self.types):
            raise UsageError("valid --types are Normal or Warning")
        self.columns = Columns()
        self.headed = bool(inv.flags["no-headers"])

    def run(self) -> Steps[int]:
        """Print what there is, and what comes with --watch."""
        inv = self.inv
        query = yield from self.query()
        key = Key("events", "" if self.everywhere else inv.namespace, "")
        body = yield from inv.send("list", key, query=query)
        found = sorted((event for event in body["items"] if self.wanted(event)), key=moment)
        if inv.flags["watch"]:
            return (yield from self.watch(key, query, found))
        if self.form.kind:
            if self.form.kind == "name":
                for event in found:
                    inv.out(f"event/{objects.name(event)}")
            else:
                items = [{"apiVersion": "v1", "kind": "Event", **event} for event in found]
                self.form.write(None, {"apiVersion": "v1", "items": items, "kind": "EventList", "metadata": {}})
            return 0
        if not found:
            inv.err("No events found." if self.everywhere else f"No events found in {inv.namespace} namespace.")
            return 0
        self.show(found)
        return 0

    def query(self) -> Steps[dict[str, str]]:
        """Give the query of a list, by --for."""
        about: str = self.inv.flags["for"] or ""
        if not about:
            return {}
        kind, slash, name = about.partition("/")
        if not slash or not kind or not name:
            raise UsageError("--for must be in resource/name form")
        mapping = yield from self.inv.resolve(kind)
        return {"fieldSelector": f"involvedObject.kind={mapping.kind},involvedObject.name={name}"}

    def wanted(self, event: Object) -> bool:
        """Tell whether an event is of the wanted types."""
        return not self.types or str(event.get("type", "")).lower() in self.types

    def show(self, found: list[Object]) -> None:
        """Print rows."""
        now_us = self.inv.engine.unix_us
        rows = [] if self.headed else [["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]]
        spaces = [] if self.headed else ["NAMESPACE"]
        for event in found:
            about: Any = event.get("involvedObject") or {}
            rows.append([seen(event, now_us), event.get("type", ""), event.get("reason", ""),
                         f"{about.get('kind', '')}/{about.get('name', '')}", str(event.get("message", "")).strip()])
            spaces.append(objects.namespace(event))
        self.headed = True
        if self.everywhere:
            rows = [[space, *row] for space, row in zip(spaces, rows, strict=True)]
        for line in self.columns.lines(rows):
            self.inv.out(line)

    def watch(self, key: Key, query: dict[str, str], found: list[Object]) -> Steps[int]:
        """Print a row for each event from now on."""
        inv = self.inv
        pending: list[Object] = []
        bell: list[Event] = [inv.engine.event()]
        over: list[bool] = []

        def ring() -> None:
            if not bell[0].triggered:
                bell[0].succeed()

        def noticed(change: Change) -> None:
            if change.type != "DELETED" and self.wanted(change.object):
                pending.append(change.object)
                ring()

        def closed() -> None:
            over.append(True)
            ring()

        response = yield from inv.request(Request("watch", key, query=query, watcher=noticed, closed=closed, user=inv.user,
                                                  agent="kubectl"))
        assert response.watch is not None
        try:
            for event in found:
                self.show([event])
            while not over:
                yield bell[0]
                bell[0] = inv.engine.event()
                while pending:
                    self.show([pending.pop(0)])
        except Interrupt:
            return 130
        finally:
            response.watch.stop()
        return 0


def events(inv: Invocation) -> Steps[int]:
    """Run `kubectl events`."""
    return (yield from Events(inv).run())


VERBS = {"events": Verb(events, (*PRINTING, "for", "types", "watch", "all-namespaces", "no-headers"))}
