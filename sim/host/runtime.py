"""The container runtime of a host: sandboxes and containers, which outlive the kubelet but not the power.

A container is a program of the simulator (a control-plane image), or a script whose output and end are known from the
start, so that it costs one timer at most.

Models: containerd with runc. Left out: namespaces, snapshots, exec.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sim.api import objects, times
from sim.api.client import Object
from sim.engine import Stream, Timer, microseconds
from sim.host.images import Image
from sim.host.script import Script, compile_script
from sim.program import SIGKILL, SIGTERM, LogLine, Service, Start

if TYPE_CHECKING:
    from sim.host.machine import Host

LINES_MOST = 5000
POD_FOLDERS = "/var/lib/kubelet/pods"
HEX = "0123456789abcdef"
NOTHING = Script()


class Container:
    """A container, from its creation to its removal. It owns the program in it (`program.Owner`).

    Moments are microseconds since 1970, 0 for not yet. attempt counts from 0.
    """

    __slots__ = ("_timer", "argv", "attempt", "created_us", "exit_code", "finished_us", "id", "image", "kind", "lines", "name",
                 "message", "pid", "reason", "sandbox", "script", "service", "spec", "started_us", "state", "writers")

    def __init__(self, sandbox: Sandbox, spec: Object, kind: Image, attempt: int) -> None:
        self.sandbox = sandbox
        self.spec = spec
        self.name: str = spec["name"]
        self.image: str = spec.get("image") or ""
        self.kind = kind
        self.attempt = attempt
        self.id = sandbox.runtime.stream.text(HEX, 64)
        self.state = "created"
        self.created_us = sandbox.runtime.host.engine.unix_us
        self.started_us = self.finished_us = 0
        self.exit_code = self.pid = 0
        self.reason = ""
        self.message = ""
        self.argv: tuple[str, ...] = ()
        self.script = NOTHING
        self.service: Service | None = None
        self.lines: list[LogLine] = []
        self.writers: dict[Callable[[LogLine | None], None], None] = {}
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        """Tell whether its program runs."""
        return self.state == "running"

    # ---- starting and ending ----------------------------------------------------------------------------------
    def start(self) -> None:
        """Run its program."""
        host = self.sandbox.runtime.host
        self.state = "running"
        self.pid = host.next_pid()
        self.started_us = host.engine.unix_us
        spec, kind = self.spec, self.kind
        if spec.get("command") or spec.get("args"):
            self.argv = (*map(str, spec.get("command") or ()), *map(str, spec.get("args") or ()))
        program = kind.program or (self.argv[0].rpartition("/")[2] if spec.get("command") and self.argv else "")
        made = host.programs.get(program) if program else None
        if made is not None and (self.sandbox.host_network or kind.program):
            version = self.image.rpartition(":")[2].removeprefix("v").partition("-")[0]
            self.service = made(Start(host.engine, host, self.argv, version, self, self.pid, mounts=self._mounts(spec)))
            self.service.start()
            return
        end = self._ends(kind, spec)
        if end is not None:
            self._timer = host.engine.after(end[0], self.ended, end[1])

    def _mounts(self, spec: Object) -> dict[str, str]:
        paths = self.sandbox.volumes
        return {str(m["mountPath"]): paths[m["name"]] for m in spec.get("volumeMounts") or () if m.get("name") in paths}

    def _ends(self, kind: Image, spec: Object) -> tuple[int, int] | None:
        """Tell when it will end by itself: microseconds from now, and its exit status."""
        if kind.run_seconds is not None:
            return microseconds(kind.run_seconds), kind.exit_code
        if kind.own:
            return None
        if self.argv and self.argv[0] in kind.quits_on:
            return microseconds(0.05), 0
        if self.argv and (spec.get("command") or kind.shell):
            self.script = compile_script(self.argv)
            return self.script.end
        return (microseconds(0.05), 0) if kind.shell else None

    def stop(self, grace_us: int) -> int:
        """Send SIGTERM, and SIGKILL after the grace period; gives the microseconds until it has ended."""
        if not self.running:
            return 0
        engine = self.sandbox.runtime.host.engine
        if self.service is not None:
            takes_us, code = microseconds(self.service.stop(SIGTERM)), 0
        elif self.script.handles_term:
            takes_us, code = microseconds(0.1), 143
        elif self.kind.stop_seconds is None or self.script.handles_term is False:
            takes_us, code = grace_us + 1, 0
        else:
            # A shell image has no program that would end in order: TERM is its end.
            code = 128 + SIGTERM if self.kind.shell else 0
            takes_us = self.sandbox.runtime.vary(self.kind.stop_seconds, self.kind)
        if takes_us > grace_us:
            takes_us, code = grace_us, 128 + SIGKILL
        self._cancel()
        self._timer = engine.after(takes_us, self.ended, code)
        return takes_us

    def kill(self, code: int = 128 + SIGKILL, reason: str = "", message: str = "") -> None:
        """End it at once."""
        if self.running:
            self.reason, self.message = reason, message
            self.ended(code)

    def ended(self, code: int) -> None:
        """Take note that its program has ended."""
        if not self.running:
            return
        self._put_away(code)
        self.sandbox.runtime.tell(self)

    def _put_away(self, code: int) -> None:
        self._cancel()
        service, self.service = self.service, None
        if service is not None:
            service.gone()
        self.state, self.exit_code = "exited", code
        self.finished_us = self.sandbox.runtime.host.engine.unix_us
        self.reason = self.reason or ("Completed" if code == 0 else "Error")
        for writer in list(self.writers):
            writer(None)
        self.writers.clear()

    def lost(self) -> None:
        """The power went: the runtime will find it in an unknown state. Nobody is told."""
        if self.running:
            self.reason = "Unknown"
            self._put_away(255)

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    # ---- what it says -----------------------------------------------------------------------------------------
    def wrote(self, text: str) -> None:
        """Take a line of its program's output."""
        line = LogLine(self.sandbox.runtime.host.engine.unix_us, text, "stderr")
        self.lines.append(line)
        if len(self.lines) > LINES_MOST:
            del self.lines[: LINES_MOST // 10]
        for writer in list(self.writers):
            writer(line)

    def health_changed(self) -> None:
        """Pass on that probes may get other answers."""
        self.sandbox.runtime.tell(self)

    def log(self, since_us: int = -1) -> list[LogLine]:
        """Give what it has written after a moment (since 1970), until now or its end."""
        if not self.started_us:
            return []
        until_us = self.finished_us or self.sandbox.runtime.host.engine.unix_us
        found = [line for line in self.lines if line.at_us > since_us]
        if since_us < self.started_us:
            found += [LogLine(self.started_us, text) for text in self.kind.logs] if self.script is NOTHING else []
        for deed in self.script.until(until_us - self.started_us, since_us - self.started_us if since_us >= 0 else -1):
            if deed.kind == "log":
                at_us = self.started_us + deed.at_us
                found.append(LogLine(at_us, deed.text.replace("$(date)", _date(at_us))))
        return found

    def next_line_us(self, after_us: int) -> int | None:
        """Give when a script writes its next line after a moment since 1970, None when it writes no more."""
        start_us, script = self.started_us, self.script
        horizon = after_us - start_us + (2 * script.loop[2] if script.loop else 0)
        last = script.deeds[-1].at_us if script.deeds else -1
        for deed in script.until(max(horizon, last), after_us - start_us):
            if deed.kind == "log":
                return start_us + deed.at_us
        return None


def _date(at_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).strftime("%a %b %e %H:%M:%S UTC %Y")


class Sandbox:
    """A pod on a host: its network address and its containers, the latest attempts of each."""

    __slots__ = ("address", "attempt", "containers", "created_us", "host_network", "id", "name", "namespace", "ready",
                 "runtime", "uid", "volumes")

    def __init__(self, runtime: Runtime, pod: Object, uid: str, address: str, attempt: int) -> None:
        metadata = pod["metadata"]
        self.runtime = runtime
        self.uid = uid
        self.namespace: str = metadata.get("namespace") or "default"
        self.name: str = metadata["name"]
        self.host_network = bool(pod["spec"].get("hostNetwork"))
        self.address = address
        self.attempt = attempt
        self.id = runtime.stream.text(HEX, 64)
        self.created_us = runtime.host.engine.unix_us
        self.ready = True
        self.containers: dict[str, list[Container]] = {}
        self.volumes: dict[str, str] = {
            v["name"]: str(v["hostPath"].get("path")) for v in pod["spec"].get("volumes") or () if v.get("hostPath")}

    def latest(self, name: str) -> Container | None:
        """Give the latest container of that name."""
        found = self.containers.get(name)
        return found[-1] if found else None

    def add(self, container: Container) -> None:
        """Keep a new container; of the older ones only the last stays (MaxPerPodContainerCount 1)."""
        kept = self.containers.setdefault(container.name, [])
        kept.append(container)
        del kept[:-2]

    def all(self) -> list[Container]:
        """Give all its containers."""
        return [each for kept in self.containers.values() for each in kept]


def pod_folder(pod: Object) -> str:
    """Name the directory on the node in which the kubelet keeps a pod's volumes; it goes with the pod."""
    return f"{POD_FOLDERS}/{objects.uid(pod)}"


class Runtime:
    """The containers of one host. `told` is called when one ends or its health changes: the kubelet's ear."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.stream: Stream = host.engine.stream(f"runtime.{host.name}")
        self.sandboxes: dict[str, Sandbox] = {}
        self.images: dict[str, float] = {}
        self.up = True
        self.told: Callable[[Container], None] | None = None
        self._addresses = 1

    def vary(self, seconds: float, kind: Image) -> int:
        """Give a duration in microseconds around its typical value; a scenario's own image takes exactly what it says."""
        typical = microseconds(seconds)
        if not kind.spread or not typical:
            return typical
        return self.stream.latency_us(typical * 7 // 10, typical, typical * 15 // 10)

    def address_for(self, pod: Object, cidr: str) -> str:
        """Give a pod an address: the next of the node's range, or the host's own."""
        if pod["spec"].get("hostNetwork"):
            return self.host.address
        self._addresses = self._addresses % 250 + 1
        return f"{cidr.rsplit('.', 1)[0]}.{self._addresses}"

    def tell(self, container: Container) -> None:
        """Pass news of a container on."""
        if self.told is not None:
            self.told(container)

    def remove(self, sandbox: Sandbox) -> None:
        """Remove a pod's containers."""
        for container in sandbox.all():
            container.lost()
        self.sandboxes.pop(sandbox.uid, None)
        folder, files = f"{POD_FOLDERS}/{sandbox.uid}", self.host.files.view()
        if files.exists(folder):
            files.remove(folder, recursive=True)

    def power_lost(self) -> None:
        """Everything that ran is gone."""
        for sandbox in self.sandboxes.values():
            sandbox.ready = False
            for container in sandbox.all():
                container.lost()
        self.told = None

    def signal_all(self) -> float:
        """Send SIGTERM to every container; gives the seconds until the last has ended, at most 90."""
        ends = [each.stop(microseconds(90)) for sandbox in self.sandboxes.values() for each in sandbox.all() if each.running]
        return max(ends, default=0) / 1e6


class Containerd:
    """containerd as a unit (`program.Service`). Containers are its shims': they go on without it."""

    def __init__(self, start: Start) -> None:
        self.start_ = start
        self.host = start.host

    def start(self) -> None:
        """Serve."""
        level = "level=info msg="
        for text in ('"starting containerd" revision=4f65fb2ae8a5 version=v' + self.host.containerd,
                     '"containerd successfully booted in 0.05s"'):
            self.start_.owner.wrote(f'time="{times.stamp(self.start_.engine.unix_us)}" {level}{text}')
        self._up(up=True)

    def _up(self, *, up: bool) -> None:
        self.host.runtime.up = up
        for kubelet in list(self.host.kubelets):
            kubelet.runtime_changed()

    def stop(self, signal: int) -> float:
        """End at once."""
        return 0.0

    def gone(self) -> None:
        """Serve no more."""
        self._up(up=False)

    def healthy(self, path: str, port: int) -> str:
        """Nobody probes it."""
        return ""
