"""What was true when: goals over time read the history of the store, samples of the hosts, and the lines typed.

A *course* is a goal's truth through a window: how it began, when it turned, and the moments at which it came true,
each with its subject (an object or a host) where it has one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.api import objects
from sim.api.client import Change, Object
from sim.engine import Cause
from sim.lab.goals import hosts
from sim.lab.goals.objects import Selection, fits, object_fits, resource_of

if TYPE_CHECKING:
    from sim.lab.lab import Lab
    from sim.lab.scenario.model import Goal


@dataclass(frozen=True, slots=True)
class Moment:
    """Something happened: when, to whom, in which words, from which causes."""

    at_us: int
    subject: str = ""
    text: str = ""
    causes: tuple[Cause, ...] = ()


@dataclass(slots=True)
class Course:
    """A goal's truth through a window. turns: (moment, what it turned to); came: the moments it came true.

    lasting: False for what only happens (a line, a change) and is never *true* for a time.
    """

    began: bool = False
    turns: list[tuple[Moment, bool]] = field(default_factory=list)
    came: list[Moment] = field(default_factory=list)
    lasting: bool = True

    def turn(self, moment: Moment, truth: bool) -> None:
        """Note what is true from a moment on."""
        if truth != self.now:
            self.turns.append((moment, truth))

    @property
    def now(self) -> bool:
        """Tell whether it is true at the window's end."""
        return self.turns[-1][1] if self.turns else self.began

    def true_within(self, start_us: int, end_us: int, subject: str) -> bool:
        """Tell whether it was true, or happened, between two moments (both included)."""
        if any(start_us <= moment.at_us <= end_us for moment in self.came if same(moment.subject, subject)):
            return True
        if not self.lasting:
            return False
        truth = self.began
        for moment, turned in self.turns:
            if moment.at_us > start_us:
                break
            truth = turned
        return truth


def same(one: str, other: str) -> bool:
    """Tell whether two moments may concern the same thing: not if both name one of a kind, and different ones."""
    return not one or not other or one == other or one.partition("/")[0] != other.partition("/")[0]


def names_one(goal: Goal) -> bool:
    """Tell whether a goal says itself which object or host it means, so that nothing is to be matched."""
    return goal.kind in ("host", "line_matches") or (goal.object is not None and not Selection.parse(goal.object).several)


def cause_text(change: Change) -> str:
    """Say in words what a change was."""
    verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}[change.type]
    name = "/".join(filter(None, (change.key.namespace, change.key.name)))
    because = f" ({change.because})" if change.because else ""
    return f"{change.object.get('kind', change.key.resource)} {name} was {verb} by {change.by or 'the server'}{because}"


def moment_of(change: Change) -> Moment:
    """Make the moment of a change."""
    return Moment(change.at_us, f"{change.key.resource}/{change.key.name}", cause_text(change), change.causes)


def course(goal: Goal, lab: Lab, start_us: int, end_us: int) -> Course:
    """Give a goal's course through a window of the present branch."""
    return {"object": _of_object, "change": _of_change, "line_matches": _of_line, "host": _of_host}[goal.kind](
        goal, lab, start_us, end_us)


def _of_object(goal: Goal, lab: Lab, start_us: int, end_us: int) -> Course:
    assert goal.object is not None
    chosen = Selection.parse(goal.object)
    present: dict[tuple[str, str], Object] = {}
    fitting: dict[tuple[str, str], bool] = {}
    found = Course()
    begun = False

    def begin() -> None:
        found.began = fits(goal, list(present.values()), several=chosen.several)
        for place, obj in present.items():
            fitting[place] = object_fits(obj, goal.where)
            if fitting[place] and not goal.absent and goal.count is None:
                found.came.append(Moment(start_us, f"{chosen.resource}/{place[1]}", f"{chosen.resource} {place[1]} was so from the start"))
        if found.began and not chosen.several:
            found.came = found.came or [Moment(start_us, f"{chosen.resource}/{chosen.name}")]

    for change in lab.world.changes(goal.cluster):
        if change.at_us > end_us:
            break
        if change.key.resource != chosen.resource:
            continue
        if not begun and change.at_us > start_us:
            begin()
            begun = True
        place = (change.key.namespace, change.key.name)
        if change.new is not None and chosen.covers(change.new, goal.namespace):
            present[place] = change.new
        elif present.pop(place, None) is None:
            continue
        if not begun:
            continue
        _step(goal, chosen, change, present, fitting, found)
    if not begun:
        begin()
    return found


def _step(
    goal: Goal, chosen: Selection, change: Change, present: dict[tuple[str, str], Object],
    fitting: dict[tuple[str, str], bool], found: Course,
) -> None:
    moment = moment_of(change)
    before = found.now
    found.turn(moment, fits(goal, list(present.values()), several=chosen.several))
    place = (change.key.namespace, change.key.name)
    if goal.absent or goal.count is not None:
        if found.now and not before:
            found.came.append(moment)
        return
    was = fitting.get(place, False)
    fitting[place] = place in present and object_fits(present[place], goal.where)
    if fitting[place] and not was:
        found.came.append(moment)


def happened(change: Change, kind: str) -> bool:
    """Tell whether a change is of the kind that a goal names; "" is any."""
    if kind in ("created", "changed", "deleted"):
        return change.type == {"created": "ADDED", "changed": "MODIFIED", "deleted": "DELETED"}[kind]
    if kind in ("evicted", "terminating"):
        if change.new is None or not objects.deleting(change.new) or (change.old is not None and objects.deleting(change.old)):
            return False
        return kind == "terminating" or "evict" in change.because or (
            objects.condition_status(change.new, "DisruptionTarget") == "True")
    return True


def _of_change(goal: Goal, lab: Lab, start_us: int, end_us: int) -> Course:
    resource, found = resource_of(str(goal.change)), Course(lasting=False)
    for change in lab.world.changes(goal.cluster):
        if start_us < change.at_us <= end_us and change.key.resource == resource and happened(change, goal.type):
            if change.key.namespace in ("", goal.namespace) or goal.namespace == "*":
                if object_fits(change.object, goal.where):
                    found.came.append(moment_of(change))
    return found


def _of_line(goal: Goal, lab: Lab, start_us: int, end_us: int) -> Course:
    found = Course(lasting=False)
    for typed in lab.world.typed:
        if start_us <= typed.at_us <= end_us and (not goal.on or typed.host == goal.on):
            if re.search(str(goal.line_matches), typed.line):
                subject = f"nodes/{typed.host}" if goal.on else ""
                cause = Cause("line", typed.at_us, f"$ {typed.line}")
                found.came.append(Moment(typed.at_us, subject, f"`{typed.line}` was typed on {typed.host}", (cause,)))
    return found


def _of_host(goal: Goal, lab: Lab, start_us: int, end_us: int) -> Course:
    found = Course()
    for at_us, truth in lab.grader.samples_of(goal):
        moment = Moment(at_us, f"nodes/{goal.host}", f"{hosts.subject(goal)} on {goal.host}")
        if at_us <= start_us:
            found.began = truth
            continue
        if at_us > end_us:
            break
        before = found.now
        found.turn(moment, truth)
        if truth and not before:
            found.came.append(moment)
    if found.began:
        found.came.insert(0, Moment(start_us, f"nodes/{goal.host}", f"{hosts.subject(goal)} on {goal.host}"))
    return found
