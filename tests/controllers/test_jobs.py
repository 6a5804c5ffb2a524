"""Jobs that count by index, stop by policy, and sets that keep or lose their claims."""

import pytest

from sim.api import objects
from sim.api.client import Key
from sim.api.errors import StatusError
from tests.controllers.test_breadth import stateful, template
from tests.controllers.test_cluster import World

JOB = Key("jobs", "default", "job")
FAIL_INDEX = {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]}


def start(world, **spec):
    world.kubelet.create("jobs", {"metadata": {"name": "job", "namespace": "default"}, "spec": {
        "template": template("job", restartPolicy="Never"), **spec}})
    world.run(3)


def running(world):
    """Give the running pods by index."""
    return {int(objects.annotations(pod)["batch.kubernetes.io/job-completion-index"]): pod
            for pod in world.store.list("pods", "default")
            if objects.dig(pod, "status.phase") == "Running" and not objects.deleting(pod)}


def end(world, pod, code=0):
    now = "2025-06-15T15:06:40Z"
    status = {**pod["status"], "phase": "Failed" if code else "Succeeded", "containerStatuses": [
        {"name": "c", "state": {"terminated": {"exitCode": code, "finishedAt": now}}}]}
    world.kubelet.update(objects.key("pods", pod), {**pod, "status": status}, subresource="status")


def conditions(world):
    return {c["type"]: c.get("reason", "") for c in objects.dig(world.store.get(JOB), "status.conditions", [])}


def test_an_index_is_lost_after_its_own_failures_and_the_others_go_on():
    world = World()
    start(world, completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=1)
    assert world.store.get(JOB)["spec"]["backoffLimit"] == 2147483647
    end(world, running(world)[1], 1)
    world.run(5)
    assert sorted(running(world)) == [0, 2], "index 1 waits for ten seconds"
    world.run(10)
    again = running(world)[1]
    assert objects.annotations(again)["batch.kubernetes.io/job-index-failure-count"] == "1"
    end(world, again, 1)
    world.run(5)
    assert world.store.get(JOB)["status"]["failedIndexes"] == "1"
    world.run(60)
    assert sorted(running(world)) == [0, 2]
    for pod in running(world).values():
        end(world, pod)
    world.run(5)
    assert conditions(world) == {"FailureTarget": "FailedIndexes", "Failed": "FailedIndexes"}
    status = world.store.get(JOB)["status"]
    assert (status["completedIndexes"], status["succeeded"], status["failed"]) == ("0,2", 2, 2)


def test_too_many_lost_indexes_end_the_job_and_its_pods():
    world = World()
    start(world, completions=4, parallelism=4, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=1)
    for index, seconds in ((0, 3), (3, 1.1)):
        end(world, running(world)[index], 1)
        world.run(seconds)
    assert conditions(world) == {"FailureTarget": "MaxFailedIndexesExceeded"}
    seen = [objects.dig(change.new, "status.failedIndexes", "") for change in world.store.changes if change.key == JOB]
    assert "0,3" in seen  # later its other pods, which end with it, count too
    world.run(5)
    assert conditions(world)["Failed"] == "MaxFailedIndexesExceeded"
    assert running(world) == {}


def test_an_exit_code_can_lose_an_index_at_once():
    world = World()
    start(world, completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=5, podFailurePolicy=FAIL_INDEX)
    end(world, running(world)[0], 42)
    world.run(3)
    assert world.store.get(JOB)["status"]["failedIndexes"] == "0"


def test_a_success_policy_ends_the_job_before_its_last_index():
    world = World()
    start(world, completions=5, parallelism=5, completionMode="Indexed", successPolicy={"rules": [
        {"succeededIndexes": "0", "succeededCount": 1}, {"succeededCount": 3}]})
    end(world, running(world)[4])
    world.run(2)
    assert conditions(world) == {}
    end(world, running(world)[0])
    world.run(1.2)
    assert conditions(world) == {"SuccessCriteriaMet": "SuccessPolicy"}, "its other pods are still going"
    world.run(5)
    assert conditions(world) == {"SuccessCriteriaMet": "SuccessPolicy", "Complete": "SuccessPolicy"}
    found = objects.condition(world.store.get(JOB), "Complete")
    assert found["message"] == "Matched rules at index 0"
    assert world.store.get(JOB)["status"]["succeeded"] == 2


