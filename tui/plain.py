"""Plain mode: an append-only conversation of prompts, lines and outputs. For screen readers, pipes, dumb terminals.

Nothing is redrawn and no box is drawn. Simulated time passes only while a line runs or a lab line lets it pass. At a
real terminal a running program can be watched: time then goes at most 60 times as fast as real time, Ctrl-C ends the
program and Ctrl-G asks for a lab line meanwhile. Into a pipe everything goes as fast as it can.
"""

from __future__ import annotations

import shutil
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tui.keys import Keyboard, read_line
from tui.leaving import ASK, LOGOUT, farewell, is_quit
from tui.pace import Pace
from tui.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.lab.lab import Lab
    from sim.shell.editor.view import FullScreen

WELCOME = ("This is a simulated cluster: nothing real can break. Type shell commands; :task shows the question, :help the lab "
           "lines,\n:quit leaves. Time passes only while a command runs; :wait 5m lets it pass.")
STANDS_STILL = "(five minutes passed without a key: time stands still until you press one)"
SLICE_SECONDS = 0.05
EVENTS_PER_SLICE = 5000


class Told:
    """What was told of an editor's screen, as lines: the text when it opens, then its message and line as they change."""

    def __init__(self) -> None:
        self._program: FullScreen | None = None
        self._last: tuple[str, str] = ("", "")
        self.typing = False
        """Whether the editor takes characters as text."""

    def tell(self, program: FullScreen | None, say: Callable[[str], None]) -> None:
        """Say what is new on the screen of the program that has the terminal, if there is one."""
        opened, self._program = program is not None and program is not self._program, program
        if program is None:
            self.typing = False
            return
        picture = program.picture(80, 24)
        if opened:
            lines = program.everything()
            say("\n".join(["(an editor is open: keys go to it; Escape, then :q! and Enter, leaves vi, Ctrl-X nano)",
                           *(f"{number:5}  {line}" for number, line in enumerate(lines, 1))]))
        here = (picture.line, picture.said)
        if opened or (here != self._last and not (self.typing and picture.typing)):
            say(f"{picture.said} | {picture.line}" if picture.said else picture.line)
        self._last, self.typing = here, picture.typing


