"""The debrief: what a run cost, computed from the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import objects

if TYPE_CHECKING:
    from sim.lab.lab import Lab


def availability(lab: Lab) -> dict[str, tuple[float, float]]:
    """Give (seconds below desired, seconds at zero) per Deployment since the learner came."""
    store = lab.store()
    found: dict[str, tuple[float, float]] = {}
    last: dict[str, tuple[int, int, int]] = {}
    for change in store.changes if store else []:
        if change.key.resource != "deployments":
            continue
        name = f"{change.key.namespace}/{change.key.name}"
        at_us = max(change.at_us, lab.origin_us)
        _count(found, last, name, at_us)
        if change.new is None:
            last.pop(name, None)
        else:
            last[name] = (at_us, objects.dig(change.new, "spec.replicas", 0),
                          objects.dig(change.new, "status.availableReplicas", 0))
    for name in list(last):
        _count(found, last, name, lab.now_us)
    return found


def _count(
    found: dict[str, tuple[float, float]], last: dict[str, tuple[int, int, int]], name: str, at_us: int
) -> None:
    below, zero = found.get(name, (0.0, 0.0))
    if name in last:
        since_us, wanted, usable = last[name]
        seconds = (at_us - since_us) / 1_000_000
        below += seconds if usable < wanted else 0.0
        zero += seconds if usable == 0 and wanted else 0.0
    found[name] = (below, zero)


def debrief(lab: Lab) -> list[str]:
    """Write the debrief's lines."""
    store = lab.store()
    seconds = (lab.now_us - lab.origin_us) / 1_000_000
    lines = [(f"  simulated time {seconds:.1f} s, {sum(1 for i in lab.inputs if i.kind == 'line')} lines typed, "
             f"{sum(lab.hinted.values())} hints")]
    for name, (below, zero) in sorted(availability(lab).items()):
        lines.append(f"  {name}: {below:.1f} s below the wanted replicas, {zero:.1f} s at zero")
    evicted = [c for c in (store.changes if store else []) if c.at_us >= lab.origin_us and c.key.resource == "pods"
               and c.new is not None and objects.deleting(c.new) and not objects.deleting(c.old or c.new)
               and objects.condition_status(c.new, "DisruptionTarget") == "True"]
    lines.append(f"  pods evicted: {len(evicted)}")
    return lines
