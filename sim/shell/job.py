"""A line being run: its processes, its status, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine import Engine, Event, Interrupt, Process, Steps
from sim.shell.pipes import BrokenPipe, Leave

if TYPE_CHECKING:
    from sim.shell.login import Login
    from sim.shell.walker import Shell

INTERRUPTED = 130
BROKEN_PIPE = 141
BUG = 120
TOO_DEEP = 254
ENDS = {143: "Terminated", 137: "Killed", 130: "Interrupt", 129: "Hangup", 0: "Done"}


class Job:
    """A line, or a part of one that ended in `&`. number and pid are those of a background job."""

    def __init__(self, login: Login, line: str, *, number: int = 0, pid: int = 0) -> None:
        self.login = login
        self.engine: Engine = login.engine
        self.line = line
        self.number, self.pid, self.signal = number, pid, 0
        self.status: int | None = None
        self.error: BaseException | None = None
        self.done = self.engine.event()
        self.processes: list[Process] = []
        self.under: Job | None = None  # the line that waits for this login to end (`ssh`, `su -`)
        self._finished = self.engine.event()

    @property
    def running(self) -> bool:
        """Tell whether the line still runs; one that waits behind another login's prompt does not."""
        return self.status is None

    def main(self, shell: Shell, steps: Steps[int]) -> Steps[None]:
        """Run the line and note how it ended."""
        try:
            status = yield from steps
        except Leave as leaving:
            status = leaving.number if leaving.kind in ("exit", "abort", "return") else 0
            if leaving.kind == "exit" and shell is self.login.shell:
                status = yield from self.login.end(self, status)
        except BrokenPipe:
            status = BROKEN_PIPE
        except Interrupt:
            status = 128 + (self.signal or 2)
        except RecursionError:
            self.login.stderr(f"{shell.place}fork: retry: Resource temporarily unavailable\n".encode())
            status = TOO_DEEP
        except BaseException as error:
            # A bug of ours, never the learner's: kept, and raised where the line was asked for.
            self.error, status = error, BUG
        if self.signal and status == INTERRUPTED:
            status = 128 + self.signal  # a program that ends in order at Ctrl-C has got another signal
        shell.status = status
        self.status = status
        if not self.number:
            self.login.report()
        if not self.done.triggered:
            self.done.succeed(status)
        self._finished.succeed(status)

    def pause(self) -> None:
        """Let the line wait behind the prompt of another login: for who typed it, it has ended well."""
        self.status = 0
        if not self.done.triggered:
            self.done.succeed(0)

    def resumed(self) -> Event:
        """Give the event at which a line that waited has really ended."""
        return self._finished

    def kill(self, signal: int) -> None:
        """End a background job by a signal; may be called while time passes."""
        self.signal = signal
        if not self.stop():
            raise Interrupt(None)

    def stop(self) -> bool:
        """End everything that the line started, but the process that asks; False when there is one."""
        stopped = [self.engine.stop(process) for process in reversed(self.processes)]
        return all(stopped)

    def row(self, known: list[Job], *, numbered: bool = False) -> str:
        """Give the job's row as `jobs` prints it."""
        mark = "+" if known[-1:] == [self] else "-" if known[-2:-1] == [self] else " "
        pid = f"{self.pid} " if numbered else " "
        state = "Running" if self.status is None else ENDS.get(self.status, f"Exit {self.status}")
        return f"[{self.number}]{mark} {pid}{state:<23} {self.line}{' &' if self.running else ''}\n"

    def interrupt(self) -> None:
        """Ctrl-C: end everything that the line started, at this very instant."""
        self._interrupt()
        limit = self.engine.events_processed + 100_000
        while self.status is None and self.engine.events_processed < limit:
            self.engine.step()  # interrupts are urgent: no time passes

    def _interrupt(self) -> None:
        self.stop()
        if self.under is not None:
            self.under._interrupt()
