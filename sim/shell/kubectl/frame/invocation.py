"""One run of kubectl: its words and flags, its kubeconfig, and requests with what they cost.

Models: cli-runtime/pkg/genericclioptions, client-go's rate limiter (5 requests/s, burst 10), cmdutil.Factory.
"""

from __future__ import annotations

import json
from typing import Any

from sim.api import times
from sim.api.client import WHOEVER, Key, Object, Request, Response, User
from sim.api.errors import ASKS_WHO, StatusError, TransportError
from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.host.network import Connection, Host
from sim.shell.kubectl.frame import kubeconfig
from sim.shell.kubectl.frame.discovery import Mapping_, mapping_of
from sim.shell.kubectl.frame.errors import UsageError, usage_error
from sim.shell.kubectl.frame.requestlog import RequestLog
from sim.shell.kubectl.words.flags import Parsed
from sim.shell.pipes import Call

START_SECONDS, REQUEST_SECONDS = 0.1, 0.01
QUERIES_PER_SECOND, BURST = 5, 10
"""facts/latencies.yaml, kubectl."""
RETRY_AFTER_TRIES = 10
"""How often client-go silently waits as a 429 with Retry-After asks (client-go/rest/with_retry.go)."""
HTTP_UNAUTHORIZED = 401
LOCALHOST = ("localhost", 8080)
CACHE_SECONDS = 6 * 3600
"""How long a kept answer to discovery counts (cli-runtime, since 1.25; before it was 10 minutes)."""
FOREVER_SECONDS = 1e6
DISCOVERY_TIMEOUT = "32s"
"""How long client-go waits for an answer to discovery when nothing else is said."""
CLIENT_TIMEOUT = "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
DISCOVERY_TRIES = {"api-resources": 1, "api-versions": 1, "run": 1, "auth can-i": 2, "taint": 2, "explain": 2, "cluster-info": 5}
DIRECT = frozenset(("drain", "cordon", "uncordon", "logs", "exec", "attach", "port-forward"))
"""How often a client asks for the groups before it gives up, each failure being a line of the log: 5 times for TYPE NAME,
4 where no category is looked for (TYPE/NAME, and verbs of one kind). Counted with the real clients 1.26 to 1.36."""


