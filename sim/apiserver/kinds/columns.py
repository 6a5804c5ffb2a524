"""Cells that several kinds' Tables share. Models: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from sim.api import objects, selectors, times
from sim.api.client import Object
from sim.apiserver.kinds.row import Cell, Column, Columns

SECOND = 1_000_000
UNSET = "<unset>"


def age_of(stamp: str | None, now_us: int) -> str:
    """Write how long ago a stamp is; `<unknown>` without one."""
    return times.age((now_us - times.parse(stamp)) // SECOND) if stamp else "<unknown>"


def _age(obj: Object, now_us: int) -> str:
    return age_of(obj["metadata"].get("creationTimestamp"), now_us)


def at(path: str, default: Any = "<none>") -> Cell:
    """Show what stands at a path."""
    return lambda obj, _: objects.dig(obj, path, default)


def number(path: str) -> Cell:
    """Show the number at a path, 0 where there is none."""
    return lambda obj, _: objects.dig(obj, path, 0)


def flag(path: str) -> Cell:
    """Show a truth value as Go's %t does."""
    return lambda obj, _: "true" if objects.dig(obj, path) else "false"


def pairs(path: str) -> Cell:
    """Show a map as `a=b,c=d`."""
    def cell(obj: Object, _: int) -> str:
        found = objects.dig(obj, path, {})
        return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or "<none>"

    return cell


def containers(what: str, path: str = "spec.template.spec") -> Cell:
    """Show names or images of the containers of a template."""
    return lambda obj, _: ",".join(str(c.get(what, "")) for c in objects.dig(obj, f"{path}.containers", []))


def selector(path: str = "spec.selector") -> Cell:
    """Show a label selector."""
    return lambda obj, _: selectors.text_of(objects.dig(obj, path))


def ready_of(wanted: str, ready: str = "status.readyReplicas") -> Cell:
    """Show `2/3`."""
    return lambda obj, _: f"{objects.dig(obj, ready, 0)}/{objects.dig(obj, wanted, 0)}"


def at_most(found: list[str], most: int, empty: str = "<none>") -> str:
    """Show the first few of many: `a,b,c + 2 more...`."""
    if not found:
        return empty
    return ",".join(found[:most]) + (f" + {len(found) - most} more..." if len(found) > most else "")


AGE: Column = ("Age", 0, _age)
NAME: Column = ("Name", 0, lambda obj, _: objects.name(obj))
CREATED_AT: Columns = (NAME, ("Created At", 0, lambda obj, _: obj["metadata"].get("creationTimestamp", "")))
TEMPLATE: Columns = (("Containers", 1, containers("name")), ("Images", 1, containers("image")))
