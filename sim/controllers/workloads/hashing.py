"""Names that follow from a template: pod-template-hash and revision hashes.

Models: pkg/controller/controller_utils.go ComputeHash, apimachinery rand.SafeEncodeString. The text that is hashed is
the template's JSON, not Go's dump of its struct, so the letters differ from a real cluster's; their form does not.
"""

from __future__ import annotations

import json
from typing import Any

SAFE = "bcdfghjklmnpqrstvwxz2456789"
FNV_OFFSET, FNV_PRIME = 2166136261, 16777619


def safe_encode(text: str) -> str:
    """Turn each letter into one that makes no bad words."""
    return "".join(SAFE[ord(letter) % len(SAFE)] for letter in text)


def compute_hash(content: Any, collisions: int = 0) -> str:
    """Give the hash of a template: 32 bits as a decimal number, encoded. collisions: status.collisionCount."""
    data = json.dumps(content, sort_keys=True).encode() + (collisions.to_bytes(8, "little") if collisions else b"")
    value = FNV_OFFSET
    for byte in data:
        value = (value * FNV_PRIME % (1 << 32)) ^ byte
    return safe_encode(str(value))
