"""Plain mode: an append-only conversation of prompts, lines and outputs. For screen readers, pipes, dumb terminals.

Nothing is redrawn and no box is drawn. Simulated time passes only while a line runs or a lab line lets it pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from sim.lab.lab import Lab

WELCOME = "Simulated cluster. Type shell commands; :task shows the question, :help the lab lines, Ctrl-D leaves."


def play_plain(
    lab: Lab, lines: TextIO, out: TextIO, err: TextIO, *, patience_seconds: float = 1800
) -> int:
    """Hold the conversation until the input ends or the lab is finished. Gives the exit status."""

    def sink(data: bytes, stream: str) -> None:
        target = err if stream == "stderr" else out
        target.write(data.decode(errors="replace"))
        target.flush()

    def say(text: str) -> None:
        out.write(text if text.endswith("\n") or not text else text + "\n")
        out.flush()

    say(f"{lab.scenario.metadata.name}: {lab.title}")
    say(WELCOME)
    say(lab.lab_line(":task"))
    terminal = lab.main_terminal
    text = ""
    while True:
        out.write("> " if text else lab.prompt(terminal))
        out.flush()
        try:
            raw = lines.readline()
        except KeyboardInterrupt:
            text = ""
            say("^C")
            continue
        except UnicodeDecodeError:
            say("kubedrill: that line is not text; it was left out")
            continue
        if not raw:
            say("")
            return 0
        text = f"{text}\n{raw.rstrip(chr(10))}" if text else raw.rstrip("\n")
        if lab.is_lab_line(text):
            say(lab.lab_line(text))
            text = ""
            continue
        if lab.needs_more(text, terminal):
            continue
        try:
            lab.run(text, terminal=terminal, patience_seconds=patience_seconds, sink=sink)
        except KeyboardInterrupt:
            lab.interrupt(terminal)
            say("^C")
        text = ""
