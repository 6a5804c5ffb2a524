"""What a server says while it cannot reach its etcd: lists time out, other requests break off, health tells.

Models: apiserver/pkg/server/filters/timeout.go, healthz. Texts and seconds: golden apiserver-etcd-outage and
component-down.
"""

from __future__ import annotations

from sim.api.client import Request, Response
from sim.api.errors import StatusError, TransportError
from sim.engine import Event

TIMEOUT_SECONDS, HEALTH_SECONDS = 60.0, 2.0
LATE = "the server was unable to return a response in the time allotted, but may still be processing the request"
BROKEN = "stream error: stream ID 1; INTERNAL_ERROR; received from peer"
CHECKS = ("ping", "log", "etcd", "poststarthook/start-apiserver-admission-initializer",
          "poststarthook/generic-apiserver-start-informers", "poststarthook/priority-and-fairness-config-consumer",
          "poststarthook/priority-and-fairness-filter", "poststarthook/storage-object-count-tracker-hook",
          "poststarthook/start-apiextensions-informers", "poststarthook/start-apiextensions-controllers",
          "poststarthook/crd-informer-synced", "poststarthook/start-service-ip-repair-controllers",
          "poststarthook/rbac/bootstrap-roles", "poststarthook/scheduling/bootstrap-system-priority-classes",
          "poststarthook/bootstrap-controller", "poststarthook/start-kube-aggregator-informers",
          "poststarthook/apiservice-status-remote-available-controller", "autoregister-completion")


def health(path: str, *, away: bool) -> Response:
    """Answer /healthz, /livez and /readyz, whole or one check, `?verbose` or not. Raises StatusError 500, 404."""
    plain, _, query = path.partition("?")
    kind, _, one = plain.strip("/").partition("/")
    fails = away and kind != "readyz"
    if one and one not in CHECKS:
        raise StatusError(404, "NotFound", "the server could not find the requested resource")
    if one:
        if fails and one == "etcd":
            raise _refusal("internal server error: error getting data from etcd: context deadline exceeded")
        return Response(200, "ok")
    lines = [f"[-]{name} failed: reason withheld" if fails and name == "etcd" else f"[+]{name} ok" for name in CHECKS]
    if fails:
        raise _refusal("\\n".join([*lines, f"{kind} check failed"]))
    return Response(200, "\n".join([*lines, f"{kind} check passed"]) if "verbose" in query else "ok")


def _refusal(text: str) -> StatusError:
    late = StatusError(500, "InternalError",
                       f'an error on the server ("{text}") has prevented the request from succeeding')
    late.after_seconds = HEALTH_SECONDS
    return late


def hang(request: Request, back: Event) -> StatusError | TransportError:
    """Give how a request ends that needed etcd; `back` happens when etcd is there again before that."""
    key = request.key
    if request.verb == "list":
        late: StatusError | TransportError = StatusError(504, "Timeout", f"{LATE} (get {key.resource})")
    else:
        late = TransportError("reset", BROKEN)
    late.after_seconds = TIMEOUT_SECONDS
    late.until = back
    return late
