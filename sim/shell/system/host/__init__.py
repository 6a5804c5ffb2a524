"""Tools that read or command the host itself: units, the journal, containers, processes, sockets, power, facts.

Every fact comes from the host's state. Importing the package registers them all.
"""

from sim.shell.system.host import containers, facts, journalctl, kubeadm, power, processes, systemctl

__all__ = ["containers", "facts", "journalctl", "kubeadm", "power", "processes", "systemctl"]
