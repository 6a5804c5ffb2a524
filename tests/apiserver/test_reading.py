"""Lists and watches: selectors, chunks, compaction, time to live."""

import pytest

from sim.api.client import Key, Request
from sim.api.errors import StatusError

SPEC = {"containers": [{"name": "c", "image": "i:1"}]}


def make(client, name, **labels):
    return client.create("pods", {"metadata": {"name": name, "namespace": "default", "labels": labels}, "spec": SPEC})


def watch(server, namespace="", **query):
    seen = []
    server.handle(Request("watch", Key("pods", namespace, ""), query=query,
                          watcher=lambda change: seen.append((change.type, change.object["metadata"]["name"]))))
    return seen


def listed(server, resource="pods", **query):
    return server.handle(Request("list", Key(resource, "default", ""), query=query)).body


def names(body):
    return [item["metadata"]["name"] for item in body["items"]]


def test_a_watch_with_a_selector_sees_objects_come_and_go(server, client):
    seen = watch(server, "default", labelSelector="app=web")
    make(client, "a", app="web")
    make(client, "b", app="db")
    client.patch(Key("pods", "default", "a"), {"metadata": {"labels": {"app": "db"}}})
    client.patch(Key("pods", "default", "b"), {"metadata": {"labels": {"app": "web"}}})
    client.patch(Key("pods", "default", "b"), {"metadata": {"labels": {"x": "y"}}})
    client.delete(Key("pods", "default", "b"))
    assert seen == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "b")]


def test_a_watch_of_a_namespace_and_a_field(server, client):
    client.create("namespaces", {"metadata": {"name": "other"}})
    seen = watch(server, "other")
    phases = watch(server, fieldSelector="status.phase=Running")
    make(client, "a")
    client.patch(Key("pods", "default", "a"), {"status": {"phase": "Running"}}, subresource="status")
    assert seen == [] and phases == [("ADDED", "a")]


def test_a_watch_from_a_revision_tells_what_was_missed(server, client):
    first = make(client, "a")["metadata"]["resourceVersion"]
    make(client, "b")
    assert watch(server, resourceVersion=first) == [("ADDED", "b")]
    assert watch(server, resourceVersion="0") == [("ADDED", "a"), ("ADDED", "b")]
    with pytest.raises(StatusError, match='resourceVersion: Invalid value: "abc"'):
        watch(server, resourceVersion="abc")
    with pytest.raises(StatusError, match="Too large resource version: 999"):
        watch(server, resourceVersion="999")


def test_history_older_than_two_ticks_is_compacted_without_an_event(server, client):
    first = make(client, "a")["metadata"]["resourceVersion"]
    make(client, "b")
    server.engine.advance(599_000_000)
    watch(server, resourceVersion=first)
    server.engine.advance(2_000_000 + server.engine.now_us)
    with pytest.raises(StatusError, match=r"too old resource version: \d+ \(\d+\)") as caught:
        watch(server, resourceVersion=first)
    assert caught.value.code == 410 and caught.value.reason == "Expired"


def test_a_list_in_chunks_is_a_list_of_one_moment(server, client):
    for name in "abcde":
        make(client, name)
    page = listed(server, limit="2")
    assert names(page) == ["a", "b"] and page["metadata"]["remainingItemCount"] == 3
    client.delete(Key("pods", "default", "c"))
    make(client, "cc")
    page = listed(server, limit="2", **{"continue": page["metadata"]["continue"]})
    assert names(page) == ["c", "d"]
    page = listed(server, limit="2", **{"continue": page["metadata"]["continue"]})
    assert names(page) == ["e"] and "continue" not in page["metadata"]
    assert names(listed(server)) == ["a", "b", "cc", "d", "e"]
    with pytest.raises(StatusError, match="continue key is not valid"):
        listed(server, **{"continue": "nonsense"})


@pytest.mark.parametrize(("query", "text"), [
    ({"limit": "abc"}, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ({"labelSelector": "=x"}, "found '=', expected: !, identifier, or 'end of string'"),
    ({"labelSelector": "app in (web"}, "unable to parse requirement: found '', expected: ',' or ')'"),
    ({"labelSelector": "bad key=x"}, "unable to parse requirement: found 'key', expected: in, notin, =, ==, !=, gt, lt"),
    ({"labelSelector": "app=bad value"}, "found 'value', expected: ',' or 'end of string'"),
    ({"fieldSelector": "bad"}, "invalid selector: 'bad'; can't understand 'bad'"),
    ({"fieldSelector": "spec.taints=x"}, "field label not supported: spec.taints"),
])
def test_bad_options_of_a_list(server, query, text):
    """The texts are those of golden/kubectl-errors."""
    with pytest.raises(StatusError) as caught:
        listed(server, **query)
    assert (caught.value.code, caught.value.message) == (400, text)


def test_events_go_after_an_hour_unless_they_are_written_again(server, client):
    for name in ("old", "seen-again"):
        client.create("events", {"metadata": {"name": name, "namespace": "default"}, "involvedObject": {}})
    server.engine.advance(1800_000_000)
    client.patch(Key("events", "default", "seen-again"), {"count": 2})
    server.engine.advance(3661_000_000)
    assert names(listed(server, "events")) == ["seen-again"]
    server.engine.advance(5461_000_000)
    assert names(listed(server, "events")) == []


def test_a_watch_ends_after_its_timeout(server, client):
    ended = []
    server.handle(Request("watch", Key("pods", "", ""), query={"timeoutSeconds": "5"}, watcher=lambda change: None,
                          closed=lambda: ended.append(server.engine.now_us)))
    server.engine.advance(10_000_000)
    assert ended == [5_000_000] and not server.watches
