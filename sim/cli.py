"""The command line. Nobody imports it; it imports the heavy parts inside its commands.

Exit status: 0 success, 1 a failed verdict, 2 usage or bad input, 120 not simulated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.api.errors import NOT_SIMULATED_EXIT, KubedrillError, NotSimulated

if TYPE_CHECKING:
    from sim.lab.lab import Lab

F = TypeVar("F", bound=Callable[..., Any])
BAD_INPUT_EXIT = 2


def fail(message: str, status: int = BAD_INPUT_EXIT) -> None:
    """Print one line on stderr and leave."""
    click.echo(f"kubedrill: {message}", err=True)
    sys.exit(status)


def lab_options(command: F) -> F:
    """Give a command the options of all that run a lab."""
    for option in (
        click.option("--patience", default="30m", show_default=True, help="Simulated time a foreground line gets."),
        click.option("--seed", default=0, show_default=True, type=int, help="Everything random follows from it."),
        click.option("--kubernetes", metavar="X.Y.Z", help="Kubernetes version instead of the scenario's first."),
    ):
        command = option(command)
    return command


def seconds_of(text: str) -> float:
    """Read a duration option; a plain number is seconds."""
    from sim.api.times import parse_duration

    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse_duration(text)
    except ValueError:
        fail(f"not a duration: {text} (try 30m or 90s)")
        raise AssertionError from None


def open_lab(scenario: str, *, seed: int, kubernetes: str | None) -> Lab:
    """Load a scenario by name or path and build its lab."""
    from sim.lab.catalogue import find
    from sim.lab.lab import Lab
    from sim.lab.scenario import load

    return Lab(load(find(scenario)), seed=seed, kubernetes=kubernetes)


def write_events(lab: Lab, path: str) -> None:
    """Write the history as JSON lines."""
    from sim.lab.events import lines

    with Path(path).open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(line + "\n" for line in lines(lab))


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kubedrill")
@click.pass_context
def cli(context: click.Context) -> None:
    """Rehearse Kubernetes cluster maintenance in simulated time.

    Example: kubedrill play os-upgrades
    """
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@cli.command()
@click.argument("scenario")
@click.option("--plain", is_flag=True, help="Append-only line mode: screen readers, pipes, dumb terminals.")
@click.option("--task", help="Start at this task.")
@lab_options
def play(scenario: str, plain: bool, task: str | None, kubernetes: str | None, seed: int, patience: str) -> None:
    """Open a lab. Example: kubedrill play os-upgrades"""
    lab = open_lab(scenario, seed=seed, kubernetes=kubernetes)
    if task:
        lab.go_to(task)
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from tui.plain import play_plain

        sys.exit(play_plain(lab, sys.stdin, sys.stdout, sys.stderr, patience_seconds=seconds_of(patience)))
    from tui.app import KubedrillApp

    KubedrillApp(lab).run()


@cli.command()
@click.argument("scenario")
@click.option("-c", "commands", multiple=True, metavar="LINE", help="A line to type; may be repeated.")
@click.option("--echo", is_flag=True, help="Print the prompt and the line too.")
@click.option("--terminal", default="", help="Which terminal of the lab to type at.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False), help="Steps (YAML) to do first.")
@click.option("--save", "save_path", type=click.Path(dir_okay=False), help="Write the recording there at the end.")
@click.option("--load", "load_path", type=click.Path(exists=True, dir_okay=False), help="Replay a recording first.")
@click.option("--events", type=click.Path(dir_okay=False), help="Write the history there as JSON lines.")
@lab_options
def sh(
    scenario: str, commands: tuple[str, ...], echo: bool, terminal: str, script: str | None, save_path: str | None,
    load_path: str | None, events: str | None, kubernetes: str | None, seed: int, patience: str,
) -> None:
    """Type lines at a lab, headless. Example: kubedrill sh os-upgrades -c 'kubectl get nodes'"""
    from sim.lab.lab import Lab

    lab = Lab.load(Path(load_path)) if load_path else open_lab(scenario, seed=seed, kubernetes=kubernetes)
    if script:
        from sim.lab.steps import load_script

        lab.do_steps(load_script(Path(script)))
    status = 0
    where = terminal or lab.main_terminal
    for line in commands or read_lines(lab, where):
        if echo:
            click.echo(f"{lab.prompt(where)}{line}")
        if lab.is_lab_line(line):
            click.echo(lab.lab_line(line))
            continue
        result = lab.run(line, terminal=where, patience_seconds=seconds_of(patience), sink=to_standard_streams)
        status = result.status
    if save_path:
        lab.save(Path(save_path))
    if events:
        write_events(lab, events)
    sys.exit(status)


def to_standard_streams(data: bytes, stream: str) -> None:
    """Pass a program's output on as it comes."""
    out = sys.stderr.buffer if stream == "stderr" else sys.stdout.buffer
    out.write(data)
    out.flush()


def read_lines(lab: Lab, terminal: str) -> Any:
    """Read standard input as lines; an unfinished one (heredoc, quotes) goes on in the next."""
    text = ""
    for raw in sys.stdin.buffer:
        text += raw.decode(errors="replace").rstrip("\n") if not text else "\n" + raw.decode(errors="replace").rstrip("\n")
        if lab.needs_more(text, terminal):
            continue
        yield text
        text = ""
    if text:
        yield text