class Plain:
    """The conversation. folder: where `:save` and `:report` may write. watch: a scenario file to load anew when saved."""

    def __init__(
        self, lab: Lab, lines: TextIO, out: TextIO, err: TextIO, *, folder: Path | None = None, watch: Path | None = None
    ) -> None:
        self.lab, self.lines, self.out, self.err, self.folder = lab, lines, out, err, folder
        self.watched = Watched(watch) if watch is not None else None
        self.interactive = bool(lines.isatty() and out.isatty())
        self._fresh = True
        self._asked = False
        """Whether the learner was asked about leaving, and has not gone on since."""
        self._used = {self.terminal}
        self._ahead: deque[str] = deque()
        """Lines that were typed while a program ran and that it did not read."""
        self.pace = Pace()
        self.told = Told()

    def play(self) -> int:
        """Hold the conversation until the input ends. Gives the exit status."""
        self.say(f"{self.lab.scenario.metadata.name}: {self.lab.title}\n{WELCOME}")
        self.say(self.lab.lab_line(":task"))
        text = ""
        while True:
            self._look_at_file()
            try:
                raw = self._next_line("> " if text else self.prompt())
            except KeyboardInterrupt:
                text = ""
                self.say("^C")
                continue
            except UnicodeDecodeError:
                self.say("kubedrill: that line is not text; it was left out")
                continue
            if raw is None:
                self.say("")
                if not self.lines.isatty() or self._ctrl_d(text):
                    return self.leave()
                text = ""
                continue
            text = f"{text}\n{raw}" if text else raw
            if self.lab.screen(self.terminal) is not None:
                self.run(raw)
                text = ""
                continue
            if is_quit(text):
                return self.leave()
            if self.lab.is_lab_line(text):
                self.lab_line(text)
                text = ""
                continue
            if self.lab.needs_more(text, self.terminal):
                continue
            line, text = text, ""
            if self._typed(line):
                return self.leave()

    def _next_line(self, prompt: str) -> str | None:
        if self._ahead:
            line = self._ahead.popleft()
            self.say(prompt + line)
            return line
        return read_line(prompt, self.lines, self.out, self.complete if self.interactive else None)

    def _typed(self, line: str) -> bool:
        """Run a line; True when it is the second in a row that ends the first login."""
        asked, self._asked = self._asked, False
        if not line.strip():
            return False
        self.run(line)
        if not self.lab.terminals[self.terminal].left:
            return False
        return asked or self._ask()

    def _ask(self) -> bool:
        self._asked = True
        self.say(ASK)
        return False

    def _ctrl_d(self, text: str) -> bool:
        """Press Ctrl-D at the prompt: end an unfinished line, log out, or leave the lab. True to leave."""
        if text or len(self.lab.terminals[self.terminal].logins) > 1:
            return self._typed(text or LOGOUT)
        self._fresh = False
        return self._asked or self._ask()

    def leave(self) -> int:
        """Say goodbye; gives the exit status."""
        self.say(farewell(self.lab, self.folder) if self.interactive else "")
        return 0

    def prompt(self) -> str:
        """Give the prompt; once more than one terminal was typed at, it says which this is."""
        if self.lab.screen(self.terminal) is not None:
            return ""
        self._used.add(self.terminal)
        mark = f"[{self.terminal}] " if len(self._used) > 1 else ""
        return f"{mark}{self.lab.prompt(self.terminal)}"

    def say(self, text: str) -> None:
        """Write something of the lab's own, on a line of its own."""
        if not self._fresh:
            self.out.write("\n")
        self.out.write(text if text.endswith("\n") or not text else text + "\n")
        self.out.flush()
        self._fresh = True

    def sink(self, data: bytes, stream: str) -> None:
        """Write what a program writes."""
        target = self.err if stream == "stderr" else self.out
        target.write(data.decode(errors="replace"))
        target.flush()
        self._fresh = data.endswith(b"\n")
        if b"\n" in data:
            self.pace.line()

    def complete(self, line: str) -> list[str]:
        """Give what the last word of a line could become."""
        return self.lab.completions(line, self.terminal)

    @property
    def terminal(self) -> str:
        """Name the terminal that is typed at."""
        return self.lab.chosen

    def lab_line(self, line: str) -> None:
        """Do a lab line."""
        self._asked = False
        self.say(self.lab.lab_line(line, folder=self.folder))

    def run(self, line: str) -> None:
        """Type a line and let it run."""
        if not self.interactive:
            self.lab.run(line, terminal=self.terminal, sink=self.sink)
            self.told.tell(self.lab.screen(self.terminal), self.say)
            return
        self.lab.columns = shutil.get_terminal_size().columns
        patience_us = round(self.lab.patience_seconds * 1_000_000)
        job = self.lab.type(line, terminal=self.terminal, sink=self.sink)
        limit_us = self.lab.now_us + patience_us
        self.pace.key()
        self.pace.go_on()
        self.pace.pass_time(self.lab, self.terminal, SLICE_SECONDS, EVENTS_PER_SLICE)
        told = False
        with Keyboard() as keys:
            while job.running:
                try:
                    if self.lab.now_us >= limit_us and self.lab.screen(self.terminal) is None:
                        raise KeyboardInterrupt
                    self.pace.pass_time(self.lab, self.terminal, SLICE_SECONDS, EVENTS_PER_SLICE)
                    if job.running and self.pace.unattended(self.lab) and not told:
                        told = True
                        self.say(STANDS_STILL)
                    self.told.tell(self.lab.screen(self.terminal), self.say)
                    pressed = keys.wait(SLICE_SECONDS) if job.running else ""
                    if pressed:
                        told = False
                        self.pace.key()
                        self._pressed(pressed, keys)
                    job = self.lab.terminals[self.terminal].job or job
                except KeyboardInterrupt:
                    self.lab.interrupt(self.terminal)
                    self.say("^C")
        self.lab.terminals[self.terminal].check()
        self._ahead = deque(self.lab.terminals[self.terminal].typed_ahead())

    def _pressed(self, text: str, keys: Keyboard) -> None:
        """Do what was pressed while a program runs: Ctrl-G asks for a lab line, all else goes to the program."""
        before, ctrl_g, _ = text.partition("\x07")
        if before:
            self.lab.stdin(before, self.terminal)
            self.lab.advance(self.lab.now_us)
            if self.told.typing and before.isprintable():
                self.out.write(before)
                self.out.flush()
                self._fresh = False
        if not ctrl_g:
            return
        with keys.normal():
            line = read_line("lab line (empty goes on) :", self.lines, self.out, None) or ""
        if line.strip():
            self.lab_line(f":{line.strip().removeprefix(':')}")

    def _look_at_file(self) -> None:
        """Load the scenario anew when its file was saved, at the same task."""
        if self.watched is None:
            return
        lab, problems = self.watched.reloaded(self.lab)
        if problems:
            self.say(problems)
        if lab is not None:
            self.lab = lab
            self.say(f"{self.watched.path} was saved: loaded anew\n{self.lab.lab_line(':task')}")
