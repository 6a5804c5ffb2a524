"""DaemonSets: verdicts, one sync, tolerations and numbers of the simulator's own controller."""

from sim.api import objects
from sim.controllers.workloads import daemonset as rules
from sim.controllers.workloads import revisions
from sim.controllers.workloads.daemonset import DaemonSetController
from sim.controllers.workloads.hashing import compute_hash
from tests.conformance.areas.world import World, check_words, differences

LABELS_A = {"name": "simple-daemon", "type": "production"}
LABELS_B = {"name": "simple-daemon", "type": "test"}
MARK_N = {"color": "blue"}
WORDS = {
    "node_should_run_daemon_pod": ({"node", "template", "pods_on_node"}, {"shouldRun", "shouldContinueRunning"}),
    "daemonset_sync": (
        {"nodes_without_label_N", "nodes_with_label_N", "hostNetwork", "host_port", "nodeName", "nodeSelector",
         "required_node_affinity", "selector_is_empty", "node_full", "node_conditions", "taints", "tolerations",
         "daemonset_terminating", "cache_is_stale", "existing", "maxSurge", "failed_pods", "normal_pods"},
        {"creates", "deletes", "events"}),
    "daemon_pod_tolerations": ({"hostNetwork"}, {"tolerations", "extra"}),
    "daemonset_unavailable_numbers": (
        {"maxUnavailable", "maxSurge", "nodes"},
        {"maxSurge", "maxUnavailable", "desiredNumberScheduled", "nodes_without_pods"}),
}


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    return differences(globals()[given["op"]](given), {
        word: sorted(value, key=repr) if isinstance(value, list) else value for word, value in expect.items()})


def daemon(world, spec=None, **more):
    spec = {"containers": [{"name": "c", "image": "foo/bar"}], **(spec or {})}
    return world.put("DaemonSet", "foo", metadata={"generation": 1, **more.pop("metadata", {})}, spec={
        "selector": {"matchLabels": LABELS_A}, "template": {"metadata": {"labels": LABELS_A}, "spec": spec},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}, **more},
        status={})


def node_should_run_daemon_pod(given):
    world, template = World(), given.get("template", {})
    for unknown in set(template) - {"nodeName", "nodeSelector", "containers", "affinity"}:
        raise KeyError(unknown)
    spec = {word: template[word] for word in ("nodeName", "nodeSelector", "affinity") if word in template}
    if "containers" in template:
        spec["containers"] = [{"name": "c", "image": "i", "resources": {"requests": each.get("requests", {})}, "ports": [
            {"hostPort": port, "containerPort": port} for port in each.get("host_ports", [])]}
            for each in template["containers"]]
    node = given["node"]
    place = world.put("Node", node["name"], metadata={"labels": node.get("labels", {})}, spec=(
        {"unschedulable": True} if node.get("unschedulable") else {}), status={"allocatable": node["allocatable"]})
    run, stay = rules.verdict(world.get(daemon(world, spec)), world.get(place))
    return {"shouldRun": run, "shouldContinueRunning": stay}


def put_pod(world, name, owner, node, labels, *, port=None, deleting=False, phase="Running"):
    ready = phase == "Running"
    world.put("Pod", name, metadata={
        "labels": labels, **({"ownerReferences": [objects.controller_reference(owner)]} if owner else {}),
        **({"deletionTimestamp": world.stamp()} if deleting else {})}, spec={
        "nodeName": node, "containers": [{"name": "c", "ports": [{"hostPort": port}] if port else []}]}, status={
        "phase": phase, "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": world.stamp(-60)}]})


