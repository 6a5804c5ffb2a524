"""Counts of pods by their controller, kept by differences: no reconcile counts a large set anew.

Models: nothing upstream (it counts); this is what makes sets of thousands of pods cheap.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from sim.api import objects
from sim.api.client import Change, Key, Object


class Group(NamedTuple):
    """Pods that count alike. active: neither finished nor going; going: being deleted and not finished."""

    labels: tuple[tuple[str, str], ...]
    active: bool
    ready: bool
    going: bool


class Tally:
    """Follows all changes of pods. kind: of the owners that are counted for."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._places: dict[Key, tuple[str, Group]] = {}
        self._groups: dict[str, Counter[Group]] = {}
        self._alike: dict[tuple[str, Group], tuple[str, Group]] = {}
        """One object for all pods that count alike: it saves memory."""

    def note(self, change: Change, owner: Object | None) -> None:
        """Count a change of a pod. owner: the reference to its controller, now."""
        pod, before = change.new, self._places.get(change.key)
        after = (owner["uid"], _group(pod)) if pod is not None and owner is not None and owner["kind"] == self.kind else None
        if before == after:
            return
        if before is not None:
            uid, group = before
            groups = self._groups[uid]
            groups[group] -= 1
            if not groups[group]:
                del groups[group]
            if not groups:
                del self._groups[uid]
            if uid not in self._groups or group not in groups:
                self._alike.pop(before, None)
            del self._places[change.key]
        if after is not None:
            after = self._alike.setdefault(after, after)
            self._places[change.key] = after
            self._groups.setdefault(after[0], Counter())[after[1]] += 1

    def of(self, uid: str) -> Counter[Group]:
        """Give the groups of an owner's pods with their sizes."""
        return self._groups.get(uid) or Counter()

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
        self._alike.clear()
        self._groups.clear()


def count(pods: list[Object]) -> Counter[Group]:
    """Count pods anew."""
    return Counter(_group(pod) for pod in pods)


def active_in(groups: Counter[Group]) -> int:
    """Give how many of the pods are active."""
    return sum(number for group, number in groups.items() if group.active)


def _group(pod: Object) -> Group:
    going, phase = bool(pod["metadata"].get("deletionTimestamp")), (pod.get("status") or {}).get("phase")
    finished = phase in ("Succeeded", "Failed")
    active = not finished and not going
    return Group(tuple(objects.labels(pod).items()), active, active and objects.pod_ready(pod), going and not finished)
