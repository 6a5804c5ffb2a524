"""The words of a scenario file, as pydantic models. Nothing is coerced; unknown keys are errors.

The words are fixed (docs/authoring.md lists them with an example each); what they mean together is checked in `rules`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from sim.api.times import parse_duration
from sim.engine import Stream

VERSION = re.compile(r"1\.\d+\.\d+")
ETCD_VERSION = re.compile(r"\d+\.\d+\.\d+(-\d+)?")


def _kind_of_text(value: Any) -> str:
    return "languages" if isinstance(value, dict) else "text"


def _kind_of_step(value: Any) -> str:
    return "line" if isinstance(value, str) else "step"


Text = Annotated[
    Annotated[str, Tag("text")] | Annotated[dict[str, str], Tag("languages")], Discriminator(_kind_of_text)]
"""A learner-facing text: one for all, or one per language (`{en: …, ko: …}`)."""


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        try:
            if parse_duration(value) < 0:
                raise ValueError(value)
        except ValueError:
            raise ValueError(f"not a duration: {value} (write 90s, 5m or 1h30m)") from None
    return value


def _regex(value: Any) -> Any:
    if isinstance(value, str):
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if re.search(r"[+*]\)[+*{]", value):
            raise ValueError("a repetition of a repetition, `(x+)+`, can take for ever")
    return value


Duration = Annotated[str, Field(json_schema_extra={"pattern": r"^(\d+(\.\d+)?(ms|s|m|h))+$"})]


class Model(BaseModel):
    """Unknown keys are errors; nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("wait", "at_most", "limit", "at", mode="after", check_fields=False)
    @classmethod
    def _durations(cls, value: Any) -> Any:
        return _duration(value)

    @field_validator("matches", "line_matches", mode="after", check_fields=False)
    @classmethod
    def _regexes(cls, value: Any) -> Any:
        return _regex(value)


class Versions(Model):
    """Versions that the lab is proven on; `to` and `etcd` where a lab moves between versions.

    extraArgs: flags of components on that version only, on top of the cluster's.
    """

    kubernetes: str
    to: str = ""
    etcd: str = ""
    extraArgs: dict[str, dict[str, str]] = {}

    @field_validator("kubernetes", "to")
    @classmethod
    def _full(cls, value: str) -> str:
        if value and not VERSION.fullmatch(value):
            raise ValueError(f"not a full patch version: {value} (write 1.33.1, in quotes)")
        return value

    @field_validator("etcd")
    @classmethod
    def _full_etcd(cls, value: str) -> str:
        if value and not ETCD_VERSION.fullmatch(value):
            raise ValueError(f"not a full etcd version: {value} (write 3.5.21, in quotes)")
        return value


class Param(Model):
    """A seeded variant: `${name}` becomes one of the values, chosen by the seed."""

    one_of: list[str] = Field(min_length=1)


class Node(Model):
    """A node of a cluster, and the host it runs on."""

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


class ExternalMember(Model):
    """A host that runs an etcd member of a cluster."""

    host: str


class ExternalEtcd(Model):
    """An etcd outside the cluster's nodes."""

    external: list[ExternalMember] = Field(min_length=1)


class Cluster(Model):
    """A cluster: who installed it, its nodes, its etcd, flags of its components, its add-ons."""

    name: str = "kubernetes"
    installer: Literal["kubeadm", "systemd", "managed"] = "kubeadm"
    nodes: list[Node] = Field(min_length=1)
    etcd: Literal["stacked"] | ExternalEtcd = "stacked"
    extraArgs: dict[str, dict[str, str]] = {}
    addons: list[str] = ["flannel", "coredns"]


class HostSpec(Model):
    """A host that is no node: a workstation, a bastion."""

    name: str
    address: str = ""


class TerminalSpec(Model):
    """A terminal: where its first login is."""

    name: str
    host: str
    user: str = "root"