def test_pods_are_replaced_only_when_they_have_failed_if_so_wished():
    for policy, wanted in (("TerminatingOrFailed", 2), ("Failed", 1)):
        world = World()
        start(world, podReplacementPolicy=policy)
        (pod,) = world.store.list("pods", "default")
        world.silent.add(pod["spec"]["nodeName"])  # its kubelet does not end it
        world.kubelet.delete(objects.key("pods", pod))
        world.run(30)
        assert len(world.store.list("pods", "default")) == wanted, policy
        assert world.store.get(JOB)["status"]["terminating"] == 1


def test_a_suspended_job_gives_its_pods_up_and_begins_anew():
    world = World()
    start(world)
    world.kubelet.patch(JOB, {"spec": {"suspend": True}})
    world.run(5)
    assert conditions(world) == {"Suspended": "JobSuspended"}
    assert "startTime" not in world.store.get(JOB)["status"] and world.store.list("pods", "default") == []
    world.kubelet.patch(JOB, {"spec": {"suspend": False}})
    world.run(5)
    assert conditions(world) == {"Suspended": "JobResumed"}
    assert len(world.store.list("pods", "default")) == 1


def test_a_job_of_another_manager_is_left_alone():
    world = World()
    start(world, managedBy="example.com/kueue")
    assert world.store.list("pods", "default") == []


@pytest.mark.parametrize(("spec", "text"), [
    ({"backoffLimitPerIndex": 1}, "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"),
    ({"completions": 1, "completionMode": "Indexed", "maxFailedIndexes": 1},
     "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
    ({"podFailurePolicy": FAIL_INDEX},
     'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'),
    ({"completions": 1, "completionMode": "Indexed", "successPolicy": {"rules": [{}]}},
     "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified"),
])
def test_limits_that_make_no_sense_are_refused(spec, text):
    with pytest.raises(StatusError) as refused:
        start(World(), **spec)
    assert text in refused.value.message


# ---- stateful sets ------------------------------------------------------------------------------------------------
CLAIM = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none",
                                                 "volumeName": "pv", "resources": {"requests": {"storage": "1Gi"}}}}]


def claims(world):
    return [objects.name(each) for each in world.store.list("persistentvolumeclaims", "default")]


@pytest.mark.parametrize(("policy", "after_scaling", "after_deleting"), [
    ({}, 3, 3), ({"whenScaled": "Delete"}, 1, 1), ({"whenDeleted": "Delete"}, 3, 0),
    ({"whenScaled": "Delete", "whenDeleted": "Delete"}, 1, 0)])
def test_claims_go_with_the_set_or_with_its_pods_as_the_policy_says(policy, after_scaling, after_deleting):
    world = World()
    for pod in range(3):  # pods wait for bound claims
        world.kubelet.create("persistentvolumes", {"metadata": {"name": f"pv-{pod}"}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "hostPath": {"path": "/x"}}})
    stateful(world, podManagementPolicy="Parallel", persistentVolumeClaimRetentionPolicy=policy, volumeClaimTemplates=[
        {**CLAIM[0], "spec": {k: v for k, v in CLAIM[0]["spec"].items() if k != "volumeName"}}])
    world.run(20)
    assert len(claims(world)) == 3
    world.kubelet.patch(Key("statefulsets", "default", "db"), {"spec": {"replicas": 1}})
    world.run(20)
    assert len(claims(world)) == after_scaling
    world.kubelet.delete(Key("statefulsets", "default", "db"), propagation="Background")
    world.run(20)
    assert len(claims(world)) == after_deleting


def test_several_pods_of_a_set_roll_at_once_where_it_says_so():
    world = World()
    stateful(world, replicas=5, podManagementPolicy="Parallel", updateStrategy={
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "40%"}})
    world.run(10)
    going = []
    world.kubelet.watch("pods", lambda change: going.append((world.engine.now_us, change.key.name))
                        if change.new is not None and objects.deleting(change.new) else None)
    world.kubelet.patch(Key("statefulsets", "default", "db"), {
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}})
    world.run(30)
    assert [name for _, name in going][:4] == ["db-4", "db-3", "db-2", "db-1"]
    assert going[0][0] == going[1][0] < going[2][0]
    assert world.store.get(Key("statefulsets", "default", "db"))["status"]["updatedReplicas"] == 5
