"""What the lab says: the task, a verdict, the clock. Pure functions of a lab."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sim.lab import branches
from sim.lab.goals import answers
from sim.lab.goals.judge import Verdict
from sim.lab.scenario import in_language
from sim.lab.telling.clock import clock
from sim.lab.telling.why import root_text

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def said_of(verdict: Verdict, lab: Lab) -> str:
    """Say what is missing, what is so instead, when it broke and by what, and how to mend it."""
    lines = [f"not yet: {verdict.why}"]
    lines += [f"    {detail}" for detail in verdict.details]
    if verdict.broken is not None:
        moment = verdict.broken
        lines.append(f"    at {clock(lab, moment.at_us)}: {moment.text}")
        lines += [f"      because {root_text(lab, cause)}" for cause in reversed(moment.causes)
                  if cause.kind in ("line", "fault", "timer") and cause.at_us >= lab.origin_us]
        count = branches.undos_to_before(lab, moment)
        if count is not None:
            lines.append(f"    :undo{'' if count == 1 else f' {count}'} goes back to before that")
    return "\n".join(lines)


WIDTH = 100


def wrapped(text: str, width: int) -> str:
    """Fill each paragraph to a width; 0 leaves the wrapping to the screen."""
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    return "\n".join(textwrap.fill(part, width) if width else part for part in paragraphs)


def task_text(lab: Lab, *, state: bool = False, language: str = "en", width: int = WIDTH) -> str:
    """Write the present task. state: also what holds already. width: to be filled, 0 for no line breaks."""
    task = lab.task
    if task is None:
        return all_done(lab)
    points = f", {task.points} points" if task.points != 1 else ""
    lines = [wrapped(f"Task {lab.task_number + 1} of {len(lab.tasks)}{points}: {in_language(task.prompt, language)}", width)]
    choices = [in_language(choice, language) for choice in task.choices]
    labels = answers.labels(choices)
    lines += [f"  {label}) {choice}" for label, choice in zip(labels, choices, strict=True)]
    if state:
        live = lab.grader.live(task)
        lines += [f"  [{'x' if holds else ' '}] {said}" for holds, said in live]
    if task.question is not None:
        lines.append("  answer with :answer TEXT" + (f" or :answer {'LETTER' if labels[0] == 'a' else 'NUMBER'}" if task.choices else ""))
    else:
        lines.append("  when it is done: :check")
    return "\n".join(lines)


def all_done(lab: Lab) -> str:
    """Say that nothing is left, and how it went."""
    from sim.lab.telling.debrief import debrief

    return "\n".join(["all tasks are done", *debrief(lab).lines()])


__all__ = ["all_done", "clock", "said_of", "task_text"]
