"""Scenario files: what they may say, read strictly, every fault with its place.

`model` holds the words, `read` the YAML with its places, `rules` what the shape alone does not show, `catalogue` where
the files are. It runs nothing; a scenario can do nothing on the reader's machine.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sim.lab.scenario.model import (
    Cluster,
    Goal,
    Mistake,
    Scenario,
    Step,
    Steps,
    Task,
    TimelineFault,
    filled,
    in_language,
    json_schema,
    seeded,
)
from sim.lab.scenario.read import Problem, ScenarioError, problems_of, read_text, validated
from sim.lab.scenario.rules import check

__all__ = [
    "Cluster", "Goal", "Mistake", "Problem", "Scenario", "ScenarioError", "Step", "Steps", "Task", "TimelineFault",
    "in_language", "json_schema", "load", "load_steps", "parse", "seeded"]


def parse(text: str, file: str) -> Scenario:
    """Read a scenario. Raises ScenarioError with every problem."""
    scenario, marks, problems = validated(Scenario, text, file)
    if scenario is not None:
        first = {name: param.one_of[0] for name, param in scenario.spec.params.items()}
        try:
            problems = problems + check(scenario, filled(scenario, first), marks, file)
        except ValidationError as error:
            problems = problems + problems_of(error, marks, file)
    if problems or scenario is None:
        raise ScenarioError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    found: Scenario = scenario
    return found


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises ScenarioError or OSError."""
    return parse(read_text(path), str(path))


def load_steps(path: Path) -> Steps:
    """Read a list of steps in a file of its own (`--script`), the same words as in scenarios. Raises ScenarioError."""
    steps, _, problems = validated(Steps, read_text(path), str(path))
    if problems or steps is None:
        raise ScenarioError(problems)
    found: Steps = steps
    return found
