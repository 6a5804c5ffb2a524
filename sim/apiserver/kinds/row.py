"""What a row of the resource table says, and the small tools with which rows are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.api.client import Object
from sim.api.validation import Faults, Rule, dns_subdomain

Cell = Callable[[Object, int], Any]
"""A cell of a Table, of an object and the present in microseconds since 1970."""
Column = tuple[str, int, Cell]
"""A name, a priority (1 shows with `-o wide`) and a cell."""
Columns = tuple[Column, ...]
Change = Callable[[Object], Object]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


def same(obj: Object) -> Object:
    """Leave the object as it is."""
    return obj


def kept(new: Object, old: Object) -> Object:
    """Leave a change as it is."""
    return new


def no_faults(obj: Object, faults: Faults) -> None:
    """Find nothing wrong."""


def no_update_faults(new: Object, old: Object, faults: Faults) -> None:
    """Find nothing wrong with a change."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a kind is made ready to be stored.

    default: fills in what a client may leave out. prepare: what the server sets at creation, after the defaults.
    prepare_update: what it sets at a change, of new and old.
    validate: faults of an object. validate_update: faults of a change, of new and old.
    name_rule: what is wrong with a name. fields: what a field selector may name besides metadata.
    status: the status of a new object; None keeps what the client sent.
    """

    default: Change = same
    prepare: Change = same
    prepare_update: Callable[[Object, Object], Object] = kept
    validate: Callable[[Object, Faults], None] = no_faults
    validate_update: Callable[[Object, Object, Faults], None] = no_update_faults
    name_rule: Rule = dns_subdomain
    fields: tuple[str, ...] = ()
    status: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One row: names, group and version, scope, subresources, strategy, columns.

    spec_fields: fields whose change raises metadata.generation; () for kinds without a generation.
    since: the minor version of Kubernetes 1 that brought the kind in this version. older: what it was served as before.
    modelled: False for kinds that discovery lists and nobody can create here.
    name: in discovery, where it is not `resource` (two groups have `events`).
    """

    resource: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    spec_fields: tuple[str, ...] = ()
    strategy: Strategy = field(default_factory=Strategy)
    columns: Columns = ()
    verbs: tuple[str, ...] = ALL_VERBS
    since: int = 0
    older: str = ""
    modelled: bool = True
    name: str = ""

    @property
    def api_version(self) -> str:
        """Give `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def plural(self) -> str:
        """Give the resource as URLs and errors name it."""
        return self.name or self.resource

    @property
    def singular(self) -> str:
        """Give the kind in lower case, as discovery does."""
        return self.kind.lower()


def defaulted(obj: Object, defaults: Mapping[str, Any]) -> Object:
    """Give the object with defaults where it has nothing; nested dicts are merged."""
    out = obj
    for name, value in defaults.items():
        present = out.get(name)
        if present is None:
            new = dict(value) if isinstance(value, dict) else value
        elif isinstance(value, dict) and isinstance(present, dict):
            new = defaulted(present, value)
            if new is present:
                continue
        else:
            continue
        out = dict(out) if out is obj else out
        out[name] = new
    return out


def listed(obj: Object, name: str, change: Callable[[Object], Object]) -> Object:
    """Give the object with every element of a list changed; the object itself where nothing does."""
    items = obj.get(name)
    if not items:
        return obj
    changed = [change(item) for item in items]
    return {**obj, name: changed} if any(a is not b for a, b in zip(changed, items, strict=True)) else obj
