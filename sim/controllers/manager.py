"""kube-controller-manager: the controllers that run while it leads. Models: cmd/kube-controller-manager/app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sim.api.client import Client
from sim.controllers.autoscaling.horizontal import HorizontalController
from sim.controllers.base import LimitedClient, Limiter
from sim.controllers.batch.cronjob import CronJobController
from sim.controllers.batch.finished import TTLAfterFinishedController
from sim.controllers.batch.job import JobController
from sim.controllers.certificates.signing import CSRApprovingController, CSRSigningController
from sim.controllers.networking.endpoints import EndpointsController
from sim.controllers.nodes import lifecycle
from sim.controllers.nodes.podgc import THRESHOLD, PodGarbageCollector
from sim.controllers.nodes.taint_eviction import TaintEvictionController
from sim.controllers.nodes.ttl import TTLController
from sim.controllers.policy.disruption import DisruptionController
from sim.controllers.policy.garbage import GarbageCollector
from sim.controllers.policy.namespace import NamespaceController, RootCAPublisher, ServiceAccountController
from sim.controllers.policy.quotas import ResourceQuotaController
from sim.controllers.policy.roles import ClusterRoleAggregationController
from sim.controllers.storage.binder import PersistentVolumeController
from sim.controllers.storage.protection import ClaimProtection, VolumeProtection
from sim.controllers.workloads.daemonset import DaemonSetController
from sim.controllers.workloads.deployment import DeploymentController
from sim.controllers.workloads.replicaset import ReplicaSetController, ReplicationControllerController
from sim.controllers.workloads.statefulset import StatefulSetController
from sim.engine import Engine
from sim.pki import Certificate
from sim.versions import defaults

QPS, BURST = 20, 30
SIGNS_SINCE = (1, 19)
"""certificates.k8s.io/v1, with signers, is what is modelled."""
FASTER = {"garbage-collector-controller": (2, 1), "namespace-controller": (20, 100)}
"""Controllers whose clients may ask more often than --kube-api-qps and --kube-api-burst say, and by which factors."""
CONTROLLERS = (
    NamespaceController, ServiceAccountController, RootCAPublisher, DeploymentController, ReplicaSetController,
    ReplicationControllerController, DaemonSetController, StatefulSetController, JobController, CronJobController,
    TTLAfterFinishedController, DisruptionController, ResourceQuotaController, EndpointsController, TTLController,
    HorizontalController, PersistentVolumeController, ClaimProtection, VolumeProtection, TaintEvictionController, GarbageCollector,
    ClusterRoleAggregationController)


class Loop(Protocol):
    """Anything that starts and stops."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def controllers(
    engine: Engine, client: Client, *, version: tuple[int, int], flags: Mapping[str, str],
    authority: Callable[[], Certificate | None] = lambda: None,
) -> list[Loop]:
    """Make all controllers of a version, with a client each so that the history names them. authority: what signs requests."""
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
    if version >= SIGNS_SINCE:
        signing = CSRSigningController(engine, own(CSRSigningController.name), version=version)
        signing.authority = authority  # type: ignore[method-assign]
        made += [CSRApprovingController(engine, own(CSRApprovingController.name), version=version), signing]
    return made
