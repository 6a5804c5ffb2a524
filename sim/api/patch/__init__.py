"""Patches of all kinds: JSON patch, merge patch, strategic merge patch, and the one that `kubectl apply` makes.

Pure functions on wire form; it imports `sim.api.schema` alone. Server-side apply is the API server's.
"""

from sim.api.patch.documents import json_patch, merge_patch
from sim.api.patch.strategic import strategic_merge, three_way

__all__ = ["json_patch", "merge_patch", "strategic_merge", "three_way"]
