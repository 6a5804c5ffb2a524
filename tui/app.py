"""The Textual app, in its first and simple form: task pane, terminal, live board of nodes and pods, clock.

The app only pumps time and shows; everything typed goes to the lab. Real time lives here and nowhere below.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, RichLog, Static

from tui.board import board_text, clock_text, task_text
from tui.watch import Watched

if TYPE_CHECKING:
    from sim.lab.lab import Lab

TICK_SECONDS = 0.05
EVENTS_PER_TICK = 2000
WAITING_RATE = 60.0
REST_SECONDS = 0.3
"""After a line of output of a waiting program, so that a learner sees it come."""
UNATTENDED_SECONDS = 300.0


class TerminalInput(Input):
    """The line being typed, with the terminal's history on the arrow keys and completion on Tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", show=False),
        Binding("down", "newer", show=False),
        Binding("tab", "complete", show=False, priority=True),
        Binding("ctrl+c", "app.interrupt", "Interrupt", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__(id="line", placeholder="")
        self.history: list[str] = []
        self.at = 0

    def remember(self, line: str) -> None:
        """Keep a line for the arrow keys."""
        if line:
            self.history.append(line)
        self.at = len(self.history)

    def _show(self, step: int) -> None:
        self.at = min(max(self.at + step, 0), len(self.history))
        self.value = self.history[self.at] if self.at < len(self.history) else ""
        self.cursor_position = len(self.value)

    def action_older(self) -> None:
        """Go back in the line history."""
        self._show(-1)

    def action_newer(self) -> None:
        """Go forward in the line history."""
        self._show(1)

    def action_complete(self) -> None:
        """Complete the word at the cursor from files, commands and the cluster."""
        app = self.app
        assert isinstance(app, KubedrillApp)
        app.complete(self)


class KubedrillApp(App[None]):
    """One lab on one screen."""

    CSS_PATH = "app.tcss"
    TITLE = "Kubedrill"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "pause", "Pause"),
        Binding("f3", "slower", "Slower"),
        Binding("f4", "faster", "Faster"),
        Binding("f5", "jump", "Jump"),
        Binding("f6", "undo", "Undo"),
        Binding("f7", "terminal", "Terminal"),
        Binding("f9", "hint", "Hint"),
        Binding("f10", "quit", "Leave"),
    ]

    def __init__(self, lab: Lab, *, folder: Path | None = None, watch: Path | None = None) -> None:
        super().__init__()
        self.lab = lab
        self.folder = folder
        self.watched = Watched(watch) if watch is not None else None
        self.text = ""
        self._rest_until = 0.0
        self._last_key = time.monotonic()
        self._last_tick = time.monotonic()
        self._partial = b""

    @property
    def terminal(self) -> str:
        """Name the terminal that is typed at."""
        return self.lab.chosen

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        with Horizontal(id="top"):
            yield Static(id="task")
            with Vertical(id="side"):
                yield Static(id="clock")
                yield Static(id="board")
        yield RichLog(id="terminal", wrap=True, markup=False, max_lines=20_000)
        with Horizontal(id="prompt-row"):
            yield Static(id="prompt")
            yield TerminalInput()
        yield Footer()

    def on_mount(self) -> None:
        """Start the pump of time and show everything once."""
        self.set_interval(TICK_SECONDS, self.pump)
        self.set_interval(0.5, self.show)
        self.write_line("Type shell commands. :help lists the lab lines, :task shows the question again.")
        self.show()
        self.query_one(TerminalInput).focus()

    # ---- time -------------------------------------------------------------------------------------------------
    def pump(self) -> None:
        """Let simulated time pass, as much as real time and the rate say."""
        now = time.monotonic()
        passed, self._last_tick = now - self._last_tick, now
        if self.lab.paused or now < self._rest_until:
            return
        running = self.lab.busy(self.terminal)
        if running and now - self._last_key > UNATTENDED_SECONDS:
            return
        rate = max(self.lab.rate, WAITING_RATE) if running else self.lab.rate
        before = running
        self.lab.pass_time(min(passed, 0.25), rate, self.terminal, EVENTS_PER_TICK)
        if before and not self.lab.busy(self.terminal):
            self.flush_partial()
            self.show()

    def _look_at_file(self) -> None:
        """Load the scenario anew when its file was saved, at the same task."""
        if self.watched is None:
            return
        lab, problems = self.watched.reloaded(self.lab)
        if problems:
            self.write_line(problems)
        if lab is not None:
            self.lab = lab
            self.write_line(f"{self.watched.path} was saved: loaded anew")

    def show(self) -> None:
        """Repaint the panes."""
        self._look_at_file()
        self.query_one("#task", Static).update(task_text(self.lab))
        self.query_one("#clock", Static).update(clock_text(self.lab, self.lab.rate, paused=self.lab.paused))
        self.query_one("#board", Static).update(board_text(self.lab))
        prompt = "" if self.lab.busy(self.terminal) else "> " if self.text else self.lab.prompt(self.terminal)
        self.query_one("#prompt", Static).update(Text(prompt))

    # ---- the terminal -----------------------------------------------------------------------------------------
    def write_line(self, text: str) -> None:
        """Write lines on the terminal."""
        self.query_one("#terminal", RichLog).write(Text.from_ansi(text))

    def sink(self, data: bytes, stream: str) -> None:
        """Take what a program writes, whole lines at a time."""
        self._partial += data
        if b"\n" in self._partial:
            whole, self._partial = self._partial.rsplit(b"\n", 1)
            self.write_line(whole.decode(errors="replace"))
            self._rest_until = time.monotonic() + REST_SECONDS

    def flush_partial(self) -> None:
        """Write what has no newline yet."""
        if self._partial:
            self.write_line(self._partial.decode(errors="replace"))
            self._partial = b""

    @on(Input.Submitted, "#line")
    def submitted(self, message: Input.Submitted) -> None:
        """Take a line: to the lab, to the program that is running, or to bash."""
        self._look_at_file()
        self._last_key = time.monotonic()
        line = message.value
        entry = self.query_one(TerminalInput)
        entry.value = ""
        entry.remember(line)
        if self.lab.is_lab_line(line) and not self.text:
            self.write_line(line)
            answer = self.lab.lab_line(line, folder=self.folder)
            if answer:
                self.write_line(answer)
            self.show()
            return
        if self.lab.busy(self.terminal):
            self.lab.stdin(line + "\n", self.terminal)
            return
        self.write_line(("> " if self.text else self.lab.prompt(self.terminal)) + line)
        self.text = f"{self.text}\n{line}" if self.text else line
        if self.lab.needs_more(self.text, self.terminal):
            self.show()
            return
        text, self.text = self.text, ""
        if not text.strip():
            self.show()
            return
        self._rest_until = 0.0
        self.lab.columns = self.query_one("#terminal", RichLog).scrollable_content_region.width or None
        self.lab.type(text, terminal=self.terminal, sink=self.sink)
        self.lab.pass_time(1.0, 0.0 if self.lab.paused else 1.0, self.terminal, EVENTS_PER_TICK)
        if not self.lab.busy(self.terminal):
            self.flush_partial()
        self.show()

    def complete(self, entry: TerminalInput) -> None:
        """Complete the last word; several choices are listed."""
        options = self.lab.completions(entry.value, self.terminal)
        if not options:
            return
        head, _, word = entry.value.rpartition(" ")
        common = options[0]
        for option in options[1:]:
            while not option.startswith(common):
                common = common[:-1]
        if len(options) == 1:
            common += " "
        if len(common) > len(word):
            entry.value = f"{head} {common}" if head else common
            entry.cursor_position = len(entry.value)
        elif len(options) > 1:
            self.write_line("  ".join(options[:60]))

    # ---- keys -------------------------------------------------------------------------------------------------
    def action_interrupt(self) -> None:
        """Type Ctrl-C."""
        if self.lab.busy(self.terminal):
            self.lab.interrupt(self.terminal)
            self.flush_partial()
        self.text = ""
        self.query_one(TerminalInput).value = ""
        self.write_line("^C")
        self.show()

    def action_pause(self) -> None:
        """Stop simulated time, or let it go on."""
        self.lab.paused = not self.lab.paused
        self.show()

    def action_slower(self) -> None:
        """Halve the rate."""
        self.lab.rate = max(1.0, self.lab.rate / 2)
        self.show()

    def action_faster(self) -> None:
        """Double the rate."""
        self.lab.rate = min(1000.0, self.lab.rate * 2)
        self.show()

    def _lab_line(self, line: str) -> None:
        self._last_key = time.monotonic()
        self.write_line(line)
        self.write_line(self.lab.lab_line(line, folder=self.folder))
        self.show()

    def action_jump(self) -> None:
        """Jump to the next simulation event."""
        self._lab_line(":jump")

    def action_undo(self) -> None:
        """Take the last line back."""
        self._lab_line(":undo")

    def action_terminal(self) -> None:
        """Go to the next terminal of the lab."""
        names = list(self.lab.terminals)
        self._lab_line(f":terminal {names[(names.index(self.terminal) + 1) % len(names)]}")

    def action_hint(self) -> None:
        """Ask for a hint."""
        self._lab_line(":hint")
