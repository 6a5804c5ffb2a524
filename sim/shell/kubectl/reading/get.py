"""kubectl get, and how tables are laid out.

Models: kubectl/pkg/cmd/get, cli-runtime/pkg/printers/tableprinter.go, tabwriter with three spaces of padding.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from sim.api import objects
from sim.api.client import Change, Key, Object, Request
from sim.api.errors import NotSimulated, StatusError
from sim.engine import Event, Interrupt, Steps
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import FILES, SELECTION, Verb
from sim.shell.kubectl.printing import jsonpath

PADDING = 3
FORMATS = ("custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,"
           "name,template,templatefile,wide,yaml")
GET_ALL = ("pods", "replicationcontrollers", "services", "daemonsets", "deployments", "replicasets", "statefulsets", "jobs")


def layout(rows: list[list[str]]) -> list[str]:
    """Lay rows out in columns as tabwriter does; the last column is not padded."""
    if not rows:
        return []
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["".join(
        cell if at == len(row) - 1 else cell.ljust(widths[at] + PADDING) for at, cell in enumerate(row)) for row in rows]


def to_yaml(obj: Any) -> str:
    """Write YAML as sigs.k8s.io/yaml does: keys sorted, block style."""
    return yaml.dump(obj, Dumper=_Dumper, default_flow_style=False, sort_keys=True, allow_unicode=True, width=10**9)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines are blocks; texts that look like something else are quoted."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    plain = dumper.represent_scalar("tag:yaml.org,2002:str", value)
    looks_other = value == "" or yaml.safe_load(f"[{value}]") != [value] if value.replace(".", "").replace(
        ":", "").replace("-", "").replace("T", "").replace("Z", "").isdigit() or value.lower() in (
        "", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~") else False
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"') if looks_other or value == "" else plain


_Dumper.add_representer(str, _text)


def whole(mapping: Mapping_, obj: Object) -> Object:
    """Give an object with its kind, for -o yaml and json."""
    api_version = f"{mapping.group}/{mapping.version}" if mapping.group else mapping.version
    return {"apiVersion": api_version, "kind": mapping.kind, **obj}


class Getter:
    """One `kubectl get`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.output: str = inv.flags["output"]
        self.form, _, self.argument = self.output.partition("=")
        self.failed = False

    def query(self) -> dict[str, str]:
        """Give the query of a list."""
        query = {}
        if self.inv.flags["selector"]:
            query["labelSelector"] = self.inv.flags["selector"]
        if self.inv.flags["field-selector"]:
            query["fieldSelector"] = self.inv.flags["field-selector"]
        return query

    @property
    def tables(self) -> bool:
        """Tell whether the server prints."""
        return self.form in ("", "wide") and not self.inv.flags["sort-by"]

    def fetch(self, mapping: Mapping_, names: list[str], *, table: bool) -> Steps[list[Any]]:
        """Get the wanted objects of a kind: objects, or Tables."""
        inv = self.inv
        everywhere = inv.flags["all-namespaces"] or not mapping.namespaced
        extra = {"as": "Table"} if table else {}
        if not names:
            key = Key(mapping.resource, "" if everywhere else inv.namespace, "")
            body = yield from inv.send("list", key, query={**self.query(), **extra})
            return [body] if table else body["items"]
        if inv.flags["all-namespaces"] and mapping.namespaced:
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        found = []
        for name in names:
            try:
                found.append((yield from inv.send("get", inv.key(mapping, name), query=extra)))
            except StatusError as error:
                if error.code == 404 and inv.flags["ignore-not-found"]:
                    continue
                if error.code != 404:
                    raise
                self.failed = True
                self.errors.append(f"Error from server (NotFound): {error.message}")
        return found

    errors: list[str]

    def run(self) -> Steps[int]:
        """Get and print."""
        inv = self.inv
        self.errors = []
        if inv.flags["raw"]:
            return (yield from self.raw())
        if inv.flags["filename"]:
            wanted: list[tuple[Mapping_, list[str]]] = []
            for each in (yield from inv.manifests()):
                wanted.append(((yield from inv.by_kind(each["apiVersion"], each["kind"])), [objects.name(each)]))
        elif not inv.args:
            raise UsageError("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete "
                             "list of supported resources.\n\nerror: Required resource not specified.\nUse \"kubectl "
                             "explain <resource>\" for a detailed description of that resource (e.g. kubectl explain "
                             "pods).\nSee 'kubectl get -h' for help and examples", prefix="")
        elif inv.args == ["all"]:
            wanted = []
            for word in GET_ALL:
                wanted.append(((yield from inv.resolve(word)), []))
        else:
            wanted = yield from inv.named(inv.args)
        self.check_format()
        if inv.flags["watch"] or inv.flags["watch-only"]:
            return (yield from self.watch(wanted))
        if self.tables:
            yield from self.print_tables(wanted)
        else:
            yield from self.print_objects(wanted)
        for text in self.errors:
            inv.err(text)
        return 1 if self.failed else 0

    def check_format(self) -> None:
        """Refuse unknown output forms. Raises UsageError."""
        if self.form and self.form not in FORMATS.split(","):
            raise UsageError(f"unable to match a printer suitable for the output format \"{self.output}\", allowed formats "
                             f"are: {FORMATS}")
        if self.form.startswith(("go-template", "template", "custom-columns-file", "jsonpath-file")):
            raise NotSimulated(f"kubectl get -o {self.form}")

    def raw(self) -> Steps[int]:
        """`get --raw PATH`."""
        path = self.inv.flags["raw"]
        parts = [part for part in path.partition("?")[0].split("/") if part]
        if len(parts) < 3:
            body = yield from self.inv.send("get", Key("", "", path))
        else:
            rest = parts[2:] if parts[0] == "api" else parts[3:]
            space = ""
            if rest[:1] == ["namespaces"] and len(rest) > 2:
                space, rest = rest[1], rest[2:]
            verb = "get" if len(rest) > 1 else "list"
            body = yield from self.inv.send(verb, Key(rest[0], space, rest[1] if len(rest) > 1 else ""))
        self.inv.call.write(body if isinstance(body, str) else json.dumps(body, separators=(",", ":")) + "\n")
        return 0

    # ---- tables -----------------------------------------------------------------------------------------------
    def print_tables(self, wanted: list[tuple[Mapping_, list[str]]]) -> Steps[None]:
        """Print server-side tables, a block a kind."""
        inv, printed = self.inv, 0
        many = len({mapping.resource for mapping, _ in wanted}) > 1
        for mapping, names in wanted:
            tables = yield from self.fetch(mapping, names, table=True)
            rows = [row for table in tables for row in table["rows"]]
            if not rows:
                continue
            lines = layout(self.rows(mapping, tables[0]["columnDefinitions"], rows, prefix=many or inv.flags["show-kind"]))
            if printed:
                inv.out("")
            for line in lines:
                inv.out(line)
            printed += 1
        if not printed and not self.failed and not inv.flags["ignore-not-found"]:
            scoped = any(mapping.namespaced for mapping, _ in wanted) and not inv.flags["all-namespaces"]
            inv.err(f"No resources found in {inv.namespace} namespace." if scoped else "No resources found")

    def rows(self, mapping: Mapping_, columns: list[Any], rows: list[Any], *, prefix: bool) -> list[list[str]]:
        """Make the text rows of a table, header first."""
        inv = self.inv
        shown = [at for at, column in enumerate(columns) if not column["priority"] or self.form == "wide"]
        spaces = inv.flags["all-namespaces"] and mapping.namespaced
        head = (["NAMESPACE"] if spaces else []) + [columns[at]["name"].upper() for at in shown]
        extra = inv.flags["label-columns"]
        head += [label.rpartition("/")[2].upper() for label in extra]
        if inv.flags["show-labels"]:
            head.append("LABELS")
        out = [] if inv.flags["no-headers"] else [head]
        for row in rows:
            metadata = row["object"]["metadata"]
            cells = [str(row["cells"][at]) for at in shown]
            if prefix:
                cells[0] = f"{mapping.qualified}/{cells[0]}"
            if spaces:
                cells.insert(0, metadata.get("namespace", ""))
            labels = metadata.get("labels") or {}
            cells += [labels.get(label, "") for label in extra]
            if inv.flags["show-labels"]:
                cells.append(",".join(f"{k}={v}" for k, v in sorted(labels.items())) or "<none>")
            out.append(cells)
        return out

    # ---- whole objects ----------------------------------------------------------------------------------------
    def print_objects(self, wanted: list[tuple[Mapping_, list[str]]]) -> Steps[None]:
        """Print in a form that needs whole objects."""
        inv = self.inv
        found: list[tuple[Mapping_, Object]] = []
        single = len(wanted) == 1 and len(wanted[0][1]) == 1
        for mapping, names in wanted:
            fetched = yield from self.fetch(mapping, names, table=False)
            found += [(mapping, whole(mapping, obj)) for obj in fetched]
        if inv.flags["sort-by"]:
            found = _sorted(found, inv.flags["sort-by"])
        if self.form in ("", "wide"):
            yield from self.print_sorted(found)
            return
        if single and not found:
            return
        data: Any = found[0][1] if single else {
            "apiVersion": "v1", "items": [obj for _, obj in found], "kind": "List", "metadata": {"resourceVersion": ""}}
        if self.form == "name":
            for mapping, obj in found:
                inv.out(f"{mapping.qualified}/{objects.name(obj)}")
        elif self.form == "yaml":
            inv.call.write(to_yaml(data))
        elif self.form == "json":
            inv.out(json.dumps(data, indent=4, sort_keys=True, ensure_ascii=False))
        elif self.form in ("jsonpath", "jsonpath-as-json"):
            self.print_jsonpath(data)
        else:
            self.print_columns([obj for _, obj in found])

    def print_sorted(self, found: list[tuple[Mapping_, Object]]) -> Steps[None]:
        """Print a table of objects that the client has sorted."""
        if not found:
            scoped = not self.inv.flags["all-namespaces"]
            self.inv.err(f"No resources found in {self.inv.namespace} namespace." if scoped else "No resources found")
            return
        mapping = found[0][0]
        tables = yield from self.fetch(mapping, [], table=True)
        by_uid = {row["object"]["metadata"].get("uid"): row for row in tables[0]["rows"]}
        rows = [by_uid[objects.uid(obj)] for _, obj in found if objects.uid(obj) in by_uid]
        for line in layout(self.rows(mapping, tables[0]["columnDefinitions"], rows, prefix=False)):
            self.inv.out(line)

    def print_jsonpath(self, data: Any) -> None:
        """Fill a JSONPath template; a plain path is taken as if in braces."""
        text = self.argument
        if not text:
            raise UsageError("template format specified but no template given")
        try:
            shown = jsonpath.template(text, data)
        except JsonPathFault as error:
            raise UsageError(f"error parsing jsonpath {text}, {error}") from None
        self.inv.call.write(shown)

    def print_columns(self, items: list[Object]) -> None:
        """Print custom columns."""
        if not self.argument:
            raise UsageError("custom-columns format specified but no custom columns given")
        columns = []
        for part in self.argument.split(","):
            name, colon, path = part.partition(":")
            if not colon:
                raise UsageError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
            columns.append((name, path.strip("{}")))
        rows = [] if self.inv.flags["no-headers"] else [[name for name, _ in columns]]
        for item in items:
            cells = []
            for _, path in columns:
                values = jsonpath.find(path if path.startswith(".") else f".{path}", item, item)
                cells.append(",".join(jsonpath.show(value) for value in values) or "<none>")
            rows.append(cells)
        for line in layout(rows):
            self.inv.out(line)

    # ---- watching ---------------------------------------------------------------------------------------------
    def watch(self, wanted: list[tuple[Mapping_, list[str]]]) -> Steps[int]:
        """Print the rows there are, then a row for each change, until interrupted or cut off."""
        inv = self.inv
        if len(wanted) != 1:
            raise UsageError("you may only specify a single resource type")
        mapping, names = wanted[0]
        if not inv.flags["watch-only"]:
            yield from self.print_tables(wanted) if self.tables else self.print_objects(wanted)
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

        response = yield from inv.request(Request(
            "watch", Key(mapping.resource, "", ""), watcher=seen, closed=closed, agent="kubectl"))
        assert response.watch is not None
        self.inv.flags["no-headers"] = True
        try:
            while not over:
                yield bell[0]
                bell[0] = inv.engine.event()
                for change in pending:
                    if self.concerns(mapping, names, change):
                        yield from self.show_change(mapping, change)
                pending.clear()
        except Interrupt:
            return 130
        finally:
            response.watch.stop()
        return 0

    def concerns(self, mapping: Mapping_, names: list[str], change: Change) -> bool:
        """Tell whether a change belongs to what is watched."""
        from sim.api import selectors

        if mapping.namespaced and not self.inv.flags["all-namespaces"] and change.key.namespace != self.inv.namespace:
            return False
        if names and change.key.name not in names:
            return False
        selector = selectors.parse(self.inv.flags["selector"])
        return selector.matches(objects.labels(change.object))

    def show_change(self, mapping: Mapping_, change: Change) -> Steps[None]:
        """Print the row of a change."""
        if not self.tables:
            self.inv.call.write(to_yaml(whole(mapping, change.object)) if self.form == "yaml" else
                                f"{mapping.qualified}/{change.key.name}\n")
            return
        try:
            table = yield from self.inv.send("get", change.key, query={"as": "Table"})
        except StatusError:
            return
        for line in layout(self.rows(mapping, table["columnDefinitions"], table["rows"], prefix=False)):
            self.inv.out(line)


JsonPathFault = jsonpath.JsonPathError


def _sorted(found: list[tuple[Mapping_, Object]], path: str) -> list[tuple[Mapping_, Object]]:
    plain = path.strip("{}")
    plain = plain if plain.startswith(".") else f".{plain}"

    def rank(pair: tuple[Mapping_, Object]) -> tuple[int, Any]:
        values = jsonpath.find(plain, pair[1], pair[1])
        if not values:
            return (0, "")
        return (1, values[0]) if isinstance(values[0], (int, float)) else (2, str(values[0]))

    return sorted(found, key=rank)


def get(inv: Invocation) -> Steps[int]:
    """Run `kubectl get`."""
    return (yield from Getter(inv).run())


VERBS = {"get": Verb(get, (
    *SELECTION, *FILES, "output", "sort-by", "watch", "watch-only", "show-labels", "no-headers", "show-kind",
    "ignore-not-found", "label-columns", "raw"))}
