"""The Textual app, in its first and simple form: task pane, terminal, live board of nodes and pods, clock.

The app only pumps time and shows; everything typed goes to the lab. Real time lives here and nowhere below.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.events import Event, Key, Paste
from textual.widgets import Footer, Input, Static

from tui.board import board_text, clock_text, task_text
from tui.driver import tolerate_any_byte
from tui.leaving import ASK, LOGOUT, farewell, is_quit
from tui.log import Screen
from tui.pace import Pace
from tui.screens.editor import EditorScreen
from tui.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.lab.lab import Lab

TICK_SECONDS = 0.05
EVENTS_PER_TICK = 2000
LINE_END = re.compile(r"\r\n|\r|\n")


class TerminalInput(Input):
    """The line being typed, with the terminal's history on the arrow keys and completion on Tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", show=False),
        Binding("down", "newer", show=False),
        Binding("tab", "complete", show=False),
        Binding("ctrl+c", "app.interrupt", show=False),
        Binding("ctrl+d", "end_of_input", show=False),
        Binding("enter,ctrl+j", "submit", show=False),
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

    async def _on_key(self, event: Key) -> None:
        """Do the line's own keys here and now, in the order in which they were pressed.

        Left to Textual they would come after the letters that follow them: bindings are done later than letters.
        """
        own = self._bindings.key_to_bindings.get(event.key, [])
        if own and not event.is_printable:
            event.stop()
            event.prevent_default()
            await self.run_action(own[0].action)

    async def action_submit(self) -> None:
        """Hand the line over at once: keys that follow belong to the next one."""
        line, self.value = self.value, ""
        self._app.take(line)

    def _on_paste(self, event: Paste) -> None:
        """Take pasted lines one after another, as if typed; what has no newline yet stays to be edited."""
        event.prevent_default()
        event.stop()
        at = self.cursor_position
        *lines, rest = LINE_END.split(self.value[:at] + event.text + self.value[at:])
        tail = len(self.value) - at
        self.value = ""
        for line in lines:
            self._app.take(line)
        self.value = rest
        self.cursor_position = len(rest) - tail

    def action_end_of_input(self) -> None:
        """Ctrl-D: delete a character, or, on an empty line, end the input."""
        if self.value:
            self.action_delete_right()
        else:
            self._app.ctrl_d()

    @property
    def _app(self) -> KubedrillApp:
        app = self.app
        assert isinstance(app, KubedrillApp)
        return app

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
        self._app.complete(self)


