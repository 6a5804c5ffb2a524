"""Judges goals: does it hold, what is to be said, and when it broke.

Live goals (objects, hosts, over time) may be judged at every repaint; `line` and `answer` are judged when asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.api import objects, times
from sim.api.client import Key, Object, Request
from sim.api.errors import StatusError, TransportError
from sim.apiserver.resources import RESOURCES
from sim.engine import microseconds
from sim.lab.goals import answers, etcds, hosts
from sim.lab.goals.compare import results_meet
from sim.lab.goals.moments import Moment, course, names_one, same
from sim.lab.goals.objects import Selection, fits, results
from sim.lab.scenario.model import Goal, in_language

if TYPE_CHECKING:
    from sim.lab.lab import Lab

LIVE_KINDS = ("object", "host", "always", "never", "order", "within")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a goal holds. why: what the learner is told otherwise; details: what is so instead; broken: since when."""

    holds: bool
    why: str = ""
    details: tuple[str, ...] = ()
    broken: Moment | None = None


@dataclass(slots=True)
class Window:
    """From when to when a goal looks, and what was answered."""

    start_us: int
    end_us: int
    answer: str | None = None
    asked: bool = True
    """Whether somebody asked (`:check`): then lines are run and details told."""


GOOD = Verdict(True)


def judge(goal: Goal, lab: Lab, window: Window) -> Verdict:
    """Judge one goal in a window."""
    return JUDGES[goal.kind](goal, lab, window)


def why_of(goal: Goal, default: str) -> str:
    """Give what the author wants said, else a sentence of ours."""
    return in_language(goal.why, "en") or default


# ---- now ----------------------------------------------------------------------------------------------------------
def selected(chosen: Selection, namespace: str, lab: Lab, cluster: str = "") -> list[Object] | None:
    """Read the objects meant from the API server; None while it does not answer."""
    server = lab.world.server(cluster)
    if server is None:
        return None
    row = RESOURCES[chosen.resource]
    space = namespace if row.namespaced and namespace != "*" else ""
    try:
        if chosen.name and (space or not row.namespaced):
            return [server.handle(Request("get", Key(row.resource, space, chosen.name))).body]
        body = server.handle(Request("list", Key(row.resource, space, ""))).body
    except TransportError:
        return None
    except StatusError as error:
        return [] if error.code == 404 else None
    return [obj for obj in body["items"] if chosen.covers(obj, namespace)]


