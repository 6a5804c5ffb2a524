"""Tables of the version catalogue, for people and for machines."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from sim.versions import catalogue
from sim.versions.catalogue import VersionError

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
