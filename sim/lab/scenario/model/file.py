"""The file itself: tasks, what a scenario is made of, its variants."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sim.engine import Stream
from sim.lab.scenario.model.goals import Goal
from sim.lab.scenario.model.steps import Steps, TimelineFault
from sim.lab.scenario.model.words import Model, Text
from sim.lab.scenario.model.world import Cluster, HostSpec, ImageSpec, Param, TerminalSpec, Versions


class Mistake(Model):
    """Steps that must not pass, and the goal's `why` that the learner is told."""

    steps: Steps
    why: Text


class Task(Model):
    """One question or job."""

    name: str
    prompt: Text
    points: int = Field(default=1, ge=0)
    restore_from: str = ""
    on_enter: Steps = []
    goals: list[Goal] = []
    hints: list[Text] = []
    solutions: list[Steps] = Field(min_length=1)
    mistakes: list[Mistake] = []

    @property
    def question(self) -> Goal | None:
        """Give the goal that wants an answer, None for a job."""
        return next((goal for goal in self.goals if goal.answer is not None), None)

    @property
    def choices(self) -> list[str | dict[str, str]]:
        """Give the choices of a question."""
        goal = self.question
        return list(goal.answer.choices) if goal is not None and goal.answer is not None else []


class Spec(Model):
    """What a scenario is made of."""

    minutes: int = Field(default=15, ge=1)
    date: str = ""
    versions: list[Versions] = Field(min_length=1)
    params: dict[str, Param] = {}
    clusters: list[Cluster] = Field(min_length=1)
    hosts: list[HostSpec] = []
    terminals: list[TerminalSpec] = []
    files: dict[str, str] = {}
    images: dict[str, ImageSpec] = {}
    setup: Steps = []
    timeline: list[TimelineFault] = []
    goals: list[Goal] = []
    tasks: list[Task] = Field(min_length=1)


class Metadata(Model):
    """Names of a scenario."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    topic: str
    level: int = Field(default=1, ge=0, le=9)
    title: Text


class Scenario(Model):
    """A scenario file."""

    apiVersion: Literal["kubedrill.dev/v1"]
    kind: Literal["Scenario"]
    metadata: Metadata
    spec: Spec

    def host_names(self) -> list[str]:
        """Name every host: the nodes' and the others."""
        nodes = [node.name for cluster in self.spec.clusters for node in cluster.nodes]
        return [*nodes, *(host.name for host in self.spec.hosts)]

    def terminal_specs(self) -> list[TerminalSpec]:
        """Give the terminals; without any, one named `main` on the first control plane."""
        first = next((n.name for n in self.spec.clusters[0].nodes if n.role == "control-plane"), "")
        return list(self.spec.terminals) or [TerminalSpec(name="main", host=first)]

    def wire(self) -> dict[str, Any]:
        """Give the scenario as the file would say it, shortest form."""
        return self.model_dump(by_alias=True, exclude_unset=True)


def filled(scenario: Scenario, values: dict[str, str]) -> Scenario:
    """Give the scenario with every `${name}` replaced. values: by parameter name."""
    if not values:
        return scenario

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            for name, text in values.items():
                value = value.replace(f"${{{name}}}", text)
            return value
        if isinstance(value, dict):
            return {fill(key): fill(inner) for key, inner in value.items()}
        return [fill(inner) for inner in value] if isinstance(value, list) else value

    return Scenario.model_validate(fill(scenario.wire()))


def seeded(scenario: Scenario, seed: int, kubernetes: str = "") -> Scenario:
    """Give the scenario with the variants that a seed chooses, and the words of a version ("" for the first)."""
    rows = scenario.spec.versions
    row = next((each for each in rows if each.kubernetes == kubernetes), rows[0])
    words = dict(row.words)
    if row.to:
        words |= {"kubernetes": kubernetes or row.kubernetes, "to": row.to, "to_minor": row.to.rpartition(".")[0],
                  "minor": (kubernetes or row.kubernetes).rpartition(".")[0]}
    params = scenario.spec.params
    chosen = {name: Stream(seed, f"params.{name}").choice(param.one_of) for name, param in params.items()}
    return filled(scenario, {**chosen, **words})


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of scenario files."""
    return Scenario.model_json_schema(by_alias=True)
