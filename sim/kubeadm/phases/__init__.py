"""What kubeadm makes, whoever asks: configuration, manifests, the kubelet's files, addons, images.

Functions on hosts and objects, without output of their own; commands and the lab's installer call them. May import
hosts, components and versions. Left out: what a command prints.
"""