class ImageSpec(Model):
    """How an image behaves, in seconds of simulated time."""

    pull_seconds: float | int = 0
    start_seconds: float | int = 1
    stop_seconds: float | int = 0.5
    run_seconds: float | int | None = None
    stops_on_term: bool = True
    exit_code: int | None = None
    ready: bool | None = None
    ready_after_seconds: float | int | None = None
    unhealthy_after_seconds: float | int | None = None
    logs: list[str] | None = None
    ports: list[int] | None = None
    memory_mib: float | int | None = None
    cpu_milli: float | int | None = None
    call_milli: float | int | None = None
    pull_error: Literal["", "not-found", "denied"] | None = None


class FileGoal(Model):
    """What is wanted of a file on a host."""

    path: str
    exists: bool = True
    owner: str = ""
    contains: str = ""
    matches: str = ""


class UnitGoal(Model):
    """What is wanted of a systemd unit on a host."""

    name: str
    active: bool | None = None
    enabled: bool | None = None
    restarted_since_entry: bool | None = None


class PackageGoal(Model):
    """What is wanted of a package on a host."""

    name: str
    version: str = ""
    held: bool | None = None


class Expect(Model):
    """What a line should do: its status, its whole output, a pattern somewhere in it."""

    exit: int | None = None
    output: str | None = None
    matches: str | None = None


class FromLine(Model):
    """The answer is what this line prints."""

    from_: str = Field(alias="from")


class Pattern(Model):
    """The answer fits this regular expression, whole, in any case."""

    matches: str


def _kind_of_correct(value: Any) -> str:
    if isinstance(value, list):
        return "alternatives"
    if isinstance(value, dict):
        return "from" if "from" in value else "pattern"
    return "text" if isinstance(value, str) else value.__class__.__name__.lower()


One = Annotated[
    Annotated[str, Tag("text")] | Annotated[FromLine, Tag("from")] | Annotated[FromLine, Tag("fromline")]
    | Annotated[Pattern, Tag("pattern")], Discriminator(_kind_of_correct)]
Correct = Annotated[
    Annotated[str, Tag("text")] | Annotated[list[One], Tag("alternatives")] | Annotated[FromLine, Tag("from")]
    | Annotated[FromLine, Tag("fromline")] | Annotated[Pattern, Tag("pattern")], Discriminator(_kind_of_correct)]


class AnswerGoal(Model):
    """A question: what is right (a text, several, a pattern, what a line prints), and the choices, if any."""

    correct: Correct
    choices: list[Text] = []


class SnapshotGoal(Model):
    """A snapshot file that must exist: whose, and taken when."""

    host: str
    path: str
    of: str = ""
    valid: bool = True
    taken_in: str = ""


class EtcdGoal(Model):
    """What is wanted of an etcd cluster."""

    cluster: str = ""
    members: int | None = None
    data_dir: str = ""
    cluster_id: Literal["changed", "unchanged"] | None = None


class Within(Model):
    """After each `of`, `then` must be true within `limit`."""

    of: Goal
    limit: Duration
    then: Goal


GOAL_KINDS = ("object", "host", "line", "answer", "always", "never", "order", "within", "snapshot", "etcd")
MOMENT_KINDS = ("line_matches", "change")
GOAL_COMPANIONS = {
    "object": {"where", "count", "absent", "namespace", "cluster"}, "host": {"file", "unit", "package"},
    "line": {"on", "expect"}, "answer": set(), "always": set(), "never": set(), "order": {"or_never"},
    "within": set(), "snapshot": set(), "etcd": set(), "line_matches": {"on"},
    "change": {"type", "where", "namespace", "cluster"}}


