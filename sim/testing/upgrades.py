"""Anybody upgrades a cluster in any order, and hosts fail meanwhile: a Hypothesis state machine over kubeadm and apt.

What kubeadm and apt accept without --force must keep the version skew policy; a kubelet is only taken on after
`kubeadm upgrade` of that version ended well on its host, as the documents have it (apt itself would install any).
At the end faults are healed, lost manifests are put back, and the documented steps must lead to the last version.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sim.api import objects
from sim.api.client import Key
from sim.host.machine import BOOT_SECONDS
from sim.lab.faults import FaultError
from sim.lab.lab import Lab
from sim.lab.scenario import parse
from sim.versions import skew
from sim.versions.catalogue import Version

FIRST = "1.32.6"
STEPS = ("1.33.2", "1.34.0")
WANTED = (FIRST, "1.32.7", *STEPS)
DATE = "2025-09-02"
PATIENCE_SECONDS = 1200
MANAGERS = ("kube-controller-manager", "kube-scheduler")
MANIFESTS = ("etcd", "kube-apiserver", *MANAGERS)


def scenario(planes: int, workers: int) -> str:
    """Write a cluster of so many nodes, with a terminal on each."""
    names = [*(f"plane{n}" for n in range(planes)), *(f"node{n}" for n in range(workers))]
    nodes = "".join(f"    - {{name: {name}{', role: control-plane, taints: []' if name.startswith('plane') else ''}}}\n" for name in names)
    terminals = ", ".join(f"{{name: {name}, host: {name}}}" for name in names)
    return (f"apiVersion: kubedrill.dev/v1\nkind: Scenario\nmetadata: {{name: upgrades, topic: testing, level: 0, title: Any order}}\n"
            f"spec:\n  date: \"{DATE}\"\n  versions: [{{kubernetes: \"{FIRST}\"}}]\n  clusters:\n  - nodes:\n{nodes}"
            f"  terminals: [{terminals}]\n"
            "  tasks: [{name: all, prompt: Upgrade., goals: [{object: node/nobody, why: never}], solutions: [[\"true\"]]}]\n")


def package(version: str) -> str:
    """Give the package's version."""
    return f"{version}-1.1"


