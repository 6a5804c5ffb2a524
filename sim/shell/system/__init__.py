"""System tools that touch time, users, files' owners, hosts or chance: bashkit's own would use the real machine's.

Importing the package registers them all in `pipes.COMMANDS`. A tool that is not here and not bashkit's is refused.
"""

from sim.shell import builtins, etcd, velero
from sim.shell.editor import program as editors
from sim.shell.system import basic, certificates, clock, files, host, machine, packages, people, remote, running, web

__all__ = ["basic", "builtins", "certificates", "clock", "editors", "etcd", "files", "host", "machine", "packages", "people", "remote",
           "running", "velero", "web"]