class Goal(Model):
    """One goal; `why` is what the learner is told while it does not hold.

    `line_matches` and `change` are moments: they stand only inside always, never, order and within.
    """

    object: str | None = None
    where: dict[str, Any] = {}
    count: int | dict[str, int] | None = None
    absent: bool = False
    namespace: str = "default"
    cluster: str = ""
    host: str | None = None
    file: FileGoal | None = None
    unit: UnitGoal | None = None
    package: PackageGoal | None = None
    line: str | None = None
    on: str = ""
    expect: Expect | None = None
    answer: AnswerGoal | None = None
    always: Goal | None = None
    never: Goal | None = None
    order: list[Goal] | None = Field(default=None, min_length=2, max_length=2)
    or_never: bool = False
    within: Within | None = None
    line_matches: str | None = None
    change: str | None = None
    type: Literal["created", "changed", "deleted", "evicted", "terminating", ""] = ""
    snapshot: SnapshotGoal | None = None
    etcd: EtcdGoal | None = None
    why: Text = ""

    @property
    def kind(self) -> str:
        """Give which goal it is: the one word of `GOAL_KINDS` and `MOMENT_KINDS` that is set."""
        return next(word for word in (*GOAL_KINDS, *MOMENT_KINDS) if getattr(self, word) is not None)

    @property
    def about(self) -> str:
        """Name what the goal looks at, in a word or two."""
        if self.object is not None:
            kind, _, selection = self.object.partition("?")
            return f"{kind} with {selection.partition('=')[2]}" if selection else kind
        return self.host or self.kind

    @model_validator(mode="after")
    def _one_kind(self) -> Goal:
        kinds = [word for word in (*GOAL_KINDS, *MOMENT_KINDS) if getattr(self, word) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise ValueError(f"a goal is exactly one of {', '.join(GOAL_KINDS)}; here: {found}")
        allowed = {"why", kinds[0], *GOAL_COMPANIONS[kinds[0]]}
        strangers = [word for word in sorted(self.model_fields_set) if word not in allowed]
        if strangers:
            raise ValueError(f"{', '.join(strangers)} does not belong to a goal of {kinds[0]}")
        return self


class Wanted(Model):
    """`{from: correct}`: whatever the task's answer goal holds for right."""

    from_: Literal["correct"] = Field(alias="from")


STEP_KINDS = ("line", "answer", "wait", "until", "interrupt", "keys", "fault")
STEP_COMPANIONS = {
    "line": {"on", "async"}, "answer": set(), "wait": set(), "until": {"at_most"}, "interrupt": set(), "keys": {"on"},
    "fault": {"host", "hosts", "target", "end", "seconds"}}


class Step(Model):
    """A step that is not a plain line. The same words in setup, solutions, mistakes, scripts and saved runs."""

    line: str | None = None
    on: str = ""
    async_: bool = Field(default=False, alias="async")
    answer: Annotated[Annotated[str, Tag("text")] | Annotated[Wanted, Tag("from")],
                      Discriminator(lambda value: "text" if isinstance(value, str) else "from")] | None = None
    wait: Duration | None = None
    until: Goal | None = None
    at_most: Duration = "10m"
    interrupt: str | None = None
    keys: list[str] | None = None
    fault: str | None = None
    host: str = ""
    hosts: list[str] = []
    target: str = ""
    seconds: float | int | None = None
    end: bool = False

    @property
    def kind(self) -> str:
        """Give which step it is."""
        return next(word for word in STEP_KINDS if getattr(self, word) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        kinds = [word for word in STEP_KINDS if getattr(self, word) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise ValueError(f"a step is a line, or exactly one of {', '.join(STEP_KINDS)}; here: {found}")
        allowed = {kinds[0], *STEP_COMPANIONS[kinds[0]]}
        strangers = [word.rstrip("_") for word in sorted(self.model_fields_set) if word.rstrip("_") not in allowed]
        if strangers:
            raise ValueError(f"{', '.join(strangers)} does not belong to a step of {kinds[0]}")
        return self


Steps = list[Annotated[Annotated[str, Tag("line")] | Annotated[Step, Tag("step")], Discriminator(_kind_of_step)]]


class TimelineFault(Model):
    """A fault that comes by itself, so long after the learner."""

    at: Duration
    fault: str
    host: str = ""
    hosts: list[str] = []
    target: str = ""
    seconds: float | int | None = None
    end: bool = False


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


def in_language(text: str | dict[str, str], language: str = "en") -> str:
    """Give a learner-facing text in a language, English where it is missing."""
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


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


def seeded(scenario: Scenario, seed: int) -> Scenario:
    """Give the scenario with the variants that a seed chooses."""
    params = scenario.spec.params
    return filled(scenario, {name: Stream(seed, f"params.{name}").choice(param.one_of) for name, param in params.items()})


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of scenario files."""
    return Scenario.model_json_schema(by_alias=True)


Within.model_rebuild()
Goal.model_rebuild()
