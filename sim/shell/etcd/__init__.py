"""etcdctl and etcdutl, as each version of them speaks. Importing the package registers both.

They reach members through the network of the host that they run on, and files through its user's eyes.
"""

from sim.shell.etcd import accounts, endpoints, keys, leases, maintenance, members, snapshots, txns, utl, watching

__all__ = ["accounts", "endpoints", "keys", "leases", "maintenance", "members", "snapshots", "txns", "utl", "watching"]
