"""Answers: what is right, and whether what was said is that.

Case and spaces do not matter; a choice may be said in any of its languages or by its label. What a line prints is
found out in a fork of the lab, so nothing happens in the lab itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.api.errors import NotSimulated
from sim.lab.recording import LabError
from sim.lab.scenario.model import AnswerGoal, FromLine, Pattern

if TYPE_CHECKING:
    from sim.lab.lab import Lab

SAID_MAX = 1000


def plain(text: str) -> str:
    """Give a text without differences that do not matter."""
    return re.sub(r"\s*,\s*", ",", " ".join(text.split())).strip().lower()


def labels(choices: list[str]) -> list[str]:
    """Give what the choices are called: numbers, or letters where the choices are numbers themselves."""
    if any(plain(choice).isdigit() for choice in choices):
        return [chr(ord("a") + at) for at in range(len(choices))]
    return [str(at + 1) for at in range(len(choices))]


def _as_list(goal: AnswerGoal) -> list[str | Pattern | FromLine]:
    return goal.correct if isinstance(goal.correct, list) else [goal.correct]


def right_answers(goal: AnswerGoal, lab: Lab) -> list[str | Pattern]:
    """Give what counts as right now; `{from: LINE}` is run in a fork, and nothing printed is no answer."""
    found: list[str | Pattern] = []
    for each in _as_list(goal):
        right = lab.grader.output_of(each.from_) if isinstance(each, FromLine) else each
        if right:
            found.append(right)
    return found


def correct_text(goal: AnswerGoal, lab: Lab) -> str:
    """Give an answer that is right. Raises NotSimulated where only a pattern is known, LabError where none is left."""
    right = right_answers(goal, lab)
    for each in right:
        if isinstance(each, str):
            return each
    if not right or any(isinstance(each, FromLine) for each in _as_list(goal)):
        raise LabError("what was asked about is gone from the cluster; :undo, or :restart lab, brings it back")
    raise NotSimulated("an answer made up from a pattern; write the answer in the solution")


def is_right(goal: AnswerGoal, said: str, lab: Lab) -> bool:
    """Tell whether an answer is right."""
    said = said[:SAID_MAX]
    for choice in goal.choices:
        if isinstance(choice, dict) and plain(said) in map(plain, choice.values()):
            said = choice.get("en", said)
    for each in right_answers(goal, lab):
        if isinstance(each, Pattern):
            if re.fullmatch(each.matches, said.strip(), re.IGNORECASE):
                return True
        elif plain(said) == plain(each):
            return True
    return False
