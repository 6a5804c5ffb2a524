"""etcdctl: reads its flags and variables, finds the command, and says what went wrong as its version does.

Models: etcdctl/main.go (ETCDCTL_API), ctlv3/ctl.go, pkg/cobrautl, pkg/flags.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sim.engine import Steps, microseconds
from sim.shell.etcd.frame import commands, usage
from sim.shell.etcd.frame.client import Client, Config, Failure, configure
from sim.shell.etcd.frame.commands import Command, Given, Minor, Tree, UsageError
from sim.shell.etcd.frame.printing import zap_json
from sim.shell.pipes import COMMANDS, Call

START_SECONDS = 0.02
API_2_BEFORE = (3, 4)
FORMATS = ("simple", "json", "protobuf", "fields", "table")
BAD_FEATURE = 4
Verb = Callable[["Run"], "Steps[int] | int"]
VERBS: dict[str, Verb] = {}
"""What each command does."""


def verb(path: str) -> Callable[[Verb], Verb]:
    """Register what a command does."""

    def register(function: Verb) -> Verb:
        VERBS[path] = function
        return function

    return register


@dataclass(slots=True)
class Run:
    """A command that runs. minor: of the tool."""

    call: Call
    minor: Minor
    version: str
    command: Command
    given: Given
    commands: Tree

    @property
    def words(self) -> list[str]:
        """Give the words that are no flags."""
        return self.given.words

    @property
    def form(self) -> str:
        """Give the format that -w names. Raises Failure."""
        form = self.given["write-out"]
        if form not in FORMATS:
            raise Failure("unsupported output format", BAD_FEATURE)
        return form

    def say(self, text: str, stream: str = "stdout") -> None:
        """Write text."""
        self.call.write(text, stream)

    def config(self) -> Config:
        """Read what the global flags say. Raises Failure."""
        values = dict(self.given.values)
        for name in self.given.given:
            values[f"{name} given"] = "yes"
        found = configure(self.call, values)
        _ = self.form
        return found

    def client(self) -> Client:
        """Make a client. Raises Failure."""
        return Client(self.call, self.config(), self.minor)


def etcdctl(call: Call) -> Steps[int]:
    """Run etcdctl."""
    version = installed(call)
    minor = minor_of(version)
    yield call.engine.sleep(microseconds(START_SECONDS))
    api = call.env.get("ETCDCTL_API", "")
    if (api == "2" and minor < (3, 6)) or (api != "3" and minor < API_2_BEFORE):
        return old_api(call, version, minor)
    return (yield from run(call, "etcdctl", version, minor))


def installed(call: Call) -> str:
    """Read which version of a tool the file is that was found."""
    path = call.shell.hashed.get(call.name) or f"/usr/bin/{call.name}"
    return call.host.version_of(call.path(path)) or "3.5.21"


def minor_of(version: str) -> Minor:
    """Give a version's first two numbers."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (3, 5)


def old_api(call: Call, version: str, minor: Minor) -> int:
    """Answer as the API 2 does, of which labs meet that it knows no snapshots."""
    words = [word for word in call.argv if not word.startswith("-")]
    if call.argv in (["--version"], ["-v"], ["-version"]):
        call.write(f"etcdctl version: {version}\nAPI version: 2\n")
        return 0
    if words[:1] in (["snapshot"], ["version"], ["endpoint"], ["put"], ["del"], ["txn"], ["compaction"], ["alarm"], ["defrag"],
                     ["move-leader"], ["lease"], ["check"]):
        call.write(f"No help topic for '{words[0]}'\n")
        return 3
    return call.refuse(f"etcdctl's API 2 ({' '.join(call.argv) or 'help'}); set ETCDCTL_API=3")


def run(call: Call, tool: str, version: str, minor: Minor) -> Steps[int]:
    """Run a tool with cobra's manners."""
    tree = commands.tree(tool, minor)
    try:
        command, words = commands.find(tree, call.argv, tool)
    except UsageError as error:
        call.write(f"Error: {error}\nRun '{tool} --help' for usage.\n", "stderr")
        return _again(call, str(error), minor)
    if command.path == "help":
        command, words = _topic(tree, words), ["-h"]
    try:
        given = commands.read(tree, command, words)
    except UsageError as error:
        call.write(f"Error: {error}\n", "stderr")
        call.write(usage.usage(tool, version, minor, tree, command))
        call.write("\n", "stderr")
        return _again(call, str(error), minor)
    if given.on("help") or command.children:
        call.write(usage.usage(tool, version, minor, tree, command))
        return 0
    function = VERBS.get(command.path if tool == "etcdctl" else f"etcdutl {command.path}")
    if function is None:
        return call.refuse(f"{tool} {command.path}")
    try:
        if command.path != "version":
            from_environment(call, tool, tree, given, minor)
        result = function(Run(call, minor, version, command, given, tree))
        return result if isinstance(result, int) else (yield from result)
    except Failure as failure:
        call.write(f"{failure.said}Error: {failure}\n" if str(failure) else failure.said, "stderr")
        return failure.status


def _again(call: Call, text: str, minor: Minor) -> int:
    """Say an error of usage a second time, as main does before 3.5.0 was out."""
    if minor < (3, 5):
        call.write(f"Error: {text}\n", "stderr")
    return 1


def _topic(tree: Tree, words: list[str]) -> Command:
    path = ""
    for word in words:
        wanted = f"{path} {word}".strip()
        path = wanted if wanted in tree else path
    return tree[path]


def from_environment(call: Call, tool: str, tree: Tree, given: Given, minor: Minor) -> None:
    """Take global flags that were not given from ETCDCTL_* variables. Raises Failure where both say something."""
    prefix = f"{tool.upper()}_"
    names = {f"{prefix}{flag.name.upper().replace('-', '_')}": flag for flag in tree[""].flags}
    for variable in sorted(call.env):
        if not variable.startswith(prefix) or variable == f"{prefix}API":
            continue
        flag, value = names.get(variable), call.env[variable]
        if flag is None:
            if variable not in (f"{prefix}WATCH_KEY", f"{prefix}WATCH_RANGE_END"):
                call.write(_environment_line(call, minor, "warn", f"{variable}={value}"), "stderr")
        elif flag.name not in given.given:
            if value:
                given.values[flag.name] = value
                given.given[flag.name] = None
        else:
            raise Failure("", 1, _environment_line(call, minor, "fatal", f"{variable}"))


CONFLICT = "is shadowed by corresponding command-line flag (either unset environment variable or disable flag)"


def _environment_line(call: Call, minor: Minor, level: str, variable: str) -> str:
    """Write what pkg/flags says of a variable."""
    if minor < (3, 5):
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us)
        text = f"unrecognized environment variable {variable}" if level == "warn" else (
            f'conflicting environment variable "{variable}" {CONFLICT}')
        return f"{now:%Y-%m-%d %H:%M:%S.%f} {'W' if level == 'warn' else 'C'} | pkg/flags: {text}\n"
    text = "unrecognized environment variable" if level == "warn" else f"conflicting environment variable {CONFLICT})"
    return zap_json(call.engine.unix_us, level, f"flags/flag.go:{93 if level == 'warn' else 85}", text, {
        "environment-variable": variable})


@verb("version")
def version_of(run: Run) -> int:
    """Print the version."""
    run.say(f"etcdctl version: {run.version}\nAPI version: {run.minor[0]}.{run.minor[1]}\n")
    return 0


COMMANDS["etcdctl"] = etcdctl
