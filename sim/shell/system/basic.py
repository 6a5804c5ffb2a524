"""kubectl's door."""

from __future__ import annotations

from sim.engine import Steps
from sim.shell.pipes import COMMANDS, Call


def kubectl(call: Call) -> Steps[int]:
    """Run kubectl, loaded when it is first typed."""
    from sim.shell.kubectl.frame.main import kubectl as run

    return (yield from run(call))


COMMANDS["kubectl"] = kubectl