class KubedrillApp(App[None]):
    """One lab on one screen."""

    CSS_PATH = "app.tcss"
    TITLE = "Kubedrill"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "pause", "Pause"),
        Binding("f3", "slower", "Slow"),
        Binding("f4", "faster", "Fast"),
        Binding("f5", "jump", "Jump"),
        Binding("f6", "undo", "Undo"),
        Binding("f7", "terminal", "Term"),
        Binding("f9", "hint", "Hint"),
        Binding("f10", "quit", "Leave", priority=True),
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("pageup", "scroll('#terminal', -1)", show=False),
        Binding("pagedown", "scroll('#terminal', 1)", show=False),
        Binding("ctrl+up", "scroll('#task-pane', -1)", show=False, priority=True),
        Binding("ctrl+down", "scroll('#task-pane', 1)", show=False, priority=True),
    ]

    def __init__(self, lab: Lab, *, folder: Path | None = None, watch: Path | None = None) -> None:
        super().__init__()
        self.lab = lab
        self.folder = folder
        self.watched = Watched(watch) if watch is not None else None
        self.text = ""
        self.pace = Pace()
        self.ahead: deque[str] = deque()
        """Lines for bash: what was typed while a program ran and is still on the terminal's keyboard, unread."""
        self._asked = False
        self._last_tick = time.monotonic()
        self._partial = b""
        tolerate_any_byte()

    @property
    def terminal(self) -> str:
        """Name the terminal that is typed at."""
        return self.lab.chosen

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        with Horizontal(id="top"):
            with VerticalScroll(id="task-pane", can_focus=False):
                yield Static(id="task")
            with Vertical(id="side"):
                yield Static(id="clock")
                with VerticalScroll(id="board-pane", can_focus=False):
                    yield Static(id="board")
        yield Screen()
        with Horizontal(id="prompt-row"):
            yield Static(id="prompt")
            yield TerminalInput()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Start the pump of time and show everything once."""
        self.set_interval(TICK_SECONDS, lambda: self._while_open(self.pump))
        self.set_interval(0.5, lambda: self._while_open(self.show))
        self.write_line("Type shell commands. :help lists the lab lines, :task shows the question again.")
        self.show()
        self.query_one(TerminalInput).focus()

    def _while_open(self, callback: Callable[[], None]) -> None:
        """Call what a timer is for; Textual removes the widgets before it stops the app's timers."""
        with contextlib.suppress(NoMatches):
            callback()

    # ---- time -------------------------------------------------------------------------------------------------
    def pump(self) -> None:
        """Let simulated time pass, as much as real time and the rate say."""
        now = time.monotonic()
        passed, self._last_tick = now - self._last_tick, now
        running = self.lab.busy(self.terminal)
        self.pace.pass_time(self.lab, self.terminal, min(passed, 0.25), EVENTS_PER_TICK)
        self._show_editor()
        if running and not self.lab.busy(self.terminal):
            self._program_ended()
            self._go_through()

    def _show_editor(self) -> None:
        """Give the whole screen to a program that wants it."""
        if self.lab.screen(self.terminal) is not None and not isinstance(self.screen, EditorScreen):
            self.flush_partial()
            self.push_screen(EditorScreen(self))

    def to_editor(self, sent: str) -> None:
        """Give keys to the editor, and let happen at once what they lead to."""
        self.pace.go_on()
        self.lab.stdin(sent, self.terminal)
        self.lab.advance(self.lab.now_us)
        if self.lab.screen(self.terminal) is None and not self.lab.busy(self.terminal):
            self._program_ended()
            self._go_through()

    async def on_event(self, event: Event) -> None:
        """Note that somebody is there, whichever key it was."""
        if isinstance(event, Key | Paste):
            self.pace.key()
        await super().on_event(event)

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
        self.query_one("#clock", Static).update(clock_text(self.lab, self.terminal, self.pace))
        self.query_one("#board", Static).update(board_text(self.lab))
        self.query_one("#prompt", Static).update(Text(self._prompt()))

    def _prompt(self) -> str:
        if not self.lab.busy(self.terminal):
            return "> " if self.text else self.lab.prompt(self.terminal)
        unended = self._partial.decode(errors="replace")  # a question: `Do you want to continue? [Y/n] `
        return unended + ("(time stands still: press a key) " if self.pace.unattended(self.lab) else "")

    # ---- the terminal -----------------------------------------------------------------------------------------
    def write_line(self, text: str) -> None:
        """Write lines on the terminal."""
        self.query_one(Screen).say(text)

    def sink(self, data: bytes, stream: str) -> None:
        """Take what a program writes, whole lines at a time."""
        self._partial += data
        if b"\n" in self._partial:
            whole, self._partial = self._partial.rsplit(b"\n", 1)
            self.write_line(whole.decode(errors="replace"))
            self.pace.line()

    def flush_partial(self) -> None:
        """Write what has no newline yet."""
        if self._partial:
            self.write_line(self._partial.decode(errors="replace"))
            self._partial = b""

    def take(self, line: str) -> None:
        """Take a line that was typed or pasted, after those that wait already."""
        self._look_at_file()
        self.query_one(TerminalInput).remember(line)
        self.ahead.append(line)
        self._go_through()

    def _go_through(self) -> None:
        """Give each waiting line to whom it is for: the lab, the program that is running, or bash."""
        while self.ahead:
            line = self.ahead.popleft()
            if not self.text and (is_quit(line) or self.lab.is_lab_line(line)):
                self._lab_line(line)
            elif self.lab.busy(self.terminal):
                self.lab.stdin(line + "\n", self.terminal)
            else:
                self._to_bash(line)
        self.show()

    def _to_bash(self, line: str) -> None:
        self.write_line(("> " if self.text else self.lab.prompt(self.terminal)) + line)
        text = f"{self.text}\n{line}" if self.text else line
        if self.lab.needs_more(text, self.terminal):
            self.text = text
        else:
            self._type(text)

    def _type(self, text: str) -> None:
        """Type a finished line at bash."""
        self.text = ""
        if not text.strip():
            self._asked = False
            return
        self.pace.go_on()
        self.ahead.clear()
        self.lab.columns = self.query_one(Screen).columns or None
        self.lab.type(text, terminal=self.terminal, sink=self.sink)
        self.lab.pass_time(1.0, 0.0 if self.lab.paused else 1.0, self.terminal, EVENTS_PER_TICK)
        if not self.lab.busy(self.terminal):
            self._program_ended()

    def _program_ended(self) -> None:
        """Go back to bash, which reads what was typed meanwhile."""
        self.flush_partial()
        asked, self._asked = self._asked, False
        terminal = self.lab.terminals[self.terminal]
        if terminal.left:
            self._ask(asked)
        self.ahead.extend(terminal.typed_ahead())

    # ---- leaving ----------------------------------------------------------------------------------------------
    def _ask(self, asked: bool) -> None:
        """Ask about leaving; leave when it was asked already."""
        if asked:
            self.exit(message=Text(farewell(self.lab, self.folder)))
        self._asked = True
        self.write_line(ASK)

    def ctrl_d(self) -> None:
        """Press Ctrl-D on an empty line: end a program's input, an unfinished line, a login, or ask about leaving."""
        if self.lab.busy(self.terminal):
            self.lab.stdin("\x04", self.terminal)
        elif self.text or len(self.lab.terminals[self.terminal].logins) > 1:
            self._type(self.text or LOGOUT)
        else:
            self._ask(self._asked)
        self.show()

    async def action_quit(self) -> None:
        """Ask about leaving."""
        self._ask(self._asked)

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
        self._choose_rate(0.5)
        self.show()

    def action_faster(self) -> None:
        """Double the rate."""
        self._choose_rate(2)
        self.show()

    def _choose_rate(self, factor: float) -> None:
        rate = self.pace.rate(self.lab, waiting=self.lab.busy(self.terminal)) or self.lab.rate
        self.lab.rate, self.lab.rate_chosen = min(max(rate * factor, 1.0), 1000.0), True

    def action_scroll(self, pane: str, way: int) -> None:
        """Scroll a pane by a page."""
        widget = self.query_one(pane)
        widget.scroll_relative(y=way * max(widget.size.height - 1, 1), animate=False)

    def _lab_line(self, line: str) -> None:
        self.write_line(line)
        if is_quit(line):
            self._ask(asked=True)
            return
        self._asked = False
        answer = self.lab.lab_line(line, folder=self.folder)
        if answer:
            self.write_line(answer)
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
