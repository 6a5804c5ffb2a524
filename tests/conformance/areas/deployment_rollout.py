"""Deployments: single steps of the simulator's own controller on a Deployment and its ReplicaSets."""

from sim.api import objects
from sim.controllers.workloads import rolling
from sim.controllers.workloads.deployment import DeploymentController

from tests.conformance.areas.world import World, check_words, differences

STEP = {"replicas", "maxSurge", "maxUnavailable", "old_replicas", "new_replicas"}
RESOLVED = ({"strategy", "deployment"}, {"value"})
WORDS = {
    "reconcile_new_replicaset": (STEP, {"scaled", "new_replicas"}),
    "reconcile_old_replicasets": (STEP | {"available_old", "available_new"}, {"scaled", "old_replicas"}),
    "cleanup_unhealthy": ({"replicas", "old_replicas", "available_old", "max_cleanup"}, {"cleaned"}),
    "scale_down_old": ({"replicas", "maxSurge", "maxUnavailable", "old_replicas", "available"},
                       {"scaled", "old_replicas"}),
    "proportional_scale": ({"deployment", "old_deployment", "template_changed", "new_rs", "old_rss",
                            "desired_annotations"}, {"new_replicas", "old_replicas", "not_updated"}),
    "cleanup_history": ({"revisionHistoryLimit", "old_rss"}, {"deleted"}),
    "resolve_fenceposts": ({"maxSurge", "maxUnavailable", "replicas"}, {"error", "surge", "unavailable"}),
    "new_rs_replicas": ({"strategy", "replicas", "new_rs_replicas", "old_replicas", "maxSurge"}, {"replicas"}),
    "MaxUnavailable": RESOLVED,
    "MinAvailable": RESOLVED,
    "deployment_complete": ({"replicas", "generation", "status"}, {"complete"}),
    "deployment_progressing": ({"before", "after"}, {"progressing"}),
    "deployment_timed_out": ({"progressDeadlineSeconds", "progressing_condition", "seconds_since_last_update"},
                             {"timed_out"}),
    "replicaset_fraction": ({"deployment_replicas", "deployment_status_replicas", "maxSurge", "rs_replicas",
                             "rs_annotations", "terminating_replicas_gate"}, {"fraction"}),
}


def judge(given, expect):
    check_words(given, expect, *WORDS[given["op"]])
    actual = globals()[given["op"]](given)
    if "not_updated" in expect:
        # Upstream's test looks only at those that it names.
        actual["not_updated"] = [name for name in expect["not_updated"] if name in actual["not_updated"]]
    return differences(actual, expect)


def strategy(spec, kind="RollingUpdate"):
    if kind != "RollingUpdate":
        return {"type": kind}
    return {"type": kind, "rollingUpdate": {word: spec.get(word) for word in ("maxSurge", "maxUnavailable")}}


class Rollout:
    """A Deployment `foo` with ReplicaSets; the new one has its template."""

    def __init__(self, spec, kind="RollingUpdate", **more):
        self.world = World()
        template = {"metadata": {"labels": {"app": "foo"}}, "spec": {"containers": [{"name": "c", "image": "new"}]}}
        self.key = self.world.put("Deployment", "foo", metadata={"generation": 1}, spec={
            "replicas": spec.get("replicas"), "strategy": strategy(spec, kind), "template": template,
            "selector": {"matchLabels": {"app": "foo"}}, **more}, status={})
        self.template = template
        self.controller = DeploymentController(self.world.engine, self.world.client)

    @property
    def deployment(self):
        return self.world.get(self.key)

    def put_set(self, name, replicas, *, new=False, available=0, replicas_status=0, created_s=0, annotations=None,
                deleting=False):
        image = "new" if new else f"old-{name}"
        labels = {"app": "foo", "pod-template-hash": name}
        template = objects.put(self.template, "spec.containers", [{"name": "c", "image": image}])
        return self.world.put("ReplicaSet", name, created_s=created_s, metadata={
            "labels": labels, "annotations": annotations or {}, "generation": 1,
            "ownerReferences": [objects.controller_reference(self.deployment)],
            **({"deletionTimestamp": self.world.stamp()} if deleting else {})},
            spec={"replicas": replicas, "selector": {"matchLabels": labels},
                  "template": objects.put(template, "metadata.labels", labels)},
            status={"replicas": replicas_status, "availableReplicas": available, "observedGeneration": 1})

    def size(self, key):
        return self.world.get(key)["spec"]["replicas"]


def reconcile_new_replicaset(given):
    case = Rollout(given)
    old = case.put_set("old", given["old_replicas"])
    new = case.put_set("new", given["new_replicas"], new=True, created_s=1)
    scaled = case.controller.reconcile_new(case.deployment, case.world.get(new), [case.world.get(old)])
    return {"scaled": scaled, "new_replicas": case.size(new)}


