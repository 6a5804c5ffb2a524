"""A lab: hosts, one clock, one recording. Everything follows from (scenario, seed, recording).

Undo, rewind and fork are replay: a lab is built anew and the recorded inputs are given to it at their moments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.api import times
from sim.api.errors import KubedrillError
from sim.apiserver.server import ApiServer
from sim.engine import SECOND_US, Cause, Engine, microseconds
from sim.etcd.store import Store
from sim.host.network import Network
from sim.lab import faults, goals
from sim.lab.install import ClusterSpec, NodeSpec, addons, install, server_of
from sim.lab.scenario import Scenario, Step, Steps, Task, in_language, parse
from sim.shell.login import Job, Sink, Terminal
from sim.shell.system import basic as _system_tools

SETTLE_US = 60 * SECOND_US
STEP_LIMIT_US = 3600 * SECOND_US
SAVE_VERSION = 1
assert _system_tools


@dataclass(frozen=True, slots=True)
class Input:
    """One input: what was done at which moment. kind: line, answer, wait, fault, task, interrupt, hint."""

    at_us: int
    kind: str
    data: str
    terminal: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a line printed, and its status."""

    status: int
    stdout: str
    stderr: str


class LabError(KubedrillError):
    """Something that cannot be done in this lab; one line."""


class Lab:
    """A scenario being played.

    seed: everything random follows from it. kubernetes: a version instead of the scenario's first.
    """

    def __init__(self, scenario: Scenario, *, seed: int = 0, kubernetes: str | None = None) -> None:
        self.scenario = scenario
        self.seed = seed
        self.kubernetes = kubernetes or scenario.spec.versions[0].kubernetes
        self.title = in_language(scenario.metadata.title)
        self.inputs: list[Input] = []
        self.entered: dict[str, int] = {}
        self.hinted: dict[str, int] = {}
        self.refusals: list[str] = []
        self.answers: dict[str, str] = {}
        self.passed: dict[str, bool] = {}
        self._build()

    # ---- building ---------------------------------------------------------------------------------------------
    def _build(self) -> None:
        epoch = int(datetime.fromisoformat(self.scenario.spec.first_day(self.kubernetes)).replace(tzinfo=UTC).timestamp())
        self.engine = Engine(seed=self.seed, epoch_s=epoch)
        self.network = Network(self.engine)
        spec = self.scenario.spec.clusters[0]
        nodes = tuple(NodeSpec(**{**node.model_dump(), "cpu": str(node.cpu), "taints": None if node.taints is None
                                  else tuple(node.taints)}) for node in spec.nodes)
        cluster = ClusterSpec(spec.name, nodes, tuple(spec.addons), spec.installer, spec.extraArgs)
        images = {name: image.model_dump() for name, image in self.scenario.spec.images.items()}
        install(self.network, cluster, self.kubernetes, images)
        for _ in range(60):
            self.advance(self.engine.now_us + SECOND_US)
            if self.server() is not None and self.server().store.count("nodes") >= sum(n.present for n in nodes):  # type: ignore[union-attr]
                break
        addons(self.network, cluster, self.kubernetes)
        self.advance(self.engine.now_us + SETTLE_US)
        for place, text in self.scenario.spec.files.items():
            host, _, path = place.partition(":")
            view = self.network.hosts[host].files.view()
            view.make_dir(path.rpartition("/")[0] or "/", parents=True)
            view.write(path, text.encode())
        first = next(node.name for node in nodes if node.role == "control-plane")
        wanted = self.scenario.spec.terminals
        self.main_terminal = wanted[0].name if wanted else "main"
        self.terminals = {t.name: Terminal(self.network.hosts, t.host, t.user) for t in wanted} or {
            "main": Terminal(self.network.hosts, first)}
        for terminal in self.terminals.values():
            terminal.refusals = self.refusals
        self.do_steps(self.scenario.spec.setup, record=False)
        for terminal in self.terminals.values():
            terminal.login.history.clear()
        self.origin_us = self.engine.now_us
        self.task_number = 0
        self._enter(0)

    def close(self) -> None:
        """Let go of the shells."""
        self.terminals.clear()

    # ---- what there is ----------------------------------------------------------------------------------------
    @property
    def now_us(self) -> int:
        """Give the simulated time in microseconds."""
        return self.engine.now_us

    @property
    def tasks(self) -> list[Task]:
        """Give the tasks."""
        return self.scenario.spec.tasks

    @property
    def task(self) -> Task | None:
        """Give the present task, None when all are done."""
        return self.tasks[self.task_number] if self.task_number < len(self.tasks) else None

    def server(self) -> ApiServer | None:
        """Give the API server that answers now."""
        found: ApiServer | None = server_of(self.network)
        return found

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

    def completions(self, line: str, terminal: str) -> list[str]:
        """Give what the last word of a line could become."""
        word = line.rpartition(" ")[2]
        login = self.terminals[terminal].login
        folder, slash, start = word.rpartition("/")
        base = (folder or "/") if slash else ""
        try:
            files = [f"{folder}/{n}" if slash else n for n in login.view.list(login.shell.path(base or "."))]
        except OSError:
            files = []
        store = self.store()
        names = [obj["metadata"]["name"] for r in ("nodes", "pods", "deployments") for obj in store.list(r)] if store else []
        return sorted({each for each in [*files, *names] if each.startswith(word) and word})[:200]

    def set_scheduler_pick(self, pick: Any) -> None:
        """Let somebody choose among equally good nodes: the replay of a recording of a real cluster."""
        for host in self.network.hosts.values():
            host.disks["scheduler.pick"] = pick

    # ---- time -------------------------------------------------------------------------------------------------
    def advance(self, until_us: int, *, max_events: int | None = None) -> int:
        """Let simulated time pass."""
        return self.engine.advance(until_us, max_events=max_events)

    # ---- inputs -----------------------------------------------------------------------------------------------
    def _record(self, kind: str, data: str, terminal: str = "") -> None:
        self.inputs.append(Input(self.engine.now_us, kind, data, terminal))

    def type(self, line: str, *, terminal: str = "", sink: Sink) -> Job:
        """Type a line; it runs as time passes."""
        name = terminal or self.main_terminal
        self._record("line", line, name)
        return self._submit(line, name, sink)

    def _submit(self, line: str, name: str, sink: Sink) -> Job:
        with self.engine.because((Cause("line", self.engine.now_us, f"$ {line}"),)):
            return self.terminals[name].submit(line, sink)

    def run(
        self, line: str, *, terminal: str = "", patience_seconds: float = 1800, sink: Sink | None = None
    ) -> Result:
        """Type a line and let time pass until it ends; after `patience_seconds` Ctrl-C is typed (status 130)."""
        name = terminal or self.main_terminal
        chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}

        def both(data: bytes, stream: str) -> None:
            chunks[stream].append(data)
            if sink:
                sink(data, stream)

        job = self.type(line, terminal=name, sink=both)
        limit_us = self.engine.now_us + microseconds(patience_seconds)
        self._wait(job, limit_us)
        if job.running:
            self._record("interrupt", "", name)
            job.interrupt()
            both(f"kubedrill: interrupted after {patience_seconds:g} s of simulated time (--patience)\n".encode(), "stderr")
        self.terminals[name].check()
        out, err = (b"".join(chunks[s]).decode(errors="replace") for s in ("stdout", "stderr"))
        return Result(job.status if job.status is not None else 130, out, err)

    def _wait(self, job: Job, limit_us: int) -> None:
        if job.running:
            self.engine.advance(limit_us, stop=lambda: not job.running)

    def interrupt(self, terminal: str) -> None:
        """Type Ctrl-C."""
        job = self.terminals[terminal].job
        if job is not None and job.running:
            self._record("interrupt", "", terminal)
            job.interrupt()

    def stdin(self, text: str, terminal: str) -> None:
        """Give text to the program in the foreground; none of those modelled reads it yet."""

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises LabError for less than nothing."""
        if seconds < 0:
            raise LabError("time cannot go backwards; :undo takes lines back")
        self._record("wait", str(microseconds(seconds)))
        self.advance(self.engine.now_us + microseconds(seconds))

    def fault(self, name: str, host: str, *, end: bool = False) -> None:
        """Inject a fault, or take it back. Raises LabError."""
        with self.engine.because((Cause("fault", self.engine.now_us, f"fault {name} {host}"),)):
            faults.inject(self.network, name, host, end=end)
        self._record("fault", json.dumps([name, host, end]))

    def do_steps(self, steps: Steps, *, record: bool = True, terminal: str = "") -> list[Result]:
        """Do steps of a scenario."""
        done = []
        for step in steps:
            if isinstance(step, str):
                done.append(self.run(step, terminal=terminal))
            else:
                done.append(self._do(step))
        if not record:
            self.inputs.clear()
        return done

    def _do(self, step: Step) -> Result:
        if step.line is not None:
            return self.run(step.line)
        if step.answer is not None:
            task = self.task
            if isinstance(step.answer, dict) and task is not None:
                goal = next(g for g in task.goals if g.answer is not None)
                assert goal.answer is not None
                self.answer(goals.correct_text(goal.answer["correct"], self))
            else:
                self.answer(str(step.answer))
        elif step.wait is not None:
            self.wait(times.parse_duration(step.wait))
        elif step.fault is not None:
            self.fault(step.fault, step.host, end=step.end)
        elif step.until is not None:
            limit_us = self.engine.now_us + microseconds(times.parse_duration(step.at_most))
            while goals.holds(step.until, self, None) and self.engine.now_us < limit_us:
                self.advance(self.engine.now_us + SECOND_US // 2)
            if goals.holds(step.until, self, None):
                raise LabError(f"still not true after {step.at_most}: {step.until.object}")
        return Result(0, "", "")

    # ---- tasks ------------------------------------------------------------------------------------------------
    def _enter(self, number: int) -> None:
        self.task_number = number
        task = self.task
        if task is None:
            return
        if task.restore_from:
            self._restore(task.restore_from, number)
        kept = list(self.inputs)
        self.do_steps(task.on_enter)
        self.inputs = kept
        self.entered[task.name] = len(self.inputs)

    def _restore(self, name: str, number: int) -> None:
        """Take the world back to the moment a task was entered; progress and the recording stay."""
        count = self.entered[name]
        twin = self._rebuilt(self.inputs[:count])
        self.engine, self.network, self.terminals = twin.engine, twin.network, twin.terminals
        self.task_number = number

    def answer(self, text: str) -> str:
        """Answer the present question; gives what to say."""
        task = self.task
        if task is None:
            return "all tasks are done"
        self._record("answer", text)
        self.answers[task.name] = text
        return self.check()

    def missing(self, task: Task) -> list[str]:
        """Give what to say about the goals that do not hold."""
        said = (goals.holds(goal, self, self.answers.get(task.name)) for goal in task.goals)
        return [text for text in said if text]

    def check(self) -> str:
        """Check the present task; goes on to the next when its goals hold."""
        task = self.task
        if task is None:
            return "all tasks are done"
        missing = self.missing(task)
        if missing:
            return "\n".join(f"not yet: {text}" for text in missing)
        self.passed[task.name] = True
        self._record("task", task.name)
        self._enter(self.task_number + 1)
        follow = self.task
        return f"done: {task.name}" + (f"\n{self.task_text()}" if follow else "\nall tasks are done")

    def task_text(self) -> str:
        """Write the present task."""
        task = self.task
        if task is None:
            return "all tasks are done"
        lines = [f"Task {self.task_number + 1} of {len(self.tasks)}: {in_language(task.prompt)}"]
        lines += [f"  {number}) {choice}" for number, choice in enumerate(task.choices, 1)]
        if task.goals and task.goals[0].answer is not None:
            lines.append("  answer with :answer TEXT" + (" or its number" if task.choices else ""))
        elif task.goals:
            lines.append("  when it is done: :check")
        return "\n".join(lines)

    def go_to(self, name: str) -> None:
        """Start at a task. Raises LabError."""
        numbers = [at for at, task in enumerate(self.tasks) if task.name == name]
        if not numbers:
            raise LabError(f"there is no task {name}; they are {', '.join(t.name for t in self.tasks)}")
        while self.task_number < numbers[0] and self.task is not None:
            self.solve()

    def solve(self) -> list[Result]:
        """Do the present task's first solution and go on, whether it passed or not."""
        task, number = self.task, self.task_number
        if task is None:
            return []
        done = self.do_steps(task.solutions[0])
        if self.task_number == number:
            self.check()
        if self.task_number == number:
            self.skip()
        return done

    def skip(self) -> None:
        """Leave the present task undone and go on."""
        task = self.task
        if task is not None:
            self._record("task", task.name)
            self._enter(self.task_number + 1)

    # ---- replay -----------------------------------------------------------------------------------------------
    def _rebuilt(self, inputs: list[Input]) -> Lab:
        twin = Lab(self.scenario, seed=self.seed, kubernetes=self.kubernetes)
        for each in inputs:
            twin.replay(each)
        return twin

    def replay(self, each: Input) -> None:
        """Do one recorded input at its moment."""
        if each.kind == "interrupt":
            self.advance(each.at_us)
            self.interrupt(each.terminal)
            return
        self.advance(each.at_us)
        if each.kind == "line":
            job = self.type(each.data, terminal=each.terminal, sink=_nowhere)
            if not job.running:
                self.terminals[each.terminal].check()
        elif each.kind == "wait":
            self._record("wait", each.data)
            self.advance(self.engine.now_us + int(each.data))
        elif each.kind == "fault":
            name, host, end = json.loads(each.data)
            self.fault(name, host, end=end)
        elif each.kind == "answer":
            task = self.task
            self._record("answer", each.data)
            if task is not None:
                self.answers[task.name] = each.data
        elif each.kind == "task":
            if not self.missing(self.tasks[self.task_number]):
                self.passed[each.data] = True
            self._record("task", each.data)
            self._enter(self.task_number + 1)

    def undo(self, count: int = 1) -> str:
        """Take back the last inputs that did something. Gives what to say."""
        places = [at for at, each in enumerate(self.inputs) if each.kind in ("line", "wait", "fault", "task")]
        if not places:
            return "there is nothing to undo"
        cut = places[max(0, len(places) - count)]
        gone = [each.data for each in self.inputs[cut:] if each.kind == "line"]
        self._take_over(self._rebuilt(self.inputs[:cut]), self.inputs[cut].at_us)
        return f"undone: {'; '.join(gone) or 'time'}"

    def _take_over(self, twin: Lab, at_us: int) -> None:
        twin.advance(at_us)
        twin.refusals = self.refusals
        for terminal in twin.terminals.values():
            terminal.refusals = self.refusals
        twin.hinted = self.hinted
        self.__dict__.update(twin.__dict__)

    def fork(self) -> Lab:
        """Give a second lab in the same state."""
        twin = self._rebuilt(self.inputs)
        twin.advance(self.engine.now_us)
        return twin

    # ---- saving -----------------------------------------------------------------------------------------------
    def save(self, path: Path) -> None:
        """Write the recording: a line of head, then a line an input."""
        head = {"kubedrill": SAVE_VERSION, "seed": self.seed, "kubernetes": self.kubernetes,
                "scenario": self.scenario.model_dump(exclude_defaults=True), "ends_us": self.engine.now_us}
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.write(json.dumps(head, sort_keys=True) + "\n")
            for each in self.inputs:
                out.write(json.dumps([each.at_us, each.kind, each.data, each.terminal]) + "\n")
            out.write(json.dumps({"inputs": len(self.inputs)}) + "\n")

    @staticmethod
    def load(path: Path) -> Lab:
        """Replay a saved recording. Raises LabError for one that is cut off or damaged."""
        try:
            head_line, *lines, end_line = path.read_text(encoding="utf-8").splitlines()
            if json.loads(end_line)["inputs"] != len(lines):
                raise ValueError(end_line)
            head: dict[str, Any] = json.loads(head_line)
            inputs = [Input(*json.loads(line)) for line in lines]
            text = json.dumps(head["scenario"])
            lab = Lab(parse(text, str(path)), seed=head["seed"], kubernetes=head["kubernetes"])
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(f"{path} is not a whole recording ({type(error).__name__}); nothing was changed") from None
        for each in inputs:
            lab.replay(each)
        lab.advance(head["ends_us"])
        return lab

    # ---- lab lines --------------------------------------------------------------------------------------------
    @staticmethod
    def is_lab_line(text: str) -> bool:
        """Tell whether a line speaks to the lab: a colon and a lower-case letter."""
        return len(text) > 1 and text[0] == ":" and text[1].isalpha() and text[1].islower()

    def lab_line(self, text: str) -> str:
        """Do a lab line; gives what to say. Never raises for bad input."""
        from sim.lab.lines import answer_line

        try:
            return answer_line(self, text)
        except (KubedrillError, ValueError) as error:
            return f"kubedrill: {error}"


def _nowhere(data: bytes, stream: str) -> None:
    """Drop output."""
