"""Unmet dependencies as a real apt 2.6.1 tells of them, over a local repository of dummies: blocks whose heads say what was installed.

Recorded on Debian 12 with `apt-get -o Dir=…`, dpkg replaced by /bin/false: only what apt says before it acts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sim.engine import Engine
from sim.host.network import Network
from sim.host.packages import cache, keys, sources
from sim.host.packages.package import Package, Recipe
from sim.host.packages.repositories import Repository
from tests.conformance.apt import same
from tests.conformance.hosts import DATA, Step, Typist, read

NEEDS = {
    ("cri-tools", "1.25.0-00"): "", ("cri-tools", "1.26.0-00"): "", ("kubectl", "1.26.0-00"): "",
    ("kubeadm", "1.26.0-00"): "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.1.1), cri-tools (>= 1.25.0)",
    ("kubeadm", "1.27.0-00"): "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.26.0)",
    ("kubelet", "1.12.0-00"): "kubernetes-cni (= 0.6.0-00)", ("kubelet", "1.12.7-00"): "kubernetes-cni (= 0.7.5-00)",
    ("kubelet", "1.26.0-00"): "kubernetes-cni (>= 1.1.1)", ("kubelet", "1.27.0-00"): "kubernetes-cni (>= 1.2.0)",
    ("kubernetes-cni", "0.6.0-00"): "", ("kubernetes-cni", "0.7.5-00"): "", ("kubernetes-cni", "1.1.1-00"): "",
    ("kubernetes-cni", "1.2.0-00"): "", ("lonely", "1.0"): "nosuchthing (>= 2), kubernetes-cni (>= 9)"}
URI = "file:/tmp/repo"
PACKAGES = {key: Package(Recipe(key[0], summary=key[0]), key[1], key[1].partition("-")[0], needs, size_bytes=650) for key, needs in NEEDS.items()}


def host(state: str) -> Network:
    """Build a host that has what a block's head says; `!` is a hold."""
    network = Network(Engine(seed=1))
    machine = network.add("controlplane", "192.168.56.11", system="bookworm")
    machine.packages.base = {}
    network.mirrors.own[URI, "/"] = Repository(URI, "/", keys.GOOGLE, lambda day: tuple(PACKAGES.values()))
    machine.files.install("/etc/apt/sources.list", f"deb [trusted=yes] {URI} ./\n".encode())
    for source in sources.read(machine.files.view()):
        cache.store(machine, source, network.mirrors.own[URI, "/"])
    for name, version, held in re.findall(r"(\S+?)=([^\s!]+)(!?)", state):
        machine.packages.install(PACKAGES[name, version])
        if held:
            machine.packages.hold(name)
    return network


def compared() -> Iterator[tuple[Step, tuple[str, str, int], bool]]:
    """Type every line; gives the step, what was printed, and whether it is the same."""
    text = (DATA / "unmet-bookworm.txt").read_text()
    heads = {found[1]: found[2] for found in re.finditer(r"^### block (\S+) \[ro\] ?(.*)$", text, re.MULTILINE)}
    for block in read(text):
        for step in block.steps:
            network = host(heads[block.name])
            got = Typist("bookworm", network.hosts).type(step)
            right = got[2] == step.status and same(got[0], tty=False) == same(step.out, tty=False) and (
                same(got[1], tty=False) == same(step.err, tty=False))
            yield replace(step), got, right
