"""Database files: ids as upstream computes them, what damage does, what a restore keeps."""

import pytest

from sim.api.client import Key
from sim.engine import Engine
from sim.etcd import ids, snapshot
from sim.etcd.cluster import Cluster, from_image
from sim.etcd.requests import Put, Range
from sim.etcd.snapshot import Damaged, Member
from sim.etcd.store import Store


def pod(name):
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default"}, "spec": {}}


@pytest.fixture
def cluster():
    store = Store(Engine())
    for name in ("a", "b", "a"):
        store.commit(Key("pods", "default", name), pod(name))
    store.commit(Key("pods", "default", "b"), None)
    store.keys.put(Put(b"plain", b"\xff\0value"))
    urls = ("http://localhost:2380",)
    own = ids.member_id(urls)
    return Cluster(store.engine, store, [Member(own, "default", urls)], ids.cluster_id([own]))


def test_ids_are_those_of_the_golden_run():
    local = ids.member_id(["http://localhost:2380"])
    assert (f"{local:x}", f"{ids.cluster_id([local]):x}") == ("8e9e05c52164694d", "cdf818194e3a8c32")
    tls = ids.member_id(["https://127.0.0.1:2380"])
    assert (tls, ids.cluster_id([tls])) == (758659209188475983, 14537075681467705206)


def test_a_file_gives_back_what_it_was_made_of(cluster):
    data = snapshot.encode(cluster.image(), digest=True)
    assert snapshot.has_digest(data) and len(set(snapshot.digests(data))) == 1
    again = from_image(Engine(), snapshot.decode(data[:-32]), {})
    assert again.store.revision == cluster.store.revision == 6
    assert again.store.get(Key("pods", "default", "a")) == cluster.store.get(Key("pods", "default", "a"))
    assert again.store.get(Key("pods", "default", "b")) is None
    found = again.store.keys.range(Range(b"plain")).kvs[0]
    assert (found.bytes(), found.created, found.version) == (b"\xff\0value", 6, 1)
    assert again.store.keys.range(Range(b"/registry/pods/default/b", revision=4)).kvs[0].version == 1
    assert [change.type for change in again.store.changes] == ["ADDED", "ADDED", "MODIFIED", "DELETED"]
    assert again.members == cluster.members


def test_a_damaged_line_is_lost_and_the_rest_is_there(cluster):
    data = bytearray(snapshot.encode(cluster.image()))
    at = data.index(b'"k":"plain"')
    data[at:at + 8] = b"\0garbage"
    found = snapshot.decode(bytes(data))
    assert len(found.records) == 4 and found.revision == 6


def test_a_file_that_ends_early_or_has_no_header_is_no_database(cluster):
    data = snapshot.encode(cluster.image())
    with pytest.raises(Damaged) as cut:
        snapshot.decode(data[:-100])
    assert cut.value.truncated
    with pytest.raises(Damaged):
        snapshot.decode(b"x" * 20000)
    spoilt = bytearray(data)
    spoilt[20:30] = b"0123456789"
    assert snapshot.decode(bytes(spoilt)).revision == 6, "the second header page is a copy of the first"


def test_a_restore_bumps_and_compacts_what_was_before(cluster):
    found = snapshot.restored(cluster.image(), bump=1000, mark_compacted=True)
    assert (found.revision, found.compacted, found.members) == (1006, 1006, ())
