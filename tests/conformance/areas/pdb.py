"""Budgets: each case is one reconcile of the simulator's own disruption controller."""

from sim.api import objects, times
from sim.api.client import Client, Key
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.controllers.policy.disruption import DisruptionController
from sim.engine import Engine, microseconds
from sim.etcd.store import Store

GIVEN = {"op", "pdb", "pods", "disruptedPods_age_seconds", "pod", "seconds_passed"}
EXPECT = {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expected_pods", "event", "disruptedPods",
          "condition", "conditions", "status_written", "detail"}
BUDGETS = {"minAvailable", "maxUnavailable", "selector"}
PODS = {"controller", "controller_name", "api_version", "scale", "ready", "unready", "name", "is_ready", "terminating"}
RESOURCES = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "ReplicationController": "replicationcontrollers",
             "Deployment": "deployments"}
VERSIONS = {"ReplicationController": "v1"}
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


def judge(given, expect):
    for unknown in (set(given) - GIVEN) | (set(expect) - EXPECT):
        raise KeyError(unknown)
    if given["op"] == "stale_disruption_condition":
        return stale(given, expect)
    engine, store, controller = world()
    number = 0
    for entry in given["pods"]:
        for unknown in (set(entry) - PODS) | (set(given["pdb"]) - BUDGETS):
            raise KeyError(unknown)
        owner = None
        if entry.get("controller"):
            kind, name = entry["controller"], entry.get("controller_name", "x")
            version = entry.get("api_version", VERSIONS.get(kind, "apps/v1"))
            key = Key(RESOURCES[kind], "default", f"{kind.lower()}-{name}")
            uid = f"uid-{key.resource}-{key.name}"
            store.commit(key, {"apiVersion": version, "kind": kind, "metadata": {
                "name": key.name, "namespace": "default", "uid": uid}, "spec": {"replicas": entry.get("scale")}})
            owner = {"apiVersion": version, "kind": kind, "name": key.name, "uid": uid, "controller": True}
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
    actual = {**{w: status.get(w) for w in ("disruptionsAllowed", "currentHealthy", "desiredHealthy")},
              "expected_pods": status.get("expectedPods"), "disruptedPods": sorted(status.get("disruptedPods", {}))}
    differences = [f"{word}: {actual[word]!r}, should be {expect[word]!r}" for word in actual
                   if word in expect and actual[word] != (sorted(expect[word]) if word == "disruptedPods" else expect[word])]
    if wanted := expect.get("condition"):
        found = objects.condition({"status": status}, wanted["type"]) or {}
        differences += [f"condition {word}: {found.get(word)!r}, should be {value!r}" for word, value in wanted.items()
                        if found.get(word) != value]
    if expect.get("event") and expect["event"] not in [event["reason"] for event in store.list("events")]:
        differences.append(f"no event {expect['event']}")
    return differences


def stale(given, expect):
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
