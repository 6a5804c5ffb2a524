"""Does the steps of scenarios, scripts and proofs: one vocabulary, the readable form of a recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api import times
from sim.engine import SECOND_US, microseconds
from sim.lab.goals import answers
from sim.lab.goals.judge import Window, judge
from sim.lab.recording import LabError
from sim.lab.run import Result
from sim.lab.world import fault_target

if TYPE_CHECKING:
    from sim.lab.lab import Lab
    from sim.lab.scenario import Step, Steps

LOOK_US = SECOND_US // 2
KEY_US = SECOND_US // 20


def do_steps(lab: Lab, steps: Steps, *, after: Callable[[str, Result], None] | None = None) -> list[Result]:
    """Do steps in order. after: told each step, as a learner would have typed it, and its result.

    Raises LabError for an `until` that does not come true in time.
    """
    done: list[Result] = []
    failed = ""
    for step in steps:
        try:
            shown, result = _line(lab, step, "") if isinstance(step, str) else _do(lab, step)
        except LabError as error:
            raise LabError(f"{error}{failed}") from None
        done.append(result)
        if result.status:
            said = (result.stderr or result.stdout).strip().splitlines() or [""]
            failed = f" (before it `{shown}` ended with {result.status}: {said[0]})"
        if after is not None:
            after(shown, result)
    return done


def unexpected(step: str | Step, result: Result, *, strict: bool = True) -> str:
    """Say what a line did that its author cannot have meant, "" where all is well.

    Without `expect` that is an error that was complained about; grep that finds nothing is none. strict: False where
    lines may fail, as in mistakes: then only a program that does not exist counts.
    """
    line = step if isinstance(step, str) else step.line
    if line is None:
        return ""
    said = next(iter((result.stderr or result.stdout).strip().splitlines()[-1:]), "")
    expect = None if isinstance(step, str) else step.expect
    if expect is None:
        complained = result.status and (result.stderr.strip() or line.startswith(":"))
        if (complained and strict) or ": command not found" in result.stderr:
            return f"`{line}` ends with {result.status}: {said} (where that is meant, write {{line: …, expect: {{exit: {result.status}}}}})"
        return ""
    if expect.exit is not None and result.status != expect.exit:
        return f"`{line}` ends with {result.status}, not {expect.exit}: {said}"
    if expect.output is not None and result.stdout.strip() != expect.output.strip():
        return f"`{line}` prints {result.stdout.strip()[:80]!r}, not {expect.output.strip()[:80]!r}"
    if expect.matches is not None and not re.search(expect.matches, result.both, re.MULTILINE):
        return f"nothing that `{line}` prints matches {expect.matches}"
    return ""


def _line(lab: Lab, line: str, terminal: str, *, background: bool = False) -> tuple[str, Result]:
    if lab.is_lab_line(line) and lab.screen(terminal or lab.main_terminal) is None:
        said = lab.lab_line(line)
        return line, Result(2 if said.startswith("kubedrill:") else 0, said + "\n", "")
    if background:
        lab.type(line, terminal=terminal)
        return line, Result(0, "", "")
    return line, lab.run(line, terminal=terminal)


def _do(lab: Lab, step: Step) -> tuple[str, Result]:
    if step.line is not None:
        return _line(lab, step.line, step.on, background=step.async_)
    return DOING[step.kind](lab, step)


def _said(shown: str, text: str = "") -> tuple[str, Result]:
    return shown, Result(0, text + "\n" if text else "", "")


def _answer(lab: Lab, step: Step) -> tuple[str, Result]:
    text = step.answer
    if not isinstance(text, str):
        task = lab.task
        goal = task.question if task is not None else None
        if goal is None or goal.answer is None:
            raise LabError("{answer: {from: correct}} stands where nothing is asked")
        text = answers.correct_text(goal.answer, lab)
    return _said(f":answer {text}", lab.answer(text))


def _wait(lab: Lab, step: Step) -> tuple[str, Result]:
    assert step.wait is not None
    lab.wait(times.parse_duration(step.wait))
    return _said(f":wait {step.wait}")


def _until(lab: Lab, step: Step) -> tuple[str, Result]:
    assert step.until is not None
    limit_us = lab.now_us + microseconds(times.parse_duration(step.at_most))
    start_us = lab.now_us
    while not lab.grader.holds(step.until):
        if lab.now_us >= limit_us:
            wrong = judge(step.until, lab, Window(lab.now_us, lab.now_us))
            told = "; ".join([wrong.why, *wrong.details])
            raise LabError(f"still not true after {step.at_most}: {step.until.object or step.until.kind} ({told})")
        lab.advance(lab.now_us + LOOK_US)
    return _said(f":wait {times.duration((lab.now_us - start_us) / SECOND_US)}")


def _interrupt(lab: Lab, step: Step) -> tuple[str, Result]:
    lab.interrupt(step.interrupt or "")
    return _said("^C")


def _keys(lab: Lab, step: Step) -> tuple[str, Result]:
    name = step.on or lab.main_terminal
    for text in step.keys or []:
        edited = lab.screen(name) is not None
        lab.stdin(text, name)
        lab.advance(lab.now_us + KEY_US)
        if edited and lab.screen(name) is None:
            lab.go_on(name, lab.patience_seconds)  # the editor was left: the line that opened it ends
    return _said(f"(keys) {''.join(step.keys or [])!r}")


def _fault(lab: Lab, step: Step) -> tuple[str, Result]:
    target = fault_target(step)
    lab.fault(str(step.fault), target, end=step.end)
    return _said(f":fault {step.fault} {target}".rstrip() + (" --end" if step.end else ""))


DOING: dict[str, Callable[[Lab, Step], tuple[str, Result]]] = {
    "answer": _answer, "wait": _wait, "until": _until, "interrupt": _interrupt, "keys": _keys, "fault": _fault}
