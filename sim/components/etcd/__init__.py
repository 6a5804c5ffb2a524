"""etcd as a program: its flags and start-up checks, the files under its data directory, the member that serves clients.

It runs `sim.etcd` on a host. Left out: Raft messages, TLS itself (certificates are records), the v2 store.
"""

from sim.components.etcd.program import Etcd
from sim.host.etcd.member import MemberServer

__all__ = ["Etcd", "MemberServer"]
