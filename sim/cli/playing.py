"""Commands for learners: play, sh, run, list."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.api.errors import NOT_SIMULATED_EXIT
from sim.cli.base import BAD_INPUT_EXIT, FILE, OUT, cli, lab_options, open_lab, state_folder, write_events

if TYPE_CHECKING:
    from sim.lab.headless.runner import RunReport
    from sim.lab.lab import Lab


@cli.command()
@click.argument("scenario")
@click.option("--plain", is_flag=True, help="Append-only line mode: screen readers, pipes, dumb terminals.")
@click.option("--task", help="Start at this task (the earlier ones are solved for you).")
@click.option("--watch", is_flag=True, help="Load the scenario file anew whenever it is saved, at the same task.")
@lab_options
def play(
    scenario: str, plain: bool, task: str | None, watch: bool, kubernetes: str | None, seed: int | None, patience: str
) -> None:
    """Open a lab, or a saved run.

    \b
    Example: kubedrill play os-upgrades
             kubedrill play ./my-lab.yaml --watch --task drain
    """
    lab = open_lab(scenario, seed=seed, kubernetes=kubernetes, patience=patience)
    if task:
        lab.go_to(task)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    file = None
    if watch:
        from sim.lab.catalogue import find

        file = find(scenario)
    folder = state_folder() if interactive else None
    if plain or not interactive:
        from tui.plain import Plain

        sys.exit(Plain(lab, sys.stdin, sys.stdout, sys.stderr, folder=folder, watch=file).play())
    from tui.app import KubedrillApp

    KubedrillApp(lab, folder=folder, watch=file).run()


@cli.command()
@click.argument("scenario")
@click.option("-c", "commands", multiple=True, metavar="LINE", help="A line to type; may be repeated. Without: standard input.")
@click.option("--echo", is_flag=True, help="Print the prompt and the line too.")
@click.option("--terminal", default="", help="Which terminal of the lab to type at.")
@click.option("--script", type=FILE, help="Steps (YAML) to do first.")
@click.option("--save", "save_path", type=OUT, help="Write the recording there at the end.")
@click.option("--load", "load_path", type=FILE, help="Replay a recording first.")
@click.option("--events", type=OUT, help="Write the history there as JSON lines.")
@lab_options
def sh(
    scenario: str, commands: tuple[str, ...], echo: bool, terminal: str, script: str | None, save_path: str | None,
    load_path: str | None, events: str | None, kubernetes: str | None, seed: int | None, patience: str,
) -> None:
    """Type lines at a lab, headless; prints what a learner would see, and ends with the last line's status.

    \b
    Example: kubedrill sh os-upgrades -c 'kubectl drain node01 --ignore-daemonsets' -c 'kubectl get nodes'
             printf 'kubectl get nodes\\n:why node/node01\\n' | kubedrill sh os-upgrades --echo
    """
    lab = open_lab(scenario, seed=seed, kubernetes=kubernetes, patience=patience, load=load_path)
    if terminal and terminal not in lab.terminals:
        raise click.BadParameter(f"there is no terminal {terminal}; there are {', '.join(lab.terminals)}", param_hint="--terminal")
    lab.chosen = terminal or lab.chosen
    if script:
        from sim.lab.scenario import load_steps

        lab.do_steps(load_steps(Path(script)))
    status = 0
    for line in commands or read_lines(lab):
        if echo:
            click.echo(f"{lab.prompt(lab.chosen)}{line}")
        if lab.is_lab_line(line) and lab.screen(lab.chosen) is None:
            said = lab.lab_line(line)
            status = BAD_INPUT_EXIT if said.startswith("kubedrill:") else 0
            click.echo(said, err=status != 0)
            continue
        status = lab.run(line, terminal=lab.chosen, sink=to_standard_streams).status
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


def read_lines(lab: Lab) -> Iterator[str]:
    """Read standard input as lines; an unfinished one (heredoc, quotes) goes on in the next."""
    text = ""
    for raw in sys.stdin.buffer:
        line = raw.decode(errors="replace").rstrip("\n").rstrip("\r")
        text = f"{text}\n{line}" if text else line
        edited = lab.screen(lab.chosen) is not None
        if text and not edited and not lab.is_lab_line(text) and lab.needs_more(text, lab.chosen):
            continue
        if text or edited:
            yield text
        text = ""
    if text:
        yield text


@cli.command()
@click.argument("scenario")
@click.option("--solve", "mode", flag_value="solve", help="Do the scenario's own solutions (default).")
@click.option("--do-nothing", "mode", flag_value="do-nothing", help="Do nothing; every task should fail.")
@click.option("--script", type=FILE, help="Do these steps (YAML).")
@click.option("--recording", type=FILE, help="Replay a saved run.")
@click.option("--json", "json_path", type=OUT, help="Write verdicts and debrief there.")
@click.option("--report", type=OUT, help="Write a report there: a web page (.html) or Markdown (.md).")
@click.option("--events", type=OUT, help="Write the history there as JSON lines.")
@click.option("--quiet", is_flag=True, help="Verdicts and debrief only, no transcript.")
@lab_options
def run(
    scenario: str, mode: str | None, script: str | None, recording: str | None, json_path: str | None, report: str | None,
    events: str | None, quiet: bool, kubernetes: str | None, seed: int | None, patience: str,
) -> None:
    """Run a lab without a learner and print each task's verdict and a debrief.

    \b
    Example: kubedrill run os-upgrades --solve --report report.html
    """
    if sum(each is not None for each in (mode, script, recording)) > 1:
        raise click.UsageError("give one of --solve, --do-nothing, --script FILE, --recording FILE")
    lab = open_lab(scenario, seed=seed, kubernetes=kubernetes, patience=patience, load=recording)
    result = _run(lab, mode, script, recorded=recording is not None)
    click.echo(result.text(transcript=not quiet))
    if json_path:
        Path(json_path).write_text(json.dumps(result.as_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if report:
        from sim.lab.telling import report as pages

        page = pages.html(lab) if report.endswith((".html", ".htm")) else pages.markdown(lab)
        Path(report).write_text(page, encoding="utf-8")
    if events:
        write_events(lab, events)
    for refusal in result.refusals:
        click.echo(f"not simulated: {refusal}", err=True)
    sys.exit(0 if result.passed else NOT_SIMULATED_EXIT if result.refusals else 1)


def _run(lab: Lab, mode: str | None, script: str | None, *, recorded: bool) -> RunReport:
    from sim.lab.headless import runner
    from sim.lab.scenario import load_steps

    if recorded:
        return runner.judged(lab)
    if script:
        return runner.follow(lab, load_steps(Path(script)))
    return runner.do_nothing(lab) if mode == "do-nothing" else runner.solve(lab)


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
    topic = max((len(row.topic) for row in rows), default=5)
    for row in rows:
        click.echo(f"{row.name:{width}}  {row.topic:{topic}}  level {row.level}  {row.minutes:3} min  {row.tasks:2} tasks  {row.title}")
    click.echo("\nOpen one with: kubedrill play NAME")
