"""Node lifecycle and taint eviction: passes of the simulator's own controllers over a store."""

from sim.api import objects, times
from sim.controllers.nodes import conditions as rules
from sim.controllers.nodes import taint_eviction
from sim.controllers.nodes.lifecycle import NodeLifecycleController
from sim.controllers.nodes.taint_eviction import TaintEvictionController
from sim.engine import SECOND_US
from tests.conformance.areas.world import World, check_words, differences

WORDS = {
    "monitor_node_health": (
        {"node", "lease_renewed_s", "node_monitor_grace_period_s", "node_startup_grace_period_s", "pass_after_s",
         "new_conditions", "new_lease_renewed_s"}, {"node_conditions", "pods_marked_not_ready"}),
    "no_schedule_taints": ({"node"}, {"taints"}),
    "reconcile_labels": ({"labels"}, {"labels"}),
    "taint_eviction_pod_seen": ({"pod", "node_taints"}, {"deleted_now", "disruption_condition_added"}),
    "taint_eviction_pod_updated": (
        {"pod_before", "pod_after", "node_taints"}, {"deleted", "disruption_condition_added"}),
    "taint_eviction_node_seen": ({"pods", "taints"}, {"deleted_now", "disruption_condition_added"}),
    "taint_eviction_node_updated": (
        {"pods", "taints_before", "taints_after", "observed_after_s"},
        {"deleted", "disruption_condition_added", "deletions"}),
    "taint_eviction_sequence": ({"pod_tolerations", "taint_steps"}, {"deletion_scheduled_after_step", "deleted"}),
    "first_pass_events": ({"node"}, {"events"}),
    "min_toleration_seconds": ({"toleration_seconds"}, {"seconds"}),
    "no_execute_taints": ({"taints"}, {"keys"}),
}


def judge(given, expect):
    op = given["op"]
    check_words(given, expect, *WORDS[op])
    return differences(globals()[op](given), expect)


def condition_rows(world, rows):
    out = []
    for row in rows:
        for unknown in set(row) - {"type", "status", "heartbeat_s", "transition_s"}:
            raise KeyError(unknown)
        out.append({"type": row["type"], "status": row["status"],
                    "lastHeartbeatTime": world.stamp(row.get("heartbeat_s", 0)),
                    "lastTransitionTime": world.stamp(row.get("transition_s", 0))})
    return out


def put_node(world, spec, *, conditions=(), taints=()):
    for unknown in set(spec) - {"name", "created_s", "conditions", "region", "zone", "unschedulable",
                                "exclude_disruption_label"}:
        raise KeyError(unknown)
    labels = {f"topology.kubernetes.io/{word}": spec[word] for word in ("region", "zone") if spec.get(word)}
    if spec.get("exclude_disruption_label"):
        labels["node.kubernetes.io/exclude-disruption"] = "true"
    node = {"unschedulable": True} if spec.get("unschedulable") else {}
    return world.put("Node", spec.get("name", "node0"), created_s=spec.get("created_s", 0), metadata={"labels": labels},
                     spec={**node, **({"taints": list(taints)} if taints else {})},
                     status={"conditions": condition_rows(world, spec.get("conditions", conditions))})


def put_lease(world, node, renewed_s):
    world.put("Lease", node, namespace="kube-node-lease", spec={
        "holderIdentity": node, "renewTime": times.stamp_micro(world.engine.unix_us + round(renewed_s * SECOND_US))})


def put_pod(world, spec):
    for unknown in set(spec) - {"name", "node", "tolerations"}:
        raise KeyError(unknown)
    return world.put("Pod", spec["name"], spec={
        "tolerations": spec.get("tolerations", []), **({"nodeName": spec["node"]} if spec.get("node") else {})},
        status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})


