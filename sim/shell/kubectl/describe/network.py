"""Services, Endpoints, EndpointSlices, Ingresses, NetworkPolicies.

Models: kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.api import objects
from sim.api.client import Object
from sim.shell.kubectl.describe.common import annotated, head, labels, selector, truth
from sim.shell.kubectl.describe.writer import Writer

SLICES_SINCE = (1, 30)
"""Clients before it read Endpoints, and do not write the internal traffic policy. golden: 1.28 and 1.33."""


def service(w: Writer, obj: Object, slices: Sequence[Object], version: tuple[int, int]) -> None:
    """Write a Service and where it leads."""
    spec = obj["spec"]
    head(w, obj)
    w.line("Selector:", selector(spec.get("selector")))
    w.line("Type:", spec.get("type", ""))
    if spec.get("ipFamilyPolicy"):
        w.line("IP Family Policy:", spec["ipFamilyPolicy"])
    w.line("IP Families:", ",".join(spec.get("ipFamilies") or []) or "<none>")
    w.line("IP:", spec.get("clusterIP", ""))
    w.line("IPs:", ",".join(spec.get("clusterIPs") or []) or "<none>")
    if spec.get("externalIPs"):
        w.line("External IPs:", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        w.line("Desired LoadBalancer IP:", spec["loadBalancerIP"])
    if spec.get("externalName"):
        w.line("External Name:", spec["externalName"])
    ingress = objects.dig(obj, "status.loadBalancer.ingress", [])
    if ingress:
        w.line("LoadBalancer Ingress:", ", ".join(each.get("ip") or each.get("hostname", "") for each in ingress))
    for port in spec.get("ports") or []:
        name = port.get("name") or "<unset>"
        protocol = port.get("protocol", "TCP")
        w.line("Port:", name, f"{port['port']}/{protocol}")
        w.line("TargetPort:", f"{port.get('targetPort', '')}/{protocol}")
        if port.get("nodePort"):
            w.line("NodePort:", name, f"{port['nodePort']}/{protocol}")
        w.line("Endpoints:", _endpoints(slices, port.get("name") or ""))
    w.line("Session Affinity:", spec.get("sessionAffinity", ""))
    if spec.get("externalTrafficPolicy"):
        w.line("External Traffic Policy:", spec["externalTrafficPolicy"])
    if spec.get("internalTrafficPolicy") and version >= SLICES_SINCE:
        w.line("Internal Traffic Policy:", spec["internalTrafficPolicy"])
    if spec.get("healthCheckNodePort"):
        w.line("HealthCheck NodePort:", spec["healthCheckNodePort"])
    if spec.get("loadBalancerSourceRanges"):
        w.line("LoadBalancer Source Ranges:", ",".join(spec["loadBalancerSourceRanges"]))


MOST = 3


def _endpoints(slices: Sequence[Object], name: str) -> str:
    """Write the ready addresses of a port, three at most."""
    found = []
    for each in slices:
        ports = [port for port in each.get("ports") or [] if (port.get("name") or "") == name]
        for port in ports:
            for endpoint in each.get("endpoints") or []:
                if (endpoint.get("conditions") or {}).get("ready", True):
                    found += [f"{address}:{port.get('port')}" for address in endpoint["addresses"][:1]]
    text = ",".join(found[:MOST])
    return f"{text} + {len(found) - MOST} more..." if len(found) > MOST else text


def endpoints(w: Writer, obj: Object) -> None:
    """Write Endpoints."""
    head(w, obj)
    w.write("Subsets:\n")
    for subset in obj.get("subsets") or []:
        for title, key in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            w.line(f"  {title}:", ",".join(a["ip"] for a in subset.get(key) or []) or "<none>")
        if subset.get("ports"):
            w.write("  Ports:\n    Name\tPort\tProtocol\n    ----\t----\t--------\n")
            for port in subset["ports"]:
                w.line(f"    {port.get('name') or '<unset>'}", port["port"], port.get("protocol", "TCP"))
        w.write("\n")


def endpoint_slice(w: Writer, obj: Object) -> None:
    """Write an EndpointSlice."""
    head(w, obj)
    w.line("AddressType:", obj.get("addressType", ""))
    if obj.get("ports"):
        w.write("Ports:\n  Name\tPort\tProtocol\n  ----\t----\t--------\n")
        for port in obj["ports"]:
            w.line(f"  {port.get('name') or '<unset>'}", port.get("port", "<unset>"), port.get("protocol", "TCP"))
    else:
        w.line("Ports:", "<unset>")
    if not obj.get("endpoints"):
        w.write("Endpoints: <none>\n")
        return
    w.write("Endpoints:\n")
    for each in obj["endpoints"]:
        w.line("  - Addresses:", ", ".join(each["addresses"]))
        w.write("    Conditions:\n")
        ready = (each.get("conditions") or {}).get("ready")
        w.line("      Ready:", "<unset>" if ready is None else truth(ready))
        w.line("    Hostname:", each.get("hostname") or "<unset>")
        if each.get("targetRef"):
            w.line("    TargetRef:", f"{each['targetRef']['kind']}/{each['targetRef']['name']}")
        w.line("    NodeName:", each.get("nodeName") or "<unset>")
        w.line("    Zone:", each.get("zone") or "<unset>")


# ---- Ingress ------------------------------------------------------------------------------------------------------
def ingress(w: Writer, obj: Object, backends: Mapping[str, str]) -> None:
    """Write an Ingress. backends: `service:port` → where it leads."""
    spec = obj["spec"]
    w.line("Name:", objects.name(obj))
    labels(w, "Labels", objects.labels(obj))
    w.line("Namespace:", objects.namespace(obj))
    found = objects.dig(obj, "status.loadBalancer.ingress", [])
    w.line("Address:", ", ".join(each.get("ip") or each.get("hostname", "") for each in found))
    w.line("Ingress Class:", spec.get("ingressClassName", "<none>"))
    w.line("Default backend:", _backend(spec.get("defaultBackend"), backends) if spec.get("defaultBackend") else "<default>")
    if spec.get("tls"):
        w.write("TLS:\n")
        for each in spec["tls"]:
            hosts = ",".join(each.get("hosts") or [])
            w.write(f"  SNI routes {hosts}\n" if not each.get("secretName") else
                    f"  {each['secretName']} terminates {hosts}\n")
    w.write("Rules:\n  Host\tPath\tBackends\n  ----\t----\t--------\n")
    for rule in spec.get("rules") or []:
        if "http" not in rule:
            continue
        w.write(f"  {rule.get('host') or '*'}\t\n")
        for path in rule["http"].get("paths") or []:
            w.write(f"    \t{path.get('path', '')} \t{_backend(path['backend'], backends)}\n")
    if not spec.get("rules"):
        w.write(f"  *\t*\t{_backend(spec.get('defaultBackend') or {}, backends)}\n")
    annotated(w, objects.annotations(obj))


def _backend(found: Any, backends: Mapping[str, str]) -> str:
    name = objects.dig(found, "service.name")
    if not name:
        resource = found.get("resource") or {}
        return f"APIGroup: {resource.get('apiGroup', '')}, Kind: {resource.get('kind', '')}, Name: {resource.get('name', '')}"
    port = objects.dig(found, "service.port.name") or objects.dig(found, "service.port.number", "")
    text = f"{name}:{port}"
    return f"{text} ({backends.get(text, '')})"


# ---- NetworkPolicy ------------------------------------------------------------------------------------------------
def network_policy(w: Writer, obj: Object) -> None:
    """Write a NetworkPolicy."""
    spec = obj["spec"]
    w.line("Name:", objects.name(obj))
    w.line("Namespace:", objects.namespace(obj))
    stamp = obj["metadata"].get("creationTimestamp", "")
    w.line("Created on:", f"{stamp.replace('T', ' ').removesuffix('Z')} +0000 UTC")
    labels(w, "Labels", objects.labels(obj))
    annotated(w, objects.annotations(obj))
    w.write("Spec:\n")
    chosen = selector(spec.get("podSelector"), "")
    w.write("  PodSelector: " + (f"    {chosen}" if chosen and chosen != "<none>" else
                                 "    <none> (Allowing the specific traffic to all pods in this namespace)") + "\n")
    types = spec.get("policyTypes") or []
    if "Ingress" in types:
        w.write("  Allowing ingress traffic:\n")
        _rules(w, spec.get("ingress"), "from", "From", "ingress")
    else:
        w.write("  Not affecting ingress traffic\n")
    if "Egress" in types:
        w.write("  Allowing egress traffic:\n")
        _rules(w, spec.get("egress"), "to", "To", "egress")
    else:
        w.write("  Not affecting egress traffic\n")
    w.write(f"  Policy Types: {', '.join(types)}\n")


def _rules(w: Writer, rules: Sequence[Object] | None, key: str, title: str, way: str) -> None:
    lead = "    "
    if not rules:
        w.write(f"{lead}<none> (Selected pods are isolated for {way} connectivity)\n")
        return
    for number, rule in enumerate(rules):
        if not rule.get("ports"):
            w.write(f"{lead}To Port: <any> (traffic allowed to all ports)\n")
        for port in rule.get("ports") or []:
            w.write(f"{lead}To Port: {port.get('port', '')}/{port.get('protocol', 'TCP')}\n")
        if not rule.get(key):
            w.write(f"{lead}{title}: <any> (traffic not restricted by {'source' if key == 'from' else 'destination'})\n")
        for peer in rule.get(key) or []:
            w.write(f"{lead}{title}:\n")
            if peer.get("ipBlock"):
                w.write(f"{lead}  IPBlock:\n{lead}    CIDR: {peer['ipBlock'].get('cidr', '')}\n{lead}    Except: "
                        f"{', '.join(peer['ipBlock'].get('except') or [])}\n")
            for name, field in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
                if peer.get(field) is not None:
                    w.write(f"{lead}  {name}: {selector(peer[field])}\n")
        if number + 1 < len(rules):
            w.write(f"{lead}----------\n")
