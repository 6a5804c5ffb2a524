"""Which objects a goal means, and whether they are as it wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.api import objects, selectors
from sim.api.client import Object
from sim.apiserver.resources import RESOURCES
from sim.lab.goals.compare import for_all, meets, results_meet
from sim.shell.kubectl.printing import jsonpath

if TYPE_CHECKING:
    from sim.lab.scenario.model import Goal


def resource_of(word: str) -> str:
    """Give the resource that a word names (`pod`, `po`, `pods`, `deployment.apps`). Raises KeyError."""
    plain = word.lower().partition(".")[0]
    for row in RESOURCES.values():
        if plain in (row.resource, row.singular, *row.short_names):
            return row.resource
    raise KeyError(word)


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects of `KIND/NAME` or `KIND?selector=…&fieldSelector=…`."""

    resource: str
    name: str = ""
    labels: str = ""
    fields: str = ""

    @staticmethod
    def parse(text: str) -> Selection:
        """Read the text. Raises ValueError, saying what is wrong."""
        head, question, query = text.partition("?")
        kind, slash, name = head.partition("/")
        try:
            resource = resource_of(kind)
        except KeyError:
            raise ValueError(f"no kind {kind!r}") from None
        if (slash and not name) or (name and question):
            raise ValueError("write KIND/NAME or KIND?selector=…&fieldSelector=…")
        parts = dict.fromkeys(("selector", "fieldSelector"), "")
        for part in query.split("&") if query else []:
            word, equal, value = part.partition("=")
            if word not in parts or not equal:
                raise ValueError(f"no query {part!r}: there are selector=… and fieldSelector=…")
            parts[word] = value
        selectors.parse(parts["selector"])
        selectors.parse_field(parts["fieldSelector"])
        return Selection(resource, name, parts["selector"], parts["fieldSelector"])

    @property
    def several(self) -> bool:
        """Tell whether it may mean more than one object."""
        return not self.name

    def covers(self, obj: Object, namespace: str) -> bool:
        """Tell whether an object of the resource is meant. namespace "*" is every one."""
        if RESOURCES[self.resource].namespaced and namespace != "*" and objects.namespace(obj) != namespace:
            return False
        if self.name:
            return objects.name(obj) == self.name
        if self.labels and not selectors.parse(self.labels).matches(objects.labels(obj)):
            return False
        return all((_field(obj, path) == value) == (how == "=") for path, how, value in selectors.parse_field(self.fields))


def _field(obj: Object, path: str) -> str:
    value = objects.dig(obj, path)
    if value is None:
        return "false" if path == "spec.unschedulable" else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def results(obj: Object, path: str) -> list[Any]:
    """Give what is at a JSONPath (without braces) in an object; a path that leads nowhere gives nothing."""
    try:
        return jsonpath.find(path, obj)
    except jsonpath.JsonPathError:
        return []


def object_fits(obj: Object, where: dict[str, Any]) -> bool:
    """Tell whether one object is as wanted."""
    return all(results_meet(results(obj, path), want) for path, want in where.items())


def fits(goal: Goal, found: list[Object], *, several: bool) -> bool:
    """Tell whether a goal's objects are as wanted.

    One of them must meet every condition; a condition with `all: true` is met by each of them (by none, too, where
    the goal may mean several).
    """
    if goal.absent:
        return not found
    if goal.count is not None:
        return meets(sum(object_fits(obj, goal.where) for obj in found), goal.count)
    if not found and not several:
        return False
    each = {path: want for path, want in goal.where.items() if for_all(want)}
    some = {path: want for path, want in goal.where.items() if path not in each}
    if not all(object_fits(obj, each) for obj in found):
        return False
    return any(object_fits(obj, some) for obj in found) if some or not each else True
