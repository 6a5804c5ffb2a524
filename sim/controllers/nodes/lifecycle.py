"""Node lifecycle: silence becomes NotReady, NotReady becomes taints, zone by zone.

A pass happens every 5 s on a real one; here only those passes happen in which something is due.
Models: pkg/controller/nodelifecycle/node_lifecycle_controller.go. Left out: node labels reconciliation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.api import objects, times
from sim.api.client import Change, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.controllers.base import cause_of
from sim.engine import SECOND_US, Engine, Timer
from sim.recorder import Recorder

MONITOR_PERIOD_US = 5 * SECOND_US
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure", "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
}
CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
EXCLUDED = "node.kubernetes.io/exclude-disruption"
STOPPED, NEVER = "Kubelet stopped posting node status.", "Kubelet never posted node status."


def zone_of(node: Object) -> str:
    """Name the zone as the controller does: `region:zone`, empty without labels."""
    labels = objects.labels(node)
    region, zone = (labels.get(f"topology.kubernetes.io/{word}", "") for word in ("region", "zone"))
    return f"{region}:{zone}" if region or zone else ""


def zone_state(ready: int, not_ready: int, threshold: float) -> str:
    """Tell a zone's state. Models: ComputeZoneState."""
    if ready == 0 and not_ready > 0:
        return "FullDisruption"
    if not_ready > 2 and not_ready / (ready + not_ready) >= threshold:
        return "PartialDisruption"
    return "Normal"


@dataclass(slots=True)
class Seen:
    """What the controller remembers of a node. Times are its own clock's microseconds."""

    probe_us: int
    ready: str = ""
    silent: bool = False


@dataclass(slots=True)
class Zone:
    """A zone's queue of nodes that wait for their NoExecute taint."""

    state: str = "Initial"
    queue: dict[str, int] = field(default_factory=dict)
    next_us: int = 0


