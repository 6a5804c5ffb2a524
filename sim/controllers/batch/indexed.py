"""The rules of Jobs that look at single pods and indexes: which index is done or lost, what a failure means, when to stop.

Models: pkg/controller/job (indexed_job_utils.go, pod_failure_policy.go, success_policy.go, backoff_utils.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.api import objects
from sim.api.client import Object
from sim.engine import SECOND_US

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
BACKOFF_US, BACKOFF_MOST_US = 10 * SECOND_US, 600 * SECOND_US


def read_indexes(text: str) -> set[int]:
    """Read `0-2,5`."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found


def completed_indexes(job: Object) -> set[int]:
    """Read status.completedIndexes."""
    return read_indexes(str(objects.dig(job, "status.completedIndexes", "")))


def failed_indexes(job: Object) -> set[int]:
    """Read status.failedIndexes."""
    return read_indexes(str(objects.dig(job, "status.failedIndexes", "")))


def index_text(indexes: set[int]) -> str:
    """Write indexes as ranges; two in a row stay apart with a comma."""
    parts: list[list[int]] = []
    for number in sorted(indexes):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(p[0]) if len(p) == 1 else f"{p[0]},{p[1]}" if len(p) == 2 else f"{p[0]}-{p[-1]}" for p in parts)


def index_of(pod: Object) -> int | None:
    """Give the pod's completion index."""
    text = objects.annotations(pod).get(INDEX)
    return int(text) if text is not None and text.isdigit() else None


def per_index(job: Object) -> int | None:
    """Give spec.backoffLimitPerIndex of an indexed Job."""
    limit = objects.dig(job, "spec.backoffLimitPerIndex")
    return int(limit) if limit is not None and objects.dig(job, "spec.completionMode") == "Indexed" else None


def policy_action(job: Object, pod: Object) -> tuple[str, str]:
    """Give (action, message) of the first rule of the pod failure policy that fits; ("Count", "") without one."""
    for number, rule in enumerate(objects.dig(job, "spec.podFailurePolicy.rules", [])):
        codes, wanted = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        for each in (*objects.dig(pod, "status.initContainerStatuses", []), *objects.dig(pod, "status.containerStatuses", [])) if (
                codes) else ():
            code = objects.dig(each, "state.terminated.exitCode", 0)
            named = codes.get("containerName") in (None, "", each["name"])
            if named and code and (code in codes["values"]) == (codes["operator"] == "In"):
                return rule["action"], (
                    f"Container {each['name']} for pod {objects.namespace(pod)}/{objects.name(pod)} failed with exit "
                    f"code {code} matching {rule['action']} rule at index {number}")
        for pattern in wanted:
            if objects.condition_status(pod, pattern["type"]) == pattern.get("status", "True"):
                return rule["action"], (
                    f"Pod {objects.namespace(pod)}/{objects.name(pod)} has condition {pattern['type']} matching "
                    f"{rule['action']} rule at index {number}")
    return "Count", ""


def matched_rule(job: Object, done: set[int]) -> str | None:
    """Give the message of the first rule of the success policy that the completed indexes satisfy."""
    for number, rule in enumerate(objects.dig(job, "spec.successPolicy.rules", [])):
        counted, count = done, rule.get("succeededCount")
        if rule.get("succeededIndexes"):
            wanted = read_indexes(str(rule["succeededIndexes"]))
            counted = done & wanted
            count = len(wanted) if count is None else count
        if count is not None and len(counted) >= count:
            return f"Matched rules at index {number}"
    return None


@dataclass(slots=True)
class Lost:
    """What is remembered of one index: how often its pods failed, and when last (microseconds since 1970)."""

    failures: int = 0
    ignored: int = 0
    last_us: int = 0

    def ready_us(self) -> int:
        """Tell from when on it may be tried again."""
        tries = self.failures + self.ignored
        return self.last_us + min(BACKOFF_US << (tries - 1), BACKOFF_MOST_US) if tries else 0


@dataclass(slots=True)
class Tries:
    """The failures of a Job's indexes. Read from the annotations of its pods when the controller is new."""

    indexes: dict[int, Lost] = field(default_factory=dict)

    def note(self, pod: Object, action: str, ended_us: int, limit: int) -> bool:
        """Count a failed pod of an index; tells whether the index is lost by it."""
        index = index_of(pod)
        if index is None:
            return False
        before, ignored = (int(objects.annotations(pod).get(name, "0")) for name in (FAILURES, IGNORED))
        found = self.indexes.setdefault(index, Lost())
        found.failures = max(found.failures, before + (action != "Ignore"))
        found.ignored = max(found.ignored, ignored + (action == "Ignore"))
        found.last_us = max(found.last_us, ended_us)
        return action == "FailIndex" or (action != "Ignore" and before >= limit)

    def marks(self, index: int) -> dict[str, str]:
        """Give the annotations of an index's next pod."""
        found = self.indexes.get(index, Lost())
        return {FAILURES: str(found.failures), **({IGNORED: str(found.ignored)} if found.ignored else {})}
