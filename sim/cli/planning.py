"""Commands that plan an upgrade, and those still to come: versions, path, skew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from sim.api.errors import NOT_SIMULATED_EXIT
from sim.cli.base import FILE, cli, fail

LATER = {
    "serve": "the Kubernetes API for real clients", "web": "the labs in a browser", "compare": "strategies side by side",
    "sweep": "a strategy over many seeds", "rehearse": "an upgrade of a dumped cluster"}


@cli.command()
@click.option("--date", metavar="YYYY-MM-DD", help="As it stood on that day (default: the newest day that is known).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def versions(date: str | None, as_json: bool) -> None:
    """List Kubernetes minors: latest patch, end of life, images. Example: kubedrill versions --date 2025-06-10"""
    from sim.versions.report import day_of, rows, table

    found = rows(day_of(date))
    click.echo(json.dumps(found, indent=2) if as_json else table(found))


@cli.command()
@click.argument("old", metavar="FROM")
@click.argument("new", metavar="TO")
@click.option("--date", metavar="YYYY-MM-DD", help="Which patches there are (default: the newest day that is known).")
@click.option("--fewest-drains", is_flag=True, help="Let kubelets lag as far as the skew policy allows.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def path(old: str, new: str, date: str | None, fewest_drains: bool, as_json: bool) -> None:
    """Show the legal upgrade path, step by step with reasons. Example: kubedrill path 1.30.2 stable-1.33"""
    from sim.versions.report import path_report, path_text

    found = path_report(old, new, date, fewest_drains=fewest_drains)
    click.echo(json.dumps(found, indent=2) if as_json else path_text(found))


@cli.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def skew(file: str, as_json: bool) -> None:
    """List violations of the version skew policy.

    FILE names components with versions (kube-apiserver: ["1.33.1"], kubelet: {node01: "1.30.2"}), or is what
    `kubectl get nodes,pods -A -o yaml` prints. Example: kubedrill skew cluster.yaml
    """
    from sim.versions.report import skew_report

    found = skew_report(Path(file))
    if as_json:
        click.echo(json.dumps({"violations": found}, indent=2))
    else:
        click.echo("\n".join(found) if found else "no violation of the version skew policy")
    sys.exit(1 if found else 0)


def _later(name: str, what: str) -> None:
    @cli.command(name, hidden=True, help=f"Not built yet: {what}.",
                 context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def refuse(words: tuple[str, ...]) -> None:
        fail(f"not simulated: kubedrill {name} ({what}) is not built yet", NOT_SIMULATED_EXIT)


for _name, _what in LATER.items():
    _later(_name, _what)
