"""Label and field selectors.

Models: apimachinery/pkg/labels/selector.go, apimachinery/pkg/fields, metav1.LabelSelectorAsSelector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sim.api import validation
from sim.api.client import Object


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on labels. operator: In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet the condition; NotIn holds where the key is missing."""
        found = labels.get(self.key)
        match self.operator:
            case "In":
                return found in self.values if found is not None else False
            case "NotIn":
                return found is None or found not in self.values
            case "Exists":
                return found is not None
            case "DoesNotExist":
                return found is None
        if self.operator not in ("Gt", "Lt") or found is None or not re.fullmatch(r"-?\d+", found):
            return False
        return int(found) > int(self.values[0]) if self.operator == "Gt" else int(found) < int(self.values[0])


@dataclass(frozen=True, slots=True)
class Selector:
    """All of the requirements; without any it matches everything, unless `nothing`."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels are selected."""
        return not self.nothing and all(requirement.matches(labels) for requirement in self.requirements)


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


_MARKS = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = {"in": "In", "notin": "NotIn", "=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt"}
_END = ""


class _Parser:
    """Reads a selector's text form, mark by mark. Models: labels.Parser, with its error texts."""

    def __init__(self, text: str) -> None:
        self.marks = [match[1] for match in _MARKS.finditer(text)]
        self.at = 0

    def peek(self) -> str:
        return self.marks[self.at] if self.at < len(self.marks) else _END

    def take(self) -> str:
        mark = self.peek()
        self.at += 1
        return mark

    @staticmethod
    def is_word(mark: str) -> bool:
        return bool(mark) and mark[0] not in "=!(),<>"

    def selector(self) -> Selector:
        requirements: list[Requirement] = []
        while True:
            mark = self.peek()
            if mark == _END:
                return Selector(tuple(requirements))
            if mark != "!" and not self.is_word(mark):
                raise ValueError(f"found '{mark}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self.requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            mark = self.take()
            if mark == _END:
                return Selector(tuple(requirements))
            if mark != ",":
                raise ValueError(f"found '{mark}', expected: ',' or 'end of string'")
            after = self.peek()
            if after != "!" and not self.is_word(after):
                raise ValueError(f"found '{after}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.take()
        if not self.is_word(key):
            raise ValueError(f"found '{key}', expected: identifier")
        wrong = validation.qualified_name(key)
        if wrong:
            raise ValueError(f'key: Invalid value: "{key}": {wrong}')
        if absent:
            return Requirement(key, "DoesNotExist")
        if self.peek() in (_END, ","):
            return Requirement(key, "Exists")
        mark = self.take()
        if mark not in _OPERATORS:
            raise ValueError(f"found '{mark}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.values() if mark in ("in", "notin") else (self.exact(),)
        operator = _OPERATORS[mark]
        if operator in ("Gt", "Lt") and not re.fullmatch(r"[+-]?\d+", values[0]):
            raise ValueError(f'values[0][{key}]: Invalid value: "{values[0]}": for \'Gt\', \'Lt\' operators, the value must '
                             "be an integer")
        for number, value in enumerate(values):
            wrong = validation.label_value(value)
            if wrong:
                raise ValueError(f'values[{number}][{key}]: Invalid value: "{value}": {wrong}')
        return Requirement(key, operator, values)

    def exact(self) -> str:
        if self.peek() in (_END, ","):
            return ""
        mark = self.take()
        if not self.is_word(mark):
            raise ValueError(f"found '{mark}', expected: identifier")
        return mark

    def values(self) -> tuple[str, ...]:
        mark = self.take()
        if mark != "(":
            raise ValueError(f"found '{mark}' expected: '('")
        found = set()
        while True:
            mark = self.take()
            if self.is_word(mark):
                found.add(mark)
                mark = self.take()
                if mark == ")":
                    return tuple(sorted(found))
                if mark != ",":
                    raise ValueError(f"found '{mark}', expected: ',' or ')'")
                if self.peek() == ")":
                    found.add("")
            elif mark == ")":
                return tuple(sorted(found))
            elif mark == ",":
                found.add("")
            else:
                raise ValueError(f"found '{mark}', expected: ',', ')' or identifier")


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """Read a selector in its text form (`app=web,tier in (a,b),!old`). Raises ValueError in the API's words."""
    return _Parser(text).selector()


def from_object(selector: Object | None) -> Selector:
    """Read `matchLabels` and `matchExpressions`; None selects nothing, {} everything."""
    if selector is None:
        return NOTHING
    requirements = [Requirement(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for part in selector.get("matchExpressions") or []:
        requirements.append(Requirement(part["key"], part["operator"], tuple(part.get("values") or ())))
    return Selector(tuple(requirements))


def fault(selector: Object | None) -> str:
    """Give what is wrong with a label selector, "" when it can be read."""
    wrong = [part["operator"] for part in (selector or {}).get("matchExpressions") or []
             if part["operator"] not in ("In", "NotIn", "Exists", "DoesNotExist")]
    return f'"{wrong[0]}" is not a valid label selector operator' if wrong else ""


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """Make the selector of a Service or ReplicationController: every label must be equal; none selects nothing."""
    if not labels:
        return NOTHING
    return Selector(tuple(Requirement(key, "In", (value,)) for key, value in labels.items()))


def text_of(selector: Object | None) -> str:
    """Write a label selector as kubectl prints it: `app=web,tier in (a,b)`, `<none>` when empty."""
    if not selector:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for part in selector.get("matchExpressions") or []:
        values = ",".join(sorted(part.get("values") or []))
        parts.append(
            {
                "In": f"{part['key']} in ({values})", "NotIn": f"{part['key']} notin ({values})",
                "Exists": part["key"], "DoesNotExist": f"!{part['key']}",
            }[part["operator"]]
        )
    return ",".join(sorted(parts)) or "<none>"


def parse_field(text: str) -> list[tuple[str, str, str]]:
    """Read a field selector as (path, `=` or `!=`, value) parts. Raises ValueError in the API's words."""
    found = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*([^=!]+?)\s*(!=|==|=)\s*(.*?)\s*", part)
        if match is None:
            raise ValueError(f"invalid selector: '{part}'; can't understand '{part}'")
        found.append((match[1], "!=" if match[2] == "!=" else "=", match[3]))
    return found
