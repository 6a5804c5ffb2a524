"""The front without sockets: URLs, forms, streams, refusals, and that a recorded request replays."""

import json

import pytest

from sim.api.client import ADMIN, User
from sim.api.errors import TransportError
from sim.http import protobuf, urls
from sim.http.front import Answer, Ask, Front, Stream
from tests.lab_fixtures import lab

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def world():
    made = lab("first-steps")
    yield made
    made.close()


@pytest.fixture
def front(world):
    return Front(world)


def ask(front, method, path, body=None, user=None, query=None, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    kind = {"content-type": "application/json"} if body is not None else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return front.answer(Ask(method, path, query or {}, {**kind, **named}, raw, user))


def read(answer):
    return json.loads(answer.body)


@pytest.mark.parametrize(("path", "expected"), [
    ("/api/v1/nodes", ("", "v1", "", "nodes", "", "")),
    ("/api/v1/nodes/a/status", ("", "v1", "", "nodes", "a", "status")),
    ("/api/v1/namespaces", ("", "v1", "", "namespaces", "", "")),
    ("/api/v1/namespaces/x", ("", "v1", "", "namespaces", "x", "")),
    ("/api/v1/namespaces/x/finalize", ("", "v1", "", "namespaces", "x", "finalize")),
    ("/api/v1/namespaces/x/pods/", ("", "v1", "x", "pods", "", "")),
    ("/api/v1/namespaces/x/pods/a%2Fb/log", ("", "v1", "x", "pods", "a/b", "log")),
    ("/apis/apps/v1/namespaces/x/deployments/d/scale", ("apps", "v1", "x", "deployments", "d", "scale")),
    ("/apis/apps/v1", None), ("/api", None), ("/healthz", None), ("/", None)])
def test_a_path_names_a_resource(path, expected):
    assert urls.target(path) == expected


def test_the_form_is_the_one_that_the_client_wants(front):
    assert read(ask(front, "GET", "/api/v1/nodes", accept=TABLE))["kind"] == "Table"
    assert read(ask(front, "GET", "/api/v1/nodes", accept="application/json"))["kind"] == "NodeList"
    found = read(ask(front, "GET", "/api/v1/nodes", accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"))
    assert found["kind"] == "PartialObjectMetadataList" and set(found["items"][0]) == {"kind", "apiVersion", "metadata"}
    assert ask(front, "GET", "/api/v1/nodes", accept="application/vnd.kubernetes.protobuf").code == 406


@pytest.mark.parametrize(("method", "path", "body", "code", "reason"), [
    ("GET", "/api/v1/nosuch", None, 404, "NotFound"),
    ("GET", "/apis/apps/v1beta1/deployments", None, 404, "NotFound"),
    ("GET", "/nosuch", None, 404, "NotFound"),
    ("PUT", "/api/v1/nodes", {}, 405, "MethodNotAllowed"),
    ("POST", "/version", {}, 405, "MethodNotAllowed"),
    ("POST", PODS, b"{", 400, "BadRequest"),
    ("POST", PODS, b"k8s\x00\xff\xff", 400, "BadRequest"),
    ("POST", PODS, b" " * (4 << 20), 413, "RequestEntityTooLarge"),
    ("PATCH", PODS + "/a", {}, 415, "UnsupportedMediaType"),
    ("GET", "/metrics", None, 501, "NotImplemented"),
    ("GET", PODS + "/a/exec", None, 501, "NotImplemented")])
def test_a_refusal_is_a_status(front, method, path, body, code, reason):
    found = ask(front, method, path, body)
    assert (found.code, read(found)["kind"], read(found)["reason"]) == (code, "Status", reason)


def test_who_asks(front, world):
    bob = {"impersonate_user": "bob", "impersonate_group": "dev"}
    assert ask(front, "GET", "/api/v1/nodes", **bob).code == 403
    assert ask(front, "GET", "/api/v1/nodes", user=User("eve", ("x",))).code == 403
    assert ask(front, "GET", "/api/v1/nodes", user=ADMIN).code == 200
    closed = Front(world, token="s3cret")
    assert ask(closed, "GET", "/api/v1/nodes").code == 401
    assert ask(closed, "GET", "/api/v1/nodes", authorization="Bearer s3cret").code == 200


def events(stream):
    return [json.loads(line) for line in stream.take().splitlines()]


def test_a_watch_shows_changes_bookmarks_and_ends_by_simulated_time(front, world):
    since = read(ask(front, "GET", PODS))["metadata"]["resourceVersion"]
    stream = ask(front, "GET", PODS, query={"watch": "true", "resourceVersion": since, "timeoutSeconds": "90",
                                            "allowWatchBookmarks": "true"})
    assert isinstance(stream, Stream)
    made = read(ask(front, "POST", PODS, POD))
    ask(front, "DELETE", PODS + "/a", query={"gracePeriodSeconds": "0"})
    found = events(stream)
    assert found[0]["type"] == "ADDED" and found[0]["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert found[-1]["type"] == "DELETED"
    assert int(found[-1]["object"]["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    world.wait(61)
    front.pass_time()
    assert [each["type"] for each in events(stream)][-1] == "BOOKMARK" and not stream.closed
    world.wait(30)
    front.pass_time()
    assert stream.closed and not front.streams


def test_a_watch_from_a_forgotten_revision_is_gone(front, world):
    world.wait(1200)
    ask(front, "POST", "/api/v1/namespaces", {"metadata": {"name": "later"}})
    world.wait(1200)
    assert ask(front, "GET", PODS, query={"watch": "1", "resourceVersion": "1"}).code == 410


def test_a_reader_that_is_too_slow_is_cut_off(front, monkeypatch):
    monkeypatch.setattr("sim.http.front.MOST_PENDING_BYTES", 100)
    stream = ask(front, "GET", PODS, query={"watch": "1"})
    ask(front, "POST", PODS, POD)
    assert stream.closed and not front.streams
    ask(front, "DELETE", PODS + "/a", query={"gracePeriodSeconds": "0"})


def test_a_clients_writes_are_replayed_and_undone():
    world = lab("first-steps")
    front = Front(world)
    patch = ask(front, "PATCH", "/api/v1/nodes/node01", b"spec: {unschedulable: true}", content_type="x")
    assert patch.code == 415
    done = front.answer(Ask("PATCH", "/api/v1/nodes/node01", {}, {
        "content-type": "application/strategic-merge-patch+json", "user-agent": "k9s/0.40"}, b'{"spec":{"unschedulable":true}}'))
    assert isinstance(done, Answer) and done.code == 200
    world.wait(60)
    twin = world.fork()
    assert not twin.differs
    assert "SchedulingDisabled" in twin.run("kubectl get node node01").stdout
    assert "k9s: patch nodes/node01" in " ".join(each.shown() for each in twin.inputs)
    world.close()
    twin.close()


def test_nobody_listens_when_the_server_is_down():
    world = lab("first-steps")
    world.run("mv /etc/kubernetes/manifests/kube-apiserver.yaml /tmp/")
    world.wait(60)
    with pytest.raises(TransportError):
        ask(Front(world), "GET", "/version")
    world.close()


def message(*fields):
    """Encode fields of wire type 2 (bytes) or 0 (int)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += bytes([number << 3]) + varint(value)
        else:
            out += bytes([number << 3 | 2]) + varint(len(value)) + value
    return out


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def envelope(version, kind, raw):
    return b"k8s\x00" + message((1, message((1, version), (2, kind))), (2, raw))


def test_protobuf_keeps_a_zero_that_was_meant_and_drops_one_that_was_not():
    options = envelope(b"v1", b"DeleteOptions", message((1, 0), (4, b"")))
    assert protobuf.decode(options) == {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
    labels = message((11, message((1, b"app"), (2, b"web"))), (1, b"x"), (2, b""))
    spec = message((1, 0), (2, message((1, message((1, b"app"), (2, b"web"))))), (5, 0))
    found = protobuf.decode(envelope(b"apps/v1", b"Deployment", message((1, labels), (2, spec))))
    assert found["metadata"] == {"labels": {"app": "web"}, "name": "x"}
    assert found["spec"] == {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}}


@pytest.mark.parametrize("body", [b"k8s\x00", b"k8s\x00\x0a", b"k8s\x00" + bytes(range(256)), envelope(b"v9", b"Nosuch", b""),
                                  envelope(b"v1", b"Pod", b"\x0a\xff\x01")])
def test_a_broken_message_is_unreadable(body):
    with pytest.raises(protobuf.Unreadable):
        protobuf.decode(body)