class Invocation:
    """One run of kubectl. Methods that talk to the server are generators: they cost simulated time.

    command: the path of the verb (`create deployment`). args, flags, given: what the words say; a flag that this client
    version does not have is None.
    """

    def __init__(self, call: Call, command: str, parsed: Parsed) -> None:
        self.call = call
        self.engine = call.engine
        self.command = command
        self.args = parsed.args
        self.flags = parsed.values
        self.given = parsed.given
        self.dash = parsed.dash
        self.release = client_release(call.host)
        self.version = client_version(call.host)
        self._config: dict[str, Any] | None = None
        self._effective: kubeconfig.Effective | None = None
        self._mappings: list[Mapping_] | None = None
        self._tokens_us = call.engine.now_us - BURST * SECOND_US // QUERIES_PER_SECOND
        self._pid = 0
        self._requests = RequestLog(self)

    # ---- speaking ---------------------------------------------------------------------------------------------
    def out(self, text: str) -> None:
        """Write a line on stdout."""
        self.call.write(text + "\n")

    def err(self, text: str) -> None:
        """Write a line on stderr."""
        self.call.write(text + "\n", "stderr")

    def log(self, where: str, text: str, level: str = "E") -> None:
        """Write a line as klog does: `E0610 08:00:00.123456    1234 memcache.go:265] …`."""
        self._pid = self._pid or self.call.login.terminal.next_pid()
        stamp = times.stamp_micro(self.engine.unix_us)
        moment = f"{stamp[5:7]}{stamp[8:10]} {stamp[11:26]}"
        self.err(f"{level}{moment} {self._pid:7d} {where}] {text}")

    def usage(self, text: str) -> UsageError:
        """Make an error that points at this verb's help. Models: cmdutil.UsageErrorf."""
        return usage_error(self.command, text)

    @property
    def root(self) -> str:
        """Give `kubectl VERB`."""
        return f"kubectl {self.command}"

    # ---- kubeconfig -------------------------------------------------------------------------------------------
    def config(self) -> dict[str, Any]:
        """Read the kubeconfig from the host's files. Raises UsageError."""
        if self._config is None:
            self._config = kubeconfig.load(self.call, self.flags["kubeconfig"], must=not self.command.startswith("config"))
        return self._config

    @property
    def effective(self) -> kubeconfig.Effective:
        """Give cluster, user and namespace of this command. Raises UsageError."""
        if self._effective is None:
            self._effective = kubeconfig.Effective(self.config(), self.flags)
        return self._effective

    @property
    def namespace(self) -> str:
        """Give the namespace of this command."""
        return self.effective.namespace

    def server_address(self) -> tuple[str, int] | None:
        """Give the server's (address, port), None without a kubeconfig."""
        return self.effective.address()

    @property
    def user(self) -> User:
        """Give who asks: whom --as names, or whoever the kubeconfig's credentials say."""
        if self.flags["as"]:
            return User(self.flags["as"], (*self.flags["as-group"], "system:authenticated"))
        return WHOEVER

    # ---- requests ---------------------------------------------------------------------------------------------
    def request(self, request: Request, patience_seconds: float | None = None) -> Steps[Response]:
        """Send a request, and log it as -v says. Raises StatusError, TransportError.

        patience_seconds: how long an answer is waited for; None: as --request-timeout says.
        """
        self._requests.sent(request)
        try:
            response = yield from self._request(request, patience_seconds)
        except StatusError as error:
            self._requests.answered(request, error.code, error.status())
            raise
        except TransportError:
            self._requests.answered(request, 0, "")
            raise
        self._requests.answered(request, 201 if request.verb == "create" else response.code, response.body)
        return response

    def _request(self, request: Request, patience_seconds: float | None) -> Steps[Response]:
        """Send a request; it takes time, and more when the client limits itself."""
        address = self.server_address() or LOCALHOST
        kubeconfig.check_files(self.call, self.effective, self.flags)
        now_us = self.engine.now_us
        interval_us = SECOND_US // QUERIES_PER_SECOND
        self._tokens_us = max(self._tokens_us, now_us - BURST * interval_us) + interval_us
        wait_us = max(0, self._tokens_us - now_us)
        yield self.engine.sleep(microseconds(REQUEST_SECONDS) + wait_us)
        shown = kubeconfig.credentials(self.call, self.effective, self.flags, self.version)
        connection = Connection(self.call.host.network, self.call.host, *address, shown)
        limit = self.timeout_seconds() if patience_seconds is None else patience_seconds
        deadline_us = self.engine.now_us + microseconds(limit)
        left = RETRY_AFTER_TRIES
        while True:
            try:
                return connection.handle(request)
            except (StatusError, TransportError) as error:
                yield from self._endure(error, deadline_us)
                pause = error.details.get("retryAfterSeconds") if isinstance(error, StatusError) and error.code == 429 else None
                if not left or not (pause or (error.until is not None and error.until.processed)):
                    raise
            left -= 1
            if pause:
                yield self.engine.sleep(microseconds(pause))

    def _endure(self, error: StatusError | TransportError, deadline_us: int) -> Steps[None]:
        """Wait as long as the answer takes, or until it is there after all. Raises TransportError at the client's limit."""
        waits_us = microseconds(error.after_seconds)
        if self.engine.now_us + waits_us > deadline_us:
            yield self.engine.sleep(deadline_us - self.engine.now_us)
            raise TransportError("timeout", CLIENT_TIMEOUT)
        over = self.engine.sleep(waits_us)
        yield over if error.until is None else self.engine.any_of([over, error.until])

    def timeout_seconds(self) -> float:
        """Give --request-timeout in seconds; without it, and as 0, a request may take for ever."""
        text = str(self.flags["request-timeout"] or "0")
        try:
            return (float(text) if text.isdigit() else times.parse_duration(text)) or FOREVER_SECONDS
        except ValueError:
            raise UsageError(f'invalid argument "{text}" for "--request-timeout" flag: time: invalid duration "{text}"') from None

    def timeout_text(self, default: str = "") -> str:
        """Give --request-timeout as client-go puts it into every URL, `5s`; default where no limit is set."""
        seconds = self.timeout_seconds()
        return default if seconds == FOREVER_SECONDS else times.duration(seconds)

    def transport_error(self, error: TransportError) -> str:
        """Say that no answer came. Models: cmdutil.StandardErrorMessage."""
        address, port = self.server_address() or LOCALHOST
        if error.kind == "refused":
            return f"The connection to the server {address}:{port} was refused - did you specify the right host or port?"
        return f"Unable to connect to the server: {error.message}"

    def send(self, verb: str, key: Key, **more: Any) -> Steps[Any]:
        """Send a request and give the answer's body."""
        more.setdefault("agent", "kubectl")
        more.setdefault("user", self.user)
        response = yield from self.request(Request(verb, key, **more))
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
        """Give what the server knows, by discovery. Raises TransportError after as many lines as tries.

        A client with a kept answer does not ask. Here it asks, so that new kinds are known at once, but never waits.
        """
        if self._mappings is None:
            kept = self._cached_discovery()
            ask = Request("get", Key("", "", "/apis"), agent="kubectl", user=self.user)
            for left in reversed(range(self.tries)):
                try:
                    body = (yield from self._request(ask, None if kept is None else 0)).body
                    if kept is None:
                        self._requests.discovered(200)
                    break
                except (TransportError, StatusError) as error:
                    unknown = isinstance(error, StatusError)
                    if isinstance(error, StatusError) and error.code != HTTP_UNAUTHORIZED:
                        raise
                    if kept is not None:
                        body = kept
                        break
                    self._requests.discovered(error.code if isinstance(error, StatusError) else 0)
                    self.log_discovery(error)
                    if not left:
                        raise (StatusError(HTTP_UNAUTHORIZED, "Unauthorized", self._asked_who) if unknown else error) from None
            self._cache_discovery(body)
            self._mappings = [mapping_of(row) for row in body["resources"]]
        return self._mappings

    def _cache_path(self) -> str:
        host, port = self.server_address() or LOCALHOST
        return f"{self.call.login.home}/.kube/cache/discovery/{host}_{port}/servergroups.json"

    def _cached_discovery(self) -> Object | None:
        """Give what the server said when it was last asked, if that is less than six hours ago."""
        view = self.call.host.files.view()
        try:
            found: Object = json.loads(view.read(self._cache_path()))
        except (FileError, ValueError):
            return None
        fresh = self.call.host.engine.now_us - found.get("fetchedAt", 0) < CACHE_SECONDS * SECOND_US
        return found if fresh and "resources" in found else None

    def _cache_discovery(self, body: Object) -> None:
        """Keep what the server said, as kubectl does under ~/.kube/cache."""
        path, view = self._cache_path(), self.call.host.files.view()
        kept = self._cached_discovery()
        if kept is not None and kept["resources"] == body["resources"]:
            return
        try:
            view.make_dir(path.rpartition("/")[0], parents=True)
            view.write(path, json.dumps({"fetchedAt": self.call.host.engine.now_us, "resources": body["resources"]}).encode())
        except FileError:
            return

    @property
    def tries(self) -> int:
        """Give how often discovery is tried."""
        direct = self.command in DIRECT or not self.args or "/" in self.args[0]
        return DISCOVERY_TRIES.get(self.command, 1 if self.flags["filename"] else 4 if direct else 5)

    @property
    def discovery_url(self) -> str:
        """Give the first URL of discovery."""
        return f"{self.base_url}/api?timeout={self.timeout_text(DISCOVERY_TIMEOUT)}"

    @property
    def base_url(self) -> str:
        """Give the server's address as it begins each URL."""
        host, port = self.server_address() or LOCALHOST
        scheme = "https" if self.effective.server.startswith("https") else "http"
        return f"{scheme}://{host}:{port}"

    def known(self, resource: str) -> Mapping_ | None:
        """Give what discovery said of a resource, if it was asked already."""
        return next((each for each in self._mappings or () if each.resource == resource), None)

    def config_path(self) -> str:
        """Give the first kubeconfig that is there, "" for none."""
        return next((path for path in kubeconfig.paths(self.call, self.flags["kubeconfig"]) if self.call.files.exists(self.call.path(path))), "")

    @property
    def _asked_who(self) -> str:
        """Give what a client says of a server that does not know it: since 1.26 not the server's own word."""
        return ASKS_WHO if self.version >= (1, 26) else "Unauthorized"

    def log_discovery(self, error: TransportError | StatusError) -> None:
        """Write what a failed discovery leaves on stderr."""
        said = f'Get "{self.discovery_url}": {error.message}' if isinstance(error, TransportError) else self._asked_who
        if self.version >= (1, 33):
            shown = said.replace('"', '\\"')
            self.log("memcache.go:265", f"\"Unhandled Error\" err=\"couldn't get current server API group list: {shown}\"")
        elif self.version >= (1, 26):
            self.log("memcache.go:265", f"couldn't get current server API group list: {said}")

    def resolve(self, word: str) -> Steps[Mapping_]:
        """Find the kind that a word names. Raises UsageError."""
        for mapping in (yield from self.mappings()):
            if mapping.answers_to(word):
                return mapping
        raise UsageError(f'the server doesn\'t have a resource type "{word.partition(".")[0]}"')

    def by_kind(self, api_version: str, kind: str) -> Steps[Mapping_]:
        """Find the mapping of a manifest's kind. Raises UsageError."""
        group, _, version = api_version.rpartition("/")
        for mapping in (yield from self.mappings()):
            if mapping.kind == kind and mapping.group == group and mapping.version == version:
                return mapping
        raise UsageError(f'no matches for kind "{kind}" in version "{api_version}"')

    def key(self, mapping: Mapping_, name: str, namespace: str = "") -> Key:
        """Make the key of an object."""
        return Key(mapping.resource, (namespace or self.namespace) if mapping.namespaced else "", name)


def client_release(host: Host) -> str:
    """Read which kubectl is installed on the host: `1.33.1`."""
    try:
        return host.files.view().read("/usr/bin/kubectl").decode().split(" v", 1)[1].split()[0]
    except (FileError, IndexError, UnicodeDecodeError):
        return "1.33.1"


def client_version(host: Host) -> tuple[int, int]:
    """Read which minor version of kubectl is installed on the host."""
    major, minor, *_ = [*client_release(host).split("."), ""]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (1, 33)
