"""The texts of the panes: pure functions of a lab's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sim.api import objects
from sim.lab.lines import texts

if TYPE_CHECKING:
    from sim.api.client import Object
    from sim.etcd.store import Store
    from sim.lab.lab import Lab
    from tui.pace import Pace

POD_GLYPHS = {"Running": "●", "Pending": "○", "Terminating": "◌", "Failed": "✗", "Succeeded": "✓"}
PODS_PER_NODE_MAX = 12


def node_words(node: Object) -> str:
    """Give a node's state as `kubectl get nodes` words it."""
    words = "Ready" if objects.condition_status(node, "Ready") == "True" else "NotReady"
    return f"{words},SchedulingDisabled" if objects.dig(node, "spec.unschedulable") else words


def pod_word(pod: Object) -> str:
    """Give a pod's state in one word; state is never told by colour alone."""
    if objects.deleting(pod):
        return "Terminating"
    return str(objects.dig(pod, "status.phase", "Pending"))


def board_text(lab: Lab) -> Text:
    """Show every node with its pods of user namespaces, and the pods that have no node; each cluster after its name."""
    names = list(lab.world.clusters)
    if len(names) == 1:
        return _cluster(lab.store())
    text = Text()
    for name in names:
        text.append(f"{name}\n", style="bold underline")
        text.append_text(_cluster(lab.store(name)))
        text.append("\n")
    return text


def _cluster(store: Store | None) -> Text:
    text = Text()
    if store is None:
        return Text("no API server\n")
    for node in store.list("nodes"):
        name = objects.name(node)
        text.append(f"{name}", style="bold")
        text.append(f"  {node_words(node)}\n")
        pods = [pod for pod in store.by_index("pods", "node", name) if not _system(pod)]
        text.append_text(_pods(pods))
    waiting = [pod for pod in store.by_index("pods", "node", "") if not _system(pod)]
    if waiting:
        text.append("(no node)\n", style="bold")
        text.append_text(_pods(waiting))
    return text


def _system(pod: Object) -> bool:
    return objects.namespace(pod).startswith("kube-")


def _pods(pods: list[Object]) -> Text:
    text = Text()
    for pod in pods[:PODS_PER_NODE_MAX]:
        word = pod_word(pod)
        text.append(f"  {POD_GLYPHS.get(word, '?')} {objects.name(pod)} {word}\n")
    if len(pods) > PODS_PER_NODE_MAX:
        text.append(f"  … and {len(pods) - PODS_PER_NODE_MAX} more\n")
    return text


def clock_text(lab: Lab, terminal: str, pace: Pace) -> Text:
    """Show the simulated time since the learner came, and how fast it really goes."""
    seconds = (lab.now_us - lab.origin_us) // 1_000_000
    waiting = lab.busy(terminal)
    words = f"×{pace.rate(lab, waiting=waiting):g}"
    if waiting:
        words += f" while {_program(lab, terminal)} waits"
    if lab.paused:
        words = "paused"
    elif waiting and pace.unattended(lab):
        words = "stands still: press a key"
    return Text(f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}  {words}")


def _program(lab: Lab, terminal: str) -> str:
    """Name what runs in the foreground by the first word of its line that is no assignment."""
    job = lab.terminals[terminal].job
    words = job.line.split() if job is not None else []
    return next((word for word in words if "=" not in word), "a program")


def task_text(lab: Lab) -> Text:
    """Show the question and whether its goals hold now."""
    return Text(texts.task_text(lab, state=True, width=0))
