"""The frame of kubectl: flags, kubeconfig, requests with their cost, errors in kubectl's words.

Models: kubectl/pkg/cmd, cli-runtime/pkg/genericclioptions, client-go's rate limiter (5 requests/s, burst 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sim.api.client import Key, Object, Request, Response
from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.host.network import Connection
from sim.shell.kubectl.jsonpath import JsonPathError
from sim.shell.pipes import Call

START_SECONDS, REQUEST_SECONDS = 0.1, 0.01
QUERIES_PER_SECOND, BURST = 5, 10
"""facts/latencies.yaml, kubectl."""
LOCALHOST_REFUSED = (
    "The connection to the server localhost:8080 was refused - did you specify the right host or port?")


class UsageError(Exception):
    """`error: …`, exit 1. hint: the command whose help is pointed at."""

    def __init__(self, text: str, *, hint: str = "", prefix: str = "error: ") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.prefix = prefix


class Exit(Exception):
    """End the command with a status; everything has been said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. kind: bool, str, int, list (may be repeated)."""

    name: str
    kind: str = "str"
    short: str = ""
    default: Any = ""
    bare: str = ""


@dataclass(frozen=True, slots=True)
class Mapping_:
    """What discovery says of a kind."""

    resource: str
    kind: str
    group: str
    version: str
    namespaced: bool
    names: tuple[str, ...]

    @property
    def qualified(self) -> str:
        """Name it as success lines do: `deployment.apps`, `pod`."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()


GLOBAL = (
    Flag("namespace", short="n"), Flag("kubeconfig"), Flag("context"), Flag("request-timeout"), Flag("v", "int", "v"),
    Flag("server", short="s"), Flag("help", "bool", "h"), Flag("warnings-as-errors", "bool"))
SELECTION = (Flag("selector", short="l"), Flag("field-selector"), Flag("all-namespaces", "bool", "A"))
FILES = (Flag("filename", "list", "f"), Flag("recursive", "bool", "R"))
DRY_RUN = Flag("dry-run", bare="unchanged", default="none")
OUTPUT = Flag("output", short="o")
Run = Callable[["Invocation"], "Steps[int]"]


@dataclass(frozen=True, slots=True)
class Command:
    """A verb: its flags and what runs."""

    run: Run
    flags: tuple[Flag, ...] = ()


def parse_flags(words: list[str], flags: tuple[Flag, ...], command: str) -> tuple[list[str], dict[str, Any], set[str]]:
    """Split words into arguments and flags, as pflag does. Raises UsageError."""
    long = {flag.name: flag for flag in flags}
    short = {flag.short: flag for flag in flags if flag.short}
    values: dict[str, Any] = {flag.name: False if flag.kind == "bool" else [] if flag.kind == "list" else flag.default
                              for flag in flags}
    args: list[str] = []
    given: set[str] = set()
    rest = list(words)
    hint = f"kubectl {command} --help"
    while rest:
        word = rest.pop(0)
        if word == "--":
            args += ["--", *rest]
            break
        if word.startswith("--"):
            name, equal, value = word[2:].partition("=")
            flag = long.get(name)
            if flag is None:
                raise UsageError(f"unknown flag: --{name}", hint=hint)
            shown = f"--{name}"
        elif word.startswith("-") and len(word) > 1:
            flag = short.get(word[1])
            if flag is None:
                raise UsageError(f"unknown shorthand flag: '{word[1]}' in {word}", hint=hint)
            value, equal = word[2:], "=" if len(word) > 2 else ""
            if flag.kind == "bool" and equal and not value.startswith("="):
                rest.insert(0, "-" + value)
                value, equal = "", ""
            value = value.removeprefix("=")
            shown = f"'{word[1]}' in {word}"
        else:
            args.append(word)
            continue
        if not equal:
            if flag.kind == "bool":
                value = "true"
            elif flag.bare:
                value = flag.bare
            elif rest:
                value = rest.pop(0)
            else:
                raise UsageError(f"flag needs an argument: {shown}", hint=hint)
        given.add(flag.name)
        _set(values, flag, value, hint)
    return args, values, given


def _set(values: dict[str, Any], flag: Flag, value: str, hint: str) -> None:
    if flag.kind == "bool":
        if value not in ("true", "false", "1", "0", "True", "False"):
            raise UsageError(f'invalid argument "{value}" for "--{flag.name}" flag: strconv.ParseBool: parsing '
                             f'"{value}": invalid syntax', hint=hint)
        values[flag.name] = value in ("true", "1", "True")
    elif flag.kind == "int":
        try:
            values[flag.name] = int(value)
        except ValueError:
            named = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
            raise UsageError(f'invalid argument "{value}" for "{named}" flag: strconv.ParseInt: parsing "{value}": '
                             f"invalid syntax", hint=hint) from None
    elif flag.kind == "list":
        values[flag.name] = [*values[flag.name], *value.split(",")]
    else:
        values[flag.name] = value


