"""Goals: what must be so, now, at a moment, or over time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sim.lab.scenario.model.words import Duration, Model, Text


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
    "object": {"where", "count", "absent", "namespace", "cluster", "same_as"}, "host": {"file", "unit", "package"},
    "line": {"on", "expect"}, "answer": set(), "always": set(), "never": set(), "order": {"or_never"},
    "within": set(), "snapshot": set(), "etcd": set(), "line_matches": {"on"},
    "change": {"type", "where", "namespace", "cluster"}}


class Goal(Model):
    """One goal; `why` is what the learner is told while it does not hold.

    same_as: the objects are those (by uid) that were there when that task was entered, not new ones of their names.

    `line_matches` and `change` are moments: they stand only inside always, never, order and within.
    """

    object: str | None = None
    where: dict[str, Any] = {}
    count: int | dict[str, int] | None = None
    absent: bool = False
    namespace: str = "default"
    cluster: str = ""
    same_as: str = ""
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


Within.model_rebuild()
Goal.model_rebuild()
