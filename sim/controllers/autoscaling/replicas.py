"""How many pods a metric asks for.

Models: pkg/controller/podautoscaler/replica_calculator.go, metrics/client.go, metrics/utilization.go. Numbers are in
thousandths (cpu in milli, memory in thousandths of a byte), whole as upstream's; ratios are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from sim.api import objects, quantity, times
from sim.api.client import Object
from sim.engine import SECOND_US

TOLERANCE = Fraction(1, 10)
INITIALIZATION_US, READINESS_US = 300 * SECOND_US, 30 * SECOND_US
"""--horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay."""


class NoMetric(Exception):
    """A metric does not tell how many pods there should be; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a pod used. value: thousandths; at_us: microseconds since 1970; window_us: over how long."""

    value: int
    at_us: int
    window_us: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a metric asks for. utilization: percent of the requests, None for raw values; average: thousandths a pod."""

    replicas: int
    utilization: int | None
    average: int


def samples(items: list[Object], resource: str, container: str = "") -> dict[str, Sample]:
    """Read PodMetrics: pod -> sample. Pods with a container that has no such value are left out."""
    found = {}
    for each in items:
        usages = [c.get("usage") or {} for c in each.get("containers") or [] if not container or c["name"] == container]
        if usages and all(resource in usage for usage in usages):
            found[objects.name(each)] = Sample(
                sum(quantity.milli(usage[resource]) for usage in usages), times.parse(each["timestamp"]),
                round(times.parse_duration(each["window"]) * SECOND_US))
    return found


def within(ratio: Fraction) -> bool:
    """Tell whether a ratio of use to target is near enough to 1 to leave things as they are."""
    return abs(ratio - 1) <= TOLERANCE


@dataclass(slots=True)
class Groups:
    """The pods of a target by what their samples are worth. Models: groupPods."""

    ready: int
    unready: list[str]
    missing: list[str]
    ignored: list[str]


def _unready(pod: Object, sample: Sample, now_us: int) -> bool:
    """Tell whether a sample of cpu says nothing yet, because the pod only just began."""
    ready, since = objects.condition(pod, "Ready"), objects.dig(pod, "status.startTime")
    if ready is None or not since:
        return True
    began_us, changed_us = times.parse(since), times.parse(ready.get("lastTransitionTime") or since)
    if began_us + INITIALIZATION_US > now_us:
        return ready["status"] == "False" or sample.at_us < changed_us + sample.window_us
    return ready["status"] == "False" and began_us + READINESS_US > changed_us


def group(pods: list[Object], found: dict[str, Sample], resource: str, now_us: int) -> Groups:
    """Sort the pods."""
    groups = Groups(0, [], [], [])
    for pod in pods:
        name, phase = objects.name(pod), objects.dig(pod, "status.phase", "")
        if objects.deleting(pod) or phase == "Failed":
            groups.ignored.append(name)
        elif phase == "Pending":
            groups.unready.append(name)
        elif name not in found:
            groups.missing.append(name)
        elif resource == "cpu" and _unready(pod, found[name], now_us):
            groups.unready.append(name)
        else:
            groups.ready += 1
    return groups


def requests(pods: list[Object], resource: str, container: str, *, names: bool) -> dict[str, int]:
    """Give what each pod asks for, in thousandths. names: whether the error names pod and container (from 1.27 on)."""
    found = {}
    for pod in pods:
        total = 0
        for each in objects.dig(pod, "spec.containers", []):
            if container and each["name"] != container:
                continue
            asked = objects.dig(each, "resources.requests", {}).get(resource)
            if asked is None:
                where = f" in container {each['name']} of Pod {objects.name(pod)}" if names else ""
                raise NoMetric(f"missing request for {resource}{where}")
            total += quantity.milli(str(asked))
        found[objects.name(pod)] = total
    return found


def resource_replicas(
    pods: list[Object], found: dict[str, Sample], resource: str, present: int, target: int, *, now_us: int,
    asked: dict[str, int] | None,
) -> Asked:
    """Give the size that keeps a resource at its target. Raises NoMetric.

    target: percent of the requests in `asked`, else thousandths a pod. present: spec.replicas of the target.
    """
    if not pods:
        raise NoMetric("no pods returned by selector while calculating replica count")
    groups = group(pods, found, resource, now_us)
    values = {name: each.value for name, each in found.items()}
    for name in (*groups.ignored, *groups.unready):
        values.pop(name, None)
    if not values:
        raise NoMetric("did not receive metrics for targeted pods (pods might be unready)")
    ratio, utilization, average = _ratio(values, asked, target)
    waiting = bool(groups.unready) and ratio > 1
    if not waiting and not groups.missing:
        size = present if within(ratio) else ceil(ratio * groups.ready)
        return Asked(size, utilization, average)
    for name in groups.missing if ratio != 1 else ():
        full = asked[name] * max(100, target) // 100 if asked is not None else target
        values[name] = full if ratio < 1 else 0
    for name in groups.unready if waiting else ():
        values[name] = 0
    again, _, _ = _ratio(values, asked, target)
    size = ceil(again * len(values))
    if within(again) or (ratio < 1 < again) or (again < 1 < ratio) or (again < 1 and size > present) or (
            again > 1 and size < present):
        size = present
    return Asked(size, utilization, average)


def _ratio(values: dict[str, int], asked: dict[str, int] | None, target: int) -> tuple[Fraction, int | None, int]:
    """Give (use over target, percent of the requests, average in thousandths). Raises NoMetric."""
    if asked is None:
        average = sum(values.values()) // len(values)
        return Fraction(average, target), None, average
    counted = [name for name in values if name in asked]
    total, wanted = sum(values[name] for name in counted), sum(asked[name] for name in counted)
    if not wanted:
        raise NoMetric("no metrics returned matched known pods")
    percent = total * 100 // wanted
    return Fraction(percent, target), percent, total // len(counted)
