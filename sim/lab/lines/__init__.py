"""Lab lines: what a learner says to the lab, with a colon before it. A table of words, each a small function.

Those that write a file do so only where the front end names a folder, which only a local interactive terminal does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.api import times
from sim.lab import branches, faults
from sim.lab.goals import answers
from sim.lab.lines import docs, texts
from sim.lab.recording import LabError
from sim.lab.scenario import in_language
from sim.lab.telling import timers, why

if TYPE_CHECKING:
    from sim.api.client import Change
    from sim.lab.lab import Lab

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RATE_MOST = 3600.0
JUMP_SECONDS_MOST = 3600.0


@dataclass(frozen=True, slots=True)
class Word:
    """One lab line: how it is written, what it does."""

    usage: str
    says: str
    do: Callable[[Lab, str, Path | None], str]


def _answer(lab: Lab, rest: str, _: Path | None) -> str:
    if not rest:
        return "kubedrill: write :answer TEXT"
    task = lab.task
    choices = [in_language(choice) for choice in task.choices] if task is not None else []
    labels = answers.labels(choices)
    if rest.lower() in labels:
        rest = choices[labels.index(rest.lower())]
    elif rest.isdigit() and choices and answers.plain(rest) not in map(answers.plain, choices):
        return f"kubedrill: there is no choice {rest}; they are {', '.join(labels)}"
    return lab.answer(rest)


def _next(lab: Lab, rest: str, _: Path | None) -> str:
    task = lab.task
    if task is None:
        return texts.all_done(lab)
    if rest != "yes":
        return (f"task {task.name} is not done yet. `:next yes` types its solution for you and marks the task skipped; "
                f":hint helps first ({len(task.hints)} here)")
    shown: list[str] = []
    from sim.lab.steps import do_steps

    number = lab.task_number
    prompt = lab.prompt(lab.main_terminal)
    do_steps(lab, task.solutions[0], after=lambda line, result: shown.append(
        f"{'' if line.startswith((':', '^')) else prompt}{line}\n{result.both or result.stdout}".rstrip()))
    if lab.task_number == number:
        lab.move_on("skipped")
    else:
        lab.progress.outcome[task.name] = "skipped"
        shown[-1] = shown[-1].partition(f"done: {task.name}")[0].rstrip()
    return "\n".join([*shown, f"skipped: {task.name}", texts.task_text(lab)])


def _wait(lab: Lab, rest: str, _: Path | None) -> str:
    lab.wait(seconds_of(rest or "10s"))
    return f"it is now {texts.clock(lab, lab.now_us)}"


def seconds_of(text: str) -> float:
    """Read a duration; a plain number is seconds. Raises LabError."""
    try:
        return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else times.parse_duration(text)
    except ValueError:
        raise LabError(f"not a duration: {text} (write 30s, 5m or 1h30m)") from None


def _jump(lab: Lab, _: str, __: Path | None) -> str:
    upcoming = lab.engine.peek_us()
    if upcoming is None:
        return "nothing will happen by itself"
    before = len(lab.world.history())
    due = {timer.at_us: timer.label for timer in reversed(lab.engine.timers())}

    def seen() -> list[tuple[str, Change]]:
        return [(cluster, change) for cluster, change in lab.world.history()[before:] if change.key.resource not in why.NOISE]

    lab.jump(lambda: bool(seen()) or lab.now_us in due, JUMP_SECONDS_MOST)
    said = [f"  {lab.world.named(cluster, why.what(change))}" for cluster, change in seen()]
    said = said or ([f"  {due[lab.now_us]}"] if lab.now_us in due else ["  (nothing that anybody could see has happened)"])
    return "\n".join([f"it is now {texts.clock(lab, lab.now_us)}", *said[:10]])


def _terminal(lab: Lab, rest: str, _: Path | None) -> str:
    names = list(lab.terminals)
    if rest not in names:
        raise LabError(f"write :terminal NAME; there are {', '.join(names)} (this is {lab.chosen})")
    lab.chosen = rest
    return f"terminal {rest}, on {lab.terminals[rest].login.host.name}"


def _speed(lab: Lab, rest: str, _: Path | None) -> str:
    if rest == "auto":
        lab.rate, lab.paused, lab.rate_chosen = 1.0, False, False
        return "speed ×1, faster while a program waits"
    text = rest.removeprefix("x").removeprefix("×")
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= RATE_MOST:
        raise LabError(f"write :speed N, simulated seconds a second, at most {RATE_MOST:g}, or :speed auto; now it is {lab.rate:g}")
    lab.rate, lab.paused, lab.rate_chosen = float(text), False, True
    return f"speed ×{lab.rate:g}"


def _pause(lab: Lab, _: str, __: Path | None) -> str:
    lab.paused = not lab.paused
    return "paused: no time passes until :pause or :speed" if lab.paused else f"goes on, speed ×{lab.rate:g}"


def _faults(lab: Lab) -> str:
    """Give the table of faults, and what their targets can be."""
    wide = max(map(len, faults.FAULTS))
    rows = [f"  {row.name:{wide}}  {row.target:9}  {row.help}" for row in faults.ROWS]
    return "\n".join([
        "kubedrill: write :fault NAME TARGET (`--end` takes it back)", *rows,
        f"Targets: a host ({', '.join(lab.network.hosts)}), two hosts, a component (NAME or HOST/NAME), an image, a path (HOST:PATH)"])


def _fault(lab: Lab, rest: str, _: Path | None) -> str:
    words = rest.split()
    end = "--end" in words
    words = [word for word in words if word != "--end"]
    if not words:
        return _faults(lab)
    lab.fault(words[0], " ".join(words[1:]), end=end)
    return f"fault {' '.join(words)}{' taken back' if end else ''}"


def _undo(lab: Lab, rest: str, _: Path | None) -> str:
    if rest and not rest.isdigit():
        raise LabError("write :undo or :undo N")
    before, number = lab.now_us, lab.task_number
    said = lab.undo(int(rest) if rest else 1)
    if lab.now_us == before and number == lab.task_number:
        return said
    return f"{said}\nit is {texts.clock(lab, lab.now_us)} again" + (
        f"\n{texts.task_text(lab)}" if lab.task_number != number else "")


def _rewind(lab: Lab, rest: str, _: Path | None) -> str:
    if not rest:
        raise LabError("write :rewind 5m (to five minutes after the start) or :rewind -30s (by half a minute)")
    back = rest.startswith("-")
    seconds = seconds_of(rest.removeprefix("-").removeprefix("+"))
    at_us = (lab.now_us if back else lab.origin_us) + round(seconds * 1_000_000) * (-1 if back else 1)
    number = lab.task_number
    branches.rewind(lab, at_us)
    return f"it is {texts.clock(lab, lab.now_us)} again" + (f"\n{texts.task_text(lab)}" if number != lab.task_number else "")


def _restart(lab: Lab, rest: str, _: Path | None) -> str:
    return f"{branches.restart(lab, rest)}\n{texts.task_text(lab)}"


def _fork(lab: Lab, rest: str, _: Path | None) -> str:
    if rest:
        branches.go_to(lab, rest)
        return f"this is fork {rest}, at {texts.clock(lab, lab.now_us)}; `:fork {rest}` swaps again"
    name = str(next(number for number in range(1, 1000) if str(number) not in lab.kept))
    branches.keep(lab, name)
    return f"this moment is kept as fork {name}; go on here, `:fork {name}` swaps between the two"


def _target(folder: Path | None, kind: str, name: str, ending: str) -> Path:
    """Give the file to write. Raises LabError where writing is not allowed or the name is none."""
    if folder is None:
        raise LabError("files are written only from a local interactive terminal (kubedrill sh has --save)")
    if not NAME.fullmatch(name):
        raise LabError("write a plain name: letters, digits, `.`, `_` and `-`, no path")
    place = folder / kind
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{name}{ending}"


def _save(lab: Lab, rest: str, folder: Path | None) -> str:
    path = _target(folder, "runs", rest or lab.scenario.metadata.name, ".run")
    lab.save(path)
    return f"saved; kubedrill play {path} opens it again"


def _report(lab: Lab, rest: str, folder: Path | None) -> str:
    from sim.lab.telling.report import html

    path = _target(folder, "reports", rest or lab.scenario.metadata.name, ".html")
    path.write_text(html(lab), encoding="utf-8")
    return f"written: {path}"


def _quit(_: Lab, __: str, ___: Path | None) -> str:
    return "kubedrill: :quit is for `kubedrill play`; here the lab ends with its lines"


WORDS: dict[str, Word] = {
    "task": Word(":task", "the question again, and what holds already", lambda lab, _, __: texts.task_text(lab, state=True)),
    "check": Word(":check", "check the present task", lambda lab, _, __: lab.check()),
    "answer": Word(":answer TEXT", "answer the question (a choice's number or letter will do)", _answer),
    "hint": Word(":hint", "the next hint", lambda lab, _, __: lab.take_hint()),
    "next": Word(":next", "have the solution typed, and go on (asks first)", _next),
    "wait": Word(":wait 5m", "let simulated time pass", _wait),
    "jump": Word(":jump", "go to the next thing that happens by itself", _jump),
    "timers": Word(":timers", "what will happen next, when, and by which setting", lambda lab, _, __: timers.text(lab)),
    "speed": Word(":speed 60", "simulated seconds that pass in a second (auto: faster while a program waits)", _speed),
    "pause": Word(":pause", "stop the clock, or let it go on", _pause),
    "terminal": Word(":terminal NAME", "type at another terminal of the lab", _terminal),
    "why": Word(":why KIND/NAME [CLUSTER]", "why it is as it is", lambda lab, rest, __: why.text(lab, rest)),
    "fault": Word(":fault NAME TARGET", "break something; --end mends it", _fault),
    "undo": Word(":undo [N]", "take back the last things done", _undo),
    "rewind": Word(":rewind 5m", "go back to a moment (-30s: by so much)", _rewind),
    "restart": Word(":restart task|lab", "start again", _restart),
    "fork": Word(":fork [N]", "keep this moment to come back to, or go to a kept one", _fork),
    "save": Word(":save NAME", "write the run to a file, to be played on later", _save),
    "report": Word(":report NAME", "write the debrief as a web page", _report),
    "quit": Word(":quit", "leave the lab; the run is kept (also :exit, :q)", _quit),
    "docs": Word(":docs [TOPIC]", "a page of reference", lambda lab, rest, __: docs.text(rest)),
    "commands": Word(":commands", "commands that work here", lambda lab, _, __: docs.commands(lab)),
    "help": Word(":help", "this list", lambda lab, _, __: help_text()),
}

ALIASES = {"exit": "quit", "q": "quit"}


def help_text() -> str:
    """List the lab lines."""
    width = max(len(word.usage) for word in WORDS.values())
    return "\n".join([f"{word.usage:{width}}  {word.says}" for word in WORDS.values()]
                     + ["All other lines go to the shell. While a program runs, Ctrl-G takes a lab line and Ctrl-C ends it."])


def answer_line(lab: Lab, text: str, folder: Path | None) -> str:
    """Do one lab line. Raises KubedrillError, ValueError or OSError for bad input."""
    name, _, rest = text[1:].strip().partition(" ")
    name = ALIASES.get(name, name)
    word = WORDS.get(name)
    if word is None:
        near = [each for each in WORDS if each.startswith(name[:3])]
        return f"kubedrill: no lab line :{name}; " + (f"did you mean :{near[0]}? " if near else "") + ":help lists them"
    return word.do(lab, rest.strip(), folder)
