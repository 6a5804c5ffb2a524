"""A run: one world, what was typed into it, and how that is replayed.

A run knows nothing of tasks; `lab.Lab` adds them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sim.api.client import Request, Response
from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.apiserver.server import ApiServer
from sim.engine import Cause, Engine, microseconds
from sim.etcd.store import Store
from sim.host.network import Network
from sim.lab import requests
from sim.lab.recording import Input, LabError, Position, Recording
from sim.lab.scenario import Scenario, seeded
from sim.lab.world import Typed, World
from sim.shell.editor.view import FullScreen
from sim.shell.job import Job
from sim.shell.login import Sink, Terminal

PATIENCE_SECONDS = 1800.0
WAIT_SECONDS_MOST = 366 * 86400
SCENARIO = "(scenario) "
"""Before the text of a cause: the scenario itself did it, not the learner."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a line printed, and its status. both: its two streams in the order in which they came."""

    status: int
    stdout: str
    stderr: str
    both: str = ""


class Run:
    """A scenario's world at one seed and version, and the recording of what came in."""

    world: World

    def __init__(
        self, scenario: Scenario, *, seed: int = 0, kubernetes: str | None = None, history: bool = True
    ) -> None:
        self.source = scenario
        self.history = history
        self.seed = seed
        self.kubernetes = kubernetes or scenario.spec.versions[0].kubernetes
        self.scenario = seeded(scenario, seed, self.kubernetes)
        self.recording = Recording()
        self.differs = ""
        """What to say where a replay did not lead to what its recording carries."""
        self.patience_seconds = PATIENCE_SECONDS
        self.columns: int | None = None
        """How wide the front end's screen is; None where nobody looks at one."""
        self._sinks: dict[str, Sink] = {}
        self._quiet = 0
        self._replaying = False

    # ---- for those who know of tasks --------------------------------------------------------------------------
    def begin(self) -> None:
        """Build the world and make it ready for the first input."""
        self.world = World(self.scenario, seed=self.seed, kubernetes=self.kubernetes, history=self.history)
        self.world.begin()

    def apply_lab(self, each: Input, number: int) -> None:
        """Do what was said to the lab; `number` is the input's place among those that count."""

    def forget(self) -> None:
        """Let go of what was known of the present moment."""

    # ---- building and replaying ---------------------------------------------------------------------------------
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
            self.begin()
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
        return self.world.revision()

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
        elif each.kind == "request":
            with suppress(StatusError, TransportError, NotSimulated):
                self._handle(*requests.read(each.data))
        elif each.kind == "lab":
            self.apply_lab(each, number)

    # ---- what there is ------------------------------------------------------------------------------------------
    @property
    def position(self) -> Position:
        """Give where the run stands."""
        return Position(self.engine.now_us, self.engine.events_processed)

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
    def inputs(self) -> list[Input]:
        """Give the inputs that make the present."""
        return self.recording.present()

    def server(self, cluster: str = "") -> ApiServer | None:
        """Give the API server of a cluster that answers now; without a name of the first."""
        return self.world.server(cluster)

    def store(self, cluster: str = "") -> Store | None:
        """Give the store of a cluster, for boards and goals; None while no server answers."""
        server = self.server(cluster)
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

    # ---- time ---------------------------------------------------------------------------------------------------
    def advance(self, until_us: int, *, max_events: int | None = None) -> int:
        """Let simulated time pass."""
        return self.world.advance(until_us, max_events=max_events)

    def pass_time(
        self, real_seconds: float, rate: float, terminal: str, max_events: int, *, stop: Callable[[], bool] | None = None
    ) -> None:
        """Let `real_seconds * rate` of time pass, for a front end; stops where the foreground line of a terminal ends.

        stop: asked after each simulation event whether to stop there.
        """
        job = self.terminals[terminal].job
        waiting = job if job is not None and job.running else None

        def ended() -> bool:
            return (waiting is not None and not waiting.running) or (stop is not None and stop())

        self.world.advance(self.now_us + microseconds(real_seconds * rate), max_events=max_events, stop=ended)

    def settle(self, limit_seconds: float = 600.0) -> bool:
        """Let time pass until the store has not changed for ten seconds; False when the limit came first."""
        limit_us, step_us = self.now_us + microseconds(limit_seconds), microseconds(10)
        while self.now_us < limit_us:
            before = self._revision()
            self.wait(min(step_us, limit_us - self.now_us) / 1e6)
            if self._revision() == before:
                return True
        return False

    # ---- inputs -------------------------------------------------------------------------------------------------
    def _record(self, kind: str, data: str, terminal: str = "") -> None:
        self.forget()
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
        job = self.terminals[name].job
        if job is not None and self.screen(name) is not None:
            self.stdin(line + "\n", name)  # an editor is open: these are its keys
            return job
        self._record("line", line, name)
        return self._submit(line, name)

    def _terminal(self, name: str) -> str:
        name = name or self.main_terminal
        if name not in self.terminals:
            raise LabError(f"there is no terminal {name}; there are {', '.join(self.terminals)}")
        return name

    def _submit(self, line: str, name: str) -> Job:
        terminal = self.terminals[name]
        terminal.columns = self.columns
        if not self._quiet:
            self.world.typed.append(Typed(self.now_us, name, terminal.login.host.name, line))
        words = f"{SCENARIO if self._quiet else ''}$ {line}"
        with self.engine.because((Cause("line", self.now_us, words),)):
            return terminal.submit(line, lambda data, stream: self._emit(name, data, stream))

    def run(
        self, line: str, *, terminal: str = "", patience_seconds: float | None = None, sink: Sink | None = None
    ) -> Result:
        """Type a line and let time pass until it ends; when patience runs out Ctrl-C is typed (status 130).

        An editor that it opens stays open and waits for keys: the result is then 0, and what is typed next goes to it.
        """
        name = self._terminal(terminal)
        chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": [], "both": []}
        front = sink or self._sinks.get(name)

        def both(data: bytes, stream: str) -> None:
            chunks[stream].append(data)
            chunks["both"].append(data)
            if sink:
                sink(data, stream)

        job = self.type(line, terminal=name, sink=both)
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        self.go_on(name, patience)
        if job.running and self.screen(name) is None:
            self._record("interrupt", "", name)
            self._interrupt(name)
            both(f"kubedrill: interrupted after {patience:g} s of simulated time (--patience)\n".encode(), "stderr")
        if front is not None:
            self._sinks[name] = front
        self.terminals[name].check()
        texts = [b"".join(chunk).decode(errors="replace") for chunk in chunks.values()]
        return Result(job.status if job.status is not None else 0 if self.screen(name) is not None else 130, *texts)

    def screen(self, terminal: str) -> FullScreen | None:
        """Give the program that has the whole terminal and waits for keys, an editor; None for bash and all others."""
        return self.terminals[terminal].screen

    def go_on(self, terminal: str, seconds: float) -> None:
        """Let time pass until the foreground line of a terminal has ended, or has opened an editor that waits for keys."""
        job = self.terminals[terminal].job

        def rests() -> bool:
            return job is None or not job.running or self.screen(terminal) is not None

        if not rests():
            self.world.advance(self.now_us + microseconds(seconds), stop=rests)

    def request(self, request: Request, cluster: str = "") -> Response:
        """Pass a real client's write to a cluster's API server. Raises StatusError, TransportError, NotSimulated."""
        self._record("request", requests.write(request, cluster))
        return self._handle(request, cluster)

    def _handle(self, request: Request, cluster: str) -> Response:
        server = self.world.server(cluster)
        if server is None:
            raise TransportError("refused", "connect: connection refused")
        with self.engine.because((Cause("line", self.now_us, requests.shown(request)),)):
            return server.handle(request)

    def interrupt(self, terminal: str = "") -> None:
        """Type Ctrl-C; in an editor it is a key like another."""
        name = self._terminal(terminal)
        if self.screen(name) is not None:
            self.stdin("\x03", name)
        elif self.busy(name):
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
        if seconds > WAIT_SECONDS_MOST:
            raise LabError("that is more than a year; wait for less")
        self._record("lab", f"wait {microseconds(seconds)}")
        self.world.advance(self.now_us + microseconds(seconds))

    def jump(self, done: Callable[[], bool], seconds_most: float) -> None:
        """Let time pass, simulation event by simulation event, until something is done."""
        self._record("lab", "wait 0")
        self.world.advance(self.now_us + microseconds(seconds_most), stop=done)

    def fault(self, name: str, host: str, *, end: bool = False) -> None:
        """Inject a fault, or take it back. Raises FaultError or NotSimulated; then nothing is recorded."""
        position, revision = self.position, self._revision()
        self.world.fault(name, host, end)
        self.forget()
        if not self._quiet and not self._replaying:
            self.recording.add(Input(position, "lab", f"fault {json.dumps([name, host, end])}", "", revision))
