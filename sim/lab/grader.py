"""Judges the tasks of one lab: what holds, what is missing, what a line would print. It changes nothing in the lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.api.errors import NotSimulated
from sim.lab.goals import hosts as host_goals
from sim.lab.goals.judge import LIVE_KINDS, Verdict, Window, judge
from sim.lab.recording import LabError, Position
from sim.lab.scenario import Goal, Task
from sim.shell.login import Terminal

if TYPE_CHECKING:
    from sim.lab.lab import Lab
    from sim.lab.run import Result

TRY_LINE_SECONDS = 600.0
GOAL_TERMINAL = "(goal)"


class Grader:
    """Judges goals for a lab. Host goals that look over time are sampled from the moment their window opens."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._samples: dict[str, list[tuple[int, bool]]] = {}
        self._twin: Lab | None = None
        self._twin_at = Position(-1, -1)

    # ---- tasks ------------------------------------------------------------------------------------------------
    def window(self, task: Task, *, asked: bool = True) -> Window:
        """Give the window in which a task's goals look: from its entry to now, or to the moment it was left."""
        lab = self.lab
        entry = lab.progress.entered.get(task.name)
        start_us = entry.position.at_us if entry is not None else lab.origin_us
        return Window(start_us, lab.now_us, lab.progress.answers.get(task.name), asked)

    def verdicts(self, task: Task, *, asked: bool = True) -> list[Verdict]:
        """Judge a task's goals. asked: also run lines and tell details."""
        window = self.window(task, asked=asked)
        return [judge(goal, self.lab, window) for goal in task.goals]

    def whole_lab(self) -> list[Verdict]:
        """Judge the goals of the whole lab, from time 0 to now."""
        window = Window(self.lab.origin_us, self.lab.now_us)
        return [judge(goal, self.lab, window) for goal in self.lab.scenario.spec.goals]

    def live(self, task: Task) -> list[tuple[bool, str]]:
        """Judge what can be judged at every repaint: (holds, what is as wanted or why not) of each live goal."""
        window = self.window(task, asked=False)
        found = [(goal, judge(goal, self.lab, window)) for goal in task.goals if goal.kind in LIVE_KINDS]
        return [(verdict.holds, f"{goal.about} as wanted" if verdict.holds else verdict.why) for goal, verdict in found]

    def holds(self, goal: Goal) -> bool:
        """Tell whether a goal holds now, for steps that wait for it."""
        return judge(goal, self.lab, Window(self.lab.now_us, self.lab.now_us, asked=goal.kind == "line")).holds

    # ---- hosts over time --------------------------------------------------------------------------------------
    def forget_samples(self) -> None:
        """Forget what was sampled: the world is a new one."""
        self._samples = {}

    def watch_hosts(self, goals: list[Goal]) -> None:
        """Sample the host goals that look over time, after each simulation event from now on."""
        for goal in goals:
            inner = [goal.always, goal.never, *(goal.order or [])]
            inner += [goal.within.of, goal.within.then] if goal.within is not None else []
            for each in inner:
                if each is None or each.host is None or each.model_dump_json() in self._samples:
                    continue
                samples = self._samples[each.model_dump_json()] = [(self.lab.now_us, host_goals.holds(each, self.lab))]
                self.lab.world.observers.append(self._sampler(each, samples))

    def _sampler(self, goal: Goal, samples: list[tuple[int, bool]]) -> Callable[[], None]:
        def look() -> None:
            truth = host_goals.holds(goal, self.lab)
            if truth != samples[-1][1]:
                samples.append((self.lab.now_us, truth))

        return look

    def samples_of(self, goal: Goal) -> list[tuple[int, bool]]:
        """Give the moments at which a sampled host goal turned."""
        return [*self._samples.get(goal.model_dump_json(), []), (self.lab.now_us, host_goals.holds(goal, self.lab))]

    # ---- lines ------------------------------------------------------------------------------------------------
    def try_line(self, line: str, host: str = "") -> Result:
        """Run a line on a host in a fork of the lab: it reads what is there and leaves no trace.

        Raises NotSimulated where the line was refused, LabError where it wrote.
        """
        twin = self._fork()
        name = host or self.lab.terminals[self.lab.main_terminal].logins[0].host.name
        login = twin.terminals[GOAL_TERMINAL] = Terminal(twin.network.hosts, name)
        login.refusals = twin.refusals
        refused, before_us = len(twin.refusals), twin.now_us
        done = twin.run(line, terminal=GOAL_TERMINAL, patience_seconds=TRY_LINE_SECONDS)
        if len(twin.refusals) > refused:
            raise NotSimulated(f"{twin.refusals[-1]}, in the goal's line `{line}`")
        wrote = [change for _, change in twin.world.history() if change.at_us > before_us and change.by.startswith("kubectl")]
        if wrote:
            raise LabError(f"a goal's line may only read, but `{line}` changed {wrote[0].key.resource}/{wrote[0].key.name}")
        return done

    def output_of(self, line: str) -> str:
        """Give what a line would print now."""
        return self.try_line(line).stdout.strip()

    def _fork(self) -> Lab:
        """Give a fork of the lab as it is now; made once for several lines."""
        if self._twin is None or self._twin_at != self.lab.position:
            self.drop_fork()
            self._twin, self._twin_at = self.lab.fork(), self.lab.position
        return self._twin

    def drop_fork(self) -> None:
        """Let go of the fork."""
        if self._twin is not None:
            self._twin.close()
            self._twin = None
