"""kubeadm: its commands, and its phases as functions on hosts; the lab's installer calls the same phases.

Layer 4: may import hosts, components and everything below; the shell registers the command. Left out: real cryptography
and downloads.
"""
