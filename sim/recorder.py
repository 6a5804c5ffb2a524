"""Events as components record them: repeated ones are counted, many alike are combined, a flood is cut.

Models: client-go/tools/record (events_cache.go, event.go) and client-go/tools/events for the scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.api import objects, times
from sim.api.client import ANY_VERSION, Client, Key, Object
from sim.api.errors import StatusError, TransportError
from sim.engine import SECOND_US, Engine

SPAM_BURST, SPAM_PERIOD_US = 25, 300 * SECOND_US
ALIKE_MOST, ALIKE_INTERVAL_US = 10, 600 * SECOND_US
REMEMBERED = 4096
"""How many events a recorder can still count up; older ones start anew."""
COMBINED = "(combined from similar events): "
EVENTS_NAMESPACE = "default"

Words = tuple[str, ...]


@dataclass(slots=True)
class Alike:
    """Messages of one reason about one object that were seen lately."""

    last_us: int
    messages: dict[str, None] = field(default_factory=dict)


class Recorder:
    """Writes Event objects for one component.

    component, host: the source. newer: write as client-go/tools/events does (the scheduler since 1.19): eventTime and
    a series instead of count and times; only an object that has not changed meanwhile counts as the same; no limits.
    """

    def __init__(self, engine: Engine, client: Client, component: str, host: str = "", *, newer: bool = False) -> None:
        self.engine = engine
        self.client = client
        self.component = component
        self.host = host
        self.newer = newer
        self._known: dict[Words, Key] = {}
        self._alike: dict[Words, Alike] = {}
        self._spam_us: dict[str, int] = {}
        self._last_ns = 0
        self._source = {"component": component, **({"host": host} if host else {})}
        self._about: tuple[Object, str, Object] | None = None
        """The last reference that was written: several Events about one state of an object share it."""

    def event(self, about: Object, kind: str, reason: str, message: str, *, field_path: str = "", action: str = "") -> (
        None
    ):
        """Record an Event about an object; kind is Normal or Warning. A lost event is lost, as upstream."""
        try:
            if self.newer:
                self._write_newer(about, kind, reason, message, action)
            else:
                self._write(about, kind, reason, message, field_path)
        except (StatusError, TransportError):
            return

    def _write(self, about: Object, kind: str, reason: str, message: str, field_path: str) -> None:
        now = times.stamp(self.engine.unix_us)
        who = objects.uid(about) or objects.name(about)
        message, same = self._combined((who, kind, reason, field_path), message)
        known = self._known.get(same)
        found = self.client.reader.get(known) if known is not None else None
        if self._floods(who):
            return
        if known is not None and found is not None:
            self.client.patch(known, {"count": found.get("count", 1) + 1, "lastTimestamp": now, "message": message})
            return
        self._create(about, same, field_path, {
            "reason": reason, "message": message, "firstTimestamp": now, "lastTimestamp": now, "count": 1, "type": kind,
            "source": self._source,
            "eventTime": None, "reportingComponent": self.component, "reportingInstance": self.host,
        })

    def _write_newer(self, about: Object, kind: str, reason: str, message: str, action: str) -> None:
        now = times.stamp_micro(self.engine.unix_us)
        same = (objects.uid(about), kind, reason, action, about["metadata"].get("resourceVersion", ""))
        known = self._known.get(same)
        found = self.client.reader.get(known) if known is not None else None
        if known is not None and found is not None:
            count = objects.dig(found, "series.count", 1) + 1
            self.client.patch(known, {"series": {"count": count, "lastObservedTime": now}})
            return
        self._create(about, same, "", {
            "reason": reason, "message": message, "type": kind, "action": action, "source": {}, "firstTimestamp": None,
            "lastTimestamp": None, "eventTime": now, "reportingComponent": self.component,
            "reportingInstance": self.host,
        })

    def _create(self, about: Object, same: Words, field_path: str, content: Object) -> None:
        namespace = about["metadata"].get("namespace") or EVENTS_NAMESPACE
        name = f"{about['metadata'].get('name', '')}.{self._moment_ns():016x}"
        self._known[same] = Key("events", namespace, name)
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        self.client.create("events", {
            "metadata": {"name": name, "namespace": namespace}, "involvedObject": self._reference(about, field_path), **content},
            canonical=ANY_VERSION)

    def _reference(self, about: Object, field_path: str) -> Object:
        last = self._about
        if last is None or last[0] is not about or last[1] != field_path:
            last = self._about = about, field_path, _reference(about, field_path)
        return last[2]

    def _moment_ns(self) -> int:
        """Give now in nanoseconds since 1970, later than all before: names of Events sort as they were written."""
        chance = self.engine.stream("events")
        self._last_ns = max(self.engine.unix_us * 1000 + chance.uniform(0, 999), self._last_ns + chance.uniform(1, 999))
        return self._last_ns

    def will_write(self, about: Object) -> bool:
        """Tell whether another event about the object would be written, not cut as part of a flood."""
        return self._spam_us.get(objects.uid(about), 0) <= self.engine.now_us

    def _combined(self, group: Words, message: str) -> tuple[str, Words]:
        """Give the message and its key; from the eleventh different message on they share one Event."""
        now_us, alike = self.engine.now_us, self._alike.get(group)
        if alike is None or now_us - alike.last_us > ALIKE_INTERVAL_US:
            alike = self._alike[group] = Alike(now_us)
        alike.last_us = now_us
        if len(self._alike) > REMEMBERED:
            del self._alike[next(iter(self._alike))]
        alike.messages[message] = None
        if len(alike.messages) < ALIKE_MOST:
            return message, (*group, message)
        del alike.messages[next(iter(alike.messages))]
        return COMBINED + message, group

    def _floods(self, who: str) -> bool:
        """Tell whether the object has had its 25 events and one more each 5 minutes."""
        now_us = self.engine.now_us
        full_us = now_us - (SPAM_BURST - 1) * SPAM_PERIOD_US
        paid_us = max(self._spam_us.get(who, full_us), full_us)
        if paid_us > now_us:
            return True
        self._spam_us[who] = paid_us + SPAM_PERIOD_US
        if len(self._spam_us) > REMEMBERED:
            del self._spam_us[next(iter(self._spam_us))]
        return False


def _reference(about: Object, field_path: str) -> Object:
    metadata = about["metadata"]
    reference: Object = {"kind": about["kind"]}
    if metadata.get("namespace"):
        reference["namespace"] = metadata["namespace"]
    reference["name"], reference["uid"] = metadata.get("name", ""), metadata.get("uid", "")
    reference["apiVersion"] = about.get("apiVersion", "v1")
    reference["resourceVersion"] = metadata.get("resourceVersion", "")
    if field_path:
        reference["fieldPath"] = field_path
    return reference
