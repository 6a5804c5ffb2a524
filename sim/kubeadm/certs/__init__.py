"""kubeadm's certificates and kubeconfigs: which there are, how they are made, renewed and looked at.

May import hosts and `sim.pki`. Left out: external authorities, keys other than by their ids.
"""
