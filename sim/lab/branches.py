"""Going back: undo, rewind, restart, and remembered presents (`:fork`). Each names the inputs that still count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.lab.recording import LabError, Position

if TYPE_CHECKING:
    from sim.lab.goals.moments import Moment
    from sim.lab.lab import Entry, Lab


def _acting(lab: Lab, start: int = 0) -> list[int]:
    """Give the places in the path of inputs that can be undone."""
    path, inputs = lab.recording.path, lab.recording.inputs
    return [at for at, number in enumerate(path) if at >= start and inputs[number].acts]


def undo(lab: Lab, count: int) -> str:
    """Take back the last inputs that did something. Gives what to say. Raises LabError for a count below 1."""
    path, inputs = list(lab.recording.path), lab.recording.inputs
    if count < 1:
        raise LabError("write :undo or :undo N")
    places = _acting(lab)
    if not places:
        return "there is nothing to undo"
    cut = places[max(0, len(places) - count)]
    gone = [inputs[number].shown() for number in path[cut:] if inputs[number].acts]
    if inputs[path[cut]].word in ("passed", "skipped") and cut and inputs[path[cut - 1]].word == "answer":
        cut -= 1
    lab.go_back(path[:cut], inputs[path[cut]].position)
    return f"undone: {'; '.join(gone)}"


def _world_start(lab: Lab) -> Entry:
    """Give how the present world began: the first entry of a task since the last `restore_from`."""
    entries = [entry for entry in lab.progress.entered.values() if entry.world == lab.progress.worlds]
    return min(entries, key=lambda entry: entry.inputs)


def undos_to_before(lab: Lab, moment: Moment) -> int | None:
    """Tell how many `:undo` it takes to be before something happened; None where none would help.

    That is before the latest line or fault that led to it, where its causes name one; else before the last input
    that came earlier.
    """
    path, inputs = lab.recording.path, lab.recording.inputs
    here = _acting(lab, _world_start(lab).inputs)
    begun_us = max((cause.at_us for cause in moment.causes if cause.kind in ("line", "fault")), default=-1)
    found = [at for at in here if inputs[path[at]].at_us == begun_us and (inputs[path[at]].kind == "line" or inputs[path[at]].word == "fault")]
    found = found or [at for at in here if inputs[path[at]].at_us < moment.at_us][-1:]
    return len([at for at in _acting(lab) if at >= found[0]]) if found else None


def rewind(lab: Lab, at_us: int) -> None:
    """Go back to a moment: what came later is undone. Raises LabError."""
    if at_us > lab.now_us:
        raise LabError("that moment is still to come (:wait goes forward); with a minus it goes back by so much, as in :rewind -30s")
    path, inputs, start = list(lab.recording.path), lab.recording.inputs, _world_start(lab)
    if at_us < start.position.at_us:
        if lab.progress.worlds:
            raise LabError("the task before put the world back; :undo goes further")
        at_us = start.position.at_us
    cut = len(path)
    while cut > start.inputs and inputs[path[cut - 1]].at_us > at_us:
        cut -= 1
    lab.go_back(path[:cut], Position(at_us, -1))
    for terminal in lab.terminals:
        lab.interrupt(terminal)  # a line that ran at that moment would run on without anybody waiting for it


def restart(lab: Lab, what: str) -> str:
    """Start the present task, or the whole lab, again. Gives what to say. Raises LabError."""
    task = lab.task
    if what == "task" and task is not None:
        entry = lab.progress.entered[task.name]
        lab.go_back(lab.recording.path[:entry.inputs], entry.position)
        return f"task {task.name} starts again"
    if what == "lab":
        lab.go_back([], lab.progress.entered[lab.tasks[0].name].position)
        return "the lab starts again"
    raise LabError("write :restart task or :restart lab")


def keep(lab: Lab, name: str) -> None:
    """Remember the present under a name."""
    lab.kept[name] = (list(lab.recording.path), lab.position)


def go_to(lab: Lab, name: str) -> None:
    """Go to a remembered present; the one that is left is remembered, too. Raises LabError."""
    if name not in lab.kept:
        raise LabError(f"there is no fork {name}; there are {', '.join(lab.kept) or 'none'}")
    path, position = lab.kept.pop(name)
    keep(lab, name)
    lab.go_back(path, position)
