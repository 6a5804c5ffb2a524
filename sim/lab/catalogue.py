"""Where scenarios are: the built-in ones by name, others by path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.lab.lab import LabError
from sim.lab.scenario import in_language, load

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue."""

    name: str
    topic: str
    level: int
    minutes: int
    title: str

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


def find(name: str) -> Path:
    """Give the file of a catalogue name or a path. Raises LabError."""
    inside = FOLDER / f"{name}.yaml"
    if "/" not in name and inside.exists():
        return inside
    if Path(name).is_file():
        return Path(name)
    raise LabError(f"no scenario {name}; `kubedrill list` shows them, or give the path of a file")


def expand(paths: Iterable[str]) -> list[Path]:
    """Give the scenario files of files and folders. Raises LabError."""
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found += sorted(path.glob("*.yaml"))
        else:
            found.append(find(text))
    return found


def list_scenarios() -> list[Entry]:
    """List the built-in scenarios: the easiest first."""
    rows = []
    for path in sorted(FOLDER.glob("[!_]*.yaml")):
        scenario = load(path)
        data = scenario.metadata
        rows.append(Entry(data.name, data.topic, data.level, scenario.spec.minutes, in_language(data.title)))
    return sorted(rows, key=lambda row: (row.level, row.name))
