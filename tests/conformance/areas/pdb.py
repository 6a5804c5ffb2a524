"""Budgets: each case is one reconcile of the simulator's own disruption controller."""

from sim.api import objects, times
from sim.api.client import Client, Key
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.controllers.policy import kinds, scales
from sim.controllers.policy.disruption import DisruptionController
from sim.controllers.workloads import rolling
from sim.engine import Engine, microseconds
from sim.etcd.store import Store
from tests.conformance.areas.world import differences

GIVEN = {"op", "pdb", "pods", "disruptedPods_age_seconds", "pod", "seconds_passed"}
EXPECT = {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expected_pods", "event", "disruptedPods",
          "condition", "conditions", "status_written", "detail"}
BUDGETS = {"minAvailable", "maxUnavailable", "selector"}
PODS = {"controller", "controller_name", "api_version", "has_scale", "scale", "ready", "unready", "name", "is_ready", "terminating"}
VERSIONS = {"ReplicationController": "v1", "Job": "batch/v1"}
CUSTOM_VERSION = "example.com/v1"
BUDGET = Key("poddisruptionbudgets", "default", "pdb")


def world():
    engine = Engine()
    store = Store(engine, INDEXES)
    server = ApiServer(engine, store, version="1.36.2")
    client = Client(server, server.reader, agent="test")
    client.create("namespaces", {"metadata": {"name": "default"}})
    return engine, store, DisruptionController(engine, client)


def put_pod(store, name, owner, *, ready, deleting=False, conditions=None, phase="Running"):
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"a": "b"}}
    if owner:
        metadata["ownerReferences"] = [owner]
    if deleting:
        metadata["deletionTimestamp"] = "2025-06-15T15:06:40Z"
    found = conditions if conditions is not None else [{"type": "Ready", "status": str(ready)}]
    store.commit(Key("pods", "default", name), {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": phase, "conditions": found}})


def put_owner(store, kind, name, replicas, version=None, *, has_scale=True):
    """Store a controller, for a custom kind with its definition; give the reference to it."""
    version = version or (VERSIONS.get(kind, "apps/v1") if kind in kinds.BUILT_IN else CUSTOM_VERSION)
    resource = kinds.BUILT_IN[kind].resource if kind in kinds.BUILT_IN else f"{kind.lower()}s.{version.partition('/')[0]}"
    if kind not in kinds.BUILT_IN:
        scale = {"subresources": {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}}
        store.commit(Key("customresourcedefinitions", "", resource), {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": resource},
            "spec": {"group": version.partition("/")[0], "scope": "Namespaced", "names": {
                "kind": kind, "plural": f"{kind.lower()}s"}, "versions": [{"name": "v1", **(scale if has_scale else {})}]}})
    uid = f"uid-{resource}-{name}"
    store.commit(Key(resource, "default", name), {"apiVersion": version, "kind": kind, "metadata": {
        "name": name, "namespace": "default", "uid": uid}, "spec": {"replicas": replicas}})
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True}


def judge(given, expect):
    words, wanted = OTHERS.get(given["op"], (GIVEN, EXPECT))
    for unknown in (set(given) - words - {"op"}) | (set(expect) - wanted - {"detail"}):
        raise KeyError(unknown)
    if given["op"] != "sync":
        return globals()[given["op"]](given, expect)
    engine, store, controller = world()
    number = 0
    for entry in given.get("pods", []):
        for unknown in (set(entry) - PODS) | (set(given["pdb"]) - BUDGETS):
            raise KeyError(unknown)
        owner = None
        if entry.get("controller"):
            kind, name = entry["controller"], entry.get("controller_name", "x")
            owner = put_owner(store, kind, f"{kind.lower()}-{name}", entry.get("scale"), entry.get("api_version"),
                              has_scale=entry.get("has_scale", True))
        if "name" in entry:
            put_pod(store, entry["name"], owner, ready=entry.get("is_ready", False), deleting=entry.get("terminating", False))
            continue
        for ready in [True] * entry.get("ready", 0) + [False] * entry.get("unready", 0):
            number += 1
            put_pod(store, f"pod-{number}", owner, ready=ready)
    spec = {word: given["pdb"][word] for word in ("minAvailable", "maxUnavailable") if word in given["pdb"]}
    disrupted = {name: times.stamp(engine.unix_us - microseconds(age))
                 for name, age in (given.get("disruptedPods_age_seconds") or {}).items()}
    store.commit(BUDGET, {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "pdb", "namespace": "default", "uid": "uid-pdb", "generation": 1},
        "spec": {**spec, "selector": given["pdb"].get("selector", {"matchLabels": {"a": "b"}})}, "status": {"disruptedPods": disrupted}})
    controller.reconcile(BUDGET)
    status = store.get(BUDGET)["status"]
    if "status_written" in expect and expect["status_written"] != ("expectedPods" in status):
        return [f"status {status}, should {'' if expect['status_written'] else 'not '}be written"]
    actual = {**{w: status.get(w, 0) for w in ("disruptionsAllowed", "currentHealthy", "desiredHealthy")},
              "expected_pods": status.get("expectedPods", 0), "disruptedPods": sorted(status.get("disruptedPods", {}))}
    differing = [f"{word}: {actual[word]!r}, should be {expect[word]!r}" for word in actual
                   if word in expect and actual[word] != (sorted(expect[word]) if word == "disruptedPods" else expect[word])]
    if wanted := expect.get("condition"):
        found = objects.condition({"status": status}, wanted["type"]) or {}
        differing += [f"condition {word}: {found.get(word)!r}, should be {value!r}" for word, value in wanted.items()
                        if found.get(word) != value]
    if expect.get("event") and expect["event"] not in [event["reason"] for event in store.list("events")]:
        differing.append(f"no event {expect['event']}")
    return differing


