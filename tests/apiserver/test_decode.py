import pytest

from sim.api.client import Client, Key, Request
from sim.api.errors import StatusError
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.engine import Engine
from sim.etcd.store import Store

SPEC = {"containers": [{"name": "c", "image": "i:1"}]}
POD = Key("pods", "default", "x")


@pytest.fixture
def server():
    engine = Engine(seed=1)
    server = ApiServer(engine, Store(engine, INDEXES), version="1.33.1")
    client = Client(server, server.reader, agent="test")
    client.create("namespaces", {"metadata": {"name": "default"}})
    client.create("pods", {"metadata": {"name": "there", "namespace": "default"}, "spec": SPEC})
    return server


@pytest.mark.parametrize(("body", "text"), [
    ({"metadata": {"name": 3}, "spec": SPEC}, "number into Go struct field ObjectMeta.metadata.name of type string"),
    ({"metadata": {"name": "x", "labels": ["a"]}, "spec": SPEC},
     r"array into Go struct field ObjectMeta.metadata.labels of type map\[string\]string"),
    ({"metadata": {"name": "x"}, "spec": "s"}, "string into Go struct field Pod.spec of type v1.PodSpec"),
    ({"metadata": {"name": "x"}, "spec": {"containers": "c"}},
     r"string into Go struct field PodSpec.spec.containers of type \[\]v1.Container"),
    (None, 'Pod in version "v1" cannot be handled as a Pod'),
])
def test_a_body_of_the_wrong_shape_is_refused_and_nothing_is_stored(server, body, text):
    before = server.store.revision
    with pytest.raises(StatusError, match=text) as caught:
        server.handle(Request("create", POD, body=body))
    assert caught.value.code == 400 and server.store.revision == before


@pytest.mark.parametrize(("kind", "body"), [
    ("json", [3]), ("json", [{"op": "add"}]), ("json", [{"op": "remove", "path": ""}]),
    ("json", [{"op": "replace", "path": "", "value": 3}]), ("merge", 3), ("strategic", "x"),
    ("merge", {"spec": {"containers": "c"}}), ("merge", {"metadata": {"labels": {"a": 1}}}),
])
def test_a_patch_of_the_wrong_shape_is_refused(server, kind, body):
    with pytest.raises(StatusError) as caught:
        server.handle(Request("patch", Key("pods", "default", "there"), body=body, query={"patchType": kind}))
    assert caught.value.code in (400, 422)


def test_an_eviction_must_name_the_pod_of_its_url(server):
    with pytest.raises(StatusError, match="name in URL does not match name in Eviction object"):
        server.handle(Request("create", Key("pods", "default", "there"), subresource="eviction",
                              body={"metadata": {"name": "other"}}))


BAD = {"metadata": {"name": "x", "labls": {}}, "spec": {**SPEC, "container": [], "containers": [
    {"name": "c", "image": "i:1", "imagee": "j"}]}}


def test_unknown_fields_are_an_error_a_warning_or_nothing_and_never_stored(server):
    unknown = ('unknown field "metadata.labls"', 'unknown field "spec.container"',
               'unknown field "spec.containers[0].imagee"')
    with pytest.raises(StatusError) as caught:
        server.handle(Request("create", POD, body=BAD, query={"fieldValidation": "Strict"}))
    assert caught.value.message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: ' + ", ".join(unknown))
    answer = server.handle(Request("create", POD, body=BAD))
    assert answer.warnings == unknown and "imagee" not in answer.body["spec"]["containers"][0]
    assert server.handle(Request("patch", POD, body={"spec": {"nosuch": 1}}, query={"fieldValidation": "Ignore"})
                         ).warnings == ()


def test_a_strategic_patch_of_the_wrong_type_speaks_as_the_converter(server):
    with pytest.raises(StatusError) as caught:
        server.handle(Request("patch", Key("pods", "default", "there"), query={"patchType": "strategic"},
                              body={"spec": {"terminationGracePeriodSeconds": "abc"}}))
    assert caught.value.code == 422 and caught.value.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[terminationGracePeriodSeconds:abc]]": '
        "unrecognized type: int64")


def test_quantities_are_stored_in_their_shortest_form(server):
    body = {"metadata": {"name": "x"}, "spec": {"containers": [
        {"name": "c", "image": "i:1", "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}]}}
    made = server.handle(Request("create", POD, body=body)).body
    assert made["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    body["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "abc"
    with pytest.raises(StatusError, match="cannot be handled as a Pod: quantities must match the regular expression"):
        server.handle(Request("create", Key("pods", "default", "y"), body=body))
