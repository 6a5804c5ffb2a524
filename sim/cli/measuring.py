"""The command that measures the simulator: bench."""

from __future__ import annotations

import json
import sys

import click

from sim.cli.base import cli


@cli.command()
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1, 99), help="Take the median of so many.")
@click.option("--only", default="", metavar="TEXT", help="Only figures with this in their name.")
@click.option("--full", is_flag=True, help="The large ones too (minutes, gigabytes).")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for --compare later.")
@click.option("--compare", metavar="FILE", help="Show the change since a report that --json wrote.")
@click.option("--profile", is_flag=True, help="Show where the time goes instead.")
def bench(runs: int, only: str, full: bool, as_json: bool, compare: str | None, profile: bool) -> None:
    """Measure the simulator. Example: kubedrill bench --only drained --profile"""
    from sim.bench import report

    figures = report.chosen(only, full=full)
    if profile:
        for figure in figures:
            click.echo(report.profile(figure))
        return
    earlier = report.before(compare) if compare else {}
    found = report.measure(figures, runs, lambda name: click.echo(f"measuring: {name}", err=True))
    click.echo(json.dumps(found, indent=2) if as_json else report.table(found, earlier))
    sys.exit(1 if any(row["met"] is False for row in found["rows"]) else 0)
