"""What programs and their surroundings see of each other: Protocols only.

A program (a control-plane component, the kubelet, flanneld) runs on a host, in a systemd unit or in a container:
its owner. `sim.host` starts it, `sim.components` implements it; layer 3 and 4 meet here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from sim.engine import Engine

SIGTERM, SIGKILL = 15, 9


class Owner(Protocol):
    """Who runs a program: a unit or a container."""

    def wrote(self, text: str) -> None:
        """Take a line of the program's output: into the journal, or the container's log."""

    def ended(self, code: int) -> None:
        """Be told that the program has ended by itself, with its exit status."""

    def health_changed(self) -> None:
        """Be told that the answers to probes may be different from now on."""


@dataclass(slots=True)
class Start:
    """How a program is started.

    argv includes the program's name as it was typed; version is the program's, without `v`; host is a `host.Host`.
    mounts: what a container sees of the host, path inside -> path on the host; None for a unit. uid: as whom it runs.
    """

    engine: Engine
    host: Any
    argv: Sequence[str]
    version: str
    owner: Owner
    pid: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] | None = None
    uid: int = 0

    def path(self, path: str) -> str:
        """Give where a path of the program lies on the host; "" where a container sees nothing. Units see the host's."""
        if self.mounts is None:
            return path
        for inside in sorted(self.mounts, key=len, reverse=True):
            if path == inside or path.startswith(inside.rstrip("/") + "/"):
                return self.mounts[inside].rstrip("/") + path[len(inside.rstrip("/")):]
        return ""


class Service(Protocol):
    """A running program."""

    def start(self) -> None:
        """Begin; what it does is timers from here on. May end at once through its owner."""

    def stop(self, signal: int) -> float:
        """Take a signal; after so many seconds it will have ended. The owner then calls `gone`; SIGKILL takes 0."""

    def gone(self) -> None:
        """Undo everything: ports are closed, timers cancelled. Nothing is said to the owner."""

    def healthy(self, path: str, port: int) -> str:
        """Answer a probe now: "" when all is well, else what a client sees (`connection refused`, a status code)."""


ProgramKind = Callable[[Start], Service]
"""How a program is made; hosts know them by the name of the executable."""


class LogLine(NamedTuple):
    """A line that a container wrote. at_us: microseconds since 1970; stream: stdout or stderr."""

    at_us: int
    text: str
    stream: str = "stdout"


class ContainerUse(NamedTuple):
    """What one container uses now. started_us: microseconds since 1970."""

    namespace: str
    pod: str
    container: str
    cpu_milli: int
    memory_bytes: int
    started_us: int


class NodeUse(NamedTuple):
    """What a node uses now, and its containers."""

    cpu_milli: int
    memory_bytes: int
    containers: tuple[ContainerUse, ...]


class Stoppable(Protocol):
    """Something that goes on until it is stopped."""

    def stop(self) -> None: ...


class NodeService(Protocol):
    """What a kubelet serves on port 10250 of its host; dialed for `pods/log` and for metrics.

    Those of logs raise StatusError in the kubelet's words (400: container waiting to start, 404: no such pod, 500).
    """

    def container_logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False
    ) -> Sequence[LogLine]:
        """Give all that the container has written until now; `previous`: the one before its last restart."""

    def follow_logs(
        self, namespace: str, pod: str, container: str, write: Callable[[LogLine | None], None]
    ) -> Stoppable:
        """Have `write` called at each line from now on, and with None when the container ends."""

    def usage(self) -> NodeUse:
        """Give what the node and its containers use now."""
