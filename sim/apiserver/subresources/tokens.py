"""Tokens of service accounts: made on request, and whose one is.

Models: pkg/registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/claims.go. A token is good while its account is
there and its time has not run out. Left out: tokens in Secrets, tokens bound to objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.api import errors, objects, times
from sim.api.client import Key, Object, Reader, Request, Response, User
from sim.engine import SECOND_US
from sim.pki import bearer

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

HOUR_SECONDS = 3600
SHORTEST_SECONDS, LONGEST_SECONDS = 600, 1 << 32
ISSUER = "https://kubernetes.default.svc.cluster.local"
HEX = "0123456789abcdef"


def create(server: ApiServer, request: Request) -> Response:
    """Answer a TokenRequest. Raises StatusError 404, 422."""
    account = server.store.get(request.key)
    if account is None:
        raise errors.not_found("serviceaccounts", request.key.name)
    body: Object = request.body if isinstance(request.body, dict) else {}
    seconds = objects.dig(body, "spec.expirationSeconds", HOUR_SECONDS)
    if seconds < SHORTEST_SECONDS:
        raise errors.invalid("TokenRequest", "authentication.k8s.io", "", [
            errors.FieldError("spec.expirationSeconds", f"Invalid value: {seconds}: may not specify a duration less than 10 minutes")])
    if objects.dig(body, "spec.boundObjectRef"):
        raise errors.NotSimulated("a token bound to an object")
    now_s = server.engine.unix_us // SECOND_US
    audiences = objects.dig(body, "spec.audiences") or [ISSUER]
    namespace, name = request.key.namespace, request.key.name
    text = server.engine.stream("apiserver.tokens").text(HEX, 32)
    claims = {"aud": audiences, "exp": now_s + seconds, "iat": now_s, "iss": ISSUER,
              "jti": "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])),
              "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": objects.uid(account)}},
              "nbf": now_s, "sub": f"system:serviceaccount:{namespace}:{name}"}
    return Response(201, {
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": name, "namespace": namespace},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": None},
        "status": {"token": bearer.mint(claims, objects.uid(account)), "expirationTimestamp": times.stamp((now_s + seconds) * SECOND_US)}})


def user_of(reader: Reader, token: str, now_us: int) -> User | None:
    """Give the account that a token is for, None for one that is unknown, spoilt or out of date. now_us: since 1970."""
    claims = bearer.claims_of(token)
    if claims is None:
        return None
    own = claims.get("kubernetes.io") or {}
    who = own.get("serviceaccount") or {}
    namespace, name = str(own.get("namespace")), str(who.get("name"))
    account = reader.get(Key("serviceaccounts", namespace, name))
    if account is None or objects.uid(account) != who.get("uid") or not bearer.signed_by(token, objects.uid(account)):
        return None
    if int(claims.get("exp", 0)) * SECOND_US <= now_us or ISSUER not in claims.get("aud", []):
        return None
    return User(f"system:serviceaccount:{namespace}:{name}", (
        "system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"))
