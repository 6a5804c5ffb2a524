"""top: what nodes and pods use, as the metrics API says.

Models: kubectl/pkg/cmd/top, kubectl/pkg/metricsutil.
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, quantity, times
from sim.api.client import Key, Object
from sim.engine import SECOND_US, Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing.tables import Columns
from sim.shell.kubectl.words.verbs import Verb

GROUP, EARLY = "metrics.k8s.io", "metrics not available yet"
PARENTHESES_SINCE = (1, 32)
"""Since when the headings are CPU(%) and MEMORY(%); before CPU% and MEMORY%."""
FRESH_US = 120 * SECOND_US
"""A pod younger than this may have no metrics yet."""
KEYS = {"cpu": "cpu", "memory": "memory"}


def _print(inv: Invocation, rows: list[list[str]]) -> None:
    """Print rows; every cell ends with a tab in the original, so that the last one is padded too."""
    for line in Columns().lines([[*row, ""] for row in rows]):
        inv.out(line)


def _shown(usage: Object) -> list[str]:
    return [f"{quantity.milli(usage['cpu'])}m", f"{int(quantity.parse(usage['memory'])) >> 20}Mi"]


def _sorted(inv: Invocation, items: list[Object], usage: Any) -> list[Object]:
    by = inv.flags["sort-by"] or ""
    if by and by not in KEYS:
        raise UsageError("--sort-by accepts only cpu or memory")
    items = sorted(items, key=lambda each: (objects.namespace(each), objects.name(each)))
    return sorted(items, key=lambda each: -quantity.parse(usage(each)[by])) if by else items


def _ask(inv: Invocation, resource: str, namespace: str) -> Steps[list[Object]]:
    """Read metrics: of one object, or of those that are chosen. Raises UsageError without a metrics API."""
    if len(inv.args) > 1:
        raise inv.usage(f'unexpected args: [{" ".join(inv.args)}]')
    if not any(each.group == GROUP for each in (yield from inv.mappings())):
        raise UsageError("Metrics API not available")
    name = inv.args[0] if inv.args else ""
    key = Key(f"{resource}.{GROUP}", namespace, name)
    if name:
        return [(yield from inv.send("get", key))]
    body = yield from inv.send("list", key, query={"labelSelector": inv.flags["selector"] or ""})
    items: list[Object] = body["items"]
    return items


def top_node(inv: Invocation) -> Steps[int]:
    """Run `kubectl top node`."""
    items = yield from _ask(inv, "nodes", "")
    if not items:
        raise UsageError(EARLY)
    body = yield from inv.send("list", Key("nodes", "", ""))
    part = "capacity" if inv.flags["show-capacity"] else "allocatable"
    there = {objects.name(node): objects.dig(node, f"status.{part}", {}) for node in body["items"]}
    percent = "({})" if inv.version >= PARENTHESES_SINCE else "{}"
    rows = [] if inv.flags["no-headers"] else [
        ["NAME", "CPU(cores)", f"CPU{percent.format('%')}", "MEMORY(bytes)", f"MEMORY{percent.format('%')}"]]
    seen = {objects.name(each) for each in items}
    for each in _sorted(inv, items, lambda each: each["usage"]):
        cells = [objects.name(each)]
        for name, text in zip(("cpu", "memory"), _shown(each["usage"]), strict=True):
            room = quantity.parse(str(there.get(objects.name(each), {}).get(name, "0")))
            share = int(100 * quantity.parse(each["usage"][name]) / room) if room else None
            cells += [text, "<unknown>" if share is None else f"{share}%"]
        rows.append(cells)
    for name in there if not inv.args else ():
        if name not in seen:
            rows.append([name, *["<unknown>"] * 4])
    _print(inv, rows)
    return 0


def top_pod(inv: Invocation) -> Steps[int]:
    """Run `kubectl top pod`."""
    everywhere = bool(inv.flags["all-namespaces"])
    space = "" if everywhere else inv.namespace
    items = yield from _ask(inv, "pods", space)
    if not items:
        yield from _explain_nothing(inv, space)
        inv.err("No resources found" if everywhere else f"No resources found in {space} namespace.")
        return 0
    rows, each_container, total = [], bool(inv.flags["containers"]), {"cpu": quantity.parse("0"), "memory": quantity.parse("0")}
    if not inv.flags["no-headers"]:
        rows.append([*(["NAMESPACE"] if everywhere else []), *(["POD"] if each_container else []), "NAME", "CPU(cores)",
                     "MEMORY(bytes)"])
    for pod in _sorted(inv, items, _sum):
        lines = [(each["name"], each["usage"]) for each in pod["containers"]] if each_container else [(objects.name(pod), _sum(pod))]
        for name, usage in lines:
            rows.append([*([objects.namespace(pod)] if everywhere else []), *([objects.name(pod)] if each_container else []),
                         name, *_shown(usage)])
        total = {name: amount + quantity.parse(_sum(pod)[name]) for name, amount in total.items()}
    if inv.flags["sum"]:
        blank = [""] * (len(rows[-1]) - 2)
        rows += [[*blank, "________", "________"], [*blank, *_shown({name: f"{int(amount * 1000)}m" for name, amount in total.items()})]]
    _print(inv, rows)
    return 0


def _sum(pod: Object) -> Object:
    usages = [each["usage"] for each in pod["containers"]]
    return {name: f"{int(1000 * sum(quantity.parse(usage[name]) for usage in usages))}m" for name in ("cpu", "memory")}


def _explain_nothing(inv: Invocation, space: str) -> Steps[None]:
    """Tell no pods from pods that nobody has measured. Raises UsageError."""
    body = yield from inv.send("list", Key("pods", space, ""), query={"labelSelector": inv.flags["selector"] or ""})
    for pod in body["items"]:
        age_us = inv.engine.unix_us - times.parse(pod["metadata"]["creationTimestamp"])
        if age_us > FRESH_US:
            age = times.duration(age_us / SECOND_US)
            raise UsageError(f"Metrics not available for pod {objects.namespace(pod)}/{objects.name(pod)}, age: {age}")
    if body["items"]:
        raise UsageError(EARLY)


TOP = ("no-headers", "selector", "sort-by", "use-protocol-buffers")
VERBS = {
    "top pod": Verb(top_pod, (*TOP, "all-namespaces", "containers", "sum")),
    "top node": Verb(top_node, (*TOP, "show-capacity")),
}
