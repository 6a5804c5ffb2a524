"""Node lifecycle: silence becomes NotReady, NotReady becomes taints, zone by zone.

A pass happens every 5 s on a real one; here only those passes happen in which something is due.
Models: pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object, Watch
from sim.api.errors import StatusError, TransportError
from sim.controllers.nodes import conditions
from sim.controllers.nodes.conditions import NOT_READY, UNREACHABLE
from sim.controllers.nodes.zones import Rates, Zones
from sim.engine import SECOND_US, Engine, Timer
from sim.recorder import Recorder

MONITOR_PERIOD_US = 5 * SECOND_US
TAINT_PASS_US = 100_000
SYNC_US = 15_000
NODES = "nodes"


@dataclass(slots=True)
class Seen:
    """What the controller remembers of a node. Times are its own clock's microseconds.

    probe_us: when it last heard of the node; ready_us: when Ready last changed; lease_us: the last renewal it saw.
    """

    probe_us: int
    ready_us: int
    ready: str = ""
    heartbeat: str = ""
    lease_us: int | None = None
    silent: bool = False


class NodeLifecycleController:
    """Watches nodes and Leases.

    grace_seconds: node-monitor-grace-period (50; 40 up to 1.31). startup_seconds: the same for a node without Ready.
    rates: the flags about zones. evict_seconds: pod-eviction-timeout, where pods are deleted instead of nodes tainted.
    """

    name = "node-lifecycle-controller"

    def __init__(
        self, engine: Engine, client: Client, *, grace_seconds: float = 50, startup_seconds: float = 60,
        rates: Rates | None = None, evict_seconds: float | None = None,
    ) -> None:
        self.engine = engine
        self.client = client
        self.recorder = Recorder(engine, client, "node-controller")
        self.grace_us = round(grace_seconds * SECOND_US)
        self.startup_us = round(startup_seconds * SECOND_US)
        self.evict_us = None if evict_seconds is None else round(evict_seconds * SECOND_US)
        self.seen: dict[str, Seen] = {}
        self.zones = Zones(rates or Rates())
        self._timer: Timer | None = None
        self._releasing = False
        self._work: dict[str, None] = {}
        self._due: dict[str, tuple[int, str]] = {}
        self._watches: list[Watch] = []
        self.running = False
        self.began_us = 0

    def start(self) -> None:
        """Begin: every node's silence counts from now."""
        self.running, self.began_us = True, self.engine.now_us
        self.seen.clear()
        self._due.clear()
        self._releasing = False
        self.zones = Zones(self.zones.rates)
        self._watches = [self.client.watch(NODES, self._node_changed), self.client.watch("leases", self._lease_changed)]
        for node in self.client.reader.list(NODES):
            self._notice(node)
        self._timer = self.engine.after(0, self.monitor)

    def stop(self) -> None:
        """Stop at once."""
        self.running = False
        for watch in self._watches:
            watch.stop()
        if self._timer:
            self._timer.cancel()

    # ---- noticing ---------------------------------------------------------------------------------------------
    def _notice(self, node: Object) -> None:
        name = objects.name(node)
        ready = objects.condition(node, "Ready")
        seen = self.seen.get(name)
        if seen is None:
            made_us = times.parse(node["metadata"]["creationTimestamp"]) - self.engine.epoch_s * SECOND_US
            since_us = self.engine.now_us if ready else made_us
            seen = self.seen[name] = Seen(since_us, since_us, objects.condition_status(node, "Ready"))
            seen.heartbeat = ready["lastHeartbeatTime"] if ready else ""
            self.engine.after(SYNC_US, self._greet, node)
        elif ready and ready.get("lastHeartbeatTime", "") != seen.heartbeat:
            seen.heartbeat = ready.get("lastHeartbeatTime", "")
            seen.probe_us, seen.silent = self.engine.now_us, False
        if name not in self._work:
            self._work[name] = None
            self.engine.after(SYNC_US, self._sync, name)

    def _greet(self, node: Object) -> None:
        name = objects.name(node)
        self.recorder.event(node, "Normal", "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")

    def _node_changed(self, change: Change) -> None:
        name = change.key.name
        if change.new is None:
            self.seen.pop(name, None)
            self._due.pop(name, None)
            self.zones.remove(name)
            self.recorder.event(change.object, "Normal", "RemovingNode",
                                f"Node {name} event: Removing Node {name} from Controller")
        else:
            self._notice(change.new)
        self._plan(name)

    def _lease_changed(self, change: Change) -> None:
        if change.key.namespace == "kube-node-lease" and change.key.name in self.seen:
            self._plan(change.key.name)

    def _hear(self, name: str) -> bool:
        """Take note of the node's Lease; tell whether renewals still come."""
        seen, heard = self.seen[name], self.client.reader.heartbeat(name)
        if heard is None:
            return False
        if seen.lease_us is None:
            seen.probe_us = max(seen.probe_us, self.engine.now_us)
        elif heard.renewed_us > seen.lease_us:
            seen.probe_us = max(seen.probe_us, heard.renewed_us)
        if seen.lease_us is None or heard.renewed_us > seen.lease_us:
            seen.lease_us, seen.silent = heard.renewed_us, False
        return heard.beating

    # ---- planning passes --------------------------------------------------------------------------------------
    def _due_of(self, name: str) -> tuple[int, str] | None:
        """Tell when something is due about a node, and by which setting."""
        seen, node = self.seen.get(name), self.client.reader.get(Key(NODES, "", name))
        if seen is None or node is None:
            return None
        ready, now_us = objects.condition_status(node, "Ready"), self.engine.now_us
        if ready != seen.ready or self._wants_work(name, node):
            return now_us + 1, ""
        if not self._hear(name) and not seen.silent:
            grace_us = self.grace_us if ready else self.startup_us
            return (max(seen.probe_us + grace_us, now_us) + 1,
                    f"node-monitor-grace-period {grace_us // SECOND_US}s of node {name} runs out")
        if self.evict_us is not None and ready and ready != "True" and not self.zones.queued(name):
            at_us = self._evict_at_us(seen) + 1
            if at_us > now_us:
                return at_us, f"pod-eviction-timeout {self.evict_us // SECOND_US}s of node {name} runs out"
        return None

    def _plan(self, *names: str) -> None:
        """Set one timer for the next pass in which something is due. names: nodes about which that may have changed."""
        if not self.running:
            return
        for name in names:
            due = self._due_of(name)
            if due is None:
                self._due.pop(name, None)
            else:
                self._due[name] = due
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._due:
            at_us, label = min(self._due.values())
            self._timer = self.engine.at(self._grid(at_us), self.monitor, label=label)
        turn_us = self.zones.next_us(self.engine.now_us)
        if turn_us is not None and not self._releasing:
            self._releasing = True
            label = "" if turn_us == self.engine.now_us else "node-eviction-rate lets the next node be tainted"
            self.engine.at(max(turn_us, self.engine.now_us + TAINT_PASS_US), self._release, label=label)

    def _grid(self, at_us: int) -> int:
        """Give the first pass at or after a moment."""
        return self.began_us + -(-(at_us - self.began_us) // MONITOR_PERIOD_US) * MONITOR_PERIOD_US

    def _wants_work(self, name: str, node: Object) -> bool:
        """Tell whether the node's NoExecute taint does not fit its condition yet."""
        if self.evict_us is not None or self.zones.all_down:
            return False
        has = conditions.taint_keys(node, "NoExecute")
        status = objects.condition_status(node, "Ready")
        if status == "True":
            return NOT_READY in has or UNREACHABLE in has
        return bool(status) and conditions.execute_key(status) not in has and not self.zones.queued(name)

    def monitor(self) -> None:
        """One pass. Models: monitorNodeHealth."""
        if not self.running:
            return
        try:
            nodes = []
            for name in list(self.seen):
                node = self.client.reader.get(Key(NODES, "", name))
                if node is not None:
                    nodes.append(self._check(name, node))
            self._disruption(nodes)
        except (StatusError, TransportError):
            self._timer = self.engine.after(MONITOR_PERIOD_US, self.monitor)
            return
        self._plan(*self.seen)

    def _check(self, name: str, node: Object) -> Object:
        """Write Unknown for a node that has been silent for longer than its grace; queue its taint."""
        seen, before = self.seen[name], objects.condition_status(node, "Ready")
        beating = self._hear(name)
        grace_us = self.grace_us if before else self.startup_us
        if not beating and not seen.silent and self.engine.now_us > seen.probe_us + grace_us:
            seen.silent = True
            unknown = conditions.unknown(node, times.stamp(self.engine.unix_us))
            if unknown != objects.dig(node, "status.conditions", []):
                node = self.client.update(
                    Key(NODES, "", name), objects.put(node, "status.conditions", unknown), subresource="status",
                    because=f"no heartbeat for node-monitor-grace-period {grace_us // SECOND_US}s")
        ready = objects.condition_status(node, "Ready")
        if ready != seen.ready:
            seen.ready_us = self.engine.now_us
        if before == "True" and ready != "True":  # not where the kubelet itself said so
            self.recorder.event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            self._mark_pods(name)
        seen.ready = ready
        if ready:
            self._queue(name, node, ready)
        return node

    def _mark_pods(self, name: str) -> None:
        """Set the pods of a lost node not ready: services and budgets stop counting them."""
        now = times.stamp(self.engine.unix_us)
        for pod in self.client.reader.by_index("pods", "node", name):
            if not objects.pod_ready(pod):
                continue
            found = [{**c, "status": "False", "lastTransitionTime": now} if c["type"] == "Ready" else c
                     for c in objects.dig(pod, "status.conditions", [])]
            self.client.update(objects.key("pods", pod), objects.put(pod, "status.conditions", found),
                               subresource="status", because=f"node {name} is not ready")
            self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    # ---- zones and NoExecute ----------------------------------------------------------------------------------
    def _disruption(self, nodes: list[Object]) -> None:
        """Judge the zones. Models: handleDisruption."""
        down, up = self.zones.judge(nodes)
        if down:
            for name in self.seen:
                self._retaint(name, remove=(NOT_READY, UNREACHABLE))
            self.zones.clear()
        elif up:
            for seen in self.seen.values():
                seen.probe_us = seen.ready_us = self.engine.now_us
                seen.silent = False

    def _evict_at_us(self, seen: Seen) -> int:
        assert self.evict_us is not None
        return (seen.probe_us if seen.ready == "Unknown" else seen.ready_us) + self.evict_us

    def _queue(self, name: str, node: Object, ready: str) -> None:
        """Let the node wait for its NoExecute taint, or give it back. Models: processTaintBaseEviction."""
        if ready == "True":
            self.zones.remove(name)
            if self.evict_us is None:
                self._retaint(name, remove=(NOT_READY, UNREACHABLE))
        elif self.evict_us is not None:
            if self.engine.now_us > self._evict_at_us(self.seen[name]) and self._evictable(name):
                self.zones.add(name, node, self.engine.now_us)
        else:
            has, want = conditions.taint_keys(node, "NoExecute"), conditions.execute_key(ready)
            other = NOT_READY if want == UNREACHABLE else UNREACHABLE
            if other in has:
                self._retaint(name, add=want, remove=(other,))
            elif want not in has and not self.zones.all_down:
                self.zones.add(name, node, self.engine.now_us)

    def _release(self) -> None:
        """Taint (or empty) the nodes whose turn it is. Models: doNoExecuteTaintingPass, doEvictionPass."""
        self._releasing = False
        if not self.running:
            return
        for name in self.zones.take(self.engine.now_us):
            node = self.client.reader.get(Key(NODES, "", name))
            status = objects.condition_status(node, "Ready") if node else "True"
            if status == "True":
                continue
            if self.evict_us is not None:
                self._evict(name)
            else:
                self._retaint(name, add=conditions.execute_key(status))
        self._plan(*self._due)

    # ---- pods, where nodes are not tainted (up to 1.12, and by flag up to 1.26) ---------------------------------
    def _evictable(self, name: str) -> list[Object]:
        found = []
        for pod in self.client.reader.by_index("pods", "node", name):
            owner = objects.controller_of(pod)
            if not objects.deleting(pod) and not (owner and owner["kind"] == "DaemonSet"):
                found.append(pod)
        return found

    def _evict(self, name: str) -> None:
        """Delete the pods of a lost node. Models: pkg/controller/util/node DeletePods up to 1.26."""
        seconds = (self.evict_us or 0) // SECOND_US
        for pod in self._evictable(name):
            key = objects.key("pods", pod)
            message = f"Node {name} which was running pod {key.name} is unresponsive"
            status = {**(pod.get("status") or {}), "reason": "NodeLost", "message": message}
            try:
                self.client.update(key, {**pod, "status": status}, subresource="status",
                                   because=f"pod-eviction-timeout {seconds}s of node {name} ran out")
                self.recorder.event(pod, "Normal", "NodeControllerEviction",
                                    f"Marking for deletion Pod {key.name} from Node {name}")
                self.client.delete(key, because=f"pod-eviction-timeout {seconds}s of node {name} ran out")
            except (StatusError, TransportError):
                continue

    # ---- labels and NoSchedule taints -------------------------------------------------------------------------
    def _sync(self, name: str) -> None:
        """Make the NoSchedule taints and old labels of a node fit. Models: doNoScheduleTaintingPass."""
        self._work.pop(name, None)
        node = self.client.reader.get(Key(NODES, "", name))
        if node is None or not self.running:
            return
        taints = conditions.schedule_taints(node, times.stamp(self.engine.unix_us))
        if taints != objects.dig(node, "spec.taints", []):
            self._write_taints(name, taints)
        labels = conditions.old_labels(objects.labels(node))
        if labels:
            self.client.patch(Key(NODES, "", name), {"metadata": {"labels": labels}}, because="older names of labels")

    def _retaint(self, name: str, *, add: str = "", remove: tuple[str, ...] = ()) -> None:
        """Change a node's NoExecute taints."""
        node = self.client.reader.get(Key(NODES, "", name))
        if node is None:
            return
        taints = objects.dig(node, "spec.taints", [])
        new = [t for t in taints if not (t["effect"] == "NoExecute" and t["key"] in (*remove, add))]
        if add:
            new.append({"key": add, "effect": "NoExecute", "timeAdded": times.stamp(self.engine.unix_us)})
        if [(t["key"], t["effect"]) for t in new] != [(t["key"], t["effect"]) for t in taints]:
            self._write_taints(name, new)

    def _write_taints(self, name: str, taints: list[Object]) -> None:
        try:
            self.client.patch(Key(NODES, "", name), {"spec": {"taints": taints or None}},
                              because=f"the taints of {name} follow its conditions")
        except (StatusError, TransportError):
            self.engine.after(SECOND_US, self._sync, name)


def evicts_pods(flags: Mapping[str, str], version: tuple[int, int]) -> bool:
    """Tell whether that version deletes a lost node's pods itself, instead of tainting the node."""
    if version <= (1, 12):
        return "TaintBasedEvictions=true" not in flags.get("feature-gates", "")
    if version <= (1, 17):
        return "TaintBasedEvictions=false" in flags.get("feature-gates", "")
    return version <= (1, 26) and flags.get("enable-taint-manager") == "false"


def from_flags(
    engine: Engine, client: Client, flags: Mapping[str, str], default_grace: float, version: tuple[int, int]
) -> NodeLifecycleController:
    """Make the controller as kube-controller-manager's flags say."""
    def seconds(flag: str, default: float) -> float:
        return times.parse_duration(flags[flag]) if flag in flags else default

    return NodeLifecycleController(
        engine, client, grace_seconds=seconds("node-monitor-grace-period", default_grace),
        startup_seconds=seconds("node-startup-grace-period", 60),
        evict_seconds=seconds("pod-eviction-timeout", 300) if evicts_pods(flags, version) else None,
        rates=Rates(normal=float(flags.get("node-eviction-rate", "0.1")),
                    secondary=float(flags.get("secondary-node-eviction-rate", "0.01")),
                    large=int(flags.get("large-cluster-size-threshold", "50")),
                    threshold=float(flags.get("unhealthy-zone-threshold", "0.55"))))
