"""The kubelet: reads its files, registers its node, promises its heartbeats, and keeps a worker for each pod.

Models: cmd/kubelet/app/server.go, pkg/kubelet/kubelet.go, kubelet_node_status.go. Left out: certificates and their
rotation, device and volume managers, graceful node shutdown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object, Reader, Watch
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Timer
from sim.host.images import Catalogue
from sim.host.kubelet import node as nodes
from sim.host.kubelet.certificates import ClientCertificate, kubeconfig_of, serving, unheard
from sim.host.kubelet.config import Fatal, Settings, quoted, read
from sim.host.kubelet.eviction import Pressure, memory_of, over_limit
from sim.host.kubelet.serve import Logs
from sim.host.kubelet.statics import MIRROR, StaticPods
from sim.host.network import Connection
from sim.host.pods.slots import Slot
from sim.host.pods.worker import PodWorker
from sim.host.runtime import Container
from sim.program import Start
from sim.recorder import Recorder

LEASES = "kube-node-lease"
PORT = 10250
SEEN_US = 10_000
RECONNECT_US = 200_000
START_SECONDS_US = 1_000_000
OOM_SECONDS_US = 1_000_000
RUNTIME_PATIENCE_US = 30 * SECOND_US
STATUS_PERIOD_US = 10 * SECOND_US
"""--node-status-update-frequency."""


class Kubelet:
    """A running kubelet (`program.Service`).

    facts, images: what the lab says of the machine and of images; they come with its host.
    """

    def __init__(self, start: Start) -> None:
        self.start_ = start
        self.host = start.host
        self.engine = start.engine
        self.owner = start.owner
        self.version = start.version
        major, _, rest = start.version.partition(".")
        minor = rest.partition(".")[0]
        self.minor = (int(major) if major.isdigit() else 1, int(minor) if minor.isdigit() else 0)
        self.name: str = self.host.name
        self.facts: nodes.NodeFacts = self.host.facts
        self.images: Catalogue = self.host.catalogue
        self.stand_in = self.images.stand_in
        self.runtime = self.host.runtime
        self.stream = start.engine.stream(f"kubelet.{self.name}")
        self.pod_cidr = self.facts.pod_cidr
        self.settings: Settings
        self.connection: Connection
        self.running = False
        self.online = False
        self.client: Client | None = None
        self.recorder: Recorder | None = None
        self._was_away = bool(self.host.said_start)
        self.workers: dict[str, PodWorker] = {}
        self.statics: StaticPods
        self.pressure = Pressure(self)
        self.logs = Logs(self)
        self.memory_used = 0
        self.freed = 0
        self.runtime_gone = False
        self.cni_ready = True
        self._by_key: dict[Key, PodWorker] = {}
        self._beating: Any = None
        self._watch: Watch | None = None
        self._wake: Timer | None = None
        self._patience: Timer | None = None
        self._repost: Timer | None = None
        self._said_away = 0
        self._said_why = ""
        self._stops: list[Callable[[], None]] = []

    # ---- on and off -------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Read the files; end at once if they are not as they must be."""
        self.klog("I", "server.go:484", f'"Kubelet version" kubeletVersion="v{self.version}"')
        try:
            self.settings = read(list(self.start_.argv), self.host.files.view(), self.minor, self.engine.unix_us // SECOND_US)
            if not self.runtime.up:
                socket = "unix:///var/run/containerd/containerd.sock"
                raise Fatal(f"failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint "
                            f'"{socket}": rpc error: code = Unavailable desc = connection error: desc = "transport: Error '
                            f'while dialing: dial unix {socket[7:]}: connect: no such file or directory"')
        except Fatal as error:
            self.klog("E", "run.go:72", f'"command failed" err={quoted(str(error))}')
            self.owner.ended(1)
            return
        self.name = self.settings.hostname or self.host.name
        self.connection = Connection(
            self.host.network, self.host, *self.settings.server, self.settings.credentials, lasting=True)
        self.statics = StaticPods(self)
        self.certificate = ClientCertificate(self, self._certified)
        self.running = True
        self.runtime.told = self._told
        self.host.kubelets[self] = None
        self._stops = [self.host.network.on_change(self._look, self.connection.port),
                       self.host.files.watch(self.settings.cni, lambda _: self._cni())]
        self.cni_ready = nodes.has_network(self)
        self.host.network.listen(self.host, PORT, self.logs, serving(self.host, self.settings.authority))
        for sandbox in list(self.runtime.sandboxes.values()):
            self.memory_used += sum(round(c.kind.memory_mib) << 20 for c in sandbox.all() if c.running)
        self.engine.after(0, self.statics.start)
        self.certificate.plan()
        self._look()

    def _certified(self) -> None:
        """Go on with a new certificate: the first, or the next."""
        view, bootstraps = self.host.files.view(), self.settings.bootstraps
        if bootstraps:
            view.write(self.settings.kubeconfig, kubeconfig_of(view.read(bootstraps)))
            view.chmod(self.settings.kubeconfig, 0o600)
        try:
            self.settings = read(list(self.start_.argv), view, self.minor, self.engine.unix_us // SECOND_US)
        except Fatal as error:
            self.klog("E", "certificate_manager.go:386", f'"Certificate rotation failed" err={quoted(str(error))}')
            return
        self.connection = Connection(
            self.host.network, self.host, *self.settings.server, self.settings.credentials, lasting=True)
        if self.online:
            self._go_offline()
        self.certificate.plan()
        self._look()

    def stop(self, signal: int) -> float:
        """End; containers go on."""
        return 0.0

    def gone(self) -> None:
        """Undo everything; what the host runs, goes on."""
        if not self.running:
            return
        self.running = False
        self._go_offline()
        for stop in self._stops:
            stop()
        for timer in (self._wake, self._patience, self._repost):
            if timer is not None:
                timer.cancel()
        self.statics.stop()
        self.certificate.stop()
        self.pressure.stop()
        self.runtime.told = None
        self.host.kubelets.pop(self, None)
        for worker in list(self.workers.values()):
            worker.abandon()
        self.workers.clear()
        self._by_key.clear()
        if self.host.powered:
            self.host.network.close(self.host, PORT)

    def healthy(self, path: str, port: int) -> str:
        """Nobody probes it."""
        return ""

    def klog(self, level: str, where: str, text: str) -> None:
        """Write a line as klog does."""
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.engine.unix_us)
        self.owner.wrote(f"{level}{now:%m%d %H:%M:%S.%f} {self.start_.pid:>7} {where}] {text}")

    @property
    def acts(self) -> bool:
        """Tell whether the kubelet does anything now."""
        return self.running and "node-silent" not in self.host.faults and bool(self.host.powered)

    # ---- the API server comes and goes ------------------------------------------------------------------------
    def look(self) -> None:
        """Look at everything again: a fault has begun or ended."""
        self._look()
        if self.acts:
            self.cni_ready = nodes.has_network(self)
            self.pressure.look()
            for worker in list(self.workers.values()):
                worker.look()
            if self.online:
                self._post()

    def _look(self) -> None:
        able, server = self.acts, None
        if able:
            try:
                server = self.connection.server()
            except (TransportError, StatusError) as error:
                able = False
                self._away(error)
        if self.online and (not able or server is not self._beating):
            self._go_offline()
        if server is not None and getattr(server, "away", False):
            return  # it accepts connections and answers nothing: its return is news
        if able and not self.online and (self._wake is None or not self._wake.pending):
            delay = START_SECONDS_US if self._said_away == 0 and not self.workers else RECONNECT_US
            self._wake = self.engine.after(delay if not self.stand_in else RECONNECT_US, self._go_online)

    def _away(self, error: TransportError | StatusError) -> None:
        """Say once per outage that the server cannot be reached, or does not know it."""
        if self._said_away and self.engine.now_us - self._said_away < 10 * SECOND_US and error.message == self._said_why:
            return
        self._said_why = error.message
        self._said_away = self.engine.now_us or 1
        for where, text in unheard(error, self.settings.url, self.name, known=self.client is not None):
            self.klog("E", where, text)

    @property
    def greeting(self) -> str:
        """Say in a sentence what it does when it speaks with the API server: for the first time, or again."""
        return "is back" if self._was_away else "reports"

    def _go_offline(self) -> None:
        self._was_away = self._was_away or self.online
        self.online = False
        if self._watch:
            self._watch.stop()
        self._watch = None
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
        if self.settings.bootstraps:
            self.certificate.ask()
            return
        try:
            server: Any = self.connection.server()
            reader = server.reader
            if self.client is not None and not self.stand_in:
                reader = self.client.reader.resumed(reader)  # type: ignore[attr-defined]
            self.client = Client(
                self.connection, reader, agent="kubelet",
                user=self.connection.user)
            self.recorder = self.recorder or Recorder(self.engine, self.client, "kubelet", self.name)
            self.recorder.client = self.client
            self._register()
            self._beating = server
            self.online = True
            self._watch = self.client.watch("pods", self._seen, index="node", value=self.name, closed=self._look)
        except StatusError as error:
            self._go_offline()
            if error.code == 401:
                return  # nothing of this changes by itself
            self._wake = self.engine.after(SECOND_US, self._go_online)
            return
        except TransportError:
            self._go_offline()
            self._wake = self.engine.after(SECOND_US, self._go_online)
            return
        self._said_away = 0
        self._sync()

    def _post(self) -> None:
        """Post the node's status; what was lost is said again with the next update."""
        if self._repost is not None:
            self._repost.cancel()
            self._repost = None
        if not self.online or not self.acts:
            return
        try:
            self._post_status()
        except (TransportError, StatusError):
            self._look()
            self._repost = self.engine.after(STATUS_PERIOD_US, self._post)

    @property
    def reader(self) -> Reader | None:
        """Give the kubelet's cache, None before it has one."""
        return self.client.reader if self.client is not None else None

    # ---- the node ---------------------------------------------------------------------------------------------
    def _register(self) -> None:
        assert self.client is not None
        key, facts = Key("nodes", "", self.name), self.facts
        found = self.client.find(key)
        self.klog("I", "kubelet_node_status.go:75", f'"Attempting to register node" node="{self.name}"')
        if found is None:
            labels = {"beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                      "kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", **self.settings.labels}
            spec = {"taints": list(facts.taints)} if facts.taints else {}
            self.client.create("nodes", {
                "metadata": {"name": self.name, "labels": {**labels, **facts.labels}, "annotations": {
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
                "spec": {**spec, "podCIDR": facts.pod_cidr, "podCIDRs": [facts.pod_cidr]},
                "status": nodes.status(self, {}),
            }, because=f"the kubelet of {self.name} registers its node")
            self.klog("I", "kubelet_node_status.go:78", f'"Successfully registered node" node="{self.name}"')
        else:
            self.klog("I", "kubelet_node_status.go:118", f'"Node was previously registered" node="{self.name}"')
        lease = Key("leases", LEASES, self.name)
        if self.client.find(lease) is None:
            node = self.client.get(key)
            owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": objects.uid(node)}
            metadata = {"name": self.name, "namespace": LEASES, "ownerReferences": [owner]}
            self.client.create("leases", {"metadata": metadata, "spec": {
                "holderIdentity": self.name, "leaseDurationSeconds": 40,
                "renewTime": times.stamp_micro(self.engine.unix_us)}})
        self._starting(found)
        self._post_status()
        self.client.update(lease, {"beating": True, "period_s": 10}, subresource="heartbeat")

    def _starting(self, before: Object | None) -> None:
        """Say in Events that the kubelet has started, once per run of the program, and whether the machine had been off."""
        if self.stand_in or self.host.said_start == self.start_.pid:
            return
        self.host.said_start = self.start_.pid
        self.event("Normal", "Starting", "Starting kubelet.")
        if before is not None and objects.dig(before, "status.nodeInfo.bootID", "") not in ("", self.host.boot_id):
            self.event("Warning", "Rebooted", f"Node {self.name} has been rebooted, boot id: {self.host.boot_id}")
        for reason in ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"):
            self.event("Normal", reason, f"Node {self.name} status is now: {reason}")
        self.event("Normal", "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")

    def event(self, kind: str, reason: str, message: str) -> None:
        """Record an Event about the node; its uid there is its name, as upstream."""
        if self.recorder is not None and self.client is not None:
            self.recorder.event({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "uid": self.name}},
                                kind, reason, message)

    def _post_status(self) -> None:
        assert self.client is not None
        key = Key("nodes", "", self.name)
        node = self.client.get(key)
        status = nodes.status(self, node.get("status") or {})
        was = objects.condition_status(node, "Ready")
        self.client.update(key, {**node, "status": status}, subresource="status", canonical=self.minor[1],
                           because=f"the kubelet of {self.name} posts its status")
        now = next(c["status"] for c in status["conditions"] if c["type"] == "Ready")
        if now != was and was and not self.stand_in:
            reason = "NodeReady" if now == "True" else "NodeNotReady"
            self.event("Normal", reason, f"Node {self.name} status is now: {reason}")

    def conditions_changed(self, kind: str, reason: str) -> None:
        """Post a pressure that has begun or ended."""
        if self.online:
            self._post()
            if not self.stand_in:
                self.event("Normal", reason, f"Node {self.name} status is now: {reason}")

    # ---- the runtime and the network --------------------------------------------------------------------------
    def _cni(self) -> None:
        ready = nodes.has_network(self)
        if ready == self.cni_ready:
            return
        self.cni_ready = ready
        if not ready:
            self.klog("E", "kubelet.go:2916", f'"Container runtime network not ready" networkReady="{nodes.NO_NETWORK[37:]}"')
        if self.online:
            self._post()
        for worker in list(self.workers.values()):
            worker.look()

    def network_ready(self, pod: Object) -> bool:
        """Tell whether the pod can get an address: those of the host's own network need none."""
        return self.cni_ready or bool(pod["spec"].get("hostNetwork"))

    def runtime_changed(self) -> None:
        """The container runtime has gone or come: after 30 s without it the node is not Ready."""
        if self._patience is not None:
            self._patience.cancel()
        if self.runtime.up:
            self.runtime_gone = False
            self.look()
        else:
            self._patience = self.engine.after(RUNTIME_PATIENCE_US, self._runtime_lost)

    def _runtime_lost(self) -> None:
        self.runtime_gone = True
        if self.online:
            self._post()

    def pull_factor(self, image: str) -> float:
        """Give how much slower than usual an image is pulled."""
        return float(self.host.network.slow_images.get(image, 1.0))

    # ---- pods -------------------------------------------------------------------------------------------------
    def _seen(self, change: Change) -> None:
        old, new = change.old, change.new
        if old is not None and new is not None and old["spec"] is new["spec"] and (
                "deletionTimestamp" in old["metadata"] or "deletionTimestamp" not in new["metadata"]) and (
                old["metadata"].get("deletionGracePeriodSeconds") == new["metadata"].get("deletionGracePeriodSeconds")):
            # Only its status: the kubelet's own business, and to be put right where somebody else wrote it.
            worker = self._by_key.get(change.key)
            if change.by != "kubelet" and worker is not None and not worker.terminating:
                self.engine.after(SEEN_US, worker.returned, "its kubelet has seen the change")
            return
        self.engine.after(SEEN_US, self._take, change.key)

    def _sync(self) -> None:
        """Take up every pod of this node, and drop those that are gone."""
        assert self.client is not None
        there = {objects.key("pods", pod) for pod in self.client.reader.by_index("pods", "node", self.name)}
        for worker in [w for w in self.workers.values() if not w.static and w.key not in there]:
            worker.drop()
        for pod in self.client.reader.by_index("pods", "node", self.name):
            self._take(objects.key("pods", pod))
        for uid, sandbox in list(self.runtime.sandboxes.items()):
            if uid not in self.workers and not self._is_static(uid):
                self.runtime.remove(sandbox)
        self.statics.mirror_all()
        for worker in list(self.workers.values()):
            if not worker.static and not worker.gone:
                worker.returned()
        self.pressure.look()

    def _is_static(self, uid: str) -> bool:
        return uid in self.statics.workers

    def _take(self, key: Key) -> None:
        """Act on the present state of one pod."""
        if not self.online or self.client is None:
            return
        pod = self.client.reader.get(key)
        worker = self._by_key.get(key)
        if pod is None or objects.dig(pod, "spec.nodeName") != self.name:
            if worker is not None:
                if worker.static:
                    self.statics.mirror_gone(key)
                else:
                    worker.drop()
            return
        if pod["metadata"].get("annotations") and MIRROR in pod["metadata"]["annotations"]:
            if objects.deleting(pod) or worker is None:
                self.statics.mirror_seen(key, pod)
            return
        if worker is not None and worker.uid != objects.uid(pod):
            worker.drop()
            worker = None
        if worker is None:
            if objects.uid(pod) in self.workers:
                return
            worker = self.add(pod)
        worker.update(pod)

    def add(self, pod: Object, *, static: bool = False) -> PodWorker:
        """Make a worker for a pod."""
        worker = PodWorker(self, pod, static=static)
        self.workers[worker.uid] = worker
        self._by_key[worker.key] = worker
        if static:
            worker.look()
        return worker

    def forget(self, worker: PodWorker) -> None:
        """A pod is gone from the node."""
        self.workers.pop(worker.uid, None)
        if self._by_key.get(worker.key) is worker:
            del self._by_key[worker.key]
        if worker.static:
            self.statics.forgotten(worker)
        elif self.client is not None and self.online and self.client.reader.get(worker.key) is not None:
            self.engine.after(SEEN_US, self._take, worker.key)

    def reference(self, worker: PodWorker) -> Object:
        """Give what events about a pod refer to: a static pod's have the uid of its file."""
        return worker.pod

    def worker_of(self, namespace: str, name: str) -> PodWorker | None:
        """Find a pod's worker."""
        return self._by_key.get(Key("pods", namespace, name))

    # ---- containers -------------------------------------------------------------------------------------------
    def _told(self, container: Container) -> None:
        worker = self.workers.get(container.sandbox.uid)
        if not container.running:
            self.memory_used -= round(container.kind.memory_mib) << 20
        if worker is not None:
            worker.told(container)

    def container_started(self, slot: Slot) -> None:
        """Count what a container uses; the kernel kills one that is over its limit, and the node may be short."""
        container = slot.current
        if container is None or not container.running or self.stand_in:
            return
        self.memory_used += round(container.kind.memory_mib) << 20
        if slot.spec.get("resources") and over_limit(slot):
            self.engine.after(OOM_SECONDS_US, container.kill, 137, "OOMKilled")
        elif self.memory_used + memory_of(slot) > self.host.memory_bytes // 2:
            self.pressure.look()
