"""`get -w`: the rows there are, then a row for every state that an object passes through, in order.

Models: kubectl/pkg/cmd/get/get.go (watch).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.api.client import Change, Key, Object, Request
from sim.engine import Event, Interrupt, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.printing.tables import Columns
from sim.shell.kubectl.resource import selection
from sim.shell.kubectl.resource.selection import Selection

if TYPE_CHECKING:
    from sim.shell.kubectl.reading.get import Getter

EVENT_WIDTH_HEAD = "EVENT"


class Watcher:
    """One watch. getter: knows how rows and objects are printed."""

    def __init__(self, getter: Getter, chosen: Selection) -> None:
        self.getter, self.inv = getter, getter.inv
        kinds = {target.mapping for target in chosen.targets}
        if len(kinds) != 1 or (len(chosen.targets) > 1):
            raise UsageError("you may only specify a single resource type")
        self.target, self.query = chosen.targets[0], chosen.query
        self.mapping = self.target.mapping
        self.columns = Columns()
        self.custom = Columns()
        self.headed = bool(self.inv.flags["no-headers"])
        self.printed: Callable[[Object], Object] = dict

    def run(self) -> Steps[int]:
        """Print until interrupted, or until the server ends the watch."""
        inv = self.inv
        pending: list[Change] = []
        bell: list[Event] = [inv.engine.event()]
        over: list[bool] = []

        def ring() -> None:
            if not bell[0].triggered:
                bell[0].succeed()

        def seen(change: Change) -> None:
            pending.append(change)
            ring()

        def closed() -> None:
            over.append(True)
            ring()

        as_table = {"as": "Table"} if self.getter.tables else {}
        present = yield from selection.read(inv, self.target, {**self.query, **as_table})
        key = self.target.key
        response = yield from inv.request(Request(
            "watch", Key(key.resource, key.namespace, key.name), query={**self.query, **as_table}, watcher=seen, closed=closed,
            user=inv.user, agent="kubectl"))
        assert response.watch is not None
        self.printed = response.body
        try:
            if not inv.flags["watch-only"]:
                self.show_present(present)
            while not over:
                yield bell[0]
                bell[0] = inv.engine.event()
                while pending:
                    self.show_change(pending.pop(0))
        except Interrupt:
            return 130
        finally:
            response.watch.stop()
        return 0

    # ---- printing ---------------------------------------------------------------------------------------------
    def show_present(self, present: Any) -> None:
        """Print what is there when the watch begins."""
        if self.getter.tables:
            self.show_rows(present, "ADDED")
            return
        for obj in present["items"] if self.target.listed else [present]:
            self.show_object(obj, "ADDED")

    def show_change(self, change: Change) -> None:
        """Print the state that a change made."""
        if not self.getter.tables:
            self.show_object(change.object, change.type)
            return
        self.show_rows(self.printed(change.object), change.type)

    def show_rows(self, table: Object, event: str) -> None:
        """Print rows; columns never get narrower again."""
        getter, marked = self.getter, bool(self.inv.flags["output-watch-events"])
        rows = getter.rows(self.mapping, table["columnDefinitions"], table["rows"],
                           prefix=bool(self.inv.flags["show-kind"]))
        if not rows:
            return
        rows = [[event.ljust(8), *row] for row in rows] if marked else rows
        if not self.headed:
            head = getter.head(self.mapping, table["columnDefinitions"])
            rows.insert(0, [EVENT_WIDTH_HEAD.ljust(8), *head] if marked else head)
            self.headed = True
        for line in self.columns.lines(rows):
            self.inv.out(line)

    def show_object(self, obj: Object, event: str) -> None:
        """Print an object in the form of -o."""
        form = self.getter.form
        whole = {"apiVersion": self.mapping.api_version, "kind": self.mapping.kind, **obj}
        if form.kind.startswith("custom-columns"):
            rows = form.rows([whole])
            if not self.headed:
                rows.insert(0, [head for head, _ in form.columns])
                self.headed = True
            for line in self.custom.lines(rows):
                self.inv.out(line)
        elif self.inv.flags["output-watch-events"] and form.kind != "name":
            form.write(self.mapping, {"object": form.clean(whole), "type": event})
        else:
            form.write(self.mapping, whole)
