"""The debrief: how a run went and what it cost the applications, computed from the history and the recording."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.api import objects
from sim.api.client import Change
from sim.lab.goals.moments import happened
from sim.lab.scenario import in_language
from sim.lab.telling.clock import clock, span

if TYPE_CHECKING:
    from sim.lab.lab import Lab

WORKLOADS = {"deployments": "status.availableReplicas", "statefulsets": "status.readyReplicas"}
RISKS_MOST = 12
SECOND = 1_000_000


@dataclass(slots=True)
class TaskRow:
    """How one task went. outcome: passed, skipped, FAILED or "not reached"."""

    name: str
    outcome: str
    points: int
    points_most: int
    seconds: float | None
    hints: int
    tries: int
    why: str = ""


@dataclass(slots=True)
class Availability:
    """What a workload went through: seconds below its wanted replicas, seconds with none, the fewest it had."""

    below_seconds: float = 0.0
    zero_seconds: float = 0.0
    fewest: int | None = None


@dataclass(slots=True)
class Debrief:
    """How a run went."""

    scenario: str
    seed: int
    kubernetes: str
    seconds: float
    lines: int
    hints: int
    undos: int
    undone_lines: int
    points: int
    points_most: int
    tasks: list[TaskRow] = field(default_factory=list)
    whole_lab: list[tuple[bool, str]] = field(default_factory=list)
    availability: dict[str, Availability] = field(default_factory=dict)
    evictions: list[str] = field(default_factory=list)
    risks: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return asdict(self)


def debrief(lab: Lab) -> Told:
    """Compute the debrief of a lab as it stands."""
    return Told(lab)


class Told:
    """The debrief of a lab, and its text."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        typed = [each for each in lab.inputs if each.kind == "line"]
        undone = [each for each in lab.recording.abandoned() if each.kind == "line"]
        rows = [_task_row(lab, number) for number in range(len(lab.tasks))]
        self.data = Debrief(
            lab.scenario.metadata.name, lab.seed, lab.kubernetes, round((lab.now_us - lab.origin_us) / SECOND, 1), len(typed),
            sum(lab.hinted.values()), lab.recording.rewinds(), len(undone), sum(row.points for row in rows),
            sum(row.points_most for row in rows), rows, _whole_lab(lab), availability(lab), _evictions(lab), _risks(lab),
            list(lab.refusals))

    def lines(self) -> list[str]:
        """Write it for people."""
        data = self.data
        counted = [f"{data.lines} lines typed", f"{data.hints} hints"]
        if data.undos:
            counted.append(f"{data.undos} undos ({data.undone_lines} lines taken back)")
        out = [f"  {data.points} of {data.points_most} points, {span(data.seconds)} of simulated time, {', '.join(counted)}"]
        out += [f"  whole lab: {'held' if holds else 'BROKEN: ' + why}" for holds, why in data.whole_lab]
        for name, was in sorted(data.availability.items()):
            if was.below_seconds or was.zero_seconds:
                out.append(f"  {name}: {was.below_seconds:.1f} s below the wanted replicas, {was.zero_seconds:.1f} s at zero"
                           f" (fewest: {was.fewest})")
        calm = [name for name, was in sorted(data.availability.items()) if not was.below_seconds]
        if calm:
            out.append(f"  never below the wanted replicas: {', '.join(calm)}")
        out.append(f"  pods evicted: {len(data.evictions)}" + (f" ({', '.join(data.evictions[:6])}{', …' if len(data.evictions) > 6 else ''})"
                                                               if data.evictions else ""))
        if data.risks:
            out.append("  moments of risk:")
            out += [f"    {risk}" for risk in data.risks]
        return out


def _task_row(lab: Lab, number: int) -> TaskRow:
    task, progress = lab.tasks[number], lab.progress
    outcome = progress.outcome.get(task.name) or ("FAILED" if number == progress.number else "not reached")
    entry, left_us = progress.entered.get(task.name), progress.left_us.get(task.name)
    seconds = round(((left_us if left_us is not None else lab.now_us) - entry.position.at_us) / SECOND, 1) if entry else None
    points = task.points if outcome == "passed" else 0
    return TaskRow(task.name, outcome, points, task.points, seconds, lab.hinted.get(task.name, 0), progress.tries.get(task.name, 0))


