"""What a kubelet does with one pod: slots for its containers, probes, restarts, its status, its end.

May import the host's runtime and images; knows the kubelet only for typing. Left out: volumes, ephemeral containers.
"""
