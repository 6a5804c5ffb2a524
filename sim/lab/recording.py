"""The recording of a lab: everything that came in, append-only, and the file it is kept in.

An undo is an input too (`rewind`): it names the earlier inputs that still count, so nothing is ever lost, and the
present is a fold over the recording. A file is a line of head, a line an input, a line of foot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from sim.api.errors import KubedrillError
from sim.lab import requests

SAVE_VERSION = 2
KINDS = ("line", "text", "interrupt", "request", "lab", "rewind")


class LabError(KubedrillError):
    """Something that cannot be done in this lab; one line."""


class Position(NamedTuple):
    """A moment of a run: the simulated time, and how many simulation events had happened by then."""

    at_us: int
    events: int


@dataclass(frozen=True, slots=True)
class Input:
    """One input: what came in, when, where.

    kind: `line` (typed), `text` (standard input or keys), `interrupt` (Ctrl-C), `request` (a real client's), `lab` (said to
    the lab: `answer NO`, `wait 60000000`, `fault …`), `rewind` (data: a `Rewind`).
    revision: of the store at that moment, to find out where a replay differs.
    """

    position: Position
    kind: str
    data: str
    terminal: str = ""
    revision: int = 0

    @property
    def at_us(self) -> int:
        """Give the simulated time of the input."""
        return self.position.at_us

    @property
    def word(self) -> str:
        """Give the first word of what was said to the lab."""
        return self.data.partition(" ")[0] if self.kind == "lab" else ""

    @property
    def rest(self) -> str:
        """Give the rest of it."""
        return self.data.partition(" ")[2]

    @property
    def acts(self) -> bool:
        """Tell whether it did something that can be undone."""
        return self.kind in ("line", "text", "request") or self.word in ("wait", "fault", "passed", "skipped")

    def shown(self) -> str:
        """Write it as the learner knows it."""
        if self.kind == "lab":
            if self.word == "fault":
                name, target, end = json.loads(self.rest)
                return f"the fault {name} {target}{' taken back' if end else ''}"
            words = {"wait": "a wait", "passed": f"task {self.rest} done", "skipped": f"task {self.rest} skipped"}
            return words.get(self.word, self.data)
        if self.kind == "request":
            return requests.shown(requests.read(self.data)[0])
        return self.data.strip()


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Write rising numbers as [first, last] pairs."""
    out: list[list[int]] = []
    for number in numbers:
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return out


def numbers_of(ranges: Iterable[Iterable[int]]) -> list[int]:
    """Read [first, last] pairs."""
    return [number for first, last in ranges for number in range(first, last + 1)]


@dataclass(slots=True)
class Recording:
    """All inputs, and which of them make the present (`path`, by number)."""

    inputs: list[Input] = field(default_factory=list)
    path: list[int] = field(default_factory=list)

    def add(self, each: Input) -> None:
        """Append an input; it counts from now on."""
        self.inputs.append(each)
        if each.kind != "rewind":
            self.path.append(len(self.inputs) - 1)

    def rewind(self, keep: list[int], position: Position) -> None:
        """Append a rewind: only the inputs `keep` count, and it is `position` again."""
        data = json.dumps({"keep": ranges_of(keep)})
        self.inputs.append(Input(position, "rewind", data))
        self.path = list(keep)

    def present(self) -> list[Input]:
        """Give the inputs that make the present."""
        return [self.inputs[number] for number in self.path]

    def abandoned(self) -> list[Input]:
        """Give the inputs that were undone."""
        kept = set(self.path)
        return [each for number, each in enumerate(self.inputs) if number not in kept and each.kind != "rewind"]

    def rewinds(self) -> int:
        """Count the undos."""
        return sum(each.kind == "rewind" for each in self.inputs)

    def fold(self) -> None:
        """Find the path anew from the inputs."""
        self.path = []
        for number, each in enumerate(self.inputs):
            if each.kind == "rewind":
                self.path = [n for n in numbers_of(json.loads(each.data)["keep"]) if n < number]
            else:
                self.path.append(number)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds. scenario: in wire form; end: where the run stood; digest: of the events it had led to."""

    head: dict[str, Any]
    recording: Recording
    end: Position
    digest: str


def versions() -> dict[str, str]:
    """Give the versions that a replay depends on."""
    found = {}
    for name in ("kubedrill", "bashkit"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def write(path: Path, head: dict[str, Any], recording: Recording, end: Position, digest: str) -> None:
    """Write a recording. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(json.dumps({"kubedrill": SAVE_VERSION, "versions": versions(), **head}, sort_keys=True) + "\n")
        for each in recording.inputs:
            row = [*each.position, each.kind, each.data, each.terminal, each.revision]
            out.write(json.dumps(row) + "\n")
        out.write(json.dumps({"inputs": len(recording.inputs), "end": end, "digest": digest}, sort_keys=True) + "\n")


def is_recording(path: Path) -> bool:
    """Tell whether a file looks like a recording."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip().startswith(b'{"') and not path.name.endswith((".yaml", ".yml"))
    except OSError:
        return False


def read(path: Path) -> Saved:
    """Read a recording. Raises LabError for one that is cut off or damaged, OSError."""
    try:
        head_line, *lines, foot_line = path.read_text(encoding="utf-8").splitlines()
        head, foot = json.loads(head_line), json.loads(foot_line)
        if head["kubedrill"] != SAVE_VERSION:
            raise LabError(f"{path} was saved by another format ({head['kubedrill']}, here {SAVE_VERSION}); it cannot be replayed")
        inputs = [_input(json.loads(line)) for line in lines]
        if foot["inputs"] != len(inputs):
            raise ValueError("inputs are missing")
        recording = Recording(inputs)
        recording.fold()
        end, digest = Position(*map(int, foot["end"])), str(foot["digest"])
        if not isinstance(head["scenario"], dict) or not isinstance(head["seed"], int) or not isinstance(head["kubernetes"], str):
            raise TypeError("head")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(f"{path} is not a whole recording ({type(error).__name__}): it is cut off or damaged") from None
    return Saved(head, recording, end, digest)


def _input(row: Any) -> Input:
    at_us, events, kind, data, terminal, revision = row
    if kind not in KINDS or not all(isinstance(each, str) for each in (data, terminal)):
        raise ValueError(kind)
    return Input(Position(int(at_us), int(events)), kind, data, terminal, int(revision))
