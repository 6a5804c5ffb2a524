"""velero: backups of objects in a bucket outside the clusters, restores into the same and into another cluster."""

import pytest

from sim.lab.lab import Lab
from sim.lab.scenario import parse

SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: v, topic: backup, title: v}
spec:
  versions: [{kubernetes: "1.34.2"}]
  clusters:
  - {name: one, nodes: [{name: one-plane, role: control-plane, taints: []}]}
  - {name: two, nodes: [{name: two-plane, role: control-plane, taints: []}]}
  hosts: [{name: desk}]
  terminals: [{name: main, host: desk}]
  files: {"desk:/root/credentials": "[default]"}
  setup:
  - kubectl create namespace shop
  - kubectl -n shop create deployment web --image=nginx --replicas=2
  - kubectl -n shop create configmap prices --from-literal=tea=2
  - kubectl -n shop label configmap prices kind=data
  - kubectl -n shop create service nodeport web --tcp=80 --node-port=30090
  tasks: [{name: none, prompt: none, goals: [], solutions: [["true"]]}]
"""
INSTALL = ("velero install --provider aws --plugins velero/velero-plugin-for-aws:v1.12.0 --bucket backups --secret-file ./credentials "
           "--use-volume-snapshots=false")


@pytest.fixture(scope="module")
def grown():
    one = Lab(parse(SCENARIO, "v.yaml"))
    assert one.run(INSTALL).stdout.splitlines()[-1].startswith("Velero is installed!")
    one.wait(30)
    assert one.run("velero backup create b1 --include-namespaces shop --wait").status == 0
    return one


@pytest.fixture
def lab(grown):
    fork = grown.fork()
    yield fork
    fork.close()


def out(lab, line, status=0):
    result = lab.run(line)
    assert result.status == status, (line, result.both)
    return result.both


def test_without_a_server_nothing_is_promised():
    one = Lab(parse(SCENARIO, "v.yaml"))
    assert out(one, "velero backup get", 1) == "An error occurred: the server could not find the requested resource\n"
    assert out(one, "velero install --provider aws --bucket b", 1) == "An error occurred: One of --secret-file or --no-secret is required\n"
    assert "no such file" in out(one, "velero install --provider aws --bucket b --plugins x --secret-file ./none", 1)
    assert "not simulated: velero plugin add" in out(one, "velero plugin add x", 120)


def test_a_backup_holds_what_was_asked_for(lab):
    told = out(lab, "velero backup describe b1 --details")
    for text in ("Phase:  Completed", "- shop/prices", "v1/Namespace:\n    - shop", "apps/v1/Deployment:\n    - shop/web"):
        assert text in told
    assert "kube-system" not in told and "Cluster-scoped:  auto" in told
    out(lab, "velero backup create b2 --include-namespaces shop -l kind=data --exclude-resources secrets --wait")
    told = out(lab, "velero backup describe b2 --details")
    assert "- shop/prices" in told and "Deployment" not in told
    assert "does not exist" in out(lab, "velero backup logs nope", 1)
    assert 'backups.velero.io "b1" already exists' in out(lab, "velero backup create b1", 1)


def test_a_restore_makes_new_objects_and_leaves_others_alone(lab):
    before = out(lab, "kubectl -n shop get deploy web -o jsonpath='{.metadata.uid}'")
    out(lab, "kubectl delete namespace shop")
    assert "Restore completed with status: Completed" in out(lab, "velero restore create r1 --from-backup b1 --wait")
    lab.wait(30)
    assert out(lab, "kubectl -n shop get deploy web -o jsonpath='{.metadata.uid}'") != before
    assert out(lab, "kubectl -n shop get deploy web -o jsonpath='{.status.readyReplicas}'") == "2"
    assert out(lab, "kubectl -n shop get pods -o name | wc -l") == "2\n"
    assert out(lab, "kubectl -n shop get cm prices -o jsonpath='{.metadata.labels.velero\\.io/restore-name}'") == "r1"
    assert out(lab, "kubectl -n shop get svc web -o jsonpath='{.spec.ports[0].nodePort}'") != "30090"
    out(lab, "kubectl -n shop patch cm prices -p '{\"data\":{\"tea\":\"3\"}}'")
    out(lab, "velero restore create r2 --from-backup b1 --wait")
    assert out(lab, "kubectl -n shop get cm prices -o jsonpath='{.data.tea}'") == "3", "what is there is left as it is"
    assert 'could not restore, ConfigMap "prices" already exists' in out(lab, "velero restore describe r2")
    out(lab, "velero restore create r3 --from-backup b1 --existing-resource-policy update --wait")
    assert out(lab, "kubectl -n shop get cm prices -o jsonpath='{.data.tea}'") == "2"
    assert 'backups.velero.io "nope" not found' in out(lab, "velero restore create --from-backup nope", 1)


def test_the_bucket_outlives_the_cluster(lab):
    out(lab, "kubectl config use-context two")
    out(lab, INSTALL)
    lab.wait(40)
    assert out(lab, "velero backup get").splitlines()[1].split()[:2] == ["b1", "Completed"]
    out(lab, "velero restore create r --from-backup b1 --namespace-mappings shop:boutique --wait")
    assert out(lab, "kubectl get cm -n boutique prices -o jsonpath='{.data.tea}'") == "2"
    assert out(lab, "kubectl get ns shop", 1).startswith("Error from server (NotFound)")


def test_schedules_make_backups_when_they_are_due(lab):
    out(lab, "velero schedule create often --schedule='*/5 * * * *' --include-namespaces shop")
    lab.wait(620)
    names = [line.split()[0] for line in out(lab, "velero backup get").splitlines()[1:]]
    assert len([name for name in names if name.startswith("often-")]) == 2
    out(lab, "velero schedule pause often")
    lab.wait(620)
    assert len(out(lab, "velero backup get").splitlines()) == len(names) + 1
    out(lab, "velero backup delete b1 --confirm")
    lab.wait(5)
    assert 'backups.velero.io "b1" not found' in out(lab, "velero backup describe b1", 1)


def test_a_server_that_dies_leaves_its_backup_failed(lab):
    lab.type("velero backup create slow")
    lab.advance(lab.now_us + 1_500_000)
    out(lab, "kubectl -n velero delete pod --all --force --grace-period=0 2> /dev/null; sleep 40")
    assert out(lab, "velero backup get slow | tail -1").split()[1] == "Failed"
