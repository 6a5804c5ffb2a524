"""Machines: files, network, and the kubelet with its containers.

A host knows nothing of the API server but what a client of it knows. Left out: packets, container file systems.
"""
