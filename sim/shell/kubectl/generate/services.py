"""create service: ClusterIP, NodePort, LoadBalancer, ExternalName.

Models: kubectl/pkg/cmd/create/create_service.go.
"""

from __future__ import annotations

from sim.api.client import Object
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import finish, mapping, metadata, name_of
from sim.shell.kubectl.words.verbs import Verb

SERVICE = mapping("services", "Service")
PORT_MAX = 65535
TYPES = {"clusterip": "ClusterIP", "nodeport": "NodePort", "loadbalancer": "LoadBalancer", "externalname": "ExternalName"}


def unsigned(text: str) -> int:
    """Read a port's number. Raises UsageError with Go's words."""
    if not text.isdigit():
        raise UsageError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > PORT_MAX:
        raise UsageError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)


def port_of(text: str, node_port: int) -> Object:
    """Read `80`, `80:8080`, `80:http`. Raises UsageError."""
    port, colon, target = text.partition(":")
    number = unsigned(port)
    goal: int | str = number
    if colon:
        goal = unsigned(target) if target.isdigit() else target
    return {"name": text.replace(":", "-"), "protocol": "TCP", "port": number, "targetPort": goal,
            **({"nodePort": node_port} if node_port else {})}


def service(inv: Invocation) -> Steps[int]:
    """Run `kubectl create service TYPE`."""
    word = inv.command.rpartition(" ")[2]
    name, ports = name_of(inv), inv.flags["tcp"] or []
    headless = inv.flags["clusterip"] == "None"
    if not ports and not headless and word in ("clusterip", "nodeport", "loadbalancer"):
        raise UsageError("at least one tcp port specifier must be provided")
    labels = {"app": name}
    listed = [port_of(text, inv.flags["node-port"] or 0) for text in ports]
    spec: Object = {**({"ports": listed} if listed else {}), "selector": labels}
    if inv.flags["clusterip"]:
        spec["clusterIP"] = inv.flags["clusterip"]
    spec["type"] = TYPES[word]
    if word == "externalname":
        spec["externalName"] = inv.flags["external-name"]
    obj = {"metadata": metadata(inv, SERVICE, name, labels=labels), "spec": spec, "status": {"loadBalancer": {}}}
    return (yield from finish(inv, SERVICE, obj, wrapped=f"{TYPES[word]} service"))


COMMON = ("dry-run", "output", "save-config", "validate", "field-manager", "tcp")
VERBS = {
    "create service clusterip": Verb(service, (*COMMON, "clusterip")),
    "create service nodeport": Verb(service, (*COMMON, "node-port")),
    "create service loadbalancer": Verb(service, COMMON),
    "create service externalname": Verb(service, (*COMMON, "external-name"), required=("external-name",)),
}
