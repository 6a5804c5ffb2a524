"""A lab: a world, a recording of what came in, and the learner's progress. Everything follows from the recording.

Undo, rewind, restart and fork are replay: a world is built anew and the inputs that count are given to it at their
positions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.api.errors import KubedrillError
from sim.apiserver.server import ApiServer
from sim.engine import Cause, Engine, microseconds
from sim.etcd.store import Store
from sim.host.network import Network
from sim.lab import branches
from sim.lab import recording as record
from sim.lab.grader import Grader
from sim.lab.recording import Input, LabError, Position, Recording
from sim.lab.scenario import Scenario, Steps, Task, in_language, parse, seeded
from sim.lab.steps import do_steps
from sim.lab.world import Typed, World
from sim.shell.login import Job, Sink, Terminal

PATIENCE_SECONDS = 1800.0
SCENARIO = "(scenario) "
"""Before the text of a cause: the scenario itself did it, not the learner."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a line printed, and its status."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Entry:
    """How a task was entered: how many inputs counted, where the run stood."""

    inputs: int
    position: Position
    world: int


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


class Lab:
    """A scenario being played.

    seed: everything random follows from it. kubernetes: a version instead of the scenario's first.
    """

    def __init__(self, scenario: Scenario, *, seed: int = 0, kubernetes: str | None = None) -> None:
        self.source = scenario
        self.seed = seed
        self.scenario = seeded(scenario, seed)
        self.kubernetes = kubernetes or scenario.spec.versions[0].kubernetes
        self.title = in_language(scenario.metadata.title)
        self.recording = Recording()
        self.progress = Progress()
        self.kept: dict[str, tuple[list[int], Position]] = {}
        self.differs = ""
        self.rate, self.paused = 1.0, False
        self.patience_seconds = PATIENCE_SECONDS
        self._sinks: dict[str, Sink] = {}
        self._quiet = 0
        self._replaying = False
        self.grader = Grader(self)
        self._begin()

    # ---- building and replaying -------------------------------------------------------------------------------
    def _new_world(self) -> World:
        world = World(self.scenario, seed=self.seed, kubernetes=self.kubernetes)
        self.world = world
        with self._unrecorded():
            do_steps(self, self.scenario.spec.setup)
        world.begin()
        self.grader.forget_samples()
        return world

    def _begin(self) -> None:
        self.progress = Progress()
        self._new_world()
        self.grader.watch_hosts(self.scenario.spec.goals)
        self._enter(0, 0)

    @contextmanager
    def _unrecorded(self) -> Iterator[None]:
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def _play(self, inputs: list[Input], end: Position) -> None:
        """Build the world anew and give it the inputs; then stand at `end`."""
        outer, self._replaying = self._replaying, True
        try:
            self._begin()
            for number, each in enumerate(inputs):
                self._go(each.position)
                self._note_difference(number, each)
                self._apply(each, number)
            self._go(end)
        finally:
            self._replaying = outer

    def _go(self, position: Position) -> None:
        """Let time pass up to a position of a recorded run."""
        left = position.events - self.engine.events_processed
        if position.events < 0:
            self.world.advance(position.at_us)
        elif left > 0:
            self.world.advance(position.at_us, max_events=left)
        elif self.now_us < position.at_us:
            self.world.advance(position.at_us, max_events=0)
        if self.now_us < position.at_us:
            self.world.advance(position.at_us)

    def _note_difference(self, number: int, each: Input) -> None:
        revision = self._revision()
        if not self.differs and each.revision and (revision != each.revision or self.now_us != each.at_us):
            self.differs = (f"this replay differs from the recorded run from input {number + 1} on ({each.shown()[:60]!r}, "
                            f"recorded at revision {each.revision}, here {revision})")

    def _revision(self) -> int:
        store = self.world.store()
        return store.revision if store is not None else 0

    def _apply(self, each: Input, number: int) -> None:
        """Do one recorded input; `number` is its place among those that count. Waits need nothing: positions tell the time."""
        if each.kind == "line":
            job = self._submit(each.data, each.terminal)
            if not job.running:
                self.world.terminals[each.terminal].check()
        elif each.kind == "text":
            self._keys(each.data, each.terminal)
        elif each.kind == "interrupt":
            self._interrupt(each.terminal)
        elif each.kind == "lab":
            self._apply_lab(each, number)

    def _apply_lab(self, each: Input, number: int) -> None:
        task = self.task
        if each.word == "fault":
            self.world.fault(*json.loads(each.rest))
        elif each.word == "answer" and task is not None:
            self.progress.answers[task.name] = each.rest
        elif each.word == "tried" and task is not None:
            self.progress.tries[task.name] = self.progress.tries.get(task.name, 0) + 1
        elif each.word in ("passed", "skipped"):
            self._leave(each.word, number + 1)

    def fork(self) -> Lab:
        """Give a second lab in the same state; neither knows of the other."""
        twin = Lab.__new__(Lab)
        twin.__dict__.update(self.__dict__)
        twin.recording = Recording(list(self.recording.inputs), list(self.recording.path))
        twin.kept, twin._sinks, twin.grader = dict(self.kept), {}, Grader(twin)
        twin._play(twin.recording.present(), self.position)
        return twin

    # ---- what there is ----------------------------------------------------------------------------------------
    @property
    def engine(self) -> Engine:
        """Give the clock and the queue of simulation events."""
        return self.world.engine

    @property
    def network(self) -> Network:
        """Give the hosts and their network."""
        return self.world.network

    @property
    def terminals(self) -> dict[str, Terminal]:
        """Give the terminals by name."""
        return self.world.terminals

    @property
    def main_terminal(self) -> str:
        """Name the first terminal."""
        return self.world.main_terminal

    @property
    def refusals(self) -> list[str]:
        """Give what was refused as not simulated in the present branch."""
        return self.world.refusals

    @property
    def now_us(self) -> int:
        """Give the simulated time in microseconds."""
        return self.engine.now_us

    @property
    def origin_us(self) -> int:
        """Give the moment at which the learner came."""
        return self.world.origin_us

    @property
    def position(self) -> Position:
        """Give where the run stands."""
        return Position(self.engine.now_us, self.engine.events_processed)

    @property
    def inputs(self) -> list[Input]:
        """Give the inputs that make the present."""
        return self.recording.present()

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
    def task_entered_us(self) -> int:
        """Give the moment at which the present task was entered."""
        task = self.task
        entry = self.progress.entered.get(task.name) if task is not None else None
        return entry.position.at_us if entry is not None else self.origin_us

    def server(self) -> ApiServer | None:
        """Give the API server that answers now."""
        return self.world.server()

    def store(self) -> Store | None:
        """Give the store of the cluster, for boards and goals; None while no server answers."""
        server = self.server()
        return server.store if server is not None else None

    def prompt(self, terminal: str) -> str:
        """Give a terminal's prompt."""
        return self.terminals[terminal].prompt

    def busy(self, terminal: str) -> bool:
        """Tell whether a line runs in the foreground."""
        return self.terminals[terminal].busy

    def needs_more(self, text: str, terminal: str) -> bool:
        """Tell whether the line is unfinished."""
        return self.terminals[terminal].needs_more(text)

    def set_scheduler_pick(self, pick: Any) -> None:
        """Let somebody choose among equally good nodes: the replay of a recording of a real cluster."""
        for host in self.network.hosts.values():
            host.disks["scheduler.pick"] = pick

    def advance(self, until_us: int, *, max_events: int | None = None) -> int:
        """Let simulated time pass."""
        return self.world.advance(until_us, max_events=max_events)

    def pass_time(self, real_seconds: float, rate: float, terminal: str, max_events: int) -> None:
        """Let `real_seconds * rate` of time pass, for a front end; stops where the foreground line of a terminal ends."""
        job = self.terminals[terminal].job
        stop = (lambda: not job.running) if job is not None and job.running else None
        self.world.advance(self.now_us + microseconds(real_seconds * rate), max_events=max_events, stop=stop)

    def settle(self, limit_seconds: float = 600.0) -> bool:
        """Let time pass until the store has not changed for ten seconds; False when the limit came first."""
        limit_us, step_us = self.now_us + microseconds(limit_seconds), microseconds(10)
        while self.now_us < limit_us:
            before = self._revision()
            self.wait(min(step_us, limit_us - self.now_us) / 1e6)
            if self._revision() == before:
                return True
        return False

    def close(self) -> None:
        """Let go of the shells."""
        self.grader.drop_fork()
        self.world.close()

    # ---- inputs -----------------------------------------------------------------------------------------------
    def _record(self, kind: str, data: str, terminal: str = "") -> None:
        self.grader.drop_fork()
        if not self._quiet and not self._replaying:
            self.recording.add(Input(self.position, kind, data, terminal, self._revision()))

    def _emit(self, terminal: str, data: bytes, stream: str) -> None:
        sink = self._sinks.get(terminal)
        if sink is not None and not self._replaying:
            sink(data, stream)

    def type(self, line: str, *, terminal: str = "", sink: Sink | None = None) -> Job:
        """Type a line; it runs as time passes."""
        name = self._terminal(terminal)
        if sink is not None:
            self._sinks[name] = sink
        self._record("line", line, name)
        return self._submit(line, name)

    def _terminal(self, name: str) -> str:
        name = name or self.main_terminal
        if name not in self.terminals:
            raise LabError(f"there is no terminal {name}; there are {', '.join(self.terminals)}")
        return name

    def _submit(self, line: str, name: str) -> Job:
        terminal = self.terminals[name]
        if not self._quiet:
            self.world.typed.append(Typed(self.now_us, name, terminal.login.host.name, line))
        words = f"{SCENARIO if self._quiet else ''}$ {line}"
        with self.engine.because((Cause("line", self.now_us, words),)):
            return terminal.submit(line, lambda data, stream: self._emit(name, data, stream))

    def run(
        self, line: str, *, terminal: str = "", patience_seconds: float | None = None, sink: Sink | None = None
    ) -> Result:
        """Type a line and let time pass until it ends; when patience runs out Ctrl-C is typed (status 130)."""
        name = self._terminal(terminal)
        chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        front = sink or self._sinks.get(name)

        def both(data: bytes, stream: str) -> None:
            chunks[stream].append(data)
            if sink:
                sink(data, stream)

        job = self.type(line, terminal=name, sink=both)
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        if job.running:
            self.world.advance(self.now_us + microseconds(patience), stop=lambda: not job.running)
        if job.running:
            self.interrupt(name)
            both(f"kubedrill: interrupted after {patience:g} s of simulated time (--patience)\n".encode(), "stderr")
        if front is not None:
            self._sinks[name] = front
        self.terminals[name].check()
        out, err = (b"".join(chunks[s]).decode(errors="replace") for s in ("stdout", "stderr"))
        return Result(job.status if job.status is not None else 130, out, err)

    def interrupt(self, terminal: str = "") -> None:
        """Type Ctrl-C."""
        name = self._terminal(terminal)
        if self.busy(name):
            self._record("interrupt", "", name)
            self._interrupt(name)

    def _interrupt(self, name: str) -> None:
        job = self.terminals[name].job
        if job is not None and job.running:
            job.interrupt()

    def stdin(self, text: str, terminal: str = "") -> None:
        """Give text (or keys) to the program in the foreground."""
        name = self._terminal(terminal)
        self._record("text", text, name)
        self._keys(text, name)

    def _keys(self, text: str, name: str) -> None:
        give: Callable[[str], None] | None = getattr(self.terminals[name], "keys", None)
        if give is not None:
            give(text)

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises LabError for less than nothing."""
        if seconds < 0:
            raise LabError("time cannot go backwards; :undo takes lines back")
        if seconds > 366 * 86400:
            raise LabError("that is more than a year; wait for less")
        self._record("lab", f"wait {microseconds(seconds)}")
        self.world.advance(self.now_us + microseconds(seconds))

    def fault(self, name: str, host: str, *, end: bool = False) -> None:
        """Inject a fault, or take it back. Raises FaultError or NotSimulated; then nothing is recorded."""
        position, revision = self.position, self._revision()
        self.world.fault(name, host, end)
        self.grader.drop_fork()
        if not self._quiet and not self._replaying:
            self.recording.add(Input(position, "lab", f"fault {json.dumps([name, host, end])}", "", revision))

    def do_steps(self, steps: Steps) -> list[Result]:
        """Do steps of a scenario. Raises LabError for an `until` that never comes true."""
        return do_steps(self, steps)

    # ---- tasks ------------------------------------------------------------------------------------------------
    def _enter(self, number: int, inputs: int) -> None:
        """Enter a task. inputs: how many inputs count by then."""
        self.progress.number = number
        task = self.task
        if task is None:
            return
        if task.restore_from:
            self._restore(task.restore_from)
        with self._unrecorded():
            do_steps(self, task.on_enter)
        self.progress.entered[task.name] = Entry(inputs, self.position, self.progress.worlds)
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
            return ALL_DONE
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

    # ---- going back -------------------------------------------------------------------------------------------
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

    # ---- saving -----------------------------------------------------------------------------------------------
    def digest(self) -> str:
        """Give a digest of the history, which equal runs share."""
        found = hashlib.sha256()
        for change in self.world.changes():
            found.update(f"{change.revision} {change.at_us} {change.type} {'/'.join(change.key)}\n".encode())
        return found.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the recording. Raises OSError."""
        head = {"seed": self.seed, "kubernetes": self.kubernetes, "scenario": self.source.wire()}
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
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise LabError(f"{path} cannot be replayed ({type(error).__name__}): it is damaged") from None
        if not lab.differs and lab.digest() != saved.digest:
            made = saved.head.get("versions", {})
            lab.differs = f"this replay differs from the recorded run (saved by {made}, here {record.versions()})"
        return lab

    # ---- lab lines --------------------------------------------------------------------------------------------
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


ALL_DONE = "all tasks are done"
