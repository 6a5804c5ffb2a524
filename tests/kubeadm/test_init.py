"""kubeadm init: what it refuses, what it makes, and that what it makes is a cluster."""

import pytest

from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load

@pytest.fixture
def lab():
    return Lab(load(find("os-upgrades")))

def said(lab, line):
    result = lab.run(line)
    return result.stdout + result.stderr

def test_a_control_plane_that_is_there_is_not_made_again(lab):
    result = lab.run("kubeadm init")
    assert result.status == 2
    assert "[init] Using Kubernetes version: v1.33." in result.stdout
    assert "\t[ERROR Port-6443]: Port 6443 is in use\n" in result.stderr
    assert "\t[ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty\n" in result.stderr

def test_after_a_reset_a_new_cluster_is_made_that_the_old_kubeconfig_does_not_trust(lab):
    lab.run("kubeadm reset -f")
    text = said(lab, "kubeadm init --pod-network-cidr=10.244.0.0/16 --control-plane-endpoint=controlplane:6443")
    assert "Your Kubernetes control-plane has initialized successfully!" in text
    assert "  kubeadm join controlplane:6443 --token " in text
    assert "x509: certificate signed by unknown authority" in said(lab, "kubectl get nodes")
    lab.run("cp /etc/kubernetes/admin.conf ~/.kube/config")
    lab.wait(60)
    assert "controlplane Ready control-plane" in " ".join(said(lab, "kubectl get nodes").split())
    assert said(lab, "kubectl get pods -n kube-system --no-headers | grep -c Running") == "7\n"
    assert "server: https://controlplane:6443" in said(lab, "grep server: /etc/kubernetes/admin.conf")
    assert "podSubnet: 10.244.0.0/16" in said(lab, "kubectl get cm -n kube-system kubeadm-config -o yaml")

def test_a_configuration_file_says_what_is_wanted(lab):
    lab.run("kubeadm config print init-defaults > c.yaml")
    assert said(lab, "grep -c kind: c.yaml") == "2\n"
    lab.run("sed -i 's/1.2.3.4/172.30.1.2/; s/clusterName: kubernetes/clusterName: mine/; s/v1.33.0/v1.33.1/' c.yaml")
    lab.run("kubeadm reset -f")
    assert "initialized successfully" in said(lab, "kubeadm init --config c.yaml")
    assert "name: mine" in said(lab, "cat /etc/kubernetes/admin.conf")
    assert said(lab, "kubeadm init --config nosuch.yaml").startswith(
        'unable to read config from "nosuch.yaml": open nosuch.yaml: no such file or directory')

def test_single_phases_make_what_is_missing(lab):
    lab.run("rm /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key /etc/kubernetes/scheduler.conf")
    text = said(lab, "kubeadm init phase certs apiserver --apiserver-cert-extra-sans=lb.example.com")
    assert text.startswith('[certs] Generating "apiserver" certificate and key\n') and "lb.example.com" in text
    assert said(lab, "kubeadm init phase kubeconfig scheduler") == '[kubeconfig] Writing "scheduler.conf" kubeconfig file\n'
    assert lab.run("kubectl get nodes").status == 0
    assert said(lab, "kubectl --server https://lb.example.com:6443 get nodes 2>&1 | tail -1").startswith("Unable to connect")

@pytest.mark.parametrize(("line", "text"), [

    ("kubeadm init --pod-network-cidr=ten", 'networking.podSubnet: Invalid value: "ten": couldn\'t parse subnet'),
    ("kubeadm init --nosuch", "unknown flag: --nosuch"),
    ("kubeadm init --apiserver-advertise-address=[ip]", "must be ipv4 or ipv6 address"),
    ("kubeadm init --token abc", 'the bootstrap token "abc" was not of the form')])
def test_wrong_words_are_told(lab, line, text):
    result = lab.run(line)
    assert text in result.stderr and result.status == 1
