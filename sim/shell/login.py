"""Terminals and logins: who types, on which host. A line is a process; `ssh`, `su` and `bash` put a login on top."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bashkit import FileSystem

from sim.engine import Engine, Event, Interrupt, Process, Steps
from sim.host.files import FileError, View
from sim.program import SIGKILL
from sim.shell import history, programs
from sim.shell.editor.view import FullScreen
from sim.shell.job import BROKEN_PIPE, BUG, INTERRUPTED, Job
from sim.shell.lend import FAULTS, Lent, lend
from sim.shell.pipes import BrokenPipe, Leave, Pipe, Streams
from sim.shell.syntax import parse
from sim.shell.syntax.tree import Node
from sim.shell.walker import Shell, flow

if TYPE_CHECKING:
    from sim.host.machine import Host

__all__ = ["Job", "Login", "Sink", "Terminal"]
Sink = Callable[[bytes, str], None]
OUTPUT_BYTES_MAX = 20_000_000
HIGHEST_DESCRIPTOR = 63
FIRST_PID = 4001
CUT_OFF = 255
CTRL_D = "\x04"
ERASE = "\x7f\b"


class Login:
    """A user on a host, with a shell.

    farewell: what is said when it ends. name: what its bash calls itself.
    """

    uid: int

    def __init__(self, terminal: Terminal, host: Host, user: str, *, farewell: str = "logout", name: str = "-bash") -> None:
        programs.furnish(host)
        self.terminal = terminal
        self.engine: Engine = host.engine
        self.host = host
        self.user = user
        self.called: str = host.disks.get("hostname", host.name)  # a prompt keeps the name that the host had at the login
        self.uid = host.users[user]
        self.home = "/root" if self.uid == 0 else f"/home/{user}"
        self.farewell = farewell
        self.view: View = host.files.view(self.uid, self.uid)
        self.scratch: dict[str, bytes] = {}
        self.lent = Lent(self.view, self.scratch)
        self.mounted: FileSystem = lend(self.lent)
        self.keyboard: Pipe = terminal.keyboard
        self.history: list[str] = []
        self.job: Job | None = None
        self.everything: list[Job] = []
        self.overwhelmed = False  # too many processes: no new ones until those that run have ended
        self.others: dict[int, Any] = {}
        self.leftovers: list[str] = []  # files of `<( )` that outlived their command
        self.ended: Event = self.engine.event()
        self.sink: Sink = lambda data, stream: None
        self.parent_pid = 1
        self._written = 0
        self.waits_for_host = False
        self.stdout, self._stderr = self._limited("stdout"), self._limited("stderr")
        self.shell = Shell(self, name=name)
        if self.uid == 0:
            self.shell.aliases["k"] = "kubectl"

    @property
    def jobs(self) -> list[Job]:
        """Give the background jobs of the login's own shell."""
        return self.shell.jobs

    # ---- output -----------------------------------------------------------------------------------------------
    def stderr(self, data: bytes) -> None:
        """Write on the terminal's stderr."""
        self.sink(data, "stderr")

    def tty(self, data: bytes) -> None:
        """Write on the terminal itself, whatever was redirected."""
        self.sink(data, "stderr")

    def _limited(self, stream: str) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            self._written += len(data)
            if self._written > OUTPUT_BYTES_MAX:
                self.stderr(f"kubedrill: output cut off after {OUTPUT_BYTES_MAX // 1_000_000} MB\n".encode())
                raise BrokenPipe
            self.sink(data, stream)

        return write

    def streams(self) -> Streams:
        """Give the streams of a line typed here."""
        self._written = 0
        return Streams(None, self.stdout, self._stderr, self.keyboard, self.others)

    def lend_descriptor(self) -> str:
        """Give the path of a free descriptor, as `<( )` needs one."""
        for number in range(HIGHEST_DESCRIPTOR, 9, -1):
            path = f"/dev/fd/{number}"
            try:
                self.host.files.view().find(path)
            except FileError:
                return path
        raise Leave("abort", 1)

    # ---- lines ------------------------------------------------------------------------------------------------
    def start(self, line: str, sink: Sink) -> Job:
        """Begin a line; it runs as simulated time passes."""
        self.sink = sink
        for path in self.leftovers:
            self.host.files.view().remove(path)
        self.leftovers.clear()
        self.everything = [job for job in self.everything if job.running]
        if not self.everything:
            self.overwhelmed = False
        job = self.job = self.shell.job = Job(self, line)
        self.everything.append(job)
        self.host.sessions[self] = None
        self.shell.lenient = self.shell.loops = 0
        self.shell.frames.clear()
        self.spawn(job.main(self.shell, self.shell.source(line, self.streams()) if self.host.powered else self._off()))
        return job

    def spawn(self, steps: Steps[Any], job: Job | None = None) -> Process:
        """Start a process that belongs to a job, or else to the present line."""
        job = job or self.job
        assert job is not None
        process = self.engine.process(self._guard(job, steps))
        job.processes.append(process)
        if len(job.processes) > 64:
            job.processes = [each for each in job.processes if each.is_alive]
        return process

    def _guard(self, job: Job, steps: Steps[Any]) -> Steps[Any]:
        try:
            return (yield from steps)
        except Interrupt:
            return INTERRUPTED
        except BrokenPipe:
            return BROKEN_PIPE
        except Leave as leaving:
            return leaving.number
        except RecursionError:
            return 254
        except BaseException as error:
            job.error = job.error or error
            return BUG

    def background(self, shell: Shell, node: Node, streams: Streams) -> int:
        """Run a part of a line as a job of a shell. Gives its process number."""
        inner = shell.copy()
        number = max((each.number for each in shell.jobs), default=0) + 1
        job = Job(self, node.text, number=number, pid=self.terminal.next_pid())
        inner.job = job
        inner.pid, inner.parent_pid = shell.pid, shell.parent_pid
        shell.jobs.append(job)
        self.everything.append(job)
        if shell.interactive and not shell.subshells:
            streams.stderr(f"[{job.number}] {job.pid}\n".encode())
        stdin = streams.stdin or Pipe(self.engine, closed=True)
        own = Streams(stdin, streams.stdout, streams.stderr, None, dict(streams.others))
        self.spawn(job.main(inner, self._apart(inner, node, own)), job)
        return job.pid

    @staticmethod
    def _apart(shell: Shell, node: Node, streams: Streams) -> Steps[int]:
        try:
            yield from flow.to_the_end(shell, node, streams)
        finally:
            shell.release()
        return shell.status

    def report(self) -> None:
        """Tell of the jobs that have ended, as bash does before its prompt, and forget them."""
        jobs = self.shell.jobs
        if self.shell.interactive:
            for job in [each for each in jobs if not each.running]:
                self.stderr(job.row(jobs).encode())
                jobs.remove(job)

    # ---- the end ----------------------------------------------------------------------------------------------
    def power_lost(self) -> None:
        """Lose all that runs here, at once; a line that waits for the host to come back goes on waiting."""
        for job in self.everything if not self.waits_for_host else ():
            if job.running:
                job.signal = SIGKILL
                job.stop()

    def cut_off(self) -> Steps[int]:
        """Lose the host: a remote login ends; the terminal's first one is a console, which waits until the host is back.

        Raises Leave for the login that ends.
        """
        host = self.host
        if self is not self.terminal.logins[0]:
            self.farewell = f"Connection to {host.name} closed by remote host.\nConnection to {host.name} closed."
            if self not in self.terminal.logins:
                self.tty(f"{self.farewell}\n".encode())
            raise Leave("exit", CUT_OFF)
        self.tty(f"kubedrill: {host.name} goes down; its console comes back with it\n".encode())
        went, self.waits_for_host = host.boots, True
        while not host.powered or (host.boots == went and host.going):
            bell = self.engine.event()
            stop = host.network.on_change(lambda bell=bell: None if bell.triggered else bell.succeed())  # type: ignore[misc]
            try:
                yield bell
            finally:
                stop()
        self.waits_for_host = False
        self.tty(f"kubedrill: {host.name} is back, its console too\n".encode())
        self.shell.jobs.clear()
        self.shell = Shell(self, name=self.shell.name)
        return 0

    def _off(self) -> Steps[int]:
        """Answer a line that is typed at a host that is off: nobody reads it."""
        if self is self.terminal.logins[0] and self.host.coming is None:
            self.tty(f"kubedrill: {self.host.name} is off; nothing answers at its console\n".encode())
            return CUT_OFF
        return (yield from self.cut_off())

    def end(self, job: Job, status: int) -> Steps[int]:
        """End this login: the line behind it goes on; gives that line's status when it has ended.

        The first login of a terminal stays: its end would only be the end of the lab's window.
        """
        self.shell.status = status
        yield from self.shell.leave(self.streams())
        self.tty(f"{self.farewell}\n".encode())
        below = self.terminal.leave(self)
        if below is None:
            return self.shell.status
        job.under = below
        below.login.sink = self.sink
        self.ended.succeed(self.shell.status)
        below.status = None
        yield below.resumed()
        return below.status or 0


