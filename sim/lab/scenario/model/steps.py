"""Steps: one vocabulary for set-up, solutions, mistakes, scripts and saved runs; and faults that come by themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sim.lab.scenario.model.goals import Expect, Goal
from sim.lab.scenario.model.words import Duration, Model


def _kind_of_step(value: Any) -> str:
    return "line" if isinstance(value, str) else "step"


class Wanted(Model):
    """`{from: correct}`: whatever the task's answer goal holds for right."""

    from_: Literal["correct"] = Field(alias="from")


STEP_KINDS = ("line", "answer", "wait", "until", "interrupt", "keys", "fault")
STEP_COMPANIONS = {
    "line": {"on", "async", "expect"}, "answer": set(), "wait": set(), "until": {"at_most"}, "interrupt": set(), "keys": {"on"},
    "fault": {"host", "hosts", "target", "end", "seconds"}}


class Step(Model):
    """A step that is not a plain line. The same words in setup, solutions, mistakes, scripts and saved runs."""

    line: str | None = None
    on: str = ""
    async_: bool = Field(default=False, alias="async")
    expect: Expect | None = None
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
