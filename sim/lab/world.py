"""A scenario's world: hosts, network, clusters, terminals and one clock, before anything was typed.

A world knows nothing of tasks or of a recording; `lab` builds one, lets time pass in it, and throws it away to undo.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sim.api import times
from sim.api.client import Change
from sim.api.errors import NotSimulated
from sim.apiserver.server import ApiServer
from sim.engine import SECOND_US, Cause, Engine, microseconds
from sim.etcd.store import Store
from sim.host.network import Host, Network
from sim.lab import faults
from sim.lab.clusters import InstalledCluster
from sim.lab.install import ClusterSpec, NodeSpec, addons, external_etcd, install, plain_hosts, workstation
from sim.lab.scenario.model import Cluster, ExternalEtcd, Scenario, Step, TimelineFault
from sim.shell.login import Terminal
from sim.shell.system import basic as _system_tools
from sim.versions import catalogue

assert _system_tools

SETTLE_US = 60 * SECOND_US
START_LIMIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that was typed: when, at which terminal, on which host."""

    at_us: int
    terminal: str
    host: str
    line: str


def start_date(scenario: Scenario, kubernetes: str) -> date:
    """Give the day at which simulated time begins: the version's, the scenario's, else 60 days after the version's release."""
    own = next((row.date for row in scenario.spec.versions if row.kubernetes == kubernetes), "")
    if own or scenario.spec.date:
        return date.fromisoformat(own or scenario.spec.date)
    return catalogue.release_date(kubernetes) + timedelta(days=60)


JOINED = {"component": "/", "certificate": "/", "path": ":"}
"""How a fault's host and target are written as one, by what the fault is aimed at."""


def fault_target(fault: Step | TimelineFault) -> str:
    """Give what a fault is aimed at, as `:fault` takes it: `node01`, `node01 node02`, `node01/etcd`, `node01:/etc/x`."""
    hosts = " ".join(filter(None, [fault.host, *fault.hosts]))
    row = faults.FAULTS.get(str(fault.fault))
    return (JOINED.get(row.target, " ") if row else " ").join(filter(None, [hosts, fault.target]))


def _endpoint(cluster: Cluster, number: int) -> str:
    """Give the address before the control plane: what the scenario says; several hosts have one anyway."""
    planes = sum(node.role == "control-plane" for node in cluster.nodes)
    return cluster.endpoint or (f"172.30.{10 * number}.100" if planes > 1 else "")


