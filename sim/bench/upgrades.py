"""A rolling upgrade of all workers, upon the API and the hosts: what an upgrade costs at the least.

Each node is cordoned, emptied by evictions, gets a kubelet of the new version, is started anew and uncordoned. Left out:
kubeadm and the packages; upgrade strategies will take this one's place when they are there.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Client, Key, Object, Request
from sim.bench.clusters import until
from sim.lab.lab import Lab

KUBELET = "/usr/bin/kubelet"
PATIENCE_SECONDS = 1800


def upgrade(lab: Lab, version: str, *, at_once: int = 1) -> None:
    """Take every worker to a version, so many at once. Raises RuntimeError when a node does not come through."""
    server = lab.server()
    if server is None:
        raise RuntimeError("no API server answers")
    client = Client(server, server.reader, agent="kubectl")
    names = [objects.name(node) for node in server.reader.list("nodes")
             if "node-role.kubernetes.io/control-plane" not in objects.labels(node)]
    for at in range(0, len(names), at_once):
        group = names[at: at + at_once]
        for name in group:
            client.patch(Key("nodes", "", name), {"spec": {"unschedulable": True}})
        for name in group:
            for pod in _movable(client, name):
                key = objects.key("pods", pod)
                body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": key.name, "namespace": key.namespace}}
                server.handle(Request("create", key, subresource="eviction", body=body, agent="kubectl"))
        until(lab, lambda: not any(_movable(client, name) for name in group), PATIENCE_SECONDS, "a drain did not end")
        for name in group:
            _replace(lab, name, version)
        until(lab, lambda: all(_runs(client, name, version) for name in group), PATIENCE_SECONDS, "a kubelet did not come back")
        for name in group:
            client.patch(Key("nodes", "", name), {"spec": {"unschedulable": None}})


def _movable(client: Client, node: str) -> list[Object]:
    """Give the pods of a node that a drain takes away."""
    found = []
    for pod in client.reader.by_index("pods", "node", node):
        owner = objects.controller_of(pod)
        if owner is not None and owner["kind"] not in ("DaemonSet", "Node"):
            found.append(pod)
    return found


def _replace(lab: Lab, node: str, version: str) -> None:
    host = lab.network.hosts[node]
    view, unit = host.files.view(), host.unit("kubelet")
    if unit is None:
        raise RuntimeError(f"{node} has no kubelet")
    view.write(KUBELET, view.read(KUBELET).replace(host.version_of(KUBELET).encode(), version.encode()))
    unit.stop()
    unit.start()


def _runs(client: Client, node: str, version: str) -> bool:
    found = client.reader.get(Key("nodes", "", node))
    return found is not None and objects.dig(found, "status.nodeInfo.kubeletVersion") == f"v{version}" and (
        objects.condition_status(found, "Ready") == "True")
