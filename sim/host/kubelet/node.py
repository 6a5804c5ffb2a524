"""The Node object as its kubelet writes it: resources, conditions, addresses, versions.

Models: pkg/kubelet/nodestatus/setters.go, kubelet_node_status.go, cm/node_container_manager. Left out: volumes in use,
the swap and runtime-handler blocks of nodeInfo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.api import times
from sim.api.client import Object
from sim.host.images import full_name, image_id

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet

HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}
PRESSED = {
    "MemoryPressure": ("True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    "DiskPressure": ("True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
}
RUNTIME_DOWN = "container runtime is down"
NO_NETWORK = ("container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin "
              "returns error: cni plugin not initialized")
IMAGES_MOST = 50


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a machine's owner says of it: labels and taints that its kubelet registers, amounts as text.

    pod_cidr: the range of its pods. exact: amounts are reported as they stand here, allocatable equal to capacity, as
    the stand-in kubelets of the recorded runs do; else the kubelet computes them.
    """

    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[Object, ...] = ()
    cpu: str = "2"
    memory: str = "4Gi"
    pods: int = 110
    pod_cidr: str = "10.244.0.0/24"
    exact: bool = False


def has_network(kubelet: Kubelet) -> bool:
    """Tell whether a network plugin has left its configuration on the host."""
    view, folder = kubelet.host.files.view(), kubelet.settings.cni
    names = view.list(folder) if view.is_dir(folder) else []
    return kubelet.stand_in or any(name.endswith((".conf", ".conflist", ".json")) for name in names)


def resources(kubelet: Kubelet) -> Object:
    """Give capacity and allocatable."""
    facts, host = kubelet.facts, kubelet.host
    if facts.exact:
        amounts = {"cpu": facts.cpu, "ephemeral-storage": "20134592Ki", "hugepages-2Mi": "0", "memory": facts.memory,
                   "pods": str(facts.pods)}
        return {"capacity": amounts, "allocatable": {**amounts, "ephemeral-storage": "18556040015"}}
    settings, disk = kubelet.settings, host.disk_bytes
    reserved = settings.reserved
    pods = str(settings.max_pods or facts.pods)
    memory = host.memory_bytes - settings.memory_threshold - reserved.get("memory", 0)
    cpu = host.cpu * 1000 - reserved.get("cpu", 0)
    storage = int(disk * (1 - settings.disk_threshold)) - reserved.get("ephemeral-storage", 0)
    return {
        "capacity": {"cpu": str(host.cpu), "ephemeral-storage": f"{disk >> 10}Ki", "hugepages-1Gi": "0",
                     "hugepages-2Mi": "0", "memory": f"{host.memory_bytes >> 10}Ki", "pods": pods},
        "allocatable": {"cpu": str(cpu // 1000) if cpu % 1000 == 0 else f"{cpu}m", "ephemeral-storage": str(storage),
                        "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": f"{memory >> 10}Ki", "pods": pods},
    }


def node_info(kubelet: Kubelet) -> Object:
    """Give what `kubectl get nodes -o wide` and describe show of the machine."""
    host = kubelet.host
    return {
        "architecture": "amd64", "bootID": host.boot_id, "containerRuntimeVersion": f"containerd://{host.containerd}",
        "kernelVersion": host.os.kernel, "kubeProxyVersion": "" if kubelet.minor >= (1, 33) else f"v{kubelet.version}",
        "kubeletVersion": f"v{kubelet.version}", "machineID": host.machine_id, "operatingSystem": "linux",
        "osImage": host.os.pretty, "systemUUID": host.system_uuid,
    }


def images(kubelet: Kubelet) -> list[Object]:
    """List the images on the host, the largest first."""
    known = kubelet.runtime.images
    largest = sorted(known.items(), key=lambda item: (-item[1], item[0]))[:IMAGES_MOST]
    return [{"names": [image_id(name), full_name(name)], "sizeBytes": round(mib * 1048576)} for name, mib in largest]


def ready_problem(kubelet: Kubelet) -> str:
    """Say why the node is not Ready; "" when it is."""
    problems = []
    if "kubelet-not-ready" in kubelet.host.faults or kubelet.runtime_gone:
        problems.append(RUNTIME_DOWN)
    if not kubelet.cni_ready:
        problems.append(NO_NETWORK)
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]" if problems else ""


def status(kubelet: Kubelet, old: Object) -> Object:
    """Write the status of the node; the conditions of others are kept."""
    now = times.stamp(kubelet.engine.unix_us)
    said = dict(HEALTHY)
    for kind in kubelet.pressure.conditions:
        said[kind] = PRESSED[kind]
    problem = ready_problem(kubelet)
    if problem:
        said["Ready"] = ("False", "KubeletNotReady", problem)
    known = {each["type"]: each for each in old.get("conditions") or []}
    conditions = [each for each in old.get("conditions") or [] if each["type"] not in said]
    for kind, (state, reason, message) in said.items():
        before = known.get(kind)
        same = before is not None and before["status"] == state
        conditions.append({
            "type": kind, "status": state, "lastHeartbeatTime": now,
            "lastTransitionTime": before["lastTransitionTime"] if same and before else now,
            "reason": reason, "message": message})
    return {
        **{name: value for name, value in old.items() if name in ("volumesInUse", "volumesAttached")},
        "addresses": [{"type": "InternalIP", "address": kubelet.host.address},
                      {"type": "Hostname", "address": kubelet.name}],
        **resources(kubelet), "conditions": conditions,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}, "images": images(kubelet),
        "nodeInfo": node_info(kubelet),
    }
