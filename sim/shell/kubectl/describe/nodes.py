"""Nodes: conditions, addresses, capacity, the pods on them and what is asked of them.

Models: kubectl/pkg/describe/describe.go (NodeDescriber).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.api import objects, quantity, scheduling, times
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, labels, truth, when
from sim.shell.kubectl.describe.writer import Writer

ROLE = "node-role.kubernetes.io/"
PROXY_VERSION_BEFORE = (1, 34)
"""Clients before it have a line for the kube-proxy's version (golden: 1.28 and 1.33 do, 1.36 does not)."""
STANDARD = ("cpu", "memory", "ephemeral-storage")


def node(w: Writer, obj: Object, lease: Object | None, version: tuple[int, int]) -> None:
    """Write what a node says of itself."""
    roles = sorted(label.removeprefix(ROLE) for label in objects.labels(obj) if label.startswith(ROLE))
    w.line("Name:", objects.name(obj))
    w.line("Roles:", ",".join(roles) or "<none>")
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.line("CreationTimestamp:", when(obj["metadata"].get("creationTimestamp")))
    taints = objects.dig(obj, "spec.taints", [])
    w.write("Taints:\t")
    texts = sorted((_order(taint), _taint(taint)) for taint in taints)
    for number, (_, text) in enumerate(texts):
        w.write(("\t" if number else "") + text + "\n")
    if not texts:
        w.write("<none>\n")
    w.line("Unschedulable:", truth(objects.dig(obj, "spec.unschedulable")))
    held = lease or {}
    w.write("Lease:\n")
    w.line("  HolderIdentity:", objects.dig(held, "spec.holderIdentity", "<unset>"))
    w.line("  AcquireTime:", when(objects.dig(held, "spec.acquireTime")))
    w.line("  RenewTime:", when(objects.dig(held, "spec.renewTime")))
    conditions = objects.dig(obj, "status.conditions", [])
    if conditions:
        w.write("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n"
                "  ----\t------\t-----------------\t------------------\t------\t-------\n")
        for each in conditions:
            w.write(f"  {each['type']} \t{each['status']} \t{when(each.get('lastHeartbeatTime'))} \t"
                    f"{when(each.get('lastTransitionTime'))} \t{each.get('reason', '')} \t{each.get('message', '')}\n")
    w.write("Addresses:\n")
    for address in objects.dig(obj, "status.addresses", []):
        w.line(f"  {address['type']}:", address["address"])
    for title in ("Capacity", "Allocatable"):
        found = objects.dig(obj, f"status.{title.lower()}", {})
        if found:
            w.write(f"{title}:\n")
            for name in sorted(found):
                w.line(f"  {name}:", found[name])
    _system(w, objects.dig(obj, "status.nodeInfo", {}), version)
    if objects.dig(obj, "spec.podCIDR"):
        w.line("PodCIDR:", obj["spec"]["podCIDR"])
        w.line("PodCIDRs:", ",".join(obj["spec"].get("podCIDRs") or [obj["spec"]["podCIDR"]]))
    if objects.dig(obj, "spec.providerID"):
        w.line("ProviderID:", obj["spec"]["providerID"])


def _system(w: Writer, info: Object, version: tuple[int, int]) -> None:
    w.write("System Info:\n")
    rows = [("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
            ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
            ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
            ("Kubelet Version", "kubeletVersion")]
    if version < PROXY_VERSION_BEFORE:
        rows.append(("Kube-Proxy Version", "kubeProxyVersion"))
    for title, key in rows:
        w.line(f"  {title}:", info.get(key, ""))


def _order(taint: Object) -> int:
    return {"NoExecute": 0, "NoSchedule": 1, "PreferNoSchedule": 2}.get(taint["effect"], 3)


def _taint(taint: Object) -> str:
    return f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}"


# ---- pods ---------------------------------------------------------------------------------------------------------
def pods_on(w: Writer, obj: Object, pods: Sequence[Object], now_us: int) -> None:
    """Write the pods that are not over, and the sum of what they ask for."""
    total = objects.dig(obj, "status.allocatable", {}) or objects.dig(obj, "status.capacity", {})
    w.line("Non-terminated Pods:", f"({len(pods)} in total)")
    w.write("  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n"
            "  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n")
    asked: dict[str, int] = {}
    limits: dict[str, int] = {}
    for pod in pods:
        mine, most = scheduling.requests(pod), _limits(pod)
        for sums, each in ((asked, mine), (limits, most)):
            for name, amount in each.items():
                sums[name] = sums.get(name, 0) + amount
        cells = [_shown(name, each.get(name, 0), total) for name in ("cpu", "memory") for each in (mine, most)]
        w.write(f"  {objects.namespace(pod)}\t{objects.name(pod)}\t\t" + "\t".join(cells)
                + f"\t{times.since(pod['metadata'].get('creationTimestamp'), now_us)}\n")
    w.write("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n"
            "  Resource\tRequests\tLimits\n  --------\t--------\t------\n")
    extra = sorted(name for name in total if name not in (*STANDARD, "pods"))
    for name in (*STANDARD, *extra):
        if name in extra and not name.startswith("hugepages-"):
            w.write(f"  {name}\t{_plain(name, asked.get(name, 0))}\t{_plain(name, limits.get(name, 0))}\n")
            continue
        w.write(f"  {name}\t{_shown(name, asked.get(name, 0), total)}\t{_shown(name, limits.get(name, 0), total)}\n")


def _limits(pod: Object) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in objects.dig(pod, "spec.containers", []):
        for name, text in objects.dig(each, "resources.limits", {}).items():
            found[name] = found.get(name, 0) + scheduling.amount_of(name, text)
    for each in objects.dig(pod, "spec.initContainers", []):
        for name, text in objects.dig(each, "resources.limits", {}).items():
            amount = scheduling.amount_of(name, text)
            found[name] = found.get(name, 0) + amount if each.get("restartPolicy") == "Always" else max(
                found.get(name, 0), amount)
    return found


def _shown(name: str, amount: int, total: Object) -> str:
    whole = scheduling.amount_of(name, total.get(name, "0")) if total.get(name) else 0
    return f"{_plain(name, amount)} ({amount * 100 // whole if whole else 0}%)"


def _plain(name: str, amount: int) -> str:
    if name == "cpu":
        return quantity.canonical(f"{amount}m")
    for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)
