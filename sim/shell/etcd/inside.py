"""etcd's tools in etcd's own container: its files are what is mounted there, and what was written there since it started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.engine import Steps, microseconds
from sim.host.files import HostFiles, View
from sim.host.machine import Host
from sim.host.runtime import Container
from sim.shell.etcd.frame.ctl import START_SECONDS, minor_of, run
from sim.shell.etcd.utl import server_version
from sim.shell.pipes import Call

TOOLS = ("etcd", "etcdctl", "etcdutl")


class InsideView:
    """Files as a container sees them: mounted ones are the host's, others its own. Every method is a View's."""

    def __init__(self, host: View, own: View, mounts: Mapping[str, str]) -> None:
        self._host, self._own, self._mounts = host, own, mounts

    def _place(self, path: str) -> tuple[View, str]:
        for inner in sorted(self._mounts, key=len, reverse=True):
            if path == inner or path.startswith(f"{inner.rstrip('/')}/"):
                return self._host, self._mounts[inner].rstrip("/") + path[len(inner.rstrip("/")):]
        return self._own, path

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(path: str, *arguments: Any, **options: Any) -> Any:
            view, place = self._place(path)
            return getattr(view, name)(place, *arguments, **options)

        return call

    def rename(self, old: str, new: str) -> None:
        """Move a file; between the two sides it is copied. Raises FileError."""
        (view, source), (other, target) = self._place(old), self._place(new)
        if view is other:
            view.rename(source, target)
            return
        other.write(target, view.read(source))
        view.remove(source)


def is_etcd(container: Mapping[str, Any]) -> bool:
    """Tell whether a container has the tools."""
    return str(container.get("image", "")).rpartition(":")[0].rpartition("/")[2] == "etcd"


def tool(call: Call, host: Host, container: Container, words: list[str], env: Mapping[str, str]) -> Steps[int]:
    """Run a tool in a running container of etcd; gives its status."""
    own = host.disks.setdefault(f"files of container {container.id}", HostFiles(lambda: host.engine.unix_us))
    if not own.view().exists("/tmp"):
        own.view().make_dir("/tmp")
    mounts = {str(each["mountPath"]): container.sandbox.volumes[each["name"]]
              for each in container.spec.get("volumeMounts") or () if each.get("name") in container.sandbox.volumes}
    there = Call(call.shell, words[0], words[1:], dict(env), call.streams)
    there.host = host
    there.files = InsideView(host.files.view(), own.view(), mounts)  # type: ignore[assignment]
    there.path = lambda word: word if word.startswith("/") else f"/{word}"  # type: ignore[method-assign]
    version = container.image.rpartition(":")[2].partition("-")[0].removeprefix("v")
    yield call.engine.sleep(microseconds(START_SECONDS))
    if words[0] == "etcd":
        if words[1:] not in (["--version"], ["-version"]):
            return call.refuse("etcd by hand in its container")
        call.write(server_version(version, minor_of(version)))
        return 0
    return (yield from run(there, words[0], version, minor_of(version)))
