"""The command line. Nobody imports it; it imports the heavy parts inside its commands.

Exit status: 0 success, 1 a failed verdict, 2 usage or bad input (64 for `sh`, whose 2 may be the last line's), 120 not
simulated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.api.errors import NOT_SIMULATED_EXIT, KubedrillError, NotSimulated

if TYPE_CHECKING:
    from sim.lab.headless.runner import RunReport
    from sim.lab.lab import Lab

F = TypeVar("F", bound=Callable[..., Any])
BAD_INPUT_EXIT, SH_USAGE_EXIT = 2, 64
LATER = {
    "serve": "the Kubernetes API for real clients", "web": "the labs in a browser", "compare": "strategies side by side",
    "sweep": "a strategy over many seeds", "rehearse": "an upgrade of a dumped cluster"}
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


def seconds_of(text: str) -> float:
    """Read a duration option; a plain number is seconds. Raises click.BadParameter."""
    from sim.lab.lines import seconds_of as read
    from sim.lab.recording import LabError

    try:
        return read(text)
    except LabError as error:
        raise click.BadParameter(str(error), param_hint="--patience") from None


def state_folder() -> Path:
    """Give the folder for saved runs, reports and known proofs."""
    from platformdirs import user_state_path

    return user_state_path("kubedrill")


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
            from tui.catalogue import CatalogueApp

            chosen = CatalogueApp().run()
            if chosen:
                context.invoke(play, scenario=chosen, plain=False, task=None, watch=False, kubernetes=None, seed=None, patience="30m")
            return
        context.invoke(list_command)


# ---- playing ------------------------------------------------------------------------------------------------------
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
        if lab.is_lab_line(line):
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
        if text and not lab.is_lab_line(text) and lab.needs_more(text, lab.chosen):
            continue
        if text:
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


# ---- authoring ----------------------------------------------------------------------------------------------------
@cli.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def lint(paths: tuple[str, ...], as_json: bool) -> None:
    """Check scenario files without running them: file:line:column: key path: message (code).

    Example: kubedrill lint scenarios/
    """
    from sim.lab.catalogue import expand
    from sim.lab.scenario.lint import lint as lint_file

    files = expand(paths)
    problems = [problem for path in files for problem in lint_file(path)]
    if as_json:
        click.echo(json.dumps([problem.as_dict() for problem in problems], indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        if problems:
            click.echo(f"{len(problems)} problems; `kubedrill explain {problems[0].code}` says more about a code", err=True)
    sys.exit(BAD_INPUT_EXIT if problems else 0)


@cli.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("-j", "jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="So many processes.")
@click.option("--full", is_flag=True, help="Three seeds and every version, not one of each.")
@click.option("--no-cache", is_flag=True, help="Prove again what is known.")
@click.option("--seed", type=int, help="This seed only.")
@click.option("--kubernetes", metavar="X.Y.Z", help="This version only.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def prove(
    paths: tuple[str, ...], jobs: int, full: bool, no_cache: bool, seed: int | None, kubernetes: str | None, as_json: bool
) -> None:
    """Prove that labs work: untouched they fail, every solution passes, every mistake fails with its reason.

    Example: kubedrill prove --full -j 2 scenarios/
    """
    from sim.lab.catalogue import expand
    from sim.lab.headless.prove import prove_all

    cache = None if no_cache else state_folder() / "proofs"
    proofs = prove_all(expand(paths), full=full, jobs=jobs, cache=cache, seed=seed, version=kubernetes)
    if as_json:
        click.echo(json.dumps([proof.as_dict() for proof in proofs], indent=2))
    else:
        for proof in proofs:
            click.echo(str(proof))
    failed = [proof for proof in proofs if not proof.passed]
    unsimulated = failed and all("(P004)" in text for proof in failed for text in proof.failures)
    sys.exit(NOT_SIMULATED_EXIT if unsimulated else 1 if failed else 0)


@cli.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def new(name: str, force: bool) -> None:
    """Write NAME.yaml, a commented scenario to start from. Example: kubedrill new my-lab"""
    from sim.lab.scenario.skeleton import skeleton

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists() and not force:
        fail(f"{path} is there already; choose another name, or --force")
    path.write_text(skeleton(path.stem), encoding="utf-8")
    click.echo(f"{path} written; next: kubedrill lint {path} && kubedrill prove {path} && kubedrill play {path} --watch")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of scenario files. Example: kubedrill schema > scenario.schema.json"""
    from sim.lab.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, sort_keys=True))


@cli.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Say what a code of lint or prove means. Example: kubedrill explain E003"""
    from sim.lab.scenario.lint import CODES
    from sim.lab.scenario.lint import explain as explain_code

    if code is None:
        for each, words in CODES.items():
            click.echo(f"{each}  {words.splitlines()[0]}")
        return
    text = explain_code(code)
    if text is None:
        fail(f"no such code: {code}; `kubedrill explain` lists them")
    click.echo(text)


# ---- versions -----------------------------------------------------------------------------------------------------
@cli.command()
@click.option("--date", metavar="YYYY-MM-DD", help="As it stood on that day (default: the newest day that is known).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def versions(date: str | None, as_json: bool) -> None:
    """List Kubernetes minors: latest patch, end of life, images. Example: kubedrill versions --date 2025-06-10"""
    from sim.versions.report import day_of, rows, table

    found = rows(day_of(date))
    click.echo(json.dumps(found, indent=2) if as_json else table(found))


# ---- what is still to come ----------------------------------------------------------------------------------------
def _later(name: str, what: str) -> None:
    @cli.command(name, hidden=True, help=f"Not built yet: {what}.",
                 context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def refuse(words: tuple[str, ...]) -> None:
        fail(f"not simulated: kubedrill {name} ({what}) is not built yet", NOT_SIMULATED_EXIT)


for _name, _what in LATER.items():
    _later(_name, _what)


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
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
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


def main() -> None:
    """Run the command line; every foreseeable fault is one line on stderr."""
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


if __name__ == "__main__":
    main()