class Invocation:
    """One run of kubectl. Methods that talk to the server are generators: they cost simulated time."""

    def __init__(self, call: Call, command: str, args: list[str], flags: dict[str, Any], given: set[str]) -> None:
        self.call = call
        self.engine = call.engine
        self.command = command
        self.args = args
        self.flags = flags
        self.given = given
        self.version = client_version(call)
        self._config: Mapping[str, Any] | None = None
        self._mappings: list[Mapping_] | None = None
        self._tokens_us = 0

    # ---- speaking ---------------------------------------------------------------------------------------------
    def out(self, text: str) -> None:
        """Write a line on stdout."""
        self.call.write(text + "\n")

    def err(self, text: str) -> None:
        """Write a line on stderr."""
        self.call.write(text + "\n", "stderr")

    # ---- kubeconfig -------------------------------------------------------------------------------------------
    def config(self) -> Mapping[str, Any]:
        """Read the kubeconfig from the host's files. Raises UsageError."""
        if self._config is None:
            env = self.call.env.get("KUBECONFIG", "")
            path = self.flags.get("kubeconfig") or env.split(":")[0] or f"{self.call.login.home}/.kube/config"
            try:
                loaded = yaml.safe_load(self.call.files.read(self.call.path(path)))
            except FileError as error:
                if error.args[0] == "Permission denied":
                    raise UsageError(f"error loading config file \"{path}\": open {path}: permission denied") from None
                if self.flags.get("kubeconfig"):
                    raise UsageError(f"stat {path}: no such file or directory") from None
                loaded = {}
            except (yaml.YAMLError, UnicodeDecodeError):
                raise UsageError(f"error loading config file \"{path}\": yaml: invalid") from None
            self._config = loaded if isinstance(loaded, dict) else {}
        return self._config

    def context(self) -> Mapping[str, Any]:
        """Give the current context's cluster, user and namespace."""
        config = self.config()
        name = self.flags.get("context") or config.get("current-context")
        found = next((c["context"] for c in config.get("contexts") or [] if c["name"] == name), None)
        if found is None and self.flags.get("context"):
            raise UsageError(f'context "{name}" does not exist')
        return found or {}

    @property
    def namespace(self) -> str:
        """Give the namespace of this command."""
        return str(self.flags.get("namespace") or self.context().get("namespace") or "default")

    def server_address(self) -> tuple[str, int] | None:
        """Give the server's (address, port), None without a kubeconfig."""
        cluster = next((c["cluster"] for c in self.config().get("clusters") or []
                        if c["name"] == self.context().get("cluster")), None)
        url = self.flags.get("server") or (cluster or {}).get("server")
        if not url:
            return None
        where, _, port = str(url).rpartition("//")[2].rpartition(":")
        return (where, int(port)) if port.isdigit() and where else (port, 443)

    # ---- requests ---------------------------------------------------------------------------------------------
    def request(self, request: Request) -> Steps[Response]:
        """Send a request; it takes time, and more when the client limits itself."""
        address = self.server_address()
        now_us = self.engine.now_us
        interval_us = SECOND_US // QUERIES_PER_SECOND
        self._tokens_us = max(self._tokens_us, now_us - BURST * interval_us) + interval_us
        wait_us = max(0, self._tokens_us - now_us)
        yield self.engine.sleep(microseconds(REQUEST_SECONDS) + wait_us)
        if address is None:
            raise TransportError("refused", LOCALHOST_REFUSED)
        connection = Connection(self.call.host.network, self.call.host, *address)
        try:
            return connection.handle(request)
        except StatusError as error:
            yield self.engine.sleep(microseconds(error.after_seconds))
            raise
        except TransportError as error:
            yield self.engine.sleep(microseconds(error.after_seconds))
            if error.kind == "refused":
                raise TransportError("refused", f"The connection to the server {address[0]}:{address[1]} was refused - "
                                     "did you specify the right host or port?") from None
            raise TransportError(error.kind, f"Unable to connect to the server: {error.message}") from None

    def send(self, verb: str, key: Key, **more: Any) -> Steps[Any]:
        """Send a request and give the answer's body."""
        response = yield from self.request(Request(verb, key, agent="kubectl", **more))
        for warning in response.warnings:
            self.err(f"Warning: {warning}")
        return response.body

    def find(self, key: Key) -> Steps[Object | None]:
        """Get an object, None when it is not there."""
        try:
            return (yield from self.send("get", key))  # type: ignore[no-any-return]
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    # ---- kinds ------------------------------------------------------------------------------------------------
    def mappings(self) -> Steps[list[Mapping_]]:
        """Give what the server knows, by discovery."""
        if self._mappings is None:
            body = yield from self.send("get", Key("", "", "/apis"))
            self._mappings = [
                Mapping_(r["resource"], r["kind"], r["group"], r["version"], r["namespaced"],
                         (r["resource"], r["singular"], *r["shortNames"])) for r in body["resources"]]
        return self._mappings

    def resolve(self, word: str) -> Steps[Mapping_]:
        """Find the kind that a word names. Raises UsageError."""
        plain, _, group = word.lower().partition(".")
        for mapping in (yield from self.mappings()):
            if plain in mapping.names and group in ("", mapping.group, f"{mapping.version}.{mapping.group}"):
                return mapping
        raise UsageError(f'the server doesn\'t have a resource type "{word}"')

    def by_kind(self, api_version: str, kind: str) -> Steps[Mapping_]:
        """Find the mapping of a manifest's kind. Raises UsageError."""
        group, _, version = api_version.rpartition("/")
        for mapping in (yield from self.mappings()):
            if mapping.kind == kind and mapping.group == group and mapping.version == version:
                return mapping
        raise UsageError(f'no matches for kind "{kind}" in version "{api_version}"')

    def named(self, words: list[str]) -> Steps[list[tuple[Mapping_, list[str]]]]:
        """Read `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`: pairs of kind and names (none: all of the kind)."""
        if any("/" in word for word in words):
            found = []
            for word in words:
                kind, slash, name = word.partition("/")
                if not slash or not name:
                    raise UsageError("there is no need to specify a resource type as a separate argument when passing "
                                     f"arguments in resource/name form (e.g. '{self.root} resource/<resource_name>' "
                                     f"instead of '{self.root} resource resource/<resource_name>'")
                found.append(((yield from self.resolve(kind)), [name]))
            return found
        kinds, names = words[0].split(","), words[1:]
        pairs = []
        for kind in kinds:
            pairs.append(((yield from self.resolve(kind)), names))
        return pairs

    @property
    def root(self) -> str:
        """Give `kubectl VERB`."""
        return f"kubectl {self.command}"

    def key(self, mapping: Mapping_, name: str, namespace: str = "") -> Key:
        """Make the key of an object."""
        return Key(mapping.resource, (namespace or self.namespace) if mapping.namespaced else "", name)

    def manifests(self) -> Steps[list[Object]]:
        """Read the objects of -f. Raises UsageError."""
        found: list[Object] = []
        for name in self.flags["filename"]:
            if name == "-":
                data = (yield from self.call.streams.stdin.rest()) if self.call.streams.stdin else b""
            else:
                try:
                    data = self.call.files.read(self.call.path(name))
                except FileError:
                    raise UsageError(f'the path "{name}" does not exist') from None
            found += documents(data, "STDIN" if name == "-" else name)
        return found


