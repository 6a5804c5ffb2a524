"""The history as JSON lines (`--events`): changes, inputs, faults, and timers still to come. Stable within a major version.

Each line is `{at_us, revision, type, key, causes, because, by}`, with `cluster` where a lab has several; lines of one moment stand in the order changes, inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.lab.lab import Lab
    from sim.lab.recording import Input


def lines(lab: Lab) -> Iterator[str]:
    """Give the lines in order of time."""
    rows = [*_changes(lab), *(_input(each) for each in lab.inputs), *_timeline(lab), *_timers(lab)]
    for row in sorted(rows, key=lambda row: int(row["at_us"])):
        yield json.dumps(row, sort_keys=True)


def _row(at_us: int, type: str, key: list[str], by: str, **more: Any) -> dict[str, Any]:
    return {"at_us": at_us, "revision": 0, "type": type, "key": key, "causes": [], "because": "", "by": by, **more}


def _changes(lab: Lab) -> Iterator[dict[str, Any]]:
    several = len(lab.world.clusters) > 1
    for cluster, change in lab.world.history():
        yield _row(change.at_us, change.type, list(change.key), change.by, revision=change.revision, because=change.because,
                   causes=[[c.kind, c.at_us, c.text, c.revision] for c in change.causes],
                   **({"cluster": cluster} if several else {}))


def _input(each: Input) -> dict[str, Any]:
    if each.word == "fault":
        name, target, end = json.loads(each.rest)
        return _row(each.at_us, "FAULT", [name, target, "end" if end else "begin"], "learner")
    return _row(each.at_us, "INPUT", [each.kind, each.terminal, each.data], "learner")


def _timeline(lab: Lab) -> Iterator[dict[str, Any]]:
    for at_us, name, target, end in lab.world.faults:
        yield _row(at_us, "FAULT", [name, target, "end" if end else "begin"], "scenario")


def _timers(lab: Lab) -> Iterator[dict[str, Any]]:
    for timer in lab.engine.timers():
        causes = [[c.kind, c.at_us, c.text, c.revision] for c in timer.causes]
        yield _row(timer.at_us, "TIMER", [timer.label], "engine", causes=causes)
