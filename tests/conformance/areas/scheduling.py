"""Scheduling: the simulator's own filters, scores and texts, asked as its scheduler asks them."""

from sim.api import scheduling
from sim.controllers.scheduler import messages
from sim.controllers.scheduler.candidates import Candidates
from sim.controllers.scheduler.nodeinfo import Held, NodeInfo
from sim.controllers.scheduler.plugins import filters, scores
from sim.controllers.scheduler.plugins.filters import Refusal, Wish
from tests.conformance.areas.world import check_words, differences

STATUS = {"status", "messages"}
WORDS = {
    "taint_toleration_filter": ({"tolerations", "taints", "comparison_operators_gate"}, STATUS),
    "taint_toleration_score": ({"tolerations", "nodes", "comparison_operators_gate"}, {"scores"}),
    "node_unschedulable_filter": ({"tolerations", "node"}, STATUS),
    "node_affinity_filter": ({"nodeSelector", "nodeAffinity", "node", "added_affinity"}, STATUS),
    "node_name_filter": ({"pod_nodeName", "node"}, STATUS),
    "host_ports_filter": ({"pod_ports", "ports_in_use"}, STATUS),
    "resources_fit": ({"allocatable", "pod", "pods_on_node", "ignored_resources"}, STATUS),
    "topology_spread_filter": ({"pod", "nodes", "existing_pods", "node_inclusion_policy"}, {"per_node"}),
    "failed_scheduling_message": ({"nodes_total", "prefilter_message", "per_node", "postfilter_message"}, {"message"}),
    "tolerates": ({"toleration", "taint", "comparison_operators_gate"}, {"tolerated"}),
    "find_untolerated_taint": (
        {"tolerations", "taints", "taints_considered", "comparison_operators_gate"}, {"all_tolerated"}),
}


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    return differences(globals()[given["op"]](given), {"messages": [], **expect} if "status" in expect else expect)


def pod(spec=None, name="p", **metadata):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", **metadata},
            "spec": {"containers": [], **(spec or {})}}


def node(name="node", *, labels=None, spec=None, allocatable=None):
    info = NodeInfo({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}},
                     "spec": spec or {}, "status": {"allocatable": allocatable or {}}})
    info.set_node(info.node)
    return info


def status(refusal):
    if refusal is None:
        return {"status": "Success", "messages": []}
    return {"status": refusal.status, "messages": list(refusal.reasons)}


def taint_toleration_filter(given):
    return status(filters.taints(Wish.of(pod({"tolerations": given.get("tolerations", [])})), node(spec={"taints": given.get("taints", [])})))


def taint_toleration_score(given):
    asking = pod({"tolerations": given.get("tolerations", [])})
    counts = [scores.soft_taints(asking, node(spec={"taints": taints}).node) for taints in given["nodes"].values()]
    return {"scores": dict(zip(given["nodes"], scores.normal(counts, fewer_is_better=True), strict=True))}


def node_unschedulable_filter(given):
    return status(filters.unschedulable(Wish.of(pod({"tolerations": given.get("tolerations", [])})), node(spec=given.get("node", {}))))


def node_affinity_filter(given):
    spec = {"nodeSelector": given.get("nodeSelector", {})}
    if "nodeAffinity" in given:
        spec["affinity"] = {"nodeAffinity": given["nodeAffinity"]}
    where = given.get("node", {})
    wish = Wish.of(pod(spec))
    info = node(where.get("name", "node"), labels=where.get("labels"))
    added = given.get("added_affinity")  # of the scheduler's own configuration, which labs do not have
    if added and not scheduling.matches_node_affinity(pod({"affinity": {"nodeAffinity": added}}), info.node):
        return status(Refusal(("node(s) didn't match scheduler-enforced node affinity",), True))
    return status(filters.affinity(wish, info))


def node_name_filter(given):
    return status(filters.node_name(Wish.of(pod({"nodeName": given["pod_nodeName"]})), node(given["node"])))


def with_ports(rows, name):
    ports = []
    for row in rows:
        protocol, address, number = row.split("/")
        ports.append({"hostIP": address, "protocol": protocol, "hostPort": int(number), "containerPort": int(number)})
    return pod({"containers": [{"name": "c", "ports": ports}]}, name)


