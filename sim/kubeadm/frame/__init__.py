"""What all of kubeadm's commands share: the command line, one run with its API client, the texts of each version.

May import hosts and below. Left out: what a command does.
"""
