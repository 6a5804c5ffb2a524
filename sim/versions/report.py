"""Tables of the version catalogue, for people and for machines."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sim.api import documents
from sim.versions import catalogue, labels, path, skew
from sim.versions.catalogue import Version, VersionError

COLUMNS = (("MINOR", "minor"), ("LATEST", "latest"), ("RELEASED", "released"), ("END OF LIFE", "end_of_life"),
           ("SUPPORTED", "supported"), ("ETCD", "etcd"), ("COREDNS", "coredns"), ("PAUSE", "pause"))


def day_of(text: str | None) -> datetime.date:
    """Read YYYY-MM-DD; None is the newest day the catalogue knows (there is no wall clock here)."""
    if text is None:
        return max(row.patches[-1] for row in catalogue.minors().values())
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise VersionError(f"not a date: {text} (write 2025-06-10)") from None


def rows(date: datetime.date) -> list[dict[str, Any]]:
    """Give a row for each minor that was out on a day, newest first."""
    found: list[dict[str, Any]] = []
    for minor in reversed(catalogue.minors().values()):
        if minor.released > date:
            continue
        latest = minor.latest(date)
        images = catalogue.images(latest)
        found.append({
            "minor": minor.name, "latest": str(latest), "released": str(minor.released),
            "end_of_life": str(minor.end_of_life), "supported": minor.supported(date), "date": str(date),
            "etcd": images.etcd, "coredns": images.coredns, "pause": images.pause, "images_verified": images.verified})
    return found


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """Lay rows out in columns, as kubectl does."""
    def cell(value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value) or "-"

    lines = [[title for title, _ in COLUMNS], *([cell(row[key]) for _, key in COLUMNS] for row in found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join("   ".join(f"{c:{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def path_report(old: str, new: str, date: str | None, *, fewest_drains: bool) -> dict[str, Any]:
    """Find the way between two versions; `stable`, `stable-1.33` and minors mean the newest patch of the day."""
    day = day_of(date)
    one, other = (_patch(text, day) for text in (old, new))
    steps = path.find(one, other, date=day, fewest_drains=fewest_drains)
    return {"from": str(one), "to": str(other), "date": str(day), "refused": path.direct_fault(one, other),
            "steps": [step._asdict() for step in steps]}


def _patch(text: str, day: datetime.date) -> Version:
    """Read a patch version, a minor or a label."""
    word = text.removeprefix("v")
    if word in catalogue.minors():
        return catalogue.minors()[word].latest(day)
    known = labels.published(day)
    return Version.parse(labels.resolve(text, known, known["stable"]))


def path_text(found: Mapping[str, Any]) -> str:
    """Write a way for people."""
    if not found["steps"]:
        return f"{found['from']} is where you are"
    lines = [f"One step is refused: {found['refused']}."] if found["refused"] else []
    lines.append(f"From {found['from']} to {found['to']} in {len(found['steps'])} steps:")
    width = max(len(step["component"]) for step in found["steps"])
    for number, step in enumerate(found["steps"], 1):
        note = f"; {step['note']}" if step["note"] else ""
        lines.append(f"{number:3}. {step['component']:{width}}  {step['old']} -> {step['new']}  ({step['why']}{note})")
    return "\n".join(lines)


def skew_report(file: Path) -> list[str]:
    """Read a cluster's versions from a file and give the violations. VersionError for what cannot be read."""
    try:
        cluster = skew.cluster_of(documents.load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise VersionError(f"{file} is not YAML: {str(error).splitlines()[0]}") from None
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise VersionError(f"{file} is not a list that kubectl prints ({type(error).__name__})") from None
    return skew.violations(cluster)
