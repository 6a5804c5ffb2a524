"""What the control plane's programs share: flags, files, the line before the end.

Models: k8s.io/component-base/cli. Texts of missing files and unknown flags are those of cobra and Go's os package.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sim.api.errors import TransportError
from sim.components.flags import KNOWN, REMOVED
from sim.engine import Timer, microseconds
from sim.host import tls
from sim.host.files import FileError
from sim.host.network import Host
from sim.pki import PkiError
from sim.program import SIGKILL, Start

API_PORT, ETCD_PORT = 6443, 2379
GO_SETTINGS = '"Golang settings" GOGC="" GOMAXPROCS="" GOTRACEBACK=""'


class Fatal(Exception):
    """The program ends: what it prints (several lines), and its exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class Program:
    """A running program (`program.Service`). ready: it does what it is for."""

    name = ""
    start_seconds = 1.0
    health_ports: tuple[int, ...] = ()

    def __init__(self, start: Start) -> None:
        self.start_ = start
        self.host: Host = start.host
        self.engine = start.engine
        self.owner = start.owner
        self.version = start.version
        numbers = [int(part) for part in start.version.split(".")[:2] if part.isdigit()]
        self.minor = (numbers[0], numbers[1]) if len(numbers) == 2 else (1, 33)
        self.flags: dict[str, str] = {}
        self.alive = False
        self.ready = False
        self._timer: Timer | None = None

    # ---- the frame --------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check flags and files, then come up some time later."""
        self.alive = True
        try:
            self.flags = self.read_flags()
            self.check()
        except Fatal as error:
            for line in str(error).split("\n"):
                self.owner.wrote(line)
            self.exit(error.status)
            return
        self.later(self.start_seconds)

    def later(self, seconds: float) -> None:
        """Come up after so many seconds."""
        self._timer = self.engine.after(microseconds(seconds), self._begin)

    def _begin(self) -> None:
        if self.alive:
            self.begin()

    def stop(self, signal: int) -> float:
        """Take a signal; gives the seconds until the end."""
        if signal != SIGKILL:
            self.end(kill=False)
        return 0.3

    def gone(self) -> None:
        """The program has ended, by itself or by force."""
        if self._timer is not None:
            self._timer.cancel()
        if self.alive:
            self.alive = self.ready = False
            self.end(kill=True)

    def exit(self, status: int) -> None:
        """End by itself."""
        self.owner.ended(status)

    def healthy(self, path: str, port: int) -> str:
        """Answer a probe."""
        if port not in self.health_ports:
            return "connection refused"
        return "" if self.ready else "connection refused"

    def set_ready(self, *, ready: bool) -> None:
        """Be ready, or no longer."""
        self.ready = ready
        self.owner.health_changed()

    # ---- for the programs themselves --------------------------------------------------------------------------
    def read_flags(self) -> dict[str, str]:
        """Read `--name=value` and `--name value`. Raises Fatal for what this version does not know."""
        found: dict[str, str] = {}
        words = [str(word) for word in self.start_.argv[1:]]
        known, removed = KNOWN[self.name], REMOVED.get(self.name, {})
        while words:
            word = words.pop(0)
            name, equal, value = word.lstrip("-").partition("=")
            if not word.startswith("-"):
                raise Fatal(self.unexpected(word))
            if name not in known or (name in removed and self.minor >= removed[name]):
                raise Fatal(self.unknown_flag(name), self.usage_status)
            if not equal and words and not words[0].startswith("-"):
                value = words.pop(0)
            found[name] = value if equal or value else "true"
        return found

    usage_status = 1

    def unknown_flag(self, name: str) -> str:
        """Say that a flag is unknown."""
        return f"Error: unknown flag: --{name}"

    def unexpected(self, word: str) -> str:
        """Say that an argument is not wanted."""
        return f'Error: {self.name} does not take any arguments, got ["{word}"]'

    def klog(self, level: str, where: str, text: str) -> None:
        """Write a line as klog does."""
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.engine.unix_us)
        self.owner.wrote(f"{level}{now:%m%d %H:%M:%S.%f}       1 {where}] {text}")

    def read_file(self, path: str) -> bytes:
        """Read a file as the program sees it. Raises FileError."""
        where = self.start_.path(path)
        if not where:
            raise FileError(1)
        return self.host.files.view().read(where)

    def need_file(self, flag: str, shape: str = 'open {path}: {error}') -> None:
        """Check that the file of a flag is there. Raises Fatal with a text made of path and error."""
        path = self.flags.get(flag, "")
        if not path:
            return
        try:
            self.read_file(path)
        except FileError as error:
            text = shape.format(path=path, error=str(error).lower())
            raise Fatal(f"{self._stamped('E', 'run.go:72')} \"command failed\" err=\"{text}\"") from None

    def need_pair(self, certificate: str, key: str) -> None:
        """Check that the certificate and key of two flags belong together. Raises Fatal."""
        if self.flags.get(certificate) and self.flags.get(key):
            try:
                tls.pair(self.read_file, self.flags[certificate], self.flags[key])
            except FileError as error:
                raise self.failed(f"open {self.flags[key]}: {str(error).lower()}") from None
            except PkiError as error:
                raise self.failed(str(error)) from None

    def failed(self, text: str) -> Fatal:
        """Make the end that a component's command reports."""
        shown = text.replace('"', '\\"')
        return Fatal(f"{self._stamped('E', 'run.go:72')} \"command failed\" err=\"{shown}\"")

    def _stamped(self, level: str, where: str) -> str:
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.engine.unix_us)
        return f"{level}{now:%m%d %H:%M:%S.%f}       1 {where}]"

    def reach(self, address: str, port: int) -> object | None:
        """Dial, None when nobody answers."""
        try:
            found: object = self.host.dial(address, port)
        except TransportError:
            return None
        return found

    # ---- what a program is ------------------------------------------------------------------------------------
    def check(self) -> None:
        """Check flags and files. Raises Fatal."""

    def begin(self) -> None:
        """Do what the program does once it is up."""
        raise NotImplementedError

    def end(self, *, kill: bool) -> None:
        """Undo it; called once or twice (SIGTERM, then the end)."""
        raise NotImplementedError


def address_of(url: str, default_port: int) -> tuple[str, int]:
    """Split `https://host:port` into address and port."""
    host, _, port = url.rpartition("//")[2].rstrip("/").partition(":")
    return host or "127.0.0.1", int(port) if port.isdigit() else default_port


def said(flags: Mapping[str, str], name: str, default: str) -> str:
    """Give a flag's value."""
    return flags.get(name) or default