def documents(data: bytes, name: str) -> list[Object]:
    """Read YAML documents; Lists are taken apart. Raises UsageError with the parser's line."""
    found: list[Object] = []
    try:
        for document in yaml.safe_load_all(data.decode()):
            if document is None:
                continue
            if not isinstance(document, dict):
                raise UsageError(f"error parsing {name}: error converting YAML to JSON: yaml: not a mapping")
            for obj in document.get("items", [document]) if str(document.get("kind", "")).endswith("List") else [document]:
                for word in ("apiVersion", "kind"):
                    if not obj.get(word):
                        raise UsageError(f"error validating \"{name}\": error validating data: {word} not set; if you "
                                         "choose to ignore these errors, turn validation off with --validate=false")
                found.append({**obj, "metadata": obj.get("metadata") or {}})
    except UnicodeDecodeError:
        raise UsageError(f"error parsing {name}: yaml: invalid leading UTF-8 octet") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line}: " if mark else ""
        raise UsageError(f"error parsing {name}: error converting YAML to JSON: yaml: {line}"
                         f"{getattr(error, 'problem', 'could not parse')}") from None
    return found


def client_version(call: Call) -> tuple[int, int]:
    """Read which kubectl is installed on the host."""
    try:
        text = call.host.files.view().read("/usr/bin/kubectl").decode()
        major, minor, _ = text.split(" v", 1)[1].split(".", 2)
        return int(major), int(minor)
    except (FileError, IndexError, ValueError):
        return 1, 33