class Upgrades(RuleBasedStateMachine):
    """Installs, plans, applies, interrupts, switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.lab: Lab
        self.down: list[str] = []
        self.accepted: dict[str, str] = {}
        """Host -> the version that kubeadm upgrade ended well with there."""

    @initialize(planes=st.sampled_from((1, 1, 3)), workers=st.integers(0, 4))
    def build(self, planes: int, workers: int) -> None:
        """Make the cluster."""
        self.lab = Lab(parse(scenario(planes, workers), "upgrades.yaml"))
        self.hosts = list(self.lab.world.network.hosts)
        self.planes = [name for name in self.hosts if name.startswith("plane")]

    def run(self, host: str, line: str) -> int:
        """Type a line on a host; gives its status, 255 where nothing can be typed there."""
        if host in self.down or not self.lab.world.network.hosts[host].powered:
            return 255
        result = self.lab.run(line, terminal=host, patience_seconds=PATIENCE_SECONDS)
        assert "Traceback (most recent call last)" not in result.stdout + result.stderr, line
        return result.status

    def install(self, host: str, program: str, version: str, *, back: bool = False) -> int:
        """Install a program's version from the repository of its minor. back: an older one, too."""
        minor = version.rpartition(".")[0]
        return self.run(host, f"sed -i -E 's#/v1\\.[0-9]+/#/v{minor}/#' /etc/apt/sources.list.d/kubernetes.list && apt-get update && "
                        f"apt-get install -y --allow-change-held-packages {'--allow-downgrades ' if back else ''}{program}={package(version)}")

    # ---- what anybody does ------------------------------------------------------------------------------------
    @rule(data=st.data(), version=st.sampled_from(WANTED))
    def take_kubeadm(self, data: st.DataObject, version: str) -> None:
        """Install a kubeadm on a host."""
        self.install(data.draw(st.sampled_from(self.hosts)), "kubeadm", version)

    @rule(data=st.data(), version=st.sampled_from(WANTED))
    def apply(self, data: st.DataObject, version: str) -> None:
        """Upgrade a control plane to a version."""
        host = data.draw(st.sampled_from(self.planes))
        if self.run(host, f"kubeadm upgrade apply v{version} -y") == 0:
            self.accepted[host] = version

    @rule(data=st.data(), version=st.sampled_from(STEPS), seconds=st.sampled_from((3, 12, 20, 28, 36, 50)))
    def interrupted(self, data: st.DataObject, version: str, seconds: int) -> None:
        """Begin an upgrade and type Ctrl-C, or lose the power, in some phase."""
        host = data.draw(st.sampled_from(self.planes))
        if host in self.down or self.lab.busy(host):
            return
        self.lab.type(f"kubeadm upgrade apply v{version} -y", terminal=host)
        self.lab.wait(seconds)
        if data.draw(st.booleans()):
            self.lab.interrupt(host)
        else:
            self._fault("power-off", host)
            self.down.append(host)

    @rule(data=st.data())
    def upgrade_node(self, data: st.DataObject) -> None:
        """Run kubeadm upgrade node on a host."""
        host = data.draw(st.sampled_from(self.hosts))
        if self.run(host, "kubeadm upgrade node") == 0:
            self.accepted[host] = self.lab.world.network.hosts[host].version_of("/usr/bin/kubeadm")

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), reload=st.booleans())
    def take_kubelet(self, data: st.DataObject, reload: bool) -> None:
        """Install the kubelet of the version that kubeadm has brought to a host, and restart it."""
        host = data.draw(st.sampled_from(sorted(self.accepted)))
        if self.install(host, "kubelet", self._cluster_version()) == 0:
            self.run(host, f"{'systemctl daemon-reload; ' if reload else ''}systemctl restart kubelet")

    def _cluster_version(self) -> str:
        """Give the oldest API server's version: no kubelet may be newer."""
        found = self.servers()
        return str(min(found.values())) if found else FIRST

    @rule(data=st.data())
    def drain_or_uncordon(self, data: st.DataObject) -> None:
        """Drain a node, or let it take pods again."""
        verb = data.draw(st.sampled_from(("drain --ignore-daemonsets --timeout=60s", "uncordon")))
        self.run(self.planes[0], f"kubectl {verb} {data.draw(st.sampled_from(self.hosts))}")

    @precondition(lambda self: not self.down)
    @rule(data=st.data())
    def power_off(self, data: st.DataObject) -> None:
        """Switch a host off."""
        host = data.draw(st.sampled_from(self.hosts))
        self._fault("power-off", host)
        self.down.append(host)

    @precondition(lambda self: self.down)
    @rule()
    def power_on(self) -> None:
        """Switch on what is off."""
        for host in self.down:
            self._fault("power-on", host)
        self.lab.wait(BOOT_SECONDS + 30)
        self.down.clear()

    @rule(seconds=st.sampled_from((5, 60, 300)))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.lab.wait(seconds)

    def _fault(self, name: str, host: str) -> None:
        try:
            self.lab.fault(name, host)
        except FaultError:
            return

    # ---- what must hold ---------------------------------------------------------------------------------------
    def images(self, component: str) -> dict[str, Version]:
        """Give the versions of a control-plane program by node, as its mirror pods have them."""
        server = self.lab.world.server()
        found = {}
        for name in self.planes if server is not None else ():
            pod = server.reader.get(Key("pods", "kube-system", f"{component}-{name}")) if server is not None else None
            if pod is not None:
                found[name] = Version.parse(str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2])
        return found

    def servers(self) -> dict[str, Version]:
        """Give the API servers' versions by node."""
        return self.images("kube-apiserver")

    @invariant()
    def the_skew_policy_holds(self) -> None:
        """Judge the versions that run: servers among each other, managers by their own server, kubelets by all."""
        servers = self.servers() if hasattr(self, "lab") else {}
        if not servers:
            return
        all_servers = list(servers.values())
        assert not (found := skew.servers_fault(all_servers)), found
        for component in MANAGERS:
            for name, version in self.images(component).items():
                if name in servers:
                    assert not (found := skew.fault(component, version, [servers[name]])), f"{name}: {found}"
        server = self.lab.world.server()
        for node in server.reader.list("nodes") if server is not None else ():
            version = Version.parse(objects.dig(node, "status.nodeInfo.kubeletVersion", f"v{FIRST}"))
            assert not (found := skew.fault("kubelet", version, all_servers)), f"{objects.name(node)}: {found}"

    # ---- the documented way to the end ------------------------------------------------------------------------
    def teardown(self) -> None:
        """Heal, repair, and go on to the last version."""
        if not hasattr(self, "lab"):
            return
        try:
            for host in self.hosts:
                self.lab.interrupt(host)
            if self.down:
                self.power_on()
            self._put_manifests_back()
            self.lab.wait(600)
            for version in STEPS:
                self._go(version)
            self.the_skew_policy_holds()
            self._at_the_end()
        finally:
            self.lab.close()

    def _put_manifests_back(self) -> None:
        """Put back what an interrupted upgrade had taken away: the newest backup of each manifest that is missing."""
        for host in self.planes:
            for name in MANIFESTS:
                self.run(host, f"test -e /etc/kubernetes/manifests/{name}.yaml || cp $(ls -d /etc/kubernetes/tmp/"
                         f"kubeadm-backup-manifests-*/{name}.yaml | tail -1) /etc/kubernetes/manifests/")

    def _go(self, version: str) -> None:
        if all(server >= Version.parse(version) for server in self.servers().values()) and self._kubelets_at(version):
            return
        newest = max(self.servers().values())
        if newest[:2] > Version.parse(version)[:2]:
            version = str(newest)
        for host in self.hosts:
            self.install(host, "kubeadm", version, back=True)
        self._until_done(self.planes[0], f"kubeadm upgrade apply v{version} -y")
        for host in self.hosts[1:]:
            self._until_done(host, "kubeadm upgrade node")
        for host in self.hosts:
            assert self.install(host, "kubelet", version) == 0
            self.run(host, "systemctl daemon-reload; systemctl restart kubelet")
        self.lab.wait(60)

    def _kubelets_at(self, version: str) -> bool:
        server = self.lab.world.server()
        return server is not None and all(
            Version.parse(objects.dig(node, "status.nodeInfo.kubeletVersion", "")) >= Version.parse(version)
            for node in server.reader.list("nodes"))

    def _until_done(self, host: str, line: str) -> None:
        """Type a line until it ends well: after an outage components are in back-off for five minutes at most."""
        for _ in range(4):
            if self.run(host, line) == 0:
                self.lab.wait(30)
                return
            self.lab.wait(330)
        result = self.lab.run(line, terminal=host, patience_seconds=PATIENCE_SECONDS)
        assert result.status == 0, f"{host}: {line}: {result.stderr or result.stdout}"

    def _at_the_end(self) -> None:
        self.lab.wait(120)
        wanted = Version.parse(STEPS[-1])
        for component in ("kube-apiserver", *MANAGERS):
            assert self.images(component) == dict.fromkeys(self.planes, wanted), component
        server = self.lab.world.server()
        assert server is not None
        for node in server.reader.list("nodes"):
            assert objects.dig(node, "status.nodeInfo.kubeletVersion") == f"v{wanted}", objects.name(node)
            assert objects.condition_status(node, "Ready") == "True", objects.name(node)
