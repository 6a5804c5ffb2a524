"""Who a kubeconfig's user is, and what a kubelet may; power and faults at hosts that are off."""

import pytest

from sim.api.client import Key, Request, User
from sim.api.errors import StatusError
from sim.host.machine import BOOT_SECONDS
from sim.kubeadm.certs.make import embedded
from sim.lab.faults import FaultError
from tests.host.cluster import Cluster

NODE01 = User("system:node:node01", ("system:nodes", "system:authenticated"))


def asks(cluster, verb, resource, name="", namespace="default", user=NODE01, **query):
    try:
        cluster.server.handle(Request(verb, Key(resource, namespace, name), query=query, user=user))
    except StatusError as error:
        return error.message
    return ""


def test_a_kubelet_reads_its_own_node_and_pods_only():
    cluster = Cluster("node01", "node02")
    cluster.make("mine")
    cluster.make("other", node="node02")
    cluster.run(15)
    assert asks(cluster, "list", "pods") == (
        'pods is forbidden: User "system:node:node01" cannot list resource "pods" in API group "" in the namespace '
        '"default": can only list/watch pods with spec.nodeName field selector')
    assert asks(cluster, "list", "pods", fieldSelector="spec.nodeName=node01") == ""
    assert asks(cluster, "get", "pods", "mine") == ""
    assert asks(cluster, "get", "pods", "other").endswith("no relationship found between node 'node01' and this object")
    assert asks(cluster, "list", "nodes", namespace="").endswith(
        "node 'node01' cannot read all nodes, only its own Node object")
    assert asks(cluster, "get", "nodes", "node01", namespace="") == ""
    assert asks(cluster, "list", "namespaces", namespace="").endswith('"namespaces" in API group "" at the cluster scope')


def test_before_1_32_a_kubelet_lists_all_pods_but_no_secrets():
    cluster = Cluster("node01", version="1.31.0")
    assert asks(cluster, "list", "pods") == ""
    assert asks(cluster, "list", "secrets").endswith("No Object name found")


def test_a_kubelet_reads_the_secrets_that_its_pods_name():
    cluster = Cluster("node01")
    for name in ("used", "unused"):
        cluster.client.create("secrets", {"metadata": {"name": name, "namespace": "default"}})
    cluster.make("a", volumes=[{"name": "v", "secret": {"secretName": "used"}}])
    assert asks(cluster, "get", "secrets", "used") == ""
    assert "no relationship found" in asks(cluster, "get", "secrets", "unused")


@pytest.mark.parametrize(("version", "group"), [("1.28.0", "system:masters"), ("1.33.1", "kubeadm:cluster-admins")])
def test_the_administrators_certificate_names_its_group(version, group):
    files = Cluster(version=version).network.hosts["controlplane"].files.view()
    assert embedded(files.read("/etc/kubernetes/admin.conf")).organizations == (group,)
    assert files.exists("/etc/kubernetes/super-admin.conf") == (group != "system:masters")


def test_booting_takes_time_however_it_began():
    cluster = Cluster("node01")
    cluster.fault("power-off", "node01")
    cluster.run(60)
    cluster.fault("power-on", "node01")
    cluster.run(BOOT_SECONDS - 1)
    assert cluster.ready("node01") != "True"
    cluster.run(30)
    assert cluster.ready("node01") == "True"


@pytest.mark.parametrize(("fault", "said"), [
    ("node-back", "node01 is off; use power-on"), ("node-silent", "node01 is off; use power-on"),
    ("reboot", "node01 is off; use power-on"), ("power-off", "node01 is off already"),
    ("kill", "node01 is off; use power-on")])
def test_a_fault_at_a_host_that_is_off_says_so(fault, said):
    cluster = Cluster("node01")
    cluster.fault("power-off", "node01")
    with pytest.raises(FaultError, match=said):
        cluster.fault(fault, "node01/kubelet" if fault == "kill" else "node01")
