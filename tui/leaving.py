"""Leaving a lab: asked once, the run kept so that it can be resumed, and said clearly whose shell comes next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.lab.telling.debrief import debrief

if TYPE_CHECKING:
    from sim.lab.lab import Lab

ASK = "leave the lab? Ctrl-D again, or :quit"
OWN_SHELL = "you left the lab; this is your own shell again"
QUIT_LINES = (":quit", ":exit", ":q")
LOGOUT = " exit"
"""What Ctrl-D at a prompt amounts to; the space keeps it out of the shell's history, as the key is."""


def is_quit(line: str) -> bool:
    """Tell whether a line asks to leave the lab."""
    return line.strip() in QUIT_LINES


def kept(lab: Lab, folder: Path) -> str:
    """Save the run under the state folder; the one kept before it stays too. Gives what to say."""
    if not lab.recording.inputs:
        return ""
    name = f"{lab.scenario.metadata.name}-autosave"
    place = folder / "runs"
    path = place / f"{name}.run"
    try:
        place.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(place / f"{name}-before.run")
        lab.save(path)
    except OSError as error:
        return f"kubedrill: the run could not be saved: {error}"
    return f"saved in {path}\nkubedrill play {name} resumes it"


def farewell(lab: Lab, folder: Path | None) -> str:
    """Give what is said to a learner who leaves: how it went, where the run is kept, whose shell comes next."""
    said = [*debrief(lab).lines(), kept(lab, folder) if folder is not None else "", OWN_SHELL]
    return "\n".join(line for line in said if line)