@cli.command()
@click.argument("scenario")
@click.option("--solve", "mode", flag_value="solve", default=True, help="Do the scenario's own solutions (default).")
@click.option("--do-nothing", "mode", flag_value="do-nothing", help="Do nothing; every task should fail.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False), help="Do these steps (YAML).")
@click.option("--recording", type=click.Path(exists=True, dir_okay=False), help="Replay a saved run.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False), help="Write verdicts and debrief there.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write the printed report there too.")
@click.option("--events", type=click.Path(dir_okay=False), help="Write the history there as JSON lines.")
@click.option("--quiet", is_flag=True, help="Verdicts and debrief only, no transcript.")
@lab_options
def run(
    scenario: str, mode: str, script: str | None, recording: str | None, json_path: str | None, report: str | None,
    events: str | None, quiet: bool, kubernetes: str | None, seed: int, patience: str,
) -> None:
    """Run a lab without a learner and print verdicts and a debrief. Example: kubedrill run os-upgrades --solve"""
    from sim.lab.catalogue import find
    from sim.lab.runner import run as run_lab
    from sim.lab.scenario import load

    result = run_lab(
        load(find(scenario)), mode=mode, script=Path(script) if script else None,
        recording=Path(recording) if recording else None, seed=seed, kubernetes=kubernetes,
        patience_seconds=seconds_of(patience),
    )
    text = result.text(transcript=not quiet)
    click.echo(text)
    if json_path:
        Path(json_path).write_text(json.dumps(result.as_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if report:
        Path(report).write_text(text + "\n", encoding="utf-8")
    if events:
        write_events(result.lab, events)
    for refusal in result.refusals:
        click.echo(f"not simulated: {refusal}", err=True)
    if result.passed:
        sys.exit(0)
    sys.exit(NOT_SIMULATED_EXIT if result.refusals else 1)


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_command(as_json: bool = False) -> None:
    """List the labs. Example: kubedrill list"""
    from sim.lab.catalogue import list_scenarios

    rows = list_scenarios()
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in rows], indent=2))
        return
    width = max((len(row.name) for row in rows), default=4)
    for row in rows:
        click.echo(f"{row.name:{width}}  {row.topic:14}  level {row.level}  {row.minutes:3} min  {row.title}")
    click.echo("\nOpen one with: kubedrill play NAME")


@cli.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def lint(paths: tuple[str, ...], as_json: bool) -> None:
    """Check scenario files without running them. Example: kubedrill lint scenarios/"""
    from sim.lab.catalogue import expand
    from sim.lab.lint import lint as lint_file

    problems = [problem for path in expand(paths) for problem in lint_file(path)]
    if as_json:
        click.echo(json.dumps([problem.as_dict() for problem in problems], indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
    sys.exit(BAD_INPUT_EXIT if problems else 0)


@cli.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("-j", "jobs", default=1, show_default=True, type=int, help="So many processes.")
@click.option("--full", is_flag=True, help="Three seeds and every version, not one of each.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def prove(paths: tuple[str, ...], jobs: int, full: bool, as_json: bool) -> None:
    """Prove that labs work: untouched they fail, solutions pass, mistakes fail. Example: kubedrill prove scenarios/"""
    from sim.lab.catalogue import expand
    from sim.lab.prove import prove as prove_file

    failed = False
    proofs = []
    for path in expand(paths):
        proof = prove_file(path, full=full, jobs=jobs)
        proofs.append(proof)
        failed = failed or not proof.passed
        if not as_json:
            click.echo(str(proof))
    if as_json:
        click.echo(json.dumps([proof.as_dict() for proof in proofs], indent=2))
    sys.exit(1 if failed else 0)


@cli.command()
def schema() -> None:
    """Print the JSON Schema of scenario files. Example: kubedrill schema > scenario.schema.json"""
    from sim.lab.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, sort_keys=True))


@cli.command()
@click.argument("code")
def explain(code: str) -> None:
    """Say what a lint code means. Example: kubedrill explain E003"""
    from sim.lab.lint import explain as explain_code

    text = explain_code(code)
    if text is None:
        fail(f"no such code: {code}")
    click.echo(text)


@cli.command()
@click.option("--date", metavar="YYYY-MM-DD", help="As it stood on that day (default: the newest day that is known).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def versions(date: str | None, as_json: bool) -> None:
    """List Kubernetes minors: latest patch, end of life, images. Example: kubedrill versions --date 2025-06-10"""
    from sim.versions.report import day_of, rows, table

    found = rows(day_of(date))
    click.echo(json.dumps(found, indent=2) if as_json else table(found))


def main() -> None:
    """Run the command line; every foreseeable fault is one line on stderr."""
    from sim.lab.scenario import ScenarioError

    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT_EXIT)
    except ScenarioError as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_INPUT_EXIT)
    except NotSimulated as error:
        fail(str(error), NOT_SIMULATED_EXIT)
    except BrokenPipeError:
        sys.exit(141)
    except (KubedrillError, OSError) as error:
        fail(str(error))


if __name__ == "__main__":
    main()