def monitor_node_health(given):
    world = World()
    name = given["node"]["name"]
    node = put_node(world, given["node"])
    start_us, start = world.engine.now_us, world.engine.unix_us
    if "lease_renewed_s" in given:
        put_lease(world, name, given["lease_renewed_s"])
    pod = put_pod(world, {"name": "pod0", "node": name})
    before = world.get(node)["status"]["conditions"]
    controller = NodeLifecycleController(
        world.engine, world.client, grace_seconds=given.get("node_monitor_grace_period_s", 50),
        startup_seconds=given.get("node_startup_grace_period_s", 60))
    controller.start()
    controller.monitor()
    after_s = given.get("pass_after_s")
    if after_s is not None:
        # Only the first pass and this one happen: the controller is held still in between.
        controller.running = False
        world.engine.advance(start_us + after_s * SECOND_US)
        controller.running = True

        def from_start(row, word):
            return times.stamp(start + row.get(word, 0) * SECOND_US)

        rows = [{"type": row["type"], "status": row["status"], "lastHeartbeatTime": from_start(row, "heartbeat_s"),
                 "lastTransitionTime": from_start(row, "transition_s")} for row in given.get("new_conditions", [])]
        world.change(node, "status.conditions", rows)
        before = world.get(node)["status"]["conditions"]
        if "new_lease_renewed_s" in given:
            put_lease(world, name, given["new_lease_renewed_s"] - after_s)
        controller.monitor()
    found = world.get(node)["status"]["conditions"]
    wrote = None if found == before else [
        {"type": c["type"], "status": c["status"], "reason": c.get("reason"), "message": c.get("message"),
         "heartbeat_s": (times.parse(c["lastHeartbeatTime"]) - start) // SECOND_US,
         "transition_s": (times.parse(c["lastTransitionTime"]) - start) // SECOND_US} for c in found]
    return {"node_conditions": wrote, "pods_marked_not_ready": not objects.pod_ready(world.get(pod))}


def no_schedule_taints(given):
    world = World()
    node = put_node(world, given["node"])
    taints = rules.schedule_taints(world.get(node), world.stamp())
    return {"taints": [{"key": t["key"], "effect": t["effect"]} for t in taints]}


def reconcile_labels(given):
    return {"labels": {**(labels := given.get("labels") or {}), **rules.old_labels(labels)}}


def evicting(world):
    controller = TaintEvictionController(world.engine, world.client)
    controller.start()
    return controller


def gone(world, pod):
    """Tell whether the pod was deleted: a deletionTimestamp, or no longer there."""
    found = world.get(pod)
    return found is None or objects.deleting(found)


def marked(world, pod):
    """Tell whether the pod ever had the condition DisruptionTarget of the taint manager."""
    return any(
        c["type"] == "DisruptionTarget" and c["reason"] == "DeletionByTaintManager"
        for change in world.store.changes if change.key == pod
        for c in objects.dig(change.object, "status.conditions", []))


def taint_eviction_pod_seen(given):
    world = World()
    for name, taints in given["node_taints"].items():
        world.put("Node", name, spec={"taints": taints})
    evicting(world)
    world.run(1)
    pod = put_pod(world, given["pod"])
    world.run(0.5)
    return {"deleted_now": gone(world, pod), "disruption_condition_added": marked(world, pod)}


def taint_eviction_pod_updated(given):
    world = World()
    for name, taints in given["node_taints"].items():
        world.put("Node", name, spec={"taints": taints})
    put_pod(world, given["pod_before"])
    evicting(world)
    world.run(0.5)
    pod = put_pod(world, given["pod_after"])
    world.run(1.5)
    return {"deleted": gone(world, pod), "disruption_condition_added": marked(world, pod)}


def taint_eviction_node_seen(given):
    world = World()
    pods = [put_pod(world, each) for each in given["pods"]]
    evicting(world)
    for name in dict.fromkeys(each["node"] for each in given["pods"]):
        world.put("Node", name, spec={"taints": given.get("taints", [])})
    world.run(0.5)
    return {"deleted_now": gone(world, pods[0]), "disruption_condition_added": marked(world, pods[0])}


def taint_eviction_node_updated(given):
    world = World()
    pods = [put_pod(world, each) for each in given["pods"]]
    node = world.put("Node", given["pods"][0]["node"], spec={"taints": given.get("taints_before", [])})
    evicting(world)
    world.run(0.2)
    world.change(node, "spec.taints", given.get("taints_after", []))
    began_us = world.engine.now_us
    world.run(given.get("observed_after_s", 1.5))
    deleted, marks = gone(world, pods[0]), marked(world, pods[0])
    world.run(30)
    moments = {}
    for change in world.store.changes:
        if change.key in pods and (change.new is None or objects.deleting(change.new)) and change.old is not None and not (
                objects.deleting(change.old)):
            moments.setdefault(round((change.at_us - began_us) / SECOND_US), []).append(change.key.name)
    return {"deleted": deleted, "disruption_condition_added": marks,
            "deletions": [{"pods": sorted(names), "after_s": at} for at, names in sorted(moments.items())]}


def taint_eviction_sequence(given):
    world = World()
    pod = put_pod(world, {"name": "pod1", "node": "node1", "tolerations": given.get("pod_tolerations", [])})
    node = world.put("Node", "node1", spec={})
    controller = evicting(world)
    scheduled = []
    for step in given["taint_steps"]:
        world.change(node, "spec.taints", [
            {"key": key, "value": key.replace("testTaint", "test"), "effect": "NoExecute"} for key in step])
        world.run(0.2)
        scheduled.append(pod in controller.due)
    return {"deletion_scheduled_after_step": scheduled, "deleted": gone(world, pod)}


def first_pass_events(given):
    world = World()
    put_node(world, {"name": given["node"], "conditions": [{"type": "Ready", "status": "True"}]})
    NodeLifecycleController(world.engine, world.client).start()
    world.run(1)
    return {"events": [{word: event[word] for word in ("type", "reason", "message")} for event in world.events()]}


def min_toleration_seconds(given):
    rows = given.get("toleration_seconds")
    if not rows:
        return {"seconds": 0}
    pod = {"spec": {"tolerations": [
        {"key": f"k{n}", "operator": "Exists", "effect": "NoExecute", **({} if s is None else {"tolerationSeconds": s})}
        for n, s in enumerate(rows)]}}
    found = taint_eviction.minimum_seconds(pod, [{"key": f"k{n}", "effect": "NoExecute"} for n in range(len(rows))])
    return {"seconds": -1 if found is None else int(found)}


def no_execute_taints(given):
    return {"keys": [t["key"] for t in taint_eviction.no_execute({"spec": {"taints": given.get("taints", [])}})]}

