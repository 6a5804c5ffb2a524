"""Commands for authors of scenarios: lint, prove, new, schema, explain."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import click

from sim.api.errors import NOT_SIMULATED_EXIT
from sim.cli.base import BAD_INPUT_EXIT, cli, fail, state_folder

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""What a lab may be called (metadata.name)."""


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
            count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
            click.echo(f"{count}; `kubedrill explain {problems[0].code}` says more about {'it' if len(problems) == 1 else 'a code'}", err=True)
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
    """Write NAME.yaml, a commented scenario to start from. Example: kubedrill new labs/my-lab"""
    from sim.lab.scenario.skeleton import skeleton

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not NAME.fullmatch(path.stem):
        fail(f"{path.stem!r} cannot be a lab's name: lower-case letters, digits and -, as in my-lab")
    if not path.parent.is_dir():
        fail(f"there is no folder {path.parent}; make it, or choose another place")
    if path.is_dir() or (path.exists() and not force):
        fail(f"{path} is there already; choose another name" + ("" if path.is_dir() else ", or --force"))
    try:
        path.write_text(skeleton(path.stem, path), encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
    shown = shlex.quote(str(path))
    click.echo(f"{path} written; next: kubedrill lint {shown} && kubedrill prove {shown} && kubedrill play {shown} --watch")


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
