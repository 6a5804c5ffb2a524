"""What kubeadm takes back when a new program of the control plane does not come up, and what it leaves."""

import pytest

from sim.lab.lab import Lab
from sim.lab.scenario import parse

SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: rollback, topic: testing, level: 0, title: A rollback}
spec:
  versions: [{kubernetes: "1.33.4"}]
  date: "2025-09-02"
  clusters:
  - nodes: [{name: controlplane, role: control-plane, taints: []}]
    extraArgs: %s
  terminals: [{name: main, host: controlplane}]
  tasks: [{name: all, prompt: Upgrade., goals: [{object: node/node99, why: never}], solutions: [["true"]]}]
"""
TMP = "/etc/kubernetes/tmp"


@pytest.fixture
def upgraded(request):
    lab = Lab(parse(SCENARIO % request.param, "rollback.yaml"))
    lab.run("kubectl create deployment a --image=nginx")
    lab.world.network.hosts["controlplane"].files.view().write("/usr/bin/kubeadm", b"#!simulated kubeadm v1.34.0\n")
    yield lab, lab.run("kubeadm upgrade apply v1.34.0 -y")
    lab.close()


def image(lab, name):
    return lab.run(f"grep image: /etc/kubernetes/manifests/{name}.yaml").stdout.strip().rpartition(":")[2]


@pytest.mark.parametrize("upgraded", ['{etcd: {enable-v2: "true"}}'], indirect=True)
def test_an_etcd_that_does_not_start_is_rolled_back(upgraded):
    lab, result = upgraded
    assert result.status == 1
    assert result.stdout.splitlines()[-1] == "[upgrade/etcd] Etcd was rolled back and is now available"
    assert "rolled the state back to pre-upgrade state" in result.stderr
    assert image(lab, "etcd") == "3.5.21-0" and image(lab, "kube-apiserver") == "v1.33.4"
    assert lab.run(f"ls {TMP}/kubeadm-backup-etcd-*/member/snap").stdout == "db\n"
    lab.wait(300)
    assert lab.run("kubectl get deployment a -o jsonpath='{.status.readyReplicas}'").stdout == "1"


@pytest.mark.parametrize("upgraded", ["{}"], indirect=True)
def test_certificates_are_renewed_and_the_configuration_is_kept(upgraded):
    lab, result = upgraded
    assert result.status == 0
    kept = lab.run("kubectl get cm -n kube-system kubeadm-config -o jsonpath='{.data.ClusterConfiguration}'").stdout
    assert "kubernetesVersion: v1.34.0" in kept and "kubeadm.k8s.io/v1beta4" in kept
    lab.wait(60)
    assert lab.run("kubeadm upgrade apply v1.34.0 -y --certificate-renewal=false | grep -c equal").stdout == "4\n"
