"""How fast an autoscaler follows its metrics: what it recommended lately, and how many pods came and went.

Models: horizontal.go normalizeDesiredReplicas, stabilizeRecommendation, and their twins with behaviors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from sim.api.client import Object
from sim.engine import SECOND_US

DOWNSCALE_SECONDS = 300
"""--horizontal-pod-autoscaler-downscale-stabilization."""
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
READY = ("ReadyForNewScale", "recommended size matches current size")
UP_HELD = ("ScaleUpStabilized",
           "recent recommendations were lower than current one, applying the lowest recent recommendation")
DOWN_HELD = ("ScaleDownStabilized",
             "recent recommendations were higher than current one, applying the highest recent recommendation")

Reason = tuple[str, str]


@dataclass(slots=True)
class Memory:
    """What the controller remembers of one autoscaler: (moment in microseconds, number) each; lost with its process."""

    recommendations: list[tuple[int, int]] = field(default_factory=list)
    added: list[tuple[int, int]] = field(default_factory=list)
    removed: list[tuple[int, int]] = field(default_factory=list)

    def scaled(self, now_us: int, change: int) -> None:
        """Note that pods were added or taken away."""
        (self.added if change > 0 else self.removed).append((now_us, abs(change)))


@dataclass(frozen=True, slots=True)
class Normal:
    """A size that is allowed. able: of the condition AbleToScale; limited: of ScalingLimited, and whether it holds."""

    size: int
    able: Reason
    limited: Reason
    holds: bool


def normalize(memory: Memory, spec: Object, present: int, wanted: int, now_us: int) -> Normal:
    """Give the size that may be set now. spec: of the autoscaler; present: the target's size; wanted: by its metrics."""
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    behavior = spec.get("behavior")
    if not behavior:
        stable = _highest(memory, wanted, now_us, DOWNSCALE_SECONDS)
        able = READY if stable == wanted else DOWN_HELD
        size, why = _plain(present, stable, least, most)
    else:
        stable, able = _stable(memory, behavior, present, wanted, now_us)
        size, why = _paced(memory, behavior, present, stable, least, most, now_us)
    keep_us = max(DOWNSCALE_SECONDS, *(int((behavior or {}).get(way, {}).get("stabilizationWindowSeconds") or 0)
                                       for way in ("scaleUp", "scaleDown"))) * SECOND_US
    memory.recommendations = [each for each in memory.recommendations if each[0] > now_us - keep_us]
    memory.recommendations.append((now_us, wanted))
    return Normal(size, able, why, size != stable)


def _highest(memory: Memory, wanted: int, now_us: int, seconds: int) -> int:
    return max([wanted, *(size for at_us, size in memory.recommendations if at_us > now_us - seconds * SECOND_US)])


def _plain(present: int, wanted: int, least: int, most: int) -> tuple[int, Reason]:
    limit = max(2 * present, 4)
    top, why = (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
    if wanted < least:
        return least, TOO_FEW
    return (top, why) if wanted > top else (wanted, WITHIN)


def _stable(memory: Memory, behavior: Object, present: int, wanted: int, now_us: int) -> tuple[int, Reason]:
    up_s = int(behavior["scaleUp"].get("stabilizationWindowSeconds") or 0)
    down = behavior["scaleDown"].get("stabilizationWindowSeconds")
    down_s = DOWNSCALE_SECONDS if down is None else int(down)
    lowest = min([wanted, *(size for at_us, size in memory.recommendations if at_us > now_us - up_s * SECOND_US)])
    highest = _highest(memory, wanted, now_us, down_s)
    stable = min(max(present, lowest), highest)
    if stable == wanted:
        return stable, READY
    return stable, UP_HELD if wanted >= present else DOWN_HELD


def _paced(
    memory: Memory, behavior: Object, present: int, wanted: int, least: int, most: int, now_us: int
) -> tuple[int, Reason]:
    if wanted > present:
        limit = max(present, _limit(memory, behavior["scaleUp"], present, now_us, up=True))
        top, why = (limit, UP_LIMIT) if most > limit else (most, TOO_MANY)
        return (top, why) if wanted > top else (wanted, WITHIN)
    if wanted < present:
        limit = min(present, _limit(memory, behavior["scaleDown"], present, now_us, up=False))
        bottom, why = (limit, DOWN_LIMIT) if least < limit else (least, TOO_FEW)
        return (bottom, why) if wanted < bottom else (wanted, WITHIN)
    return wanted, WITHIN


def _limit(memory: Memory, rules: Object, present: int, now_us: int, *, up: bool) -> int:
    """Give how far the policies let the size go now."""
    select = rules.get("selectPolicy") or "Max"
    if select == "Disabled":
        return present
    proposed = []
    for policy in rules.get("policies") or []:
        since_us, value = now_us - int(policy["periodSeconds"]) * SECOND_US, int(policy["value"])
        began = present - _sum(memory.added, since_us) + _sum(memory.removed, since_us)
        part = value if policy["type"] == "Pods" else None
        if up:
            proposed.append(began + part if part is not None else ceil(began * (100 + value) / 100))
        else:
            proposed.append(began - part if part is not None else int(began * (100 - value) / 100))
    if not proposed:
        return present
    return max(proposed) if (select == "Max") == up else min(proposed)


def _sum(rows: list[tuple[int, int]], since_us: int) -> int:
    return sum(number for at_us, number in rows if at_us > since_us)
