"""Runs figures, takes medians, compares with an earlier report."""

from __future__ import annotations

import cProfile
import json
import platform
import pstats
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sim.api.errors import KubedrillError
from sim.bench.figures import FIGURES, Figure

PROFILE_LINES, PATHS = 25, 10
Rows = dict[tuple[str, int, str], tuple[int, int, float, float, dict[tuple[str, int, str], tuple[int, int, float, float]]]]
"""cProfile's: (file, line, function) -> (primitive calls, calls, own time, time with callees, the same by caller)."""


def chosen(only: str, *, full: bool) -> list[Figure]:
    """Give the figures whose name has `only` in it. Raises KubedrillError when there are none."""
    found = [figure for figure in FIGURES if only in figure.name and (full or only or not figure.full)]
    if not found:
        raise KubedrillError(f"no figure has {only!r} in its name; they are: {'; '.join(f.name for f in FIGURES)}")
    return found


def measure(figures: Sequence[Figure], runs: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run each figure so many times and give the report; `tell` hears which one is on."""
    rows, absent = [], {}
    for figure in figures:
        tell(figure.name)
        try:
            values = [value for _ in range(1 if figure.full else runs) for value in figure.run()]
        except ModuleNotFoundError as error:
            absent[figure.name] = f"{error.name} is not installed"
            continue
        middle = statistics.median(values)
        rows.append({"name": figure.name, "unit": figure.unit, "median": round(middle, 4), "values": [round(v, 4) for v in values],
                     "goal": figure.goal, "aim": figure.aim, "met": figure.met(middle)})
    measured = {figure.name for figure in figures}
    absent |= {figure.name: "with --full only: minutes, gigabytes" for figure in FIGURES if figure.name not in measured
               and figure.full}
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
    """Run a figure once under cProfile; give where the time went: the kernel's share, paths, functions."""
    import io

    profiler = cProfile.Profile(time.process_time)  # others' work on the machine is not ours
    profiler.enable()
    list(figure.run())
    profiler.disable()
    out = io.StringIO()
    stats = pstats.Stats(profiler, stream=out)
    rows: Rows = stats.stats  # type: ignore[attr-defined]
    stats.sort_stats("tottime").print_stats(PROFILE_LINES)
    return f"{figure.name}\n\n{shares(rows)}\n{paths(rows)}\n{out.getvalue()}"


PARTS = (("the kernel (SimPy, sim/engine.py)", ("/simpy/", "sim/engine.py")), ("etcd's store", ("sim/etcd/",)),
         ("the API server", ("sim/apiserver/", "sim/api/")), ("controllers and scheduler", ("sim/controllers/", "sim/recorder.py")),
         ("kubelets and hosts", ("sim/host/",)), ("the shell and kubectl", ("sim/shell/",)))


def shares(rows: Rows) -> str:
    """Say what part of the time each part of the simulator took itself; C functions count for who calls them."""
    own: dict[str, float] = {}
    for (file, _, _), (_, _, taken, _, callers) in rows.items():
        if file == "~":
            for (caller, _, _), (_, _, part, _) in callers.items():
                own[caller] = own.get(caller, 0.0) + part
        else:
            own[file] = own.get(file, 0.0) + taken
    total = sum(own.values()) or 1.0
    lines, left = [], total
    for name, marks in PARTS:
        part = sum(taken for file, taken in own.items() if any(mark in file for mark in marks))
        left -= part
        lines.append(f"{100 * part / total:5.1f} %  {name}")
    return "\n".join([*lines, f"{100 * left / total:5.1f} %  all else", ""])


def paths(rows: Rows) -> str:
    """Name the ten costliest paths: what the kernel calls, and the reconciles below it, with all that they cause."""
    found: list[tuple[float, int, str]] = []
    for (file, line, name), (_, calls, _, taken, callers) in rows.items():
        fired = [row for (caller, _, by), row in callers.items() if by == "_fire" and caller.endswith("sim/engine.py")]
        if name == "reconcile":
            found.append((taken, calls, f"{_short(file)}: {name}"))
        elif fired and name not in ("_work", "_go_on", "_let_pass", "_due"):
            found.append((sum(row[3] for row in fired), sum(row[1] for row in fired), f"{_short(file)}:{line} {name}"))
    lines = ["  CPU-s     calls  us each  path"]
    for taken, calls, path in sorted(found, key=lambda row: (-row[0], row[2]))[:PATHS]:
        lines.append(f"{taken:7.3f}  {calls:8d}  {1e6 * taken / max(1, calls):7.0f}  {path}")
    return "\n".join([*lines, ""])


def _short(file: str) -> str:
    return file[file.rfind("/sim/") + 1:] if "/sim/" in file else file
