"""describe: nodes so far; other kinds refuse.

Models: kubectl/pkg/describe/describe.go (NodeDescriber).
"""

from __future__ import annotations

from sim.api import objects, quantity, scheduling, times
from sim.api.client import Key, Object
from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.frame.verbs import FILES, Verb

LABEL_COLUMN = 20


def _pairs(title: str, pairs: dict[str, str]) -> list[str]:
    texts = [f"{key}={value}" if title == "Labels" else f"{key}: {value}" for key, value in sorted(pairs.items())]
    return [f"{(title + ':') if not at else '':{LABEL_COLUMN}}{text}" for at, text in enumerate(texts or ["<none>"])]


def _when(stamp: str) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=times.parse(stamp))
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")


def _rows(head: list[str], rows: list[list[str]]) -> list[str]:
    table = [head, ["-" * len(cell) if cell else "" for cell in head], *rows]
    widths = [max(len(row[at]) for row in table) for at in range(len(head))]
    return ["  " + "".join(cell if at == len(row) - 1 else cell.ljust(widths[at] + 2) for at, cell in enumerate(row))
            for row in table]


def node_lines(node: Object, pods: list[Object], events: list[Object], lease: Object | None, now_us: int) -> list[str]:
    """Write everything that `describe node` says."""
    from sim.apiserver.tables import node_roles

    taints = [f"{t['key']}{'=' + t['value'] if t.get('value') else ''}:{t['effect']}"
              for t in objects.dig(node, "spec.taints", [])]
    lines = [f"{'Name:':{LABEL_COLUMN}}{objects.name(node)}", f"{'Roles:':{LABEL_COLUMN}}{node_roles(node)}",
             *_pairs("Labels", objects.labels(node)), *_pairs("Annotations", objects.annotations(node)),
             f"{'CreationTimestamp:':{LABEL_COLUMN}}{_when(node['metadata']['creationTimestamp'])}"]
    lines += [f"{'Taints:' if not at else '':{LABEL_COLUMN}}{t}" for at, t in enumerate(taints or ["<none>"])]
    lines.append(f"{'Unschedulable:':{LABEL_COLUMN}}{str(bool(objects.dig(node, 'spec.unschedulable'))).lower()}")
    lines += ["Lease:", f"  HolderIdentity:  {objects.dig(lease or {}, 'spec.holderIdentity', '<unset>')}",
              "  AcquireTime:     <unset>"]
    renewed = objects.dig(lease or {}, "spec.renewTime")
    lines.append(f"  RenewTime:       {_when(renewed) if renewed else '<unset>'}")
    conditions = [[c["type"], c["status"], _when(c["lastHeartbeatTime"]), _when(c["lastTransitionTime"]), c["reason"],
                   c["message"]] for c in objects.dig(node, "status.conditions", [])]
    lines += ["Conditions:", *_rows(["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
                                    conditions), "Addresses:"]
    lines += [f"  {a['type']}:  {a['address']}" for a in objects.dig(node, "status.addresses", [])]
    for title, field in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        amounts = objects.dig(node, f"status.{field}", {})
        width = max((len(name) for name in amounts), default=0) + 1
        lines += [f"{title}:", *(f"  {name + ':':{width}}  {amounts[name]}" for name in sorted(amounts))]
    info = objects.dig(node, "status.nodeInfo", {})
    names = (("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
             ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
             ("Kubelet Version", "kubeletVersion"))
    lines += ["System Info:", *(f"  {title + ':':28}{info.get(field, '')}" for title, field in names)]
    lines += [f"{'PodCIDR:':30}{objects.dig(node, 'spec.podCIDR', '')}",
              f"{'PodCIDRs:':30}{objects.dig(node, 'spec.podCIDR', '')}"]
    return lines + _pods(node, pods, now_us) + _events(events, now_us)


def _share(amount: int, total: int) -> str:
    return f"({amount * 100 // total}%)" if total else "(0%)"


def _pods(node: Object, pods: list[Object], now_us: int) -> list[str]:
    total = {name: scheduling.amount_of(name, objects.dig(node, f"status.allocatable.{name}", "0"))
             for name in ("cpu", "memory")}
    rows, sums = [], {"cpu": [0, 0], "memory": [0, 0]}
    for pod in pods:
        asked = scheduling.requests(pod)
        limits: dict[str, int] = {}
        for each in objects.dig(pod, "spec.containers", []):
            for name, text in objects.dig(each, "resources.limits", {}).items():
                limits[name] = limits.get(name, 0) + scheduling.amount_of(name, text)
        cells = [objects.namespace(pod), objects.name(pod)]
        for name in ("cpu", "memory"):
            for at, source in enumerate((asked, limits)):
                amount = source.get(name, 0)
                sums[name][at] += amount
                cells.append(f"{_amount(name, amount)} {_share(amount, total[name])}")
        age = times.age((now_us - times.parse(pod["metadata"]["creationTimestamp"])) // 1_000_000)
        rows.append([*cells, age])
    head = ["Namespace", "Name", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age"]
    lines = [f"Non-terminated Pods:{'':10}({len(pods)} in total)", *_rows(head, rows), "Allocated resources:",
             "  (Total limits may be over 100 percent, i.e., overcommitted.)"]
    used = [[name, *(f"{_amount(name, amount)} {_share(amount, total[name])}" for amount in sums[name])]
            for name in ("cpu", "memory")]
    return lines + _rows(["Resource", "Requests", "Limits"], used)


def _amount(name: str, amount: int) -> str:
    if name == "cpu":
        return quantity.canonical(f"{amount}m")
    return f"{amount // 1024 // 1024}Mi" if amount and amount % (1024 * 1024) == 0 else str(amount)


def _events(events: list[Object], now_us: int) -> list[str]:
    from sim.apiserver.tables import age_of

    if not events:
        return ["Events:              <none>"]
    rows = [[e.get("type", ""), e.get("reason", ""), age_of(e.get("lastTimestamp"), now_us),
             objects.dig(e, "source.component", ""), str(e.get("message", ""))] for e in events]
    return ["Events:", *_rows(["Type", "Reason", "Age", "From", "Message"], rows)]


def _budget(inv: Invocation, name: str) -> Steps[list[str]]:
    """Write a PodDisruptionBudget."""
    from sim.api import selectors

    budget = yield from inv.send("get", Key("poddisruptionbudgets", inv.namespace, name))
    events = yield from inv.send("list", Key("events", inv.namespace, ""), query={
        "fieldSelector": f"involvedObject.kind=PodDisruptionBudget,involvedObject.name={name}"})
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    limit = ("Min available:", spec["minAvailable"]) if "minAvailable" in spec else (
        "Max unavailable:", spec.get("maxUnavailable"))
    width = max(16, len(limit[0]) + 2)
    rows = [("Name:", name), ("Namespace:", inv.namespace), limit,
            ("Selector:", selectors.text_of(spec.get("selector")))]
    lines = [f"{title:{width}}{value}" for title, value in rows] + ["Status:"]
    for title, field in (("Allowed disruptions", "disruptionsAllowed"), ("Current", "currentHealthy"),
                         ("Desired", "desiredHealthy"), ("Total", "expectedPods")):
        lines.append(f"    {title + ':':22}{status.get(field, 0)}")
    shown = _events(events["items"], inv.engine.unix_us)
    return [*lines, f"{'Events:':26}<none>"] if len(shown) == 1 else [*lines, *shown]


def describe(inv: Invocation) -> Steps[int]:
    """Run `kubectl describe`."""
    if not inv.args:
        raise UsageError("You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete "
                         "list of supported resources.")
    first = True
    if inv.args[0] in ("pdb", "poddisruptionbudget", "poddisruptionbudgets") and len(inv.args) > 1:
        for name in inv.args[1:]:
            for line in (yield from _budget(inv, name)):
                inv.out(line)
        return 0
    for mapping, names in (yield from inv.named(inv.args)):
        if mapping.resource != "nodes":
            raise NotSimulated(f"kubectl describe {mapping.resource}")
        query = {"labelSelector": inv.flags["selector"]} if inv.flags["selector"] else {}
        if names:
            found = []
            for name in names:
                found.append((yield from inv.send("get", Key("nodes", "", name))))
        else:
            found = (yield from inv.send("list", Key("nodes", "", ""), query=query))["items"]
        for node in found:
            name = objects.name(node)
            body = yield from inv.send("list", Key("pods", "", ""), query={"fieldSelector": f"spec.nodeName={name}"})
            pods = [pod for pod in body["items"] if not objects.pod_finished(pod)]
            body = yield from inv.send("list", Key("events", "", ""), query={
                "fieldSelector": f"involvedObject.kind=Node,involvedObject.name={name}"})
            lease = yield from inv.find(Key("leases", "kube-node-lease", name))
            if not first:
                inv.out("\n")
            first = False
            for line in node_lines(node, pods, body["items"], lease, inv.engine.unix_us):
                inv.out(line)
    return 0


VERBS = {"describe": Verb(describe, (*FILES, "selector", "all-namespaces"))}
