"""Runs a lab without a learner, and writes its verdicts and debrief."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.lab.debrief import debrief
from sim.lab.lab import Lab
from sim.lab.scenario import Scenario, in_language


@dataclass(slots=True)
class RunReport:
    """What came of a run."""

    lab: Lab
    verdicts: list[tuple[str, bool, str]] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether every task passed."""
        return all(passed for _, passed, _ in self.verdicts)

    @property
    def refusals(self) -> list[str]:
        """Give what was refused on the way."""
        return self.lab.refusals

    def text(self, *, transcript: bool = True) -> str:
        """Write it for people."""
        lines = list(self.transcript) if transcript else []
        lines += ["", "Verdicts"]
        for name, passed, why in self.verdicts:
            lines.append(f"  {'passed' if passed else 'FAILED'}  {name}" + (f": {why}" if why else ""))
        done = sum(1 for _, passed, _ in self.verdicts if passed)
        lines.append(f"  {done} of {len(self.verdicts)} tasks")
        lines += ["", "Debrief", *debrief(self.lab)]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {"scenario": self.lab.scenario.metadata.name, "seed": self.lab.seed, "kubernetes": self.lab.kubernetes,
                "passed": self.passed, "refusals": self.refusals, "debrief": debrief(self.lab),
                "tasks": [{"name": n, "passed": p, "why": w} for n, p, w in self.verdicts]}


def run(
    scenario: Scenario, *, mode: str = "solve", script: Path | None = None, recording: Path | None = None, seed: int = 0,
    kubernetes: str | None = None, patience_seconds: float = 1800,
) -> RunReport:
    """Run a lab: `solve` by its first solutions, `do-nothing`, by a script, or from a recording."""
    lab = Lab.load(recording) if recording else Lab(scenario, seed=seed, kubernetes=kubernetes)
    report = RunReport(lab)
    if script:
        from sim.lab.steps import load_script

        lab.do_steps(load_script(script))
    if mode == "solve" and not script and not recording:
        while lab.task is not None:
            _solve_one(lab, report)
        return report
    for number, task in enumerate(lab.tasks):
        if number > lab.task_number:
            report.verdicts.append((task.name, False, "not reached"))
            continue
        passed = bool(lab.passed.get(task.name))
        missing = [] if passed else lab.missing(task)
        report.verdicts.append((task.name, passed or not missing, "; ".join(missing)))
    return report


def _solve_one(lab: Lab, report: RunReport) -> None:
    task = lab.task
    assert task is not None
    report.transcript += ["", f"# {in_language(task.prompt)}"]
    missing_before = lab.missing(task)
    for step in task.solutions[0]:
        for result in [lab.run(step)] if isinstance(step, str) else lab.do_steps([step]):
            if isinstance(step, str):
                report.transcript.append(f"{lab.prompt(lab.main_terminal)}{step}")
                report.transcript += (result.stdout + result.stderr).splitlines()
    if not lab.passed.get(task.name):
        lab.check()
    passed = bool(lab.passed.get(task.name))
    if task.name in lab.answers:
        report.transcript.append(f":answer {lab.answers[task.name]}")
    why = "" if passed else "; ".join(lab.missing(task) or missing_before)
    report.verdicts.append((task.name, passed, why))
    if not passed and lab.task is task:
        lab.skip()
