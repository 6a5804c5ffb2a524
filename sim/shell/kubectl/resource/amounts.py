"""Amounts of resources as the command line writes them: `cpu=1,memory=1Gi`. Models: kubectl/pkg/generate (HandleResourceRequirements)."""

from __future__ import annotations

from sim.api import quantity
from sim.shell.kubectl.frame.errors import UsageError

QUANTITY_TEXT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def amounts(text: str) -> dict[str, str]:
    """Read pairs of a resource and a quantity. Raises UsageError."""
    found = {}
    for part in filter(None, text.split(",")):
        name, equal, value = part.partition("=")
        if not equal or "=" in value:
            raise UsageError(f"Invalid argument syntax {part}, expected <resource>=<value>")
        try:
            quantity.parse(value)
        except ValueError:
            raise UsageError(QUANTITY_TEXT) from None
        found[name] = value
    return found
