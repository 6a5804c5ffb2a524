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


def test_a_service_keeps_what_it_was_given(client):
    body = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    made, key = client.create("services", body), Key("services", "default", "s")
    port = made["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767 and made["spec"]["clusterIP"].startswith("10.")
    again = client.update(key, body)["spec"]
    assert again["clusterIP"] == made["spec"]["clusterIP"] and again["ports"][0]["nodePort"] == port
    plain = client.patch(key, {"spec": {"type": "ClusterIP"}})["spec"]
    assert "nodePort" not in plain["ports"][0] and "externalTrafficPolicy" not in plain
    assert client.patch(key, {"spec": {"type": "NodePort"}})["spec"]["ports"][0]["nodePort"]


TEMPLATE = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "db:1"}]}}


def test_a_stateful_set_gets_defaults_and_keeps_its_identity(client):
    made = client.create("statefulsets", {"metadata": {"name": "db", "namespace": "default"}, "spec": {
        "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": TEMPLATE}})
    assert made["spec"]["podManagementPolicy"] == "OrderedReady" and made["spec"]["replicas"] == 1
    assert made["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    key = Key("statefulsets", "default", "db")
    assert client.patch(key, {"spec": {"replicas": 3}}, subresource="scale")["spec"]["replicas"] == 3
    assert client.get(key)["metadata"]["generation"] == 2
    with pytest.raises(StatusError, match="updates to statefulset spec for fields other than 'replicas'"):
        client.patch(key, {"spec": {"serviceName": "other"}})


def test_a_job_gets_a_selector_over_its_uid_and_must_not_restart_for_ever(client):
    body = {"metadata": {"name": "once", "namespace": "default"},
            "spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}}
    made = client.create("jobs", body)
    mark = {"matchLabels": {"batch.kubernetes.io/controller-uid": made["metadata"]["uid"]}}
    assert made["spec"]["selector"] == mark and made["spec"]["completions"] == 1
    key = Key("jobs", "default", "once")
    assert client.patch(key, {"spec": {"suspend": True}})["spec"]["selector"] == mark
    with pytest.raises(StatusError, match='restartPolicy: Required value: valid values: "OnFailure", "Never"'):
        client.create("jobs", {**body, "metadata": {"name": "x", "namespace": "default"},
                               "spec": {"template": {"spec": TEMPLATE["spec"]}}})


def test_a_replication_controller_selects_by_its_template(client):
    made = client.create("replicationcontrollers", {
        "metadata": {"name": "rc", "namespace": "default"}, "spec": {"template": TEMPLATE}})
    assert made["spec"]["selector"] == made["metadata"]["labels"] == {"app": "db"}


def test_endpoints_slices_and_revisions_are_stored_and_shown(server, client):
    client.create("endpointslices", {
        "metadata": {"name": "web-abc", "namespace": "default"}, "addressType": "IPv4",
        "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.244.1.2"]}]})
    client.create("endpoints", {"metadata": {"name": "web", "namespace": "default"}, "subsets": [
        {"addresses": [{"ip": "10.244.1.2"}], "ports": [{"port": 80}]}]})
    client.create("controllerrevisions", {"metadata": {"name": "db-1", "namespace": "default"},
                                          "revision": 1, "data": {}})

    def cells(resource):
        answer = server.handle(Request("list", Key(resource, "default", ""), query={"as": "Table"}))
        return answer.body["rows"][0]["cells"]

    assert cells("endpointslices")[:4] == ["web-abc", "IPv4", "80", "10.244.1.2"]
    assert cells("endpoints")[:2] == ["web", "10.244.1.2:80"]
    assert cells("controllerrevisions")[:3] == ["db-1", "<none>", 1]


@pytest.mark.parametrize("version", ["1.12.10", "1.20.15", "1.26.0", "1.36.2"])
def test_older_servers_serve_older_versions_of_a_kind(version):
    engine = Engine(seed=1)
    server = ApiServer(engine, Store(engine, INDEXES), version=version)
    client = Client(server, server.reader, agent="test")
    client.create("namespaces", {"metadata": {"name": "default"}})
    made = client.create("poddisruptionbudgets", {"metadata": {"name": "b", "namespace": "default"}, "spec": {
        "minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}})
    assert made["apiVersion"] == ("policy/v1" if server.minor >= 21 else "policy/v1beta1")
    client.create("leases", {"metadata": {"name": "l", "namespace": "default"}, "spec": {}})
    shown = {each["resource"]: each["version"] for each in server.handle(Request("get", Key("", "", "/apis"))).body["resources"]}
    assert shown["cronjobs"] == ("v1" if server.minor >= 21 else "v1beta1")
    assert ("selfsubjectreviews" in shown) == (server.minor >= 28)
