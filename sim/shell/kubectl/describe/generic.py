"""Kinds without a describer of their own: every field, its name in words.

Models: kubectl/pkg/describe/describe.go (genericDescriber, printUnstructuredContent, smartLabelFor).
"""

from __future__ import annotations

import re
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, labels
from sim.shell.kubectl.describe.writer import Writer

SKIP = (".metadata.managedFields", ".metadata.name", ".metadata.namespace", ".metadata.labels", ".metadata.annotations")
ACRONYMS = ("API", "URL", "UID", "OSB", "GUID")


def generic(w: Writer, obj: Object) -> None:
    """Write any object."""
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    _content(w, 0, obj, "")


def _content(w: Writer, level: int, content: Object, path: str) -> None:
    rows = sorted((title(field), field) for field in content)
    lead = "  " * level
    for shown, field in rows:
        value = content[field]
        where = f"{path}.{field}"
        if where in SKIP:
            continue
        if isinstance(value, dict):
            w.write(f"{lead}{shown}:\n")
            _content(w, level + 1, value, where)
        elif isinstance(value, list):
            w.write(f"{lead}{shown}:\n")
            for each in value:
                if isinstance(each, dict):
                    _content(w, level + 1, each, where)
                else:
                    w.write(f"{lead}  {_plain(each)}\n")
        else:
            w.write(f"{lead}{shown}:\t{_plain(value)}\n")


def _plain(value: Any) -> str:
    from sim.shell.kubectl.printing import goformat

    return goformat.text(value)


def title(field: str) -> str:
    """Write a field's name in words: `leaseDurationSeconds` → `Lease Duration Seconds`, `apiVersion` → `API Version`."""
    if "." in field or "/" in field or "-" in field or field.startswith("$"):
        return field
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z0-9]+", field)
    return " ".join(word.upper() if word.upper() in ACRONYMS else word[:1].upper() + word[1:]
                    if word.islower() else word for word in words)
