"""The addresses behind the service `kubernetes`: every API server keeps them itself, no controller does."""

from __future__ import annotations

from sim.api.client import Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.host.network import Network

SERVICE, NAMESPACE = "kubernetes", "default"
LEASE_SECONDS = 15.0
"""How long the others keep the address of a server that ended without a word (its masterlease's TTL)."""


def serving(network: Network, store: object, port: int) -> list[str]:
    """Give the addresses at which servers of one store answer now, in the order of text, as the reconciler sorts them."""
    hosts = [network.hosts[name] for (name, at), found in network.listeners.items()
             if at == port and getattr(found, "store", None) is store]
    return sorted(host.address for host in hosts if host.powered)


def advertise(client: Client, addresses: list[str], port: int) -> None:
    """Write Endpoints and EndpointSlice where they differ; no address at all is never written.

    Models: pkg/controlplane/reconcilers (lease.go, endpointsadapter.go). Left out: the leases under /registry/masterleases
    (who serves is read from the network).
    """
    if not addresses:
        return
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    _put(client, "endpoints", {"endpointslice.kubernetes.io/skip-mirror": "true"}, {
        "subsets": [{"addresses": [{"ip": each} for each in addresses], "ports": ports}]})
    _put(client, "endpointslices", {"kubernetes.io/service-name": SERVICE}, {
        "addressType": "IPv4", "ports": ports,
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]})


def _put(client: Client, resource: str, labels: dict[str, str], content: Object) -> None:
    key = Key(resource, NAMESPACE, SERVICE)
    try:
        old = client.find(key)
        if old is None:
            client.create(resource, {"metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": labels}, **content})
        elif any(old.get(name) != value for name, value in content.items()):
            client.update(key, {**old, **content})
    except (StatusError, TransportError):
        return  # tried again when a server comes or goes
