"""Whether the paths of goals are fields that the API has: a goal about `spec.replcas` would never hold, or always."""

from __future__ import annotations

import difflib

from sim.api.schema import Type, of_kind
from sim.apiserver.resources import RESOURCES
from sim.shell.kubectl.printing import jsonpath
from sim.shell.kubectl.printing.jsonpath_parser import Node


def stray(resource: str, path: str) -> str:
    """Say which step of a path a resource's objects do not have, "" where the path may lead somewhere.

    path: kubectl's JSONPath, known to be readable. Custom resources and fields of any type may hold anything.
    """
    row = RESOURCES[resource]
    kind = of_kind(row.api_version, row.kind)
    if kind is None:
        return ""
    nodes = jsonpath.parse(jsonpath.relaxed(path)).nodes
    return next((said for node in nodes if (said := _walk(node.nodes, kind, row.kind))), "")


def _walk(nodes: list[Node], at: Type | None, where: str) -> str:
    """Follow steps from a type; `where` names it."""
    for node in nodes:
        if at is None or at.name == "any" or node.kind == "recursive":
            return ""
        if node.kind == "field":
            said, at = _field(str(node.value), at, where)
            if said:
                return said
            where = f"{where}.{node.value}"
        elif node.kind in ("array", "filter", "union"):
            if at.form != "list":
                return f"{where} is no list" if at.form == "scalar" else ""
            at = at.inner
            if node.kind == "filter" and (said := _walk(node.nodes[0].nodes, at, f"{where}[]")):
                return said
        elif node.kind == "wildcard":
            at = None if at.form == "struct" else at.inner if at.form in ("list", "map") else at
    return ""


def _field(name: str, at: Type, where: str) -> tuple[str, Type | None]:
    if at.form == "map":
        return "", at.inner
    if at.form == "list":
        return f"{where} is a list: write {where.rpartition('.')[2]}[*].{name} or [0]", None
    if at.form == "scalar":
        return f"{where} is {at.go}: it has no field {name}", None
    field = at.fields.get(name)
    if field is None:
        near = difflib.get_close_matches(name, at.fields, 1)
        return f"{where} has no field {name}" + (f"; did you mean {near[0]}?" if near else ""), None
    return "", field.type
