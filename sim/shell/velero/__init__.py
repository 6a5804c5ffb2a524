"""velero's command line: installs its server, and writes and reads its objects through the kubeconfig.

Models: vmware-tanzu/velero pkg/cmd, 1.14 to 1.16. Left out: plugins, downloads, bug reports, file system backups.
"""

from sim.shell.velero import main

__all__ = ["main"]
