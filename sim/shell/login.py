"""Logins and terminals: who types, on which host; lines become jobs; `ssh` pushes another login.

A line is a SimPy process. Ctrl-C interrupts everything that the line started, at this very instant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bashkit import BashError, FileSystem

from sim.engine import Engine, Interrupt, Process, Steps
from sim.host.files import View
from sim.host.network import Host
from sim.shell.lend import FAULTS, lend
from sim.shell.pipes import BrokenPipe, Exit, Streams
from sim.shell.walker import Shell

Sink = Callable[[bytes, str], None]
OUTPUT_BYTES_MAX = 20_000_000
FIRST_PID = 4001


class Job:
    """A line being run: its processes, its status, its end."""

    def __init__(self, engine: Engine, line: str, *, number: int = 0, pid: int = 0) -> None:
        self.number, self.pid, self.signal = number, pid, 0
        self.engine = engine
        self.line = line
        self.status: int | None = None
        self.error: BaseException | None = None
        self.done = engine.event()
        self.processes: list[Process] = []

    @property
    def running(self) -> bool:
        """Tell whether the line still runs."""
        return self.status is None

    def main(self, shell: Shell, steps: Steps[int]) -> Steps[None]:
        """Run the line and note how it ended."""
        try:
            status = yield from steps
        except Exit as end:
            status = end.status(shell.status)
        except BrokenPipe:
            status = 141
        except Interrupt:
            status = 128 + (self.signal or 2)
        except BaseException as error:
            # A bug of ours, never the learner's: kept, and raised where the line was asked for.
            self.error, status = error, 120
        shell.status = status
        self.status = status
        self.done.succeed(status)

    def kill(self, signal: int) -> None:
        """End a background job by a signal; may be called while time passes."""
        self.signal = signal
        itself = False
        for process in reversed(self.processes):
            try:
                if process.is_alive:
                    process.interrupt()
            except RuntimeError:  # simpy's way to say: this is the process that asks
                itself = True
        if itself:
            raise Interrupt(None)

    def row(self, known: list[Job], *, numbered: bool = False) -> str:
        """Give the job's row as `jobs` prints it."""
        mark = "+" if known[-1:] == [self] else "-" if known[-2:-1] == [self] else " "
        ends = {143: "Terminated", 137: "Killed", 130: "Interrupt", 129: "Hangup", 0: "Done"}
        state = "Running" if self.status is None else ends.get(self.status, f"Exit {self.status}")
        pid = f"{self.pid} " if numbered else " "
        return f"[{self.number}]{mark} {pid}{state:<23} {self.line}{' &' if self.running else ''}\n"

    def interrupt(self) -> None:
        """Ctrl-C: end everything that the line started."""
        for process in reversed(self.processes):
            if process.is_alive:
                process.interrupt()
        while self.status is None:
            self.engine.step()  # interrupts are urgent: no time passes


