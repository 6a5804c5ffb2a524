"""Counts of pods by their controller, kept by differences: no reconcile counts a large set anew.

Models: nothing upstream (it counts); this is what makes sets of thousands of pods cheap.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from sim.api import objects
from sim.api.client import Change, Key, Object


class Group(NamedTuple):
    """Pods that count alike. active: neither finished nor going."""

    labels: tuple[tuple[str, str], ...]
    active: bool
    ready: bool


class Tally:
    """Follows all changes of pods."""

    def __init__(self) -> None:
        self._places: dict[Key, tuple[str, Group]] = {}
        self._groups: dict[str, Counter[Group]] = {}

    def note(self, change: Change) -> None:
        """Count a change of a pod."""
        before = self._places.pop(change.key, None)
        if before is not None:
            uid, group = before
            groups = self._groups[uid]
            groups[group] -= 1
            if not groups[group]:
                del groups[group]
            if not groups:
                del self._groups[uid]
        pod = change.new
        owner = objects.controller_uid(pod) if pod is not None else ""
        if pod is not None and owner:
            group = _group(pod)
            self._places[change.key] = (owner, group)
            self._groups.setdefault(owner, Counter())[group] += 1

    def of(self, uid: str) -> Counter[Group]:
        """Give the groups of an owner's pods with their sizes."""
        return self._groups.get(uid) or Counter()

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
        self._groups.clear()


def _group(pod: Object) -> Group:
    active = not objects.deleting(pod) and not objects.pod_finished(pod)
    return Group(tuple(objects.labels(pod).items()), active, active and objects.pod_ready(pod))
