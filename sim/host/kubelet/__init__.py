"""The kubelet, a program of a host: its files, its node, static pods, pressure, and what it serves.

May import `sim.host.pods`. Left out: cgroups, volume managers, certificates.
"""
