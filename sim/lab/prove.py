"""The proof of a lab: doing nothing fails, every solution passes, every mistake fails with its `why`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.lab.lab import Lab, LabError
from sim.lab.scenario import Scenario, Task, in_language, load

SEEDS, SEEDS_FULL = (0,), (0, 1, 2)


@dataclass(slots=True)
class Proof:
    """What was proved of a file, and what failed."""

    file: str
    checks: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether nothing failed."""
        return not self.failures

    def __str__(self) -> str:
        head = f"{'proved' if self.passed else 'FAILED'}  {self.file}: {self.checks} checks"
        return "\n".join([head, *(f"  {text}" for text in self.failures)])

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {"file": self.file, "checks": self.checks, "failures": self.failures, "passed": self.passed}


def prove(path: Path, *, full: bool = False, jobs: int = 1) -> Proof:
    """Prove a scenario file; `full` takes three seeds and every version. Raises ScenarioError."""
    scenario, proof = load(path), Proof(str(path))
    versions = scenario.spec.versions if full else scenario.spec.versions[:1]
    for version in versions:
        for seed in SEEDS_FULL if full else SEEDS:
            _prove_one(scenario, seed, version.kubernetes, proof)
    return proof


def _prove_one(scenario: Scenario, seed: int, version: str, proof: Proof) -> None:
    lab = Lab(scenario, seed=seed, kubernetes=version)
    where = f"seed {seed}, {version}"
    while lab.task is not None:
        task = lab.task
        if task.goals and not lab.missing(task):
            proof.failures.append(f"{task.name} ({where}): its goals hold before anything is done")
        proof.checks += 1
        for number, _ in enumerate(task.solutions[1:], 1):
            _try_solution(lab, task, number, where, proof)
        for mistake in task.mistakes:
            _try_mistake(lab, task, mistake, where, proof)
        lab.do_steps(task.solutions[0])
        if not lab.passed.get(task.name):
            lab.check()
        proof.checks += 1
        if not lab.passed.get(task.name):
            proof.failures.append(f"{task.name} ({where}): its solution fails: {'; '.join(lab.missing(task))}")
            lab.skip()
    lab_refusals = lab.refusals
    if lab_refusals:
        proof.failures.append(f"({where}): refused on the way: {lab_refusals[0]}")
    lab.close()


def _try_solution(lab: Lab, task: Task, number: int, where: str, proof: Proof) -> None:
    fork = lab.fork()
    fork.do_steps(task.solutions[number])
    if not fork.passed.get(task.name):
        fork.check()
    proof.checks += 1
    if not fork.passed.get(task.name):
        proof.failures.append(f"{task.name} ({where}): solution {number + 1} fails: {'; '.join(fork.missing(task))}")
    fork.close()


def _try_mistake(lab: Lab, task: Task, mistake: Any, where: str, proof: Proof) -> None:
    fork = lab.fork()
    try:
        fork.do_steps(mistake.steps)
    except LabError as error:
        proof.failures.append(f"{task.name} ({where}): {error}")
    missing = fork.missing(task) if not fork.passed.get(task.name) else []
    proof.checks += 1
    if in_language(mistake.why) not in missing:
        proof.failures.append(
            f"{task.name} ({where}): mistake should be told {in_language(mistake.why)!r}, but was told {missing}")
    fork.close()
