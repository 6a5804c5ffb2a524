"""Which pods a selector chooses, kept up to date by changes: nobody scans a namespace to find out."""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Change, Key, Object, Reader
from sim.api.selectors import Selector


class Selection:
    """The pods that the selectors of some objects (services, budgets) choose."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._selectors: dict[Key, Selector] = {}
        self._in_namespace: dict[str, dict[Key, None]] = {}
        self._chosen: dict[Key, dict[Key, None]] = {}

    def set(self, key: Key, selector: Selector | None) -> None:
        """Take an object's selector (None: it has none or is gone); pods are looked through when it is new."""
        if selector == self._selectors.get(key):
            return
        if selector is None:
            del self._selectors[key]
            self._chosen.pop(key, None)
            self._in_namespace[key.namespace].pop(key, None)
            return
        self._selectors[key] = selector
        self._in_namespace.setdefault(key.namespace, {})[key] = None
        self._chosen[key] = {objects.key("pods", pod): None for pod in self.reader.list("pods", key.namespace)
                             if selector.matches(objects.labels(pod))}

    def pod(self, change: Change) -> list[Key]:
        """Take a pod's change; give the objects that choose it now or did before."""
        there = self._in_namespace.get(change.key.namespace)
        if not there:
            return []
        touched = []
        labels = objects.labels(change.new) if change.new is not None else None
        for key in there:
            chosen = self._chosen[key]
            was = change.key in chosen
            if labels is not None and self._selectors[key].matches(labels):
                chosen[change.key] = None
            elif was:
                del chosen[change.key]
            if was or change.key in chosen:
                touched.append(key)
        return touched

    def of(self, key: Key) -> list[Object]:
        """Give the chosen pods, in order of their names."""
        found = (self.reader.get(pod) for pod in sorted(self._chosen.get(key, ())))
        return [pod for pod in found if pod is not None]
