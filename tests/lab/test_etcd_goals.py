"""Goals that tell a restore from a new object, a good snapshot from a bad one, one cluster's data from another's."""

import pytest

from sim.lab.goals.judge import Window, judge
from sim.lab.lab import Lab
from sim.lab.scenario import Goal, ScenarioError, parse

FLAGS = "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key"
SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: one, topic: etcd, title: one}
spec:
  versions: [{kubernetes: "1.34.2"}]
  clusters: [{nodes: [{name: plane, role: control-plane}]}]
  setup: [kubectl create configmap kept]
  tasks:
  - {name: early, prompt: x, goals: [{answer: {correct: ok}}], solutions: [[{answer: ok}]]}
  - {name: save, prompt: x, goals: [{snapshot: {host: plane, path: /opt/a.db}}], solutions: [["true"]]}
  - {name: late, prompt: x, goals: [{object: configmap/kept, same_as: early}], solutions: [["true"]]}
"""


@pytest.fixture(scope="module")
def grown():
    one = Lab(parse(SCENARIO, "one.yaml"))
    one.answer("ok")
    one.run(f"etcdctl {FLAGS} snapshot save /opt/a.db")
    assert one.check().startswith("done: save")
    one.run("kubectl delete configmap kept; kubectl create configmap kept")
    one.run(f"etcdctl {FLAGS} snapshot save /opt/b.db; head -c 200000 /opt/a.db > /opt/c.db; cp /var/lib/etcd/member/snap/db /opt/d.db")
    return one


def told(lab, **goal):
    verdict = judge(Goal.model_validate(goal), lab, Window(lab.task_entered_us, lab.now_us))
    return verdict.details[0] if verdict.details else verdict.why


@pytest.mark.parametrize(("wanted", "said"), [
    ({"path": "/opt/a.db", "of": "kubernetes", "taken_in": "save"}, ""),
    ({"path": "/opt/none.db"}, "/opt/none.db on plane: No such file or directory"),
    ({"path": "/opt/b.db", "taken_in": "save"}, "/opt/b.db was taken too late: it holds what happened until"),
    ({"path": "/opt/a.db", "taken_in": "late"}, ""),
    ({"path": "/opt/c.db"}, "/opt/c.db on plane is no snapshot of etcd"),
    ({"path": "/opt/d.db"}, "its digest is not right"), ({"path": "/opt/d.db", "valid": False}, ""),
    ({"path": "/etc/hostname"}, "/etc/hostname on plane is no snapshot of etcd")])
def test_a_snapshot_is_judged_by_what_it_holds(grown, wanted, said):
    found = told(grown, snapshot={"host": "plane", **wanted})
    assert said in found and bool(said) == bool(found)


def test_an_object_made_anew_is_not_the_one_that_was_there(grown):
    assert told(grown, object="configmap/kept", same_as="early") == "kept was made anew: its uid is another than when task early began"
    assert told(grown, object="configmap/kube-root-ca.crt", same_as="early") == ""
    assert told(grown, object="configmap/other", same_as="early") == "there was none when task early began"


def test_a_restore_changes_etcds_identity_and_brings_the_object_back(grown):
    lab = grown.fork()
    assert told(lab, etcd={"members": 1, "data_dir": "/var/lib/etcd", "cluster_id": "unchanged"}) == ""
    assert told(lab, etcd={"members": 3}) == "etcd has 1 members, not 3"
    assert told(lab, etcd={"cluster_id": "changed"}) == "etcd is still the same cluster: nothing was restored"
    lab.run("etcdutl snapshot restore /opt/a.db --data-dir /var/lib/new")
    lab.run("sed -i 's#path: /var/lib/etcd$#path: /var/lib/new#' /etc/kubernetes/manifests/etcd.yaml; sleep 60")
    assert told(lab, etcd={"data_dir": "/var/lib/new", "cluster_id": "changed"}) == ""
    assert told(lab, object="configmap/kept", same_as="early") == ""
    lab.close()


@pytest.mark.parametrize(("old", "new", "said"), [
    ("same_as: early", "same_as: never", "there is no task never"), ("host: plane, path: /opt/a.db", "host: moon, path: /opt/a.db", "there is no host moon"),
    ("path: /opt/a.db", "path: a.db", "an absolute path, please"), ("path: /opt/a.db", "path: /opt/a.db, of: mars", "there is no cluster mars"),
    ("{object: configmap/kept, same_as: early}", "{never: {object: configmap/kept, same_as: early}}", "identities are looked at when asked"),
    ("{snapshot: {host: plane, path: /opt/a.db}}", "{always: {snapshot: {host: plane, path: /opt/a.db}}}", "looked at when asked has no history")])
def test_goals_about_etcd_are_checked_without_running(old, new, said):
    assert old in SCENARIO
    with pytest.raises(ScenarioError, match=said):
        parse(SCENARIO.replace(old, new, 1), "one.yaml")
