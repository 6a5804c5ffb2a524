"""Somebody who types at a host that has what the documents install."""

import datetime

import sim.shell.system  # noqa: F401
from sim.engine import Engine, microseconds
from sim.host.network import Network
from sim.lab.install import files
from sim.lab.install.spec import ClusterSpec
from sim.shell.login import Terminal


class Desk:
    """A host, and somebody who types."""

    def __init__(self, version="1.25.0", day="2023-02-01"):
        at = datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00")
        self.network = Network(Engine(seed=1, epoch_s=int(at.timestamp())))
        self.host = self.network.add("controlplane", "172.30.1.2", users=("student",))
        files.base(self.host, version)
        files.node(self.host, version, ClusterSpec(), "https://172.30.1.2:6443")
        self.terminal = Terminal(self.network.hosts, "controlplane", "root")
        self.text = ""

    def begin(self, line, terminal=None):
        return (terminal or self.terminal).submit(line, self._take)

    def _take(self, data, stream):
        self.text += data.decode()

    def wait(self, seconds):
        engine = self.network.engine
        engine.advance(engine.now_us + microseconds(seconds))

    def type(self, line, seconds=300):
        self.text = ""
        job = self.begin(line)
        self.network.engine.advance(self.network.engine.now_us + microseconds(seconds), stop=lambda: not job.running)
        return self.text, self.terminal.login.shell.status