def table_of_commands() -> dict[str, Command]:
    """Give all verbs."""
    from sim.shell.kubectl import change, cluster, create, describe, drain, get

    return {**get.COMMANDS, **change.COMMANDS, **create.COMMANDS, **drain.COMMANDS, **describe.COMMANDS,
            **cluster.COMMANDS}


IGNORED = {
    "version": ("output", "short"), "api-resources": ("output",), "config get-contexts": ("output",),
    "config view": ("minify", "raw"), "delete": ("output", "timeout"), "scale": ("output", "timeout"),
    "label": ("output",), "annotate": ("output",), "taint": ("output",), "patch": ("output",), "apply": ("output",),
    "rollout status": ("timeout", "watch"), "rollout restart": ("output",),
}
"""Flags that are understood but do nothing yet: they refuse."""
HONOUR_DRY_RUN = frozenset((
    "drain", "cordon", "uncordon", "apply", "run", "create deployment", "create deploy", "create namespace", "create ns",
    "create configmap", "create cm", "create poddisruptionbudget", "create pdb"))
"""Verbs that know how to change nothing; the others refuse the flag rather than change something."""
KNOWN = frozenset(
    ["alpha", "annotate", "api-resources", "api-versions", "apply", "attach", "auth", "autoscale", "certificate", "cluster-info", "completion", "config", "cordon", "cp", "create", "debug", "delete", "describe", "diff", "drain", "edit", "events", "exec", "explain", "expose", "get", "help", "kustomize", "label", "logs", "options", "patch", "plugin", "port-forward", "proxy", "replace", "rollout", "run", "scale", "set", "taint", "top", "uncordon", "version", "wait"])


def kubectl(call: Call) -> Steps[int]:
    """Run kubectl."""
    if not call.host.files.view().exists("/usr/bin/kubectl"):
        call.write("bash: kubectl: command not found\n", "stderr")
        return 127
    yield call.engine.sleep(microseconds(START_SECONDS))
    words = list(call.argv)
    leading: list[str] = []
    with_value = {"-n", "--namespace", "--context", "--kubeconfig", "-s", "--server", "-v"}
    while words and words[0].startswith("-"):
        leading.append(words.pop(0))
        if leading[-1] in with_value and words:
            leading.append(words.pop(0))
    if not words:
        return call.refuse("kubectl's root help")
    commands = table_of_commands()
    name = words.pop(0)
    if words and f"{name} {words[0]}" in commands:
        name = f"{name} {words.pop(0)}"
    command = commands.get(name)
    if command is None:
        if name in KNOWN:
            return call.refuse(f"kubectl {name}{' ' + words[0] if words else ''}")
        call.write(f'error: unknown command "{name}" for "kubectl"\n', "stderr")
        return 1
    return (yield from _run(call, name, command, [*leading, *words]))


def _run(call: Call, name: str, command: Command, words: list[str]) -> Steps[int]:
    try:
        args, flags, given = parse_flags(words, (*command.flags, *GLOBAL), name)
        if flags["help"]:
            raise NotSimulated(f"kubectl {name} --help")
        for flag in IGNORED.get(name, ()):
            if flag in given:
                raise NotSimulated(f"kubectl {name} --{flag}")
        if flags.get("dry-run", "none") != "none" and name not in HONOUR_DRY_RUN:
            raise NotSimulated(f"kubectl {name} --dry-run")
        return (yield from command.run(Invocation(call, name, args, flags, given)))
    except Exit as end:
        return end.status
    except UsageError as error:
        call.write(f"{error.prefix}{error.text}\n", "stderr")
        if error.hint:
            call.write(f"See '{error.hint}' for usage.\n", "stderr")
        return 1
    except JsonPathError as error:
        call.write(f"error: {error}\n", "stderr")
        return 1
    except StatusError as error:
        call.write(server_error(error) + "\n", "stderr")
        return 1
    except TransportError as error:
        call.write(f"{error.message}\n", "stderr")
        return 1
    except NotSimulated as error:
        return call.refuse(error.what)


def server_error(error: StatusError) -> str:
    """Write a server's refusal as kubectl does. Models: cmdutil.StandardErrorMessage."""
    if error.reason == "Invalid":
        head, _, body = error.message.partition(" is invalid: ")
        kind = head.partition(" ")[0].partition(".")[0]
        name = head.partition(" ")[2]
        if body.startswith("["):
            return f"The {kind} {name} is invalid: \n" + "\n".join(f"* {part}" for part in body[1:-1].split(", spec"))
        return f"The {kind} {name} is invalid: {body}"
    return f"Error from server ({error.reason}): {error.message}" if error.reason else (
        f"Error from server: {error.message}")
