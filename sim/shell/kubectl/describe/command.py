"""kubectl describe: which objects, which describer, and the events about them.

Models: kubectl/pkg/cmd/describe/describe.go, kubectl/pkg/describe (DescriberFor).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.api import objects, selectors
from sim.api.client import Key, Object
from sim.api.errors import StatusError
from sim.engine import Steps
from sim.shell.kubectl.describe import network, nodes, settings, storage, workloads
from sim.shell.kubectl.describe.common import events
from sim.shell.kubectl.describe.generic import generic
from sim.shell.kubectl.describe.pod.pods import pod
from sim.shell.kubectl.describe.writer import Writer
from sim.shell.kubectl.frame.discovery import Mapping_
from sim.shell.kubectl.frame.errors import UsageError, server_error
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.resource import selection
from sim.shell.kubectl.resource.selection import Selection, Target
from sim.shell.kubectl.words.verbs import FILES, SELECTION, Verb

EVENTS_OF_ONE_SINCE = (1, 34)
"""From then on events are shown only where a single object is described. golden/KUBECTL-FINDINGS.md A2."""
WITHOUT_EVENTS = frozenset((
    "resourcequotas", "limitranges", "namespaces", "secrets", "roles", "clusterroles", "rolebindings", "clusterrolebindings",
    "networkpolicies"))
Describer = Callable[["Describe", Writer, Object], "Steps[None]"]


class Describe:
    """One `kubectl describe`."""

    def __init__(self, inv: Invocation) -> None:
        self.inv = inv
        self.now_us = inv.engine.unix_us
        self.first = True

    def run(self) -> Steps[int]:
        """Describe everything that is chosen."""
        inv = self.inv
        if not inv.args and not inv.flags["filename"]:
            raise UsageError("You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete "
                             "list of supported resources.")
        chosen = yield from selection.select(inv, inv.args)
        found, errors = yield from selection.read_all(inv, chosen)
        if errors and len(inv.args) == 2 and chosen.single and not found:
            found = yield from self.by_prefix(chosen.targets[0])
            errors = [] if found else errors
            several = True
        else:
            several = len(found) > 1
        for mapping, obj in found:
            shown = yield from self.one(mapping, obj, show_events=not several or inv.version < EVENTS_OF_ONE_SINCE)
            inv.call.write(shown if self.first else f"\n\n{shown}")
            self.first = False
        for text in dict.fromkeys(server_error(error) for error in errors):
            inv.err(text)
        if not found and not errors:
            self.nothing(chosen)
        return 1 if errors else 0

    def nothing(self, chosen: Selection) -> None:
        """Say that there is nothing."""
        inv = self.inv
        everywhere = inv.flags["all-namespaces"] or not chosen.namespaced
        inv.err("No resources found" if everywhere else f"No resources found in {inv.namespace} namespace.")

    def by_prefix(self, target: Target) -> Steps[list[tuple[Mapping_, Object]]]:
        """Give the objects whose names begin so."""
        key = target.key
        body = yield from self.inv.send("list", Key(key.resource, key.namespace, ""))
        head = {"apiVersion": target.mapping.api_version, "kind": target.mapping.kind}
        return [(target.mapping, {**head, **obj}) for obj in body["items"] if objects.name(obj).startswith(key.name)]

    def one(self, mapping: Mapping_, obj: Object, *, show_events: bool) -> Steps[str]:
        """Describe one object."""
        w = Writer()
        describer = DESCRIBERS.get(mapping.resource)
        if describer is None:
            generic(w, {key: value for key, value in obj.items() if key != "status" or value})
        else:
            yield from describer(self, w, obj)
        wanted = show_events and self.inv.flags["show-events"] is not False and mapping.resource not in WITHOUT_EVENTS
        if wanted:
            events(w, (yield from self.events_of(mapping, obj)), self.now_us)
        return w.text()

    def events_of(self, mapping: Mapping_, obj: Object) -> Steps[list[Object]]:
        """Give the events about an object."""
        fields = [f"involvedObject.name={objects.name(obj)}", f"involvedObject.kind={mapping.kind}"]
        if mapping.namespaced:
            fields.insert(1, f"involvedObject.namespace={objects.namespace(obj)}")
        if mapping.resource != "nodes" and obj["metadata"].get("uid"):
            fields.append(f"involvedObject.uid={obj['metadata']['uid']}")
        try:
            body = yield from self.inv.send("list", Key("events", objects.namespace(obj), ""),
                                            query={"fieldSelector": ",".join(fields)})
        except StatusError:
            return []
        found: list[Object] = body["items"]
        return found

    # ---- what describers need besides ---------------------------------------------------------------------------
    def listed(self, resource: str, namespace: str, **query: str) -> Steps[list[Object]]:
        """List, nothing where the server says no."""
        try:
            body = yield from self.inv.send("list", Key(resource, namespace, ""), query=query)
        except StatusError:
            return []
        found: list[Object] = body["items"]
        return found

    def pods_of(self, obj: Object) -> Steps[list[Object]]:
        """Give the pods that a controller owns."""
        chosen = objects.dig(obj, "spec.selector") or {}
        text = selectors.text_of(chosen if "matchLabels" in chosen or "matchExpressions" in chosen else {
            "matchLabels": chosen})
        found = yield from self.listed("pods", objects.namespace(obj), labelSelector=text if text != "<none>" else "")
        return [each for each in found if (objects.controller_of(each) or {}).get("uid") == obj["metadata"].get("uid")]


def _plain(function: Callable[..., None], *, versioned: bool = False) -> Describer:
    """Make a describer of a function that needs nothing but the object."""
    def run(self: Describe, w: Writer, obj: Object) -> Steps[None]:
        function(w, obj, *([self.inv.version] if versioned else []))
        return
        yield

    return run


def _owning(function: Callable[..., None]) -> Describer:
    """Make a describer of a function that needs the pods of the object."""
    def run(self: Describe, w: Writer, obj: Object) -> Steps[None]:
        function(w, obj, (yield from self.pods_of(obj)), self.inv.version)

    return run


def _pod(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    pod(w, obj, self.now_us, self.inv.version)
    return
    yield


def _node(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    name = objects.name(obj)
    lease = yield from self.inv.find(Key("leases", "kube-node-lease", name))
    found = yield from self.listed("pods", "", fieldSelector=(
        f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"))
    nodes.node(w, obj, lease, self.inv.version)
    nodes.pods_on(w, obj, found, self.now_us)


def _deployment(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    text = selectors.text_of(objects.dig(obj, "spec.selector"))
    found = yield from self.listed("replicasets", objects.namespace(obj), labelSelector=text)
    mine = [rs for rs in found if (objects.controller_of(rs) or {}).get("uid") == obj["metadata"].get("uid")]
    workloads.deployment(w, obj, mine, self.inv.version)


def _service(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    if self.inv.version < network.SLICES_SINCE:
        found = yield from self.inv.find(Key("endpoints", objects.namespace(obj), objects.name(obj)))
        slices = [{"ports": subset.get("ports"), "endpoints": [{"addresses": [a["ip"]]} for a in subset.get("addresses") or []]}
                  for subset in (found or {}).get("subsets") or []]
    else:
        slices = yield from self.listed("endpointslices", objects.namespace(obj),
                                      labelSelector=f"kubernetes.io/service-name={objects.name(obj)}")
    network.service(w, obj, slices, self.inv.version)


def _ingress(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    backends: dict[str, str] = {}
    paths: list[Any] = [path["backend"] for rule in objects.dig(obj, "spec.rules", [])
                        for path in objects.dig(rule, "http.paths", [])]
    for backend in [*paths, objects.dig(obj, "spec.defaultBackend", {})]:
        name = objects.dig(backend, "service.name")
        if not name:
            continue
        port = objects.dig(backend, "service.port.name") or objects.dig(backend, "service.port.number", "")
        service = yield from self.inv.find(Key("services", objects.namespace(obj), name))
        if service is None:
            backends[f"{name}:{port}"] = f'<error: services "{name}" not found>'
            continue
        slices = yield from self.listed("endpointslices", objects.namespace(obj),
                                      labelSelector=f"kubernetes.io/service-name={name}")
        named = next((p.get("name") or "" for p in objects.dig(service, "spec.ports", [])
                      if port in (p.get("name"), p.get("port"))), "")
        backends[f"{name}:{port}"] = network._endpoints(slices, named)
    network.ingress(w, obj, backends)


def _namespace(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    name = objects.name(obj)
    settings.namespace(w, obj, (yield from self.listed("resourcequotas", name)), (yield from self.listed("limitranges", name)))


def _claim(self: Describe, w: Writer, obj: Object) -> Steps[None]:
    users = [objects.name(each) for each in (yield from self.listed("pods", objects.namespace(obj)))
             if any(objects.dig(v, "persistentVolumeClaim.claimName") == objects.name(obj)
                    for v in objects.dig(each, "spec.volumes", []))]
    storage.claim(w, obj, users)


DESCRIBERS: dict[str, Describer] = {
    "pods": _pod, "nodes": _node, "deployments": _deployment, "services": _service, "ingresses": _ingress,
    "namespaces": _namespace, "persistentvolumeclaims": _claim,
    "replicasets": _owning(workloads.replica_set), "replicationcontrollers": _owning(workloads.replica_set),
    "daemonsets": _owning(workloads.daemon_set), "statefulsets": _owning(workloads.stateful_set),
    "jobs": _plain(workloads.job, versioned=True), "cronjobs": _plain(workloads.cron_job, versioned=True),
    "horizontalpodautoscalers": _plain(workloads.autoscaler),
    "endpoints": _plain(network.endpoints), "endpointslices": _plain(network.endpoint_slice),
    "networkpolicies": _plain(network.network_policy),
    "configmaps": _plain(settings.config_map, versioned=True), "secrets": _plain(settings.secret),
    "serviceaccounts": _plain(settings.service_account, versioned=True),
    "resourcequotas": _plain(settings.quota), "limitranges": _plain(settings.limit_range),
    "priorityclasses": _plain(settings.priority_class), "poddisruptionbudgets": _plain(settings.budget),
    "roles": _plain(settings.role), "clusterroles": _plain(settings.role),
    "rolebindings": _plain(settings.binding), "clusterrolebindings": _plain(settings.binding),
    "persistentvolumes": _plain(storage.volume, versioned=True), "storageclasses": _plain(storage.storage_class),
}


def describe(inv: Invocation) -> Steps[int]:
    """Run `kubectl describe`."""
    return (yield from Describe(inv).run())


VERBS = {"describe": Verb(describe, (*FILES, *SELECTION, "show-events"))}
