"""Reports of a run, self-contained: Markdown and a web page. Everything in them is escaped text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sim.lab.scenario import in_language
from sim.lab.telling.clock import clock, span
from sim.lab.telling.debrief import Debrief, debrief

if TYPE_CHECKING:
    from sim.lab.lab import Lab

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #d0d7de}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d0d7de}
code,pre{font:14px ui-monospace,monospace;background:#f6f8fa}pre{padding:1rem;overflow:auto}
.passed::before{content:"\\2713 "}.failed::before{content:"\\2717 "}.failed{color:#b3261e;font-weight:600}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code,pre{background:#161b22}.failed{color:#ff8a80}}
"""


def _tables(lab: Lab) -> list[tuple[str, list[str], list[list[str]]]]:
    data = debrief(lab).data
    tasks = [[row.name, row.outcome, f"{row.points}/{row.points_most}", "" if row.seconds is None else span(row.seconds),
              str(row.hints), str(row.tries)] for row in data.tasks]
    available = [[name, f"{was.below_seconds:.1f}", f"{was.zero_seconds:.1f}", str(was.fewest)]
                 for name, was in sorted(data.availability.items())]
    return [
        ("Tasks", ["task", "outcome", "points", "time", "hints", "failed checks"], tasks),
        ("Whole lab", ["goal", "verdict"], [[why, "held" if holds else "broken"] for holds, why in data.whole_lab]),
        ("Availability", ["workload", "seconds below wanted", "seconds at zero", "fewest"], available),
        ("Moments of risk", ["moment"], [[risk.strip()] for risk in data.risks]),
        ("Evictions", ["pod"], [[name] for name in data.evictions]),
        ("Not simulated", ["what was refused"], [[text] for text in data.refusals]),
    ]


def _summary(data: Debrief) -> str:
    return (f"{data.points} of {data.points_most} points in {span(data.seconds)} of simulated time; {data.lines} lines typed, "
            f"{data.hints} hints, {data.undos} undos. Kubernetes {data.kubernetes}, seed {data.seed}.")


def _typed(lab: Lab) -> list[str]:
    return [f"{clock(lab, each.at_us):>10}  {each.terminal + ': ' if each.kind == 'line' else ':'}{each.data}"
            for each in lab.inputs if each.kind in ("line", "lab")]


def markdown(lab: Lab) -> str:
    """Write the report as Markdown."""
    lines = [f"# {in_language(lab.scenario.metadata.title)}", "", _summary(debrief(lab).data), ""]
    for title, head, rows in _tables(lab):
        if rows:
            lines += [f"## {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
            lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows] + [""]
    return "\n".join([*lines, "## What was typed", "", "```", *(line.replace("```", "'''") for line in _typed(lab)), "```", ""])


def html(lab: Lab) -> str:
    """Write the report as one web page without links to anything."""
    title = escape(in_language(lab.scenario.metadata.title))
    parts = [f"<h1>{title}</h1><p>{escape(_summary(debrief(lab).data))}</p>"]
    for name, head, rows in _tables(lab):
        if not rows:
            continue
        parts.append(f"<h2>{escape(name)}</h2><table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>")
        for row in rows:
            mark = ' class="passed"' if "passed" in row[1:2] else ' class="failed"' if {"FAILED", "broken"} & set(row) else ""
            parts.append(f"<tr><td{mark}>{escape(row[0])}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>")
        parts.append("</table>")
    parts.append(f"<h2>What was typed</h2><pre>{escape(chr(10).join(_typed(lab)))}</pre>")
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{title}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n")
