"""kubectl wait.

Models: kubectl/pkg/cmd/wait/{wait.go,condition.go,json.go,create.go,delete.go}. All objects share one deadline.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sim.api import objects
from sim.api.client import Key, Object, Request
from sim.api.errors import StatusError
from sim.engine import SECOND_US, Steps, microseconds
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.forms import Form
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.printing import goformat, jsonpath
from sim.shell.kubectl.resource import selection
from sim.shell.kubectl.resource.selection import Selection
from sim.shell.kubectl.words.verbs import FILES, PRINTING, SELECTION, Verb

CREATE_SINCE, LIST_SINCE = (1, 31), (1, 34)
POLL_SECONDS = 0.5
WEEK_SECONDS = 7 * 24 * 3600.0
FORMAT = ("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
          "--for=jsonpath='{.status.readyReplicas}'")
Test = Callable[[Object], bool]


class Wait:
    """One `kubectl wait`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        wanted = inv.flags["for"]
        self.texts: list[str] = [wanted] if isinstance(wanted, str) else list(wanted or [])
        if not self.texts or self.texts == [""]:
            raise UsageError(f"unrecognized condition: {'[]' if inv.version >= LIST_SINCE else chr(34) * 2}")
        self.form = Form(inv)
        seconds = inv.flags["timeout"]
        seconds = WEEK_SECONDS if seconds < 0 else seconds
        self.end_us = inv.engine.now_us + round(seconds * SECOND_US)

    def run(self) -> Steps[int]:
        """Wait for every condition in turn."""
        for text in self.texts:
            status = yield from self.one(text)
            if status:
                return status
        return 0

    def one(self, text: str) -> Steps[int]:
        """Wait for one condition of all objects."""
        inv = self.inv
        word = text.lower()
        if word == "create" and inv.version >= CREATE_SINCE:
            return (yield from self.created())
        gone = word == "delete"
        test = None if gone else condition(text)
        chosen = yield from selection.select(inv, inv.args, bare=bool(inv.flags["all"]))
        found, errors = yield from selection.read_all(inv, chosen)
        missing = [error for error in errors if error.code == 404]
        if len(missing) < len(errors) or (errors and not gone):
            raise next(error for error in errors if error not in missing or not gone)
        if not found:
            if gone:
                return 0
            raise UsageError("no matching resources found")
        failures = []
        for mapping, obj in found:
            key = objects.key(mapping.resource, obj) if mapping.namespaced else Key(mapping.resource, "", objects.name(obj))
            fault = yield from (self.deleted(mapping, key, obj) if test is None else self.met(mapping, key, test))
            if fault:
                failures.append(fault)
        return self.report(failures)

    def report(self, failures: list[str]) -> int:
        """Write what was not met."""
        for text in failures:
            self.inv.err(f"error: {text}" if len(failures) == 1 else text)
        return 1 if failures else 0

    def done(self, mapping: Mapping_, obj: Object) -> None:
        """Say that an object is as wanted."""
        if self.form.kind:
            self.form.write(mapping, {"apiVersion": mapping.api_version, "kind": mapping.kind, **obj})
        else:
            self.inv.out(f"{mapping.qualified}/{objects.name(obj)} condition met")

    @property
    def late(self) -> bool:
        """Tell whether the time is over."""
        return self.inv.engine.now_us >= self.end_us

    def nap(self, bell: Any) -> Any:
        """Sleep until something changes or the time is over."""
        return self.inv.engine.any_of([bell, self.inv.engine.sleep(max(0, self.end_us - self.inv.engine.now_us))])

    # ---- conditions -------------------------------------------------------------------------------------------
    def met(self, mapping: Mapping_, key: Key, test: Test) -> Steps[str]:
        """Wait until a test holds; give what went wrong, if anything did."""
        inv = self.inv
        timed_out = f"timed out waiting for the condition on {mapping.plural}/{key.name}"
        if self.late and inv.flags["timeout"]:
            return timed_out
        bell = _Bell(inv)
        watch = yield from bell.watch(key)
        try:
            while True:
                obj = yield from inv.send("get", key)
                if test(obj):
                    self.done(mapping, obj)
                    return ""
                if self.late:
                    return timed_out
                yield self.nap(bell.next())
        finally:
            watch.stop()

    def deleted(self, mapping: Mapping_, key: Key, was: Object) -> Steps[str]:
        """Wait until an object is gone."""
        inv = self.inv
        bell = _Bell(inv)
        watch = yield from bell.watch(key)
        try:
            while True:
                obj = yield from inv.find(key)
                if obj is None or objects.uid(obj) != objects.uid(was):
                    self.done(mapping, was)
                    return ""
                if self.late:
                    return f"timed out waiting for the condition on {mapping.plural}/{key.name}"
                yield self.nap(bell.next())
        finally:
            watch.stop()

    def created(self) -> Steps[int]:
        """Wait until the objects are there, looking now and then."""
        inv = self.inv
        while True:
            chosen: Selection = yield from selection.select(inv, inv.args, bare=True)
            found, errors = yield from selection.read_all(inv, chosen)
            other = [error for error in errors if error.code != 404]
            if other:
                raise other[0]
            if found and not errors:
                for mapping, obj in found:
                    self.done(mapping, obj)
                return 0
            if self.late:
                raise UsageError("timed out waiting for the condition")
            left_us = self.end_us - inv.engine.now_us
            yield inv.engine.sleep(max(1, min(microseconds(POLL_SECONDS), left_us)))


