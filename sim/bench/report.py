"""Runs figures, takes medians, compares with an earlier report."""

from __future__ import annotations

import cProfile
import json
import platform
import pstats
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sim.api.errors import KubedrillError
from sim.bench.figures import FIGURES, UNMEASURED, Figure

PROFILE_LINES = 25


def chosen(only: str, *, full: bool) -> list[Figure]:
    """Give the figures whose name has `only` in it. Raises KubedrillError when there are none."""
    found = [figure for figure in FIGURES if only in figure.name and (full or only or not figure.full)]
    if not found:
        raise KubedrillError(f"no figure has {only!r} in its name; they are: {'; '.join(f.name for f in FIGURES)}")
    return found


def measure(figures: Sequence[Figure], runs: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run each figure so many times and give the report; `tell` hears which one is on."""
    rows = []
    for figure in figures:
        tell(figure.name)
        values = [value for _ in range(1 if figure.full else runs) for value in figure.run()]
        middle = statistics.median(values)
        rows.append({"name": figure.name, "unit": figure.unit, "median": round(middle, 4), "values": [round(v, 4) for v in values],
                     "goal": figure.goal, "aim": figure.aim, "met": figure.met(middle)})
    measured = {figure.name for figure in figures}
    absent = {figure.name: "with --full only: minutes, gigabytes" for figure in FIGURES if figure.name not in measured
              and figure.full} | UNMEASURED
    return {"python": platform.python_version(), "machine": platform.machine(), "rows": rows, "absent": absent}


def before(path: str) -> dict[str, float]:
    """Read the medians of an earlier report. Raises KubedrillError."""
    try:
        return {row["name"]: row["median"] for row in json.loads(Path(path).read_text(encoding="utf-8"))["rows"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KubedrillError(f"{path} is not a report of `kubedrill bench --json` ({type(error).__name__})") from None


def table(report: dict[str, Any], earlier: dict[str, float]) -> str:
    """Lay a report out for people."""
    lines = [["FIGURE", "MEDIAN", "UNIT", "GOAL", "AIM", "MET", *(["BEFORE", "CHANGE"] if earlier else [])]]
    for row in report["rows"]:
        met = {True: "yes", False: "NO", None: "-"}[row["met"]]
        line = [row["name"], f"{row['median']:g}", row["unit"], _number(row["goal"]), _number(row["aim"]), met]
        if earlier:
            old = earlier.get(row["name"])
            line += [_number(old), f"{100 * (row['median'] / old - 1):+.0f} %" if old else "-"]
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    rows = ["   ".join(f"{c:{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*rows, *(f"not measured: {name} ({why})" for name, why in report["absent"].items())])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def profile(figure: Figure) -> str:
    """Run a figure once under cProfile; give where the time went."""
    import io

    profiler = cProfile.Profile()
    profiler.enable()
    list(figure.run())
    profiler.disable()
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).sort_stats("tottime").print_stats(PROFILE_LINES)
    return f"{figure.name}\n{out.getvalue()}"
