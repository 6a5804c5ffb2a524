"""`-v=6` and more: the client's log of its requests, as klog writes it.

Models: client-go/transport/round_trippers.go, client-go/rest/request.go; texts and places recorded from the real clients 1.27
to 1.33 (older ones are taken to write as 1.27, later ones as 1.33). Left out: what goes on between requests, the values of
an aiohttp or Go server's own headers, protobuf bodies (shown as the JSON that they stand for).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from sim.api import times
from sim.api.client import Key, Request
from sim.shell.kubectl.frame.discovery import path_of
from sim.versions.builds import build

if TYPE_CHECKING:
    from sim.shell.kubectl.frame.invocation import Invocation

MILLISECONDS = 10
FROM_LEVEL, HEADERS, BODIES, CURL = 6, 7, 8, 9
BODY_BYTES_MAX = {8: 1024, 9: 10_240}
STRUCTURED_SINCE = (1, 33)
GATES: tuple[tuple[tuple[int, int], tuple[str, ...]], ...] = (
    ((1, 33), ("ClientsAllowCBOR", "ClientsPreferCBOR", "InOrderInformers", "InformerResourceVersion", "WatchListClient")),
    ((1, 32), ("ClientsAllowCBOR", "ClientsPreferCBOR", "InformerResourceVersion", "WatchListClient")))
ON = ("InOrderInformers",)
TABLE = ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json")
PATCHES = {"json": "json-patch", "merge": "merge-patch", "strategic": "strategic-merge-patch", "apply": "apply-patch"}
METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}
DISCOVERY = (Key("", "", "/api"), Key("", "", "/apis"))
MANAGERS = {**dict.fromkeys(("annotate", "autoscale", "create", "edit", "expose", "label", "patch", "replace", "rollout", "run", "scale", "set",
                             "taint"), ""), "apply": "client-side-apply"}
"""Verbs that name themselves as a manager of fields, and the name where it is another."""
STRICT = ("apply", "create", "replace")
OWN = ("as", "patchType", "index", "value")
"""Words of `Request.query` that are no part of the URL."""
REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           409: "Conflict", 410: "Gone", 415: "Unsupported Media Type", 422: "Unprocessable Entity", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Places(NamedTuple):
    """Where in its source a client writes a line."""

    loader: int
    done: int
    url: int
    headers: int
    header: int
    status: int
    answer_headers: int
    answer_header: int
    curl: int
    body: str


PLACES: tuple[tuple[tuple[int, int], Places], ...] = (
    ((1, 33), Places(402, 632, 527, 0, 0, 632, 0, 0, 527, "helper.go:105")),
    ((1, 32), Places(402, 560, 470, 476, 480, 581, 584, 587, 473, "helper.go:105")),
    ((1, 31), Places(395, 553, 463, 469, 473, 574, 577, 580, 466, "request.go:1351")),
    ((1, 28), Places(395, 553, 463, 469, 473, 574, 577, 580, 466, "request.go:1212")),
    ((0, 0), Places(373, 553, 463, 469, 473, 574, 577, 580, 466, "request.go:1188")),
)


class RequestLog:
    """The log of one run of kubectl."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.level: int = inv.flags["v"] or 0
        self.places = next(places for since, places in PLACES if inv.version >= since)
        self.structured = inv.version >= STRUCTURED_SINCE
        self._began = False

    def begin(self) -> None:
        """Say which kubeconfig was read and which gates stand how, once."""
        if self._began or not self.level:
            return
        self._began = True
        path = self.inv.config_path()
        if self.level >= FROM_LEVEL and path:
            self._say(f"loader.go:{self.places.loader}", f"Config loaded from file:  {path}")
        for gate in next((gates for since, gates in GATES if self.inv.version >= since), ()):
            self._say("envvar.go:172", f'"Feature gate default state" feature="{gate}" enabled={str(gate in ON).lower()}')

    def discovered(self, code: int) -> None:
        """Say that the server was asked which groups there are."""
        for key in DISCOVERY[:2 if code == 200 else 1]:
            self.sent(Request("get", key))
            self.answered(Request("get", key), code, "")

    def sent(self, request: Request) -> None:
        """Say that a request goes out."""
        self.begin()
        if self.level < HEADERS:
            return
        if self.level >= BODIES and (request.body is not None or self.inv.version >= (1, 32)):
            self._body("Request", "" if request.body is None else request.body)
        method, url, headers = self._method(request), self._url(request), self._headers(request)
        trip = f"round_trippers.go:{self.places.curl if self.level >= CURL else self.places.url}"
        curl = f"curl -v -X{method} " + "".join(f' -H "{name}: {value}"' for name, value in headers) + f" '{url}'"
        if self.structured:
            rows = "".join(f"\t{name}: {value}\n" for name, value in headers)
            self._say(trip, f'"Request" curlCommand=<\n\t{curl}\n >' if self.level >= CURL else
                      f'"Request" verb="{method}" url="{url}" headers=<\n{rows} >')
        elif self.level >= CURL:
            self._say(trip, curl)
        else:
            self._say(trip, f"{method} {url}")
            self._say(f"round_trippers.go:{self.places.headers}", "Request Headers:")
            for name, value in headers:
                self._say(f"round_trippers.go:{self.places.header}", f"    {name}: {value}")

    def answered(self, request: Request, code: int, body: Any, milliseconds: int = MILLISECONDS) -> None:
        """Say what came back; code 0: nothing did."""
        if self.level < FROM_LEVEL:
            return
        status = f"{code} {REASONS.get(code, '')}".rstrip() if code else ""
        method, url = self._method(request), self._url(request)
        plain = json.dumps(body, separators=(",", ":")) if isinstance(body, (dict, list)) else str(body)
        headers = self._answer_headers(len(plain)) if code and self.level >= BODIES else []
        named = self.level in (FROM_LEVEL, CURL)
        if self.structured:
            what = f'verb="{method}" url="{url}" ' if named else ""
            rows = "headers=<\n" + "".join(f"\t{name}: {value}\n" for name, value in headers) + " > " if headers else ""
            tail = f" dnsLookupMilliseconds=0 dialMilliseconds=0 tlsHandshakeMilliseconds=0 serverProcessingMilliseconds={milliseconds}"
            self._say(f"round_trippers.go:{self.places.done}",
                      f'"Response" {what}status="{status}" {rows}milliseconds={milliseconds}{tail if self.level >= CURL else ""}')
        else:
            self._say(f"round_trippers.go:{self.places.done if named else self.places.status}",
                      f"{f'{method} {url}' if named else 'Response Status:'} {status} in {milliseconds} milliseconds")
            if headers:
                self._say(f"round_trippers.go:{self.places.answer_headers}", "Response Headers:")
            for name, value in headers:
                self._say(f"round_trippers.go:{self.places.answer_header}", f"    {name}: {value}")
        if code and self.level >= BODIES and plain:
            self._body("Response", plain)

    # ---- parts of lines ---------------------------------------------------------------------------------------
    def _say(self, where: str, text: str) -> None:
        self.inv.log(where, text, "I")

    def _body(self, which: str, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
        most = BODY_BYTES_MAX.get(self.level, len(text))
        if len(text) > most:
            text = f"{text[:most]} [truncated {len(text) - most} chars]"
        quoted = self.inv.version >= (1, 32)
        self._say(self.places.body, f'"{which} Body" body={json.dumps(text)}' if quoted else f"{which} Body: {text}")

    @staticmethod
    def _method(request: Request) -> str:
        return METHODS.get(request.verb, "GET")

    def _url(self, request: Request) -> str:
        return self.inv.base_url + self._path(request) + self._query(request)

    def _path(self, request: Request) -> str:
        key = request.key
        if not key.resource:
            return key.name
        mapping = self.inv.known(key.resource)
        group, version, plural = (mapping.group, mapping.version, mapping.plural) if mapping is not None else ("", "v1", key.resource)
        return path_of(Key(plural, key.namespace, key.name), group, version, request.subresource)

    def _query(self, request: Request) -> str:
        found = {name: str(value) for name, value in request.query.items() if name not in OWN and value not in ("", None)}
        if request.verb == "list" and request.query.get("as") == "Table":
            found.setdefault("limit", "500")
        verb = self.inv.command.split(" ")[0]
        if request.verb in ("create", "patch", "update") and verb in MANAGERS and not request.subresource:
            found.setdefault("fieldManager", f"kubectl-{MANAGERS[verb] or verb}")
            if verb in STRICT:
                found.setdefault("fieldValidation", "Strict")
        if request.key in DISCOVERY:
            found["timeout"] = self.inv.timeout_text("32s")
        elif self.inv.timeout_text():
            found["timeout"] = self.inv.timeout_text()
        if request.verb == "watch":
            found["watch"] = "true"
        return "?" + urlencode(sorted(found.items())) if found else ""

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        accept = TABLE if request.query.get("as") == "Table" else "application/json"
        found = [("Accept", accept)]
        if request.body is not None:
            kind = PATCHES.get(str(request.query.get("patchType") or "merge")) if request.verb == "patch" else ""
            found.append(("Content-Type", f"application/{kind}+json" if kind else "application/json"))
        return [*found, ("User-Agent", f"kubectl/v{self.inv.release} (linux/amd64) kubernetes/{build(self.inv.release)['gitCommit'][:7]}")]

    def _answer_headers(self, length: int) -> list[tuple[str, str]]:
        stream = self.inv.engine.stream("kubectl.audit")

        def uid() -> str:
            digits = stream.text("0123456789abcdef", 32)
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

        return [("Audit-Id", uid()), ("Cache-Control", "no-cache, private"), ("Content-Length", str(length)), ("Content-Type", "application/json"),
                ("Date", times.http_date(self.inv.engine.unix_us)), ("X-Kubernetes-Pf-Flowschema-Uid", uid()),
                ("X-Kubernetes-Pf-Prioritylevel-Uid", uid())]
