"""Goals: does it hold now, and if not, what is to be said.

An object goal reads the store; an answer goal compares with what the learner said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.api import quantity
from sim.api.client import Object
from sim.apiserver.resources import RESOURCES
from sim.lab.scenario import Goal, in_language
from sim.shell.kubectl.printing import jsonpath

if TYPE_CHECKING:
    from sim.lab.lab import Lab

SET_WORDS = {"eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "matches", "exists", "count"}


def holds(goal: Goal, lab: Lab, answer: str | None) -> str:
    """Give "" when the goal holds, otherwise what to say."""
    why = in_language(goal.why) or "not yet"
    if goal.answer is not None:
        if answer is None:
            return why if goal.why else "no answer yet; type :answer TEXT"
        return "" if matches_answer(goal.answer.get("correct"), answer, lab) else why if goal.why else (
            "that is not the answer")
    assert goal.object is not None
    store = lab.store()
    if store is None:
        return "the API server does not answer"
    found = chosen(goal.object, goal.namespace, lab)
    if goal.absent:
        return "" if not found else why
    if goal.count is not None:
        wanted = goal.count if isinstance(goal.count, dict) else {"eq": goal.count}
        fitting = [obj for obj in found if all(test(obj, path, want) for path, want in goal.where.items())]
        return "" if compare(len(fitting), wanted) else why
    every = "?" in goal.object
    if not found:
        return "" if every and goal.where else why
    return "" if all(test(obj, path, want) for obj in found for path, want in goal.where.items()) else why


def resource_of(word: str) -> str:
    """Give the resource that a word names. Raises KeyError."""
    for row in RESOURCES.values():
        if word.lower() in (row.resource, row.singular, *row.short_names):
            return row.resource
    raise KeyError(word)


def chosen(text: str, namespace: str, lab: Lab) -> list[Object]:
    """Give the objects of `KIND/NAME` or `KIND?selector=…&fieldSelector=…`."""
    from sim.api.client import Key, Request

    server = lab.server()
    if server is None:
        return []
    head, question, query = text.partition("?")
    kind, _, name = head.partition("/")
    row = RESOURCES[resource_of(kind)]
    space = namespace if row.namespaced else ""
    if name:
        found = server.reader.get(Key(row.resource, space, name))
        return [found] if found is not None else []
    parts = dict(part.split("=", 1) for part in query.split("&")) if question and query else {}
    wanted = {"labelSelector": parts.get("selector", ""), "fieldSelector": parts.get("fieldSelector", "")}
    items: list[Object] = server.handle(Request("list", Key(row.resource, space, ""), query=wanted)).body["items"]
    return items


def test(obj: Object, path: str, want: Any) -> bool:
    """Tell whether the values at a path are as wanted: any of them, or `all: true`."""
    values = jsonpath.find(path if path.startswith((".", "[")) else f".{path}", obj, obj)
    if not isinstance(want, dict):
        return any(equal(value, want) for value in values) or (want in (False, None, 0) and not values)
    if "exists" in want:
        return bool(bool(values) == want["exists"])
    if "count" in want:
        return compare(len(values), want["count"] if isinstance(want["count"], dict) else {"eq": want["count"]})
    rest = {word: value for word, value in want.items() if word != "all"}
    results = [compare(value, rest) for value in values]
    return bool(results and all(results)) if want.get("all") else any(results)


def equal(value: Any, want: Any) -> bool:
    """Tell whether two values are equal; quantities and versions compare as such."""
    return bool(value == want) or str(value) == str(want) or _number(value) is not None and _number(value) == _number(want)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return quantity.parse(str(value))
    text = str(value)
    if re.fullmatch(r"v?\d+\.\d+\.\d+", text):
        return tuple(int(part) for part in text.removeprefix("v").split("."))
    try:
        return quantity.parse(text)
    except ValueError:
        return None


def compare(value: Any, want: dict[str, Any]) -> bool:
    """Tell whether a value meets every comparison."""
    for word, limit in want.items():
        left, right = _number(value), _number(limit)
        rules: dict[str, Callable[[], bool]] = {
            "eq": lambda: equal(value, limit), "ne": lambda: not equal(value, limit),
            "gt": lambda: left is not None and right is not None and left > right,
            "gte": lambda: left is not None and right is not None and left >= right,
            "lt": lambda: left is not None and right is not None and left < right,
            "lte": lambda: left is not None and right is not None and left <= right,
            "in": lambda: any(equal(value, each) for each in limit), "contains": lambda: str(limit) in str(value),
            "matches": lambda: re.search(str(limit), str(value)) is not None,
        }
        if not rules[word]():
            return False
    return True


def correct_text(correct: Any, lab: Lab) -> str:
    """Give an answer that is correct; `{from: LINE}` runs the line in a fork of the lab."""
    if isinstance(correct, dict) and "from" in correct:
        fork = lab.fork()
        text = fork.run(correct["from"]).stdout.strip()
        fork.close()
        return text
    if isinstance(correct, list):
        return str(correct[0])
    return str(correct)


def matches_answer(correct: Any, answer: str, lab: Lab) -> bool:
    """Tell whether an answer is right."""
    said = " ".join(answer.split()).lower()
    if isinstance(correct, dict) and "matches" in correct:
        return re.fullmatch(correct["matches"], answer.strip(), re.IGNORECASE) is not None
    wanted = correct if isinstance(correct, list) else [correct_text(correct, lab)]
    return any(said == " ".join(str(each).split()).lower() for each in wanted)

