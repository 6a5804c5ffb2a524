"""Faults: what can go wrong with hosts and components, each with its target, parameters, inverse and a line of help.

What is not in the table refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.api.errors import KubedrillError, NotSimulated
from sim.engine import SECOND_US
from sim.host.files import FileError
from sim.host.network import Host, Network
from sim.host.packages.repositories import ADDRESSES
from sim.host.pods.slots import Backoff
from sim.host.runtime import Container
from sim.host.systemd.unit import Unit
from sim.kubeadm.certs.make import end_in_files, in_file
from sim.kubeadm.certs.table import CERTIFICATES, KUBECONFIGS, KUBELET_CLIENT
from sim.program import SIGKILL, SIGTERM

SLOW = 10.0
LATER: dict[str, str] = {}
"""What has a name and is not modelled yet, with what it waits for."""


class FaultError(KubedrillError):
    """A fault that cannot be injected; one line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row: what it does to its target, and what takes it back.

    target: host, hosts (two), certificate (`HOST/NAME`, kubeadm's names; `HOST:PATH`), component (a unit or container, `HOST/NAME` where it is not unique), image, path
    (`HOST:PATH`). inverse: the fault that undoes it; "" where nothing does.
    """

    name: str
    target: str
    act: Callable[[Network, str], None]
    inverse: str
    help: str


# ---- hosts --------------------------------------------------------------------------------------------------------
def _host(network: Network, name: str) -> Host:
    if name not in network.hosts:
        raise FaultError(f"no host {name}; there are {', '.join(network.hosts)}")
    return network.hosts[name]


def _up(network: Network, name: str) -> Host:
    """Give a host that runs. Raises FaultError for one that is off: only power helps there."""
    host = _host(network, name)
    if not host.powered:
        raise FaultError(f"{name} is booting; wait for it" if host.coming else f"{name} is off; use power-on")
    return host


def _power_off(network: Network, name: str) -> None:
    host = _host(network, name)
    if not host.powered and host.coming is None:
        raise FaultError(f"{name} is off already")
    host.power_off()


def _power_on(network: Network, name: str) -> None:
    host = _host(network, name)
    if host.powered or host.coming is not None:
        raise FaultError(f"{name} is {'on' if host.powered else 'booting'} already")
    host.power_on(0.0) if host.catalogue.stand_in else host.power_on()


def _reboot(network: Network, name: str) -> None:
    reboot(_up(network, name))


def reboot(host: Host) -> None:
    """Go down in order and come up again."""
    takes = host.shut_down()
    host.engine.after(round(min(takes, 90.0) * SECOND_US), _down, host)


def _down(host: Host) -> None:
    host.power_off()
    host.power_on(label=f"{host.name} comes back from its reboot")


def _set(fault: str, *, on: bool) -> Callable[[Network, str], None]:
    def act(network: Network, name: str) -> None:
        host = _up(network, name)
        if on == (fault in host.faults):
            raise FaultError(f"{name} {'has that fault already' if on else f'has no {fault} to be taken back'}")
        if on:
            host.faults[fault] = None
        else:
            host.faults.pop(fault, None)
        host.files.full = "full-disk" in host.faults
        network.changed()
        for kubelet in list(host.kubelets):
            kubelet.look()

    return act


def _cut(network: Network, names: str, *, on: bool) -> None:
    one, _, other = names.strip().partition(" ")
    if one not in network.hosts or other.strip() not in network.hosts:
        raise FaultError(f"{'partition' if on else 'heal'} needs two hosts; they are {', '.join(network.hosts)}")
    two = network.hosts[one], network.hosts[other.strip()]
    if two[0] is two[1]:
        raise FaultError("a host always reaches itself; name two")
    if on == network.is_cut(*two):
        raise FaultError(f"{one} and {other.strip()} {'do not reach each other already' if on else 'reach each other already'}")
    (network.cut if on else network.heal)(one, other.strip())


# ---- components ---------------------------------------------------------------------------------------------------
def _components(network: Network, target: str) -> list[Unit | Container]:
    """Find the units and containers of a name (`kube-apiserver`, `etcd-1/etcd`). Raises FaultError for none."""
    place, _, name = target.rpartition("/")
    hosts = [_up(network, place)] if place else [host for host in network.hosts.values() if host.powered]
    found: list[Unit | Container] = []
    for host in hosts:
        unit = host.unit(name)
        if unit is not None:
            found.append(unit)
        for sandbox in host.runtime.sandboxes.values():
            latest = sandbox.latest(name)
            if latest is not None:
                found.append(latest)
    if not found:
        known = sorted({unit.short for host in hosts for unit in host.systemd.units.values()} | {
            name for host in hosts for sandbox in host.runtime.sandboxes.values() for name in sandbox.containers})
        raise FaultError(f"no unit or container {name}; there are {', '.join(known)}")
    return found


def _one(network: Network, target: str) -> Unit | Container:
    found = _components(network, target)
    running = [each for each in found if each.running] or found
    if len(running) > 1:
        raise FaultError(f"{target} is not unique; write HOST/{target.rpartition('/')[2]}")
    return running[0]


def _running(network: Network, target: str) -> Unit | Container:
    each = _one(network, target)
    if not each.running:
        raise FaultError(f"{target} does not run")
    return each


def _kill(network: Network, target: str) -> None:
    each = _running(network, target)
    if isinstance(each, Unit):
        each.kill(SIGKILL)
    else:
        each.kill(128 + SIGKILL, "Error")


def _stop(network: Network, target: str) -> None:
    each = _running(network, target)
    if isinstance(each, Unit):
        each.kill(SIGTERM) if each.supervisor is not None else each.stop()
    else:
        each.stop(30 * SECOND_US)


def _start(network: Network, target: str) -> None:
    each = _one(network, target)
    if isinstance(each, Unit):
        each.kill_stopping()
        if each.running:
            raise FaultError(f"{target} runs already")
        each.start()
        return
    raise FaultError(f"{target} is a container: its kubelet starts it")


def _supervise(network: Network, targets: str) -> None:
    """Restart units from now on as a kubelet restarts containers: after about 1 s, then 10, 20, 40 s."""
    for target in targets.split():
        each = _one(network, target)
        if not isinstance(each, Unit):
            raise FaultError(f"{target} is a container: its kubelet restarts it")
        each.supervisor = Backoff()


def _unsupervise(network: Network, targets: str) -> None:
    for target in targets.split():
        each = _one(network, target)
        if isinstance(each, Unit):
            each.supervisor = None


# ---- images, disks, files -----------------------------------------------------------------------------------------
def _slow_pull(network: Network, image: str) -> None:
    if image in network.slow_images:
        raise FaultError(f"pulling {image} is slow already")
    network.slow_images[image] = SLOW


def _usual_pull(network: Network, image: str) -> None:
    if network.slow_images.pop(image, None) is None:
        raise FaultError(f"pulling {image} takes its usual time already")


def _mirror(network: Network, name: str, *, down: bool) -> None:
    servers = sorted(ADDRESSES)
    if name not in ADDRESSES:
        raise FaultError(f"no mirror {name}; there are {', '.join(servers)}")
    if down:
        network.mirrors.down[name] = None
    else:
        network.mirrors.down.pop(name, None)


def _corrupt(network: Network, target: str) -> None:
    place, _, path = target.partition(":")
    host = _host(network, place)
    view = host.files.view()
    try:
        data = view.read(path)
    except FileError as error:
        raise FaultError(f"{target}: {error}") from None
    half = len(data) // 2
    view.write(path, data[:half] + bytes(255 - byte for byte in data[half:half + 64]) + data[half + 64:])


def _expire(network: Network, target: str) -> None:
    """End certificates now: of a file, or of kubeadm's names, or all of a host but its authorities."""
    place, _, path = target.partition(":")
    if not path and "/" in target.partition("/")[2]:
        place, _, path = target.partition("/")
        path = f"/{path.lstrip('/')}"
    if path:
        host, paths = _host(network, place), [path]
    else:
        place, _, name = target.rpartition("/")
        rows = {leaf.name: leaf.shown for leaf in (*CERTIFICATES, *KUBECONFIGS)} | {"kubelet": KUBELET_CLIENT}
        if name not in rows and name != "all":
            raise FaultError(f"no certificate {name}; there are all, {', '.join(rows)}; or write HOST:PATH")
        host = _host(network, place) if place else _holder(network, rows.get(name, rows["apiserver"]))
        view = host.files.view()
        paths = [shown for row, shown in rows.items() if (name == row or name == "all" and row != "kubelet") and view.exists(shown)]
    ended = [found for each in paths if (found := in_file(host, each)) is not None]
    if not ended:
        raise FaultError(f"{target}: no certificate there")
    end_in_files(host, ended)
    network.expire(dict.fromkeys(each.serial for each in ended))


def _holder(network: Network, path: str) -> Host:
    found = [host for host in network.hosts.values() if host.files.view().exists(path)]
    if len(found) != 1:
        raise FaultError("write HOST/NAME: " + ("no host has it" if not found else ", ".join(host.name for host in found)))
    return found[0]


ROWS = (
    Fault("power-off", "host", _power_off, "power-on", "the machine loses its power at once"),
    Fault("power-on", "host", _power_on, "power-off", "it boots (about 45 s), or registers for the first time"),
    Fault("reboot", "host", _reboot, "", "it goes down in order and comes up after about 45 s"),
    Fault("node-silent", "host", _set("node-silent", on=True), "node-back",
          "the kubelet neither speaks nor starts or stops a container"),
    Fault("node-back", "host", _set("node-silent", on=False), "node-silent", "it speaks again"),
    Fault("kubelet-not-ready", "host", _set("kubelet-not-ready", on=True), "kubelet-ready", "the kubelet posts Ready=False"),
    Fault("kubelet-ready", "host", _set("kubelet-not-ready", on=False), "kubelet-not-ready", "it posts Ready=True again"),
    Fault("memory-pressure", "host", _set("memory-pressure", on=True), "memory-relief", "memory runs short: pods are evicted"),
    Fault("memory-relief", "host", _set("memory-pressure", on=False), "memory-pressure", "there is memory again"),
    Fault("disk-pressure", "host", _set("disk-pressure", on=True), "disk-relief", "the disk runs full: pods are evicted"),
    Fault("disk-relief", "host", _set("disk-pressure", on=False), "disk-pressure", "there is disk space again"),
    Fault("full-disk", "host", _set("full-disk", on=True), "free-disk", "nothing can be written on the host's disk"),
    Fault("free-disk", "host", _set("full-disk", on=False), "full-disk", "it can be written again"),
    Fault("slow-disk", "host", _set("slow-disk", on=True), "usual-disk", "the host's disk takes seconds to write: etcd suffers"),
    Fault("usual-disk", "host", _set("slow-disk", on=False), "slow-disk", "it is as fast as before"),
    Fault("partition", "hosts", lambda network, names: _cut(network, names, on=True), "heal",
          "no packet passes between two hosts"),
    Fault("heal", "hosts", lambda network, names: _cut(network, names, on=False), "partition", "they reach each other again"),
    Fault("kill", "component", _kill, "start", "SIGKILL to a unit's or container's program"),
    Fault("stop", "component", _stop, "start", "SIGTERM to it"),
    Fault("start", "component", _start, "stop", "start a unit"),
    Fault("supervise", "component", _supervise, "unsupervise", "units are restarted as a kubelet restarts containers"),
    Fault("unsupervise", "component", _unsupervise, "supervise", "they follow their own policy again"),
    Fault("slow-pull", "image", _slow_pull, "usual-pull", "pulling the image takes ten times as long"),
    Fault("usual-pull", "image", _usual_pull, "slow-pull", "it takes its usual time"),
    Fault("mirror-down", "mirror", lambda network, name: _mirror(network, name, down=True), "mirror-up",
          "a server of packages refuses connections (pkgs.k8s.io, apt.kubernetes.io)"),
    Fault("mirror-up", "mirror", lambda network, name: _mirror(network, name, down=False), "mirror-down", "it answers again"),
    Fault("expire", "certificate", _expire, "",
          "HOST/apiserver (kubeadm's names), HOST/all (those), HOST/kubelet or HOST:PATH runs out now"),
    Fault("corrupt-file", "path", _corrupt, "", "bytes in the middle of HOST:PATH are turned over"),
)
FAULTS = {row.name: row for row in ROWS}


def inject(network: Network, name: str, target: str, *, end: bool = False) -> None:
    """Do a fault or take it back. Raises FaultError or NotSimulated."""
    if name in LATER:
        raise NotSimulated(f"fault {name} ({LATER[name]})")
    row = FAULTS.get(name)
    if row is None:
        raise FaultError(f"no fault {name}; there are {', '.join(sorted(FAULTS))}")
    if end:
        if not row.inverse:
            raise FaultError(f"{name} cannot be taken back")
        row = FAULTS[row.inverse]
    if not target:
        raise FaultError(f"{name} needs a target: {row.target}")
    row.act(network, target)


NAMES = frozenset((*FAULTS, *LATER))
"""Every fault that has a name, modelled already or not."""
