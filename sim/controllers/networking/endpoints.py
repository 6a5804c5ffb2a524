"""Endpoints and EndpointSlices: the addresses of the pods behind each Service.

Models: pkg/controller/endpoint, pkg/controller/endpointslice (one loop here: both follow from the same pods). Left out:
dual stack, topology hints, slices that are packed anew (a pod keeps its place in the order of names).
"""

from __future__ import annotations

from typing import Any

from sim.api import objects, selectors
from sim.api.client import Change, Client, Key, Object
from sim.controllers.base import Controller
from sim.controllers.selection import Selection
from sim.engine import Engine

SERVICE = "kubernetes.io/service-name"
MANAGED, MANAGER = "endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
SLICE_MOST = 100
PARTS = ("status.podIP", "status.podIPs", "status.phase", "spec.nodeName", "metadata.deletionTimestamp", "metadata.labels")


def port_of(port: Object, pod: Object) -> int | None:
    """Resolve a service port's target in a pod; None where the pod has no port of that name."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    for each in objects.dig(pod, "spec.containers", []):
        for found in each.get("ports") or []:
            if found.get("name") == target and found.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(found["containerPort"])
    return None


def ports_of(service: Object, pod: Object) -> tuple[tuple[tuple[str, Any], ...], ...]:
    """Give the ports at which a pod serves, as hashable rows."""
    rows = []
    for port in objects.dig(service, "spec.ports", []):
        number = port_of(port, pod)
        if number is not None:
            row = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
            if port.get("appProtocol"):
                row["appProtocol"] = port["appProtocol"]
            rows.append(tuple(row.items()))
    return tuple(rows)


def serves(pod: Object) -> bool:
    """Tell whether a pod has an address and has not ended."""
    return bool(objects.dig(pod, "status.podIP")) and not objects.pod_finished(pod)


class EndpointsController(Controller):
    """Keeps both forms of a service's addresses."""

    name = "endpoint-slice-controller"
    watches = ("services", "pods")

    def __init__(self, engine: Engine, client: Client, *, version: tuple[int, int] = (1, 36)) -> None:
        super().__init__(engine, client, version=version)
        self.selection = Selection(client.reader)

    def start(self) -> None:
        """Begin, with an empty memory of who is chosen."""
        self.selection = Selection(self.client.reader)
        super().start()

    def changed(self, change: Change) -> None:
        """Queue the service, or those that choose the pod where something they show has changed."""
        if change.key.resource == "services":
            wanted = objects.dig(change.new or {}, "spec.selector")
            self.selection.set(change.key, selectors.from_map(wanted) if wanted else None)
            if wanted:
                self.enqueue(change.key)
            return
        touched = self.selection.pod(change)
        if touched and (change.old is None or change.new is None or self._matters(change.old, change.new)):
            for key in touched:
                self.enqueue(key)

    @staticmethod
    def _matters(old: Object, new: Object) -> bool:
        return objects.pod_ready(old) != objects.pod_ready(new) or any(
            objects.dig(old, path) != objects.dig(new, path) for path in PARTS)

    def reconcile(self, key: Key) -> float | None:
        """Write the slices and the Endpoints that differ."""
        service = self.reader.get(key)
        if service is None or not objects.dig(service, "spec.selector") or objects.deleting(service):
            return None
        pods = [pod for pod in self.selection.of(key) if serves(pod)]
        groups: dict[tuple[Any, ...], list[Object]] = {}
        for pod in pods:
            groups.setdefault(ports_of(service, pod), []).append(pod)
        self._slices(service, groups)
        self._endpoints(key, service, groups)
        return None

    # ---- slices -----------------------------------------------------------------------------------------------
    def _slices(self, service: Object, groups: dict[tuple[Any, ...], list[Object]]) -> None:
        wanted = [(ports, pods[at: at + SLICE_MOST]) for ports, pods in groups.items()
                  for at in range(0, len(pods), SLICE_MOST)] or [((), [])]
        there = [each for each in self.reader.by_index("endpointslices", "owner", objects.uid(service))
                 if objects.labels(each).get(MANAGED) == MANAGER]
        labels = {**objects.labels(service), MANAGED: MANAGER, SERVICE: objects.name(service)}
        if objects.dig(service, "spec.clusterIP") == "None":
            labels[HEADLESS] = ""
        for at, (ports, pods) in enumerate(wanted):
            content = {
                "addressType": "IPv4", "endpoints": [self._endpoint(service, pod) for pod in pods],
                "ports": [dict(row) for row in ports]}
            if at < len(there):
                old = there[at]
                if any(old.get(part) != value for part, value in content.items()) or objects.labels(old) != labels:
                    body = {**old, **content, "metadata": {**old["metadata"], "labels": labels,
                                                           "annotations": {TRIGGER: self.now()}}}
                    self.client.update(objects.key("endpointslices", old), body, because="its pods have changed")
                continue
            reference = objects.controller_reference(service)
            self.client.create("endpointslices", {
                "metadata": {
                    "generateName": f"{objects.name(service)}-", "namespace": objects.namespace(service), "labels": labels,
                    "annotations": {TRIGGER: self.now()}, "ownerReferences": [reference]},
                **content}, because=f"Service {objects.name(service)} has pods")
        for old in there[len(wanted):]:
            self.client.delete(objects.key("endpointslices", old), because="its service has fewer pods")

    def _endpoint(self, service: Object, pod: Object) -> Object:
        ready, going = objects.pod_ready(pod), objects.deleting(pod)
        always = bool(objects.dig(service, "spec.publishNotReadyAddresses"))
        found: Object = {
            "addresses": [objects.dig(pod, "status.podIP")],
            "conditions": {"ready": always or (ready and not going), "serving": ready, "terminating": going},
            "targetRef": _target(pod),
        }
        if objects.dig(pod, "spec.hostname") and objects.dig(pod, "spec.subdomain") == objects.name(service):
            found["hostname"] = objects.dig(pod, "spec.hostname")
        node = objects.dig(pod, "spec.nodeName")
        if node:
            found["nodeName"] = node
            zone = objects.labels(self.reader.get(Key("nodes", "", node)) or {"metadata": {}}).get(
                "topology.kubernetes.io/zone")
            if zone:
                found["zone"] = zone
        return found

    # ---- the older form ---------------------------------------------------------------------------------------
    def _endpoints(self, key: Key, service: Object, groups: dict[tuple[Any, ...], list[Object]]) -> None:
        subsets = []
        always = bool(objects.dig(service, "spec.publishNotReadyAddresses"))
        for ports, pods in groups.items():
            subset: Object = {}
            for pod in pods:
                if objects.deleting(pod) and not always:
                    continue
                address = {"ip": objects.dig(pod, "status.podIP"), "targetRef": _target(pod)}
                if objects.dig(pod, "spec.hostname") and objects.dig(pod, "spec.subdomain") == objects.name(service):
                    address["hostname"] = objects.dig(pod, "spec.hostname")
                if objects.dig(pod, "spec.nodeName"):
                    address["nodeName"] = objects.dig(pod, "spec.nodeName")
                group = "addresses" if always or objects.pod_ready(pod) else "notReadyAddresses"
                subset.setdefault(group, []).append(address)
            if subset:
                if ports:
                    subset["ports"] = [{n: v for n, v in row if n != "name" or v} for row in ports]
                for group in ("addresses", "notReadyAddresses"):
                    if group in subset:
                        subset[group].sort(key=lambda each: [int(part) for part in each["ip"].split(".")])
                subsets.append(subset)
        place = Key("endpoints", key.namespace, key.name)
        labels = {**objects.labels(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        if objects.dig(service, "spec.clusterIP") == "None":
            labels[HEADLESS] = ""
        old = self.reader.get(place)
        annotations = {TRIGGER: self.now()}
        if old is None:
            self.client.create("endpoints", {
                "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels, "annotations": annotations},
                **({"subsets": subsets} if subsets else {})}, because=f"Service {key.name} has no Endpoints yet")
        elif (old.get("subsets") or []) != subsets or objects.labels(old) != labels:
            body = {**old, "metadata": {**old["metadata"], "labels": labels, "annotations": annotations}}
            body.pop("subsets", None)
            self.client.update(place, {**body, **({"subsets": subsets} if subsets else {})},
                               because="its pods have changed")


def _target(pod: Object) -> Object:
    return {"kind": "Pod", "name": objects.name(pod), "namespace": objects.namespace(pod), "uid": objects.uid(pod)}
