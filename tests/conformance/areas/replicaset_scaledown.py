"""ReplicaSets: the simulator's own ranking of pods, and the status of its controller."""

from sim.api import objects
from sim.api.errors import StatusError
from sim.controllers.workloads import pods as rules
from sim.controllers.workloads.replicaset import ReplicaSetController
from tests.conformance.areas.world import World, check_words, differences

POD = {"name", "node", "phase", "ready", "ready_age_s", "created_age_s", "restarts", "sidecar_restarts", "rank",
       "deletion_cost", "labels"}
WORDS = {
    "compare_pods": ({"a", "b", "pod_deletion_cost_enabled"}, {"order"}),
    "pods_to_delete": ({"pods", "related", "count"}, {"delete"}),
    "replicaset_status": ({"replicas_spec", "selector", "template_labels", "min_ready_seconds", "pods",
                           "terminating_pods"}, {"replicas", "fullyLabeledReplicas", "readyReplicas",
                                                 "availableReplicas", "terminatingReplicas"}),
    "slow_start_batch": ({"count", "call_limit_before_failure"}, {"calls", "successes"}),
    "sort_active_pods_without_ranks": ({"pods"}, {"order"}),
}


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    if "delete" in expect:
        expect = {**expect, "delete": sorted(expect["delete"])}
    # terminatingReplicas null is the table's way to say that the feature gate is off.
    more = {"gate": expect["terminatingReplicas"] is not None} if "terminatingReplicas" in expect else {}
    return differences(globals()[given["op"]](given, **more), expect)


def make(world, row, uid="", owner=None):
    for unknown in set(row) - POD:
        raise KeyError(unknown)
    ready_age = row.get("ready_age_s")
    ready = {"type": "Ready", "status": str(bool(row.get("ready"))),
             **({} if ready_age is None else {"lastTransitionTime": world.stamp(-ready_age)})}
    marks = {"controller.kubernetes.io/pod-deletion-cost": str(row["deletion_cost"])} if row.get("deletion_cost") else {}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": row["name"], "namespace": "default", "uid": uid or f"uid-{row['name']}",
                     "creationTimestamp": world.stamp(-row.get("created_age_s", 0)), "annotations": marks,
                     "labels": row.get("labels", {}), **({"ownerReferences": [owner]} if owner else {})},
        "spec": {"nodeName": row["node"]} if row.get("node") else {},
        "status": {"phase": row["phase"], "conditions": [ready],
                   "containerStatuses": [{"name": f"c{n}", "restartCount": r} for n, r in enumerate(row.get("restarts", []))],
                   "initContainerStatuses": [
                       {"name": f"s{n}", "restartCount": r} for n, r in enumerate(row.get("sidecar_restarts", []))]}}


def compare_pods(given):
    world = World()
    a, b = (make(world, given[word], f"uid-{word}") for word in ("a", "b"))
    ranks = {objects.uid(p): given[word].get("rank", 1) for p, word in ((a, "a"), (b, "b"))}
    cost = given.get("pod_deletion_cost_enabled", True)
    one, two = (rules.deletion_rank(p, ranks[objects.uid(p)], world.engine.unix_us, by_cost=cost) for p in (a, b))
    return {"order": "equal" if one == two else "a deleted before b" if one < two else "b deleted before a"}


def pods_to_delete(given):
    world = World()
    pods = [make(world, row) for row in given["pods"]]
    related = [make(world, row, f"related-{number}") for number, row in enumerate(given.get("related", []))]
    order = rules.deletion_order(pods, related, world.engine.unix_us)
    return {"delete": sorted(objects.name(pod) for pod in order[: given["count"]])}


def replicaset_status(given, gate=False):
    world = World()
    key = world.put("ReplicaSet", "rs", metadata={"generation": 1}, spec={
        "replicas": given["replicas_spec"], "selector": {"matchLabels": given["selector"]},
        "minReadySeconds": given.get("min_ready_seconds", 0),
        "template": {"metadata": {"labels": given["template_labels"]}, "spec": {"containers": []}}}, status={})
    owner = objects.controller_reference(world.get(key))
    pods = [make(world, row, owner=owner) for row in given["pods"]]
    for number in range(given.get("terminating_pods", 0)):
        gone = make(world, {"name": f"gone-{number}", "node": "node", "phase": "Running", "ready": True,
                            "labels": given["template_labels"]}, owner=owner)
        pods.append(objects.put(gone, "metadata.deletionTimestamp", world.stamp()))
    for pod in pods:
        world.store.commit(objects.key("pods", pod), pod)
    controller = ReplicaSetController(world.engine, world.client, version=(1, 36) if gate else (1, 34))
    controller.write_status(key)
    status = world.get(key)["status"]
    words = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return {**{word: status.get(word, 0) for word in words}, "terminatingReplicas": status.get("terminatingReplicas")}


def sort_active_pods_without_ranks(given):
    world = World()
    order = rules.deletion_order([make(world, row) for row in given["pods"]], [], world.engine.unix_us)
    return {"order": [objects.name(pod) for pod in order]}


def slow_start_batch(given):
    """Let a ReplicaSet want so many pods of a server that takes only some of them, and sync it once."""
    world = World()
    key = objects.key("replicasets", world.client.create("replicasets", {
        "metadata": {"name": "rs", "namespace": "default"}, "spec": {
            "replicas": given["count"], "selector": {"matchLabels": {"a": "b"}}, "template": {
                "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}))
    world.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})
    controller, asked, create = ReplicaSetController(world.engine, world.client), [], world.client.create

    def limited(resource, body, **more):
        asked.append(resource)
        if len(asked) > given["call_limit_before_failure"]:
            raise StatusError(500, "InternalError", "no more")
        return create(resource, body, **more)

    world.client.create = limited
    try:
        list(controller.reconcile(key))
    except StatusError:
        assert given["call_limit_before_failure"] < given["count"]
    return {"calls": len(asked), "successes": len(world.store.list("pods"))}