class _Bell:
    """Rings at every change of an object."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.event = inv.engine.event()

    def watch(self, key: Key) -> Steps[Any]:
        response = yield from self.inv.request(Request(
            "watch", key, watcher=lambda change: self.ring(), closed=self.ring, user=self.inv.user, agent="kubectl"))
        return response.watch

    def ring(self) -> None:
        if not self.event.triggered:
            self.event.succeed()

    def next(self) -> Any:
        if self.event.triggered:
            self.event = self.inv.engine.event()
        return self.event


# ---- what is waited for -------------------------------------------------------------------------------------------
def condition(text: str) -> Test:
    """Read `condition=Ready`, `condition=Ready=false`, `jsonpath={.x}=y`. Raises UsageError."""
    if text.startswith("condition="):
        name, _, value = text.removeprefix("condition=").partition("=")
        return lambda obj: _has(obj, name, value or "true")
    if text.startswith("jsonpath="):
        path, wanted = _split(text.removeprefix("jsonpath="))
        try:
            spec = jsonpath.relaxed(path)
            jsonpath.parse(spec)
        except jsonpath.JsonPathError as error:
            raise UsageError(str(error)) from None
        return lambda obj: _finds(obj, spec, wanted)
    raise UsageError(f"unrecognized condition: {goformat.quote(text)}")


def _split(text: str) -> tuple[str, str | None]:
    """Split `{.path}=value`; signs inside the braces do not count. Raises UsageError."""
    found = re.fullmatch(r"(\{.*\})(?:=(.*))?", text, re.DOTALL)
    path, equal, rest = text.partition("=")
    value: str | None = rest if equal else None
    if found:
        path, value = found[1], found.group(2)
    elif "=" in rest:
        raise UsageError(FORMAT)
    if value is None:
        return path, None
    bare = value.strip("'\"")
    if not bare:
        raise UsageError("jsonpath wait has to have a value after equal sign")
    return path, bare


def _has(obj: Object, name: str, value: str) -> bool:
    for each in objects.dig(obj, "status.conditions", []):
        if each.get("type", "").lower() != name.lower():
            continue
        generation = obj["metadata"].get("generation")
        seen = each.get("observedGeneration") or objects.dig(obj, "status.observedGeneration")
        if generation is not None and seen is not None and seen < generation:
            return False
        return str(each.get("status", "")).lower() == value.lower()
    return False


def _finds(obj: Object, spec: str, value: str | None) -> bool:
    try:
        found = jsonpath.results(spec, obj)
    except jsonpath.JsonPathError as error:
        raise UsageError(str(error)) from None
    values = found[0] if found else []
    if not values:
        return False
    if value is None:
        return True
    if len(values) > 1:
        raise UsageError("given jsonpath expression matches more than one value")
    if isinstance(values[0], (dict, list)):
        raise UsageError("jsonpath leads to a nested object or list which is not supported")
    return goformat.text(values[0]) == value


def wait(inv: Invocation) -> Steps[int]:
    """Run `kubectl wait`."""
    try:
        return (yield from Wait(inv).run())
    except StatusError as error:
        inv.err(server_error(error))
        return 1


VERBS = {"wait": Verb(wait, (*FILES, *SELECTION, *PRINTING, "for", "timeout", "all"))}
