"""Steps in a file of their own (`--script`): a YAML list, the same words as in scenarios."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sim.lab.scenario import Problem, ScenarioError, Steps, read


def load_script(path: Path) -> Steps:
    """Read a list of steps. Raises ScenarioError."""
    data, marks = read(path.read_text(encoding="utf-8"), str(path))
    try:
        return TypeAdapter(Steps).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = marks.get(tuple(first["loc"][:1]), (1, 1))
        raise ScenarioError([Problem(str(path), *place, "(steps)", first["msg"], "E005")]) from None
