import pytest

from sim.api.client import Key
from sim.engine import Engine
from sim.etcd.store import Index, Compacted, Store


def pod(name, node="", namespace="default"):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": {"nodeName": node}}


@pytest.fixture
def store():
    return Store(Engine(), {"pods": {"node": Index(lambda o: [o["spec"]["nodeName"]], ("spec",))}}, detect_mutation=True)


def put(store, obj):
    return store.commit(Key("pods", obj["metadata"]["namespace"], obj["metadata"]["name"]), obj)


def test_revisions_rise_and_stand_in_the_object(store):
    first, second = put(store, pod("a")), put(store, pod("b"))
    assert second.revision == first.revision + 1
    assert store.get(Key("pods", "default", "b"))["metadata"]["resourceVersion"] == str(second.revision)


def test_lists_are_in_order_of_namespace_and_name(store):
    for name, namespace in (("b", "x"), ("a", "x"), ("z", "a")):
        put(store, pod(name, namespace=namespace))
    assert [o["metadata"]["name"] for o in store.list("pods")] == ["z", "a", "b"]
    assert [o["metadata"]["name"] for o in store.list("pods", "x")] == ["a", "b"]


def test_an_index_follows_the_object(store):
    put(store, pod("a"))
    put(store, pod("a", "node01"))
    assert store.by_index("pods", "node", "") == []
    assert len(store.by_index("pods", "node", "node01")) == 1
    store.commit(Key("pods", "default", "a"), None)
    assert store.by_index("pods", "node", "node01") == []


def test_an_indexed_watch_sees_coming_and_going(store):
    seen = []
    watch = store.watch("pods", lambda change: seen.append(change.type), index="node", value="node01")
    put(store, pod("a"))
    put(store, pod("a", "node01"))
    put(store, pod("a", "node02"))
    put(store, pod("a", "node03"))
    watch.stop()
    put(store, pod("a", "node01"))
    assert seen == ["MODIFIED", "MODIFIED"]


def test_compaction_hides_history(store):
    revisions = [put(store, pod(name)).revision for name in "abc"]
    assert [c.key.name for c in store.changes_since(revisions[0])] == ["b", "c"]
    store.compact(revisions[1])
    with pytest.raises(Compacted):
        store.changes_since(revisions[0])


def test_the_mutation_detector_finds_a_change_after_commit(store):
    put(store, pod("a"))
    store.verify_unchanged()
    store.get(Key("pods", "default", "a"))["spec"]["nodeName"] = "sneaky"
    with pytest.raises(AssertionError, match="changed after commit: Pod a"):
        store.verify_unchanged()
