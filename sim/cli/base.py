"""What all commands share: the group itself, options of labs, how a lab is opened, how a fault is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sim.lab.lab import Lab

F = TypeVar("F", bound=Callable[..., Any])
BAD_INPUT_EXIT, SH_USAGE_EXIT = 2, 64
FILE = click.Path(exists=True, dir_okay=False)
OUT = click.Path(dir_okay=False)


def fail(message: str, status: int = BAD_INPUT_EXIT) -> None:
    """Print one line on stderr and leave."""
    click.echo(f"kubedrill: {message}", err=True)
    sys.exit(status)


def lab_options(command: F) -> F:
    """Give a command the options of all that run a lab."""
    for option in (
        click.option("--patience", default="30m", show_default=True, help="Simulated time a foreground line gets."),
        click.option("--seed", type=int, help="Everything random follows from it (default 0)."),
        click.option("--kubernetes", metavar="X.Y.Z", help="Kubernetes version instead of the scenario's first."),
    ):
        command = option(command)
    return command


def state_folder() -> Path:
    """Give the folder for saved runs, reports and known proofs."""
    from platformdirs import user_state_path

    return user_state_path("kubedrill")


def seconds_of(text: str) -> float:
    """Read a duration option; a plain number is seconds. Raises click.BadParameter."""
    from sim.lab.lines import seconds_of as read
    from sim.lab.recording import LabError

    try:
        return read(text)
    except LabError as error:
        raise click.BadParameter(str(error), param_hint="--patience") from None



def open_lab(scenario: str, *, seed: int | None, kubernetes: str | None, patience: str, load: str | None = None) -> Lab:
    """Build a lab by a scenario's name or path, or open a saved run."""
    from sim.lab.catalogue import find
    from sim.lab.lab import Lab
    from sim.lab.recording import is_recording
    from sim.lab.scenario import load as load_scenario
    from sim.lab.scenario.model import VERSION

    patience_seconds = seconds_of(patience)
    if kubernetes is not None and not VERSION.fullmatch(kubernetes):
        raise click.BadParameter(f"not a full patch version: {kubernetes} (write 1.33.1)", param_hint="--kubernetes")
    saved = load or _saved_run(scenario)
    if saved is None and is_recording(path := find(scenario)):
        saved = str(path)
    if saved is not None:
        if seed is not None or kubernetes is not None:
            raise click.UsageError("a saved run has its own seed and version; leave --seed and --kubernetes out")
        lab = Lab.load(Path(saved))
        if lab.differs:
            click.echo(f"kubedrill: {lab.differs}", err=True)
    else:
        lab = Lab(load_scenario(find(scenario)), seed=seed or 0, kubernetes=kubernetes)
    lab.patience_seconds = patience_seconds
    return lab


def _saved_run(name: str) -> str | None:
    """Give the file of a run saved by `:save NAME`, unless a scenario has that name."""
    from sim.lab.catalogue import FOLDER

    path = state_folder() / "runs" / f"{name}.run"
    return str(path) if "/" not in name and not (FOLDER / f"{name}.yaml").exists() and path.is_file() else None


def write_events(lab: Lab, path: str) -> None:
    """Write the history as JSON lines."""
    from sim.lab.telling.events import lines

    with Path(path).open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(line + "\n" for line in lines(lab))


class Commands(click.Group):
    """The commands in the order in which they are defined: playing first, authoring next."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(self.commands)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kubedrill")
@click.pass_context
def cli(context: click.Context) -> None:
    """Rehearse Kubernetes cluster maintenance in simulated time.

    \b
    Without a command: the catalogue of labs.
    Example: kubedrill play first-steps
    """
    if context.invoked_subcommand is None:
        if sys.stdin.isatty() and sys.stdout.isatty():
            from tui.screens.catalogue import CatalogueApp

            chosen = CatalogueApp().run()
            if chosen:
                context.invoke(cli.commands["play"], scenario=chosen, plain=False, task=None, watch=False, kubernetes=None, seed=None, patience="30m")
            return
        context.invoke(cli.commands["list"])
