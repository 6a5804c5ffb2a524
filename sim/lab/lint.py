"""Static checks of scenario files, and what their codes mean."""

from __future__ import annotations

from pathlib import Path

from sim.lab.scenario import Problem, ScenarioError, load

CODES = {
    "E001": "The file is not YAML, not UTF-8, or larger than 2 MB.",
    "E002": "A key stands twice in the same mapping; YAML would silently keep the last.",
    "E003": "A key that scenarios do not have. Check its spelling and its place.",
    "E004": "A key that must be there is missing.",
    "E005": "A value of the wrong type or form. Versions are full patch versions in quotes: \"1.33.1\".",
    "E006": "An impossible cluster or terminal: names twice, no control plane, an unknown host.",
    "E007": "Tasks: a name twice, or `restore_from` that names no earlier task.",
    "E008": "A goal needs exactly one of `object` and `answer`.",
    "E009": "A path of `files` must be HOST:/absolute/path, without `..`.",
}


def lint(path: Path) -> list[Problem]:
    """List the problems of a file."""
    try:
        load(path)
    except ScenarioError as error:
        return error.problems
    return []


def explain(code: str) -> str | None:
    """Say what a code means, None for an unknown one."""
    return CODES.get(code.upper())
