"""Shell transcripts: what a learner types and sees, as it looks on the screen.

    # One line that says what this shows.
    # scenario: os-upgrades
    # kubernetes: 1.33.1        (optional, as are `seed: 0` and `patience: 30m`)

    ## prose between the lines, kept as it is
    root@controlplane:~# kubectl get node nope
    Error from server (NotFound): nodes "nope" not found
    [1]

A typed line stands after its prompt; further lines of it (heredocs, open quotes) begin with `> `. Then what came out,
both streams in the order they came, and the exit status in brackets where it is not 0. Output that does not end its
last line is marked `(no-eol)`. The random five letters at the end of generated names stand as `?????`, so that a change
elsewhere does not rewrite every file. Lab lines (`:wait 5m`, `:fault node-silent node01`) are typed like all others.
"""

import re
from dataclasses import dataclass, field

from sim.api.times import parse_duration
from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load

PROMPT = re.compile(r"^(?P<prompt>[a-z_][\w-]*@[\w-]+:\S*[#$] )(?P<line>.*)$")
SETTING = re.compile(r"^# (scenario|kubernetes|seed|patience): *(.*)$")
SUFFIX = re.compile(r"(?<=[a-z0-9]-)[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9-])")
NO_END = " (no-eol)"


@dataclass
class Transcript:
    """A file of typed lines. head: its lines up to the first prompt; typed: (prose before it, line) in order."""

    head: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    typed: list[tuple[list[str], str]] = field(default_factory=list)


def read(text):
    """Read a transcript; outputs are left out, they are made anew."""
    found = Transcript()
    prose = []
    fresh = False
    for row in text.splitlines():
        match = PROMPT.match(row)
        if match:
            found.typed.append((prose, match["line"]))
            prose, fresh = [], True
        elif fresh and row.startswith("> "):
            before, line = found.typed[-1]
            found.typed[-1] = (before, f"{line}\n{row[2:]}")
        elif row.startswith("## "):
            prose, fresh = [*prose, row], False
        elif found.typed:
            fresh = False
        else:
            found.head.append(row)
            setting = SETTING.match(row)
            if setting:
                found.settings[setting[1]] = setting[2].strip()
    if "scenario" not in found.settings:
        raise ValueError("the transcript does not name its scenario (`# scenario: os-upgrades`)")
    return found


def play(transcript):
    """Type all lines at a fresh lab; gives the transcript's text as it is now."""
    settings = transcript.settings
    lab = Lab(load(find(settings["scenario"])), seed=int(settings.get("seed", 0)), kubernetes=settings.get("kubernetes"))
    patience = parse_duration(settings.get("patience", "30m"))
    shown = list(transcript.head)
    try:
        for prose, line in transcript.typed:
            shown += prose
            first, *more = line.split("\n")
            shown += [lab.prompt(lab.main_terminal) + first, *(f"> {each}" for each in more)]
            shown += _output(lab, line, patience)
    finally:
        lab.close()
    return "\n".join(row.rstrip() if not row.strip() else row for row in shown) + "\n"


def _output(lab, line, patience):
    if lab.is_lab_line(line):
        return [SUFFIX.sub("?????", row) for row in lab.lab_line(line).splitlines()]
    came = []
    result = lab.run(line, patience_seconds=patience, sink=lambda data, stream: came.append(data))
    text = b"".join(came).decode(errors="replace")
    rows = [SUFFIX.sub("?????", row) for row in text.splitlines()]
    if rows and not text.endswith("\n"):
        rows[-1] += NO_END
    return rows + ([f"[{result.status}]"] if result.status else [])
