"""Several clusters in one lab: one clock, one network, each its own store."""

import json

import pytest

from sim.api.client import Key
from sim.lab.lab import Lab
from sim.lab.scenario import ScenarioError, parse
from sim.lab.telling import events
from sim.lab.telling.debrief import debrief
from tui.board import board_text

SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: two, topic: multi-cluster, title: two}
spec:
  versions: [{kubernetes: "1.34.2"}]
  clusters:
  - name: one
    nodes: [{name: one-plane, role: control-plane}, {name: one-node}]
  - name: two
    etcd: {external: [{host: keeper}]}
    nodes: [{name: two-plane, role: control-plane}]
  hosts: [{name: desk}, {name: keeper}]
  terminals: [{name: main, host: desk}]
  goals: [{never: {change: nodes, type: changed, cluster: two, where: {spec.unschedulable: true}}, why: two was cordoned}]
  tasks:
  - name: label
    prompt: Label it.
    goals: [{object: node/two-plane, cluster: two, where: {metadata.labels.a: b}, why: no label}]
    solutions: [[kubectl --context two label node two-plane a=b]]
"""


@pytest.fixture(scope="module")
def grown():
    return Lab(parse(SCENARIO, "two.yaml"))


@pytest.fixture
def lab(grown):
    fork = grown.fork()
    yield fork
    fork.close()


def test_the_workstation_knows_every_cluster(lab):
    assert lab.run("kubectl config get-contexts -o name").stdout == "one\ntwo\n"
    assert lab.run("kubectl get nodes -o name").stdout == "node/one-node\nnode/one-plane\n"
    assert lab.run("kubectl config use-context two").status == 0
    assert lab.run("kubectl get nodes -o name").stdout == "node/two-plane\n"
    assert "kubectl get pods/" not in lab.completions("kubectl get node tw", "main")
    assert lab.completions("kubectl get node tw", "main") == ["two-plane"]


def test_an_outside_etcd_is_a_unit_of_its_own_user_and_no_pod(lab):
    lab.run("kubectl config use-context two")
    assert lab.run("kubectl get pods -n kube-system -o name | grep etcd").status == 1
    assert "--data-dir=/var/lib/etcd-data" in lab.run("ssh keeper systemctl cat etcd").stdout
    assert lab.run("ssh keeper ps -ef | grep bin/etcd").stdout.startswith("etcd ")
    assert lab.run("ssh keeper stat -c %U /var/lib/etcd-data").stdout == "etcd\n"
    assert "etcd-servers=https://172.30.0.11:2379" in lab.run("ssh two-plane ps -ef | grep -o etcd-servers=.*2379").stdout
    assert lab.run("ssh keeper systemctl is-active kubelet").status != 0


def test_a_terminal_sees_how_far_a_copy_is(lab):
    lab.run("head -c 2138112 /dev/zero > /tmp/cluster1.db")
    assert lab.run("scp /tmp/cluster1.db one-node:/tmp").stdout == ""
    lab.columns = 80
    assert lab.run("scp /tmp/cluster1.db one-node:/tmp").stdout == (
        "cluster1.db                                  100% 2088KB  73.3MB/s   00:00    \n")
    assert lab.run("scp -q /tmp/cluster1.db one-node:/tmp; scp /tmp/cluster1.db one-node:/tmp | cat").stdout == ""


def test_the_board_shows_every_cluster_after_its_name(lab):
    lab.run("kubectl --context two run lonely --image=nginx")
    lab.wait(20)
    text = board_text(lab).plain
    assert text.index("one\n") < text.index("one-node  Ready") < text.index("two\n") < text.index("two-plane  Ready") < text.index("lonely")
    lab.fault("power-off", "two-plane")
    lab.wait(5)
    assert board_text(lab).plain.endswith("two\nno API server\n\n")


def test_without_its_etcd_only_that_cluster_fails(lab):
    lab.fault("power-off", "keeper")
    lab.wait(30)
    assert lab.run("kubectl --context two get nodes").status == 1
    assert lab.run("kubectl --context one get nodes").status == 0


def test_each_cluster_has_its_own_history(lab):
    before = [lab.store(name).revision for name in ("one", "two")]
    lab.run("kubectl --context two create namespace late")
    assert lab.store("two").get(Key("namespaces", "", "late")) and not lab.store("one").get(Key("namespaces", "", "late"))
    assert lab.store("two").revision > before[1]
    rows = [json.loads(line) for line in events.lines(lab)]
    assert [row["cluster"] for row in rows if row["key"] == ["namespaces", "", "late"]][:1] == ["two"]
    assert {row["cluster"] for row in rows if row["type"] == "ADDED"} == {"one", "two"}
    assert [row["at_us"] for row in rows] == sorted(row["at_us"] for row in rows)


def test_goals_and_stories_name_their_cluster(lab):
    lab.run("kubectl --context two cordon two-plane")
    lab.run("kubectl --context two label node two-plane a=b")
    assert lab.check().startswith("done: label")
    assert debrief(lab).data.whole_lab == [(False, "two was cordoned")]
    assert lab.lab_line(":why node/two-plane").startswith("two: Node two-plane is")
    told = lab.lab_line(":why namespace/default")
    assert told.startswith("one: ") and "`:why namespace/default two`" in told
    assert lab.lab_line(":why namespace/default two").startswith("two: ")
    assert lab.lab_line(":why node/x three") == "kubedrill: there is no cluster three; there are one, two"


def test_a_saved_run_of_two_clusters_replays_to_the_same_bytes(lab, tmp_path):
    for line in ("kubectl --context two run a --image=nginx", "scp /etc/hostname one-node:/tmp/x", "ssh one-node cat /tmp/x"):
        lab.run(line)
    lab.wait(20)
    lab.save(tmp_path / "two.run")
    again = Lab.load(tmp_path / "two.run")
    assert again.differs == "" and list(events.lines(again)) == list(events.lines(lab))


@pytest.mark.parametrize(("old", "new", "said"), [
    ("host: keeper", "host: two-plane", "two-plane is none of `hosts` (desk, keeper)"),
    ("{host: keeper}", "{host: keeper}, {host: keeper}", "keeper is a member already"),
    ("name: two\n    etcd", "name: one\n    etcd", "a second cluster named one"),
    ("{name: desk}, {name: keeper}", "{name: desk, address: 1.2.3.4}, {name: keeper, address: 1.2.3.4}", "two hosts have the address 1.2.3.4"),
])
def test_impossible_clusters_are_found_without_running(old, new, said):
    with pytest.raises(ScenarioError, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse(SCENARIO.replace(old, new, 1), "two.yaml")