def _whole_lab(lab: Lab) -> list[tuple[bool, str]]:
    verdicts = lab.grader.whole_lab()
    goals = lab.scenario.spec.goals
    return [(verdict.holds, in_language(goal.why) or verdict.why) for goal, verdict in zip(goals, verdicts, strict=True)]


def availability(lab: Lab) -> dict[str, Availability]:
    """Follow every workload since the learner came."""
    found: dict[str, Availability] = {}
    last: dict[str, _State] = {}
    for cluster, change in lab.world.history():
        usable = WORKLOADS.get(change.key.resource)
        if usable is None:
            continue
        name = lab.world.named(cluster, f"{change.key.namespace}/{change.key.name}")
        _count(found, last, name, max(change.at_us, lab.origin_us))
        state = _state(change, usable)
        if state is None:
            last.pop(name, None)
        elif name in last or state[2] >= state[1]:  # what is still coming up for the first time was never down
            last[name] = state._replace(since_us=max(change.at_us, lab.origin_us))
    for name in list(last):
        _count(found, last, name, lab.now_us)
    return found


class _State(NamedTuple):
    """A workload between two changes."""

    since_us: int
    wanted: int
    usable: int


def _state(change: Change, usable: str) -> _State | None:
    if change.new is None:
        return None
    return _State(change.at_us, objects.dig(change.new, "spec.replicas", 0), objects.dig(change.new, usable, 0))


def _count(found: dict[str, Availability], last: dict[str, _State], name: str, at_us: int) -> None:
    if name not in last:
        return
    was = found.setdefault(name, Availability())
    since_us, wanted, usable = last[name]
    seconds = (at_us - since_us) / SECOND
    if wanted and seconds:
        was.below_seconds += seconds if usable < wanted else 0.0
        was.zero_seconds += 0.0 if usable else seconds
        was.fewest = usable if was.fewest is None else min(was.fewest, usable)


def _since(lab: Lab) -> list[tuple[str, Change]]:
    """Give what has changed since the learner came, and where, but for what the scenario itself had done."""
    return [(cluster, change) for cluster, change in lab.world.history() if change.at_us > lab.origin_us
            and not any(cause.kind == "line" and cause.text.startswith("(scenario)") for cause in change.causes)]


def _evictions(lab: Lab) -> list[str]:
    return [change.key.name for _, change in _since(lab) if change.key.resource == "pods" and happened(change, "evicted")]


def _risks(lab: Lab) -> list[str]:
    """Name moments at which one more loss would have hurt, and losses that nothing mended."""
    said: list[str] = []
    for cluster, change in _since(lab):
        text = RISKS.get(change.key.resource, lambda _: "")(change)
        if text:
            said.append(f"{clock(lab, change.at_us):>9}  {lab.world.named(cluster, text)}")
    return said[:RISKS_MOST] + ([f"… and {len(said) - RISKS_MOST} more"] if len(said) > RISKS_MOST else [])


def _workload_risk(change: Change) -> str:
    if change.new is None or change.old is None:
        return ""
    path = WORKLOADS[change.key.resource]
    wanted = objects.dig(change.new, "spec.replicas", 0)
    before, after = objects.dig(change.old, path, 0), objects.dig(change.new, path, 0)
    if wanted < 2 or after >= before or after > 1:
        return ""
    left = "no pod was left" if after == 0 else "only one pod was left"
    return f"{change.key.namespace}/{change.key.name}: {left} of {wanted}"


def _budget_risk(change: Change) -> str:
    if change.new is None or change.old is None:
        return ""
    before, after = (objects.dig(obj, "status.disruptionsAllowed", 0) for obj in (change.old, change.new))
    if after == 0 and before > 0:
        return f"the budget {change.key.namespace}/{change.key.name} allowed no further disruption"
    return ""


def _pod_risk(change: Change) -> str:
    old = change.old
    if change.new is not None or old is None or objects.owners(old) or objects.pod_finished(old):
        return ""
    return f"the pod {change.key.namespace}/{change.key.name} had no owner: it is lost for ever"


RISKS = {"deployments": _workload_risk, "statefulsets": _workload_risk, "poddisruptionbudgets": _budget_risk, "pods": _pod_risk}
