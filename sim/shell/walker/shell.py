"""One bash process: its state, and the only place that calls bashkit.

Every call into bashkit is `execute_sync` on the caller's thread: no asyncio, no second thread, no race.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bashkit import Bash, BashError, BuiltinResult, ExecutionProfile

from sim.engine import SECOND_US, Steps
from sim.shell.lend import DESCRIPTORS, SCRATCH
from sim.shell.pipes import PIPE_BYTES_MAX, Leave, Streams, TooMuch
from sim.shell.syntax import parse
from sim.shell.syntax.tree import Function, Program, Sequence
from sim.shell.walker import commands, filters, flow, redirects

if TYPE_CHECKING:
    from sim.shell.job import Job
    from sim.shell.login import Login

REAL_TIME_OR_CHANCE = re.compile(
    r"%\([^)]*\)T|\b(?:systime|strftime|srand|rand)\(|\bsort\b[^|;]*\s-\w*R|\bsort\b.*--random|\bjq\b[^|;]*\b(?:now|input_filename|localtime)\b"
    r"|\bENVIRON\b.*\bTZ\b|/dev/(?:u?random|zero|full)\b")
"""What bashkit would take from the real machine: such a command refuses, or no run could be replayed."""
PLACE = re.compile(r"^(?:/dev/\S+|bash): (?:line \d+: )?", re.MULTILINE)
TEXTS = tuple((re.compile(pattern, re.MULTILINE), new) for pattern, new in (
    (r"^head: (\S+): (No such file or directory)$", r"head: cannot open '\1' for reading: \2"),
    (r"^sort: (?:\S*/)?(\S+): (No such file or directory|Permission denied)$", r"sort: cannot read: \1: \2"),
    (r"^awk: fatal: cannot open file `(\S+)' for reading: (.*)$", r"awk: cannot open \1 (\2)"),
    (r"^base64: invalid input: .*$", "base64: invalid input"),
    (r"^missing \]$", "{place}[: missing `]'"),
    (r"^(seq|expr|basename|dirname|paste|numfmt): missing operand$", r"\1: missing operand\nTry '\1 --help' for more information."),
    (r"^diff: /root/(\S+): ", r"diff: \1: ")))
"""What bashkit's tools say otherwise than GNU's."""
NOISE = re.compile(r"io error: | Did you mean.*$", re.MULTILINE)
NOT_FATAL = re.compile(r"division by 0|syntax error|readonly variable")
EXPANSION_FAILED = 1
LINE_ABORTED = 127
FORKS_MAX = 80
FORK_FAILED = 254
MEMORY_BYTES_MAX = 32 * 1024 * 1024
OPTIONS = {"e": "errexit", "u": "nounset", "x": "xtrace", "v": "verbose", "n": "noexec", "f": "noglob", "C": "noclobber",
           "a": "allexport", "b": "notify", "h": "hashall", "B": "braceexpand", "H": "histexpand", "m": "monitor"}
"""The short options of `set` that are understood, and their names; `pipefail` has no letter."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
Seen = tuple[list[str], dict[str, str]]


def _seer(box: list[Seen]) -> Callable[[Any], BuiltinResult]:
    """Make the builtin that tells us the words bashkit expanded. Not a method: Rust would keep the shell alive."""

    def see(context: Any) -> BuiltinResult:
        box.append((list(context.argv), dict(context.env)))
        return BuiltinResult("", "", 0)

    return see


class Frame:
    """A running function: its name, and how to restore what it made local."""

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.restore: list[str] = []


