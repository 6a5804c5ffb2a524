"""etcdutl: works on files, never on the network. Since 3.5.

Models: etcdutl/ctl.go.
"""

from __future__ import annotations

from sim.engine import Steps, microseconds
from sim.shell.etcd import snapshots
from sim.shell.etcd.frame.ctl import START_SECONDS, Run, installed, minor_of, run, verb
from sim.shell.pipes import COMMANDS, Call

__all__ = ["etcdutl", "snapshots"]


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


COMMANDS["etcdutl"] = etcdutl
