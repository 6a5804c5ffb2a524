"""What an administrator asks and sets of the machine itself: kernel modules and settings, its log, disks, users, its name and clock.

Everything comes from the host's state; what would need more of a kernel refuses. Importing registers the programs.
"""

from sim.shell.system.machine import kernel, naming, reach, signals, small, users

__all__ = ["kernel", "naming", "reach", "signals", "small", "users"]