class Shell:
    """One bash process: a bashkit session for variables, words and builtins; everything else stands here.

    name: what bash calls itself in its complaints. interactive: somebody types at it. state: a snapshot to begin from.
    """

    login: Login
    name: str
    interactive: bool
    is_text: bool
    status: int
    line: int
    depth: int
    subshells: int
    pid: int
    parent_pid: int
    last_word: str

    def __init__(self, login: Login, *, name: str = "-bash", interactive: bool = True, state: bytes | None = None) -> None:
        self.login = login
        self.name = name
        self.interactive = interactive
        self.is_text = False  # `bash -c`, whose failed expansions end it with 127
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, str] = {}
        self.options: dict[str, bool] = {}
        self.preset = ""  # the options that bashkit forgets from call to call
        self.traps: dict[str, str] = {}
        self.frames: list[Frame] = []
        self.positional: list[str] = []
        self.status = 0
        self.line = 1
        self.depth = 0  # scripts within scripts, calls within calls
        self.sourcing = 0  # files being read by `source`
        self.lenient = 0  # conditions, where `set -e` does not end the shell
        self.loops = 0
        self.subshells = 0
        self.pid = 0 if state else login.terminal.next_pid()  # a subshell tells its parent's
        self.parent_pid = login.parent_pid
        self.last_pid: int | None = None
        self.pipe_statuses: list[int] = [0]
        self.last_word = ""
        self.began_us = login.engine.now_us
        self.umask = 0o022
        self.hashed: dict[str, str] = {}
        self.job: Job | None = None
        self._box: list[Seen] = []
        self.jobs: list[Job] = []
        self.forked = False
        self.bash = Bash(
            username=login.user, hostname=login.host.disks.get("hostname", login.host.name), cwd=login.home, custom_builtins={"__see": _seer(self._box)},
            env={"HOME": login.home, "USER": login.user}, profile=ExecutionProfile.Interactive,
            max_loop_iterations=200_000, max_commands=1_000_000, max_memory=MEMORY_BYTES_MAX)
        self.bash.mount("/", login.mounted)
        if state:
            self.bash.restore_snapshot(state)
        else:
            self.set_up({"SHELL": "/bin/bash", "PATH": PATH, "LOGNAME": login.user, "LANG": "C.UTF-8", "TERM": "xterm-256color"})
        # Without a seed bashkit would draw real chance, where it meets a bare RANDOM that the grammar did not see.
        self.bash.execute_sync(f"RANDOM={login.engine.stream('shell.random').uniform(0, 32767)}")

    def set_up(self, exported: Mapping[str, str]) -> None:
        """Export variables, in the user's home."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in exported.items()]
        self.bash.execute_sync("\n".join([f"IFS=$' \\t\\n'; cd {shlex.quote(self.login.home)} 2>/dev/null", *lines]))

    # ---- bashkit ----------------------------------------------------------------------------------------------
    def see(self, text: str, streams: Streams) -> Seen:
        """Run a text in which `__see` stands where words are wanted; gives those words and the environment.

        Raises Leave when an expansion fails, as bash does.
        """
        self._box.clear()
        try:
            result = self.bash.execute_sync(self.preset + text)
        except BashError as error:
            streams.stderr(f"{self.place}{str(error).splitlines()[0]}\n".encode())
            raise Leave("abort", EXPANSION_FAILED) from None
        if result.stderr:
            streams.stderr(self.mended(result.stderr).encode())
        if not self._box:
            raise self._failed(result.stderr)
        return self._box[0]

    def _failed(self, stderr: str) -> Leave:
        if self.interactive:
            return Leave("abort", EXPANSION_FAILED)
        return Leave("exit", LINE_ABORTED if self.is_text and not NOT_FATAL.search(stderr) else EXPANSION_FAILED)

    def value(self, name: str) -> str:
        """Give a variable, "" when there is none."""
        state = self.bash.shell_state()
        found = state.variables.get(name)
        return str(found if found is not None else state.env.get(name, ""))

    @property
    def folder(self) -> str:
        """Give the working directory."""
        return str(self.bash.shell_state().cwd)

    def path(self, word: str) -> str:
        """Make a path absolute."""
        return word if word.startswith("/") else posixpath.join(self.folder, word)

    def native(self, text: str, streams: Streams, stdin: bytes | None = None, *, raw: bool = False,
               builtin: str = "") -> int:
        """Let bashkit do it. Takes no simulated time. raw: keep every byte of its output.

        builtin: the builtin's name (`=` for an assignment); then a complaint that is not its own is a failed expansion.
        """
        if self.leaks(text, streams):
            return 120
        scratch = self.login.scratch
        if stdin is not None:
            scratch["in"] = stdin
            text = f"{{ {text}\n}} < {SCRATCH}in"
        if raw:
            text = f"{{ {text}\n}} > {SCRATCH}out"
        try:
            result = self.bash.execute_sync(self.preset + text)
        except BashError as error:
            streams.stderr(f"{self.place}{str(error).splitlines()[0]}\n".encode())
            return 2
        out = scratch.pop("out", b"") or result.stdout.encode()
        scratch.pop("in", None)
        if out:
            streams.stdout(out)
        if result.stderr:
            streams.stderr(self.mended(result.stderr).encode())
            if builtin and result.exit_code and not PLACE.sub("", result.stderr).startswith((f"{builtin}: ", "missing ")):
                raise self._failed(result.stderr)
        return int(result.exit_code)

    def leaks(self, text: str, streams: Streams) -> bool:
        """Refuse what would read the real clock or real chance; True when it would."""
        found = REAL_TIME_OR_CHANCE.search(text)
        if found:
            self.login.terminal.refusals.append(f"bash {found[0]}")
            why = "it never ends" if found[0].startswith("/dev/") else "it would read the real clock or real chance"
            streams.stderr(f"not simulated: {found[0]} ({why})\n".encode())
        return bool(found)

    @property
    def place(self) -> str:
        """Give what stands before bash's own complaints."""
        return f"{self.name}: " if self.interactive else f"{self.name}: line {self.line}: "

    def mended(self, text: str) -> str:
        """Turn bashkit's complaints into bash's."""
        text = text.replace(DESCRIPTORS, "/dev/fd/")
        text = NOISE.sub("", PLACE.sub(self.place.replace("\\", "\\\\"), text))
        for pattern, new in TEXTS:
            text = pattern.sub(new.replace("{place}", self.place), text)
        return text

    def complain(self, text: str, streams: Streams, status: int = 1) -> int:
        """Say something as bash itself; gives the status."""
        streams.stderr(f"{self.place}{text}\n".encode(errors="replace"))
        return status

    def refuse(self, what: str, streams: Streams) -> int:
        """Say that something of bash is not modelled, and put it on record."""
        self.login.terminal.refusals.append(what)
        streams.stderr(f"not simulated: {what}\n".encode())
        return 120

    # ---- other shells -----------------------------------------------------------------------------------------
    def copy(self) -> Shell:
        """Make a subshell: everything is as here, nothing comes back. Raises Leave when there are too many."""
        self._fork()
        twin = Shell(self.login, name=self.name, interactive=self.interactive,
                     state=self.bash.snapshot(exclude_filesystem=True))
        twin.functions, twin.aliases, twin.options = dict(self.functions), dict(self.aliases), dict(self.options)
        twin.frames, twin.hashed = list(self.frames), dict(self.hashed)
        twin.preset = self.preset
        if self.positional:
            twin.arguments(self.positional)
        twin.is_text, twin.umask, twin.began_us = self.is_text, self.umask, self.began_us
        twin.status, twin.line, twin.pipe_statuses = self.status, self.line, list(self.pipe_statuses)
        twin.depth, twin.lenient, twin.loops, twin.job = self.depth, self.lenient, self.loops, self.job
        twin.pid, twin.last_pid, twin.parent_pid = self.pid, self.last_pid, self.parent_pid
        twin.subshells = self.subshells + 1
        twin.forked = True
        return twin

    def _fork(self) -> None:
        """Count a new process. Raises Leave when there are too many; everything that the line started ends then."""
        terminal = self.login.terminal
        if terminal.forks >= FORKS_MAX or self.login.overwhelmed:
            if not self.login.overwhelmed:
                self.login.stderr(f"{self.place}fork: retry: Resource temporarily unavailable\n".encode())
                self.login.overwhelmed = True
                for job in self.login.everything:
                    job.stop()
            raise Leave("abort" if self is self.login.shell else "exit", FORK_FAILED)
        terminal.forks += 1

    def release(self) -> None:
        """Say that this subshell or script has ended."""
        if self.forked:
            self.forked = False
            self.login.terminal.forks -= 1

    def child(self, env: Mapping[str, str], *, name: str) -> Shell:
        """Start a new bash: it knows the folder and the exported variables, nothing else."""
        self._fork()
        twin = Shell(self.login, name=name, interactive=False)
        twin.forked = True
        twin.depth, twin.job, twin.umask, twin.parent_pid = self.depth, self.job, self.umask, self.pid
        names = [each for each in sorted(env) if each.isidentifier()]
        twin.bash.execute_sync("\n".join(
            [f"cd {shlex.quote(self.folder)}", "unset LANG TERM LOGNAME",
             *(f"export {each}={shlex.quote(env[each])}" for each in names)]))
        return twin

    def arguments(self, words: Iterable[str]) -> None:
        """Set $1, $2 and so on."""
        self.positional = list(words)
        self.bash.execute_sync(f"set -- {shlex.join(self.positional)}")

    def option(self, name: str) -> bool:
        """Tell whether an option of `set` is on."""
        return self.options.get(name, False)

    # ---- running ----------------------------------------------------------------------------------------------
    def source(self, text: str, streams: Streams) -> Steps[int]:
        """Run a text in this very shell, unit by unit as bash reads it."""
        program = parse(text, self.aliases)
        for unit in program.units:
            if self.option("verbose"):
                streams.stderr(f"{unit.text}\n".encode())
            if self.option("noexec") and not self.interactive:
                continue
            try:
                self.status = yield from flow.sequence(self, unit, streams)
            except Leave as leaving:
                if leaving.kind != "abort":
                    raise
                self.status = leaving.number
                break
        for line, said in program.warnings:
            streams.stderr(f"{self.name}: {'' if self.interactive else f'line {line}: '}warning: {said}\n".encode())
        if program.problem is not None:
            self.status = self._unreadable(program, streams)
        return self.status

    def to_the_end(self, text: str, streams: Streams) -> Steps[None]:
        """Run a script and its EXIT trap; the status is the shell's."""
        try:
            yield from self.source(text, streams)
        except Leave as leaving:
            self.status = leaving.number if leaving.kind in ("exit", "abort", "return") else 0
        yield from self.leave(streams)

    def apart(self, text: str, env: Mapping[str, str], streams: Streams, *, name: str, is_text: bool = True,
              arguments: Iterable[str] = (), first: str = "") -> Steps[int]:
        """Run a text in a new bash; gives its status. first: what that bash is told before."""
        inner = self.child(env, name=name)
        try:
            inner.is_text = is_text
            inner.depth += 1
            if first:
                yield from inner.source(first, streams)
            inner.arguments(arguments)
            yield from inner.to_the_end(text, streams)
        finally:
            inner.release()
        return inner.status

    def go_to(self, folder: str) -> None:
        """Change the working directory without a word."""
        self.bash.execute_sync(f"cd {shlex.quote(folder)}; unset OLDPWD")

    def finds(self, name: str) -> bool:
        """Tell whether there is a program of that name."""
        found = name if "/" in name else commands.find(self, name)
        return bool(found) and self.login.view.exists(self.path(str(found)))

    def _unreadable(self, program: Program, streams: Streams) -> int:
        problem = program.problem
        assert problem is not None
        self.line = problem.line
        name = f"{self.name}: -c" if self.is_text else self.name
        place = f"{name}: " if self.interactive else f"{name}: line {problem.line}: "
        if problem.message.startswith("not simulated"):
            return self.refuse(problem.message.partition(": ")[2], streams)
        shown = f"{place}`{problem.shown}'\n" if problem.shown and not self.interactive else ""
        streams.stderr(f"{place}{problem.message}\n{shown}".encode(errors="replace"))
        return 2

    def captured(self, program: Program | Sequence, streams: Streams) -> Steps[bytes]:
        """Run what stands in `$( )`; gives what it wrote. The status is that of the shell afterwards."""
        chunks: list[bytes] = []
        held = [0]

        def keep(data: bytes) -> None:
            held[0] += len(data)
            if held[0] > PIPE_BYTES_MAX:
                raise TooMuch
            chunks.append(data)

        inner = Streams(streams.stdin, keep, streams.stderr, streams.keyboard, streams.others)
        if isinstance(program, Program) and program.problem is not None:
            self.status = self._unreadable(program, streams)
            return b""
        units = program.units if isinstance(program, Program) else (program,)
        if (data := (yield from redirects.only_read(self, units, inner))) is not None:
            return data
        changing = any(flow.changes_state(unit, self.functions) for unit in units)
        shell = self.copy() if changing else self
        if changing:
            shell.options["errexit"] = False
        self.lenient += 1 if not changing else 0
        try:
            for unit in units:
                shell.status = yield from flow.sequence(shell, unit, inner)
            if changing:
                yield from shell.leave(inner)
        except Leave as leaving:
            if leaving.kind == "abort" and not changing:
                raise
            shell.status = leaving.number
            if changing:
                yield from shell.leave(inner)
        finally:
            self.lenient -= 1 if not changing else 0
            if changing:
                shell.release()
        self.status = shell.status
        return b"".join(chunks)

    def leave(self, streams: Streams) -> Steps[None]:
        """Run the EXIT trap, once."""
        text = self.traps.pop("EXIT", "")
        if text:
            status = self.status
            try:
                yield from self.source(text, streams)
            except Leave as leaving:
                status = leaving.number if leaving.kind == "exit" else status
            self.status = status

    def signal(self, name: str, streams: Streams) -> Steps[bool]:
        """Let a signal reach this shell; True when a trap took it."""
        text = self.traps.get(name)
        if text is None:
            return False
        status = self.status
        if text:
            yield from self.source(text, streams)
        self.status = status
        return True

    def errors(self, streams: Streams) -> Steps[None]:
        """After a command has failed: the ERR trap, and the end of the shell under `set -e`."""
        if self.lenient or not self.status:
            return
        if (text := self.traps.get("ERR")) and not self.frames:
            status = self.status
            self.lenient += 1
            try:
                yield from self.source(text, streams)
            finally:
                self.lenient -= 1
            self.status = status
        if self.option("errexit"):
            raise Leave("exit", self.status)

    def invoke(self, argv: list[str], env: Mapping[str, str], streams: Streams) -> Steps[int]:
        """Run a program by its words, as `exec` would: no functions, no aliases, no expansion."""
        return (yield from commands.program(self, argv, env, streams))

    def filtered(self, name: str, text: str, argv: list[str], streams: Streams) -> Steps[int]:
        """Run a text tool of bashkit on what comes through the pipe."""
        return (yield from filters.run(self, name, text, argv, streams))

    def seconds(self) -> int:
        """Give $SECONDS."""
        return (self.login.engine.now_us - self.began_us) // SECOND_US
