"""The error tree.

KubedrillError
  x StatusError          the API server said no: code, reason, message, as on the wire
  x TransportError       no answer came: refused, timed out, TLS; carries how long the client waited for it
  x NotSimulated         an honest refusal: exit status 120

Any other exception that leaves the simulator is a bug.
Models: apimachinery/pkg/api/errors/errors.go (texts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOT_SIMULATED_EXIT = 120
ASKS_WHO = "the server has asked for the client to provide credentials"


class KubedrillError(Exception):
    """The root of the project's own errors."""


class NotSimulated(KubedrillError):
    """Something real that is not modelled: it is refused, never faked."""

    def __init__(self, what: str) -> None:
        super().__init__(f"not simulated: {what}")
        self.what = what


class TransportError(KubedrillError):
    """No answer from the server.

    kind: `refused`, `no-route`, `timeout`, `tls`, `reset`, `unavailable`.
    after_seconds: simulated seconds that the client waits before it knows.
    """

    def __init__(self, kind: str, message: str, after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.after_seconds = after_seconds
        self.until: Any = None
        """An engine event after which the request is answered all the same, if it comes first."""


class StatusError(KubedrillError):
    """The API server's refusal, in the words of its Status object."""

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.after_seconds = 0.0
        """How long the server takes to say so (conflict retries inside it)."""
        self.until: Any = None
        """An engine event after which the request is answered all the same, if it comes first."""

    def status(self) -> dict[str, Any]:
        """Give the Status object of the answer's body."""
        body: dict[str, Any] = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        }
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


def qualified(resource: str, group: str) -> str:
    """Name a resource as errors do: `deployments.apps`, `pods`."""
    return f"{resource}.{group}" if group else resource


def _details(resource: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    if resource:
        details["kind"] = resource
    return details


def not_found(resource: str, name: str, group: str = "") -> StatusError:
    """404 for an object that is not there."""
    return StatusError(
        404, "NotFound", f'{qualified(resource, group)} "{name}" not found', _details(resource, group, name)
    )


def already_exists(resource: str, name: str, group: str = "") -> StatusError:
    """409 for an object that is there already."""
    return StatusError(
        409, "AlreadyExists", f'{qualified(resource, group)} "{name}" already exists',
        _details(resource, group, name),
    )


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, name: str, group: str = "", text: str = MODIFIED) -> StatusError:
    """409 for a write that was based on an old resourceVersion or uid."""
    return StatusError(
        409, "Conflict", f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {text}',
        _details(resource, group, name),
    )


def forbidden(resource: str, name: str, text: str, group: str = "") -> StatusError:
    """403 by admission or authorization."""
    head = f'{qualified(resource, group)} "{name}" is forbidden: ' if name else (
        f"{qualified(resource, group)} is forbidden: "
    )
    return StatusError(403, "Forbidden", head + text, _details(resource, group, name))


def bad_request(text: str) -> StatusError:
    """400 for a request that makes no sense."""
    return StatusError(400, "BadRequest", text)


def expired(text: str) -> StatusError:
    """410 for a revision that has been compacted."""
    return StatusError(410, "Expired", text)


def too_many_requests(text: str, *, retry_after_seconds: int = 0, causes: Sequence[Mapping[str, Any]] = ()) -> (
    StatusError
):
    """429, as the eviction subresource answers."""
    details: dict[str, Any] = {"causes": [dict(cause) for cause in causes]} if causes else {}
    if retry_after_seconds:
        details["retryAfterSeconds"] = retry_after_seconds
    return StatusError(429, "TooManyRequests", text, details)


class FieldError(Exception):
    """One fault of one field, as validation lists them: `spec.replicas: Invalid value: -1: must be …`."""

    def __init__(self, field: str, text: str, reason: str = "FieldValueInvalid") -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text
        self.reason = reason


def invalid(kind: str, group: str, name: str, faults: Sequence[FieldError]) -> StatusError:
    """422 with every fault of the object: `Deployment.apps "web" is invalid: spec.x: Required value`."""
    texts = list(dict.fromkeys(str(fault) for fault in faults))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(kind, group, name)
    details["causes"] = [
        {"reason": fault.reason, "message": fault.text, "field": fault.field} for fault in faults
    ]
    return StatusError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {joined}', details)