def host_ports_filter(given):
    info = node()
    info.add(with_ports(given.get("ports_in_use", []), "other"))
    return status(filters.ports(Wish.of(with_ports(given.get("pod_ports", []), "p")), info))


def amounts(row):
    return {"cpu" if name == "cpu_milli" else name: f"{value}m" if name == "cpu_milli" else str(value)
            for name, value in row.items()}


def with_requests(spec, name):
    for unknown in set(spec) - {"containers", "init_containers", "overhead"}:
        raise KeyError(unknown)
    return pod({
        "containers": [{"name": "c", "resources": {"requests": amounts(row)}} for row in spec.get("containers", [])],
        "initContainers": [{"name": "i", "resources": {"requests": amounts(row)}} for row in spec.get("init_containers", [])],
        "overhead": amounts(spec.get("overhead", {}))}, name)


def resources_fit(given):
    info = node(allocatable=amounts(given["allocatable"]))
    for number, each in enumerate(given.get("pods_on_node", [])):
        info.add(with_requests(each, f"other-{number}"))
    wish = Wish.of(with_requests(given.get("pod", {}), "p"))
    if given.get("ignored_resources"):
        kept = {name: amount for name, amount in wish.held.requests.items()
                if name not in given["ignored_resources"] and name.partition("/")[0] not in given["ignored_resources"]}
        wish = Wish(wish.pod, Held(wish.pod, kept, wish.held.weight, wish.held.ports))
    return status(filters.resources(wish, info))


def spread_pod(spec):
    for unknown in set(spec) - {"name", "namespace", "labels", "terminating", "nodeSelector", "nodeAffinity", "node",
                                "topologySpreadConstraints"}:
        raise KeyError(unknown)
    made = pod({
        "nodeSelector": spec.get("nodeSelector", {}), "topologySpreadConstraints": spec.get("topologySpreadConstraints", []),
        **({"affinity": {"nodeAffinity": spec["nodeAffinity"]}} if "nodeAffinity" in spec else {})}, spec["name"],
        labels=spec.get("labels", {}))
    made["metadata"]["namespace"] = spec.get("namespace") or "default"
    if spec.get("terminating"):
        made["metadata"]["deletionTimestamp"] = "2025-06-15T15:06:40Z"
    return made


def topology_spread_filter(given):
    nodes = {each["name"]: node(each["name"], labels=each.get("labels"), spec={"taints": each.get("taints", [])})
             for each in given["nodes"]}
    for each in given.get("existing_pods", []):
        if each["node"] in nodes:
            nodes[each["node"]].add(spread_pod(each))
    asking = spread_pod(given["pod"])
    if given.get("node_inclusion_policy") is False:
        for rule in asking["spec"]["topologySpreadConstraints"]:
            rule.pop("nodeAffinityPolicy", None)
            rule.pop("nodeTaintsPolicy", None)
    candidates = Candidates(Wish.of(asking), None, list)
    for each in nodes.values():
        each.allocatable = {"pods": 110}
    candidates.update(nodes, nodes)
    return {"per_node": {name: status(candidates.spread.refusal(info))["status"] for name, info in nodes.items()}}


def failed_scheduling_message(given):
    refusals = [Refusal(tuple(row["messages"]), row["status"] == "UnschedulableAndUnresolvable")
                for row in given["per_node"].values() if row["status"] != "Success"]
    return {"message": messages.fit_error(
        given["nodes_total"], refusals, prefilter=given.get("prefilter_message") or "",
        postfilter=given.get("postfilter_message") or "")}


def tolerates(given):
    return {"tolerated": scheduling.tolerates_with(given["toleration"], given["taint"])}


def find_untolerated_taint(given):
    wanted = given.get("taints_considered", "all")
    asking = pod({"tolerations": given.get("tolerations", [])})
    rows = [t for t in given.get("taints", []) if wanted == "all" or t["effect"] == wanted]
    return {"all_tolerated": all(scheduling.tolerates(asking, t) for t in rows)}
