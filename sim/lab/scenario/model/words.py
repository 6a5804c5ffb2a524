"""What all words of a scenario file share: strictness, texts in languages, durations, regular expressions."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from sim.api.times import parse_duration

VERSION = re.compile(r"1\.\d+\.\d+")
ETCD_VERSION = re.compile(r"\d+\.\d+\.\d+(-\d+)?")


def _kind_of_text(value: Any) -> str:
    return "languages" if isinstance(value, dict) else "text"


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


def in_language(text: str | dict[str, str], language: str = "en") -> str:
    """Give a learner-facing text in a language, English where it is missing."""
    if isinstance(text, str):
        return text
    return text.get(language) or text.get("en") or next(iter(text.values()), "")
