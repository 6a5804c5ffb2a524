"""Where scenarios are: the built-in ones by name, others by path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.lab.recording import LabError
from sim.lab.scenario import in_language, load

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
NOT_SCENARIOS = ("images.yaml",)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue."""

    name: str
    topic: str
    level: int
    minutes: int
    tasks: int
    points: int
    title: str

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


def files(folder: Path = FOLDER) -> list[Path]:
    """List the scenario files of a folder."""
    return sorted(path for path in folder.glob("*.yaml") if path.name not in NOT_SCENARIOS)


def find(name: str) -> Path:
    """Give the file of a catalogue name or a path. Raises LabError."""
    inside = FOLDER / f"{name}.yaml"
    if "/" not in name and inside.exists():
        return inside
    if Path(name).is_file():
        return Path(name)
    if Path(name).is_dir():
        raise LabError(f"{name} is a folder; give the path of one scenario file")
    near = [path.stem for path in files() if name[:4] and path.stem.startswith(name[:4])]
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise LabError(f"no scenario {name}{hint}; `kubedrill list` shows them, or give the path of a file")


def expand(paths: Iterable[str]) -> list[Path]:
    """Give the scenario files of files and folders. Raises LabError."""
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = files(path)
            if not inside:
                raise LabError(f"there is no scenario (*.yaml) in {text}")
            found += inside
        else:
            found.append(find(text))
    return list(dict.fromkeys(found))


def list_scenarios() -> list[Entry]:
    """List the built-in scenarios: the easiest first."""
    rows = []
    for path in files():
        if path.name.startswith("_"):
            continue
        scenario = load(path)
        data, tasks = scenario.metadata, scenario.spec.tasks
        rows.append(Entry(data.name, data.topic, data.level, scenario.spec.minutes, len(tasks), sum(t.points for t in tasks),
                          in_language(data.title)))
    return sorted(rows, key=lambda row: (row.level, row.name))
