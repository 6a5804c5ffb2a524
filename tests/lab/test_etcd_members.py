"""Members of an etcd: one dead, most dead, replaced, forced into a cluster of one, cut off, full."""

import pytest

from sim.lab.lab import Lab
from sim.lab.scenario import parse

SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: three, topic: etcd, title: three}
spec:
  versions: [{kubernetes: "1.34.2"}]
  hosts: [{name: e1}, {name: e2}, {name: e3}, {name: e4}]
  clusters:
  - name: c
    etcd: {external: [{host: e1}, {host: e2}, {host: e3}]}
    nodes: [{name: plane, role: control-plane, taints: []}]
  terminals: [{name: main, host: e1, user: root}, {name: plane, host: plane, user: root}]
  tasks: [{name: none, prompt: none, goals: [], solutions: [["true"]]}]
"""
SETTINGS = ("export ETCDCTL_ENDPOINTS=https://e1:2379,https://e2:2379,https://e3:2379 ETCDCTL_CACERT=/etc/etcd/pki/ca.pem "
            "ETCDCTL_CERT=/etc/etcd/pki/etcd.pem ETCDCTL_KEY=/etc/etcd/pki/etcd-key.pem")


@pytest.fixture(scope="module")
def grown():
    return Lab(parse(SCENARIO, "three.yaml"))


@pytest.fixture
def lab(grown):
    fork = grown.fork()
    run(fork, SETTINGS)
    yield fork
    fork.close()


def run(lab, line, status=0, terminal="main"):
    result = lab.run(line, terminal=terminal)
    assert result.status == status, (line, result.stdout, result.stderr)
    return result.stdout


def test_one_of_three_may_fail_and_two_may_not(lab):
    lab.fault("power-off", "e3")
    assert run(lab, "etcdctl put a 1") == "OK\n"
    assert run(lab, "etcdctl endpoint health", 1).count("is healthy") == 2
    assert "etcdserver: unhealthy cluster" in lab.run("etcdctl member add e4 --peer-urls=https://172.30.0.13:2380").stderr
    lab.fault("power-off", "e2")
    assert "Error: context deadline exceeded" in lab.run("sleep 3; etcdctl put a 2").stderr
    assert run(lab, "ETCDCTL_ENDPOINTS=https://e1:2379 etcdctl get a --consistency=s") == "a\n1\n"
    assert "etcdserver: no leader" in run(lab, "ETCDCTL_ENDPOINTS=https://e1:2379 etcdctl endpoint status -w table")
    assert "Unable to connect" in lab.run("kubectl get nodes --request-timeout=5s", terminal="plane").stderr
    lab.fault("power-off", "e3", end=True)
    assert run(lab, "sleep 60; etcdctl put a 3") == "OK\n"


@pytest.mark.slow
def test_a_dead_member_is_removed_and_another_joins(lab):
    lab.fault("power-off", "e3")
    old = run(lab, "etcdctl member list | grep 'started, e3' | cut -d, -f1").strip()
    assert f"Member {old} removed from cluster" in run(lab, f"etcdctl member remove {old}")
    said = run(lab, "etcdctl member add e4 --peer-urls=https://$(getent hosts e4 | cut -d' ' -f1):2380")
    assert 'ETCD_INITIAL_CLUSTER_STATE="existing"' in said and "e4=https://172.30.0.13:2380" in said
    assert "unstarted" in run(lab, "etcdctl member list")
    members = next(line for line in said.split("\n") if line.startswith("ETCD_INITIAL_CLUSTER=")).split('"')[1]
    run(lab, "scp -q -r /etc/etcd e4:/etc/ && scp -q /usr/local/bin/etcd e4:/usr/local/bin/ && "
             "sed 's/e1/e4/; s/172.30.0.10/172.30.0.13/g' /etc/systemd/system/etcd.service > new && scp -q new e4:/etc/systemd/system/etcd.service")
    run(lab, f"ssh e4 \"sed -i 's#--initial-cluster=.* #--initial-cluster={members} #; s/--initial-cluster-state=new/"
             "--initial-cluster-state=existing/; /^User=/d' /etc/systemd/system/etcd.service; systemctl daemon-reload; systemctl start etcd\"")
    assert run(lab, "sleep 5; etcdctl member list").count("started") == 3
    assert run(lab, "ETCDCTL_ENDPOINTS=https://e4:2379 etcdctl --insecure-skip-tls-verify get / --prefix --keys-only --limit=1") != ""


@pytest.mark.slow
def test_a_cluster_of_one_is_forced_out_of_what_is_left(lab):
    run(lab, "etcdctl put a 1")
    lab.fault("power-off", "e2")
    lab.fault("power-off", "e3")
    run(lab, r"sed -i 's/--data-dir/--force-new-cluster \\\n  --data-dir/' /etc/systemd/system/etcd.service")
    run(lab, "systemctl daemon-reload; systemctl restart etcd; sleep 5; export ETCDCTL_ENDPOINTS=https://e1:2379")
    assert run(lab, "etcdctl member list").count("\n") == 1
    assert run(lab, "etcdctl put b 2; etcdctl get a") == "OK\na\n1\n"


@pytest.mark.slow
def test_the_smaller_side_of_a_partition_reads_the_past_and_writes_nothing(lab):
    run(lab, "etcdctl put a 1")
    lab.fault("partition", "e1 e2")
    lab.fault("partition", "e1 e3")
    lab.advance(lab.now_us + 5_000_000)
    assert lab.run("ETCDCTL_ENDPOINTS=https://e1:2379 etcdctl put a 2").status == 1
    assert run(lab, "ETCDCTL_ENDPOINTS=https://e1:2379 etcdctl get a --consistency=s") == "a\n1\n"
    lab.fault("partition", "e1 e2", end=True)
    lab.fault("partition", "e1 e3", end=True)
    assert run(lab, "sleep 5; etcdctl put a 3; etcdctl get a") == "OK\na\n3\n"


@pytest.mark.slow
def test_a_full_database_takes_nothing_until_it_is_compacted_defragmented_and_disarmed(lab):
    for host in ("e1", "e2", "e3"):
        run(lab, f"ssh {host} \"sed -i 's/--data-dir/--quota-backend-bytes=2000000 --data-dir/' /etc/systemd/system/etcd.service; "
                 "systemctl daemon-reload; systemctl restart etcd\"; sleep 3")
    run(lab, "for i in $(seq 60); do etcdctl put big \"$(head -c 9000 /dev/zero | tr '\\0' x)\" >/dev/null 2>&1; done; true")
    assert "etcdserver: mvcc: database space exceeded" in lab.run("etcdctl put a 1").stderr
    assert "alarm:NOSPACE" in run(lab, "etcdctl alarm list")
    assert "database space exceeded" in lab.run("kubectl create configmap x", terminal="plane").stderr
    run(lab, "etcdctl compaction $(ETCDCTL_ENDPOINTS=https://e1:2379 etcdctl endpoint status -w json | sed 's/.*revision\":\\([0-9]*\\).*/\\1/')")
    assert lab.run("etcdctl put a 1").status == 1
    run(lab, "etcdctl defrag && etcdctl alarm disarm")
    assert run(lab, "etcdctl alarm list; etcdctl put a 1") == "OK\n"
    run(lab, "sleep 30; kubectl create configmap x", terminal="plane")


@pytest.mark.slow
def test_a_full_disk_ends_a_member_and_a_slow_one_loses_the_lead(lab):
    leader = run(lab, "etcdctl endpoint status -w json | grep -o '\"leader\":[0-9]*' | head -1")
    names = {"e1", "e2", "e3"}
    first = next(name for name in names if lab.network.listeners[name, 2379].id == int(leader.split(":")[1]))
    lab.fault("slow-disk", first)
    lab.advance(lab.now_us + 5_000_000)
    member = lab.network.listeners[first, 2379]
    assert member.cluster.leader not in (0, member.id)
    lab.fault("full-disk", "e3")
    lab.advance(lab.now_us + 10_000_000)
    assert ("e3", 2379) not in lab.network.listeners
    assert "no space left on device" in run(lab, "ssh e3 journalctl -u etcd")
