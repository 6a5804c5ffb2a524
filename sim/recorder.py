"""Event objects as components record them: repetitions counted, floods cut off.

Models: client-go/tools/record (EventCorrelator): the same event again raises `count`; per object a burst of 25 events,
then one every 5 minutes. Left out: aggregation of similar events into "(combined from similar events)".
"""

from __future__ import annotations

from sim.api import objects, times
from sim.api.client import Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Engine

NAMESPACE = "default"
BURST, REFILL_US = 25, 300 * SECOND_US
REMEMBERED = 1024
"""How many events a recorder can still count up (upstream: 4096 in all); older ones start anew."""


class Recorder:
    """Writes Event objects for one component.

    component, host: the event's source.
    """

    def __init__(self, engine: Engine, client: Client, component: str, host: str = "") -> None:
        self.engine = engine
        self.client = client
        self.component = component
        self.host = host
        self._known: dict[tuple[str, str, str, str], Key] = {}
        self._tokens: dict[str, tuple[int, int]] = {}

    def event(self, about: Object, kind: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Record an Event about an object; kind is Normal or Warning. A lost event is lost, as upstream."""
        same = (objects.uid(about) or objects.name(about), reason, message, field_path)
        try:
            if self._count_up(same):
                return
            self._create(about, kind, reason, message, field_path, same)
        except (StatusError, TransportError):
            return

    def _count_up(self, same: tuple[str, str, str, str]) -> bool:
        known = self._known.get(same)
        found = self.client.reader.get(known) if known is not None else None
        if known is None or found is None:
            return False
        if self._spend(same[0]):
            self.client.patch(known, {"count": found.get("count", 1) + 1,
                                      "lastTimestamp": times.stamp(self.engine.unix_us)})
        return True

    def _spend(self, uid: str) -> bool:
        """Take one of the object's tokens; only repetitions are counted, which is where floods come from."""
        left, since_us = self._tokens.get(uid, (BURST, self.engine.now_us))
        refilled = (self.engine.now_us - since_us) // REFILL_US
        left, since_us = min(BURST, left + refilled), since_us + refilled * REFILL_US
        self._tokens[uid] = (max(0, left - 1), since_us)
        return left > 0

    def _create(
        self, about: Object, kind: str, reason: str, message: str, field_path: str, same: tuple[str, str, str, str]
    ) -> None:
        now = times.stamp(self.engine.unix_us)
        space = objects.namespace(about)
        namespace = space or NAMESPACE
        name = f"{objects.name(about)}.{self.engine.stream('events').text('0123456789abcdef', 16)}"
        reference = {
            "kind": about["kind"], "name": objects.name(about), "uid": objects.uid(about),
            "apiVersion": about.get("apiVersion", "v1"), "resourceVersion": about["metadata"].get("resourceVersion", "")}
        if space:
            reference["namespace"] = space
        if field_path:
            reference["fieldPath"] = field_path
        source = {"component": self.component, **({"host": self.host} if self.host else {})}
        self.client.create("events", {
            "metadata": {"name": name, "namespace": namespace}, "involvedObject": reference, "reason": reason,
            "message": message, "source": source, "firstTimestamp": now, "lastTimestamp": now, "count": 1,
            "type": kind, "eventTime": None, "reportingComponent": self.component, "reportingInstance": self.host,
        })
        self._known[same] = Key("events", namespace, name)
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
