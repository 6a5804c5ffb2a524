"""What etcd has on a host: the files under its data directory, and the member that listens.

The program (sim.components) and the tools (sim.shell) meet here. It imports `sim.etcd` and `sim.host`.
"""

from sim.host.etcd.member import MemberServer, PeerPort

__all__ = ["MemberServer", "PeerPort"]
