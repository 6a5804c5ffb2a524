"""Eviction: each case is one POST to the eviction subresource of the simulator's own API server."""

from sim.api import objects
from sim.api.client import Client, Key, Request
from sim.api.errors import StatusError
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.apiserver.verbs import remove
from sim.engine import Engine
from sim.etcd.store import Store

UNSAFE = "ignoreStoreReadErrorWithClusterBreakingPotential"
GIVEN = {"op", "pod", "pdbs", "policy", "name_in_url", "request_dry_run", "eviction_dry_run", UNSAFE,
         "request_has_resource_version"}
EXPECT = {"allowed", "pod_deleted", "code", "reason", "message", "cause", "pdb_after", "retry_after_seconds",
          "pod_condition_added", "delete_requests"}


def judge(given, expect):
    for unknown in (set(given) - GIVEN) | (set(expect) - EXPECT - {"detail"}):
        raise KeyError(unknown)
    engine = Engine()
    store = Store(engine, INDEXES, detect_mutation=True)
    server = ApiServer(engine, store, version="1.36.2")
    client = Client(server, server.reader, agent="test")
    client.create("namespaces", {"metadata": {"name": "default"}})
    pod, key = given["pod"], Key("pods", "default", given["pod"]["name"])
    obj = client.create("pods", {"metadata": {"name": pod["name"], "namespace": "default", "labels": pod.get("labels") or {}},
                                 "spec": {"nodeName": "node", "containers": [{"name": "c", "image": "i"}]}})
    ready = pod.get("ready")
    conditions = [] if ready is None else [{"type": "Ready", "status": str(ready)}]
    obj = {**obj, "status": {"phase": pod.get("phase") or "", "conditions": conditions}}
    if pod.get("terminating"):
        obj = objects.put(obj, "metadata.deletionTimestamp", "2025-06-15T15:06:40Z")
    store.commit(key, obj)
    for each in given.get("pdbs", []):
        spec = {"selector": {"matchLabels": each["selector"]} if each.get("selector") else {}}
        if given.get("policy"):
            spec["unhealthyPodEvictionPolicy"] = given["policy"]
        store.commit(Key("poddisruptionbudgets", "default", each["name"]), {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": each["name"], "namespace": "default", "generation": each.get("generation", 0)},
            "spec": spec, "status": dict(each.get("status") or {})})
    query = {"dryRun": "All"} if given.get("request_dry_run") else {}
    options = {**({"dryRun": ["All"]} if given.get("eviction_dry_run") else {}),
               **({UNSAFE: True} if given.get(UNSAFE) else {})}
    if given.get("request_has_resource_version"):
        options["preconditions"] = {"resourceVersion": store.get(key)["metadata"]["resourceVersion"]}
    body = {"metadata": {"name": pod["name"]}, "deleteOptions": options}
    target = Key("pods", "default", given.get("name_in_url", pod["name"]))
    error, sent, delete = None, [], remove.delete_one
    remove.delete_one = lambda *words: sent.append(words) or delete(*words)
    try:
        server.handle(Request("create", target, "eviction", body=body, query=query))
    except StatusError as caught:
        error = caught
    finally:
        remove.delete_one = delete
    store.verify_unchanged()
    found = store.get(key)
    causes = (error.details.get("causes") if error else None) or [{}]
    actual = {
        "allowed": error is None,
        "pod_deleted": found is None or (objects.deleting(found) and not pod.get("terminating")),
        "code": error and error.code, "reason": error and error.reason, "message": error and error.message,
        "cause": causes[0].get("message"), "retry_after_seconds": error and error.details.get("retryAfterSeconds", 0), "delete_requests": len(sent),
    }
    if pod.get("terminating") and error is None:
        actual["pod_deleted"] = True
    differences = [f"{word}: {actual[word]!r}, should be {expect[word]!r}" for word in actual
                   if word in expect and actual[word] != expect[word]]
    if "pdb_after" in expect:
        status = store.get(Key("poddisruptionbudgets", "default", given["pdbs"][0]["name"]))["status"]
        after = {"disruptionsAllowed": status.get("disruptionsAllowed", 0),
                 "disruptedPods": sorted(status.get("disruptedPods") or {}),
                 "condition_DisruptionAllowed_reason": (objects.condition({"status": status}, "DisruptionAllowed") or {}).get("reason")}
        for word, value in expect["pdb_after"].items():
            if after[word] != (sorted(value) if word == "disruptedPods" else value):
                differences.append(f"pdb_after.{word}: {after[word]!r}, should be {value!r}")
    if wanted := expect.get("pod_condition_added"):
        # The pod may be gone by now: its history tells.
        seen = [objects.condition(change.object, wanted["type"]) or {} for change in store.changes if change.key == key]
        if not any(all(each.get(word) == value for word, value in wanted.items()) for each in seen):
            differences.append(f"pod_condition_added: {seen}, should be {wanted}")
    return differences
