"""kube-controller-manager: leader election, and the controllers that run while it leads.

Models: cmd/kube-controller-manager/app, client-go/tools/leaderelection (15 s lease, 10 s deadline, 2 s retry).
The leader's renewals are promises, as heartbeats are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sim.api import objects, times
from sim.api.client import Change, Client, Key
from sim.api.errors import StatusError
from sim.controllers.base import LimitedClient, Limiter
from sim.controllers.networking.endpoints import EndpointsController
from sim.controllers.nodes import lifecycle
from sim.controllers.nodes.podgc import THRESHOLD, PodGarbageCollector
from sim.controllers.nodes.taint_eviction import TaintEvictionController
from sim.controllers.nodes.ttl import TTLController
from sim.controllers.policy.disruption import DisruptionController
from sim.controllers.policy.garbage import GarbageCollector
from sim.controllers.policy.namespace import NamespaceController, RootCAPublisher, ServiceAccountController
from sim.controllers.workloads.daemonset import DaemonSetController
from sim.controllers.workloads.deployment import DeploymentController
from sim.controllers.workloads.job import JobController
from sim.controllers.workloads.replicaset import ReplicaSetController, ReplicationControllerController
from sim.controllers.workloads.statefulset import StatefulSetController
from sim.engine import SECOND_US, Engine, Timer
from sim.versions import defaults

LEASE_US, RETRY_US = 15 * SECOND_US, 2 * SECOND_US
QPS, BURST = 20, 30
FASTER = {"garbage-collector-controller": (2, 1), "namespace-controller": (20, 100)}
"""Controllers whose clients may ask more often than --kube-api-qps and --kube-api-burst say, and by which factors."""


CONTROLLERS = (
    NamespaceController, ServiceAccountController, RootCAPublisher, DeploymentController, ReplicaSetController, ReplicationControllerController,
    DaemonSetController, StatefulSetController, JobController, DisruptionController, EndpointsController, TTLController,
    TaintEvictionController, GarbageCollector)


class Loop(Protocol):
    """Anything that starts and stops."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def controllers(engine: Engine, client: Client, *, version: tuple[int, int], flags: Mapping[str, str]) -> list[Loop]:
    """Make all controllers of a version, with a client each so that the history names them."""
    qps, burst = float(flags.get("kube-api-qps", QPS)), int(flags.get("kube-api-burst", BURST))

    def own(name: str) -> Client:
        rate, most = FASTER.get(name, (1, 1))
        limiter = Limiter(engine, qps * rate, burst * most)
        return LimitedClient(client.transport, client.reader, agent=name, user=client.user, limiter=limiter)

    grace = int(defaults.number("node-monitor-grace-period", version))
    made: list[Loop] = [kind(engine, own(kind.name), version=version) for kind in CONTROLLERS]
    made.append(PodGarbageCollector(engine, own(PodGarbageCollector.name), version=version, threshold=int(
        flags.get("terminated-pod-gc-threshold", THRESHOLD))))
    made.append(lifecycle.from_flags(engine, own("node-lifecycle-controller"), flags, grace, version))
    return made


class LeaderElection:
    """Holds a Lease in kube-system; calls `lead` when it is ours.

    identity: who holds it (host name and a unique part).
    """

    def __init__(self, engine: Engine, client: Client, name: str, identity: str, lead: Callable[[], None]) -> None:
        self.engine = engine
        self.client = client
        self.key = Key("leases", "kube-system", name)
        self.identity = identity
        self.lead = lead
        self.leading = False
        self._timer: Timer | None = None
        self._seen: tuple[str, int] = ("", 0)
        self._waits = False

    def start(self) -> None:
        """Try now, and every 2 s until the lease is ours."""
        self._seen = ("", self.engine.now_us)
        self._try()

    def _try(self) -> None:
        lease = self.client.reader.get(self.key)
        now = times.stamp_micro(self.engine.unix_us)
        holder = objects.dig(lease or {}, "spec.holderIdentity", "")
        if lease is not None and holder:
            marker = f"{holder}/{objects.dig(lease, 'spec.renewTime')}"
            if marker != self._seen[0]:
                self._seen = (marker, self.engine.now_us)
            if objects.dig(self.client.find(self.key) or lease, "spec.renewTime") != objects.dig(lease, "spec.renewTime"):
                # Its holder's renewals are promised: nothing to look at until the lease changes.
                self._waits = True
                return
            if self.engine.now_us < self._seen[1] + LEASE_US:
                self._timer = self.engine.after(
                    RETRY_US, self._try, label=f"leader lease {self.key.name} is tried again")
                return
        spec = {"holderIdentity": self.identity, "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now,
                "leaseTransitions": objects.dig(lease or {}, "spec.leaseTransitions", -1) + 1}
        try:
            if lease is None:
                self.client.create("leases", {
                    "metadata": {"name": self.key.name, "namespace": self.key.namespace}, "spec": spec})
            else:
                self.client.update(self.key, {**lease, "spec": spec})
        except StatusError:
            self._timer = self.engine.after(RETRY_US, self._try)
            return
        self.client.update(self.key, {"beating": True, "period_s": 2}, subresource="heartbeat")
        self.leading = True
        self.lead()

    def changed(self, change: Change) -> None:
        """Hear of a change of leases: the holder of ours may be gone."""
        if self._waits and change.key == self.key:
            self._waits = False
            self._timer = self.engine.after(
                RETRY_US, self._try, label=f"leader lease {self.key.name} is tried again")

    def resume(self, client: Client) -> None:
        """Go on leading: the server was away for less than the renew deadline."""
        self.client = client
        client.update(self.key, {"beating": True, "period_s": 2}, subresource="heartbeat")

    def stop(self, *, release: bool) -> None:
        """Stop; a clean stop releases the lease, a kill leaves it to run out."""
        if self._timer:
            self._timer.cancel()
        if not self.leading:
            return
        self.leading = False
        self.client.update(self.key, {"beating": False}, subresource="heartbeat")
        lease = self.client.reader.get(self.key)
        if release and lease is not None:
            self.client.update(self.key, objects.put(lease, "spec.holderIdentity", ""))
