"""Ready-made state: the pods of a large Deployment as its controllers, the scheduler and the kubelets would leave them.

For labs and studies of 1,000 nodes and more, where an hour of bringing up pods is not what one wants to see. Every part
is made by the code that makes it otherwise: the API server completes the pod (a dry run), the kubelet writes its status.
A test lets a cluster run on from such state and finds that nothing changes. Left out: the Events (they would have gone
by now), pods that wait for a probe, a volume or an image.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from sim.api import objects
from sim.api.client import ANY_VERSION, Client, Key, Object, Request
from sim.api.errors import KubedrillError
from sim.apiserver.server import ApiServer
from sim.controllers.scheduler.plugins.filters import untolerated
from sim.controllers.workloads import rolling
from sim.controllers.workloads.pods import pod_from_template
from sim.host.kubelet.kubelet import Kubelet
from sim.host.network import Network
from sim.host.pods.status import pod_status
from sim.host.runtime import Container, Sandbox

AGENT = "replicaset-controller"


def scale_out(network: Network, server: ApiServer, deployment: Key, replicas: int) -> None:
    """Give a Deployment that runs all the pods that it is to have, at once and running, spread evenly over the nodes.

    Raises KubedrillError where there is no room, or where its pods would not simply run.
    """
    client = Client(server, server.reader, agent=AGENT)
    owner = server.reader.get(deployment)
    sets = server.reader.by_index("replicasets", "owner", objects.uid(owner)) if owner is not None else []
    if owner is None or len(sets) != 1:
        raise KubedrillError(f"{deployment.name} is no Deployment with one ReplicaSet")
    missing = replicas - rolling.size(sets[0])
    if missing < 0:
        raise KubedrillError(f"{deployment.name} has more than {replicas} pods already")
    owner = client.patch(deployment, {"spec": {"replicas": replicas}})
    marks = {rolling.DESIRED: str(replicas), rolling.MAXIMUM: str(replicas + rolling.max_surge(owner))}
    boss = client.patch(objects.key("replicasets", sets[0]), {
        "metadata": {"annotations": marks}, "spec": {"replicas": replicas}})
    template, references = boss["spec"]["template"], [objects.controller_reference(boss)]
    kubelets = {kubelet.name: kubelet for host in network.hosts.values() for kubelet in host.kubelets}
    places = _places(server, kubelets, objects.uid(boss))
    for _ in range(missing):
        body = pod_from_template(boss, template, references)
        pod: Object = server.handle(Request(
            "create", Key("pods", deployment.namespace, ""), body=body, query={"dryRun": "All"}, agent=AGENT,
            canonical=ANY_VERSION)).body
        node = next(places, None)
        if node is None:
            raise KubedrillError(f"the nodes have no room for {replicas} pods")
        _run(server, kubelets[node], pod, node)


def _places(server: ApiServer, kubelets: dict[str, Kubelet], uid: str) -> Iterator[str]:
    """Give nodes, always the one with the fewest pods of an owner (then of all), while there is room."""
    heap = []
    for node in server.reader.list("nodes"):
        name = objects.name(node)
        there = server.reader.by_index("pods", "node", name)
        own = sum(objects.controller_uid(pod) == uid for pod in there)
        room = int(objects.dig(node, "status.allocatable.pods", "110")) - len(there)
        closed = objects.dig(node, "spec.unschedulable") or untolerated({"spec": {}}, node) is not None
        if name in kubelets and not closed and kubelets[name].online:
            heap.append((own, -room, name))
    heapq.heapify(heap)
    while heap:
        own, full, name = heapq.heappop(heap)
        if full < 0:
            yield name
            heapq.heappush(heap, (own + 1, full + 1, name))


def _run(server: ApiServer, kubelet: Kubelet, pod: Object, node: str) -> None:
    """Have a pod bound to a node and running there since now."""
    bound = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": server.now()}
    pod = {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": {**pod["status"], "conditions": [bound]}}
    runtime, uid = kubelet.runtime, objects.uid(pod)
    sandbox = Sandbox(runtime, pod, uid, runtime.address_for(pod, kubelet.pod_cidr), 0)
    runtime.sandboxes[uid] = sandbox
    for each in pod["spec"]["containers"]:
        image: Any = kubelet.images.behaviour(each.get("image") or "", pod)
        container = Container(sandbox, each, image, 0)
        sandbox.add(container)
        container.start()
        runtime.images.setdefault(container.image, image.mib)
    worker = kubelet.add(pod)
    for slot in worker.mains:
        kubelet.container_started(slot)
    status = pod_status(worker)
    pod = {**pod, "status": status}
    if not objects.pod_ready(pod) or worker.inits or any(slot.image.pull_error for slot in worker.mains):
        raise KubedrillError(f"pods of {objects.name(pod)} would not simply run: ready-made state does not know them")
    committed = server.store.commit(objects.key("pods", pod), pod, because="it was there already", by="kubelet")
    worker.pod = committed.new or pod
