"""Label and field selectors.

Models: apimachinery/pkg/labels/selector.go, apimachinery/pkg/fields, metav1.LabelSelectorAsSelector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sim.api.client import Object

_PART = re.compile(
    r"\s*(?:(?P<set>[^\s=!<>,()]+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)"
    r"|(?P<key>[^\s=!<>,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!<>,()]*)"
    r"|!\s*(?P<absent>[^\s=!<>,()]+)"
    r"|(?P<number>[^\s=!<>,()]+)\s*(?P<compare>[<>])\s*(?P<limit>-?\d+)"
    r"|(?P<present>[^\s=!<>,()]+))\s*(?:,|$)"
)


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
        if found is None or not re.fullmatch(r"-?\d+", found):
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


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """Read a selector in its text form (`app=web,tier in (a,b),!old`). Raises ValueError in the API's words."""
    requirements, at = [], 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or match.end() == at:
            raise ValueError(f"unable to parse requirement: found '{text[at:at + 1]}', expected: identifier")
        at = match.end()
        if match["set"]:
            values = tuple(sorted(part.strip() for part in match["values"].split(",")))
            requirements.append(Requirement(match["set"], "In" if match["how"] == "in" else "NotIn", values))
        elif match["key"]:
            requirements.append(
                Requirement(match["key"], "NotIn" if match["op"] == "!=" else "In", (match["value"],))
            )
        elif match["absent"]:
            requirements.append(Requirement(match["absent"], "DoesNotExist"))
        elif match["number"]:
            requirements.append(
                Requirement(match["number"], "Gt" if match["compare"] == ">" else "Lt", (match["limit"],))
            )
        else:
            requirements.append(Requirement(match["present"], "Exists"))
    return Selector(tuple(requirements))


def from_object(selector: Object | None) -> Selector:
    """Read `matchLabels` and `matchExpressions`; None selects nothing, {} everything."""
    if selector is None:
        return NOTHING
    requirements = [Requirement(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for part in selector.get("matchExpressions") or []:
        requirements.append(Requirement(part["key"], part["operator"], tuple(part.get("values") or ())))
    return Selector(tuple(requirements))


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