def _object(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.object is not None
    chosen = Selection.parse(goal.object)
    found = selected(chosen, goal.namespace, lab, goal.cluster)
    if found is None:
        return Verdict(False, why_of(goal, "the API server does not answer"), ("the API server does not answer",))
    others = etcds.strangers(goal, found, lab) if goal.same_as else []
    if fits(goal, found, several=chosen.several) and not others:
        return GOOD
    why = why_of(goal, f"{goal.object} is not as wanted")
    if not window.asked:
        return Verdict(False, why)
    said = others[:3] or [*_instead(goal, chosen, found), *_stale(lab, goal.cluster)]
    return Verdict(False, why, tuple(said), None if others else _last_break(goal, lab, window))


def _stale(lab: Lab, cluster: str) -> list[str]:
    """Say that an API server shows what its watch cache holds, and etcd, restored under it, something else."""
    server = lab.world.server(cluster)
    return ["the API server shows its old watch cache: it has not been restarted since etcd was restored under it"] if (
        server is not None and server.cache is not server.store) else []


def _instead(goal: Goal, chosen: Selection, found: list[Object]) -> list[str]:
    """Say what is so instead: of at most three objects."""
    kind = RESOURCES[chosen.resource].singular
    if goal.absent or goal.count is not None:
        names = ", ".join(objects.name(obj) for obj in found[:5]) + (", …" if len(found) > 5 else "")
        return [f"there are {len(found)}: {names}" if found else f"there is no such {kind}"]
    if not found:
        return [f"there is no {kind}{'/' + chosen.name if chosen.name else ' of that kind'}"]
    said = []
    for obj in found:
        wrong = [path for path, want in goal.where.items() if not results_meet(results(obj, path), want)]
        for path in wrong[:2]:
            there = results(obj, path)
            shown = ", ".join(str(each)[:60] for each in there[:3]) if there else "not set"
            said.append(f"{kind}/{objects.name(obj)}: {path} is {shown}")
    return said[:3]


def _last_break(goal: Goal, lab: Lab, window: Window) -> Moment | None:
    """Give the moment at which a goal that had held in the window stopped to hold."""
    turns = course(goal, lab, window.start_us, window.end_us).turns
    return turns[-1][0] if turns and not turns[-1][1] else None


def _host(goal: Goal, lab: Lab, window: Window) -> Verdict:
    if hosts.holds(goal, lab):
        return GOOD
    return Verdict(False, why_of(goal, f"{hosts.subject(goal)} on {goal.host} is not as wanted"))


def _snapshot(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.snapshot is not None
    return _unless(goal, etcds.snapshot_fault(goal.snapshot, lab))


def _etcd(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.etcd is not None
    return _unless(goal, etcds.etcd_fault(goal.etcd, lab, lab.present_entry))


def _unless(goal: Goal, fault: str) -> Verdict:
    """Give the verdict of a goal that fails by a fault, "" for none; the fault is the detail of what the author says."""
    return Verdict(False, why_of(goal, fault), (fault,) if in_language(goal.why) else ()) if fault else GOOD


def _line(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.line is not None
    why = why_of(goal, f"`{goal.line}` does not do what it should")
    if not window.asked:
        return Verdict(False, why)
    done = lab.grader.try_line(goal.line, goal.on)
    expect = goal.expect
    wanted = expect.exit if expect is not None and expect.exit is not None else 0 if expect is None else None
    wrong = []
    if wanted is not None and done.status != wanted:
        wrong.append(f"`{goal.line}` ends with {done.status}, not {wanted}")
    if expect is not None and expect.output is not None and done.stdout.strip() != expect.output.strip():
        wrong.append(f"`{goal.line}` prints {done.stdout.strip()[:80]!r}")
    if expect is not None and expect.matches is not None and not re.search(expect.matches, done.stdout[:100_000], re.MULTILINE):
        wrong.append(f"`{goal.line}` prints {(done.stdout or done.stderr).strip()[:80]!r}")
    return Verdict(False, why, tuple(wrong)) if wrong else GOOD


def _answer(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.answer is not None
    if window.answer is None:
        return Verdict(False, why_of(goal, "no answer yet; type :answer TEXT"))
    if not window.asked or answers.is_right(goal.answer, window.answer, lab):
        return GOOD
    return Verdict(False, why_of(goal, "that is not the answer"))


# ---- over time ----------------------------------------------------------------------------------------------------
def _always(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.always is not None
    found = course(goal.always, lab, window.start_us, window.end_us)
    why = why_of(goal, "it was not so all the time")
    if not found.began:
        return Verdict(False, why, broken=Moment(window.start_us, text="it was not so from the start"))
    for moment, truth in found.turns:
        if not truth:
            return Verdict(False, why, broken=moment)
    return GOOD


def _never(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.never is not None
    found = course(goal.never, lab, window.start_us, window.end_us)
    why = why_of(goal, "it happened")
    if found.lasting and found.began:
        return Verdict(False, why, broken=Moment(window.start_us, text="it was so from the start"))
    moments = [moment for moment, truth in found.turns if truth] if found.lasting else found.came
    return Verdict(False, why, broken=moments[0]) if moments else GOOD


def _order(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.order is not None
    first, then = (course(each, lab, window.start_us, window.end_us) for each in goal.order)
    why = why_of(goal, "things were not done in that order")
    came = [moment for moment in then.came if moment.at_us > window.start_us or not then.lasting]
    if not came:
        return GOOD if goal.or_never else Verdict(False, why, ("the second has not happened yet",))
    apart = all(names_one(each) for each in goal.order)
    for moment in came:
        if not any((apart or same(earlier.subject, moment.subject)) and earlier.at_us < moment.at_us for earlier in first.came):
            return Verdict(False, why, broken=moment)
    return GOOD


def _within(goal: Goal, lab: Lab, window: Window) -> Verdict:
    assert goal.within is not None
    limit_us = microseconds(times.parse_duration(goal.within.limit))
    first = course(goal.within.of, lab, window.start_us, window.end_us)
    then = course(goal.within.then, lab, window.start_us, window.end_us)
    why = why_of(goal, f"it did not follow within {goal.within.limit}")
    apart = names_one(goal.within.of) and names_one(goal.within.then)
    for moment in first.came:
        if then.true_within(moment.at_us, moment.at_us + limit_us, "" if apart else moment.subject):
            continue
        if moment.at_us + limit_us > window.end_us:
            left = times.duration(round((moment.at_us + limit_us - window.end_us) / 1e6, 1))
            return Verdict(False, why, (f"it has not followed yet; there are {left} left",))
        return Verdict(False, why, broken=Moment(moment.at_us + limit_us, moment.subject, f"{goal.within.limit} after {moment.text}",
                                                 moment.causes))
    return GOOD


JUDGES: dict[str, Callable[[Goal, Lab, Window], Verdict]] = {
    "object": _object, "host": _host, "line": _line, "answer": _answer, "always": _always, "never": _never,
    "order": _order, "within": _within, "snapshot": _snapshot, "etcd": _etcd}