def stale_disruption_condition(given, expect):
    engine, store, controller = world()
    pod, now = given["pod"], times.stamp(engine.unix_us)
    given_conditions = [{k: v for k, v in {**c, "lastTransitionTime": now}.items() if v is not None}
                        for c in pod.get("conditions") or []]
    put_pod(store, "p", None, ready=False, deleting=pod.get("terminating", False), conditions=given_conditions,
            phase=pod.get("phase") or "")
    controller.start()
    engine.advance(microseconds(given["seconds_passed"]))
    after = [{k: v for k, v in c.items() if k in ("type", "status", "reason")} for c in
             objects.dig(store.get(Key("pods", "default", "p")), "status.conditions", [])]
    wanted = [{k: v for k, v in c.items() if v is not None} for c in expect.get("conditions") or []]
    return [] if after == wanted else [f"conditions {after}, should be {wanted}"]


# ---- upstream's helpers, asked of what does their work here --------------------------------------------------------
OTHERS = {
    "stale_disruption_condition": ({"pod", "seconds_passed"}, {"conditions"}),
    "scale_of_pod_controller": ({"pod_owner", "owner_of_owner"}, {"deployment_scale_found", "scale"}),
    "find_controller_scale": ({"finder", "apiVersion", "kind", "name", "uid_matches"}, {"found", "scale"}),
    "parse_int_or_percent": ({"value"}, {"error", "value", "is_percent"}),
    "scaled_value": ({"value", "total", "round_up"}, {"error", "value"}),
}


def scale_of_pod_controller(given, expect):
    """The pod's controller has an owner of its own: its size counts where it is a Deployment."""
    _, store, controller = world()
    row, boss = given["pod_owner"], given["owner_of_owner"]
    kind = boss["kind"] if boss["kind"] in kinds.BUILT_IN else "Deployment"
    reference = put_owner(store, kind, "boss", boss["replicas"])
    pod_owner = put_owner(store, row["kind"], "owner", row["replicas"], row["apiVersion"])
    key = Key(kinds.BUILT_IN[row["kind"]].resource, "default", "owner")
    found = store.get(key)
    store.commit(key, {**found, "metadata": {**found["metadata"], "ownerReferences": [
        {**reference, "apiVersion": boss["apiVersion"], "kind": boss["kind"]}]}})
    scale = scales.of(controller.reader, pod_owner, "default")
    by_deployment = scale is not None and scale.uid == reference["uid"]
    return differences({"deployment_scale_found": by_deployment, "scale": scale.replicas if by_deployment else None}, expect)


def find_controller_scale(given, expect):
    """Each of upstream's finders knows one kind: the same question with a reference to that kind."""
    _, store, controller = world()
    kind = {each.lower(): each for each in scales.GROUPS}[given["finder"].lower()]
    reference = {**put_owner(store, kind, given["name"], expect["scale"] or 7), "apiVersion": given["apiVersion"],
                 "kind": given["kind"]}
    if not given["uid_matches"]:
        reference["uid"] = "another"
    found = None
    if scales.is_a(reference, kind):
        found = scales.of(controller.reader, reference, "default")
    return differences({"found": found is not None, "scale": found.replicas if found else 0}, expect)


def parse_int_or_percent(given, expect):
    try:
        value = rolling.resolve(given["value"], 100, up=False)
    except ValueError:
        return differences({"error": True, "value": 0, "is_percent": False}, expect)
    return differences({"error": False, "value": value, "is_percent": isinstance(given["value"], str)}, expect)


def scaled_value(given, expect):
    try:
        return differences({"error": False, "value": rolling.resolve(given["value"], given["total"], up=given["round_up"])}, expect)
    except ValueError:
        return differences({"error": True, "value": 0}, expect)