class World:
    """The simulated world of a scenario at one seed and version."""

    def __init__(self, scenario: Scenario, *, seed: int, kubernetes: str, history: bool = True) -> None:
        self.scenario, self.seed, self.kubernetes = scenario, seed, kubernetes
        day = start_date(scenario, kubernetes)
        epoch = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.engine = Engine(seed=seed, epoch_s=int(epoch.timestamp()))
        self.network = Network(self.engine, keep_history=history)
        self.refusals: list[str] = []
        self.typed: list[Typed] = []
        self.observers: list[Callable[[], None]] = []
        self.faults: list[tuple[int, str, str, bool]] = []
        """The timeline's faults that have come: when, which, whereto, taken back."""
        self.origin_us = 0
        self.clusters: dict[str, InstalledCluster] = {}
        """The lab's clusters by name; the first is meant where none is named."""
        outside = {member.host for cluster in scenario.spec.clusters if isinstance(cluster.etcd, ExternalEtcd)
                   for member in cluster.etcd.external}
        self._hosts({host.name for host in scenario.spec.hosts if host.name in outside}, users=("etcd",))
        for number, cluster in enumerate(scenario.spec.clusters):
            self._install(cluster, number)
        self._workstations({host.name for host in scenario.spec.hosts if host.name not in outside})
        self._files()
        self.terminals = {}
        for spec in scenario.terminal_specs():
            self._user(self.network.hosts[spec.host], spec.user)
            terminal = self.terminals[spec.name] = Terminal(self.network.hosts, spec.host, spec.user)
            terminal.refusals = self.refusals
        self.main_terminal = next(iter(self.terminals))

    # ---- building ---------------------------------------------------------------------------------------------
    def _hosts(self, names: Collection[str], users: tuple[str, ...] = ()) -> None:
        """Build the scenario's hosts of these names that belong to no cluster; they have their address whatever the order."""
        rows = {host.name: {"address": host.address or f"172.30.0.{number + 10}", "users": users}
                for number, host in enumerate(self.scenario.spec.hosts) if host.name in names}
        plain_hosts(self.network, rows, self.kubernetes)

    def _workstations(self, names: Collection[str]) -> None:
        """Build the hosts from which clusters are looked after."""
        self._hosts(names)
        planes = {cluster.name: self.network.hosts[next(node.name for node in cluster.nodes if node.role == "control-plane")]
                  for cluster in self.scenario.spec.clusters if cluster.installer != "managed"}
        for name in [host.name for host in self.scenario.spec.hosts if host.name in names]:
            workstation(self.network.hosts[name], planes)

    def _install(self, cluster: Cluster, number: int) -> None:
        if cluster.installer == "managed":
            raise NotSimulated("a managed cluster")
        nodes = tuple(
            NodeSpec(**{**node.model_dump(), "cpu": str(node.cpu), "taints": None if node.taints is None else tuple(node.taints)})
            for node in cluster.nodes)
        etcd = tuple(member.host for member in cluster.etcd.external) if isinstance(cluster.etcd, ExternalEtcd) else ()
        spec = ClusterSpec(cluster.name, nodes, tuple(cluster.addons), cluster.installer, self._flags(cluster), number, etcd=etcd,
                           endpoint=_endpoint(cluster, number))
        if etcd:
            external_etcd(self.network, etcd, self.kubernetes)
        self.clusters[cluster.name] = InstalledCluster(cluster.name, self.network, tuple(node.name for node in nodes), etcd)
        images = {name: image.model_dump(exclude_unset=True) for name, image in self.scenario.spec.images.items()}
        install(self.network, spec, self.kubernetes, images)
        wanted = sum(node.present for node in nodes)
        for _ in range(START_LIMIT_SECONDS):
            self.advance(self.engine.now_us + SECOND_US)
            server = self.server(cluster.name)
            if server is not None and server.store.count("nodes") >= wanted:
                break
        addons(self.network, spec, self.kubernetes)
        self.advance(self.engine.now_us + SETTLE_US)

    def _flags(self, cluster: Cluster) -> dict[str, dict[str, str]]:
        """Give the flags of the components: the cluster's, and those of this version of the lab."""
        own = next((each.extraArgs for each in self.scenario.spec.versions if each.kubernetes == self.kubernetes), {})
        return {name: {**cluster.extraArgs.get(name, {}), **own.get(name, {})} for name in {**cluster.extraArgs, **own}}

    def _files(self) -> None:
        for place, text in self.scenario.spec.files.items():
            host, _, path = place.partition(":")
            view = self.network.hosts[host].files.view()
            view.make_dir(path.rpartition("/")[0] or "/", parents=True)
            view.write(path, text.encode())

    @staticmethod
    def _user(host: Host, user: str) -> None:
        if user in host.users:
            return
        uid = host.users[user] = 1000 + len(host.users) - 1
        root = host.files.view()
        root.make_dir(f"/home/{user}", parents=True)
        root.chown(f"/home/{user}", uid, uid)
        if not host.kubelets and root.exists("/root/.kube/config"):  # a workstation: whoever sits there looks after the clusters
            root.make_dir(f"/home/{user}/.kube")
            root.write(f"/home/{user}/.kube/config", root.read("/root/.kube/config"))
            for path in (f"/home/{user}/.kube", f"/home/{user}/.kube/config"):
                root.chown(path, uid, uid)
            root.chmod(f"/home/{user}/.kube/config", 0o600)

    def begin(self) -> None:
        """Note that the learner comes now: lines typed before are forgotten, the timeline starts."""
        for terminal in self.terminals.values():
            terminal.login.history.clear()
        self.typed.clear()
        self.origin_us = self.engine.now_us
        for entry in self.scenario.spec.timeline:
            at_us = self.origin_us + microseconds(times.parse_duration(entry.at))
            self.engine.at(at_us, self._timeline, entry.fault, fault_target(entry), entry.end)

    def _timeline(self, name: str, target: str, end: bool) -> None:
        try:
            self.fault(name, target, end)
        except faults.FaultError:
            return  # the learner was first: the host is off, or the fault was taken back
        self.faults.append((self.engine.now_us, name, target, end))

    def close(self) -> None:
        """Let go of the shells, which hold memory outside Python."""
        self.terminals.clear()
        for host in self.network.hosts.values():
            host.sessions.clear()

    # ---- what there is ----------------------------------------------------------------------------------------
    def cluster(self, name: str = "") -> InstalledCluster:
        """Give a cluster; without a name the first. Raises KeyError."""
        return self.clusters[name] if name else next(iter(self.clusters.values()))

    def server(self, cluster: str = "") -> ApiServer | None:
        """Give the API server of a cluster that answers now."""
        return self.cluster(cluster).server()

    def store(self, cluster: str = "") -> Store | None:
        """Give the store of a cluster: the answering server's, or the one last seen."""
        return self.cluster(cluster).store()

    def changes(self, cluster: str = "") -> list[Change]:
        """Give the history of a cluster."""
        return self.cluster(cluster).changes()

    def history(self) -> list[tuple[str, Change]]:
        """Give the history of all clusters in order of time, each change with its cluster's name."""
        found = [(name, change) for name, cluster in self.clusters.items() for change in cluster.changes()]
        return sorted(found, key=lambda pair: pair[1].at_us) if len(self.clusters) > 1 else found

    def named(self, cluster: str, text: str) -> str:
        """Put the cluster's name before a text where the lab has several."""
        return f"{cluster}: {text}" if len(self.clusters) > 1 else text

    def revision(self) -> int:
        """Give the revisions of all clusters' stores together: it rises with every write anywhere."""
        return sum(store.revision for store in map(InstalledCluster.store, self.clusters.values()) if store is not None)

    # ---- what happens -----------------------------------------------------------------------------------------
    def advance(self, until_us: int, *, max_events: int | None = None, stop: Callable[[], bool] | None = None) -> int:
        """Let simulated time pass, observers looking on after each simulation event."""
        if not self.observers:
            return self.engine.advance(until_us, max_events=max_events, stop=stop)

        def look() -> bool:
            for observer in self.observers:
                observer()
            return stop is not None and stop()

        return self.engine.advance(until_us, max_events=max_events, stop=look)

    def fault(self, name: str, target: str, end: bool = False) -> None:
        """Inject a fault, or take it back. Raises FaultError or NotSimulated."""
        words = f"fault {name} {target}".rstrip() + (" taken back" if end else "")
        with self.engine.because((Cause("fault", self.engine.now_us, words),)):
            faults.inject(self.network, name, target, end=end)
