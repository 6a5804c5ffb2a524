"""The kubelet: registers its node, runs its pods, promises its heartbeats, starts static pods from files.

Models: pkg/kubelet (kubelet.go, kubelet_node_status.go, pod_workers.go, config/file_linux.go). Left out: probes,
restarts of ended containers, pressure evictions, cgroups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object, User, Watch
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Engine, Timer
from sim.host.network import Connection, Host, Network
from sim.host.pods import PodRunner

LEASES = "kube-node-lease"
HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}
FAULTY = {
    "kubelet-not-ready": {"Ready": ("False", "KubeletNotReady", "container runtime is down")},
    "memory-pressure": {"MemoryPressure": (
        "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")},
    "disk-pressure": {"DiskPressure": ("True", "KubeletHasDiskPressure", "kubelet has disk pressure")},
}
RECONNECT_US = 200_000


class Kubelet:
    """A host's kubelet.

    spec: what the node is (labels, taints, capacity). version: its own, without `v`. server: (address, port).
    images: the scenario's own image behaviours.
    """

    def __init__(
        self, host: Host, network: Network, *, spec: Object, version: str, server: tuple[str, int],
        images: dict[str, dict[str, Any]], statics: Callable[[Kubelet], None] | None = None,
    ) -> None:
        self.host = host
        self.network = network
        self.engine: Engine = host.engine
        self.spec = spec
        self.version = version
        self.images = images
        self.connection = Connection(network, host, *server)
        self.running = False
        self.silent = False
        self.online = False
        self.faults: dict[str, None] = {}
        self.client: Client | None = None
        self.pods: dict[Key, PodRunner] = {}
        self.pulled: dict[str, None] = {}
        self.name = host.name
        self._beating: Any = None
        self._watch: Watch | None = None
        self._wake: Timer | None = None
        self._statics = statics
        self._addresses = 1
        network.on_change(self._look)

    # ---- on and off -------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the program: static pods at once, the API when it answers."""
        if self.running or not self.host.powered:
            return
        self.running = True
        self.host.log("kubelet", "Started kubelet.")
        if self._statics:
            self._statics(self)
        self._look()

    def stop(self) -> None:
        """Stop the program; containers go on."""
        self.running = False
        self.host.log("kubelet", "Stopped kubelet.")
        self._look()

    def set_silent(self, silent: bool) -> None:
        """Stop (or resume) speaking and acting at all: the fault `node-silent`."""
        self.silent = silent
        self._look()

    def set_fault(self, fault: str, *, end: bool) -> None:
        """Report a condition (`kubelet-not-ready`, `memory-pressure`, `disk-pressure`), or no longer."""
        if end:
            self.faults.pop(fault, None)
        else:
            self.faults[fault] = None
        if self.online:
            self._guarded(self._post_status)

    @property
    def acts(self) -> bool:
        """Tell whether the kubelet does anything now."""
        return self.running and not self.silent and self.host.powered

    def _look(self) -> None:
        """Go online or offline as the network and the faults say."""
        able = self.acts
        server = None
        if able:
            try:
                server = self.connection.server()
            except TransportError:
                able = False
        if self.online and (not able or server is not self._beating):
            self._go_offline()
        if able and not self.online and (self._wake is None or not self._wake.pending):
            self._wake = self.engine.after(RECONNECT_US, self._go_online)

    def _go_offline(self) -> None:
        self.online = False
        if self._watch:
            self._watch.stop()
        # Not a message: the promise of renewals simply no longer holds, which is bookkeeping of the simulation.
        beating, self._beating = self._beating, None
        if beating is not None and getattr(beating, "running", False):
            try:
                Client(beating, beating.reader, agent="kubelet").update(
                    Key("leases", LEASES, self.name), {"beating": False}, subresource="heartbeat",
                    because=f"the kubelet of {self.name} no longer renews its lease")
            except StatusError:
                return  # the server cannot write now; its restart forgets all promises

    def _go_online(self) -> None:
        if self.online or not self.acts:
            return
        try:
            server: Any = self.connection.server()
            self.client = Client(
                self.connection, server.reader, agent="kubelet",
                user=User(f"system:node:{self.name}", ("system:nodes", "system:authenticated")))
            self._register()
            self._beating = server
            self.online = True
            self._watch = self.client.watch("pods", self._seen, index="node", value=self.name, closed=self._look)
        except (TransportError, StatusError):
            self._go_offline()
            self._wake = self.engine.after(SECOND_US, self._go_online)
            return
        self._sync()

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (TransportError, StatusError):
            self._look()

    # ---- the node ---------------------------------------------------------------------------------------------
    def _register(self) -> None:
        assert self.client is not None
        key = Key("nodes", "", self.name)
        if self.client.find(key) is None:
            spec = {"taints": self.spec["taints"]} if self.spec["taints"] else {}
            self.client.create("nodes", {
                "metadata": {"name": self.name, "labels": self.spec["labels"], "annotations": {
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
                "spec": {**spec, "podCIDR": self.spec["podCIDR"], "podCIDRs": [self.spec["podCIDR"]]},
                "status": self._status({}),
            }, because=f"the kubelet of {self.name} registers its node")
        lease = Key("leases", LEASES, self.name)
        if self.client.find(lease) is None:
            self.client.create("leases", {"metadata": {"name": self.name, "namespace": LEASES}, "spec": {
                "holderIdentity": self.name, "leaseDurationSeconds": 40,
                "renewTime": times.stamp_micro(self.engine.unix_us)}})
        self._post_status()
        self.client.update(lease, {"beating": True, "period_s": 10}, subresource="heartbeat")

    def _post_status(self) -> None:
        assert self.client is not None
        key = Key("nodes", "", self.name)
        node = self.client.get(key)
        self.client.update(key, {**node, "status": self._status(node.get("status") or {})}, subresource="status",
                           because=f"the kubelet of {self.name} posts its status")

    def _status(self, old: Object) -> Object:
        now = times.stamp(self.engine.unix_us)
        said = dict(HEALTHY)
        for fault in self.faults:
            said.update(FAULTY[fault])
        conditions = [c for c in old.get("conditions") or [] if c["type"] not in said]
        for kind, (status, reason, message) in said.items():
            before = next((c for c in old.get("conditions") or [] if c["type"] == kind), None)
            same = before is not None and before["status"] == status
            conditions.append({
                "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now,
                "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else now})
        return {
            **self.spec["resources"], "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": self.host.address},
                          {"type": "Hostname", "address": self.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {**self.spec["nodeInfo"], "kubeletVersion": f"v{self.version}"},
        }

    # ---- pods -------------------------------------------------------------------------------------------------
    def _seen(self, change: Change) -> None:
        self.engine.after(10_000, self._take, change.key)

    def _sync(self) -> None:
        """Take up every pod of this node, and drop those that are gone."""
        assert self.client is not None
        there = {objects.key("pods", pod) for pod in self.client.reader.by_index("pods", "node", self.name)}
        for key in [key for key in self.pods if key not in there]:
            self.pods.pop(key).kill()
        for pod in self.client.reader.by_index("pods", "node", self.name):
            self._take(objects.key("pods", pod))

    def _take(self, key: Key) -> None:
        """Act on the present state of one pod."""
        if not self.online or self.client is None:
            return
        pod = self.client.reader.get(key)
        runner = self.pods.get(key)
        if pod is None or objects.dig(pod, "spec.nodeName") != self.name:
            if runner is not None:
                self.pods.pop(key).kill()
            return
        if "kubernetes.io/config.mirror" in objects.annotations(pod):
            if objects.deleting(pod):
                # The container goes on; only its mirror is made anew.
                self._guarded(lambda: self._drop_mirror(key))
            return
        if runner is not None and runner.uid != objects.uid(pod):
            self.pods.pop(key).kill()
            runner = None
        if runner is None:
            runner = self.pods[key] = PodRunner(self, pod)
        runner.update(pod)

    def _drop_mirror(self, key: Key) -> None:
        assert self.client is not None
        self.client.delete(key, grace_seconds=0, because="a mirror pod cannot end its static pod")
        statics = self.host.units.get("static-pods")
        if statics is not None:
            statics.rescan()

    def pod_address(self, pod: Object) -> str:
        """Give the pod an address of the node's range, or the host's own."""
        if objects.dig(pod, "spec.hostNetwork"):
            return self.host.address
        self._addresses = self._addresses % 250 + 1
        return str(self.spec["podCIDR"].rsplit(".", 1)[0]) + f".{self._addresses}"

    def power_off(self) -> None:
        """Lose everything that runs."""
        self.running = False
        for runner in self.pods.values():
            runner.kill()
        self.pods.clear()
        self._look()