class Terminal:
    """A stack of logins: the one on top is typed at."""

    def __init__(self, hosts: dict[str, Host], host: str, user: str = "root") -> None:
        self.hosts = hosts
        self.engine = hosts[host].engine
        self.job: Job | None = None
        self.refusals: list[str] = []
        self.forks = 0
        self.left = False  # the last line asked the first login to end; whoever holds the terminal decides
        self.columns: int | None = None  # how wide a screen is that shows tables; None where nobody looks
        self.screen: FullScreen | None = None  # the program that has the whole terminal, while there is one
        self.keyboard = Pipe(self.engine, terminal=True)
        self._pid = FIRST_PID - 1
        self._typed = ""
        self.logins = [Login(self, hosts[host], user)]
        self._behind: list[Job] = []

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
        folder, home = login.shell.folder, login.home
        shown = "~" + folder[len(home):] if folder == home or folder.startswith(home + "/") else folder
        return f"{login.user}@{login.called}:{shown}{'#' if login.uid == 0 else '$'} "

    @property
    def busy(self) -> bool:
        """Tell whether a line runs in the foreground."""
        return self.job is not None and self.job.running

    # ---- what is typed ----------------------------------------------------------------------------------------
    def submit(self, line: str, sink: Sink) -> Job:
        """Type a line at the prompt; it runs as simulated time passes."""
        login = self.login
        login.sink = sink
        self._take_typed_ahead(line)
        self.left = False
        try:
            expanded = history.expanded(line, login.history)
        except history.NoEvent as error:
            login.tty(f"-bash: {error}: event not found\n".encode())
            self.job = login.start("", sink)
            return self.job
        if expanded != line:
            login.tty(f"{expanded}\n".encode())
        history.remember(login.history, expanded)
        self.job = login.start(expanded, sink)
        return self.job

    def typed_ahead(self) -> list[str]:
        """Give the whole lines that were typed while a program ran and that it has not read: they are bash's."""
        whole, newline, _ = bytes(self.keyboard.data).rpartition(b"\n")
        return whole.decode(errors="replace").split("\n") if newline else []

    def _take_typed_ahead(self, line: str) -> None:
        """Take a line that bash reads off the keyboard; what was typed after it waits for the next reader."""
        _, found, rest = (b"\n" + self.keyboard.data).partition(f"\n{line}\n".encode(errors="replace"))
        self.keyboard.data[:] = rest if found else b""
        self.keyboard.closed = False
        self._typed = ""

    def keys(self, text: str) -> None:
        """Press keys while a program runs: a line goes to it with its newline, Ctrl-D ends its input.

        A program that has the whole terminal gets every key as it is.
        """
        if self.screen is not None:
            self.screen.press(text)
            return
        for key in text.replace("\r", "\n"):
            if key in ERASE:
                self._typed = self._typed[:-1]
            elif key == CTRL_D:
                if self._typed:
                    self.keyboard.write(self._typed.encode())
                else:
                    self.keyboard.close()
                self._typed = ""
            else:
                self._typed += key
                self.login.tty(key.encode())
                if key == "\n":
                    self.keyboard.write(self._typed.encode())
                    self._typed = ""

    def unfinished(self) -> str:
        """Give what was typed of a line that has no newline yet, to a program that takes single keys; it is then its."""
        typed, self._typed = self._typed, ""
        return typed

    def check(self) -> None:
        """Raise what went wrong inside the shell itself, if anything did."""
        if FAULTS:
            raise FAULTS.pop()
        if self.job is not None and self.job.error is not None:
            raise self.job.error

    def needs_more(self, text: str) -> bool:
        """Tell whether bash would ask for another line (PS2)."""
        if text.endswith("\\") and (len(text) - len(text.rstrip("\\"))) % 2:
            return True
        program = parse(text, self.login.shell.aliases)
        return bool(program.warnings) or (program.problem is not None and program.problem.open)

    # ---- logins -----------------------------------------------------------------------------------------------
    def enter(self, login: Login, job: Job) -> Steps[int]:
        """Put a login on top; the line that asked for it (`ssh node01`) goes on when that login ends.

        login: whose prompt comes now. job: the line. Gives the status of the login's last command.
        """
        login.sink = job.login.sink
        self.logins.append(login)
        self._behind.append(job)
        job.pause()
        status: int = yield login.ended
        return status

    def leave(self, login: Login) -> Job | None:
        """Take a login off; gives the line that waited for its end, None for the first login, which stays."""
        if login is self.logins[0] or login is not self.login:
            self.left = login is self.login
            return None
        self.logins.pop().host.sessions.pop(login, None)
        return self._behind.pop()
