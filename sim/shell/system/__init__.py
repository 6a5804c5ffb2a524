"""System tools that touch time, users, hosts or chance: bashkit's own would use the real machine's.

Importing the package registers them all.
"""

from sim.shell.system import basic, host, jobs, listing, wrappers

__all__ = ["basic", "host", "jobs", "listing", "wrappers"]
