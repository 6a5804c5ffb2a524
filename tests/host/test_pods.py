"""What a kubelet does with one pod: starts, restarts, waits, probes, evicts, ends."""

import pytest

from sim.api import objects
from sim.api.client import Key
from tests.host.cluster import S, Cluster


@pytest.fixture
def cluster():
    return Cluster("node01")


def shell(name, text, **more):
    return [{"name": name, "image": "busybox", "command": ["sh", "-c", text], **more}]


def test_a_container_is_pulled_created_and_started_once(cluster):
    cluster.make("web")
    cluster.run(0.5)
    assert cluster.state("web") == ("waiting", "ContainerCreating")
    cluster.run(20)
    assert cluster.state("web")[0] == "running" and objects.pod_ready(cluster.pod("web"))
    assert [reason for reason, _, _ in sorted(cluster.events("web"))] == ["Created", "Pulled", "Pulling", "Started"]
    cluster.make("again")
    cluster.run(20)
    assert ("Pulled", 'Container image "nginx" already present on machine', 1) not in cluster.events("again"), "latest: Always"


def test_a_crashing_container_backs_off_10_20_40(cluster):
    cluster.make("crash", containers=shell("c", "sleep 1; exit 3"))
    starts = []
    for _ in range(1000):
        cluster.run(0.25)
        if cluster.state("crash")[0] == "running":
            at = cluster.container("crash")["state"]["running"]["startedAt"], cluster.engine.now_us / S
            if not starts or starts[-1][0] != at[0]:
                starts.append(at)
    gaps = [round(b[1] - a[1]) for a, b in zip(starts, starts[1:])]
    assert gaps[0] <= 4 and 11 <= gaps[1] <= 15 and 21 <= gaps[2] <= 25 and 41 <= gaps[3] <= 45
    assert cluster.container("crash")["restartCount"] == len(starts) - 1
    last = cluster.container("crash")["lastState"]["terminated"]
    assert last["exitCode"] == 3 and last["reason"] == "Error"
    assert any(reason == "BackOff" and "crash_default(" in text for reason, text, _ in cluster.events("crash"))


@pytest.mark.parametrize(("policy", "code", "phase"), [
    ("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded"), ("OnFailure", 1, "Running"),
    ("Always", 0, "Running")])
def test_the_restart_policy_decides_the_phase(cluster, policy, code, phase):
    cluster.make("p", restartPolicy=policy, containers=shell("c", f"exit {code}"))
    cluster.run(30)
    assert cluster.pod("p")["status"]["phase"] == phase


def test_an_image_that_does_not_exist(cluster):
    cluster.make("bad", containers=[{"name": "c", "image": "nginx:1.999"}])
    cluster.run(5)
    assert cluster.state("bad") == ("waiting", "ErrImagePull")
    cluster.run(15)
    assert cluster.state("bad") == ("waiting", "ImagePullBackOff")
    assert "docker.io/library/nginx:1.999: not found" in cluster.container("bad")["state"]["waiting"]["message"]


def test_init_containers_run_in_order_and_a_sidecar_stays(cluster):
    cluster.make("p", initContainers=[
        *shell("one", "sleep 3"), {"name": "side", "image": "nginx", "restartPolicy": "Always"}, *shell("two", "sleep 1")])
    cluster.run(3)
    assert objects.condition_status(cluster.pod("p"), "Initialized") == "False"
    cluster.run(40)
    status = cluster.pod("p")["status"]
    assert status["phase"] == "Running" and objects.condition_status(cluster.pod("p"), "Initialized") == "True"
    assert [next(iter(c["state"])) for c in status["initContainerStatuses"]] == ["terminated", "running", "terminated"]


def test_a_failing_init_container_blocks_the_pod(cluster):
    cluster.make("p", initContainers=shell("one", "exit 1"))
    cluster.run(60)
    assert cluster.pod("p")["status"]["phase"] == "Pending"
    assert cluster.container("p", group="initContainerStatuses")["restartCount"] >= 2
    assert cluster.state("p") == ("waiting", "PodInitializing")


def test_liveness_kills_what_upstreams_example_breaks(cluster):
    cluster.make("live", containers=shell(
        "c", "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600",
        livenessProbe={"exec": {"command": ["cat", "/tmp/healthy"]}, "initialDelaySeconds": 5, "periodSeconds": 5}))
    cluster.run(40)
    assert cluster.container("live")["restartCount"] == 0
    cluster.run(60)
    assert cluster.container("live")["restartCount"] == 1 and "Unhealthy" in cluster.reasons("live")
    assert ("Killing", "Container c failed liveness probe, will be restarted", 1) in cluster.events("live")


