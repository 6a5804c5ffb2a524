"""What the shape of a scenario does not show: names that must exist, clusters that cannot be, goals that cannot be read.

Each rule walks the whole scenario and reports through `Findings`; nothing stops at the first fault.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from sim.api import quantity
from sim.lab import faults
from sim.lab.goals.compare import OPERATORS
from sim.lab.goals.objects import Selection, resource_of
from sim.lab.scenario import fields
from sim.lab.scenario.model import Cluster, ExternalEtcd, Goal, Scenario, Step, Steps, Task, TimelineFault, in_language
from sim.lab.scenario.read import Marks, Problem, dotted, place_of
from sim.shell.kubectl.printing import jsonpath
from sim.versions.catalogue import VersionError, minor_of

Path = tuple[str | int, ...]
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
TAINT = re.compile(r"[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")
ADDONS = ("flannel", "coredns", "metrics-server")
WRITING_VERBS = frozenset((
    "annotate", "apply", "autoscale", "cordon", "cp", "create", "debug", "delete", "drain", "edit", "exec", "expose", "label",
    "patch", "replace", "rollout", "run", "scale", "set", "taint", "uncordon"))
WRITING_PROGRAMS = frozenset((
    "rm", "mv", "cp", "tee", "touch", "mkdir", "rmdir", "ln", "chmod", "chown", "dd", "truncate", "apt", "apt-get", "apt-mark",
    "kubeadm", "reboot", "shutdown", "poweroff", "kill"))
READING = {"kubeadm": ("certs check-expiration", "version", "token list", "config images list", "config print")}
"""What such a program only shows."""
WRITING_UNITS = frozenset((
    "start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask", "daemon-reload", "isolate", "edit"))


class Findings:
    """The problems found so far, each at the place of its path."""

    def __init__(self, marks: Marks, file: str) -> None:
        self.marks, self.file = marks, file
        self.problems: list[Problem] = []

    def add(self, path: Path, message: str, code: str, *, key: bool = False) -> None:
        """Report a problem at a path."""
        self.problems.append(Problem(self.file, *place_of(path, self.marks, key=key), dotted(path), message, code))


def check(written: Scenario, scenario: Scenario, marks: Marks, file: str) -> list[Problem]:
    """Give every problem of a scenario whose shape is right. written: as in the file; scenario: with its first variants."""
    found = Findings(marks, file)
    _params(written, found)
    for rule in (_versions, _clusters, _terminals, _files, _dates, _tasks, _timeline):
        rule(scenario, found)
    for path, steps in _step_lists(scenario):
        _steps(scenario, steps, path, found)
    for path, goal, task in _goals(scenario):
        _goal(scenario, goal, path, task, found)
    return sorted(found.problems, key=lambda problem: (problem.line, problem.column))


# ---- walking ------------------------------------------------------------------------------------------------------
def _step_lists(scenario: Scenario) -> Iterator[tuple[Path, Steps]]:
    yield ("spec", "setup"), scenario.spec.setup
    for at, task in enumerate(scenario.spec.tasks):
        place: Path = ("spec", "tasks", at)
        yield (*place, "on_enter"), task.on_enter
        for number, steps in enumerate(task.solutions):
            yield (*place, "solutions", number), steps
        for number, mistake in enumerate(task.mistakes):
            yield (*place, "mistakes", number, "steps"), mistake.steps


def _goals(scenario: Scenario) -> Iterator[tuple[Path, Goal, Task | None]]:
    for number, goal in enumerate(scenario.spec.goals):
        yield ("spec", "goals", number), goal, None
    for at, task in enumerate(scenario.spec.tasks):
        for number, goal in enumerate(task.goals):
            yield ("spec", "tasks", at, "goals", number), goal, task


def _versions(scenario: Scenario, found: Findings) -> None:
    for at, row in enumerate(scenario.spec.versions):
        for field in ("kubernetes", "to"):
            try:
                minor_of(getattr(row, field) or row.kubernetes)
            except VersionError as error:
                found.add(("spec", "versions", at, field), str(error), "E015")


# ---- hosts, clusters, files -----------------------------------------------------------------------------------------
def _clusters(scenario: Scenario, found: Findings) -> None:
    seen: dict[str, None] = {}
    names: dict[str, None] = {}
    for at, cluster in enumerate(scenario.spec.clusters):
        place: Path = ("spec", "clusters", at)
        if cluster.name in names:
            found.add((*place, "name"), f"a second cluster named {cluster.name}", "E006")
        names[cluster.name] = None
        if not any(node.role == "control-plane" for node in cluster.nodes):
            found.add((*place, "nodes"), "a cluster needs a control-plane node", "E006")
        elif not any(node.role == "control-plane" and node.present for node in cluster.nodes):
            found.add((*place, "nodes"), "no control-plane node is present at the start", "E006")
        for number, node in enumerate(cluster.nodes):
            _host_name(node.name, (*place, "nodes", number, "name"), seen, found)
            _node_amounts(node, (*place, "nodes", number), found)
        for number, addon in enumerate(cluster.addons):
            if addon not in ADDONS:
                found.add((*place, "addons", number), f"no add-on {addon}; there are {', '.join(ADDONS)}", "E006")
        _external(scenario, cluster, (*place, "etcd", "external"), found)
    for number, host in enumerate(scenario.spec.hosts):
        _host_name(host.name, ("spec", "hosts", number, "name"), seen, found)
    _addresses(scenario, found)


def _external(scenario: Scenario, cluster: Cluster, path: Path, found: Findings) -> None:
    """An etcd outside runs on hosts that are no nodes, each a member of one etcd."""
    if not isinstance(cluster.etcd, ExternalEtcd):
        return
    free = [host.name for host in scenario.spec.hosts]
    others = [member.host for other in scenario.spec.clusters if other is not cluster and isinstance(other.etcd, ExternalEtcd)
              for member in other.etcd.external]
    named = [member.host for member in cluster.etcd.external]
    for number, name in enumerate(named):
        if name not in free:
            found.add((*path, number, "host"), f"{name} is none of `hosts` ({', '.join(free) or 'there are none'})", "E006")
        elif name in others or name in named[:number]:
            found.add((*path, number, "host"), f"{name} is a member already", "E006")


def _addresses(scenario: Scenario, found: Findings) -> None:
    """No two hosts have one address."""
    rows: list[tuple[Path, str]] = [(("spec", "hosts", at), host.address) for at, host in enumerate(scenario.spec.hosts)]
    for at, cluster in enumerate(scenario.spec.clusters):
        rows += [(("spec", "clusters", at, "nodes", number), node.address) for number, node in enumerate(cluster.nodes)]
    seen: dict[str, None] = {}
    for path, address in rows:
        if address and address in seen:
            found.add((*path, "address"), f"two hosts have the address {address}", "E006")
        seen[address] = None


def _host_name(name: str, path: Path, seen: dict[str, None], found: Findings) -> None:
    if not NAME.fullmatch(name):
        found.add(path, f"not a host name: {name!r} (lower-case letters, digits, - and .)", "E006")
    if name in seen:
        found.add(path, f"two hosts have the same name, {name}", "E006")
    seen[name] = None


def _node_amounts(node: Any, path: Path, found: Findings) -> None:
    for field in ("cpu", "memory"):
        try:
            if quantity.parse(str(getattr(node, field))) <= 0:
                raise ValueError(field)
        except ValueError:
            found.add((*path, field), f"not an amount: {getattr(node, field)} (write 4, 500m, 8Gi)", "E006")
    for number, taint in enumerate(node.taints or []):
        if not TAINT.fullmatch(taint):
            found.add((*path, "taints", number), "a taint is key[=value]:NoSchedule, PreferNoSchedule or NoExecute", "E006")


def _terminals(scenario: Scenario, found: Findings) -> None:
    hosts, seen = scenario.host_names(), set()
    for at, terminal in enumerate(scenario.spec.terminals):
        if terminal.host not in hosts:
            found.add(("spec", "terminals", at, "host"), _no_host(terminal.host, hosts), "E006")
        if terminal.name in seen:
            found.add(("spec", "terminals", at, "name"), f"a second terminal named {terminal.name}", "E006")
        seen.add(terminal.name)


def _no_host(name: str, hosts: list[str]) -> str:
    return f"there is no host {name}; there are {', '.join(hosts)}"


def _files(scenario: Scenario, found: Findings) -> None:
    for path in scenario.spec.files:
        host, colon, name = path.partition(":")
        safe = colon and name.startswith("/") and posixpath.normpath(name) == name and not any(ord(c) < 32 for c in name)
        if not safe:
            found.add(("spec", "files", path), "write HOST:/absolute/path, without .. or //", "E009", key=True)
        elif host not in scenario.host_names():
            found.add(("spec", "files", path), _no_host(host, scenario.host_names()), "E009", key=True)


def _params(scenario: Scenario, found: Findings) -> None:
    text = str({**scenario.wire(), "params": None})
    for name in scenario.spec.params:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            found.add(("spec", "params", name), "a parameter's name is lower-case letters, digits and _", "E014", key=True)
        elif f"${{{name}}}" not in text:
            found.add(("spec", "params", name), f"${{{name}}} is used nowhere", "E014", key=True)


def _dates(scenario: Scenario, found: Findings) -> None:
    places: list[tuple[Path, str]] = [(("spec", "date"), scenario.spec.date), *(
        (("spec", "versions", at, "date"), row.date) for at, row in enumerate(scenario.spec.versions))]
    for place, text in places:
        if text:
            _date(place, text, found)


def _date(place: Path, text: str, found: Findings) -> None:
    try:
        year = date.fromisoformat(text).year
    except ValueError:
        found.add(place, f"not a date: {text} (write 2025-06-10)", "E011")
        return
    if not 2014 <= year <= 2100:
        found.add(("spec", "date"), f"no Kubernetes in {year}", "E011")


# ---- tasks --------------------------------------------------------------------------------------------------------
def _tasks(scenario: Scenario, found: Findings) -> None:
    names = [task.name for task in scenario.spec.tasks]
    for at, task in enumerate(scenario.spec.tasks):
        place: Path = ("spec", "tasks", at)
        if names.index(task.name) != at:
            found.add((*place, "name"), f"a second task named {task.name}", "E007")
        if not re.fullmatch(r"[a-z0-9][-a-z0-9]*", task.name):
            found.add((*place, "name"), f"not a task name: {task.name!r} (lower-case letters, digits and -)", "E007")
        if task.restore_from and task.restore_from not in names[:at]:
            found.add((*place, "restore_from"), f"no earlier task {task.restore_from}", "E007")
        if sum(goal.answer is not None for goal in task.goals) > 1:
            found.add((*place, "goals"), "a task asks one question: two goals have `answer`", "E016")
        whys = {in_language(goal.why) for goal in task.goals}
        for number, mistake in enumerate(task.mistakes):
            if in_language(mistake.why) not in whys and not (in_language(mistake.why) == NOT_THE_ANSWER and task.question):
                found.add((*place, "mistakes", number, "why"), "none of the task's goals has this `why`", "E007")


NOT_THE_ANSWER = "that is not the answer"


def _timeline(scenario: Scenario, found: Findings) -> None:
    for at, entry in enumerate(scenario.spec.timeline):
        _fault(scenario, entry, ("spec", "timeline", at), found)


# ---- steps --------------------------------------------------------------------------------------------------------
def _steps(scenario: Scenario, steps: Steps, path: Path, found: Findings) -> None:
    terminals = [terminal.name for terminal in scenario.terminal_specs()]
    in_setup = path[-1] in ("setup", "on_enter")
    for at, step in enumerate(steps):
        place = (*path, at)
        if isinstance(step, str):
            if in_setup and step.startswith(":"):
                found.add(place, "lab lines belong to the learner; use a step", "E012")
            continue
        where = step.on or step.interrupt or ""
        if where and where not in terminals:
            field = "on" if step.on else "interrupt"
            found.add((*place, field), f"there is no terminal {where}; there are {', '.join(terminals)}", "E012")
        if step.fault is not None:
            _fault(scenario, step, place, found)
        if step.until is not None:
            _goal(scenario, step.until, (*place, "until"), None, found)
            if step.until.answer is not None:
                found.add((*place, "until"), "an answer does not come by waiting", "E008")
            if in_setup and step.until.line is not None:
                found.add((*place, "until"), "a line is tried in a copy of the lab, which would come to this step again: wait for an "
                          "object or a host, or a time", "E012")
        if step.answer is not None and in_setup:
            found.add(place, "an answer belongs to a solution or a mistake", "E012")


def _fault(scenario: Scenario, step: Step | TimelineFault, path: Path, found: Findings) -> None:
    hosts = scenario.host_names()
    if step.fault not in faults.NAMES:
        found.add((*path, "fault"), f"no fault {step.fault}; there are {', '.join(sorted(faults.NAMES))}", "E012")
    for field, named in (("host", [step.host] if step.host else []), ("hosts", step.hosts)):
        for host in named:
            if host not in hosts:
                found.add((*path, field), _no_host(host, hosts), "E012")


# ---- goals --------------------------------------------------------------------------------------------------------
def _goal(scenario: Scenario, goal: Goal, path: Path, task: Task | None, found: Findings, *, moment: bool = False) -> None:
    """Check one goal and those inside it; `moment`: line_matches and change may stand here."""
    if goal.kind in ("line_matches", "change") and not moment:
        found.add(path, f"{goal.kind} is a moment: it stands inside always, never, order or within", "E008")
    if goal.kind == "answer" and (task is None or len(path) > 5):
        found.add((*path, "answer"), "only a task has an answer", "E008")
    if goal.kind in ("line", "answer", "snapshot", "etcd") and moment:
        found.add((*path, goal.kind), "what is looked at when asked has no history", "E008")
    if goal.same_as and moment:
        found.add((*path, "same_as"), "identities are looked at when asked; over time say {change: …, type: deleted}", "E008")
    if goal.kind in CHECKS:
        CHECKS[goal.kind](scenario, goal, path, found)
    if goal.cluster and goal.cluster not in [cluster.name for cluster in scenario.spec.clusters]:
        found.add((*path, "cluster"), f"there is no cluster {goal.cluster}", "E010")
    for key, inner in _inner(goal):
        _goal(scenario, inner, (*path, *key), task, found, moment=True)


def _inner(goal: Goal) -> Iterator[tuple[Path, Goal]]:
    if goal.always is not None:
        yield ("always",), goal.always
    if goal.never is not None:
        yield ("never",), goal.never
    for at, each in enumerate(goal.order or []):
        yield ("order", at), each
    if goal.within is not None:
        yield ("within", "of"), goal.within.of
        yield ("within", "then"), goal.within.then


def _object_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    assert goal.object is not None
    try:
        resource = Selection.parse(goal.object).resource
    except ValueError as error:
        found.add((*path, "object"), str(error), "E010")
        resource = ""
    _where(goal, resource, path, found)
    if goal.same_as and goal.same_as not in [task.name for task in scenario.spec.tasks]:
        found.add((*path, "same_as"), f"there is no task {goal.same_as}", "E010")
    if isinstance(goal.count, dict):
        _operators(goal.count, (*path, "count"), found)
    if not goal.where and goal.count is None and not goal.absent and "?" in goal.object:
        found.add((*path, "object"), "say what of these objects: `where`, `count` or `absent: true`", "E010")


def _where(goal: Goal, resource: str, path: Path, found: Findings) -> None:
    for key, want in goal.where.items():
        place = (*path, "where", key)
        try:
            jsonpath.find(key, {})
        except ValueError as error:
            found.add(place, f"not a JSONPath: {error}", "E010", key=True)
        else:
            said = fields.stray(resource, key) if resource else ""
            if said:
                found.add(place, said, "E017", key=True)
        if isinstance(want, dict):
            _operators(want, place, found)
        elif isinstance(want, list):
            found.add(place, "a list is not a value; write {in: […]}", "E010")


def _operators(want: dict[str, Any], path: Path, found: Findings) -> None:
    for word, limit in want.items():
        if word not in OPERATORS:
            found.add((*path, word), f"no comparison {word}; there are {', '.join(OPERATORS)}", "E010", key=True)
        elif word == "in" and not isinstance(limit, list):
            found.add((*path, word), "`in` takes a list", "E010")
        elif word == "matches":
            try:
                re.compile(str(limit))
            except re.error as error:
                found.add((*path, word), f"not a regular expression: {error}", "E011")
        elif word == "count" and isinstance(limit, dict):
            _operators(limit, (*path, word), found)
    if not want:
        found.add(path, "an empty comparison", "E010")


def _host_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    if goal.host not in scenario.host_names():
        found.add((*path, "host"), _no_host(str(goal.host), scenario.host_names()), "E010")
    if sum(each is not None for each in (goal.file, goal.unit, goal.package)) != 1:
        found.add(path, "a host goal is exactly one of file, unit, package", "E008")
    if goal.file is not None and not goal.file.path.startswith("/"):
        found.add((*path, "file", "path"), "an absolute path, please", "E009")


def _line_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    assert goal.line is not None
    if goal.on and goal.on not in scenario.host_names():
        found.add((*path, "on"), _no_host(goal.on, scenario.host_names()), "E010")
    written = writes(goal.line)
    if written:
        found.add((*path, "line"), f"a goal's line may only read, but this would write: {written}", "E013")


def _answer_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    assert goal.answer is not None
    correct = goal.answer.correct
    choices = [in_language(choice) for choice in goal.answer.choices]
    for each in correct if isinstance(correct, list) else [correct]:
        if isinstance(each, str) and choices and each not in choices:
            found.add((*path, "answer", "correct"), f"{each!r} is none of the choices", "E016")
        written = writes(each.from_) if hasattr(each, "from_") else ""
        if written:
            found.add((*path, "answer", "correct"), f"a goal's line may only read, but this would write: {written}", "E013")
    if len(set(choices)) != len(choices):
        found.add((*path, "answer", "choices"), "a choice stands twice", "E016")


def _snapshot_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    assert goal.snapshot is not None
    wanted, place = goal.snapshot, (*path, "snapshot")
    if wanted.host not in scenario.host_names():
        found.add((*place, "host"), _no_host(wanted.host, scenario.host_names()), "E010")
    if not wanted.path.startswith("/"):
        found.add((*place, "path"), "an absolute path, please", "E009")
    _cluster_name(scenario, wanted.of, (*place, "of"), found)
    if wanted.taken_in and wanted.taken_in not in [task.name for task in scenario.spec.tasks]:
        found.add((*place, "taken_in"), f"there is no task {wanted.taken_in}", "E010")


def _etcd_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    assert goal.etcd is not None
    _cluster_name(scenario, goal.etcd.cluster, (*path, "etcd", "cluster"), found)
    if goal.etcd.data_dir and not goal.etcd.data_dir.startswith("/"):
        found.add((*path, "etcd", "data_dir"), "an absolute path, please", "E009")


def _cluster_name(scenario: Scenario, name: str, path: Path, found: Findings) -> None:
    names = [cluster.name for cluster in scenario.spec.clusters]
    if name and name not in names:
        found.add(path, f"there is no cluster {name}; there are {', '.join(names)}", "E010")


def _change_goal(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    try:
        resource = resource_of(str(goal.change))
    except KeyError:
        found.add((*path, "change"), f"no kind {goal.change}", "E010")
        resource = ""
    _where(goal, resource, path, found)


def _moment_host(scenario: Scenario, goal: Goal, path: Path, found: Findings) -> None:
    if goal.on and goal.on not in scenario.host_names():
        found.add((*path, "on"), _no_host(goal.on, scenario.host_names()), "E010")


CHECKS: dict[str, Callable[[Scenario, Goal, Path, Findings], None]] = {
    "object": _object_goal, "host": _host_goal, "line": _line_goal, "answer": _answer_goal, "change": _change_goal,
    "snapshot": _snapshot_goal, "etcd": _etcd_goal,
    "line_matches": _moment_host}


def _verb(words: list[str]) -> str:
    """Give kubectl's verb: the first word that is neither a flag nor a flag's value."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            return word
        if word in ("-n", "--namespace", "--context", "--kubeconfig", "-s", "--server") and rest:
            rest.pop(0)
    return ""


def writes(line: str) -> str:
    """Give the part of a shell line that would change something, "" when it only reads."""
    redirect = re.search(r"(?<![<>=-])&?>>?\|?\s*(?!&|\s*/dev/null|>)\S+", re.sub(r"'[^']*'|\"[^\"]*\"", "''", line))
    if redirect:
        return redirect[0]
    for command in re.split(r"\|\|?|&&|[;&(){}\n]|\$\(", re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)):
        words = [word for word in command.split() if word not in ("sudo", "!", "then", "do", "if", "while", "time")]
        if not words:
            continue
        program, rest = words[0].rpartition("/")[2], [word for word in words[1:] if not word.startswith("-")]
        if program in ("kubectl", "k"):
            verb = _verb(words[1:])
            reads = verb == "rollout" and any(word in rest for word in ("status", "history"))
            if verb in WRITING_VERBS and not reads:
                return f"{program} {verb}"
        elif program == "systemctl" and rest and rest[0] in WRITING_UNITS:
            return f"systemctl {rest[0]}"
        elif program in WRITING_PROGRAMS and not " ".join(rest).startswith(READING.get(program, ("\n",))):
            return program
    return ""
