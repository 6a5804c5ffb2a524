"""A login's shell: Python walks the line's syntax tree wherever simulated time can pass; bashkit does all the rest.

Every call into bashkit is `execute_sync` on the caller's thread: no asyncio, no second thread, no race.
A node type without a handler refuses (`not simulated`, 120). See docs/decisions/0003.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bashkit import Bash, BashError, BuiltinResult, ExecutionProfile
from tree_sitter import Node

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.pipes import COMMANDS, BrokenPipe, Call, Exit, Pipe, Streams
from sim.shell.syntax import parse, upright, walk, with_aliases, with_last_job

if TYPE_CHECKING:
    from sim.shell.login import Job, Login

REAL_TIME_OR_CHANCE = re.compile(
    r"%\([^)]*\)T|\bEPOCH(?:SECONDS|REALTIME)\b|\b(?:systime|strftime|srand|rand)\(|\bsort\b[^|;]*\s-\w*R|\bjq\b[^|;]*\bnow\b")
"""What bashkit would take from the real machine: such a line refuses, or no run could be replayed."""
NOISE = re.compile(r"^/dev/\S+: line \d+: |io error: |\. (?:Did you mean|Container and service management).*$", re.MULTILINE)
SET_E = re.compile(r"set (?:.* )?([-+])(?:[a-df-z]*e\w*|o errexit)(?:\s|$)")
SET_PIPEFAIL = re.compile(r"set (?:.* )?([-+])\w*o pipefail(?:\s|$)")
LINE_NUMBER = re.compile(r"^bash: line \d+: ", re.MULTILINE)
LINEWISE = {"cat", "grep", "egrep", "cut", "tr", "tee", "rev", "base64"}      # may be run on each batch of lines
ENDS_ONLY = re.compile(r"\s-\w*[cnABCmqLlz]|<|>")                             # ... unless an option needs the end
CONTROL = {"break", "continue", "exit", "return"}
FILES = set(["cat", "sort", "uniq", "wc", "head", "tail", "tac", "nl", "rev", "od", "xxd", "base64", "md5sum", "sha256sum", "column", "paste", "fold", "gzip", "gunzip", "less", "more", "grep", "egrep", "sed", "awk", "jq", "yq", "cut", "comm", "join", "diff"])           # read stdin unless a file is named
PROGRAM_FIRST = {"grep", "egrep", "sed", "awk", "jq", "yq"}     # the first word is a pattern or program, not a file
READERS = FILES | {"tee", "tr", "xargs", "read", "mapfile", "readarray", "shuf"}


def see_into(box: list[tuple[list[str], dict[str, str]]]) -> Callable[[Any], BuiltinResult]:
    def see(ctx: Any) -> BuiltinResult:
        box.append((list(ctx.argv), dict(ctx.env)))
        return BuiltinResult("", "", 0)
    return see


class Shell:
    """One bash process: a bashkit session for its state, words and text tools; control flow here."""

    def __init__(self, login: Login, state: bytes | None = None) -> None:
        self.login, self.functions, self.status, self.temp = login, {}, 0, 0
        self.job: Job | None = None             # what a process started here belongs to
        self.errexit = self.pipefail = False
        self.depth = self.lenient = 0           # scripts within scripts; conditions, where `set -e` does not end
        self.box: list[tuple[list[str], dict[str, str]]] = []       # no bound method: Rust would keep us alive for ever
        self.frames: list[list[str]] = []       # per running function: how to restore its locals
        limits = dict(profile=ExecutionProfile.Interactive, max_loop_iterations=200_000, max_commands=1_000_000)
        self.bash = Bash(username=login.user, hostname=login.host.name, cwd=login.home, **limits,
                         env={"HOME": login.home, "USER": login.user}, custom_builtins={"__see": see_into(self.box)})
        self.bash.mount("/", login.mounted)
        if state:
            self.bash.restore_snapshot(state)
        else:
            self.bash.execute_sync(f"shopt -s expand_aliases; alias k=kubectl; cd {login.home}")
        # A snapshot has no source of chance: without a seed a copy would draw real chance.
        self.bash.execute_sync(f"RANDOM={login.engine.stream('shell.random').uniform(0, 32767)}")

    def see(self, text: str) -> tuple[list[str], dict[str, str]]:
        """Run `text`, in which `__see` stands where words are wanted, and return those words and the environment."""
        self.box.clear()
        self.bash.execute_sync(text)
        return self.box[0] if self.box else ([], {})

    def copy(self) -> Shell:
        twin = Shell(self.login, self.bash.snapshot(exclude_filesystem=True))
        twin.functions, twin.status = dict(self.functions), self.status
        twin.errexit, twin.pipefail = self.errexit, self.pipefail
        twin.depth, twin.lenient, twin.job = self.depth, self.lenient, self.job
        return twin

    def child(self, env: dict[str, str]) -> Shell:
        """Start a new bash: it knows the folder and the exported variables, nothing else."""
        twin = Shell(self.login)
        twin.depth, twin.job = self.depth, self.job
        names = [name for name in sorted(env) if name.isidentifier()]
        twin.bash.execute_sync("\n".join([
            "unalias -a", f"cd {shlex.quote(self.bash.shell_state().cwd)}", *(f"export {name}={shlex.quote(env[name])}" for name in names)]))
        return twin

    def arguments(self, words: list[str]) -> None:
        """Set $1, $2 and so on."""
        self.bash.execute_sync(f"set -- {shlex.join(words)}")

    def native(self, text: str, streams: Streams, stdin: bytes | None = None) -> int:
        """Let bashkit do it. Takes no simulated time."""
        if found := REAL_TIME_OR_CHANCE.search(text):
            self.login.terminal.refusals.append(f"bash {found[0]}")
            streams.stderr(f"not simulated: {found[0]} (it would read the real clock or real chance)\n".encode())
            return 120
        files = self.login.host.files.view()
        text = text.replace("${PIPESTATUS", "${__PIPESTATUS")
        text = f"(exit {self.status})\n{text}" if self.status else text
        if stdin is not None:
            files.write("/dev/.stdin", stdin)
            text = f"{{ {text}\n}} < /dev/.stdin"
        try:
            result = self.bash.execute_sync(text)
        except BashError as error:
            streams.stderr(f"bash: {error}\n".encode())
            return 2
        streams.stdout(result.stdout.encode()) if result.stdout else None
        streams.stderr(NOISE.sub("", LINE_NUMBER.sub("-bash: ", result.stderr)).encode()) if result.stderr else None
        return result.exit_code

    def path(self, word: str) -> str:
        return word if word.startswith("/") else f"{self.bash.shell_state().cwd}/{word}"

    def words(self, text: str) -> list[str]:
        """Expand words exactly as bash does: bashkit hands them to our `__see`."""
        return self.see(f"__see {text}")[0]

    # ---- walking the tree ------------------------------------------------------------------------------------
    def source(self, text: str, streams: Streams) -> Steps[int]:
        text = self._heredocs(text)
        text = with_last_job(with_aliases(text, self.bash.shell_state().aliases))
        root = parse(text)
        if root.has_error and self._ours(root):
            return self._unreadable(text, streams)
        if not self._ours(root) and not any(n.type == "&" for n in root.children):
            self.status = self.native(text, streams, (yield from streams.stdin.rest()) if streams.stdin else None)
            for node in root.children:
                self._options(node)
            return self.status
        return (yield from self.block(root.children, streams))

    def _unreadable(self, text: str, streams: Streams) -> int:
        """Tell a syntax error, which bashkit finds too, from a line that only the parser here cannot read."""
        try:
            self.bash.execute_sync(f"if false; then\n{text}\nfi")
        except BashError as error:
            streams.stderr(f"bash: {str(error).splitlines()[0]}\n".encode())
            self.status = 2
            return 2
        self.login.terminal.refusals.append(f"bash syntax of {text[:60]!r}")
        streams.stderr(b"not simulated: bash syntax of this line\n")
        self.status = 120
        return 120

    def _heredocs(self, text: str) -> str:
        raw = text.encode()
        for node in reversed([n for n in walk(parse(raw.decode())) if n.type == "heredoc_redirect"]):
            parts = {c.type: c for c in node.children}
            start, body, end = parts["heredoc_start"], parts.get("heredoc_body"), parts["heredoc_end"]
            self.temp += 1
            path = f"/dev/.heredoc{self.temp}"
            head = raw[node.start_byte:start.end_byte]
            self.bash.execute_sync(f"cat {head.decode()} > {path}\n{body.text.decode() if body else ''}{end.text.decode()}\n")
            cut = (body or end).start_byte
            raw = raw[:node.start_byte] + f"< {path}".encode() + raw[start.end_byte:cut] + raw[end.end_byte:]
        return raw.decode()

    def _ours(self, node: Node) -> bool:
        """Could a command of ours run in here?"""
        names = COMMANDS.keys() | self.functions.keys() | CONTROL
        todo = [node]
        while todo:
            n = todo.pop()
            if n.type == "function_definition":
                names = names - CONTROL
            if n.type in ("word", "command_name") and (text := n.text.decode()) in names and (
                    n.type == "command_name" or text != "."):         # `jq .` is no `. file`
                return True
            todo.extend(n.children)
            if n.type == "command_name" and (n.text[:1] in (b"$", b"`") or b"/" in n.text):
                return True
        return False

    def block(self, nodes: list[Node], streams: Streams) -> Steps[int]:
        for node, after in zip(nodes, [*nodes[1:], None]):
            if node.is_named and node.type != "comment":
                if after is not None and after.type == "&":
                    pid = self.login.background(self.copy(), node, streams)
                    self.bash.execute_sync(f"__last_job={pid}")
                    self.status = 0
                else:
                    self.status = yield from self.run(node, streams)
                    self._errexit(node)
        return self.status

    def _errexit(self, node: Node) -> None:
        """End the shell after a failed statement under `set -e`."""
        self._options(node)
        if self.status and self.errexit and not self.lenient and node.type != "list":
            raise Exit("exit", str(self.status))

    def _options(self, node: Node) -> None:
        """Note `set -e` and `set -o pipefail`, which bashkit forgets from call to call."""
        if node.type == "command" and (option := SET_E.match(node.text.decode())):
            self.errexit = option[1] == "-"
        if node.type == "command" and (option := SET_PIPEFAIL.match(node.text.decode())):
            self.pipefail = option[1] == "-"

    def _condition(self, steps: Steps[int]) -> Steps[int]:
        self.lenient += 1
        try:
            return (yield from steps)
        finally:
            self.lenient -= 1

    def run(self, node: Node, streams: Streams) -> Steps[int]:
        node = upright(node)
        if not self._ours(node) and streams.stdin is None:
            return self.native(node.text.decode(), streams)
        handler = getattr(self, f"_{node.type}", None)
        if handler is None:
            self.login.terminal.refusals.append(f"bash {node.type}")
            streams.stderr(f"not simulated: bash {node.type}\n".encode())
            return 120
        return (yield from handler(node, streams))

    def _list(self, node: Node, streams: Streams) -> Steps[int]:
        left, operator, right = node.children
        self.status = yield from self._condition(self.run(left, streams))
        if (self.status == 0) == (operator.type == "&&"):
            self.status = yield from self.run(right, streams)
        return self.status

    def _pipeline(self, node: Node, streams: Streams) -> Steps[int]:
        stages = [c for c in node.children if c.is_named]
        processes, stdin = [], streams.stdin
        for i, stage in enumerate(stages):
            pipe = Pipe(self.login.engine) if i < len(stages) - 1 else None
            own = replace(streams, stdin=stdin, stdout=pipe.write if pipe else streams.stdout)
            shell = self if stage.type in ("command", "redirected_statement") else self.copy()
            processes.append(self.login.spawn(shell.stage(stage, own, stdin, pipe), self.job))
            stdin = pipe
        statuses = []
        for process in processes:
            statuses.append((yield process))
        self.bash.execute_sync(f"__PIPESTATUS=({' '.join(map(str, statuses))})")
        failed = [status for status in statuses if status]
        return failed[-1] if failed and self.pipefail else statuses[-1]

    def stage(self, node: Node, streams: Streams, stdin: Pipe | None, out: Pipe | None) -> Steps[int]:
        try:
            return (yield from self.run(node, streams))
        except BrokenPipe:
            return 141
        finally:
            if out:
                out.close()
            if stdin:
                stdin.broken = True

    def _command(self, node: Node, streams: Streams) -> Steps[int]:
        text = yield from self._substituted(node)
        for here in (c for c in node.children if c.type == "herestring_redirect" and self._ours(node)):
            data = (self.words(here.text[3:].decode()) or [""])[0].encode() + b"\n"
            streams = replace(streams, stdin=Pipe(self.login.engine, data, True))
            text = text.replace(here.text.decode(), "")
        name_node = node.child_by_field_name("name")
        start = name_node.start_byte - node.start_byte
        if text == node.text.decode() and name_node.text.decode() not in COMMANDS and not self._ours(name_node):
            return (yield from self._filter(name_node.text.decode(), text, streams))
        prefix, rest = text.encode()[:start].decode(), text.encode()[start:].decode()
        words, env = self.see(f"{prefix} __see {rest}")
        name, *argv = words or [""]
        if "/" in name and name.rsplit("/", 1)[1] in COMMANDS:
            name = name.rsplit("/", 1)[1]
        elif "/" in name and self.login.view.exists(self.path(name)) and not self.login.view.is_dir(self.path(name)):
            if not self.login.view.find(self.path(name)).mode & 0o111:
                streams.stderr(f"-bash: {name}: Permission denied\n".encode())
                return 126
            name, argv = "bash", [name, *argv]
        if name in self.functions:
            saved = self.words('"$@"')
            self.frames.append([])
            self.bash.execute_sync(f"set -- {shlex.join(argv)}")
            try:
                return (yield from self.run(self.functions[name], streams))
            except Exit as end:
                if end.args[0] != "return":
                    raise
                return end.status(self.status)
            finally:
                self.bash.execute_sync("\n".join([f"set -- {shlex.join(saved)}", *self.frames.pop()]))
        if name not in COMMANDS:
            return (yield from self._filter(name, text, streams))
        result = COMMANDS[name](Call(self, name, argv, env, streams))
        return result if isinstance(result, int) else (yield from result)

    def _filter(self, name: str, text: str, streams: Streams) -> Steps[int]:
        """A native command; one that reads a pipe gets it line by line where that makes no difference."""
        if name in ("break", "continue", "exit", "return"):
            raise Exit(name, (text.split() + [""])[1])
        if name in ("find", "exec") and (inner := [word for word in text.split()[1:] if word in COMMANDS and word != "."]):
            # bashkit would run the marker file of our program: no output, status 0.
            what = f"{name} running {inner[0]}"
            self.login.terminal.refusals.append(what)
            streams.stderr(f"not simulated: {what}\n".encode())
            return 120
        stdin = streams.stdin
        if stdin is None:
            return self.native(text, streams)
        if name not in READERS or (name in FILES and self._names_files(name, text)):
            return self.native(text, streams)           # reads nothing, or the files it names
        if name == "read":
            line = yield from stdin.read(b"\n")
            return 1 if line is None else self.native(text, streams, line)
        if name == "head" and (count := re.fullmatch(r"head(?: -n ?| -)?(\d+)?", text.strip())):
            for _ in range(int(count[1] or 10)):
                if (line := (yield from stdin.read(b"\n"))) is None:
                    break
                streams.stdout(line)
            return 0
        status = 1
        if name in LINEWISE and not ENDS_ONLY.search(text):
            while chunk := (yield from stdin.read(b"\n")):
                while b"\n" in stdin.data:
                    chunk += yield from stdin.read(b"\n")
                status = min(status, self.native(text, streams, chunk))
            return status if name.endswith("grep") else 0
        return self.native(text, streams, (yield from stdin.rest()))

    def _names_files(self, name: str, text: str) -> bool:
        """Tell whether a command names a file to read; `.` of `jq .` is a program, not the folder."""
        words = [word for word in text.split()[1:] if not word.startswith("-")]
        if name in PROGRAM_FIRST:
            words = words[1:]
        view = self.login.view
        return any(view.exists(self.path(word)) and not view.is_dir(self.path(word)) for word in words)

    def _substituted(self, node: Node) -> Steps[str]:
        """The node's text with each `$( )` of ours already run and put into a variable (same splitting rules)."""
        raw, found, todo = node.text, [], [node]
        while todo:
            n = todo.pop()
            if n.type in ("command_substitution", "process_substitution") and self._ours(n):
                found.append(n)
            else:
                todo.extend(n.children)
        values = {}
        for n in sorted(found, key=lambda n: n.start_byte):
            chunks: list[bytes] = []
            inner = self.copy()
            self.status = yield from inner.block(n.children[1:-1], Streams(None, chunks.append, self.login.stderr))
            values[n] = b"".join(chunks).decode().rstrip("\n")
        for n in sorted(found, key=lambda n: -n.start_byte):
            self.temp += 1
            new = f"${{__sub{self.temp}}}"
            if n.type == "process_substitution":
                new = f"/dev/.fd{self.temp}"
                self.login.host.files.view().write(new, values[n].encode() + b"\n")
            else:
                self.bash.execute_sync(f"__sub{self.temp}={shlex.quote(values[n])}")
            a, b = n.start_byte - node.start_byte, n.end_byte - node.start_byte
            raw = raw[:a] + new.encode() + raw[b:]
        return raw.decode()

    def _text(self, node: Node, streams: Streams) -> Steps[int]:
        text = yield from self._substituted(node)
        status = self.native(text, streams)
        return self.status if node.type == "variable_assignment" and status == 0 else status

    def _declaration_command(self, node: Node, streams: Streams) -> Steps[int]:
        if node.text.startswith(b"local") and self.frames:
            for name in re.findall(r"\s(\w+)", re.sub(r"=(\"[^\"]*\"|'[^']*'|\S+)", "", node.text.decode())):
                self.frames[-1].append(self.bash.execute_sync(f"declare -p {name} 2>/dev/null").stdout or f"unset {name}")
            text = yield from self._substituted(node)
            return self.native("declare" + text[5:], streams)
        return (yield from self._text(node, streams))

    _variable_assignment = _test_command = _unset_command = _text

    def _redirected_statement(self, node: Node, streams: Streams) -> Steps[int]:
        body, *redirects = node.named_children
        if not self._ours(node) and body.type == "command" and streams.stdin is None:
            return self.native(node.text.decode(), streams)
        for r in redirects:
            text = r.text.decode()
            fd, operator, target = re.match(r"(\d?)(&>>|&>|>>|>&|<<<|>\||>|<&|<)\s*(.*)", text, re.DOTALL).groups()
            if operator == ">&":
                streams = replace(streams, stderr=streams.stdout) if fd == "2" else replace(streams, stdout=streams.stderr)
                continue
            word = (self.words(target) or [""])[0]
            path = self.path(word)
            try:
                if operator == "<<<":
                    streams = replace(streams, stdin=Pipe(self.login.engine, word.encode() + b"\n", True))
                elif operator == "<":
                    data = b"" if path == "/dev/null" else self.login.view.read(path)
                    streams = replace(streams, stdin=Pipe(self.login.engine, data, True))
                else:
                    if path != "/dev/null" and ">>" not in operator:
                        self.login.view.write(path, b"")
                    def sink(data: bytes, path: str = path) -> None:
                        if path != "/dev/null":
                            self.login.view.append(path, data)
                    both = operator.startswith("&")
                    streams = replace(streams, **({"stderr": sink} if fd == "2" or both else {}),
                                      **({"stdout": sink} if fd != "2" or both else {}))
            except FileError as error:
                streams.stderr(f"bash: {word}: {error}\n".encode())
                return 1
        return (yield from self.run(body, streams))

    def _compound_statement(self, node: Node, streams: Streams) -> Steps[int]:
        return (yield from self.block(node.children[1:-1], streams))

    def _subshell(self, node: Node, streams: Streams) -> Steps[int]:
        try:
            return (yield from self.copy().block(node.children[1:-1], streams))
        except Exit as end:
            return end.status(self.status)

    def _negated_command(self, node: Node, streams: Streams) -> Steps[int]:
        return int((yield from self._condition(self.run(node.named_children[0], streams))) == 0)

    def _function_definition(self, node: Node, streams: Streams) -> Steps[int]:
        name = node.child_by_field_name("name").text.decode()
        self.functions[name] = node.child_by_field_name("body")
        return 0
        yield

    def _if_statement(self, node: Node, streams: Streams) -> Steps[int]:
        then = next(i for i, c in enumerate(node.children) if c.type == "then")
        if (yield from self._condition(self.block(node.children[1:then], streams))) == 0:
            body = [c for c in node.children[then + 1:] if c.type not in ("elif_clause", "else_clause", "fi")]
            return (yield from self.block(body, streams))
        for clause in (c for c in node.children if c.type in ("elif_clause", "else_clause")):
            if clause.type == "else_clause":
                return (yield from self.block(clause.children[1:], streams))
            then = next(i for i, c in enumerate(clause.children) if c.type == "then")
            if (yield from self._condition(self.block(clause.children[1:then], streams))) == 0:
                return (yield from self.block(clause.children[then + 1:], streams))
        return 0

    def _loop(self, body: Node, rounds: Iterable[Any], before: Callable[[Any], Steps[int]], streams: Streams) -> Steps[int]:
        status = 0
        for item in rounds:
            if (yield from before(item)) != 0:
                break
            try:
                status = yield from self.block(body.children[1:-1], streams)
            except Exit as end:
                if end.args[0] == "break":
                    break
                if end.args[0] != "continue":
                    raise
        return status

    def _while_statement(self, node: Node, streams: Streams) -> Steps[int]:
        do = next(i for i, c in enumerate(node.children) if c.type == "do_group")
        want = node.children[0].type == "while"

        def before(_: Any) -> Steps[int]:
            status = yield from self._condition(self.block(node.children[1:do], streams))
            return int((status == 0) != want)
        return (yield from self._loop(node.children[do], range(200_000), before, streams))

    def _for_statement(self, node: Node, streams: Streams) -> Steps[int]:
        variable, body = node.child_by_field_name("variable").text.decode(), node.child_by_field_name("body")
        values = []
        for value in node.children_by_field_name("value"):
            values += self.words((yield from self._substituted(value)))

        def before(value: str) -> Steps[int]:
            self.bash.execute_sync(f"{variable}={shlex.quote(value)}")
            return 0
            yield
        return (yield from self._loop(body, values, before, streams))

    def _c_style_for_statement(self, node: Node, streams: Streams) -> Steps[int]:
        parts = {name: node.child_by_field_name(name) for name in ("initializer", "condition", "update", "body")}

        def number(part: str, default: str) -> int:
            text = parts[part].text.decode() if parts[part] is not None else default
            return self.bash.execute_sync(f"(( {text} ))").exit_code

        number("initializer", "1")
        first = [True]

        def before(_: Any) -> Steps[int]:
            if not first[0]:
                number("update", "1")
            first[0] = False
            return number("condition", "1")
            yield
        return (yield from self._loop(parts["body"], range(200_000), before, streams))

    def _case_statement(self, node: Node, streams: Streams) -> Steps[int]:
        word = yield from self._substituted(node.child_by_field_name("value"))
        items = [c for c in node.named_children if c.type == "case_item"]
        arms = []
        for i, item in enumerate(items):
            close = next(c for c in item.children if c.type == ")")
            arms.append(f"{item.text[:close.end_byte - item.start_byte].decode()} __see {i};;")
        picked = self.see(f"case {word} in {' '.join(arms)} esac")[0]
        if not picked:
            return 0
        item = items[int(picked[0])]
        close = next(i for i, c in enumerate(item.children) if c.type == ")")
        return (yield from self.block([c for c in item.children[close + 1:] if c.type != ";;"], streams))