class Login:
    """A user on a host, with a shell."""

    def __init__(self, terminal: Terminal, host: Host, user: str) -> None:
        self.terminal = terminal
        self.engine = host.engine
        self.host = host
        self.user = user
        self.uid = host.users[user]
        self.home = "/root" if self.uid == 0 else f"/home/{user}"
        self.view: View = host.files.view(self.uid, self.uid)
        self.mounted: FileSystem = lend(self.view)
        self.history: list[str] = []
        self.jobs: list[Job] = []
        self.job: Job | None = None
        self.sink: Sink = lambda data, stream: None
        self.shell = Shell(self)

    def stderr(self, data: bytes) -> None:
        """Write on the terminal's stderr."""
        self.sink(data, "stderr")

    def streams(self) -> Streams:
        """Give the streams of a line typed here."""
        written = [0]

        def limited(stream: str) -> Callable[[bytes], None]:
            def write(data: bytes) -> None:
                written[0] += len(data)
                if written[0] > OUTPUT_BYTES_MAX:
                    raise BrokenPipe
                self.sink(data, stream)

            return write

        return Streams(None, limited("stdout"), limited("stderr"))

    def start(self, line: str, sink: Sink) -> Job:
        """Begin a line; it runs as simulated time passes."""
        self.sink = sink
        self.report()
        job = self.job = self.shell.job = Job(self.engine, line)
        self.spawn(job.main(self.shell, self.shell.source(line, self.streams())))
        return job

    def spawn(self, steps: Steps[Any], job: Job | None = None) -> Process:
        """Start a process that belongs to a job, or else to the present line."""
        job = job or self.job
        assert job is not None
        process = self.engine.process(self._guard(job, steps))
        job.processes.append(process)
        return process

    def _guard(self, job: Job, steps: Steps[Any]) -> Steps[Any]:
        try:
            return (yield from steps)
        except Interrupt:
            return 130
        except BrokenPipe:
            return 141
        except Exit as end:
            return end.status(0)
        except BaseException as error:
            job.error = job.error or error
            return 120

    def background(self, shell: Shell, node: Any, streams: Streams) -> int:
        """Run a part of a line as a job. Gives its process number."""
        job = Job(self.engine, node.text.decode(), number=max((each.number for each in self.jobs), default=0) + 1,
                  pid=self.terminal.next_pid())
        shell.job = job
        self.jobs.append(job)
        streams.stderr(f"[{job.number}] {job.pid}\n".encode())
        self.spawn(job.main(shell, shell.run(node, streams)), job)
        return job.pid

    def report(self) -> None:
        """Tell of the jobs that have ended, as bash does around its prompt, and forget them."""
        for job in [each for each in self.jobs if not each.running]:
            self.stderr(job.row(self.jobs).encode())
            self.jobs.remove(job)


class Terminal:
    """A stack of logins: the one on top is typed at."""

    def __init__(self, hosts: dict[str, Host], host: str, user: str = "root") -> None:
        self.hosts = hosts
        self.logins = [Login(self, hosts[host], user)]
        self.job: Job | None = None
        self.refusals: list[str] = []
        self._pid = FIRST_PID

    def next_pid(self) -> int:
        """Give the next process number."""
        self._pid += 1
        return self._pid

    @property
    def login(self) -> Login:
        """Give the login on top."""
        return self.logins[-1]

    @property
    def prompt(self) -> str:
        """Give bash's prompt."""
        login = self.login
        folder = login.shell.bash.shell_state().cwd
        shown = "~" + folder[len(login.home):] if folder == login.home or folder.startswith(login.home + "/") else folder
        return f"{login.user}@{login.host.name}:{shown}{'#' if login.uid == 0 else '$'} "

    @property
    def busy(self) -> bool:
        """Tell whether a line runs in the foreground."""
        return self.job is not None and self.job.running

    def submit(self, line: str, sink: Sink) -> Job:
        """Type a line."""
        login = self.login
        if line.strip():
            login.history.append(line)
        if line.strip() in ("exit", "logout") and len(self.logins) > 1:
            self.logins.pop()
            sink(b"logout\nConnection to " + login.host.name.encode() + b" closed.\n", "stdout")
            line = ":"
            login = self.login
        elif line.strip() in ("exit", "logout"):
            # The first login of a terminal stays: its end would only be the end of the lab's window.
            sink(b"logout\n", "stdout")
            line = ":"
        self.job = login.start(line, sink)
        return self.job

    def check(self) -> None:
        """Raise what went wrong inside the shell itself, if anything did."""
        if FAULTS:
            raise FAULTS.pop()
        if self.job is not None and self.job.error is not None:
            raise self.job.error

    def needs_more(self, text: str) -> bool:
        """Tell whether bash would ask for another line (PS2)."""
        if text.endswith("\\") and not text.endswith("\\\\"):
            return True
        if self._open_heredoc(text):
            return True
        try:
            return not getattr(self.login.shell.bash.analyze(text), "complete", True)
        except (ValueError, RuntimeError, BashError):
            return False

    @staticmethod
    def _open_heredoc(text: str) -> bool:
        import re

        lines = text.split("\n")
        for at, line in enumerate(lines):
            for dash, mark in re.findall(r"(?<!<)<<(-?)\s*['\"]?(\w+)['\"]?", line):
                rest = [each.lstrip("\t") if dash else each for each in lines[at + 1:]]
                if mark not in rest:
                    return True
        return False
