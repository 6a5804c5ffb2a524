"""A small cluster for tests of hosts: built without a lab, asked through its API server's store."""

from sim.api import objects
from sim.api.client import Client, Key
from sim.engine import SECOND_US, Engine
from sim.host.network import Network
from sim.lab import faults
from sim.lab.install import ClusterSpec, NodeSpec, addons, install, server_of

S = SECOND_US


class Cluster:
    def __init__(self, *nodes, version="1.33.1", images=None, installer="kubeadm", planes=1, endpoint="", seed=1, extra=None):
        self.network = Network(Engine(seed=seed))
        self.engine = self.network.engine
        names = ["controlplane"] if planes == 1 else [f"controlplane{n + 1:02}" for n in range(planes)]
        specs = [NodeSpec(name, role="control-plane") for name in names] + [NodeSpec(name) for name in nodes]
        self.spec = ClusterSpec(nodes=tuple(specs), installer=installer, endpoint=endpoint, extra_args=extra or {})
        install(self.network, self.spec, version, images or {})
        self.run(12)
        addons(self.network, self.spec, version)
        self.run(60)

    def run(self, seconds):
        self.engine.advance(self.engine.now_us + round(seconds * S))

    @property
    def server(self):
        return server_of(self.network)

    @property
    def store(self):
        return self.server.store

    @property
    def client(self):
        return Client(self.server, self.server.reader, agent="test")

    def fault(self, name, target, *, end=False):
        faults.inject(self.network, name, target, end=end)

    def make(self, name, *, node="node01", annotations=None, **spec):
        spec.setdefault("containers", [{"name": "c", "image": "nginx"}])
        return self.client.create("pods", {"metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
                                           "spec": {"nodeName": node, **spec}})

    def pod(self, name, namespace="default"):
        return self.store.get(Key("pods", namespace, name))

    def container(self, name, at=0, group="containerStatuses"):
        return self.pod(name)["status"][group][at]

    def state(self, name, at=0):
        (kind, state), = self.container(name, at)["state"].items()
        return kind, state.get("reason", "")

    def ready(self, node):
        return objects.condition_status(self.store.get(Key("nodes", "", node)), "Ready")

    def events(self, name):
        return [(e["reason"], e["message"], e.get("count", 1)) for e in self.store.list("events")
                if e["involvedObject"]["name"] == name]

    def reasons(self, name):
        return {reason for reason, _, _ in self.events(name)}

    def host(self, name):
        return self.network.hosts[name]

    def journal(self, name, unit):
        return [entry.text for entry in self.host(name).journal.entries if entry.unit == f"{unit}.service"]
