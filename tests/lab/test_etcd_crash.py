"""A host that loses its power at any moment of a snapshot, a restore or a change of members."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.etcd import snapshot
from sim.host.etcd import datadir
from sim.lab.lab import Lab
from sim.lab.scenario import parse

SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: crash, topic: etcd, title: crash}
spec:
  versions: [{kubernetes: "1.34.2"}]
  hosts: [{name: e1}]
  clusters:
  - name: c
    etcd: {external: [{host: e1}]}
    nodes: [{name: plane, role: control-plane, taints: []}]
  terminals: [{name: main, host: e1, user: root}]
  tasks: [{name: none, prompt: none, goals: [], solutions: [["true"]]}]
"""
SETTINGS = ("export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=/etc/etcd/pki/ca.pem "
            "ETCDCTL_CERT=/etc/etcd/pki/etcd.pem ETCDCTL_KEY=/etc/etcd/pki/etcd-key.pem")
DEEDS = {
    "save": "etcdctl snapshot save /root/new.db", "restore": "etcdutl snapshot restore /root/old.db --data-dir /root/new",
    "add": "etcdctl member add e2 --peer-urls=https://172.30.0.99:2380 --learner"}


@pytest.fixture(scope="module")
def grown():
    lab = Lab(parse(SCENARIO, "crash.yaml"))
    lab.run(SETTINGS)
    assert lab.run("etcdctl put acknowledged 1 && etcdctl snapshot save /root/old.db").status == 0
    return lab


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(deed=st.sampled_from(sorted(DEEDS)), after_ms=st.integers(0, 160))
def test_what_is_left_is_what_the_real_tools_would_leave(grown, deed, after_ms):
    lab = grown.fork()
    try:
        host, written = lab.network.hosts["e1"], []
        lab.type(DEEDS[deed], terminal="main", sink=lambda data, stream: written.append(data))
        lab.advance(lab.now_us + after_ms * 1000)
        done = not lab.busy("main")
        said = b"".join(written)
        lab.fault("power-off", "e1")
        files = host.files.view()
        if deed == "save":
            assert files.exists("/root/new.db") == (b"Snapshot saved" in said) or not done
            if files.exists("/root/new.db"):
                data = files.read("/root/new.db")
                assert len(set(snapshot.digests(data))) == 1, "a file of that name is whole"
        if deed == "restore" and b"restored snapshot" not in said and files.exists("/root/new"):
            assert not datadir.wal_path(files, "/root/new"), "the log is written last"
        before = {path: files.exists(path) for path in ("/root/new.db", "/root/new.db.part", "/root/new/member/snap/db")}
        lab.fault("power-off", "e1", end=True)
        lab.advance(lab.now_us + 120_000_000)
        assert before == {path: files.exists(path) for path in before}, "nothing goes on without power"
        lab.run("exit")
        lab.run(SETTINGS)
        members = lab.run("etcdctl member list").stdout
        assert lab.run("etcdctl get acknowledged --print-value-only").stdout == "1\n"
        assert ("unstarted" in members) == (deed == "add" and b"added to cluster" in said) or not done
        if deed == "restore" and b"restored snapshot" not in said and files.exists("/root/new/member"):
            assert "not empty" in lab.run(DEEDS["restore"]).stderr
            lab.run("rm -rf /root/new")
        if deed == "restore" and b"restored snapshot" not in said:
            assert lab.run(DEEDS["restore"]).status == 0
        if deed == "save":
            assert lab.run(DEEDS["save"]).status == 0
    finally:
        lab.close()
