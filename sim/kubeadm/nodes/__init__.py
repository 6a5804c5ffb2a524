"""kubeadm's commands that make, join and unmake nodes: token, init, join, reset, and config print.

May import the frame, the phases and the certificates. Left out: single phases, patches, dry runs.
"""
