"""A lab: a world, a recording of what came in, and the learner's progress. Everything follows from the recording.

Undo, rewind, restart and fork are replay: a world is built anew and the inputs that count are given to it at their
positions.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from sim.api.errors import KubedrillError
from sim.lab import branches
from sim.lab import recording as record
from sim.lab.goals import etcds
from sim.lab.grader import Grader
from sim.lab.recording import Input, LabError, Position, Recording
from sim.lab.run import Result, Run
from sim.lab.scenario import Scenario, Steps, Task, in_language, parse
from sim.lab.steps import do_steps, unexpected
from sim.lab.world import World

__all__ = ["Lab", "LabError", "Progress", "Result"]


@dataclass(frozen=True, slots=True)
class Entry:
    """How a task was entered: how many inputs counted, where the run stood, the id of each cluster's etcd."""

    inputs: int
    position: Position
    world: int
    etcds: dict[str, int]


@dataclass(slots=True)
class Progress:
    """What the learner has done in the present branch."""

    number: int = 0
    entered: dict[str, Entry] = field(default_factory=dict)
    left_us: dict[str, int] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    outcome: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    worlds: int = 0


class Lab(Run):
    """A scenario being played: a run, the learner's progress, and a grader.

    seed: everything random follows from it. kubernetes: a version instead of the scenario's first.
    history: whether changes are remembered; without them goals over time and `:why` know nothing, and memory stays flat.
    """

    def __init__(
        self, scenario: Scenario, *, seed: int = 0, kubernetes: str | None = None, history: bool = True
    ) -> None:
        super().__init__(scenario, seed=seed, kubernetes=kubernetes, history=history)
        self.title = in_language(scenario.metadata.title)
        self.progress = Progress()
        self.kept: dict[str, tuple[list[int], Position]] = {}
        self.rate, self.paused = 1.0, False
        self.rate_chosen = False
        """Whether the learner set the rate: it then holds while a program waits in the foreground too."""
        self.chosen = scenario.terminal_specs()[0].name
        """The terminal that the learner types at."""
        self.grader = Grader(self)
        self.setup_failures: list[str] = []
        """Lines of the scenario's own that failed."""
        self.begin()

    def begin(self) -> None:
        """Build the world, do the scenario's set-up, and enter the first task."""
        self.progress = Progress()
        self.world = World(self.scenario, seed=self.seed, kubernetes=self.kubernetes, history=self.history)
        self._prepare(self.scenario.spec.setup, "setup")
        self.world.begin()
        self.grader.forget_samples()
        self.grader.watch_hosts(self.scenario.spec.goals)
        self._enter(0, 0)

    def _prepare(self, steps: Steps, where: str) -> None:
        """Do what the scenario does itself; what cannot have been meant is noted for its author."""
        with self._unrecorded():
            done = do_steps(self, steps)
        if not self._replaying:
            self.setup_failures += [f"{where}: {text}" for step, result in zip(steps, done, strict=True)
                                    if (text := unexpected(step, result))]

    def forget(self) -> None:
        """Let go of the fork in which lines are tried."""
        self.grader.drop_fork()

    def apply_lab(self, each: Input, number: int) -> None:
        """Do what was said to the lab. Waits need nothing: positions tell the time."""
        task = self.task
        if each.word == "fault":
            self.world.fault(*json.loads(each.rest))
        elif each.word == "answer" and task is not None:
            self.progress.answers[task.name] = each.rest
        elif each.word == "tried" and task is not None:
            self.progress.tries[task.name] = self.progress.tries.get(task.name, 0) + 1
        elif each.word in ("passed", "skipped"):
            self._leave(each.word, number + 1)

    # ---- replaying ----------------------------------------------------------------------------------------------
    def fork(self) -> Lab:
        """Give a second lab in the same state; neither knows of the other."""
        twin = Lab.__new__(Lab)
        twin.__dict__.update(self.__dict__)
        twin.recording = Recording(list(self.recording.inputs), list(self.recording.path))
        twin.kept, twin._sinks, twin.grader = dict(self.kept), {}, Grader(twin)
        twin.setup_failures = list(self.setup_failures)
        twin._play(twin.recording.present(), self.position)
        return twin

    def close(self) -> None:
        """Let go of the shells."""
        self.grader.drop_fork()
        self.world.close()

    # ---- what there is ------------------------------------------------------------------------------------------
    @property
    def tasks(self) -> list[Task]:
        """Give the tasks."""
        return self.scenario.spec.tasks

    @property
    def task(self) -> Task | None:
        """Give the present task, None when all are done."""
        number = self.progress.number
        return self.tasks[number] if number < len(self.tasks) else None

    @property
    def task_number(self) -> int:
        """Give the number of the present task, from 0."""
        return self.progress.number

    @property
    def passed(self) -> dict[str, bool]:
        """Give the tasks that were passed."""
        return {name: True for name, how in self.progress.outcome.items() if how == "passed"}

    @property
    def answers(self) -> dict[str, str]:
        """Give the last answer to each question."""
        return self.progress.answers

    @property
    def hinted(self) -> dict[str, int]:
        """Count the hints taken for each task, undone or not."""
        found: dict[str, int] = {}
        for each in self.recording.inputs:
            if each.word == "hint":
                found[each.rest] = found.get(each.rest, 0) + 1
        return found

    @property
    def present_entry(self) -> Entry | None:
        """Give how the present task was entered, None when all are done."""
        return self.progress.entered.get(self.task.name) if self.task is not None else None

    @property
    def task_entered_us(self) -> int:
        """Give the moment at which the present task was entered."""
        task = self.task
        entry = self.progress.entered.get(task.name) if task is not None else None
        return entry.position.at_us if entry is not None else self.origin_us

    def do_steps(self, steps: Steps) -> list[Result]:
        """Do steps of a scenario. Raises LabError for an `until` that never comes true."""
        return do_steps(self, steps)

    # ---- tasks --------------------------------------------------------------------------------------------------
    def _enter(self, number: int, inputs: int) -> None:
        """Enter a task. inputs: how many inputs count by then."""
        self.progress.number = number
        task = self.task
        if task is None:
            return
        if task.restore_from:
            self._restore(task.restore_from)
        self._prepare(task.on_enter, f"on_enter of {task.name}")
        self.progress.entered[task.name] = Entry(
            inputs, self.position, self.progress.worlds, {name: etcds.cluster_id(self, name) for name in self.world.clusters})
        self.grader.watch_hosts(task.goals)

    def _restore(self, name: str) -> None:
        """Take the world back to the moment a task was entered; progress and the recording stay."""
        entry, progress = self.progress.entered[name], self.progress
        self._play(self.recording.present()[:entry.inputs], entry.position)
        progress.worlds += 1
        self.progress = progress

    def _leave(self, how: str, inputs: int) -> None:
        """Leave the present task and enter the next."""
        task = self.task
        if task is None:
            return
        self.progress.outcome[task.name] = how
        self.progress.left_us[task.name] = self.now_us
        self._enter(self.progress.number + 1, inputs)

    def answer(self, text: str) -> str:
        """Answer the present question; gives what to say."""
        task = self.task
        if task is None:
            return self.check()
        if task.question is None:
            return "kubedrill: this task asks for no answer; do it, then :check"
        self._record("lab", f"answer {text}")
        self.progress.answers[task.name] = text
        return self.check()

    def missing(self, task: Task) -> list[str]:
        """Give what is said about the goals that do not hold."""
        return [verdict.why for verdict in self.grader.verdicts(task) if not verdict.holds]

    def check(self) -> str:
        """Check the present task; goes on to the next when its goals hold."""
        from sim.lab.lines.texts import all_done, said_of, task_text

        task = self.task
        if task is None:
            return all_done(self)
        wrong = [verdict for verdict in self.grader.verdicts(task) if not verdict.holds]
        if wrong:
            self._record("lab", f"tried {task.name}")
            self.progress.tries[task.name] = self.progress.tries.get(task.name, 0) + 1
            return "\n".join(said_of(verdict, self) for verdict in wrong)
        self.move_on("passed")
        return f"done: {task.name}\n" + (task_text(self) if self.task is not None else all_done(self))

    def move_on(self, how: str) -> None:
        """Leave the present task as `passed` or `skipped`, and enter the next."""
        task = self.task
        if task is not None:
            self._record("lab", f"{how} {task.name}")
            self._leave(how, len(self.recording.path))

    def skip(self) -> None:
        """Leave the present task undone and go on."""
        self.move_on("skipped")

    def take_hint(self) -> str:
        """Give the next hint of the present task."""
        task = self.task
        if task is None or not task.hints:
            return "there is no hint for this task"
        number = min(self.hinted.get(task.name, 0), len(task.hints) - 1)
        self._record("lab", f"hint {task.name}")
        return f"hint {number + 1} of {len(task.hints)}: {in_language(task.hints[number])}"

    def go_to(self, name: str) -> None:
        """Start at a task: the earlier ones are solved. Raises LabError."""
        numbers = [at for at, task in enumerate(self.tasks) if task.name == name]
        if not numbers:
            raise LabError(f"there is no task {name}; they are {', '.join(t.name for t in self.tasks)}")
        while self.progress.number < numbers[0] and self.task is not None:
            self.solve()

    def solve(self) -> list[Result]:
        """Do the present task's first solution and go on, whether it passed or not."""
        task, number = self.task, self.progress.number
        if task is None:
            return []
        done = do_steps(self, task.solutions[0])
        if self.progress.number == number:
            self.check()
        if self.progress.number == number:
            self.skip()
        return done

    # ---- going back ---------------------------------------------------------------------------------------------
    def go_back(self, keep: list[int], position: Position) -> None:
        """Make the inputs `keep` (their numbers) the present again, at a position; the rest is undone, not lost."""
        self.grader.drop_fork()
        self.differs = ""
        outer, self.recording.path = self.recording.path, list(keep)
        try:
            self._play(self.recording.present(), position)
        except BaseException:
            self.recording.path = outer
            raise
        self.recording.rewind(keep, self.position)

    def undo(self, count: int = 1) -> str:
        """Take back the last inputs that did something. Gives what to say."""
        return branches.undo(self, count)

    def rewind(self, at_us: int) -> None:
        """Go back to a moment: what came later is undone. Raises LabError."""
        branches.rewind(self, at_us)

    # ---- saving -------------------------------------------------------------------------------------------------
    def digest(self) -> str:
        """Give a digest of the history, which equal runs share."""
        found = hashlib.sha256()
        for cluster, change in self.world.history():
            line = f"{change.revision} {change.at_us} {change.type} {'/'.join(change.key)}\n"
            found.update(self.world.named(cluster, line).encode())
        return found.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the recording. Raises OSError."""
        forks = {name: [record.ranges_of(path), position] for name, (path, position) in self.kept.items()}
        head = {"seed": self.seed, "kubernetes": self.kubernetes, "scenario": self.source.wire(), "forks": forks}
        record.write(path, head, self.recording, self.position, self.digest())

    @staticmethod
    def load(path: Path) -> Lab:
        """Replay a saved recording. Raises LabError for one that is cut off or damaged.

        `differs` of the lab says so where the replay did not lead to the events that the file carries.
        """
        saved = record.read(path)
        scenario = parse(json.dumps(saved.head["scenario"]), str(path))
        lab = Lab(scenario, seed=saved.head["seed"], kubernetes=saved.head["kubernetes"])
        lab.recording = saved.recording
        try:
            lab._play(saved.recording.present(), saved.end)
            lab.kept = {str(name): (record.numbers_of(path), Position(*map(int, position)))
                        for name, (path, position) in saved.head.get("forks", {}).items()}
            if any(number >= len(saved.recording.inputs) for path, _ in lab.kept.values() for number in path):
                raise ValueError("forks")
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise LabError(f"{path} cannot be replayed ({type(error).__name__}): it is damaged") from None
        if not lab.differs and lab.digest() != saved.digest:
            made = saved.head.get("versions", {})
            lab.differs = f"this replay differs from the recorded run (saved by {made}, here {record.versions()})"
        return lab

    # ---- lab lines ----------------------------------------------------------------------------------------------
    @staticmethod
    def is_lab_line(text: str) -> bool:
        """Tell whether a line speaks to the lab: a colon and a lower-case letter."""
        return len(text) > 1 and text[0] == ":" and "a" <= text[1] <= "z"

    def lab_line(self, text: str, *, folder: Path | None = None) -> str:
        """Do a lab line; gives what to say. Never raises for bad input.

        folder: where `:save` and `:report` may write; None refuses them (only a local interactive terminal may write).
        """
        from sim.lab.lines import answer_line

        try:
            return answer_line(self, text, folder)
        except (KubedrillError, ValueError, OSError) as error:
            return f"kubedrill: {error}"

    def task_text(self) -> str:
        """Write the present task."""
        from sim.lab.lines.texts import task_text

        return task_text(self)

    def completions(self, line: str, terminal: str) -> list[str]:
        """Give what the last word of a line could become."""
        from sim.lab.lines.completion import completions

        return completions(self, line, terminal)
