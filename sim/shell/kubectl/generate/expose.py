"""expose: a service for a pod, a workload or another service.

Models: kubectl/pkg/cmd/expose/expose.go, kubectl/pkg/polymorphichelpers/{mapbasedselectorforobject,portsforobject}.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import create
from sim.shell.kubectl.generate.services import SERVICE
from sim.shell.kubectl.resource.chosen import Info, choose, selector_labels
from sim.shell.kubectl.words.verbs import FILES, Verb
from sim.shell.kubectl.writing.output import Printer, dry_run, report, typed

EXPOSABLE = ("pods", "services", "replicationcontrollers", "deployments", "replicasets")
NAME_MAX = 63
TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")


def selector_of(info: Info) -> dict[str, str]:
    """Give the labels that choose the pods. Raises UsageError."""
    obj, kind = info.obj, info.mapping.kind
    if kind == "Pod":
        if not objects.labels(obj):
            raise UsageError("the pod has no labels and cannot be exposed")
        return objects.labels(obj)
    if kind in ("Service", "ReplicationController"):
        found: dict[str, str] = objects.dig(obj, "spec.selector", {})
        if not found:
            raise UsageError("the service has no pod selector set")
        return found
    if objects.dig(obj, "spec.selector.matchExpressions"):
        raise UsageError(f"couldn't convert expressions - \"{objects.dig(obj, 'spec.selector.matchExpressions')}\" to map-based "
                         "selector format")
    labels: dict[str, str] = objects.dig(obj, "spec.selector.matchLabels", {})
    return labels


def ports_of(info: Info) -> list[tuple[int, str]]:
    """Give the ports that the object has: (number, protocol)."""
    if info.mapping.kind == "Service":
        return [(port["port"], port.get("protocol", "TCP")) for port in objects.dig(info.obj, "spec.ports", [])]
    spec = objects.dig(info.obj, "spec" if info.mapping.kind == "Pod" else "spec.template.spec", {})
    return [(port["containerPort"], port.get("protocol", "TCP")) for container in spec.get("containers") or []
            for port in container.get("ports") or []]


def service_of(inv: Invocation, info: Info) -> Object:
    """Make the service. Raises UsageError."""
    flags = inv.flags
    known = ports_of(info)
    selector = dict(selector_labels(flags["selector"])) if flags["selector"] else selector_of(info)
    numbers = [part for part in str(flags["port"] or "").split(",") if part]
    protocols = dict(known)
    if not numbers:
        if not known:
            raise UsageError("couldn't find port via --port flag or introspection")
        numbers = [str(number) for number, _ in known]
    ports = []
    for at, text in enumerate(numbers):
        if not text.isdigit():
            raise UsageError(f'strconv.Atoi: parsing "{text}": invalid syntax')
        target = flags["target-port"] or text
        port: Object = {"protocol": flags["protocol"] or protocols.get(int(text), "TCP"), "port": int(text),
                        "targetPort": int(target) if str(target).isdigit() else target}
        ports.append({"name": f"port-{at + 1}", **port} if len(numbers) > 1 else port)
    labels = dict(selector_labels(flags["labels"])) if flags["labels"] else objects.labels(info.obj)
    name = (flags["name"] or info.name)[:NAME_MAX]
    spec: Object = {"ports": ports, "selector": selector}
    if flags["cluster-ip"]:
        spec["clusterIP"] = flags["cluster-ip"]
    if flags["type"]:
        if flags["type"] not in TYPES:
            raise UsageError(f"invalid service type: {flags['type']}")
        spec["type"] = flags["type"]
    if flags["external-ip"]:
        spec["externalIPs"] = [flags["external-ip"]]
    if flags["session-affinity"]:
        spec["sessionAffinity"] = flags["session-affinity"]
    if flags["load-balancer-ip"]:
        spec["loadBalancerIP"] = flags["load-balancer-ip"]
    space = {"namespace": inv.namespace} if "namespace" in inv.given else {}
    return {"kind": "Service", "apiVersion": "v1", "metadata": {"name": name, **space, **({"labels": labels} if labels else {})},
            "spec": spec, "status": {"loadBalancer": {}}}


def expose(inv: Invocation) -> Steps[int]:
    """Run `kubectl expose`."""
    from sim.shell.kubectl.generate.run import overridden

    dry = dry_run(inv)
    printer = Printer(inv, dry)
    words = list(inv.args)
    chosen = yield from _chosen(inv, words)
    errors = list(chosen)
    infos = chosen.infos
    for info in infos:
        try:
            if info.mapping.plural not in EXPOSABLE:
                kind = f"{info.mapping.kind}.{info.mapping.group}" if info.mapping.group else info.mapping.kind
                raise UsageError(f"cannot expose a {kind}")
            service = overridden(inv, service_of(inv, info))
            if not dry.client:
                service = yield from create(inv, SERVICE, service, dry)
            printer.done(SERVICE, typed(inv, service) if dry.client else service, "exposed", in_order=dry.client)
        except (UsageError, StatusError) as error:
            errors.append(error)
    return report(inv, errors)


class _Found(list[Exception]):
    """The objects to expose, beside what went wrong."""

    infos: list[Info]


def _chosen(inv: Invocation, words: list[str]) -> Steps[_Found]:
    """Find the objects; --selector is the service's own here."""
    selector, inv.flags["selector"] = inv.flags["selector"], ""
    chosen = yield from choose(inv, words)
    inv.flags["selector"] = selector
    found = _Found(chosen.errors)
    found.infos = list(chosen)
    return found


MODELS = (*FILES, "dry-run", "output", "save-config", "field-manager", "port", "target-port", "protocol", "name", "labels",
          "selector", "type", "cluster-ip", "external-ip", "session-affinity", "load-balancer-ip", "overrides", "override-type")
VERBS = {"expose": Verb(expose, MODELS)}
