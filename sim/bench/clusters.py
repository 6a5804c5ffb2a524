"""Clusters to measure with."""

from __future__ import annotations

import json

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
    return Lab(parse(text, "bench.yaml"), history=history)


def bring_up(lab: Lab, pods: int, *, limit_seconds: int = 3600) -> None:
    """Create a deployment of so many pods and let time pass until all are ready. Raises RuntimeError if they are not."""
    lab.run(f"kubectl create deployment web --image=nginx --replicas={pods}")
    for _ in range(limit_seconds):
        lab.advance(lab.now_us + 1_000_000)
        store = lab.store()
        found = [d for d in (store.list("deployments", "default") if store else []) if d["metadata"]["name"] == "web"]
        if found and (found[0].get("status") or {}).get("readyReplicas") == pods:
            return
    raise RuntimeError(f"{pods} pods were not ready within {limit_seconds} s of simulated time")
