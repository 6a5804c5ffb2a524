"""What runs on a node takes of its processors and memory at this moment: derived when somebody asks, never sampled.

A container uses what its image says, or what its command line says (`stress --cpu 2`, a loop that does nothing else).
A container that others call in a loop uses more: its image's share for each caller, parted among those that serve.

Models: what pkg/kubelet/server/stats gathers from cgroups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import objects, quantity, selectors
from sim.api.client import Object, Reader
from sim.host.kubelet.eviction import MIB, SYSTEM_MIB, memory_of
from sim.host.pods.slots import Slot
from sim.program import ContainerUse, NodeUse

if TYPE_CHECKING:
    from sim.host.kubelet.kubelet import Kubelet
    from sim.host.pods.worker import PodWorker

SYSTEM_CPU_MILLI = 55
"""What kubelet, containerd and the rest of the host use."""
BUSY = ("yes", "dd", "md5sum", "sha256sum", "sha1sum", "openssl")
"""Programs that take a whole processor while they run."""
WORKERS = ("--cpu", "-c", "-cpus", "--cpus")


def cpu_of(slot: Slot, callers: float = 0.0) -> int:
    """Give the thousandths of a processor that a slot's container uses. callers: how many call it in a loop."""
    words = [str(word) for word in (*(slot.spec.get("command") or ()), *(slot.spec.get("args") or ()))]
    used = slot.image.cpu_milli + slot.image.call_milli * callers
    if any("stress" in word for word in (slot.image_name, *words[:1])):
        used += 1000 * sum(int(words[at + 1]) for at, word in enumerate(words[:-1])
                           if word in WORKERS and words[at + 1].isdigit())
    text = " ".join(words)
    if any(f"{program} " in f"{text} " for program in BUSY) or "do :" in text or "do true" in text:
        used += 1000
    limit = objects.dig(slot.spec, "resources.limits.cpu")
    return round(used if limit is None else min(used, quantity.milli(str(limit))))


def callers_of(pod: Object, reader: Reader) -> float:
    """Give how many running pods call this one in a loop, each parted among all that serve it."""
    space, total = objects.namespace(pod), 0.0
    for service in reader.list("services", space):
        chosen = objects.dig(service, "spec.selector", {})
        if not chosen or not selectors.from_map(chosen).matches(objects.labels(pod)):
            continue
        calling = [each for each in reader.by_index("pods", "calls", f"{space}/{objects.name(service)}")
                   if objects.dig(each, "status.phase") == "Running" and not objects.deleting(each)]
        serving = sum(1 for each in reader.by_index("endpointslices", "service", objects.name(service))
                      if objects.namespace(each) == space for found in each.get("endpoints") or []
                      if objects.dig(found, "conditions.ready", True))
        total += len(calling) / serving if serving else 0
    return total


def _container(worker: PodWorker, slot: Slot, callers: float) -> ContainerUse:
    assert slot.current is not None
    return ContainerUse(worker.key.namespace, worker.key.name, slot.name, cpu_of(slot, callers), memory_of(slot),
                        slot.current.started_us)


def of(kubelet: Kubelet) -> NodeUse:
    """Give what the node's containers use, and the node as a whole."""
    reader = kubelet.client.reader if kubelet.client is not None else None
    found = []
    for worker in kubelet.workers.values():
        running = [slot for slot in (*worker.inits, *worker.mains) if slot.running]
        serves = any(slot.image.call_milli for slot in running)
        callers = callers_of(worker.pod, reader) if serves and reader is not None else 0.0
        found += [_container(worker, slot, callers) for slot in running]
    return NodeUse(SYSTEM_CPU_MILLI + sum(each.cpu_milli for each in found),
                   SYSTEM_MIB * MIB + sum(each.memory_bytes for each in found), tuple(found))
