"""kubectl get.

Models: kubectl/pkg/cmd/get/get.go, sorter.go; cli-runtime/pkg/printers/tableprinter.go.
"""

from __future__ import annotations

from typing import Any

from sim.api import times
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.forms import GET_FORMS, Form
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing import jsonpath
from sim.shell.kubectl.printing.tables import Columns
from sim.shell.kubectl.reading import raw, sorting
from sim.shell.kubectl.reading.watch import Watcher
from sim.shell.kubectl.resource import selection
from sim.shell.kubectl.resource.selection import Selection, Target
from sim.shell.kubectl.words.verbs import FILES, PRINTING, SELECTION, Verb

NOT_SPECIFIED = (
    'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported '
    "resources.\n\nerror: Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description "
    "of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples")


class Getter:
    """One `kubectl get`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.form = Form(inv, GET_FORMS)
        self.sort: str = inv.flags["sort-by"]
        self.errors: list[StatusError] = []
        self.columns = Columns()

    @property
    def tables(self) -> bool:
        """Tell whether rows are printed, and not objects."""
        return self.form.kind in ("", "wide")

    def run(self) -> Steps[int]:
        """Get and print."""
        inv = self.inv
        if inv.flags["raw"]:
            return (yield from raw.get(inv))
        watching = inv.flags["watch"] or inv.flags["watch-only"]
        if inv.flags["output-watch-events"] and not watching:
            raise UsageError("--output-watch-events option can only be used with --watch or --watch-only")
        if not inv.args and not inv.flags["filename"]:
            raise UsageError(NOT_SPECIFIED, prefix="")
        chosen = yield from selection.select(inv, inv.args)
        if watching:
            return (yield from Watcher(self, chosen).run())
        if self.tables:
            yield from self.print_tables(chosen)
        else:
            yield from self.print_objects(chosen)
        for text in dict.fromkeys(server_error(error) for error in self.errors):
            inv.err(text)
        return 1 if self.errors else 0

    def fetch(self, chosen: Selection, **extra: str) -> Steps[list[tuple[Target, Any]]]:
        """Read the targets; what is missing is noted, or left out with --ignore-not-found."""
        found = []
        for target in chosen.targets:
            try:
                body = yield from selection.read(self.inv, target, {**chosen.query, **extra},
                                               subresource=self.inv.flags["subresource"] or "")
            except StatusError as error:
                if error.code != 404 or not self.inv.flags["ignore-not-found"]:
                    self.errors.append(error)
                continue
            found.append((target, body))
        return found

    def plain(self, body: Object, target: Target) -> Object:
        """Make a Table of objects as a client does that must print itself: name and age; of a Scale, its numbers, too."""
        items = body["items"] if target.listed else [body]
        now_us = self.inv.engine.unix_us
        numbers = (("Desired", "spec"), ("Available", "status")) if body.get("kind") == "Scale" else ()
        rows = [{"object": item, "cells": [
            item["metadata"].get("name"), *((item.get(part) or {}).get("replicas", 0) for _, part in numbers),
            times.since(item["metadata"].get("creationTimestamp"), now_us)]} for item in items]
        heads = ("Name", *(name for name, _ in numbers), "Age")
        return {"columnDefinitions": [{"name": name, "priority": 0} for name in heads], "rows": rows}

    # ---- tables -----------------------------------------------------------------------------------------------
    def print_tables(self, chosen: Selection) -> Steps[None]:
        """Print server-side tables, a block a kind."""
        inv = self.inv
        several = len({target.mapping for target in chosen.targets}) > 1
        prefix = several or bool(inv.flags["show-kind"])
        extra = {} if self.inv.flags["server-print"] is False else {"as": "Table"}
        fetched = yield from self.fetch(chosen, **extra)
        fetched = [(target, body if "rows" in body else self.plain(body, target)) for target, body in fetched]
        if self.sort and len(fetched) > 1:
            path = self.sort if self.sort.startswith("{") else jsonpath.relaxed(self.sort)
            raise UsageError(f'couldn\'t find any field with path "{path}" in the list of objects')
        last: Mapping_ | None = None
        block: list[list[str]] = []
        printed = False
        for target, table in fetched:
            rows = table["rows"]
            if self.sort and rows:
                rows = yield from self.sorted_rows(target, chosen, rows)
            if not rows:
                continue
            if target.mapping != last:
                self.flush(block, printed and not inv.flags["no-headers"])
                printed = printed or bool(block)
                block = [] if inv.flags["no-headers"] else [self.head(target.mapping, table["columnDefinitions"])]
                last = target.mapping
            block += self.rows(target.mapping, table["columnDefinitions"], rows, prefix=prefix)
        self.flush(block, printed and not inv.flags["no-headers"])
        if last is None and not self.errors and not inv.flags["ignore-not-found"]:
            inv.err(f"No resources found in {inv.namespace} namespace."
                    if chosen.namespaced and not inv.flags["all-namespaces"] else "No resources found")

    def flush(self, block: list[list[str]], blank: bool) -> None:
        """Print a block of rows."""
        if block and blank:
            self.inv.out("")
        for line in Columns().lines(block):
            self.inv.out(line)

    def sorted_rows(self, target: Target, chosen: Selection, rows: list[Any]) -> Steps[list[Any]]:
        """Sort the rows of a table; what cannot be sorted is not shown at all, as in the real client."""
        try:
            path = jsonpath.relaxed(self.sort)
            jsonpath.parse(path)
        except jsonpath.JsonPathError:
            return []
        if len(rows) < 2:
            return rows
        body = yield from selection.read(self.inv, target, chosen.query)
        by_uid = {obj["metadata"].get("uid"): obj for obj in body["items"]}
        pairs = [(row, by_uid.get(row["object"]["metadata"].get("uid"), row["object"])) for row in rows]
        try:
            return [row for row, _ in sorting.ordered(pairs, path)]
        except jsonpath.JsonPathError:
            return []

    def head(self, mapping: Mapping_, columns: list[Any]) -> list[str]:
        """Give the heads of a table."""
        flags = self.inv.flags
        head = ["NAMESPACE"] if flags["all-namespaces"] and mapping.namespaced else []
        head += [column["name"].upper() for column in columns if self.shown(column)]
        head += [label.rpartition("/")[2].upper() for label in flags["label-columns"]]
        return [*head, "LABELS"] if flags["show-labels"] else head

    def shown(self, column: Any) -> bool:
        """Tell whether a column is printed."""
        return not column["priority"] or self.form.kind == "wide"

    def rows(self, mapping: Mapping_, columns: list[Any], rows: list[Any], *, prefix: bool) -> list[list[str]]:
        """Give the text rows of a table."""
        flags, out = self.inv.flags, []
        for row in rows:
            metadata = row["object"]["metadata"]
            cells = [_cell(row["cells"][at]) for at, column in enumerate(columns) if self.shown(column)]
            if prefix:
                at = next((n for n, column in enumerate(c for c in columns if self.shown(c)) if column["name"] == "Name"), 0)
                cells[at] = f"{mapping.qualified}/{cells[at]}"
            if flags["all-namespaces"] and mapping.namespaced:
                cells.insert(0, metadata.get("namespace", ""))
            labels = metadata.get("labels") or {}
            cells += [labels.get(label) or "" for label in flags["label-columns"]]
            if flags["show-labels"]:
                cells.append(",".join(f"{k}={v}" for k, v in sorted(labels.items())) or "<none>")
            out.append(cells)
        return out

    # ---- whole objects ----------------------------------------------------------------------------------------
    def print_objects(self, chosen: Selection) -> Steps[None]:
        """Print in a form that needs whole objects."""
        inv, form = self.inv, self.form
        found: list[tuple[Mapping_, Object]] = []
        for target, body in (yield from self.fetch(chosen)):
            items = body["items"] if target.listed else [body]
            head = {"apiVersion": target.mapping.api_version, "kind": target.mapping.kind}
            found += [(target.mapping, {**head, **item}) for item in items]
        if self.sort:
            found = self.sorted_objects(found)
        if form.kind.startswith("custom-columns"):
            if found or not chosen.single:
                for line in form.table([obj for _, obj in found], headers=not inv.flags["no-headers"]):
                    inv.out(line)
            return
        if form.kind == "name":
            for mapping, obj in found:
                form.write(mapping, obj)
            return
        if chosen.single:
            for mapping, obj in found:
                form.write(mapping, obj)
        elif found or not self.errors:
            form.write(None, {"apiVersion": "v1", "items": [obj for _, obj in found], "kind": "List",
                              "metadata": {"resourceVersion": ""}})

    def sorted_objects(self, found: list[tuple[Mapping_, Object]]) -> list[tuple[Mapping_, Object]]:
        """Sort whole objects. Raises UsageError."""
        path = jsonpath.relaxed(self.sort)
        try:
            return [pair for pair, _ in sorting.ordered([(pair, pair[1]) for pair in found], path)]
        except jsonpath.JsonPathError as error:
            raise UsageError(str(error)) from None


def _cell(value: Any) -> str:
    """Write a cell: lines after the first are cut off. Models: tableprinter.go printRows."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for mark in "\f\n\r":
        if mark in text:
            return text[:text.index(mark)] + "..."
    return text


def get(inv: Invocation) -> Steps[int]:
    """Run `kubectl get`."""
    return (yield from Getter(inv).run())


VERBS = {"get": Verb(get, (
    *SELECTION, *FILES, *PRINTING, "sort-by", "watch", "watch-only", "output-watch-events", "show-labels", "no-headers",
    "show-kind", "ignore-not-found", "label-columns", "raw", "subresource", "server-print"))}
