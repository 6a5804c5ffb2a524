"""What the learner of the state machine found once: each stays mended."""

import pytest

from sim.invariants import Judge
from sim.testing.machine import make_lab


@pytest.fixture
def lab():
    found = make_lab()
    yield found
    found.close()


def at_rest(lab):
    judge = Judge(lab.world.store())
    assert [*judge.look(), *judge.settled()] == []


def test_a_node_status_that_was_lost_with_etcd_is_posted_again(lab):
    lab.fault("kubelet-not-ready", "node02")
    lab.fault("kill", "controlplane/etcd")
    lab.fault("kubelet-not-ready", "node02", end=True)
    lab.wait(120)
    at_rest(lab)


def test_the_mirror_of_a_manifest_that_went_while_etcd_was_dead_goes(lab):
    lab.fault("kill", "controlplane/etcd")
    lab.run("mv /etc/kubernetes/manifests/kube-scheduler.yaml /root/")
    lab.wait(120)
    assert "kube-scheduler" not in lab.run("kubectl get pods -n kube-system").stdout
    lab.run("mv /root/kube-scheduler.yaml /etc/kubernetes/manifests/")
    lab.wait(60)
    assert "kube-scheduler" in lab.run("kubectl get pods -n kube-system").stdout
    at_rest(lab)
