"""A cluster as those see it who look at a lab from outside: which hosts it was built on, what its servers said.

There is no cluster at run time: it is what its hosts run. This only remembers which hosts those are.
"""

from __future__ import annotations

from sim.api.client import Change
from sim.apiserver.server import ApiServer
from sim.etcd.store import Store
from sim.host.network import Network
from sim.lab.install import server_of


class InstalledCluster:
    """A cluster of a lab. hosts: the names of its nodes' hosts, control plane and workers; outside: of its etcd, if that is outside."""

    def __init__(self, name: str, network: Network, hosts: tuple[str, ...], outside: tuple[str, ...] = ()) -> None:
        self.name, self.network, self.hosts = name, network, hosts
        self.etcd_hosts = outside or hosts
        self._stores: list[Store] = []
        """Those that its API servers have served, in order; a restore makes a new one."""

    def server(self) -> ApiServer | None:
        """Give the API server that answers now."""
        found: ApiServer | None = server_of(self.network, self.hosts)
        return found

    def store(self) -> Store | None:
        """Give the answering server's store, or the one last seen."""
        server = self.server()
        if server is not None and (not self._stores or self._stores[-1] is not server.store):
            self._stores.append(server.store)
        return self._stores[-1] if self._stores else None

    def changes(self) -> list[Change]:
        """Give the history, over all stores that were served."""
        store = self.store()
        if store is None or len(self._stores) == 1:
            return store.changes if store is not None else []
        found: list[Change] = []
        for each in self._stores:
            last_us = found[-1].at_us if found else -1
            found += [*each.arrived, *(change for change in each.changes if change.at_us > last_us)]
        return found
