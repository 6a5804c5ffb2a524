"""Write sim/http/messages.txt: the numbers of the fields with which kubectl >= 1.32 encodes what it sends.

Usage: tools/make_protobuf.py KUBECTL > sim/http/messages.txt, with a real kubectl (1.32 or 1.33), which carries the
descriptors of its messages. A line is `MESSAGE`, or ` NUMBER NAME TYPE`, where TYPE is a scalar or a message's name, and
`*` after it says that the field repeats. Only numbers, names and types: facts of the wire format.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

GROUPS = ("api/core/v1", "api/apps/v1", "api/batch/v1", "api/policy/v1", "api/rbac/v1", "api/networking/v1",
          "api/autoscaling/v1", "api/autoscaling/v2", "api/scheduling/v1", "api/storage/v1", "api/certificates/v1",
          "api/coordination/v1", "api/authentication/v1", "api/authorization/v1", "api/events/v1", "api/discovery/v1",
          "apimachinery/pkg/apis/meta/v1", "apimachinery/pkg/runtime", "apimachinery/pkg/api/resource",
          "apimachinery/pkg/util/intstr")
SCALARS = {3: "int", 4: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes", 1: "double"}
REPEATED = 3


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Read the fields of a message: number and value."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        elif tag & 7 == 2:
            size = varint()
            yield tag >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7}")


def descriptors(binary: bytes) -> Iterator[bytes]:
    """Find the compressed file descriptors in a program."""
    for found in re.finditer(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00", binary):
        try:
            out = zlib.decompressobj(31).decompress(binary[found.start():found.start() + 400_000])
        except zlib.error:
            continue
        if out[:1] == b"\n" and b"k8s.io/" in out[:20]:
            yield out


def messages(package: str, data: bytes, outer: str = "") -> Iterator[str]:
    """Write a message and those inside it."""
    name, rows, inner = "", [], []
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            name = outer + value.decode()
        elif number == 2 and isinstance(value, bytes):
            rows.append(dict(fields(value)))
        elif number == 3 and isinstance(value, bytes):
            inner.append(value)
    yield f"{package}.{name}"
    for row in rows:
        kind = SCALARS.get(row[5], "") or row[6].decode().removeprefix(".k8s.io.")
        yield f" {row[3]} {row[1].decode()} {kind}{'*' if row[4] == REPEATED else ''}"
    for each in inner:
        yield from messages(package, each, f"{name}.")


def main() -> None:
    """Print the table."""
    for text in descriptors(Path(sys.argv[1]).read_bytes()):
        found = list(fields(text))
        path = dict(found)[1].decode().removeprefix("k8s.io/").removesuffix("/generated.proto")
        if path in GROUPS:
            package = dict(found)[2].decode().removeprefix("k8s.io.")
            for number, value in found:
                if number == 4 and isinstance(value, bytes):
                    print("\n".join(messages(package, value)))


if __name__ == "__main__":
    main()
