"""What many describers write: labels, annotations, times, events, selectors.

Models: kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sim.api import objects, times
from sim.api.client import Object
from sim.shell.kubectl.describe.writer import Writer

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LONGEST_ANNOTATION = 140


def when(stamp: str | None, unset: str = "<unset>") -> str:
    """Write a moment: `Mon, 23 Nov 2026 09:40:28 +0000`."""
    if not stamp:
        return unset
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=times.parse(stamp))
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")


def labels(w: Writer, title: str, found: Mapping[str, str] | None, indent: str = "", inner: str = "\t") -> None:
    """Write labels, a line each."""
    w.write(f"{indent}{title}:{inner}")
    for number, key in enumerate(sorted(found or {})):
        w.write(f"{f'{indent}{inner}' if number else ''}{key}={(found or {})[key]}\n")
    if not found:
        w.write("<none>\n")


def annotated(w: Writer, found: Mapping[str, str] | None, title: str = "Annotations", indent: str = "") -> None:
    """Write annotations, a line each, long ones below their key."""
    shown = {key: value for key, value in (found or {}).items() if key != LAST_APPLIED}
    w.write(f"{indent}{title}:\t")
    if not shown:
        w.write("<none>\n")
    for number, key in enumerate(sorted(shown)):
        value = shown[key].removesuffix("\n")
        lead = f"{indent}\t" if number else ""
        if len(value) + len(key) + 2 > LONGEST_ANNOTATION or "\n" in value:
            w.write(f"{lead}{key}:\n")
            for line in value.split("\n"):
                w.write(f"{indent}\t  {shorten(line, LONGEST_ANNOTATION - 2)}\n")
        else:
            w.write(f"{lead}{key}: {value}\n")


def shorten(text: str, most: int) -> str:
    """Cut a text that is too long."""
    return text if len(text) <= most else text[:most] + "..."


def head(w: Writer, obj: Object, *, namespaced: bool = True, notes: bool = True) -> None:
    """Write name, namespace, labels and annotations."""
    w.line("Name:", objects.name(obj))
    if namespaced:
        w.line("Namespace:", objects.namespace(obj))
    labels(w, "Labels", objects.labels(obj))
    if notes:
        annotated(w, objects.annotations(obj))


def events(w: Writer, found: Sequence[Object] | None, now_us: int) -> None:
    """Write the table of events; None: they are not asked for."""
    if found is None:
        return
    if not found:
        w.line("Events:", "<none>")
        return
    w.write("Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n")
    for event in sorted(found, key=lambda e: e.get("lastTimestamp") or ""):
        first = times.since(event.get("eventTime") or event.get("firstTimestamp"), now_us)
        series = event.get("series")
        if series:
            age = f"{times.since(series.get('lastObservedTime'), now_us)} (x{series.get('count')} over {first})"
        elif (event.get("count") or 0) > 1:
            age = f"{times.since(event.get('lastTimestamp'), now_us)} (x{event['count']} over {first})"
        else:
            age = first
        source = objects.dig(event, "source.component", "") or event.get("reportingComponent") or ""
        w.line(f"  {event.get('type', '')}", event.get("reason", ""), age, source, str(event.get("message", "")).strip())


def selector(found: Mapping[str, Any] | None, none: str = "<none>") -> str:
    """Write a label selector (or a map of labels) as one text."""
    if found is None:
        return none
    if "matchLabels" not in found and "matchExpressions" not in found:
        return ",".join(f"{k}={v}" for k, v in sorted(found.items())) or none
    from sim.api import selectors

    return selectors.text_of(dict(found)) or none


def controlled_by(w: Writer, obj: Object) -> None:
    """Write the controller of an object."""
    reference = objects.controller_of(obj)
    if reference:
        w.line("Controlled By:", f"{reference['kind']}/{reference['name']}")


def truth(value: Any) -> str:
    """Write true or false."""
    return "true" if value else "false"
