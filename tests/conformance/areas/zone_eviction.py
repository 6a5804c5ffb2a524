"""Zones: states and rates, by the simulator's own node lifecycle controller."""

from sim.api import objects
from sim.controllers.nodes.lifecycle import NodeLifecycleController
from sim.controllers.nodes.zones import Rates, excluded, zone_state
from sim.engine import SECOND_US
from tests.conformance.areas.node_lifecycle import put_node
from tests.conformance.areas.world import World, check_words, differences

WORDS = {
    "zone_states": ({"nodes", "next_status"}, {"zone_states_t0", "zone_states_t3600"}),
    "compute_zone_state": ({"ready", "not_ready", "unhealthy_zone_threshold"}, {"state"}),
    "eviction_rate": ({"zone_state", "zone_nodes", "all_zones_fully_disrupted", "node_eviction_rate",
                       "secondary_node_eviction_rate", "large_cluster_size_threshold"}, {"taints_per_second"}),
    "excluded_from_disruption_checks": ({"node_name", "labels"}, {"excluded"}),
}


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    return differences(globals()[given["op"]](given), expect)


def zone_states(given):
    world = World()
    nodes = [put_node(world, {"conditions": [], **spec}) for spec in given["nodes"]]
    start = world.engine.unix_us
    controller = NodeLifecycleController(world.engine, world.client, rates=Rates(large=20))
    controller.start()
    controller.monitor()
    first = controller.zones.states()
    controller.running = False
    world.engine.advance(world.engine.now_us + 3600 * SECOND_US)
    controller.running = True
    behind = (start - world.engine.unix_us) / SECOND_US
    for node, rows in zip(nodes, given.get("next_status", []), strict=False):
        found = {c["type"]: c for c in objects.dig(world.get(node), "status.conditions", [])}
        for row in rows:
            found[row["type"]] = {
                "type": row["type"], "status": row["status"],
                "lastHeartbeatTime": world.stamp(behind + row.get("heartbeat_s", 0)),
                "lastTransitionTime": world.stamp(behind + row.get("transition_s", 0))}
        world.change(node, "status.conditions", list(found.values()))
    controller.monitor()
    return {"zone_states_t0": first, "zone_states_t3600": controller.zones.states()}


def compute_zone_state(given):
    return {"state": zone_state(given["ready"], given["not_ready"], given.get("unhealthy_zone_threshold", 0.55))}


def eviction_rate(given):
    rates = Rates(given.get("node_eviction_rate", 0.1), given.get("secondary_node_eviction_rate", 0.01),
                  given.get("large_cluster_size_threshold", 50))
    return {"taints_per_second": rates.of(given["zone_state"], given["zone_nodes"],
                                          all_down=given["all_zones_fully_disrupted"])}


def excluded_from_disruption_checks(given):
    return {"excluded": excluded({"metadata": {"name": given.get("node_name") or "", "labels": given.get("labels", {})}})}
