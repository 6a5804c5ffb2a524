"""Static checks of scenario files, and what their codes mean."""

from __future__ import annotations

from pathlib import Path

from sim.lab.scenario import Problem, ScenarioError, load

CODES = {
    "E001": "The file is not YAML, not UTF-8, larger than 2 MB, or nested too deeply.\n"
            "The place says where the reader stopped; often the mistake is on the line before: a missing quote, a tab, a colon "
            "inside a text that has no quotes.",
    "E002": "A key stands twice in the same mapping. YAML would silently keep the last; remove one.",
    "E003": "A key that scenarios do not have. Check its spelling and its place (`kubedrill schema`, docs/authoring.md).",
    "E004": "A key that must be there is missing.",
    "E005": "A value of the wrong type. Nothing is converted: a text that looks like a number needs quotes (\"2\"), a list its dashes.",
    "E006": "A cluster, node, host or terminal that cannot be: a name twice, no control plane, an unknown host, add-on or taint.",
    "E007": "Tasks: a name twice, `restore_from` that names no earlier task, or a mistake whose `why` no goal of the task says.",
    "E008": "A goal is exactly one of object, host, line, answer, always, never, order, within, snapshot, etcd. `line_matches` and "
            "`change` are moments: they stand only inside always, never, order and within.",
    "E009": "A path of `files` is HOST:/absolute/path, without `..`, `//` or a slash at the end. Files exist on simulated hosts only.",
    "E010": "A goal that cannot be read: an unknown kind, query, comparison or cluster, or a JSONPath with a mistake.\n"
            "Write KIND/NAME or KIND?selector=…&fieldSelector=…, and keys of `where` as kubectl's JSONPath without braces.",
    "E011": "A duration (90s, 5m, 1h30m), a date (2025-06-10) or a regular expression that cannot be read.",
    "E012": "A step that cannot be done: it is a line, or exactly one of line, answer, wait, until, interrupt, keys, fault, with hosts "
            "and terminals that exist. Lab lines (`:check`) and answers belong to solutions and mistakes, not to setup.",
    "E013": "A line of a goal may only read: it runs when the learner asks for a check, and a check must change nothing.",
    "E014": "A parameter needs a plain name and must be used somewhere as ${name}.",
    "E015": "A version is a full patch version in quotes: \"1.33.1\". 1.30 without quotes is the number 1.3 to YAML.",
    "E016": "An answer: one question a task, every right text among the choices, no choice twice.",
    "E017": "A path of a goal names a field that objects of that kind do not have: it would be missing for ever, and a missing field\n"
            "counts as false, 0 and empty. `kubectl explain deployment.spec` in a lab lists the fields.",
    "P001": "A proof found that the task's goals hold before anything is done. Such a task teaches nothing: tighten a goal.",
    "P002": "A proof found that a solution does not pass, or that one of its lines fails. The goals that were missing are named.\n"
            "A line that is meant to fail says so: {line: kubectl drain node01, expect: {exit: 1}}.",
    "P003": "A proof found that a mistake passes, is told something else than its `why`, or names a program that is not there.",
    "P004": "A proof met something that is not simulated. A lab that needs it cannot be proved.",
    "P005": "A proof found that a goal of the whole lab is broken by the first solutions.",
    "P006": "A proof found that the scenario's own set-up (`setup`, `on_enter`) fails: a line ends with an error that was complained\n"
            "about, or an `until` does not come true. Where a line may fail, write {line: …, expect: {exit: 1}}.",
}


def lint(path: Path) -> list[Problem]:
    """List the problems of a file. Raises OSError."""
    try:
        load(path)
    except ScenarioError as error:
        return error.problems
    return []


def explain(code: str) -> str | None:
    """Say what a code means, None for an unknown one."""
    return CODES.get(code.upper())
