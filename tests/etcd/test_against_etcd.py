"""The simulated key space and a real etcd give the same revisions, versions, results and errors for the same requests."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.engine import Engine
from sim.etcd.store import Store
from tests.etcd.real import Compare, Delete, EtcdError, Pair, Put, Range, RealEtcd, Txn, b64

pytestmark = pytest.mark.skipif(shutil.which("etcd") is None, reason="no etcd here; apt-get install etcd-server")
KEYS = st.sampled_from([b"a", b"ab", b"b", b"c"])
ENDS = st.sampled_from([b"", b"", b"b", b"bz", b"d", b"a"])
VALUES = st.sampled_from([b"", b"1", b"2", b"long \xff value"])
REVISIONS = st.integers(0, 14)
LEASES = [101, 102]
PUTS = st.builds(Put, KEYS, VALUES, st.sampled_from([0, 0, 0, 101, 102, 999]), ignore_value=st.booleans(), ignore_lease=st.booleans()
                 ) | st.builds(Put, KEYS, VALUES)
DELETES = st.builds(Delete, KEYS, ENDS)
RANGES = st.builds(
    Range, KEYS, ENDS, REVISIONS, st.integers(0, 3), st.sampled_from(["", "key", "version", "create", "modify", "value"]),
    st.booleans(), st.booleans()) | st.builds(
    Range, KEYS, ENDS, min_mod=REVISIONS, max_mod=REVISIONS, min_create=REVISIONS, max_create=REVISIONS)
COMPARES = st.one_of(
    st.builds(Compare, st.sampled_from(["version", "create", "mod"]), KEYS, st.sampled_from(["=", "!=", "<", ">"]),
              st.integers(0, 8), ENDS),
    st.builds(Compare, st.just("lease"), KEYS, st.sampled_from(["=", "!=", "<", ">"]), st.sampled_from([0, 101, 102]), ENDS),
    st.builds(Compare, st.just("value"), KEYS, st.sampled_from(["=", "!=", "<", ">"]), VALUES, ENDS))
SIMPLE = st.one_of(PUTS, PUTS, DELETES, RANGES)


def txns(parts):
    return st.builds(Txn, st.lists(COMPARES, max_size=2).map(tuple), st.lists(parts, max_size=3).map(tuple),
                     st.lists(parts, max_size=3).map(tuple))


REQUESTS = st.one_of(
    PUTS, PUTS, DELETES, RANGES, txns(SIMPLE), txns(SIMPLE | txns(SIMPLE)), st.tuples(st.just("compact"), st.integers(2, 14)),
    st.tuples(st.sampled_from(["grant", "revoke"]), st.sampled_from(LEASES)), st.sampled_from([Put(b""), Range(b""), Delete(b"")]))


@pytest.fixture(scope="module")
def real():
    memory = Path("/dev/shm")  # etcd waits for its disk at every write
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        server = RealEtcd(Path(folder) / "data")
        yield server
        server.close()


WATCHED = 4
COUNTER = iter(range(1 << 30))


def compacted(pair, revision):
    answer = pair.real.ask("kv/compaction", {"revision": pair.revision(revision)})
    try:
        pair.keys.compact(revision)
        ours = "done"
    except EtcdError as error:
        ours = str(error)
    return answer.get("error", "done"), ours


def leased(pair, what, lease, offset):
    answer = pair.real.ask(f"lease/{what}", {"ID": lease + offset, **({"TTL": 3600} if what == "grant" else {})})
    try:
        pair.keys.grant(3600, lease + offset) if what == "grant" else pair.keys.revoke(lease + offset)
        ours = "done"
    except EtcdError as error:
        ours = str(error)
    return answer.get("error", "done"), ours


def moved(asked, offset):
    """Give a request whose leases are this example's own."""
    if isinstance(asked, Put) and asked.lease:
        return Put(asked.key, asked.value, asked.lease + offset, asked.prev, asked.ignore_value, asked.ignore_lease)
    if isinstance(asked, Txn):
        return Txn(tuple(Compare(each.target, each.key, each.operator, each.value + offset if each.target == "lease" and each.value
                                 else each.value, each.end) for each in asked.compares),
                   tuple(moved(each, offset) for each in asked.success), tuple(moved(each, offset) for each in asked.failure))
    return asked


def followed(pair, start):
    """Watch everything of the example from a revision on, in both."""
    keys, ours = pair.keys, []
    start = min(start, keys.store.revision)
    if start == keys.store.compacted():
        start += 1  # whether a deletion at this revision is still told differs between 3.4 and later ones
    try:
        keys.watch(b"a", b"y", lambda record, before: ours.append((record, before)), start)()
    except EtcdError:
        ours = "compacted"
    keys.put(Put(b"x", b"the end"))
    pair.real.ask("kv/put", {"key": b64(pair.key(b"x")), "value": b64(b"the end")})
    theirs = pair.real.watch(pair.key(b"a"), pair.end(b"y"), pair.revision(start), pair.key(b"x"))
    if isinstance(theirs, str) or isinstance(ours, str):
        return theirs, ours
    return ([(event.get("type", "PUT"), event["kv"]["key"], int(event["kv"]["mod_revision"]) - pair.base,
              event["kv"].get("value", ""), pair.kv(event["prev_kv"]) if "prev_kv" in event else None) for event in theirs],
            [("PUT" if record.value is not None else "DELETE", b64(pair.key(record.key)), record.main, b64(record.bytes()),
              pair.record(before) if before is not None else None) for record, before in ours])


def compare(real, requests, start):
    number = next(COUNTER)
    pair, offset = Pair(real, Store(Engine()).keys, b"example %d/" % number), (number + 1) * 1000
    for asked in requests:
        if isinstance(asked, tuple):
            theirs, ours = compacted(pair, asked[1]) if asked[0] == "compact" else leased(pair, *asked, offset)
        else:
            theirs, ours = pair.both(moved(asked, offset))
        assert ours == theirs, asked
    if number % WATCHED == 0:  # a watcher of the past is served every 100 ms
        theirs, ours = followed(pair, start)
        assert ours == theirs


WHAT = {"requests": st.lists(REQUESTS, min_size=1, max_size=10), "start": st.integers(1, 8)}
HOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@settings(max_examples=30, **HOW)
@given(**WHAT)
def test_both_say_the_same(real, requests, start):
    compare(real, requests, start)


@pytest.mark.slow
@settings(max_examples=300, **HOW)
@given(**WHAT)
def test_both_say_the_same_at_length(real, requests, start):
    compare(real, requests, start)
