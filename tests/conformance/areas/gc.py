"""Garbage collection: the simulator's own collector over objects that name each other."""

from sim.api import objects
from sim.api.client import Key
from sim.api.errors import StatusError
from sim.controllers.policy.garbage import FOREGROUND, GarbageCollector, Owners, rule, unblocked
from tests.conformance.areas.world import BY_KIND, World, check_words, differences

WORDS = {
    "delete_and_settle": (
        {"kinds", "owners", "dependents", "foreign_finalizer_on", "delete", "policy", "wait_s"},
        {"gone", "remaining", "terminating", "owner_references_left"}),
    "settle_across_namespaces": (
        {"parent", "valid_children", "invalid_children"},
        {"valid_children_remaining", "invalid_children_remaining", "event"}),
    "owner_namespace_rule": ({"child", "owner_reference_to", "created_first"}, {"child", "event"}),
    "delete_sequence": ({"object", "finalizers", "steps"}, {"finalizers_after_step", "gone_after_step"}),
    "classify_item": ({"owner_classes", "dependents", "item_terminating"},
                      {"action", "policy", "owner_references_removed"}),
    "graph_events": ({"events"}, {"owners", "dependents_of_existing"}),
    "unblock_owner_references": ({"owner_references"}, {"owner_references"}),
}
SETTLE_S = 30
GROUP = "mygroup.example.com"


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    actual = globals()[given["op"]](given)
    for word in ("gone", "remaining", "terminating"):
        if word in expect and word in actual:
            # A case names the objects that it judges.
            actual[word] = sorted(actual[word])
    wanted = {word: sorted(value) if word in ("gone", "remaining", "terminating") else value for word, value in expect.items()}
    if "owner_references_left" in expect:
        actual["owner_references_left"] = {name: actual["owner_references_left"].get(name, [])
                                           for name in expect["owner_references_left"]}
    return differences(actual, wanted)


class Garden(World):
    def __init__(self):
        super().__init__()
        for name in ("ns1", "ns2", "a", "b"):
            self.client.create("namespaces", {"metadata": {"name": name}})
        self.keys = {}

    def plant(self, name, kind, *, namespace="ns1", owners=(), finalizers=()):
        metadata = {"ownerReferences": list(owners)} if owners else {}
        if finalizers:
            metadata["finalizers"] = list(finalizers)
        if kind in BY_KIND:
            key = self.put(kind, name, namespace=namespace, metadata=metadata, spec={}, status={})
        else:
            self.define(kind, namespace)
            key = Key(f"{kind.lower()}s.{GROUP}", namespace, name)
            self.store.commit(key, {"apiVersion": f"{GROUP}/v1beta1", "kind": kind, "metadata": {
                "name": name, "namespace": namespace, "uid": f"uid-{kind}-{name}", **metadata}})
        self.keys[name] = key
        return key

    def define(self, kind, namespace):
        """Define a custom kind, namespaced where its object is."""
        plural = f"{kind.lower()}s"
        self.put("CustomResourceDefinition", f"{plural}.{GROUP}", spec={
            "group": GROUP, "scope": "Namespaced" if namespace else "Cluster", "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1beta1", "served": True, "storage": True}]})

    def reference(self, name, kind, **more):
        version = BY_KIND[kind].api_version if kind in BY_KIND else f"{GROUP}/v1beta1"
        return {"apiVersion": version, "kind": kind, "name": name, "uid": f"uid-{kind}-{name}", **more}

    def collect(self):
        collector = GarbageCollector(self.engine, self.client)
        collector.start()
        return collector

    def state(self, name):
        found = self.get(self.keys[name])
        return "gone" if found is None else "terminating" if objects.deleting(found) else "remaining"


def delete_and_settle(given):
    garden, kinds = Garden(), given["kinds"]
    foreign = given.get("foreign_finalizer_on", [])
    for name in given["owners"]:
        garden.plant(name, kinds[name], finalizers=["x/hangs"] if name in foreign else ())
    for name, rows in given.get("dependents", {}).items():
        references = []
        for row in rows:
            for unknown in set(row) - {"owner", "owner_missing", "blockOwnerDeletion"}:
                raise KeyError(unknown)
            more = {"blockOwnerDeletion": row["blockOwnerDeletion"]} if "blockOwnerDeletion" in row else {}
            found = garden.reference(row["owner"], kinds[row["owner"]], **more)
            references.append({**found, "uid": "nobody"} if row.get("owner_missing") else found)
        garden.plant(name, kinds[name], owners=references, finalizers=["x/hangs"] if name in foreign else ())
    garden.collect()
    garden.run(1)
    for name in given.get("delete", []):
        try:
            garden.client.delete(garden.keys[name], propagation=given.get("policy", ""))
        except StatusError as error:
            if error.code != 404:
                raise
    garden.run(given.get("wait_s", SETTLE_S))
    states = {name: garden.state(name) for name in garden.keys}
    left = {name: [each["name"] for each in objects.owners(found)] for name, key in garden.keys.items()
            if (found := garden.get(key)) is not None}
    return {**{word: [name for name, state in states.items() if state == word]
               for word in ("gone", "remaining", "terminating")}, "owner_references_left": left}


