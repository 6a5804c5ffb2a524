"""A container's log, read from the kubelet of its node. Models: pkg/registry/core/pod/strategy.go (LogLocation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.api import errors, objects, times
from sim.api.client import Key, Object, Request, Response
from sim.api.errors import StatusError, TransportError
from sim.apiserver.kinds.row import Resource
from sim.apiserver.verbs import options
from sim.engine import SECOND_US
from sim.program import LogLine, NodeService

if TYPE_CHECKING:
    from sim.apiserver.server import ApiServer

KUBELET_PORT = 10250


def read(server: ApiServer, row: Resource, request: Request) -> Response:
    """Read a container's log from its kubelet. Raises StatusError.

    query: container, follow, previous, tailLines, sinceSeconds, sinceTime, timestamps, limitBytes. The body is the text
    until now; with follow, `request.watcher` is called with each later line of text and the answer's watch ends it.
    """
    query, pod = request.query, server.existing(row, request.key)
    wanted = {name: options.number(query, name) for name in ("tailLines", "sinceSeconds", "limitBytes")}
    name = _container(pod, query.get("container", ""))
    node = objects.dig(pod, "spec.nodeName", "")
    if not node:
        return Response(200, "")
    address = node_address(server, node)
    try:
        service: NodeService = _dial(server, address)
    except TransportError as error:
        path = f"https://{address}:{KUBELET_PORT}/containerLogs/{request.key.namespace}/{request.key.name}/{name}"
        asked = "&".join(f"{key}={value}" for key, value in sorted(query.items()) if key in (
            "follow", "previous", "tailLines", "sinceSeconds", "sinceTime", "timestamps", "limitBytes"))
        late = StatusError(500, "", f'Get "{path}{"?" if asked else ""}{asked}": {error.message}')
        late.after_seconds = error.after_seconds
        raise late from None
    except StatusError as error:
        if error.code != 401:
            raise
        raise StatusError(401, "Unauthorized", f"{errors.ASKS_WHO} ( pods/log {request.key.name})") from None
    lines = service.container_logs(request.key.namespace, request.key.name, name, previous=options.truth(query, "previous"))
    stamps = options.truth(query, "timestamps")
    since = _since(server, query, wanted["sinceSeconds"])
    text = "".join(_written(line, stamps=stamps) for line in _tail(lines, since, wanted["tailLines"]))
    if wanted["limitBytes"] is not None:
        text = text.encode()[:wanted["limitBytes"]].decode(errors="ignore")
    if not options.truth(query, "follow") or request.watcher is None:
        return Response(200, text)
    write: Any = request.watcher

    def tell(line: LogLine | None) -> None:
        if line is not None:
            write(_written(line, stamps=stamps))
        elif request.closed:
            request.closed()

    return Response(200, text, watch=service.follow_logs(request.key.namespace, request.key.name, name, tell))


def _container(pod: Object, wanted: str) -> str:
    """Choose the container. Raises StatusError 400 where there are several, or not that one."""
    names = [each["name"] for group in ("containers", "initContainers", "ephemeralContainers")
             for each in objects.dig(pod, f"spec.{group}", [])]
    plain = [each["name"] for each in objects.dig(pod, "spec.containers", [])]
    if wanted:
        if wanted not in names:
            raise errors.bad_request(f"container {wanted} is not valid for pod {objects.name(pod)}")
        return wanted
    if len(plain) > 1:
        inits = [each["name"] for each in objects.dig(pod, "spec.initContainers", [])]
        text = f"a container name must be specified for pod {objects.name(pod)}, choose one of: [{' '.join(plain)}]"
        raise errors.bad_request(text + (f" or one of the init containers: [{' '.join(inits)}]" if inits else ""))
    return str(plain[0])


def node_address(server: ApiServer, node: str) -> str:
    """Give the address at which a node's kubelet is reached. Raises StatusError 404."""
    found = server.reader.get(Key("nodes", "", node))
    if found is None:
        raise errors.not_found("nodes", node)
    addresses = {each["type"]: each["address"] for each in objects.dig(found, "status.addresses", [])}
    return str(addresses.get("InternalIP") or addresses.get("Hostname") or node)


def _dial(server: ApiServer, address: str) -> Any:
    if server.dial is None:
        raise errors.NotSimulated("logs of a cluster without hosts")
    return server.dial(address, KUBELET_PORT)


def _since(server: ApiServer, query: Any, seconds: int | None) -> int:
    if seconds is not None:
        return server.engine.unix_us - seconds * SECOND_US
    if query.get("sinceTime"):
        try:
            return times.parse(str(query["sinceTime"]))
        except ValueError:
            raise errors.bad_request(f'parsing time "{query["sinceTime"]}" as "2006-01-02T15:04:05Z07:00"') from None
    return 0


def _tail(lines: Sequence[LogLine], since_us: int, most: int | None) -> Sequence[LogLine]:
    kept = [line for line in lines if line.at_us >= since_us]
    if most is None or most < 0:
        return kept
    return kept[-most:] if most else []


def _written(line: LogLine, *, stamps: bool) -> str:
    return f"{times.stamp_micro(line.at_us)[:-1]}000Z {line.text}\n" if stamps else f"{line.text}\n"
