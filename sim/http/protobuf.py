"""Bodies in Kubernetes' protobuf form, as kubectl from 1.32 on sends them: read into wire form.

Models: apimachinery/pkg/runtime/serializer/protobuf, the generated.proto files (numbers and types in messages.txt, by
tools/make_protobuf.py). Left out: writing protobuf; a client that accepts nothing else is refused (406).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from sim.api import times
from sim.api.client import Object
from sim.engine import SECOND_US

MAGIC = b"k8s\x00"
META = "apimachinery.pkg.apis.meta.v1."
UNKNOWN = "apimachinery.pkg.runtime.Unknown"
INLINE = frozenset({"volumeSource", "handler", "localObjectReference", "persistentVolumeSource", "ephemeralContainerCommon",
                    "ingressRuleValue"})
"""Fields of embedded structs: the wire form in JSON has their fields one level up."""
POINTERS = frozenset({
    "replicas", "gracePeriodSeconds", "terminationGracePeriodSeconds", "tolerationSeconds", "backoffLimit", "parallelism",
    "completions", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "revisionHistoryLimit", "progressDeadlineSeconds",
    "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "minReplicas", "priority", "runAsUser", "runAsGroup", "fsGroup",
    "automountServiceAccountToken", "enableServiceLinks", "suspend", "immutable", "orphanDependents", "controller",
    "blockOwnerDeletion", "runAsNonRoot", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "privileged", "optional",
    "startingDeadlineSeconds", "ordinals", "partition", "value", "leaseDurationSeconds", "shareProcessNamespace",
    "allowVolumeExpansion", "backoffLimitPerIndex", "maxFailedIndexes", "expirationSeconds", "averageUtilization",
    "hostUsers", "setHostnameAsFQDN", "percent", "stabilizationWindowSeconds", "lastProbeTime"})
"""Scalars that Go holds as pointers: a zero of these was meant. All others are written even where nobody set them."""


class Unreadable(ValueError):
    """The bytes are not a message of that kind."""


class Field(NamedTuple):
    """A field of a message: its name, the type of its elements, whether it repeats."""

    name: str
    type: str
    repeated: bool


@cache
def _messages() -> dict[str, dict[int, Field]]:
    found: dict[str, dict[int, Field]] = {}
    name = ""
    for line in resources.files("sim.http").joinpath("messages.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            number, field, kind = line.split()
            found[name][int(number)] = Field(field, kind.rstrip("*"), kind.endswith("*"))
        else:
            found[name := line] = {}
    return found


def is_protobuf(body: bytes) -> bool:
    """Tell whether a body has the magic of Kubernetes' protobuf form."""
    return body.startswith(MAGIC)


def decode(body: bytes) -> Object:
    """Read a whole body: the envelope, then the object it names. Raises Unreadable."""
    try:
        envelope = dict(_fields(body[len(MAGIC):]))
        type_meta = dict(_fields(bytes(envelope[1])))
        version, kind = bytes(type_meta[1]).decode(), bytes(type_meta[2]).decode()
        name = _name(version, kind)
        return {"apiVersion": version, "kind": kind, **_struct(name, bytes(envelope.get(2, b"")))}
    except (KeyError, IndexError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"not a protobuf message that is known here ({type(error).__name__})") from None


def _name(version: str, kind: str) -> str:
    group, _, number = version.rpartition("/")
    package = "api." + (group.removesuffix(".k8s.io").removesuffix(".authorization") or "core") + "." + number
    if kind.endswith("Options") and group in ("meta.k8s.io", ""):
        return META + kind
    return f"{package}.{kind}"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise Unreadable("a number is too long")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire, number = tag & 7, tag >> 3
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire in (1, 2, 5):
            size, at = _varint(data, at) if wire == 2 else (8 if wire == 1 else 4, at)
            if at + size > len(data):
                raise Unreadable("the message is cut off")
            yield number, data[at:at + size]
            at += size
        else:
            raise Unreadable(f"wire type {wire}")


def _struct(name: str, data: bytes) -> Any:
    special = SPECIAL.get(name)
    if special is not None:
        return special(dict(_fields(data)))
    known, out = _messages()[name], dict[str, Any]()
    for number, raw in _fields(data):
        field = known.get(number)
        if field is None:
            continue
        value = _value(field, raw)
        if field.type.endswith("Entry"):
            out.setdefault(field.name, {})[value.get("key", "")] = value.get("value", "")
        elif field.name in INLINE:
            out.update(value)
        elif field.repeated:
            out.setdefault(field.name, []).append(value)
        elif value or field.name in POINTERS or (isinstance(value, dict) and field.name != "status"):
            out[field.name] = value
    return out


def _value(field: Field, raw: int | bytes) -> Any:
    if isinstance(raw, int):
        return bool(raw) if field.type == "bool" else raw - (1 << 64) if raw >> 63 else raw
    if field.type == "string":
        return raw.decode()
    if field.type == "bytes":
        return base64.b64encode(raw).decode()
    if "." not in field.type:
        raise Unreadable(f"{field.name} is not a {field.type}")
    return _struct(field.type, raw)


def _time(fields: dict[int, Any]) -> str | None:
    seconds = fields.get(1, 0)
    return times.stamp(seconds * SECOND_US) if 0 < seconds < 1 << 40 else None


def _micro_time(fields: dict[int, Any]) -> str:
    return times.stamp_micro(fields.get(1, 0) * SECOND_US + fields.get(2, 0) // 1000)


def _int_or_string(fields: dict[int, Any]) -> int | str:
    return bytes(fields.get(3, b"")).decode() if fields.get(1) else int(fields.get(2, 0))


SPECIAL = {
    META + "Time": _time,
    META + "MicroTime": _micro_time,
    META + "Duration": lambda fields: f"{fields.get(1, 0) // 1_000_000_000}s",
    "apimachinery.pkg.api.resource.Quantity": lambda fields: bytes(fields.get(1, b"0")).decode(),
    "apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