def settle_across_namespaces(given):
    garden = Garden()
    parent = given["parent"]
    garden.plant("parent", parent["kind"], namespace=parent["namespace"])
    reference = garden.reference("parent", parent["kind"])
    for word in ("valid_children", "invalid_children"):
        row = given[word]
        for number in range(row["count"]):
            garden.plant(f"{word}-{number}".replace("_", "-"), row["kind"], namespace=row["namespace"], owners=[reference])
    garden.collect()
    garden.run(60)
    left = {word: sum(1 for name in garden.keys if name.startswith(word) and garden.state(name) != "gone")
            for word in ("valid-children", "invalid-children")}
    found = next((e for e in garden.events() if e["reason"] == "OwnerRefInvalidNamespace"), None)
    return {"valid_children_remaining": left["valid-children"], "invalid_children_remaining": left["invalid-children"],
            "event": found and {"type": found["type"], "reason": found["reason"]}}


def owner_namespace_rule(given):
    garden = Garden()
    child, owner = given["child"], given["owner_reference_to"]
    garden.collect()

    def plant_owner():
        garden.plant("owner", owner["kind"], namespace=owner["namespace"] or "")

    if given.get("created_first", "owner") == "owner":
        plant_owner()
        garden.run(1)
    reference = garden.reference("owner", owner["kind"])
    garden.plant("child", child["kind"], namespace=child["namespace"] or "", owners=[reference])
    if given.get("created_first", "owner") != "owner":
        plant_owner()
    garden.run(SETTLE_S)
    found = next((e for e in garden.events() if e["involvedObject"]["name"] == "child"), None)
    return {"child": "deleted" if garden.state("child") == "gone" else "kept",
            "event": found and {"type": found["type"], "reason": found["reason"]}}


def delete_sequence(given):
    garden = Garden()
    key = garden.plant("object", "Pod", finalizers=given.get("finalizers", []))
    garden.collect()
    after, gone = [], None
    for number, step in enumerate(given["steps"], 1):
        found = garden.get(key)
        if step["do"] == "delete" and found is not None:
            garden.client.delete(key, propagation=step.get("policy", ""))
        elif found is not None:
            garden.client.patch(key, {"metadata": {"finalizers": None}})
        garden.run(SETTLE_S)
        found = garden.get(key)
        after.append(None if found is None else found["metadata"].get("finalizers") or [])
        if found is None and gone is None:
            gone = number
    return {"finalizers_after_step": after, "gone_after_step": gone}


def classify_item(given):
    classes = given["owner_classes"]
    owners = Owners(*([{"uid": f"{word}-{n}"} for n in range(classes.get(word, 0))]
                      for word in ("solid", "dangling", "waiting")))
    item = {"metadata": {"name": "item", **(
        {"deletionTimestamp": "2025-06-15T15:06:40Z"} if given.get("item_terminating") else {})}}
    found = rule(item, owners, given.get("dependents", 0))
    policy = found.policy or None
    if found.action == "delete" and policy == "Background":
        # The item itself has no finalizers here; with one of the two its own policy holds.
        own = rule({"metadata": {"name": "item", "finalizers": [FOREGROUND]}}, owners, given.get("dependents", 0)).policy
        policy = "OwnFinalizersElseBackground" if own == "Foreground" else "Background"
    return {"action": found.action, "policy": policy, "owner_references_removed": list(found.strip)}


def graph_events(given):
    """The graph is the store's index by owner: let objects come and go, and ask for both ends of its edges."""
    garden = Garden()
    collector = garden.collect()
    for event in given["events"]:
        uid = event["uid"]
        if event["type"] == "delete":
            garden.store.commit(garden.keys.pop(uid), None)
            continue
        references = [{"apiVersion": "v1", "kind": "Pod", "name": f"object-{owner}", "uid": owner}
                      for owner in event.get("owners", [])]
        garden.keys[uid] = garden.put("Pod", f"object-{uid}", metadata={"uid": uid, "ownerReferences": references})
    there = {uid: garden.get(key) for uid, key in garden.keys.items()}
    dependents = {uid: sorted(objects.uid(child) for _, child in collector.dependents(obj)) for uid, obj in there.items()}
    return {"owners": {uid: [each["uid"] for each in objects.owners(obj)] for uid, obj in there.items()},
            "dependents_of_existing": {uid: found for uid, found in dependents.items() if found}}


def unblock_owner_references(given):
    return {"owner_references": unblocked(given["owner_references"])}
