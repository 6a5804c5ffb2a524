"""What answers behind a cluster's addresses, as a host reaches them: a pod's, a Service's, a node port.

Models: kube-proxy's rules (a ready endpoint by chance, refusal without any), the welcome pages of common images. What another
image would answer is not modelled and refuses. The rules are a node's: a host without a running kube-proxy has none.
"""

from __future__ import annotations

import re
from typing import Any

from sim.api import objects, selectors
from sim.api.client import Object
from sim.host.images import parts
from sim.host.machine import Host
from sim.host.web.pages import Page
from sim.shell.pipes import Call

NGINX = b"""<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href="http://nginx.org/">nginx.org</a>.<br/>
Commercial support is available at
<a href="http://nginx.com/">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
"""
NOT_FOUND = (b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
             b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
HTTPD = b"<html><body><h1>It works!</h1></body></html>\n"
PROXY = "kube-proxy"


class Unreachable(Exception):
    """Nothing answers: `refused` or `timeout`; or `unknown`, with what is not modelled."""

    def __init__(self, kind: str, what: str = "") -> None:
        super().__init__(what)
        self.kind = kind


def store_of(host: Host) -> Any:
    """Give the store of the cluster that a host is a node of, None where no server is up that knows it."""
    for service in host.network.listeners.values():
        store = getattr(service, "store", None)
        if store is not None and hasattr(store, "list") and any(objects.name(node) == host.name for node in store.list("nodes")):
            return store
    return None


def answer(call: Call, address: str, port: int, path: str) -> Page | None:
    """Ask what is behind an address of the cluster; None where it is none of its addresses. Raises Unreachable."""
    store = store_of(call.host)
    if store is None:
        return None
    pod = next((each for each in store.list("pods") if objects.dig(each, "status.podIP") == address
                and not objects.dig(each, "spec.hostNetwork") and not objects.pod_finished(each)), None)
    if pod is not None:
        return _of_pod(call, pod, port, path)
    found = _service(call.host, store, address, port)
    if found is None:
        return None
    service, entry = found
    if not _proxied(call.host):
        raise Unreachable("unknown", f"{call.name} to a Service from a host without a running kube-proxy")
    chosen = objects.dig(service, "spec.selector", {})
    if not chosen:
        raise Unreachable("unknown", f"{call.name} to a Service without a selector")
    selector = selectors.from_map(chosen)
    ready = [each for each in store.list("pods", objects.namespace(service)) if selector.matches(objects.labels(each))
             and objects.pod_ready(each) and not objects.deleting(each)]
    if not ready:
        raise Unreachable("refused")
    pod = call.engine.stream("kube-proxy.endpoint").choice(ready)
    return _of_pod(call, pod, _number(pod, entry.get("targetPort", entry["port"])), path)


def _service(host: Host, store: Any, address: str, port: int) -> tuple[Object, Object] | None:
    nodes = {host.network.hosts[objects.name(node)].address for node in store.list("nodes") if objects.name(node) in host.network.hosts}
    at_node = address in nodes or address in host.network.hosts or address in ("localhost", "127.0.0.1")
    for service in store.list("services"):
        for entry in objects.dig(service, "spec.ports", []):
            own = objects.dig(service, "spec.clusterIP") == address and entry["port"] == port
            if entry.get("protocol", "TCP") == "TCP" and (own or (at_node and entry.get("nodePort") == port)):
                return service, entry
    return None


def _proxied(host: Host) -> bool:
    return any(container.running and container.name == PROXY for sandbox in host.runtime.sandboxes.values() for container in sandbox.all()) or (
        (unit := host.unit(PROXY)) is not None and unit.running)


def _number(pod: Object, port: Any) -> int:
    if isinstance(port, int):
        return port
    ports = [entry for each in objects.dig(pod, "spec.containers", []) for entry in each.get("ports") or ()]
    named = [entry["containerPort"] for entry in ports if entry.get("name") == port]
    return int(named[0]) if named else 0


def _of_pod(call: Call, pod: Object, port: int, path: str) -> Page:
    """Ask a pod. Raises Unreachable."""
    host = call.host.network.hosts.get(objects.dig(pod, "spec.nodeName", ""))
    if host is None or not host.powered or call.host.network.is_cut(call.host, host):
        raise Unreachable("timeout")
    for container in objects.dig(pod, "spec.containers", []):
        image = str(container.get("image", ""))
        kind = host.catalogue.behaviour(image, pod)
        running = any(c.running and c.name == container["name"] and s.uid == objects.uid(pod)
                      for s in host.runtime.sandboxes.values() for c in s.all())
        if not running or (kind.ports is not None and port not in kind.ports):
            continue
        name = parts(image)[1]
        if container.get("command") or (kind.ports is None and name != "http-echo"):
            raise Unreachable("unknown", f"{call.name}: what {image} answers")
        return _page(call, name, image, container, path)
    raise Unreachable("refused")


def _page(call: Call, name: str, image: str, container: Object, path: str) -> Page:
    if name == "nginx":
        return Page(200, NGINX, kind="text/html") if path in ("", "/", "/index.html") else Page(404, NOT_FOUND, kind="text/html")
    if name == "httpd" and path in ("", "/", "/index.html"):
        return Page(200, HTTPD, kind="text/html")
    said = [found[1] for word in container.get("args") or () if (found := re.fullmatch(r"-{1,2}text=(.*)", str(word)))]
    if name == "http-echo" and said:
        return Page(200, f"{said[0]}\n".encode(), kind="text/plain")
    raise Unreachable("unknown", f"{call.name}: what {image} answers to {path}")
