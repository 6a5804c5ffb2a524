"""Faults: what can go wrong with hosts and components, each with its inverse.

What is not in the table refuses.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.api.errors import KubedrillError, NotSimulated
from sim.components.programs import Program
from sim.engine import SECOND_US
from sim.host.network import Host, Network

REBOOT_US = 45 * SECOND_US
LATER = ("slow-disk", "full-disk", "slow-pull", "expire", "corrupt-file", "mirror-down", "kill", "stop", "start")


class FaultError(KubedrillError):
    """A fault that cannot be injected; one line."""


def _programs(host: Host) -> list[Program]:
    """Give the control-plane programs that are units of the host."""
    return [unit for unit in host.units.values() if isinstance(unit, Program)]


def _power_off(host: Host) -> None:
    statics = host.units.get("static-pods")
    if statics is not None:
        statics.kill_all()
    for unit in _programs(host):
        unit.stop(kill=True)
    host.powered = False
    host.units["kubelet"].power_off()
    host.network.changed()


def _power_on(host: Host) -> None:
    host.powered = True
    host.network.changed()
    for unit in _programs(host):
        unit.start()
    host.units["kubelet"].start()


def _reboot(host: Host) -> None:
    _power_off(host)
    host.engine.after(REBOOT_US, _power_on, host, label=f"{host.name} comes back from its reboot", about=host.name)


def _condition(name: str, *, end: bool) -> Callable[[Host], None]:
    return lambda host: host.units["kubelet"].set_fault(name, end=end)


FAULTS: dict[str, tuple[Callable[[Host], None], Callable[[Host], None]]] = {
    "power-off": (_power_off, _power_on),
    "power-on": (_power_on, _power_off),
    "reboot": (_reboot, lambda host: None),
    "node-silent": (lambda host: host.units["kubelet"].set_silent(True), lambda host: host.units["kubelet"].set_silent(False)),
    "node-back": (lambda host: host.units["kubelet"].set_silent(False), lambda host: host.units["kubelet"].set_silent(True)),
    **{name: (_condition(name, end=False), _condition(name, end=True)) for name in (
        "kubelet-not-ready", "memory-pressure", "disk-pressure")},
    "kubelet-ready": (_condition("kubelet-not-ready", end=True), _condition("kubelet-not-ready", end=False)),
}
"""Name -> (do, take back)."""


def inject(network: Network, name: str, host: str, *, end: bool = False) -> None:
    """Do a fault or take it back. Raises FaultError or NotSimulated."""
    if name in LATER:
        raise NotSimulated(f"fault {name}")
    if name in ("partition", "heal"):
        one, _, other = host.partition(" ")
        if one not in network.hosts or other not in network.hosts:
            raise FaultError(f"{name} needs two hosts; they are {', '.join(network.hosts)}")
        (network.cut if (name == "partition") != end else network.heal)(one, other)
        return
    if name not in FAULTS:
        raise FaultError(f"no fault {name}; there are {', '.join(sorted(FAULTS))}, partition, heal")
    if host not in network.hosts:
        raise FaultError(f"no host {host}; there are {', '.join(network.hosts)}")
    FAULTS[name][1 if end else 0](network.hosts[host])


NAMES = frozenset((*FAULTS, *LATER, "partition", "heal"))
"""Every fault that has a name, modelled already or not."""