def daemonset_sync(given):
    world = World()
    world.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})
    plain, marked = given.get("nodes_without_label_N", 0), given.get("nodes_with_label_N", 0)
    taints = [*given.get("taints", [])]
    for number in range(plain + marked):
        found = {each["type"]: each["status"] for each in given.get("node_conditions", [])}
        world.put("Node", f"node-{number}", metadata={"labels": MARK_N if number >= plain else {}},
                  spec={"taints": taints}, status={"conditions": [
                      {"type": kind, "status": found.get(kind, "True" if kind == "Ready" else "False")}
                      for kind in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")],
                      "allocatable": {"cpu": "1", "memory": "100M", "pods": "100"}})
    key = daemon(world, _template(given), metadata=(
        {"deletionTimestamp": world.stamp(), "finalizers": ["x"]} if given.get("daemonset_terminating") else {}))
    if given.get("maxSurge"):
        world.change(key, "spec.updateStrategy.rollingUpdate", {"maxSurge": given["maxSurge"], "maxUnavailable": 0})
    if given.get("selector_is_empty"):
        world.change(key, "spec.selector", {})
    _existing(world, key, given)
    controller = DaemonSetController(world.engine, world.client)
    controller.start()
    before = len(world.store.changes)
    for _ in controller.reconcile(key):
        raise AssertionError("a sync of this size does not wait")
    controller.stop()
    creates = deletes = 0
    for change in world.store.changes[before:]:
        if change.key.resource == "pods":
            creates += change.type == "ADDED"
            deletes += change.new is None or (change.old is not None and objects.deleting(change.new)
                                              and not objects.deleting(change.old))
    events = sum(1 for event in world.events() if event["reason"] not in ("SuccessfulCreate", "SuccessfulDelete"))
    return {"creates": creates, "deletes": deletes, "events": events}


def _template(given):
    spec = {"hostNetwork": True} if given.get("hostNetwork") else {}
    container = {"name": "c", "image": "foo/bar"}
    if given.get("host_port"):
        container["ports"] = [{"hostPort": given["host_port"], "containerPort": given["host_port"]}]
    if given.get("node_full"):
        container["resources"] = {"requests": {"memory": "75M", "cpu": "75m"}}
    spec["containers"] = [container]
    if given.get("nodeName"):
        spec["nodeName"] = given["nodeName"]
    if given.get("nodeSelector"):
        spec["nodeSelector"] = MARK_N if given["nodeSelector"] == "label_N" else {"no": "node"}
    if given.get("required_node_affinity"):
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "color", "operator": "In", "values": ["blue"]}]}]}}}
    spec["tolerations"] = given.get("tolerations", [])
    return spec


def _existing(world, key, given):
    owner, number = world.get(key), 0
    mark = {rules.HASH: compute_hash(revisions.data_of(owner))}  # they are of the present template
    for node, row in given.get("existing", {}).items():
        for unknown in set(row) - {"A", "B", "foreign", "host_port", "terminating"}:
            raise KeyError(unknown)
        for word, labels, mine in (("A", LABELS_A, True), ("B", LABELS_B, True), ("foreign", LABELS_A, False)):
            for _ in range(row.get(word, 0)):
                number += 1
                # Pods whose labels the selector does not choose are not claimed, whoever made them.
                put_pod(world, f"pod-{number}", owner if mine and word == "A" else None, node,
                        {**labels, **mark},
                        port=row.get("host_port"), deleting=row.get("terminating", False))
    for word, phase in (("failed_pods", "Failed"), ("normal_pods", "Running")):
        for _ in range(given.get(word, 0)):
            number += 1
            put_pod(world, f"pod-{number}", owner, "node-0", {**LABELS_A, **mark}, phase=phase)


def daemon_pod_tolerations(given):
    plain = rules.tolerations({})
    found = rules.tolerations({"hostNetwork": given.get("hostNetwork", False)})
    return {"tolerations": sorted(found, key=repr), "extra": sorted((t for t in found if t not in plain), key=repr)}


def daemonset_unavailable_numbers(given):
    world = World()
    key = daemon(world)
    world.change(key, "spec.updateStrategy.rollingUpdate", {
        word: given[word] for word in ("maxUnavailable", "maxSurge") if word in given})
    desired = empty = 0
    for number, (name, row) in enumerate(given["nodes"].items()):
        node = world.put("Node", name, spec={}, status={})
        run, _ = rules.verdict(world.get(key), world.get(node))
        desired += run
        if row["pod"]:
            put_pod(world, f"pod-{number}", world.get(key), name, LABELS_A, deleting=row.get("terminating", False))
        empty += run and not row["pod"]
    surge, unavailable = rules.limits(world.get(key), desired)
    return {"maxSurge": surge, "maxUnavailable": unavailable, "desiredNumberScheduled": desired,
            "nodes_without_pods": empty}
