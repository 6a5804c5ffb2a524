"""etcdctl and etcdutl, as each version of them speaks. Importing the package registers both.

They reach members through the network of the host that they run on, and files through its user's eyes.
"""

from sim.shell.etcd import ctl, endpoints, keys, members, snapshots, utl

__all__ = ["ctl", "endpoints", "keys", "members", "snapshots", "utl"]
