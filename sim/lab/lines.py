"""Lab lines: what a learner says to the lab, with a colon before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import objects, times
from sim.api.client import Change
from sim.lab.goals import resource_of
from sim.lab.scenario import in_language

if TYPE_CHECKING:
    from sim.lab.lab import Lab

HELP = """\
:task            the question again
:check           check the present task
:answer TEXT     answer the present question (a choice's number will do)
:hint            the next hint
:next            type the task's solution and go on
:wait 5m         let simulated time pass
:jump            go to the next simulation event
:timers          what will happen next, when, and by which setting
:why KIND/NAME   why it is as it is
:fault NAME HOST cause a fault
:undo [N]        take back the last lines
:help            this list"""


def clock(lab: Lab, at_us: int) -> str:
    """Write a moment as time since the learner came."""
    seconds = (at_us - lab.origin_us) / 1_000_000
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{times.duration(round(abs(seconds), 1))}"


def _answer(lab: Lab, rest: str) -> str:
    task = lab.task
    if not rest:
        return "kubedrill: write :answer TEXT"
    if task is not None and task.choices and rest.isdigit() and 1 <= int(rest) <= len(task.choices):
        if rest not in task.choices:
            rest = task.choices[int(rest) - 1]
    return lab.answer(rest)


def _hint(lab: Lab, _: str) -> str:
    task = lab.task
    if task is None or not task.hints:
        return "there is no hint for this task"
    number = min(lab.hinted.get(task.name, 0), len(task.hints) - 1)
    lab.hinted[task.name] = number + 1
    return f"hint {number + 1} of {len(task.hints)}: {in_language(task.hints[number])}"


def _next(lab: Lab, _: str) -> str:
    task = lab.task
    if task is None:
        return "all tasks are done"
    lines = [step if isinstance(step, str) else step.line or "" for step in task.solutions[0]]
    results = lab.solve()
    shown = [f"$ {line}\n{r.stdout}{r.stderr}".rstrip() for line, r in zip(lines, results, strict=True) if line]
    return "\n".join([*shown, f"skipped: {task.name}", lab.task_text()])


def _wait(lab: Lab, rest: str) -> str:
    lab.wait(times.parse_duration(rest or "10s"))
    return f"it is now {clock(lab, lab.now_us)}"


def _jump(lab: Lab, _: str) -> str:
    upcoming = lab.engine.peek_us()
    if upcoming is None:
        return "nothing will happen by itself"
    lab.wait((upcoming - lab.now_us) / 1_000_000)
    return f"it is now {clock(lab, lab.now_us)}"


def _timers(lab: Lab, _: str) -> str:
    found = lab.engine.timers()
    if not found:
        return "no timers: nothing is waiting to happen"
    return "\n".join(
        f"in {times.duration(round((timer.at_us - lab.now_us) / 1e6, 1)):>8}  {timer.label}" for timer in found[:20])


def _why(lab: Lab, rest: str) -> str:
    kind, _, name = rest.partition("/")
    store = lab.store()
    if store is None:
        return "the API server does not answer"
    try:
        resource = resource_of(kind)
    except KeyError:
        return f"kubedrill: no kind {kind}; write :why pod/NAME"
    changes = [c for c in store.changes if c.key.resource == resource and c.key.name == name]
    if not changes:
        return f"nothing is known of {rest}"
    lines = []
    for change in changes[-6:]:
        lines.append(f"{clock(lab, change.at_us)} {_what(change)}")
        lines += [f"    because {cause.text} ({cause.kind}, {clock(lab, cause.at_us)})" for cause in reversed(change.causes)]
    return "\n".join(lines)


def _what(change: Change) -> str:
    verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}[change.type]
    if change.type == "MODIFIED" and objects.deleting(change.object) and not objects.deleting(change.old or change.object):
        verb = "marked for deletion"
    why = f": {change.because}" if change.because else ""
    return f"{verb} by {change.by or 'the server'}{why}"


def _fault(lab: Lab, rest: str) -> str:
    name, _, host = rest.partition(" ")
    if not host.strip():
        return f"kubedrill: write :fault NAME HOST; the hosts are {', '.join(lab.network.hosts)}"
    lab.fault(name, host.strip())
    return f"fault {rest}"


def _undo(lab: Lab, rest: str) -> str:
    if rest and not rest.isdigit():
        return "kubedrill: write :undo or :undo N"
    return lab.undo(int(rest) if rest else 1)


LINES: dict[str, Callable[[Lab, str], str]] = {
    "task": lambda lab, _: lab.task_text(), "check": lambda lab, _: lab.check(), "answer": _answer, "hint": _hint,
    "next": _next, "wait": _wait, "jump": _jump, "timers": _timers, "why": _why, "fault": _fault, "undo": _undo,
    "help": lambda lab, _: HELP, "commands": lambda lab, _: HELP,
}


def answer_line(lab: Lab, text: str) -> str:
    """Do one lab line. Raises LabError, FaultError or ValueError for bad input."""
    word, _, rest = text[1:].strip().partition(" ")
    say = LINES.get(word)
    if say is None:
        return f"kubedrill: no lab line :{word}; :help lists them"
    return say(lab, rest.strip())
