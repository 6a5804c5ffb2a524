"""Writes what kubeadm (or somebody "the hard way") would have written, and switches the hosts on.

Models: kubeadm init and join with flannel. May import everything below the lab. Left out: tokens, real certificates.
"""

from sim.lab.install.addons import addons
from sim.lab.install.cluster import install, plain_hosts, server_of
from sim.lab.install.external import external_etcd, workstation
from sim.lab.install.spec import ClusterSpec, NodeSpec, taint_of

__all__ = ["ClusterSpec", "NodeSpec", "addons", "external_etcd", "install", "plain_hosts", "server_of", "taint_of", "workstation"]
