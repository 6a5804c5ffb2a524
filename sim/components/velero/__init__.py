"""velero's server: a program in a pod that turns Backup, Restore and Schedule objects into copies in an object store.

It asks the API server like every client, as its service account. Left out: volumes (no data is copied), hooks, plugins.
"""

from sim.components.velero.server import Velero

__all__ = ["Velero"]
