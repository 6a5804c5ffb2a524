"""The proof of a lab: doing nothing fails every task, every solution passes, every mistake fails with its `why`.

Alternatives are tried one task at a time, first solutions elsewhere. Results are kept by the hash of code and scenario.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sim.api.errors import KubedrillError, NotSimulated
from sim.lab.lab import Lab
from sim.lab.recording import LabError
from sim.lab.run import Result
from sim.lab.scenario import Scenario, Steps, Task, in_language, load
from sim.lab.steps import unexpected

SEEDS, SEEDS_FULL = (0,), (0, 1, 2)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Proof:
    """What was proved of a file, and what failed (each with its code)."""

    file: str
    checks: int = 0
    failures: list[str] = field(default_factory=list)
    cached: bool = False

    @property
    def passed(self) -> bool:
        """Tell whether nothing failed."""
        return not self.failures

    def __str__(self) -> str:
        known = " (known)" if self.cached else ""
        head = f"{'proved' if self.passed else 'FAILED'}  {self.file}: {self.checks} checks{known}"
        return "\n".join([head, *(f"  {text}" for text in self.failures)])

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {**asdict(self), "passed": self.passed}


def prove(path: Path, *, full: bool = False, seed: int | None = None, version: str | None = None) -> Proof:
    """Prove a scenario file; `full` takes three seeds and every version. Raises ScenarioError or OSError."""
    scenario, proof = load(path), Proof(str(path))
    for each_version, each_seed in variants(scenario, full=full, seed=seed, version=version):
        _Variant(scenario, each_seed, each_version, proof).prove()
    return proof


def variants(scenario: Scenario, *, full: bool, seed: int | None = None, version: str | None = None) -> list[tuple[str, int]]:
    """List the (version, seed) pairs to prove."""
    known = [each.kubernetes for each in scenario.spec.versions]
    versions = [version] if version else known if full else known[:1]
    seeds = (seed,) if seed is not None else SEEDS_FULL if full else SEEDS
    return [(each, number) for each in versions for number in seeds]


def prove_all(
    paths: list[Path], *, full: bool = False, jobs: int = 1, cache: Path | None = None, seed: int | None = None,
    version: str | None = None,
) -> list[Proof]:
    """Prove several files, in `jobs` processes; what is known from the cache is not proved again."""
    if jobs <= 1 or len(paths) == 1:
        return [_known_or_proved(path, full, cache, seed, version) for path in paths]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        waiting = [pool.submit(_known_or_proved, path, full, cache, seed, version) for path in paths]
        return [each.result() for each in waiting]


def _known_or_proved(path: Path, full: bool, cache: Path | None, seed: int | None, version: str | None) -> Proof:
    place = cache / f"{fingerprint(path, full, seed, version)}.json" if cache is not None else None
    if place is not None and place.exists():
        try:
            found = json.loads(place.read_text(encoding="utf-8"))
            return Proof(str(path), int(found["checks"]), [str(text) for text in found["failures"]], cached=True)
        except (ValueError, KeyError, TypeError, OSError):
            pass  # a damaged entry is proved anew and written over
    proof = prove(path, full=full, seed=seed, version=version)
    if place is not None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(proof.as_dict()), encoding="utf-8")
        except OSError:
            return proof
    return proof


def fingerprint(path: Path, full: bool, seed: int | None = None, version: str | None = None) -> str:
    """Give the hash of everything that a proof depends on: the simulator's code and data, the scenario, the variant."""
    found = hashlib.sha256()
    for file in sorted([*ROOT.rglob("*.py"), *ROOT.rglob("*.yaml"), path]):
        found.update(str(file.name).encode() + b"\0" + file.read_bytes())
    found.update(f"{full} {seed} {version}".encode())
    return found.hexdigest()[:32]


