"""What a Service gets from the server: a cluster address and node ports.

Models: pkg/registry/core/service/{ipallocator,portallocator,storage/alloc.go}. The free ones are found from the
Services that are there, so nothing has to be repaired after a restore.
"""

from __future__ import annotations

from sim.api import errors, objects
from sim.api.client import Object, Reader
from sim.api.validation import Faults
from sim.apiserver.kinds.core import NODE_PORTS
from sim.engine import Stream

RANGE = "10.96.0.0/12"
FIRST, SIZE = (10, 96), 1 << 20
TRIES = 64


def _text(number: int) -> str:
    return f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _number(address: str) -> int | None:
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        return None
    whole = [int(part) for part in parts]
    offset = (whole[1] - 96 << 16) + (whole[2] << 8) + whole[3]
    return offset if whole[0] == 10 and 0 <= offset < SIZE else None


def allocate(service: Object, old: Object | None, reader: Reader, stream: Stream) -> Object:
    """Give a Service its address and node ports. Raises StatusError 422 for what is taken or out of range."""
    others = [each for each in reader.list("services") if objects.uid(each) != objects.uid(service)]
    faults = Faults()
    out = _address(service, others, stream, faults)
    out = _ports(out, others, stream, faults)
    if faults:
        raise errors.invalid("Service", "", objects.name(service), faults)
    return out


def _address(service: Object, others: list[Object], stream: Stream, faults: Faults) -> Object:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return {**service, "spec": {name: value for name, value in spec.items() if name not in ("clusterIP", "clusterIPs")}}
    address = spec.get("clusterIP") or ""
    if address and spec.get("clusterIPs") == [address]:
        return service
    if address and address != "None":
        if _number(address) is None:
            faults.invalid("spec.clusterIPs", [address], f"failed to allocate IP {address}: the provided IP is not in the "
                           f"valid range. The range of valid IPs is {RANGE}")
        elif any(objects.dig(each, "spec.clusterIP") == address for each in others):
            faults.invalid("spec.clusterIPs", [address],
                           f"failed to allocate IP {address}: provided IP is already allocated")
    elif not address:
        taken = {objects.dig(each, "spec.clusterIP") for each in others}
        # The lower 256 addresses are kept for Services that ask for one, as upstream's two-banded allocator does.
        address = next(text for _ in range(TRIES) if (text := _text(stream.uniform(256, SIZE - 2))) not in taken)
    return {**service, "spec": {**spec, "clusterIP": address, "clusterIPs": [address]}}


def _ports(service: Object, others: list[Object], stream: Stream, faults: Faults) -> Object:
    spec = service["spec"]
    wants = spec.get("type") in ("NodePort", "LoadBalancer")
    if not wants:
        return service
    taken = {port["nodePort"] for each in others for port in objects.dig(each, "spec.ports", []) if port.get("nodePort")}
    low, high = NODE_PORTS
    ports = []
    for number, port in enumerate(spec.get("ports") or []):
        given = port.get("nodePort")
        if given and not low <= given <= high:
            faults.invalid(f"spec.ports[{number}].nodePort", given, "provided port is not in the valid range. The range of "
                           f"valid ports is {low}-{high}")
        elif given and given in taken:
            faults.invalid(f"spec.ports[{number}].nodePort", given, "provided port is already allocated")
        elif not given:
            given = next(free for _ in range(TRIES) if (free := stream.uniform(low, high)) not in taken)
        taken.add(given)
        ports.append(port if port.get("nodePort") == given else {**port, "nodePort": given})
    return {**service, "spec": {**spec, "ports": ports}}