class NodeLifecycleController:
    """Watches nodes and Leases.

    grace_seconds: node-monitor-grace-period (50; 40 up to 1.31). Other arguments: flags of the same name.
    """

    name = "node-lifecycle-controller"

    def __init__(self, engine: Engine, client: Client, *, grace_seconds: float = 50, startup_seconds: float = 60,
                 rate: float = 0.1, secondary_rate: float = 0.01, large: int = 50, threshold: float = 0.55) -> None:
        self.engine = engine
        self.client = client
        self.recorder = Recorder(engine, client, "node-controller")
        self.grace_us = round(grace_seconds * SECOND_US)
        self.startup_us = round(startup_seconds * SECOND_US)
        self.rate, self.secondary_rate, self.large, self.threshold = rate, secondary_rate, large, threshold
        self.seen: dict[str, Seen] = {}
        self.zones: dict[str, Zone] = {}
        self._timer: Timer | None = None
        self._taint_work: dict[str, None] = {}
        self._watches: list[object] = []
        self.running = False
        self.began_us = 0
        self.all_down = False

    def start(self) -> None:
        """Begin: every node's silence counts from now."""
        self.running, self.began_us = True, self.engine.now_us
        self.seen.clear()
        self.zones.clear()
        self._watches = [self.client.watch("nodes", self._node_changed), self.client.watch("leases", self._lease_changed)]
        for node in self.client.reader.list("nodes"):
            self._notice(node)
        self._plan()

    def stop(self) -> None:
        """Stop at once."""
        self.running = False
        for watch in self._watches:
            watch.stop()  # type: ignore[attr-defined]
        if self._timer:
            self._timer.cancel()

    # ---- noticing ---------------------------------------------------------------------------------------------
    def _notice(self, node: Object) -> None:
        name = objects.name(node)
        ready = objects.condition_status(node, "Ready")
        seen = self.seen.get(name)
        if seen is None:
            self.seen[name] = Seen(self.engine.now_us, ready)
            self.engine.after(20_000, self._greet, node)
        if name not in self._taint_work:
            self._taint_work[name] = None
            self.engine.after(15_000, self._taint_pass, name)

    def _greet(self, node: Object) -> None:
        name = objects.name(node)
        self.recorder.event(node, "Normal", "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller")

    def _node_changed(self, change: Change) -> None:
        if change.new is None:
            self.seen.pop(change.key.name, None)
            for zone in self.zones.values():
                zone.queue.pop(change.key.name, None)
            return
        with self.engine.because(self.engine.join_causes(change.causes, (cause_of(change),))):
            self._notice(change.new)
            if change.by == "kubelet":
                seen = self.seen[change.key.name]
                seen.probe_us, seen.silent = self.engine.now_us, False
            self._plan()

    def _lease_changed(self, change: Change) -> None:
        if change.key.namespace == "kube-node-lease" and change.key.name in self.seen:
            with self.engine.because(self.engine.join_causes(change.causes, (cause_of(change),))):
                self._plan()

    def _probed_us(self, name: str) -> int:
        """Give when the node was last heard of."""
        heard = self.client.reader.heartbeat(name)
        return max(self.seen[name].probe_us, heard.renewed_us if heard else 0)

    # ---- planning passes --------------------------------------------------------------------------------------
    def _plan(self) -> None:
        """Set one timer for the next pass in which something is due."""
        if not self.running:
            return
        due: list[tuple[int, str]] = []
        for name, seen in self.seen.items():
            heard = self.client.reader.heartbeat(name)
            if seen.silent or (heard is not None and heard.beating):
                if not seen.silent and self._wants_execute(name):
                    due.append((self.engine.now_us + 1, ""))
                continue
            grace = self.grace_us if seen.ready else self.startup_us
            due.append((self._probed_us(name) + grace + 1,
                        f"node-monitor-grace-period {grace // SECOND_US}s of node {name} runs out"))
        for zone in self.zones.values():
            if zone.queue and self._zone_rate(zone):
                due.append((max(zone.next_us, self.engine.now_us), "node-eviction-rate lets the next node be tainted"))
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if due:
            at_us, label = min(due)
            self._timer = self.engine.at(self._grid(at_us), self._pass, label=label)

    def _grid(self, at_us: int) -> int:
        """Give the first pass at or after a moment."""
        return self.began_us + -(-(at_us - self.began_us) // MONITOR_PERIOD_US) * MONITOR_PERIOD_US

    def _wants_execute(self, name: str) -> bool:
        """Tell whether the node's NoExecute taint does not fit its condition yet."""
        node = self.client.reader.get(Key("nodes", "", name))
        if node is None:
            return False
        queued = any(name in zone.queue for zone in self.zones.values())
        has = [t["key"] for t in objects.dig(node, "spec.taints", []) if t["effect"] == "NoExecute"]
        status = objects.condition_status(node, "Ready")
        if status == "True":
            return NOT_READY in has or UNREACHABLE in has
        want = UNREACHABLE if status == "Unknown" else NOT_READY
        return bool(status) and want not in has and not queued

    def _pass(self) -> None:
        """One pass of the monitor."""
        if not self.running:
            return
        try:
            for name in list(self.seen):
                node = self.client.reader.get(Key("nodes", "", name))
                if node is not None:
                    self._check(name, node)
            self._zones_pass()
            self._release()
        except (StatusError, TransportError):
            self._timer = self.engine.after(MONITOR_PERIOD_US, self._pass)
            return
        self._plan()

    def _check(self, name: str, node: Object) -> None:
        """Write Unknown for a node that has been silent for longer than its grace."""
        seen = self.seen[name]
        heard = self.client.reader.heartbeat(name)
        beating = heard is not None and heard.beating
        ready = objects.condition(node, "Ready")
        grace = self.grace_us if ready else self.startup_us
        if not beating and not seen.silent and self.engine.now_us > self._probed_us(name) + grace:
            seen.silent = True
            if ready is None or ready["status"] != "Unknown":
                node = self.client.update(
                    Key("nodes", "", name), objects.put(node, "status.conditions", self.unknown_conditions(node)),
                    subresource="status", because=f"no heartbeat for node-monitor-grace-period {grace // SECOND_US}s")
        now_ready = objects.condition_status(node, "Ready")
        if ready is not None and ready["status"] == "True" and now_ready != "True":  # not when the kubelet itself said so
            self._mark_pods(name)
            self.recorder.event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        seen.ready = now_ready
        self._queue_execute(name, node)

    def unknown_conditions(self, node: Object) -> list[Object]:
        """Give the conditions of a node whose kubelet is silent."""
        now = times.stamp(self.engine.unix_us)
        out = list(objects.dig(node, "status.conditions", []))
        for kind in CONDITIONS:
            old = next((c for c in out if c["type"] == kind), None)
            if old is None:
                out.append({"type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated", "message": NEVER,
                            "lastHeartbeatTime": node["metadata"]["creationTimestamp"], "lastTransitionTime": now})
            elif old["status"] != "Unknown":
                new = {**old, "status": "Unknown", "reason": "NodeStatusUnknown", "message": STOPPED,
                       "lastTransitionTime": now}
                out = [new if c is old else c for c in out]
        return out

    def _mark_pods(self, name: str) -> None:
        """Set the pods of a lost node not ready: services and budgets stop counting them."""
        now = times.stamp(self.engine.unix_us)
        for pod in self.client.reader.by_index("pods", "node", name):
            if not objects.pod_ready(pod):
                continue
            conditions = [
                {**c, "status": "False", "lastTransitionTime": now} if c["type"] == "Ready" else c
                for c in objects.dig(pod, "status.conditions", [])]
            self.client.update(objects.key("pods", pod), objects.put(pod, "status.conditions", conditions),
                               subresource="status", because=f"node {name} is not ready")
            self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    # ---- zones and NoExecute ----------------------------------------------------------------------------------
    def _zones_pass(self) -> None:
        counts: dict[str, list[int]] = {}
        for name in self.seen:
            node = self.client.reader.get(Key("nodes", "", name))
            if node is None or objects.labels(node).get(EXCLUDED) is not None:
                continue
            pair = counts.setdefault(zone_of(node), [0, 0])
            pair[objects.condition_status(node, "Ready") != "True"] += 1
        states = {zone: zone_state(ready, bad, self.threshold) for zone, (ready, bad) in counts.items()}
        all_down = bool(states) and all(state == "FullDisruption" for state in states.values())
        for zone, state in states.items():
            self.zones.setdefault(zone, Zone()).state = state
        if all_down and not self.all_down:
            for name in self.seen:
                self._retaint(name, remove=(NOT_READY, UNREACHABLE), effect="NoExecute")
            for each in self.zones.values():
                each.queue.clear()
        elif self.all_down and not all_down:
            for seen in self.seen.values():
                seen.probe_us = self.engine.now_us
                seen.silent = False
        self.all_down = all_down

    def _zone_rate(self, zone: Zone) -> float:
        """Give nodes per second that may be tainted in the zone."""
        if self.all_down:
            return 0.0
        if zone.state == "PartialDisruption":
            nodes = sum(1 for name in self.seen if self.zones.get(self._zone_name(name)) is zone)
            return self.secondary_rate if nodes > self.large else 0.0
        return self.rate

    def _zone_name(self, name: str) -> str:
        node = self.client.reader.get(Key("nodes", "", name))
        return zone_of(node) if node else ""

    def _queue_execute(self, name: str, node: Object) -> None:
        status = objects.condition_status(node, "Ready")
        if status == "True":
            for zone in self.zones.values():
                zone.queue.pop(name, None)
            self._retaint(name, remove=(NOT_READY, UNREACHABLE), effect="NoExecute")
            return
        has = [t["key"] for t in objects.dig(node, "spec.taints", []) if t["effect"] == "NoExecute"]
        want, other = (UNREACHABLE, NOT_READY) if status == "Unknown" else (NOT_READY, UNREACHABLE)
        if other in has:
            self._retaint(name, add=want, remove=(other,), effect="NoExecute")
        elif want not in has and status:
            self.zones.setdefault(zone_of(node), Zone()).queue.setdefault(name, self.engine.now_us)

    def _release(self) -> None:
        """Taint the nodes whose turn it is: one per zone and 1/rate seconds."""
        for zone in self.zones.values():
            rate = self._zone_rate(zone)
            if not rate or not zone.queue or zone.next_us > self.engine.now_us:
                continue
            name = next(iter(zone.queue))
            del zone.queue[name]
            zone.next_us = self.engine.now_us + round(SECOND_US / rate)
            node = self.client.reader.get(Key("nodes", "", name))
            status = objects.condition_status(node, "Ready") if node else "True"
            if status != "True":
                self._retaint(name, add=UNREACHABLE if status == "Unknown" else NOT_READY, effect="NoExecute")

    # ---- NoSchedule taints ------------------------------------------------------------------------------------
    def _taint_pass(self, name: str) -> None:
        """Make the NoSchedule taints of a node fit its conditions."""
        self._taint_work.pop(name, None)
        node = self.client.reader.get(Key("nodes", "", name))
        if node is None or not self.running:
            return
        wanted = [taint for kind, taint in PRESSURES.items() if objects.condition_status(node, kind) == "True"]
        status = objects.condition_status(node, "Ready")
        if status == "Unknown":
            wanted.append(UNREACHABLE)
        elif status != "True":
            wanted.append(NOT_READY)
        if objects.dig(node, "spec.unschedulable"):
            wanted.append(UNSCHEDULABLE)
        ours = (*PRESSURES.values(), UNREACHABLE, NOT_READY, UNSCHEDULABLE)
        taints = objects.dig(node, "spec.taints", [])
        kept = [t for t in taints if t["effect"] != "NoSchedule" or t["key"] not in ours or t["key"] in wanted]
        have = {t["key"] for t in kept if t["effect"] == "NoSchedule"}
        now = times.stamp(self.engine.unix_us)
        new = [*kept, *({"key": k, "effect": "NoSchedule", "timeAdded": now} for k in wanted if k not in have)]
        if new != taints:
            self._write_taints(name, node, new)

    def _retaint(self, name: str, *, add: str = "", remove: tuple[str, ...] = (), effect: str) -> None:
        node = self.client.reader.get(Key("nodes", "", name))
        if node is None:
            return
        taints = objects.dig(node, "spec.taints", [])
        new = [t for t in taints if not (t["effect"] == effect and t["key"] in (*remove, add))]
        if add:
            new.append({"key": add, "effect": effect, "timeAdded": times.stamp(self.engine.unix_us)})
        if [(t["key"], t["effect"]) for t in new] != [(t["key"], t["effect"]) for t in taints]:
            self._write_taints(name, node, new)

    def _write_taints(self, name: str, node: Object, taints: list[Object]) -> None:
        try:
            self.client.patch(Key("nodes", "", name), {"spec": {"taints": taints or None}},
                              because=f"the taints of {name} follow its conditions")
        except (StatusError, TransportError):
            self.engine.after(SECOND_US, self._taint_pass, name)


def from_flags(engine: Engine, client: Client, flags: Mapping[str, str], default_grace: float) -> NodeLifecycleController:
    """Make the controller as kube-controller-manager's flags say."""
    def seconds(flag: str, default: float) -> float:
        return times.parse_duration(flags[flag]) if flag in flags else default

    return NodeLifecycleController(
        engine, client, grace_seconds=seconds("node-monitor-grace-period", default_grace),
        startup_seconds=seconds("node-startup-grace-period", 60), rate=float(flags.get("node-eviction-rate", "0.1")),
        secondary_rate=float(flags.get("secondary-node-eviction-rate", "0.01")),
        large=int(flags.get("large-cluster-size-threshold", "50")),
        threshold=float(flags.get("unhealthy-zone-threshold", "0.55")))
