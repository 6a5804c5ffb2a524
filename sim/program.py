"""What a program sees of its host: Protocols only.

Programs (control-plane components, shell commands, kubeadm) are written against these; `sim.host` implements them.
A program never sees another host but through `dial`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sim.engine import Engine, Event, Steps


class Files(Protocol):
    """A host's files as one user sees them (owners, modes and links are respected). Paths are absolute.

    Every method raises `FileError` (an OSError with the errno's text) as the kernel would.
    """

    def read(self, path: str) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def append(self, path: str, data: bytes) -> None: ...
    def exists(self, path: str) -> bool: ...
    def is_dir(self, path: str) -> bool: ...
    def list(self, path: str) -> list[str]: ...
    def make_dir(self, path: str, *, parents: bool = False) -> None: ...
    def remove(self, path: str, *, recursive: bool = False) -> None: ...


class Listener(Protocol):
    """An open port."""

    def close(self) -> None: ...


class Program(Protocol):
    """A running program: what its `main` is given.

    argv includes the program's name. stopping happens at SIGTERM; a SIGKILL is an Interrupt of its process.
    """

    engine: Engine
    argv: Sequence[str]
    env: Mapping[str, str]
    files: Files
    hostname: str
    stopping: Event

    def log(self, text: str) -> None:
        """Write a line to the program's log (container log, or the unit's journal)."""

    def listen(self, port: int, service: Any, *, tls: Any = None) -> Listener:
        """Offer a service on a port of this host. Raises OSError when the port is taken."""

    def dial(self, address: str, port: int) -> Any:
        """Reach a service. Raises TransportError (refused, no-route, timeout)."""


Main = Callable[[Program], Steps[int]]
"""A program: a process that returns its exit status."""


class LogLine(NamedTuple):
    """A line that a container wrote. at_us: microseconds since 1970; stream: stdout or stderr."""

    at_us: int
    text: str
    stream: str = "stdout"


class Stoppable(Protocol):
    """Something that goes on until it is stopped."""

    def stop(self) -> None: ...


class NodeService(Protocol):
    """What a kubelet serves on port 10250 of its host; the API server dials it for `pods/log`.

    Both raise StatusError in the kubelet's words (400: container waiting to start, 404: no such pod, 500).
    """

    def container_logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False
    ) -> Sequence[LogLine]:
        """Give all that the container has written until now; `previous`: the one before its last restart."""

    def follow_logs(
        self, namespace: str, pod: str, container: str, write: Callable[[LogLine | None], None]
    ) -> Stoppable:
        """Have `write` called at each line from now on, and with None when the container ends."""
