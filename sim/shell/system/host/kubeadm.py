"""kubeadm's door: the program of the version that is installed, for who types it."""

from __future__ import annotations

from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.kubeadm.frame.command import main
from sim.kubeadm.frame.session import Session
from sim.shell.pipes import COMMANDS, Call

PATHS = ("/usr/bin/kubeadm", "/usr/local/bin/kubeadm")


def kubeadm(call: Call) -> Steps[int]:
    """Run kubeadm."""
    version = next((found for path in PATHS if (found := call.host.version_of(path))), "")

    def ask() -> Steps[str]:
        source = call.streams.stdin or call.streams.keyboard
        line = (yield from source.read(b"\n")) if source is not None else None
        return (line or b"").decode(errors="replace")

    session = Session(call.host, call.files, version, write=call.write, ask=ask, uid=call.login.uid,
                      pid=call.login.terminal.next_pid(), home=call.login.home)
    session.path = call.path
    try:
        return (yield from main(session, call.argv))
    except NotSimulated as error:
        return call.refuse(error.what)


COMMANDS["kubeadm"] = kubeadm
