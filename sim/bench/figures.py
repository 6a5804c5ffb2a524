"""The figures: what is measured, in which unit, what is wanted. A figure gives one or more values a run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sim.bench.clusters import bring_up, fill, make_lab
from sim.bench.echo import echo_p95_ms
from sim.bench.upgrades import upgrade
from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load

MIB = 1024 * 1024
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. goal, aim: at most (at least where `more` is better); None is shown without a verdict.

    run: gives (name, value) pairs; a name that starts with the figure's is its own row. full: only with --full.
    """

    name: str
    unit: str
    goal: float | None
    aim: float | None
    run: Callable[[], Iterator[float]]
    full: bool = False
    more: bool = False

    def met(self, value: float) -> bool | None:
        """Tell whether a value is as good as wanted; None without a goal."""
        if self.goal is None:
            return None
        return value >= self.goal if self.more else value <= self.goal


def _usage(command: list[str]) -> tuple[float, float]:
    """Run a command; give its processor seconds and MiB of memory.

    Processor time, because others' work on the machine is not ours: alone on it, both are nearly the same.
    """
    bare = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, env=bare, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} ended with status {child.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / MIB


def _cold() -> tuple[float, float]:
    """Start the command line as a learner does, the second time: an installation has its bytecode."""
    command = [sys.executable, "-m", "sim.cli", "sh", "os-upgrades", "-c", "kubectl get nodes"]
    _usage(command)
    return _usage(command)


def cold_seconds() -> Iterator[float]:
    """Give the cold start's processor seconds."""
    yield _cold()[0]


def cold_memory() -> Iterator[float]:
    """Give the cold start's memory."""
    yield _cold()[1]


def pods_up(pods: int, nodes: int) -> Callable[[], Iterator[float]]:
    """Give a run that measures the CPU seconds in which so many pods come up, on nodes that are ready."""
    def run() -> Iterator[float]:
        lab = make_lab(nodes, pods=max(110, pods // nodes + 20))
        lab.run("kubectl create deployment web --image=nginx --dry-run=client")  # imports are the cold start's figure
        began = time.process_time()
        bring_up(lab, pods)
        yield time.process_time() - began
    return run


def pods_memory(pods: int, nodes: int) -> Callable[[], Iterator[float]]:
    """Give a run that measures the memory in GiB of a process in which so many pods come up."""
    def run() -> Iterator[float]:
        lines = f"from sim.bench.figures import pods_up; list(pods_up({pods}, {nodes})())"
        yield _usage([sys.executable, "-c", lines])[1] / 1024
    return run


def per_pod(pods: int, nodes: int) -> Callable[[], Iterator[float]]:
    """Give a run that tells how much dearer a pod is among so many than among 1,500."""
    def run() -> Iterator[float]:
        small, large = min(next(pods_up(1500, 50)()) for _ in range(3)), next(pods_up(pods, nodes)())
        yield (large / pods) / (small / 1500)
    return run


def upgraded(nodes: int, pods: int, *, at_once: int = 1, a_minute: bool = False) -> Callable[[], Iterator[float]]:
    """Give a run that measures the CPU seconds of a rolling upgrade of all workers, or how many a minute there would be."""
    def run() -> Iterator[float]:
        lab = make_lab(nodes, pods=max(110, 2 * pods // nodes))
        fill(lab, pods)
        began = time.process_time()
        upgrade(lab, "1.34.0", at_once=at_once)
        taken = time.process_time() - began
        yield 60 / taken if a_minute else taken
    return run


def echo(nodes: int = 0, pods: int = 0) -> Callable[[], Iterator[float]]:
    """Give a run that measures the milliseconds from a key to its echo in the terminal UI; without nodes in a scenario."""
    def run() -> Iterator[float]:
        lab = make_lab(nodes, history=True) if nodes else Lab(load(find("os-upgrades")))
        if pods:
            fill(lab, pods)
        yield echo_p95_ms(lab)
    return run


def drains() -> Iterator[float]:
    """Give the CPU seconds of draining ten nodes of 30 pods, one after another."""
    lab = make_lab(10)
    bring_up(lab, 300)
    began = time.process_time()
    for number in range(1, 11):
        result = lab.run(f"kubectl drain node{number:04} --ignore-daemonsets")
        if result.status:
            raise RuntimeError(result.stderr)
        lab.run(f"kubectl uncordon node{number:04}")
    yield time.process_time() - began


def undo() -> Iterator[float]:
    """Give the processor seconds that taking back the last of 60 lines costs, after two hours."""
    lab = Lab(load(find("os-upgrades")))
    for number in range(20):
        lab.run("kubectl drain node01 --ignore-daemonsets")
        lab.run("kubectl uncordon node01")
        lab.run(f"kubectl scale deployment blue --replicas={3 + number % 3}")
        lab.wait(2 * HOUR_SECONDS / 20)
    began = time.process_time()
    lab.undo(1)
    yield time.process_time() - began


def idle_events(nodes: int) -> Callable[[], Iterator[float]]:
    """Give a run that counts the simulation events of an hour in which nothing happens."""
    def run() -> Iterator[float]:
        lab = make_lab(nodes)
        fill(lab, nodes * 3)
        lab.wait(2 * HOUR_SECONDS)
        before = lab.engine.events_processed
        lab.wait(HOUR_SECONDS)
        yield lab.engine.events_processed - before
    return run


def busy_hours(nodes: int) -> Callable[[], Iterator[float]]:
    """Give a run that measures simulated hours a processor second in a cluster where a pod dies every ten seconds."""
    def run() -> Iterator[float]:
        lab = make_lab(nodes)
        fill(lab, nodes * 10)
        began, start_us = time.process_time(), lab.now_us
        for _ in range(60):
            lab.run("kubectl delete pod --wait=false $(kubectl get pods -o name | head -1 | cut -d/ -f2)")
            lab.wait(10)
        yield (lab.now_us - start_us) / 1e6 / HOUR_SECONDS / (time.process_time() - began)
    return run


FIGURES = (
    Figure("cold `sh os-upgrades -c 'kubectl get nodes'`", "CPU-s", 1.0, 0.5, cold_seconds),
    Figure("its memory", "MiB", 150, 150, cold_memory),
    Figure("300 pods up on 3 nodes", "CPU-s", 0.3, 0.05, pods_up(300, 3)),
    Figure("3,000 pods up on 100 nodes", "CPU-s", 2, 0.5, pods_up(3000, 100)),
    Figure("10 nodes x 30 pods drained one after another", "CPU-s", 1, 0.3, drains),
    Figure("undo after 60 lines and two hours", "CPU-s", 0.5, 0.2, undo),
    Figure("simulation events in an idle hour, 300 nodes", "events", 100, 100, idle_events(300)),
    Figure("simulated hours a second, busy, 3 nodes", "h/CPU-s", None, None, busy_hours(3), more=True),
    Figure("simulated hours a second, busy, 100 nodes", "h/CPU-s", None, None, busy_hours(100), more=True),
    Figure("rolling upgrades a core-minute, 5 nodes / 50 pods", "1/min", 200, 200, upgraded(5, 50, a_minute=True), more=True),
    Figure("rolling upgrades a core-minute, 100 nodes / 3,000 pods", "1/min", 6, 6, upgraded(100, 3000, a_minute=True),
           more=True),
    Figure("key to echo p95, a scenario at x60", "ms", 50, 50, echo()),
    Figure("key to echo p95, 500 nodes / 5,000 pods at x60", "ms", 100, 100, echo(500, 5000), full=True),
    Figure("simulated hours a second, busy, 1,000 nodes", "h/CPU-s", None, None, busy_hours(1000), full=True, more=True),
    Figure("CPU per pod at 15,000 against 1,500", "x", 1.5, 1.5, per_pod(15_000, 500), full=True),
    Figure("simulation events in an idle hour, 5,000 nodes", "events", 100, 100, idle_events(5000), full=True),
    Figure("150,000 pods up on 5,000 nodes", "CPU-s", 90, 45, pods_up(150_000, 5000), full=True),
    Figure("memory with 150,000 pods on 5,000 nodes", "GiB", 3, 2, pods_memory(150_000, 5000), full=True),
    Figure("CPU per pod at 150,000 against 1,500", "x", 1.5, 1.5, per_pod(150_000, 5000), full=True),
    Figure("rolling upgrade of 5,000 nodes / 150,000 pods", "CPU-s", 150, 60, upgraded(5000, 150_000, at_once=50), full=True),
)
