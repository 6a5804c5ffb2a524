"""Scenario files: what they may say, read strictly, every fault with its place.

The words are fixed by the project's contract; keys that are not modelled yet are errors, not ignored.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sim.api.errors import KubedrillError
from sim.versions import catalogue

VERSION = re.compile(r"1\.\d+\.\d+")
Text = str | dict[str, str]
FILE_BYTES_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a scenario file. code: for `kubedrill explain`."""

    file: str
    line: int
    column: int
    path: str
    message: str
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message} ({self.code})"

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


class ScenarioError(KubedrillError):
    """A scenario that cannot be used; carries every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Model(BaseModel):
    """Unknown keys are errors; nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Versions(Model):
    """Versions that the lab is proven on."""

    kubernetes: str

    @field_validator("kubernetes")
    @classmethod
    def _full(cls, value: str) -> str:
        if not VERSION.fullmatch(value):
            raise ValueError(f"not a full patch version: {value} (write 1.33.1, in quotes)")
        return value


class Node(Model):
    """A node of a cluster."""

    name: str
    role: Literal["control-plane", "worker"] = "worker"
    zone: str = ""
    cpu: int | str = 2
    memory: str = "4Gi"
    pods: int = 110
    taints: list[str] | None = None
    labels: dict[str, str] = {}
    address: str = ""
    kubelet: str = ""
    present: bool = True


class Cluster(Model):
    """A cluster."""

    name: str = "kubernetes"
    installer: Literal["kubeadm", "systemd"] = "kubeadm"
    nodes: list[Node] = Field(min_length=1)
    addons: list[str] = ["flannel", "coredns"]
    extraArgs: dict[str, dict[str, str]] = {}


class ImageSpec(Model):
    """How an image behaves, in seconds."""

    pull_seconds: float | int = 0
    start_seconds: float | int = 1
    stop_seconds: float | int = 0.5
    run_seconds: float | int | None = None
    stops_on_term: bool = True


class TerminalSpec(Model):
    """A terminal: where its first login is."""

    name: str
    host: str
    user: str = "root"


class Goal(Model):
    """One goal: an object, or an answer; `why` is said while it does not hold."""

    object: str | None = None
    where: dict[str, Any] = {}
    count: int | dict[str, int] | None = None
    absent: bool = False
    namespace: str = "default"
    answer: dict[str, Any] | None = None
    why: Text = ""


class Step(Model):
    """A step that is not a plain line."""

    line: str | None = None
    answer: str | dict[str, str] | None = None
    wait: str | None = None
    until: Goal | None = None
    at_most: str = "10m"
    fault: str | None = None
    host: str = ""
    end: bool = False


Steps = list[Annotated[str | Step, Field(union_mode="left_to_right")]]


class Mistake(Model):
    """Steps that must not pass, and the goal's `why` that the learner is told."""

    steps: Steps
    why: Text


class Task(Model):
    """One question or job."""

    name: str
    prompt: Text
    points: int = 1
    choices: list[str] = []
    on_enter: Steps = []
    restore_from: str = ""
    goals: list[Goal] = []
    hints: list[Text] = []
    solutions: list[Steps] = Field(min_length=1)
    mistakes: list[Mistake] = []


class Spec(Model):
    """What a scenario is made of."""

    minutes: int = 15
    date: str = ""
    versions: list[Versions] = Field(min_length=1)
    clusters: list[Cluster] = Field(min_length=1, max_length=1)
    terminals: list[TerminalSpec] = []
    files: dict[str, str] = {}
    images: dict[str, ImageSpec] = {}
    setup: Steps = []
    tasks: list[Task] = Field(min_length=1)

    def first_day(self, kubernetes: str) -> str:
        """Give the day the lab starts: `date`, else 60 days after the version was released."""
        return self.date or str(catalogue.release_date(kubernetes) + datetime.timedelta(days=60))


class Metadata(Model):
    """Names of a scenario."""

    name: str
    topic: str
    level: int = 1
    title: Text


class Scenario(Model):
    """A scenario file."""

    apiVersion: Literal["kubedrill.dev/v1"]
    kind: Literal["Scenario"]
    metadata: Metadata
    spec: Spec


def in_language(text: Text, language: str = "en") -> str:
    """Give a learner-facing text in a language, English where it is missing."""
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


Marks = dict[tuple[str | int, ...], tuple[int, int]]


