"""In which form an answer is wanted, and in which form a body came.

Models: apiserver/pkg/endpoints/handlers/negotiation, content types of patches. Left out: answers in protobuf and CBOR.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, NamedTuple

import yaml

from sim.api import documents
from sim.http import protobuf

JSON_TYPE = "application/json"
PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"
PATCHES = {"application/json-patch+json": "json", "application/merge-patch+json": "merge",
           "application/strategic-merge-patch+json": "strategic", "application/apply-patch+yaml": "apply"}
MOST_BYTES = 3 * 1024 * 1024
"""The API server's limit on a request's body (apiserver/pkg/server/config.go, MaxRequestBodyBytes)."""


class Wanted(NamedTuple):
    """A form that the client takes: `kind` is what it wants instead of the object (`Table`, …), of `group`/`version`."""

    kind: str = ""
    group: str = ""
    version: str = ""


class Refused(Exception):
    """The form cannot be served or read: an HTTP code and the server's words."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


def accepted(header: str) -> list[Wanted]:
    """Read an Accept header: the forms in JSON, the client's first choice first. Raises Refused 406 where there is none."""
    found = []
    for entry in (header or "*/*").split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind not in (JSON_TYPE, "application/*", "*/*", "application/json;stream=watch"):
            continue
        values = dict(part.partition("=")[::2] for part in parameters)
        found.append(Wanted(values.get("as", ""), values.get("g", ""), values.get("v", "")))
    if not found:
        raise Refused(406, "NotAcceptable", "only the following media types are accepted: application/json")
    return found


def patch_type(content_type: str) -> str:
    """Give the kind of patch of a content type. Raises Refused 415."""
    kind = content_type.partition(";")[0].strip()
    if kind not in PATCHES:
        raise Refused(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types "
                      f"include: {', '.join([*PATCHES, 'application/apply-patch+cbor'])}")
    return PATCHES[kind]


def body_of(content_type: str, raw: bytes) -> Any:
    """Read a body; None for none. Raises Refused 400, 413 or 415."""
    if len(raw) > MOST_BYTES:
        raise Refused(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MOST_BYTES}")
    if not raw:
        return None
    kind = content_type.partition(";")[0].strip() or JSON_TYPE
    try:
        if kind == PROTOBUF_TYPE or protobuf.is_protobuf(raw):
            return protobuf.decode(raw)
        if kind.endswith("yaml"):
            return _yaml(raw)
        if kind.endswith("json"):
            return json.loads(raw)
    except (ValueError, RecursionError) as error:
        text = str(error).splitlines()[0]
        raise Refused(400, "BadRequest", f"the object provided is unrecognized (must be of type Object): {text}") from None
    raise Refused(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - accepted media types "
                  f"include: {JSON_TYPE}, application/yaml, {PROTOBUF_TYPE}")


def _yaml(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw.lstrip()[:1] == b"{" else plain(documents.load(raw))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def plain(value: Any) -> Any:
    """Give a YAML value as JSON has it: keys are strings, dates the text they were written as."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value
