"""Autoscalers on modelled load: a whole cluster with metrics-server, and the arithmetic by itself."""

import pytest

from sim.api import objects
from sim.api.client import Key
from sim.api.errors import StatusError
from sim.controllers.autoscaling import behavior, replicas
from sim.engine import SECOND_US
from sim.lab.install.addons import metrics_server
from tests.host.cluster import Cluster

SCALER = Key("horizontalpodautoscalers", "default", "php-apache")
LOAD = ["/bin/sh", "-c", "while sleep 0.01; do wget -q -O- http://php-apache; done"]


def template(name, image, command=None, requests=None):
    container = {"name": name, "image": image, "resources": {"requests": requests or {}}}
    return {"metadata": {"labels": {"run": name}}, "spec": {"containers": [
        {**container, **({"command": command} if command else {})}]}}


@pytest.fixture(scope="module")
def scaled():
    """The walk-through of the Kubernetes documentation: php-apache, an autoscaler, a load generator."""
    cluster = Cluster("node01", "node02")
    with pytest.raises(StatusError) as none:
        cluster.client.list("pods.metrics.k8s.io")
    assert none.value.code == 404
    metrics_server(cluster.client)
    with pytest.raises(StatusError) as unready:
        cluster.client.list("pods.metrics.k8s.io")
    assert unready.value.code == 503
    cluster.client.create("deployments", {"metadata": {"name": "php-apache", "namespace": "default"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"run": "php-apache"}},
        "template": template("php-apache", "registry.k8s.io/hpa-example", requests={"cpu": "200m"})}})
    cluster.client.create("services", {"metadata": {"name": "php-apache", "namespace": "default"}, "spec": {
        "selector": {"run": "php-apache"}, "ports": [{"port": 80}]}})
    cluster.client.create("horizontalpodautoscalers", {"metadata": {"name": SCALER.name, "namespace": "default"}, "spec": {
        "minReplicas": 1, "maxReplicas": 10, "scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "php-apache"}, "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
    return cluster


def test_an_autoscaler_follows_load_up_and_after_five_minutes_down(scaled):
    status = {}

    def look():
        status.update(scaled.store.get(SCALER)["status"])
        return scaled.store.get(Key("deployments", "default", "php-apache"))["spec"]["replicas"]

    scaled.run(200)
    assert look() == 1
    assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 0
    assert {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]} == {
        "AbleToScale": ("True", "ScaleDownStabilized"), "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange")}
    scaled.client.create("pods", {"metadata": {"name": "load", "namespace": "default"}, "spec": {
        "containers": [{"name": "load", "image": "busybox:1.28", "command": LOAD}]}})
    scaled.run(22)
    assert look() == 4  # 300 % of 50 % ask for 6; at most 4, or twice the present size, in one step
    scaled.run(120)
    assert look() == 6
    assert status["currentMetrics"][0]["resource"]["current"] == {"averageUtilization": 50, "averageValue": "101m"}
    reasons = [e["message"] for e in scaled.store.list("events") if e["reason"] == "SuccessfulRescale"]
    assert reasons == ["New size: 4; reason: cpu resource utilization (percentage of request) above target",
                       "New size: 6; reason: "]  # what it recommended before, while the new pods were too young to count
    scaled.client.delete(Key("pods", "default", "load"), grace_seconds=0)
    scaled.run(120)
    assert look() == 6
    assert objects.condition({"status": status}, "AbleToScale")["reason"] == "ScaleDownStabilized"
    scaled.run(300)
    assert look() == 1
    scaled.run(600)
    changes = len(scaled.store.changes)
    scaled.run(600)
    assert [c.key for c in scaled.store.changes[changes:] if c.key.resource == SCALER.resource] == []


def test_a_node_that_is_off_has_no_metrics(scaled):
    scaled.run(60)
    names = [objects.name(each) for each in scaled.client.list("nodes.metrics.k8s.io")]
    assert names == ["controlplane", "node01", "node02"]
    pod = next(p for p in scaled.store.list("pods", "kube-system") if "metrics-server" in objects.name(p))
    other = next(n for n in ("node01", "node02") if n != pod["spec"]["nodeName"])
    scaled.fault("power-off", other)
    assert other not in [objects.name(each) for each in scaled.client.list("nodes.metrics.k8s.io")]
    with pytest.raises(StatusError) as lost:
        scaled.client.get(Key("nodes.metrics.k8s.io", "", other))
    assert lost.value.message == f'nodemetrics.metrics.k8s.io "{other}" not found'


# ---- the arithmetic -----------------------------------------------------------------------------------------------
NOW_US = 1_000_000 * SECOND_US


def pods(number, **more):
    began = "1970-01-01T00:00:00Z"
    return [{"metadata": {"name": f"p{n}", "namespace": "default"}, "spec": {"containers": [
        {"name": "c", "resources": {"requests": {"cpu": "100m"}}}]}, "status": {
        "phase": "Running", "startTime": began, "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": began}],
        **more}} for n in range(number)]


def asked(found, values, target=50, present=None):
    samples = {f"p{n}": replicas.Sample(value, NOW_US, 0) for n, value in enumerate(values)}
    wanted = replicas.requests(found, "cpu", "", names=True)
    return replicas.resource_replicas(found, samples, "cpu", present or len(found), target, now_us=NOW_US, asked=wanted).replicas


@pytest.mark.parametrize(("values", "size"), [
    ([50, 50], 2), ([54, 54], 2), ([56, 56], 3), ([100, 100], 4), ([10, 10], 1), ([46, 46], 2), ([44, 44], 2), ([0, 0], 0)])
def test_sizes_follow_the_ratio_beyond_a_tolerance_of_a_tenth(values, size):
    assert asked(pods(2), values) == size


def test_missing_pods_count_as_idle_on_the_way_up_and_as_full_on_the_way_down():
    assert asked(pods(3), [100, 100]) == 4   # 200 of 300 asked for: 66 %
    assert asked(pods(3), [10, 10]) == 3     # 120 of 300: 40 %


def test_a_pod_without_request_is_named():
    found = pods(1)
    found[0]["spec"]["containers"][0]["resources"] = {}
    with pytest.raises(replicas.NoMetric, match="missing request for cpu in container c of Pod p0"):
        asked(found, [1])


def test_policies_pace_both_ways():
    memory, minute_us = behavior.Memory(), 60 * SECOND_US
    rules = {"scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 2, "periodSeconds": 60}]}, "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Min",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}, {"type": "Pods", "value": 1, "periodSeconds": 60}]}}
    spec = {"minReplicas": 1, "maxReplicas": 20, "behavior": rules}
    up = behavior.normalize(memory, spec, 4, 10, minute_us)
    assert (up.size, up.limited[0], up.holds) == (6, "ScaleUpLimit", True)
    memory.scaled(minute_us, 2)
    assert behavior.normalize(memory, spec, 6, 10, minute_us + 15 * SECOND_US).size == 6
    assert behavior.normalize(memory, spec, 6, 10, 3 * minute_us).size == 8
    memory.scaled(3 * minute_us, 2)
    down = behavior.normalize(memory, spec, 8, 2, 10 * minute_us)
    assert (down.size, down.limited[0]) == (7, "ScaleDownLimit")
    spec["behavior"]["scaleDown"]["selectPolicy"] = "Disabled"
    assert behavior.normalize(memory, spec, 8, 2, 20 * minute_us).size == 8
