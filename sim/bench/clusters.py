"""Clusters to measure with."""

from __future__ import annotations

import json
from collections.abc import Callable

from sim.api import objects
from sim.api.client import Key, Object
from sim.engine import SECOND_US
from sim.lab.install.readymade import scale_out
from sim.lab.lab import Lab
from sim.lab.scenario import parse


def make_lab(nodes: int, *, pods: int = 110, history: bool = False) -> Lab:
    """Give a lab with a control plane and so many workers, each with room for `pods` pods."""
    names = [{"name": f"node{number:04}", "pods": pods, "cpu": 32, "memory": "128Gi"} for number in range(1, nodes + 1)]
    text = json.dumps({
        "apiVersion": "kubedrill.dev/v1", "kind": "Scenario",
        "metadata": {"name": "bench", "topic": "bench", "level": 0, "title": "A cluster to measure with"},
        "spec": {"versions": [{"kubernetes": "1.33.1"}],
                 "clusters": [{"nodes": [{"name": "controlplane", "role": "control-plane"}, *names]}],
                 "tasks": [{"name": "all", "prompt": "-", "solutions": [["true"]], "goals": [
                     {"object": "node/none", "why": "never"}]}]}})
    lab = Lab(parse(text, "bench.yaml"), history=history)
    until(lab, lambda: all(objects.dig(daemon, "status.numberReady", 0) == nodes + 1 for daemon in _of(lab, "daemonsets")),
           7200, "the nodes were not ready")
    return lab


def _of(lab: Lab, resource: str) -> list[Object]:
    store = lab.store()
    return store.list(resource) if store is not None else []


def until(lab: Lab, holds: Callable[[], bool], limit_seconds: int, otherwise: str) -> None:
    """Let time pass second by second. Raises RuntimeError when something does not come true."""
    for _ in range(limit_seconds):
        if holds():
            return
        lab.advance(lab.now_us + SECOND_US)
    raise RuntimeError(f"{otherwise} within {limit_seconds} s of simulated time")


def fill(lab: Lab, pods: int) -> None:
    """Have so many pods run at once: ready-made state, for figures that begin where they all run."""
    bring_up(lab, 1)
    server = lab.server()
    if server is None:
        raise RuntimeError("no API server answers")
    scale_out(lab.network, server, Key("deployments", "default", "web"), pods)
    lab.wait(30)


def bring_up(lab: Lab, pods: int, *, limit_seconds: int = 20_000) -> None:
    """Create a deployment of so many pods and let time pass until all are ready. Raises RuntimeError if they are not."""
    lab.run(f"kubectl create deployment web --image=nginx --replicas={pods}")

    def ready() -> bool:
        return any(objects.name(each) == "web" and objects.dig(each, "status.readyReplicas") == pods
                   for each in _of(lab, "deployments"))

    until(lab, ready, limit_seconds, f"{pods} pods were not ready")
