"""The options of a request, from its query and its body: read, and refused where they make no sense.

Models: apimachinery/pkg/apis/meta/{v1,internalversion}/validation, apiserver's parameter codec.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.api import schema
from sim.api.client import Request
from sim.api.errors import StatusError, bad_request, invalid
from sim.api.schema import Type
from sim.api.validation import Faults
from sim.apiserver import decode

PROPAGATION = ("Foreground", "Background", "Orphan", "nil")
VALIDATION = ("Ignore", "Strict", "Warn")
OPTIONS_KIND = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions", "delete": "DeleteOptions",
                "deletecollection": "DeleteOptions"}
DELETE_OPTIONS = Type("struct", "meta/v1.DeleteOptions")
INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Deletion:
    """How something is to be deleted.

    grace_seconds: None for the object's own. uid, resource_version: what it must still be (409 otherwise).
    """

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def number(query: Mapping[str, str], name: str) -> int | None:
    """Read a whole number of the query; None where it is not there. Raises StatusError 400 in Go's words."""
    text = query.get(name)
    if text in (None, ""):
        return None
    text = str(text)
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if not -INT64 <= int(text) < INT64:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def revision(query: Mapping[str, str]) -> int | None:
    """Read resourceVersion; None for none. Raises StatusError 400."""
    text = str(query.get("resourceVersion") or "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) >= 2**64:
        problem = "value out of range" if text.isdecimal() else "invalid syntax"
        raise bad_request(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": {problem}')
    return int(text)


def truth(query: Mapping[str, str], name: str) -> bool:
    """Read a truth value as Go's ParseBool does; anything else is true, as the parameter codec has it."""
    return str(query.get(name, "")).lower() not in ("", "0", "f", "false")


def check_write(request: Request) -> None:
    """Refuse bad dryRun, fieldValidation and field managers. Raises StatusError 422."""
    query, faults = request.query, Faults()
    if not query:
        return
    dry = query.get("dryRun")
    if dry and dry != "All":
        faults.unsupported("dryRun", [dry], ("All",))
    how = query.get("fieldValidation")
    if how and how not in VALIDATION:
        faults.unsupported("fieldValidation", how, VALIDATION)
    manager = query.get("fieldManager", "")
    if len(manager) > 128:
        faults.append(_too_long())
    if request.verb == "patch" and query.get("patchType") == "apply" and not manager:
        faults.required("fieldManager", "is required for apply patch")
    if truth(query, "force") and query.get("patchType") != "apply":
        faults.forbidden("force", "may not be specified for non-apply patch")
    if faults:
        raise invalid(OPTIONS_KIND.get(request.verb, "CreateOptions"), "meta.k8s.io", "", faults)


def _too_long() -> Any:
    from sim.api.errors import FieldError

    return FieldError("fieldManager", "Too long: may not be more than 128 bytes", "FieldValueTooLong")


def deletion(request: Request) -> Deletion:
    """Read how to delete: the body wins over the query. Raises StatusError 400 or 422."""
    body: Any = request.body
    if body is None:
        body = {}
    elif not isinstance(body, dict):
        raise bad_request("DeleteOptions in version \"v1\" cannot be handled as a DeleteOptions: "
                          f"{decode.mismatch(body, 'v1.DeleteOptions')}")
    else:
        body, _ = decode.read("DeleteOptions", "v1", DELETE_OPTIONS, body, minor=schema.NEWEST_MINOR)
    query = request.query
    grace = body.get("gracePeriodSeconds", number(query, "gracePeriodSeconds"))
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    dry = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    faults = Faults()
    if any(each != "All" for each in dry):
        faults.unsupported("dryRun", dry, ("All",))
    if propagation and propagation not in PROPAGATION[:3]:
        faults.unsupported("propagationPolicy", propagation, PROPAGATION)
    orphan = body.get("orphanDependents")
    if orphan is not None and propagation:
        faults.invalid("propagationPolicy", propagation, "orphanDependents and deletionPropagation cannot be both set")
    if faults:
        raise invalid("DeleteOptions", "meta.k8s.io", "", faults)
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    wanted = body.get("preconditions") or {}
    return Deletion(grace, propagation, wanted.get("uid") or "", wanted.get("resourceVersion") or "", bool(dry))


def refused_verb(verb: str) -> StatusError:
    """405 for a verb that a resource does not have."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
