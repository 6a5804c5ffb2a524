"""What a kubelet serves on port 10250: logs of its containers and what they use (`program.NodeService`).

Models: pkg/kubelet/server (containerLogs), kubelet_pods.go validateContainerLogStatus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.api.errors import StatusError
from sim.engine import Timer
from sim.host.kubelet import usage
from sim.host.runtime import Container
from sim.program import LogLine, NodeUse

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet


def _bad(text: str) -> StatusError:
    return StatusError(400, "BadRequest", text)


class Logs:
    """The log server of one kubelet."""

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet

    def _container(self, namespace: str, pod: str, name: str, *, previous: bool) -> Container:
        worker = self.kubelet.worker_of(namespace, pod)
        if worker is None:
            raise StatusError(404, "NotFound", f'pod "{pod}" cannot be found - no logs available')
        slot = next((s for s in (*worker.inits, *worker.mains) if s.name == name), None)
        if slot is None:
            raise _bad(f'container "{name}" in pod "{pod}" is not available')
        kept = [c for c in worker.sandbox.containers.get(name, []) if c.started_us] if worker.sandbox else []
        if previous:
            ended = [c for c in kept if c.state == "exited" and (c is not slot.current or slot.waiting)]
            if not ended:
                raise _bad(f'previous terminated container "{name}" in pod "{pod}" not found')
            return ended[-1]
        if kept:
            return kept[-1]
        reason = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}.get(
            slot.waiting, slot.waiting or "ContainerCreating")
        if not slot.waiting and any(not s.done for s in worker.inits) and slot in worker.mains:
            reason = "PodInitializing"
        raise _bad(f'container "{name}" in pod "{pod}" is waiting to start: {reason}')

    def container_logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False
    ) -> Sequence[LogLine]:
        """Give all that the container has written until now. Raises StatusError."""
        return self._container(namespace, pod, container, previous=previous).log()

    def follow_logs(
        self, namespace: str, pod: str, container: str, write: Callable[[LogLine | None], None]
    ) -> Follower:
        """Have `write` called at each line from now on, and with None at the end. Raises StatusError."""
        return Follower(self.kubelet, self._container(namespace, pod, container, previous=False), write)

    def usage(self) -> NodeUse:
        """Give what the node and its containers use now."""
        return usage.of(self.kubelet)


class Follower:
    """Somebody who follows a container's output."""

    def __init__(self, kubelet: Kubelet, container: Container, write: Callable[[LogLine | None], None]) -> None:
        self.engine = kubelet.engine
        self.container = container
        self.write = write
        self.since_us = kubelet.engine.unix_us
        self._timer: Timer | None = None
        if container.running:
            container.writers[self._passed] = None
            self._plan()
        else:
            self._timer = self.engine.after(0, write, None)

    def _passed(self, line: LogLine | None) -> None:
        if line is None:
            self.stop()
        self.write(line)

    def _plan(self) -> None:
        at_us = self.container.next_line_us(self.since_us)
        if at_us is not None:
            self._timer = self.engine.after(at_us - self.engine.unix_us, self._due)

    def _due(self) -> None:
        for line in self.container.log(self.since_us):
            self.write(line)
        self.since_us = self.engine.unix_us
        self._plan()

    def stop(self) -> None:
        """Follow no more."""
        self.container.writers.pop(self._passed, None)
        if self._timer is not None:
            self._timer.cancel()
