"""Builtins of bash that are ours: those that leave commands, run texts, read input, or tell of jobs, traps and history.

Importing the package registers them all in `pipes.BUILTINS`. The others (cd, export, test …) are bashkit's.
"""

from sim.shell.builtins import control, jobs, reading, state

__all__ = ["control", "jobs", "reading", "state"]