def reconcile_old_replicasets(given):
    case = Rollout(given)
    old = case.put_set("old", given["old_replicas"], available=given["available_old"])
    new = case.put_set("new", given["new_replicas"], new=True, available=given["available_new"], created_s=1)
    scaled = case.controller.reconcile_old(case.deployment, case.world.get(new), [case.world.get(old)])
    return {"scaled": scaled, "old_replicas": case.size(old)}


def cleanup_unhealthy(given):
    case = Rollout(given)
    old = case.world.get(case.put_set("old", given["old_replicas"], available=given["available_old"]))
    cuts = rolling.unhealthy_cuts([old], given["max_cleanup"])
    return {"cleaned": sum(given["old_replicas"] - size for size in cuts.values())}


def scale_down_old(given):
    case = Rollout(given)
    old = case.put_set("old", given["old_replicas"], available=given["available"])
    spare = given["available"] - rolling.min_available(case.deployment)
    cuts = rolling.available_cuts([case.world.get(old)], spare) if spare > 0 else {}
    return {"scaled": bool(cuts), "old_replicas": cuts.get("old", given["old_replicas"])}


def proportional_scale(given):
    case = Rollout(given["deployment"])
    before = Rollout(given["old_deployment"]).deployment
    desired = given.get("desired_annotations", {})
    keys = {}

    def put(row, *, new):
        wanted = desired.get(row["name"], rolling.size(before))
        marks = {rolling.DESIRED: str(wanted), rolling.MAXIMUM: str(wanted + rolling.max_surge(before))}
        keys[row["name"]] = case.put_set(row["name"], row["replicas"], new=new, created_s=row["created_s"] - 10**9,
                                         annotations=marks)

    for row in given.get("old_rss", []):
        put(row, new=False)
    if given["new_rs"]:
        # A template that changes in the same update leaves no ReplicaSet that fits it.
        put(given["new_rs"], new=not given["template_changed"])
    asked = len(case.world.store.changes)
    case.controller.running = True
    if not given["template_changed"]:
        case.controller.scale(case.deployment)
    touched = {change.key.name for change in case.world.store.changes[asked:] if change.key.resource == "replicasets"}
    return {"new_replicas": case.size(keys[given["new_rs"]["name"]]) if given["new_rs"] else None,
            "old_replicas": [case.size(keys[row["name"]]) for row in given.get("old_rss", [])],
            "not_updated": [name for name in keys if name not in touched]}


def cleanup_history(given):
    case = Rollout({"replicas": 1}, revisionHistoryLimit=given["revisionHistoryLimit"])
    keys = [case.put_set(row["name"], row["spec_replicas"], replicas_status=row["status_replicas"],
                         deleting=row["terminating"], created_s=number) for number, row in enumerate(given["old_rss"])]
    case.controller.clean(case.deployment)
    return {"deleted": sum(1 for key in keys if case.world.get(key) is None)}


def resolve_fenceposts(given):
    try:
        surge, unavailable = rolling.fenceposts(given["maxSurge"], given["maxUnavailable"], given["replicas"])
    except ValueError:
        return {"error": True, "surge": 0, "unavailable": 0}
    return {"error": False, "surge": surge, "unavailable": unavailable}


def new_rs_replicas(given):
    case = Rollout({**given, "maxUnavailable": 1}, given["strategy"])
    old = case.world.get(case.put_set("old", given["old_replicas"]))
    new = case.world.get(case.put_set("new", given["new_rs_replicas"], new=True))
    return {"replicas": rolling.new_size(case.deployment, new, [old, new])}


def MaxUnavailable(given):  # noqa: N802  (the word of the table)
    return {"value": rolling.max_unavailable(Rollout(given["deployment"], given["strategy"]).deployment)}


def MinAvailable(given):  # noqa: N802
    return {"value": rolling.min_available(Rollout(given["deployment"], given["strategy"]).deployment)}


def deployment_complete(given):
    deployment = {"metadata": {"generation": given["generation"]}, "spec": {"replicas": given["replicas"]}}
    return {"complete": rolling.complete(deployment, given["status"])}


def deployment_progressing(given):
    return {"progressing": rolling.progressing(given["before"], given["after"])}


def deployment_timed_out(given):
    world = World()
    condition = {"type": "Progressing", **given["progressing_condition"],
                 "lastUpdateTime": world.stamp(-given["seconds_since_last_update"])}
    deployment = {"spec": {"progressDeadlineSeconds": given["progressDeadlineSeconds"]}}
    return {"timed_out": rolling.timed_out(deployment, condition, world.engine.unix_us)}


def replicaset_fraction(given):
    # With the gate on the share is the same as long as no ReplicaSet was told how large it was before.
    case = Rollout({"replicas": given["deployment_replicas"], "maxSurge": given["maxSurge"], "maxUnavailable": 0})
    deployment = objects.put(case.deployment, "status.replicas", given["deployment_status_replicas"])
    found = case.world.get(case.put_set("rs", given["rs_replicas"], annotations=given.get("rs_annotations")))
    return {"fraction": rolling.fraction(deployment, found)}