class _Variant:
    """The proof of one scenario at one seed and version."""

    def __init__(self, scenario: Scenario, seed: int, version: str, proof: Proof) -> None:
        self.scenario, self.seed, self.version, self.proof = scenario, seed, version, proof
        self.where = f"seed {seed}, {version}"
        self._spare: Lab | None = None

    def fail(self, code: str, task: str, text: str) -> None:
        """Note what failed."""
        self.proof.failures.append(f"{task} ({self.where}): {text} ({code})")

    def prove(self) -> None:
        """Walk through the lab by its first solutions; at each task try everything else in a fork."""
        try:
            lab = Lab(self.scenario, seed=self.seed, kubernetes=self.version)
        except KubedrillError as error:
            self.fail("P004" if isinstance(error, NotSimulated) else "P006", "(setup)", str(error))
            return
        try:
            self._tasks(lab)
        except KubedrillError as error:
            task = lab.task
            self.fail("P004" if isinstance(error, NotSimulated) else "P002", task.name if task else "(end)", str(error))
        for text in lab.setup_failures:
            self.fail("P006", "(setup)", text)
        if lab.refusals:
            self.fail("P004", "(lab)", f"refused on the way: {lab.refusals[0]}")
        lab.close()

    def _tasks(self, lab: Lab) -> None:
        while (task := lab.task) is not None:
            self.proof.checks += 1
            if not lab.missing(task):
                self.fail("P001", task.name, "its goals hold before anything is done")
            for number in range(1, len(task.solutions)):
                self._alternative(lab, task, number)
            for number, mistake in enumerate(task.mistakes):
                self._mistake(lab, task, number, in_language(mistake.why))
            self._drop_spare()
            self._meant(task, task.solutions[0], lab.do_steps(task.solutions[0]), "solution 1")
            if lab.task is task:
                lab.check()
            self.proof.checks += 1
            if lab.task is task:
                self.fail("P002", task.name, f"its solution fails: {'; '.join(lab.missing(task))}")
                lab.skip()
        for verdict in lab.grader.whole_lab():
            self.proof.checks += 1
            if not verdict.holds:
                self.fail("P005", "(whole lab)", verdict.why)

    def _alternative(self, lab: Lab, task: Task, number: int) -> None:
        fork = self._fork(lab)
        try:
            self._meant(task, task.solutions[number], fork.do_steps(task.solutions[number]), f"solution {number + 1}")
            if fork.task is task or (fork.task is not None and fork.task.name == task.name):
                fork.check()
            if task.name not in fork.passed:
                self.fail("P002", task.name, f"solution {number + 1} fails: {'; '.join(fork.missing(task))}")
        except LabError as error:
            self.fail("P002", task.name, f"solution {number + 1}: {error}")
        self._refused(fork, lab, task, f"solution {number + 1}")
        self.proof.checks += 1
        self._keep_spare(fork, lab)

    def _mistake(self, lab: Lab, task: Task, number: int, why: str) -> None:
        fork = self._fork(lab)
        steps = task.mistakes[number].steps
        try:
            self._meant(task, steps, fork.do_steps(steps), f"mistake {number + 1}", strict=False)
            missing = fork.missing(task) if task.name not in fork.passed else []
            if why not in missing:
                told = f"was told {missing}" if missing else "it passes"
                self.fail("P003", task.name, f"mistake {number + 1} should be told {why!r}, but {told}")
        except LabError as error:
            self.fail("P003", task.name, f"mistake {number + 1}: {error}")
        self._refused(fork, lab, task, f"mistake {number + 1}")
        self.proof.checks += 1
        self._keep_spare(fork, lab)

    def _meant(self, task: Task, steps: Steps, done: list[Result], what: str, *, strict: bool = True) -> None:
        """See that no line of steps did what its author cannot have meant: a typo would hide behind what comes after."""
        for step, result in zip(steps, done, strict=True):
            text = unexpected(step, result, strict=strict)
            if text:
                self.fail("P002" if strict else "P003", task.name, f"{what}: {text}")

    # ---- forks --------------------------------------------------------------------------------------------------
    def _fork(self, lab: Lab) -> Lab:
        """Give a fork of the lab as it stands; one that only answered a question wrongly is as good as new."""
        fork, self._spare = self._spare or lab.fork(), None
        return fork

    def _keep_spare(self, fork: Lab, lab: Lab) -> None:
        if fork.position == lab.position and fork.task_number == lab.task_number and fork.refusals == lab.refusals:
            self._spare = fork
        else:
            fork.close()

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _refused(self, fork: Lab, lab: Lab, task: Task, what: str) -> None:
        if len(fork.refusals) > len(lab.refusals):
            self.fail("P004", task.name, f"{what} was refused: {fork.refusals[-1]}")
