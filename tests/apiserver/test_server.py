import pytest

from sim.api.client import Client, Key, Request
from sim.api.errors import StatusError
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.engine import Engine
from sim.etcd.store import Store


@pytest.fixture
def server():
    engine = Engine(seed=1)
    store = Store(engine, INDEXES, detect_mutation=True)
    server = ApiServer(engine, store, version="1.33.1")
    client = Client(server, server.reader, agent="test")
    client.create("namespaces", {"metadata": {"name": "default"}})
    yield server
    store.verify_unchanged()


@pytest.fixture
def client(server):
    return Client(server, server.reader, agent="test")


def pod(name="web", **spec):
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}], **spec}}


def test_a_pod_gets_defaults_and_tolerations(client):
    made = client.create("pods", pod())
    assert made["spec"]["terminationGracePeriodSeconds"] == 30
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert [t["tolerationSeconds"] for t in made["spec"]["tolerations"]] == [300, 300]
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def test_an_old_resource_version_conflicts(client):
    made = client.create("configmaps", {"metadata": {"name": "a", "namespace": "default"}, "data": {"x": "1"}})
    key = Key("configmaps", "default", "a")
    client.update(key, {**made, "data": {"x": "2"}})
    with pytest.raises(StatusError) as caught:
        client.update(key, {**made, "data": {"x": "3"}})
    assert caught.value.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again")


def test_generation_rises_with_the_spec_only(client):
    body = {"metadata": {"name": "w", "namespace": "default"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
    client.create("deployments", body)
    key = Key("deployments", "default", "w")
    assert client.patch(key, {"metadata": {"labels": {"x": "y"}}})["metadata"]["generation"] == 1
    assert client.patch(key, {"spec": {"replicas": 3}})["metadata"]["generation"] == 2
    assert client.patch(key, {"spec": {"replicas": 5}}, subresource="scale")["spec"]["replicas"] == 5
    assert client.patch(key, {"status": {"replicas": 9}}, subresource="status")["metadata"]["generation"] == 3
    with pytest.raises(StatusError, match="field is immutable"):
        client.patch(key, {"spec": {"selector": {"matchLabels": {"a": "c"}}, "template": {
            "metadata": {"labels": {"a": "c"}}}}})


def test_a_running_pod_ends_gracefully_and_a_pending_one_at_once(client):
    client.create("pods", pod("pending"))
    client.delete(Key("pods", "default", "pending"))
    assert client.find(Key("pods", "default", "pending")) is None
    client.create("pods", pod("bound", nodeName="node01"))
    key = Key("pods", "default", "bound")
    client.delete(key)
    assert client.get(key)["metadata"]["deletionGracePeriodSeconds"] == 30
    client.delete(key, grace_seconds=0)
    assert client.find(key) is None


def test_finalizers_hold_an_object(client):
    body = {"metadata": {"name": "a", "namespace": "default", "finalizers": ["example.com/x"]}}
    client.create("configmaps", body)
    key = Key("configmaps", "default", "a")
    client.delete(key)
    assert client.get(key)["metadata"]["deletionTimestamp"]
    client.patch(key, {"metadata": {"finalizers": None}})
    assert client.find(key) is None


def test_missing_namespace_and_bad_names(client):
    with pytest.raises(StatusError, match='namespaces "nope" not found'):
        client.create("configmaps", {"metadata": {"name": "a", "namespace": "nope"}})
    with pytest.raises(StatusError, match='Pod "Bad_Name" is invalid: metadata.name: Invalid value'):
        client.create("pods", pod("Bad_Name"))


def test_field_selector_uses_the_index(server, client):
    client.create("pods", pod("a", nodeName="node01"))
    client.create("pods", pod("b"))
    answer = server.handle(Request("list", Key("pods", "", ""), query={"fieldSelector": "spec.nodeName=node01"}))
    assert [p["metadata"]["name"] for p in answer.body["items"]] == ["a"]


def test_a_promised_heartbeat_is_derived_and_written_once_when_it_ends(server, client):
    client.create("namespaces", {"metadata": {"name": "kube-node-lease"}})
    key = Key("leases", "kube-node-lease", "node01")
    client.create("leases", {"metadata": {"name": "node01", "namespace": "kube-node-lease"}, "spec": {}})
    client.update(key, {"beating": True, "period_s": 10}, subresource="heartbeat")
    server.engine.advance(27_000_000)
    assert server.reader.heartbeat("node01") == (20_000_000, True)
    first = client.get(key)["spec"]["renewTime"]
    seen = []
    client.watch("leases", seen.append)
    client.update(key, {"beating": False}, subresource="heartbeat")
    server.engine.advance(90_000_000)
    assert client.get(key)["spec"]["renewTime"] == first and len(seen) == 1
    assert server.reader.heartbeat("node01") == (20_000_000, False)


def test_stopping_the_server_ends_its_watches(server, client):
    ended = []
    client.watch("pods", lambda change: None, closed=lambda: ended.append(True))
    server.stop()
    assert ended == [True]


@pytest.mark.parametrize("resource", ["statefulsets", "jobs", "replicationcontrollers", "endpointslices"])
def test_what_nobody_would_act_on_is_refused(client, resource):
    from sim.api.errors import NotSimulated

    with pytest.raises(NotSimulated):
        client.create(resource, {"metadata": {"name": "x", "namespace": "default"}, "spec": {}})
