"""Runs a lab without a learner: by its solutions, by doing nothing, by a script, or from a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.lab.lab import Lab
from sim.lab.scenario import Steps, in_language
from sim.lab.steps import do_steps
from sim.lab.telling.debrief import Told, debrief

if TYPE_CHECKING:
    from sim.lab.run import Result


@dataclass(slots=True)
class RunReport:
    """What came of a run. verdicts: (task, whether it passed, why not)."""

    lab: Lab
    verdicts: list[tuple[str, bool, str]] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether every task passed, and every goal of the whole lab."""
        return all(passed for _, passed, _ in self.verdicts) and all(holds for holds, _ in self.told.data.whole_lab)

    @property
    def refusals(self) -> list[str]:
        """Give what was refused on the way."""
        return self.lab.refusals

    @property
    def told(self) -> Told:
        """Give the debrief."""
        return debrief(self.lab)

    def text(self, *, transcript: bool = True) -> str:
        """Write it for people."""
        lines = list(self.transcript) if transcript else []
        lines += ["", "Verdicts"] if lines else ["Verdicts"]
        for name, passed, why in self.verdicts:
            lines.append(f"  {'passed' if passed else 'FAILED'}  {name}" + (f": {why}" if why else ""))
        told = self.told
        for holds, why in told.data.whole_lab:
            lines.append(f"  {'passed' if holds else 'FAILED'}  (the whole lab)" + ("" if holds else f": {why}"))
        done = sum(1 for _, passed, _ in self.verdicts if passed)
        lines.append(f"  {done} of {len(self.verdicts)} tasks")
        return "\n".join([*lines, "", "Debrief", *told.lines()])

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {"scenario": self.lab.scenario.metadata.name, "seed": self.lab.seed, "kubernetes": self.lab.kubernetes,
                "passed": self.passed, "refusals": self.refusals, "debrief": self.told.data.as_dict(),
                "tasks": [{"name": n, "passed": p, "why": w} for n, p, w in self.verdicts]}


def solve(lab: Lab) -> RunReport:
    """Do every task's first solution, as a learner would type it."""
    report = RunReport(lab)
    while (task := lab.task) is not None:
        report.transcript += ["", f"# {in_language(task.prompt).strip()}"]
        _steps(lab, task.solutions[0], report)
        if lab.task is task:
            lab.check()
        why = ""
        if lab.task is task:
            why = "; ".join(lab.missing(task))
            lab.skip()
        report.verdicts.append((task.name, not why, why))
    return report


def follow(lab: Lab, steps: Steps) -> RunReport:
    """Do a script's steps; a task whose goals hold after a step is passed."""
    report = RunReport(lab)
    for step in steps:
        _steps(lab, [step], report)
        _pass_what_holds(lab)
    return judged(lab, report)


def judged(lab: Lab, report: RunReport | None = None) -> RunReport:
    """Judge a lab as it stands."""
    report = report or RunReport(lab)
    _pass_what_holds(lab)
    for number, task in enumerate(lab.tasks):
        outcome = lab.progress.outcome.get(task.name)
        if outcome is not None:
            report.verdicts.append((task.name, outcome == "passed", "" if outcome == "passed" else "skipped"))
        elif number > lab.task_number:
            report.verdicts.append((task.name, False, "not reached"))
        else:
            report.verdicts.append((task.name, False, "; ".join(lab.missing(task))))
    return report


def do_nothing(lab: Lab) -> RunReport:
    """Judge a lab in which nothing is done: no task should pass."""
    return judged(lab)


def _pass_what_holds(lab: Lab) -> None:
    while (task := lab.task) is not None and not lab.missing(task):
        lab.move_on("passed")


def _steps(lab: Lab, steps: Steps, report: RunReport) -> None:
    def note(line: str, result: Result) -> None:
        typed = not line.startswith((":", "^", "("))
        report.transcript.append(f"{prompt[0] if typed else ''}{line}")
        report.transcript.extend(result.both.splitlines() if typed else [])
        prompt[0] = lab.prompt(lab.main_terminal)

    prompt = [lab.prompt(lab.main_terminal)]
    do_steps(lab, steps, after=note)