def _construct(node: yaml.Node, path: tuple[str | int, ...], marks: Marks, file: str, faults: list[Problem]) -> Any:
    marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in out:
                faults.append(Problem(file, *place, _dotted((*path, key)), "duplicate key", "E002"))
            marks[(*path, key, "@key")] = place
            out[key] = _construct(value, (*path, key), marks, file, faults)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, at), marks, file, faults) for at, item in enumerate(node.value)]
    if node.tag == "tag:yaml.org,2002:float" and path and path[-1] == "kubernetes":
        return str(node.value)
    if node.tag == "tag:yaml.org,2002:timestamp":
        return str(node.value)
    return yaml.SafeLoader("").construct_object(node)


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path) or "(file)"


def read(text: str, file: str) -> tuple[Any, Marks]:
    """Read YAML with the place of everything. Raises ScenarioError."""
    if len(text) > FILE_BYTES_MAX:
        raise ScenarioError([Problem(file, 1, 1, "(file)", "larger than 2 MB", "E001")])
    marks: Marks = {}
    faults: list[Problem] = []
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _construct(node, (), marks, file, faults) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = getattr(error, "problem", None) or "not YAML"
        raise ScenarioError([Problem(file, line, column, "(file)", str(problem), "E001")]) from None
    if faults:
        raise ScenarioError(faults)
    return data, marks


def parse(text: str, file: str) -> Scenario:
    """Read a scenario. Raises ScenarioError with every problem."""
    data, marks = read(text, file)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError([_problem(each, marks, file) for each in error.errors()]) from None
    problems = _consistency(scenario, marks, file)
    if problems:
        raise ScenarioError(problems)
    return scenario


def _problem(error: Any, marks: Marks, file: str) -> Problem:
    path = tuple(part for part in error["loc"] if part not in ("str", "Step", "int", "list[str]"))
    place = (1, 1)
    for length in range(len(path), -1, -1):
        found = marks.get((*path[:length], "@key")) or marks.get(path[:length])
        if found:
            place = found
            break
    code = {"extra_forbidden": "E003", "missing": "E004"}.get(error["type"], "E005")
    message = "unknown key" if code == "E003" else "required, but missing" if code == "E004" else error["msg"]
    return Problem(file, *place, _dotted(path), message.removeprefix("Value error, "), code)


def _consistency(scenario: Scenario, marks: Marks, file: str) -> list[Problem]:
    """Find what the shape alone does not show."""
    problems = []

    def add(path: tuple[str | int, ...], message: str, code: str) -> None:
        problems.append(Problem(file, *marks.get(path, (1, 1)), _dotted(path), message, code))

    hosts = [node.name for node in scenario.spec.clusters[0].nodes]
    if len(set(hosts)) != len(hosts):
        add(("spec", "clusters", 0, "nodes"), "two nodes have the same name", "E006")
    if not any(node.role == "control-plane" for node in scenario.spec.clusters[0].nodes):
        add(("spec", "clusters", 0, "nodes"), "a cluster needs a control-plane node", "E006")
    for at, terminal in enumerate(scenario.spec.terminals):
        if terminal.host not in hosts:
            add(("spec", "terminals", at, "host"), f"there is no host {terminal.host}", "E006")
    names = [task.name for task in scenario.spec.tasks]
    for at, task in enumerate(scenario.spec.tasks):
        if names.index(task.name) != at:
            add(("spec", "tasks", at, "name"), f"a second task named {task.name}", "E007")
        if task.restore_from and task.restore_from not in names[:at]:
            add(("spec", "tasks", at, "restore_from"), f"no earlier task {task.restore_from}", "E007")
        for number, goal in enumerate(task.goals):
            if (goal.object is None) == (goal.answer is None):
                add(("spec", "tasks", at, "goals", number), "a goal has either `object` or `answer`", "E008")
    for path in scenario.spec.files:
        host, colon, name = path.partition(":")
        if host not in hosts or not colon or not name.startswith("/") or ".." in name.split("/"):
            add(("spec", "files", path), "write HOST:/absolute/path, without ..", "E009")
    return problems


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises ScenarioError or OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError([Problem(str(path), 1, 1, "(file)", "not UTF-8 text", "E001")]) from None
    return parse(text, str(path))


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of scenario files."""
    return Scenario.model_json_schema()
