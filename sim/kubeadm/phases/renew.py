"""Renews the certificates of a control-plane program, as an upgrade does. Models: phases/certs/renewal."""

from __future__ import annotations

from sim.host.machine import Host

BY_COMPONENT = {
    "etcd": ("etcd-server", "etcd-peer", "etcd-healthcheck-client"),
    "kube-apiserver": ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"),
    "kube-controller-manager": ("controller-manager.conf",), "kube-scheduler": ("scheduler.conf",)}
"""Program -> the certificates that it uses, in kubeadm's order."""


def renew(host: Host, name: str) -> None:
    """Renew a certificate or the one in a kubeconfig."""
