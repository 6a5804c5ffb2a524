"""/var/log/pods and /var/log/containers: what containers have written, as files in the runtime's form, made when they are read.

Models: pkg/kubelet/kuberuntime/logs, CRI's log format (`2025-06-10T08:00:00.000000000Z stderr F text`). Left out: rotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import times
from sim.host.files import DIRECTORY, LINK, Inode, LiveFile, LiveFolder
from sim.host.runtime import Container, Sandbox

if TYPE_CHECKING:
    from sim.host.machine import Host

PODS, CONTAINERS = "/var/log/pods", "/var/log/containers"


def furnish(host: Host) -> None:
    """Put both folders on a host."""
    root = host.files.view()
    for path, make in ((PODS, _pods), (CONTAINERS, _links)):
        root.enter(path, LiveFolder(0o755, host.files.now_us(), lambda make=make: make(host)))  # type: ignore[misc]


def _folder_of(sandbox: Sandbox) -> str:
    return f"{sandbox.namespace}_{sandbox.name}_{sandbox.uid}"


def _pods(host: Host) -> dict[str, Inode]:
    return {_folder_of(box): _folder(box.created_us, {name: _folder(kept[0].created_us, {
        f"{each.attempt}.log": _file(each) for each in kept if each.started_us}) for name, kept in box.containers.items() if kept})
        for box in host.runtime.sandboxes.values()}


def _links(host: Host) -> dict[str, Inode]:
    found = {}
    for box in host.runtime.sandboxes.values():
        for each in box.all():
            if each.started_us:
                target = f"{PODS}/{_folder_of(box)}/{each.name}/{each.attempt}.log"
                found[f"{box.name}_{box.namespace}_{each.name}-{each.id}.log"] = Inode(LINK, 0o777, 0, 0, each.started_us, target.encode())
    return found


def _folder(mtime_us: int, names: dict[str, Inode]) -> Inode:
    return Inode(DIRECTORY, 0o755, 0, 0, mtime_us, b"", names)


def _file(container: Container) -> LiveFile:
    host = container.sandbox.runtime.host
    return LiveFile(0o640, 0, 0, container.started_us, container, lambda: _text(container), lambda: host.engine.now_us)


def _text(container: Container) -> bytes:
    return "".join(f"{times.stamp_micro(line.at_us)[:-1]}000Z {line.stream} F {line.text}\n" for line in container.log()).encode()