def test_readiness_waits_for_the_port_and_refuses_another(cluster):
    probe = lambda port: {"httpGet": {"port": port, "path": "/"}, "initialDelaySeconds": 5, "periodSeconds": 5}
    cluster.make("good", containers=[{"name": "c", "image": "nginx", "readinessProbe": probe(80)}])
    cluster.make("bad", containers=[{"name": "c", "image": "nginx", "readinessProbe": probe(8080)}])
    cluster.run(12)
    assert cluster.state("good")[0] == "running" and not objects.pod_ready(cluster.pod("good"))
    cluster.run(10)
    assert objects.pod_ready(cluster.pod("good")) and not objects.pod_ready(cluster.pod("bad"))
    before = cluster.engine.events_processed
    cluster.run(3600)
    assert cluster.engine.events_processed - before < 120, "a probe that fails for ever costs few events"


def test_a_startup_probe_holds_the_others_back(cluster):
    cluster.make("db", containers=[{
        "name": "c", "image": "mysql", "startupProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 2}}])
    cluster.run(14)
    assert cluster.container("db")["started"] is False
    cluster.run(30)
    assert cluster.container("db")["started"] is True and objects.pod_ready(cluster.pod("db"))


def test_a_container_over_its_limit_is_killed(cluster):
    cluster.make("oom", containers=[{"name": "c", "image": "polinux/stress", "command": ["stress"], "args": [
        "--vm", "1", "--vm-bytes", "250M"], "resources": {"limits": {"memory": "100Mi"}}}])
    cluster.run(20)
    ended = cluster.container("oom")["lastState"]["terminated"]
    assert ended["reason"] == "OOMKilled" and ended["exitCode"] == 137


def test_a_program_that_ignores_term_takes_its_whole_grace(cluster):
    cluster.make("stubborn", containers=shell("c", "sleep 3600"), terminationGracePeriodSeconds=7)
    cluster.run(10)
    cluster.client.delete(Key("pods", "default", "stubborn"))
    cluster.run(6.5)
    assert cluster.pod("stubborn") is not None
    cluster.run(4)
    assert cluster.pod("stubborn") is None


def test_a_pre_stop_hook_counts_towards_the_grace(cluster):
    cluster.make("hook", containers=[{"name": "c", "image": "nginx", "lifecycle": {
        "preStop": {"exec": {"command": ["sh", "-c", "sleep 5"]}}}}])
    cluster.run(20)
    cluster.client.delete(Key("pods", "default", "hook"))
    cluster.run(5)
    assert cluster.pod("hook") is not None
    cluster.run(6)
    assert cluster.pod("hook") is None


def test_what_a_pod_needs_besides_its_image(cluster):
    cluster.make("env", containers=[{"name": "c", "image": "nginx", "envFrom": [{"configMapRef": {"name": "nope"}}]}])
    cluster.make("vol", volumes=[{"name": "v", "configMap": {"name": "nope"}}])
    cluster.run(20)
    assert cluster.state("env") == ("waiting", "CreateContainerConfigError")
    assert cluster.state("vol") == ("waiting", "ContainerCreating") and "FailedMount" in cluster.reasons("vol")
    cluster.client.create("configmaps", {"metadata": {"name": "nope", "namespace": "default"}, "data": {}})
    cluster.run(60)
    assert objects.pod_ready(cluster.pod("env")) and objects.pod_ready(cluster.pod("vol"))


def test_logs_are_kept_and_derived(cluster):
    cluster.make("talk", containers=shell("c", "while true; do echo hello; sleep 5; done"))
    cluster.make("crash", containers=shell("c", "echo bye; exit 1"))
    cluster.run(30)
    logs = cluster.network.listeners["node01", 10250]
    assert 4 <= len(logs.container_logs("default", "talk", "c")) <= 6
    assert [line.text for line in logs.container_logs("default", "crash", "c", previous=True)] == ["bye"]
    heard = []
    follower = logs.follow_logs("default", "talk", "c", heard.append)
    cluster.run(11)
    follower.stop()
    cluster.run(20)
    assert [line.text for line in heard] == ["hello", "hello"]
    for name, what in (("nothere", "cannot be found"), ("talk", "not available")):
        with pytest.raises(Exception, match=what):
            logs.container_logs("default", name, "x")


def test_memory_pressure_evicts_the_greedy_first(cluster):
    cluster.make("modest", containers=[{"name": "c", "image": "nginx", "resources": {"requests": {"memory": "64Mi"}}}])
    cluster.make("greedy", containers=[{"name": "c", "image": "mysql"}])
    cluster.run(40)
    cluster.fault("memory-pressure", "node01")
    cluster.run(1)
    assert objects.condition_status(cluster.store.get(Key("nodes", "", "node01")), "MemoryPressure") == "True"
    status = cluster.pod("greedy")["status"]
    assert status["phase"] == "Failed" and status["reason"] == "Evicted"
    assert status["message"].startswith("The node was low on resource: memory. Threshold quantity: 100Mi, available: ")
    assert cluster.pod("modest")["status"]["phase"] == "Running"
    cluster.fault("memory-pressure", "node01", end=True)
    cluster.run(330)
    assert objects.condition_status(cluster.store.get(Key("nodes", "", "node01")), "MemoryPressure") == "False"


def test_pods_of_a_dead_node_stay_pending_and_containers_outlive_the_kubelet(cluster):
    cluster.make("web")
    cluster.run(20)
    before = cluster.container("web")["containerID"]
    cluster.host("node01").unit("kubelet").stop()
    cluster.make("late")
    cluster.run(30)
    assert cluster.pod("late")["status"]["phase"] == "Pending"
    cluster.client.delete(Key("pods", "default", "web"), grace_seconds=0)
    cluster.make("other")
    cluster.host("node01").unit("kubelet").start()
    cluster.run(30)
    assert objects.pod_ready(cluster.pod("late")) and before
    assert [s.name for s in cluster.host("node01").runtime.sandboxes.values() if s.namespace == "default"] == ["late", "other"]


def test_a_reboot_is_seen_everywhere(cluster):
    cluster.make("web")
    cluster.run(20)
    boot = cluster.store.get(Key("nodes", "", "node01"))["status"]["nodeInfo"]["bootID"]
    cluster.fault("reboot", "node01")
    cluster.run(90)
    assert cluster.store.get(Key("nodes", "", "node01"))["status"]["nodeInfo"]["bootID"] != boot
    assert any(reason == "Rebooted" for reason in cluster.reasons("node01"))
    assert cluster.container("web")["restartCount"] == 1 and objects.pod_ready(cluster.pod("web"))
    assert "SandboxChanged" in cluster.reasons("web")


def test_a_pod_ends_at_its_deadline_and_a_full_disk_refuses(cluster):
    cluster.make("short", activeDeadlineSeconds=20, restartPolicy="Never")
    cluster.run(30)
    status = cluster.pod("short")["status"]
    assert status["phase"] == "Failed" and status["reason"] == "DeadlineExceeded"
    cluster.fault("full-disk", "node01")
    with pytest.raises(OSError, match="No space left on device"):
        cluster.host("node01").files.view().write("/root/x", b"x")
    cluster.fault("full-disk", "node01", end=True)
    cluster.host("node01").files.view().write("/root/x", b"x")


def hooked(*command):
    return [{"name": "c", "image": "nginx", "lifecycle": {"postStart": {"exec": {"command": list(command)}}}}]


def test_a_post_start_hook_holds_the_pod_up_and_kills_it_when_it_fails(cluster):
    cluster.make("slow", containers=hooked("sh", "-c", "sleep 20"))
    cluster.make("bad", containers=hooked("sh", "-c", "exit 3"))
    cluster.run(20)
    assert cluster.state("slow") == ("waiting", "ContainerCreating")
    assert {"FailedPostStartHook", "Killing"} <= set(cluster.reasons("bad"))
    cluster.run(12)
    assert objects.pod_ready(cluster.pod("slow"))
    assert cluster.state("bad") == ("waiting", "CrashLoopBackOff")
    found = [e["message"] for e in cluster.store.list("events") if e["reason"] == "Killing" and e["involvedObject"]["name"] == "bad"]
    assert found[0] == "FailedPostStartHook"


def test_disk_pressure_evicts_what_asked_for_no_disk_first_then_low_priority(cluster):
    asks = {"requests": {"ephemeral-storage": "1Gi"}}
    cluster.client.create("priorityclasses", {"metadata": {"name": "high"}, "value": 1000})
    cluster.make("careful", containers=[{"name": "c", "image": "nginx", "resources": asks}])
    cluster.make("careless", containers=[{"name": "c", "image": "nginx"}], priorityClassName="high")
    cluster.make("chatty", containers=shell("c", "while true; do echo hello; sleep 0.1; done"), priorityClassName="high")
    cluster.run(40)
    cluster.fault("disk-pressure", "node01")
    cluster.run(45)
    gone = sorted((each["firstTimestamp"], each["involvedObject"]["name"]) for each in cluster.store.list("events")
                  if each["reason"] == "Evicted" and each["involvedObject"]["namespace"] == "default")
    assert [name for _, name in gone] == ["chatty", "careless", "careful"]
    node = cluster.store.get(Key("nodes", "", "node01"))
    assert objects.condition_status(node, "DiskPressure") == "True"
    message = cluster.pod("careless")["status"]["message"]
    assert message.startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
    assert message.endswith("Container c was using 20Ki, request is 0, has larger consumption of ephemeral-storage. ")
    assert "Container" not in cluster.pod("careful")["status"]["message"]
