"""Other clients: the official Python client over a socket, an httpx client in this process, and what fuzzing finds."""

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

import sim
from sim.http.front import Answer, Ask, Front
from sim.http.library import in_process
from tests.lab_fixtures import lab


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with sim.serve("first-steps", speed=30) as served:
        path = tmp_path_factory.mktemp("kube") / "config"
        served.write_kubeconfig(path)
        config.load_kube_config(str(path))
        yield served


def pod(name):
    return client.V1Pod(metadata=client.V1ObjectMeta(name=name, labels={"app": "x"}), spec=client.V1PodSpec(
        containers=[client.V1Container(name="c", image="nginx")]))


def test_the_official_python_client_makes_its_tour(cluster):
    core, apps, policy = client.CoreV1Api(), client.AppsV1Api(), client.PolicyV1Api()
    assert [node.metadata.name for node in core.list_node().items] == ["controlplane", "node01"]
    made = core.create_namespaced_pod("default", pod("tour"))
    seen = []
    stream = watch.Watch()
    for event in stream.stream(core.list_namespaced_pod, "default", resource_version=made.metadata.resource_version,
                               field_selector="metadata.name=tour", timeout_seconds=120):
        seen.append(event["object"].status.phase)
        if seen[-1] == "Running":
            break
    assert seen[-1] == "Running"
    core.patch_node("node01", {"spec": {"unschedulable": True}})
    assert core.read_node("node01").spec.unschedulable
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="tour", namespace="default"))
    core.create_namespaced_pod_eviction("tour", "default", eviction)
    cluster.advance(60)
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_pod("tour", "default")
    assert gone.value.status == 404
    core.patch_node("node01", {"spec": {"unschedulable": None}})
    spec = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "shop"}}, "template": {
            "metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}
    apps.create_namespaced_deployment("default", spec)
    cluster.advance(60)
    assert apps.read_namespaced_deployment_status("shop", "default").status.ready_replicas == 2
    policy.create_namespaced_pod_disruption_budget("default", {"metadata": {"name": "shop"}, "spec": {
        "minAvailable": 2, "selector": {"matchLabels": {"app": "shop"}}}})
    cluster.advance(5)
    name = core.list_namespaced_pod("default", label_selector="app=shop").items[0].metadata.name
    with pytest.raises(ApiException) as blocked:
        core.create_namespaced_pod_eviction(name, "default", client.V1Eviction(metadata=client.V1ObjectMeta(name=name)))
    assert blocked.value.status == 429 and "disruption budget" in blocked.value.body


def test_a_lease_elects_one_leader(cluster):
    leases = client.CoordinationV1Api()
    lease = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}}
    first = leases.create_namespaced_lease("default", lease)
    stale = first.metadata.resource_version
    leases.replace_namespaced_lease("leader", "default", {**lease, "metadata": {"name": "leader", "resourceVersion": stale},
                                                          "spec": {"holderIdentity": "b"}})
    with pytest.raises(ApiException) as late:
        leases.replace_namespaced_lease("leader", "default", {**lease, "metadata": {"name": "leader", "resourceVersion": stale}})
    assert late.value.status == 409


def test_pages_are_one_consistent_list(cluster):
    core = client.CoreV1Api()
    whole = [each.metadata.name for each in core.list_namespaced_pod("kube-system").items]
    found, token = [], None
    while True:
        page = core.list_namespaced_pod("kube-system", limit=3, _continue=token)
        found += [each.metadata.name for each in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert found == whole and len(found) > 3


def test_the_server_s_restart_ends_a_watch_and_a_new_one_goes_on():
    with sim.serve("first-steps") as cluster, httpx.Client(base_url=cluster.url, timeout=20) as http:
        since = http.get("/api/v1/nodes").json()["metadata"]["resourceVersion"]
        with http.stream("GET", f"/api/v1/nodes?watch=true&resourceVersion={since}") as stream:
            cluster.call(lambda world: world.fault("kill", "controlplane/kube-apiserver"))
            cluster.advance(5)
            assert b"".join(stream.iter_bytes()) == b""
        cluster.advance(60)
        http.patch("/api/v1/nodes/node01", content=b'{"metadata":{"labels":{"a":"b"}}}',
                   headers={"Content-Type": "application/merge-patch+json"}).raise_for_status()
        with http.stream("GET", f"/api/v1/nodes?watch=true&resourceVersion={since}") as stream:
            first = json.loads(next(stream.iter_lines()))
        assert first["type"] == "MODIFIED"


def test_an_httpx_client_in_this_process_lets_time_pass_while_it_watches():
    world = lab("first-steps")
    with httpx.Client(transport=in_process(world, httpx), base_url="http://lab") as http:
        http.post("/api/v1/namespaces/default/pods", json={
            "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}).raise_for_status()
        began = world.now_us
        with http.stream("GET", "/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=60") as stream:
            phases = [json.loads(line)["object"]["status"].get("phase") for line in stream.iter_lines()]
        assert phases[-1] == "Running" and world.now_us - began >= 59_000_000
        assert http.get("/api/v1/nosuch").status_code == 404
    world.close()


WORDS = st.sampled_from(["api", "apis", "v1", "apps", "namespaces", "default", "kube-system", "pods", "nodes", "node01", "deployments",
                         "status", "log", "scale", "eviction", "blue", "openapi", "v3", "healthz", "x", "", "%2f", "é", "heartbeat"])
QUERIES = st.dictionaries(st.sampled_from(["watch", "limit", "continue", "labelSelector", "fieldSelector", "resourceVersion",
                                           "dryRun", "fieldValidation", "force", "gracePeriodSeconds", "timeoutSeconds", "index",
                                           "value", "as", "patchType", "follow", "sendInitialEvents", "propagationPolicy"]),
                          st.sampled_from(["true", "1", "-1", "x", "", "All", "a=b", "metadata.name=x", "99999999999999999999",
                                           "Table", "json", "node", "Foreground"]), max_size=3)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.sampled_from(["metadata", "spec", "name", "kind", "apiVersion", "labels", "status", "a"]),
                                        inner, max_size=4), max_leaves=8)
BODIES = st.binary(max_size=30) | VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20).map(lambda b: b"k8s\x00" + b)
TYPES = st.sampled_from(["application/json", "application/merge-patch+json", "application/strategic-merge-patch+json",
                         "application/json-patch+json", "application/apply-patch+yaml", "application/yaml", "text/html", "",
                         "application/vnd.kubernetes.protobuf"])
ASKS = st.builds(lambda method, words, query, kind, accept, body: Ask(
    method, "/" + "/".join(words), query, {"content-type": kind, "accept": accept}, body),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]), st.lists(WORDS, max_size=8), QUERIES, TYPES,
    st.sampled_from(["", "application/json", "*/*", "application/json;as=Table;v=v1;g=meta.k8s.io", "nonsense;;=", "application/json;as=X"]),
    BODIES)


def fuzz(examples):
    world = lab("first-steps")
    front = Front(world)

    @settings(max_examples=examples)
    @given(ASKS)
    def play(ask):
        found = front.answer(ask)
        if isinstance(found, Answer):
            assert found.code != 500 and found.code < 505, (ask, found)
        else:
            found.end()

    play()
    world.close()


def test_any_request_gets_an_answer():
    fuzz(300)


@pytest.mark.slow
def test_ten_thousand_requests_get_an_answer():
    fuzz(10_000)
