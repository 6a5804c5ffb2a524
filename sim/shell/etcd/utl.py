"""etcdutl: works on files, never on the network. Since 3.5.

Models: etcdutl/ctl.go.
"""

from __future__ import annotations

from sim.engine import Steps, microseconds
from sim.shell.etcd import snapshots
from sim.shell.etcd.frame.commands import Minor
from sim.shell.etcd.frame.ctl import START_SECONDS, Run, installed, minor_of, run, verb
from sim.shell.pipes import COMMANDS, Call

__all__ = ["etcd", "etcdutl", "server_version", "snapshots"]


def etcdutl(call: Call) -> Steps[int]:
    """Run etcdutl."""
    version = installed(call)
    yield call.engine.sleep(microseconds(START_SECONDS))
    return (yield from run(call, "etcdutl", version, max(minor_of(version), (3, 5))))


@verb("etcdutl version")
def version_of(run: Run) -> int:
    """Print the version."""
    run.say(f"etcdutl version: {run.version}\nAPI version: {run.minor[0]}.{run.minor[1]}\n")
    return 0


GO = {(3, 4): "go1.22.11", (3, 5): "go1.23.7", (3, 6): "go1.23.11"}
"""What the last releases of each minor were built with."""


def server_version(version: str, minor: Minor) -> str:
    """Write what `etcd --version` says."""
    return (f"etcd Version: {version}\nGit SHA: Not provided (use ./build instead of go build)\n"
            f"Go Version: {GO.get(minor, 'go1.12.17')}\nGo OS/Arch: linux/amd64\n")


def etcd(call: Call) -> int:
    """Print the server's version; it runs as a unit or in a container."""
    version = installed(call)
    if call.argv in (["--version"], ["-version"]):
        call.write(server_version(version, minor_of(version)))
        return 0
    return call.refuse("etcd by hand; its unit runs it")


COMMANDS["etcdutl"] = etcdutl
COMMANDS["etcd"] = etcd
