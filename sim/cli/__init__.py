"""The command line. Nobody imports it; it imports the heavy parts inside its commands.

Exit status: 0 success, 1 a failed verdict, 2 usage or bad input (64 for `sh`, whose 2 may be the last line's), 120 not
simulated.
"""

from __future__ import annotations

import gc
import sys

import click

from sim.api.errors import NOT_SIMULATED_EXIT, KubedrillError, NotSimulated

# isort: split  # importing them adds their commands, in the order of `kubedrill --help`
from sim.cli import playing  # noqa: F401
from sim.cli.base import BAD_INPUT_EXIT, SH_USAGE_EXIT, cli, fail

# isort: split
from sim.cli import authoring  # noqa: F401

# isort: split
from sim.cli import planning  # noqa: F401

# isort: split
from sim.cli import measuring  # noqa: F401

# isort: split
from sim.cli import serving  # noqa: F401

GARBAGE_AFTER = 20_000, 10, 20
"""A lab makes many objects and hardly any cycles: the collector looks rarely, and finds an undone world in time."""


def main() -> None:
    """Run the command line; every foreseeable fault is one line on stderr."""
    gc.set_threshold(*GARBAGE_AFTER)
    usage = SH_USAGE_EXIT if sys.argv[1:2] == ["sh"] else BAD_INPUT_EXIT
    from sim.lab.scenario.read import ScenarioError

    try:
        cli(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        hint = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "kubedrill"
        fail(f"{' '.join(error.format_message().split())} (`{hint} --help` shows how)", usage)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(usage)
    except NotSimulated as error:
        fail(str(error), NOT_SIMULATED_EXIT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except (KubedrillError, OSError) as error:
        fail(str(error), usage)
